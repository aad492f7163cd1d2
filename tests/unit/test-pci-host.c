// SPDX-License-Identifier: BSD-2-Clause
/* test-pci-host - ECAM routing, the host bridge, root ports, resets. */
#include "harness.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>

#include "bus.h"
#include "pci.h"

#define ECAM 0xe0000000ULL

/* A function that counts what happens to it. */
struct fake {
	struct pci_dev dev;
	unsigned int nr_reset, nr_decode;
};

static void fake_reset(struct pci_dev *dev)
{
	struct fake *f = container_of(dev, struct fake, dev);

	f->nr_reset++;
	pci_bars_reset(&dev->bars);
	pci_config_set(&dev->cfg, PCI_COMMAND, 2, 0);
}

static void fake_decode(struct pci_dev *dev)
{
	container_of(dev, struct fake, dev)->nr_decode++;
}

static const struct pci_dev_ops fake_ops = {
	.decode_changed = fake_decode,
	.reset = fake_reset,
};

struct rig {
	struct bus *bus;
	struct pci_host *host;
	struct pci_port *port;
	struct fake fake;
};

static void fake_init(struct fake *f)
{
	*f = (struct fake){ .dev = { .ops = &fake_ops, .name = "fake" } };
	pci_config_init(&f->dev.cfg);
	pci_bars_init(&f->dev.bars);
	pci_config_set(&f->dev.cfg, PCI_VENDOR_ID, 4, 0x56781234);
	pci_config_set_wmask(&f->dev.cfg, PCI_COMMAND, 2, 7);
	assert_int_equal(
		pci_bars_set(&f->dev.bars, 0, PCI_BAR_MEM32, false, 4096), 0);
	assert_int_equal(pci_bars_set(&f->dev.bars, 1, PCI_BAR_IO, false, 8),
			 0);
}

static int set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct range ecam = { ECAM, MIB(256) };

	assert_non_null(rig);
	assert_int_equal(bus_create(&rig->bus), 0);
	assert_int_equal(pci_host_create(&rig->host, rig->bus, &ecam), 0);
	assert_int_equal(pci_port_create(&rig->port, rig->host, 5), 0);
	fake_init(&rig->fake);
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	pci_port_destroy(rig->port);
	pci_host_destroy(rig->host);
	bus_destroy(rig->bus);
	free(rig);
	return 0;
}

static uint64_t addr_of(unsigned int bus, unsigned int slot, unsigned int fn,
			unsigned int off)
{
	return ECAM + ((uint64_t)bus << 20 | slot << 15 | fn << 12 | off);
}

static uint64_t rd(struct rig *rig, uint64_t addr, unsigned int len)
{
	uint64_t v = 0;

	bus_access(rig->bus, BUS_MMIO, addr, &v, len, false);
	return v;
}

static void wr(struct rig *rig, uint64_t addr, unsigned int len, uint64_t val)
{
	bus_access(rig->bus, BUS_MMIO, addr, &val, len, true);
}

#define PORT(off) addr_of(0, 5, 0, off)
#define FAKE(off) addr_of(9, 0, 0, off)

static void plug_at_9(struct rig *rig)
{
	assert_int_equal(pci_port_plug(rig->port, &rig->fake.dev), 0);
	wr(rig, PORT(PCI_SECONDARY_BUS), 1, 9);
	wr(rig, PORT(PCI_SUBORDINATE_BUS), 1, 9);
}

/* A capability of the port, walked as a guest does. */
static unsigned int cap(struct rig *rig, uint8_t id)
{
	unsigned int at, n;

	assert_true(rd(rig, PORT(PCI_STATUS), 2) & PCI_STATUS_CAP_LIST);
	at = (unsigned int)rd(rig, PORT(PCI_CAPABILITY_LIST), 1);
	for (n = 0; at && n < 48; n++) {
		if (rd(rig, PORT(at), 1) == id)
			return at;
		at = (unsigned int)rd(rig, PORT(at + 1), 1);
	}
	return 0;
}

static void a_scan_finds_what_is_there(void **state)
{
	struct rig *rig = *state;
	unsigned int bus, devfn, found = 0;

	plug_at_9(rig);
	for (bus = 0; bus < 256; bus++)
		for (devfn = 0; devfn < 256; devfn++) {
			uint64_t id = rd(
				rig, addr_of(bus, devfn >> 3, devfn & 7, 0), 4);

			if (id == UINT32_MAX)
				continue;
			found++;
			assert_true(
				(bus == 0 && devfn == 0 && id == 0x00081b36) ||
				(bus == 0 && devfn == 5 << 3 &&
				 id == 0x000c1b36) ||
				(bus == 9 && devfn == 0 && id == 0x56781234));
		}
	assert_int_equal(found, 3);
	/* Every function of those is a single one. */
	assert_int_equal(rd(rig, addr_of(0, 0, 0, PCI_HEADER_TYPE), 1), 0);
	assert_int_equal(rd(rig, PORT(PCI_HEADER_TYPE), 1), 1);
	assert_int_equal(rd(rig, addr_of(0, 0, 0, PCI_CLASS_REVISION), 4),
			 0x06000000);
	assert_int_equal(rd(rig, PORT(PCI_CLASS_REVISION), 4), 0x06040000);
}

static void odd_accesses_read_ones(void **state)
{
	struct rig *rig = *state;
	uint64_t base = addr_of(0, 0, 0, 0);

	assert_int_equal(rd(rig, base, 8), UINT64_MAX);
	assert_int_equal(rd(rig, base + 1, 2), 0xffff);
	assert_int_equal(rd(rig, base + 2, 4), UINT32_MAX);
	assert_int_equal(rd(rig, base + 0xffe, 4), UINT32_MAX);
	assert_int_equal(rd(rig, base + 3, 1), 0);
	assert_int_equal(rd(rig, base + 0xfff, 1), 0);
	/* And writes of that kind are dropped. */
	wr(rig, PORT(PCI_SECONDARY_BUS), 4, UINT32_MAX);
	wr(rig, PORT(PCI_PRIMARY_BUS), 8, UINT64_MAX);
	wr(rig, PORT(PCI_SECONDARY_BUS), 2, UINT16_MAX);
	assert_int_equal(rd(rig, PORT(PCI_PRIMARY_BUS), 4), 0);
	/* Nobody there: nothing happens. */
	wr(rig, addr_of(0, 6, 0, PCI_COMMAND), 4, UINT32_MAX);
	wr(rig, addr_of(255, 31, 7, 0xffc), 4, UINT32_MAX);
}

static void host_bridge_is_plain(void **state)
{
	struct rig *rig = *state;
	unsigned int off;

	for (off = 0; off < 4096; off += 4) {
		uint64_t old = rd(rig, addr_of(0, 0, 0, off), 4), val;

		wr(rig, addr_of(0, 0, 0, off), 4, UINT32_MAX);
		val = rd(rig, addr_of(0, 0, 0, off), 4);
		assert_int_equal(val, off == PCI_COMMAND ? 0x106 : old);
	}
	pci_host_reset(rig->host);
	assert_int_equal(rd(rig, addr_of(0, 0, 0, PCI_COMMAND), 4), 0);
}

static void bus_numbers_route(void **state)
{
	struct rig *rig = *state;
	struct pci_port *other;
	struct fake second;

	fake_init(&second);
	pci_config_set(&second.dev.cfg, PCI_VENDOR_ID, 4, 0x22222222);
	assert_int_equal(pci_port_create(&other, rig->host, 6), 0);
	assert_int_equal(pci_port_plug(other, &second.dev), 0);
	assert_int_equal(pci_port_plug(rig->port, &rig->fake.dev), 0);
	/* Secondary 0 is not programmed: bus 0 stays the root bus. */
	assert_int_equal(rd(rig, addr_of(0, 0, 0, 0), 4), 0x00081b36);
	wr(rig, PORT(PCI_PRIMARY_BUS), 4, 0x00050500);
	wr(rig, addr_of(0, 6, 0, PCI_PRIMARY_BUS), 4, 0x00ffff00);
	assert_int_equal(rd(rig, addr_of(5, 0, 0, 0), 4), 0x56781234);
	assert_int_equal(rd(rig, addr_of(255, 0, 0, 0), 4), 0x22222222);
	assert_int_equal(rd(rig, addr_of(255, 1, 0, 0), 4), UINT32_MAX);
	assert_int_equal(rd(rig, addr_of(255, 0, 1, 0), 4), UINT32_MAX);
	/* Renumbered by the guest. */
	wr(rig, PORT(PCI_SECONDARY_BUS), 1, 7);
	assert_int_equal(rd(rig, addr_of(5, 0, 0, 0), 4), UINT32_MAX);
	assert_int_equal(rd(rig, addr_of(7, 0, 0, 0), 4), 0x56781234);
	pci_port_destroy(other);
	assert_int_equal(rd(rig, addr_of(255, 0, 0, 0), 4), UINT32_MAX);
	assert_int_equal(rd(rig, addr_of(0, 6, 0, 0), 4), UINT32_MAX);
}

/* Under the bus number that it has now. */
static void messages_come_from_where_the_guest_sees_it(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(pci_dev_requester(&rig->fake.dev), 0);
	plug_at_9(rig);
	assert_int_equal(pci_dev_requester(&rig->fake.dev), 0x0900);
	wr(rig, PORT(PCI_SECONDARY_BUS), 1, 7);
	assert_int_equal(pci_dev_requester(&rig->fake.dev), 0x0700);
	pci_port_unplug(rig->port);
	assert_int_equal(pci_dev_requester(&rig->fake.dev), 0);
}

static void bad_slots_are_refused(void **state)
{
	struct rig *rig = *state;
	struct pci_port *p = NULL;
	struct fake other;

	fake_init(&other);
	assert_int_equal(pci_port_create(&p, rig->host, 0), -EINVAL);
	assert_int_equal(pci_port_create(&p, rig->host, 32), -EINVAL);
	assert_int_equal(pci_port_create(&p, rig->host, 5), -EEXIST);
	assert_null(p);
	assert_int_equal(pci_host_add(rig->host, 0, &other.dev), -EEXIST);
	assert_int_equal(pci_port_plug(rig->port, &rig->fake.dev), 0);
	assert_int_equal(pci_port_plug(rig->port, &other.dev), -EEXIST);
	/* The first one is untouched. */
	wr(rig, PORT(PCI_SECONDARY_BUS), 1, 9);
	assert_int_equal(rd(rig, FAKE(0), 4), 0x56781234);
	pci_port_destroy(NULL);
	pci_host_destroy(NULL);
}

static void ecam_must_be_free(void **state)
{
	struct rig *rig = *state;
	struct pci_host *second = NULL;
	struct range ecam = { ECAM + MIB(1), MIB(1) };

	assert_int_equal(pci_host_create(&second, rig->bus, &ecam), -EEXIST);
	assert_null(second);
}

static void port_registers(void **state)
{
	struct rig *rig = *state;
	unsigned int at = cap(rig, PCI_CAP_ID_EXP);

	assert_true(at);
	assert_int_equal(rd(rig, PORT(at + PCI_EXP_FLAGS), 2), 0x142);
	assert_int_equal(rd(rig, PORT(at + PCI_EXP_SLTCAP), 4),
			 5 << 19 | PCI_EXP_SLTCAP_NCCS);
	assert_int_equal(rd(rig, PORT(at + PCI_EXP_LNKCAP), 4) & 0xff10000f,
			 0x05100002);
	/* Empty. */
	assert_int_equal(rd(rig, PORT(at + PCI_EXP_SLTSTA), 2), 0);
	assert_false(rd(rig, PORT(at + PCI_EXP_LNKSTA), 2) &
		     PCI_EXP_LNKSTA_DLLLA);
	plug_at_9(rig);
	assert_int_equal(rd(rig, PORT(at + PCI_EXP_SLTSTA), 2),
			 PCI_EXP_SLTSTA_PDS);
	assert_true(rd(rig, PORT(at + PCI_EXP_LNKSTA), 2) &
		    PCI_EXP_LNKSTA_DLLLA);
	assert_int_equal(rd(rig, PORT(at + PCI_EXP_LNKSTA), 2) & 0xf, 2);
	/* Retraining is over before it can be seen. */
	wr(rig, PORT(at + PCI_EXP_LNKCTL), 2, PCI_EXP_LNKCTL_RL);
	assert_int_equal(rd(rig, PORT(at + PCI_EXP_LNKCTL), 2), 0);
	assert_false(rd(rig, PORT(at + PCI_EXP_LNKSTA), 2) & PCI_EXP_LNKSTA_LT);
	pci_port_unplug(rig->port);
	assert_int_equal(rd(rig, PORT(at + PCI_EXP_SLTSTA), 2), 0);
	assert_int_equal(rd(rig, FAKE(0), 4), UINT32_MAX);
}

static void port_windows_are_writable(void **state)
{
	struct rig *rig = *state;

	wr(rig, PORT(PCI_MEMORY_BASE), 4, UINT32_MAX);
	assert_int_equal(rd(rig, PORT(PCI_MEMORY_BASE), 4), 0xfff0fff0);
	wr(rig, PORT(PCI_PREF_MEMORY_BASE), 4, UINT32_MAX);
	assert_int_equal(rd(rig, PORT(PCI_PREF_MEMORY_BASE), 4), 0xfff1fff1);
	wr(rig, PORT(PCI_PREF_BASE_UPPER32), 4, 0x12345678);
	assert_int_equal(rd(rig, PORT(PCI_PREF_BASE_UPPER32), 4), 0x12345678);
	wr(rig, PORT(PCI_PREF_LIMIT_UPPER32), 4, 0x87654321);
	assert_int_equal(rd(rig, PORT(PCI_PREF_LIMIT_UPPER32), 4), 0x87654321);
	/* No I/O below, no I/O window: the registers are wired to 0. */
	wr(rig, PORT(PCI_IO_BASE), 2, UINT16_MAX);
	assert_int_equal(rd(rig, PORT(PCI_IO_BASE), 2), 0);
	plug_at_9(rig);
	wr(rig, PORT(PCI_IO_BASE), 2, UINT16_MAX);
	assert_int_equal(rd(rig, PORT(PCI_IO_BASE), 2), 0xf0f0);
	pci_port_unplug(rig->port);
	assert_int_equal(rd(rig, PORT(PCI_IO_BASE), 2), 0);
	/* Neither BARs nor a ROM of its own. */
	wr(rig, PORT(PCI_BASE_ADDRESS_0), 4, UINT32_MAX);
	wr(rig, PORT(PCI_BASE_ADDRESS_1), 4, UINT32_MAX);
	wr(rig, PORT(PCI_ROM_ADDRESS1), 4, UINT32_MAX);
	assert_int_equal(rd(rig, PORT(PCI_BASE_ADDRESS_0), 4), 0);
	assert_int_equal(rd(rig, PORT(PCI_BASE_ADDRESS_1), 4), 0);
	assert_int_equal(rd(rig, PORT(PCI_ROM_ADDRESS1), 4), 0);
	wr(rig, PORT(PCI_INTERRUPT_LINE), 2, UINT16_MAX);
	assert_int_equal(rd(rig, PORT(PCI_INTERRUPT_LINE), 2), 0xff);
}

static void port_msi_behaves(void **state)
{
	struct rig *rig = *state;
	unsigned int at = cap(rig, PCI_CAP_ID_MSI);
	unsigned int pm = cap(rig, PCI_CAP_ID_PM);

	assert_true(at);
	assert_true(pm);
	assert_int_equal(rd(rig, PORT(at + PCI_MSI_FLAGS), 2),
			 PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT);
	wr(rig, PORT(at + PCI_MSI_FLAGS), 2, UINT16_MAX);
	assert_int_equal(rd(rig, PORT(at + PCI_MSI_FLAGS), 2),
			 PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT |
				 PCI_MSI_FLAGS_ENABLE);
	wr(rig, PORT(at + PCI_MSI_ADDRESS_LO), 4, 0xfee01003);
	wr(rig, PORT(at + PCI_MSI_ADDRESS_HI), 4, 1);
	wr(rig, PORT(at + PCI_MSI_DATA_64), 4, 0xffff4021);
	wr(rig, PORT(at + PCI_MSI_MASK_64), 4, UINT32_MAX);
	wr(rig, PORT(at + PCI_MSI_PENDING_64), 4, UINT32_MAX);
	assert_int_equal(rd(rig, PORT(at + PCI_MSI_ADDRESS_LO), 4), 0xfee01000);
	assert_int_equal(rd(rig, PORT(at + PCI_MSI_ADDRESS_HI), 4), 1);
	assert_int_equal(rd(rig, PORT(at + PCI_MSI_DATA_64), 4), 0x4021);
	assert_int_equal(rd(rig, PORT(at + PCI_MSI_MASK_64), 4), 1);
	assert_int_equal(rd(rig, PORT(at + PCI_MSI_PENDING_64), 4), 0);
	wr(rig, PORT(pm + PCI_PM_CTRL), 2, UINT16_MAX);
	assert_int_equal(rd(rig, PORT(pm + PCI_PM_CTRL), 2), 0xb);
	pci_host_reset(rig->host);
	assert_int_equal(rd(rig, PORT(at + PCI_MSI_ADDRESS_LO), 4), 0);
	assert_int_equal(rd(rig, PORT(pm + PCI_PM_CTRL), 2), 8);
}

static void secondary_bus_reset(void **state)
{
	struct rig *rig = *state;
	unsigned int at = cap(rig, PCI_CAP_ID_EXP);

	plug_at_9(rig);
	wr(rig, FAKE(PCI_COMMAND), 2, 7);
	wr(rig, PORT(PCI_BRIDGE_CONTROL), 2, PCI_BRIDGE_CTL_BUS_RESET);
	assert_int_equal(rig->fake.nr_reset, 1);
	assert_int_equal(rd(rig, FAKE(0), 4), UINT32_MAX);
	assert_false(rd(rig, PORT(at + PCI_EXP_LNKSTA), 2) &
		     PCI_EXP_LNKSTA_DLLLA);
	/* Held is no second reset, released none either. */
	wr(rig, PORT(PCI_BRIDGE_CONTROL), 2, PCI_BRIDGE_CTL_BUS_RESET);
	wr(rig, PORT(PCI_BRIDGE_CONTROL), 2, 0);
	assert_int_equal(rig->fake.nr_reset, 1);
	assert_int_equal(rd(rig, FAKE(0), 4), 0x56781234);
	assert_int_equal(rd(rig, FAKE(PCI_COMMAND), 2), 0);
	assert_true(rd(rig, PORT(at + PCI_EXP_LNKSTA), 2) &
		    PCI_EXP_LNKSTA_DLLLA);
	/* A wider write reaches the same bit. */
	wr(rig, PORT(PCI_INTERRUPT_LINE), 4, 0x00400000);
	assert_int_equal(rig->fake.nr_reset, 2);
	/* An empty port, and one whose reset is held, survive. */
	pci_port_unplug(rig->port);
	wr(rig, PORT(PCI_BRIDGE_CONTROL), 2, 0);
	wr(rig, PORT(PCI_BRIDGE_CONTROL), 2, PCI_BRIDGE_CTL_BUS_RESET);
	assert_int_equal(rig->fake.nr_reset, 2);
}

static void link_disable_resets_too(void **state)
{
	struct rig *rig = *state;
	unsigned int at = cap(rig, PCI_CAP_ID_EXP);

	plug_at_9(rig);
	wr(rig, PORT(at + PCI_EXP_LNKCTL), 2, PCI_EXP_LNKCTL_LD);
	assert_int_equal(rig->fake.nr_reset, 1);
	assert_int_equal(rd(rig, FAKE(0), 4), UINT32_MAX);
	assert_int_equal(rd(rig, PORT(at + PCI_EXP_SLTSTA), 2),
			 PCI_EXP_SLTSTA_PDS);
	/* The link is down already. */
	wr(rig, PORT(PCI_BRIDGE_CONTROL), 2, PCI_BRIDGE_CTL_BUS_RESET);
	assert_int_equal(rig->fake.nr_reset, 1);
	wr(rig, PORT(PCI_BRIDGE_CONTROL), 2, 0);
	wr(rig, PORT(at + PCI_EXP_LNKCTL), 2, 0);
	assert_int_equal(rd(rig, FAKE(0), 4), 0x56781234);
	assert_int_equal(rig->fake.nr_reset, 1);
}

static void reset_reaches_everything(void **state)
{
	struct rig *rig = *state;
	struct fake root;

	fake_init(&root);
	root.dev.name = "on the root bus";
	assert_int_equal(pci_host_add(rig->host, 3 << 3, &root.dev), 0);
	plug_at_9(rig);
	wr(rig, PORT(PCI_COMMAND), 2, 7);
	wr(rig, PORT(PCI_IO_BASE), 2, 0x2020);
	wr(rig, PORT(PCI_BRIDGE_CONTROL), 2, PCI_BRIDGE_CTL_BUS_RESET);
	pci_host_reset(rig->host);
	assert_int_equal(rig->fake.nr_reset, 2);
	assert_int_equal(root.nr_reset, 1);
	assert_int_equal(rd(rig, PORT(PCI_COMMAND), 2), 0);
	assert_int_equal(rd(rig, PORT(PCI_PRIMARY_BUS), 4), 0);
	assert_int_equal(rd(rig, PORT(PCI_IO_BASE), 2), 0);
	assert_int_equal(rd(rig, PORT(PCI_BRIDGE_CONTROL), 2), 0);
	/* Still plugged, still with an I/O window. */
	wr(rig, PORT(PCI_SECONDARY_BUS), 1, 9);
	assert_int_equal(rd(rig, FAKE(0), 4), 0x56781234);
	wr(rig, PORT(PCI_IO_BASE), 2, UINT16_MAX);
	assert_int_equal(rd(rig, PORT(PCI_IO_BASE), 2), 0xf0f0);
	pci_host_remove(rig->host, 3 << 3);
	assert_int_equal(rd(rig, addr_of(0, 3, 0, 0), 4), UINT32_MAX);
}

static void decode_is_told(void **state)
{
	struct rig *rig = *state;

	plug_at_9(rig);
	/* Sizing and placing with decoding off concern nobody. */
	wr(rig, FAKE(PCI_BASE_ADDRESS_0), 4, UINT32_MAX);
	assert_int_equal(rd(rig, FAKE(PCI_BASE_ADDRESS_0), 4), 0xfffff000);
	wr(rig, FAKE(PCI_BASE_ADDRESS_0), 4, 0xc0000000);
	wr(rig, FAKE(PCI_COMMAND), 2, PCI_COMMAND_MASTER);
	assert_int_equal(rig->fake.nr_decode, 0);
	wr(rig, FAKE(PCI_COMMAND), 2, PCI_COMMAND_MEMORY);
	assert_int_equal(rig->fake.nr_decode, 1);
	assert_true(pci_dev_mem_enabled(&rig->fake.dev));
	assert_false(pci_dev_io_enabled(&rig->fake.dev));
	/* Bytes of a BAR. */
	wr(rig, FAKE(PCI_BASE_ADDRESS_0 + 3), 1, 0xd0);
	assert_int_equal(rig->fake.nr_decode, 2);
	assert_int_equal(rig->fake.dev.bars.bar[0].addr, 0xd0000000);
	wr(rig, FAKE(PCI_BASE_ADDRESS_0 + 2), 2, 0xd000);
	wr(rig, FAKE(PCI_BASE_ADDRESS_0), 1, 0xff);
	assert_int_equal(rig->fake.nr_decode, 2);
	assert_int_equal(rd(rig, FAKE(PCI_BASE_ADDRESS_0 + 3), 1), 0xd0);
	assert_int_equal(rd(rig, FAKE(PCI_BASE_ADDRESS_0 + 2), 2), 0xd000);
	assert_int_equal(rd(rig, FAKE(PCI_BASE_ADDRESS_1), 1), 1);
	wr(rig, FAKE(PCI_COMMAND), 2, PCI_COMMAND_IO);
	assert_int_equal(rig->fake.nr_decode, 3);
	assert_true(pci_dev_io_enabled(&rig->fake.dev));
	assert_false(pci_dev_mem_enabled(&rig->fake.dev));
}

static uint32_t odd_read(struct pci_dev *dev, unsigned int off,
			 unsigned int len)
{
	(void)dev;
	(void)off;
	(void)len;
	return 0xdeadbeef;
}

static void ops_come_first(void **state)
{
	static const struct pci_dev_ops odd = { .config_read = odd_read };
	struct rig *rig = *state;

	plug_at_9(rig);
	rig->fake.dev.ops = &odd;
	assert_int_equal(rd(rig, FAKE(0), 4), 0xdeadbeef);
	assert_int_equal(rd(rig, FAKE(1), 1), 0xef);
	/* No reset, no decode_changed: both are optional. */
	wr(rig, FAKE(PCI_COMMAND), 2, 7);
	wr(rig, PORT(PCI_BRIDGE_CONTROL), 2, PCI_BRIDGE_CTL_BUS_RESET);
	pci_host_reset(rig->host);
	rig->fake.dev.ops = NULL;
	assert_int_equal(pci_dev_read(&rig->fake.dev, 0, 4), 0x56781234);
	pci_dev_write(&rig->fake.dev, PCI_COMMAND, 2, 0);
	pci_host_reset(rig->host);
}

static void intx_rotates_over_eight(void **state)
{
	(void)state;
	assert_int_equal(pci_host_intx_gsi(16, 1, 1), 17);
	assert_int_equal(pci_host_intx_gsi(16, 1, 4), 20);
	assert_int_equal(pci_host_intx_gsi(16, 7, 1), 23);
	assert_int_equal(pci_host_intx_gsi(16, 7, 2), 16);
	assert_int_equal(pci_host_intx_gsi(16, 31, 4), 18);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_scan_finds_what_is_there,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(odd_accesses_read_ones, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(host_bridge_is_plain, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(bus_numbers_route, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			messages_come_from_where_the_guest_sees_it, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(bad_slots_are_refused, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(ecam_must_be_free, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(port_registers, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(port_windows_are_writable,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(port_msi_behaves, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(secondary_bus_reset, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(link_disable_resets_too, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(reset_reaches_everything,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(decode_is_told, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(ops_come_first, set_up,
						tear_down),
		cmocka_unit_test(intx_rotates_over_eight),
	};

	return run_all(tests);
}
