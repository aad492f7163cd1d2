// SPDX-License-Identifier: BSD-2-Clause
/* test-pci-host - the hierarchy as a guest finds it, by ECAM. */
#include "harness.h"

#include "pci-host-fixture.h"

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
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(a_scan_finds_what_is_there),
		T(odd_accesses_read_ones),
		T(host_bridge_is_plain),
		T(bus_numbers_route),
		T(messages_come_from_where_the_guest_sees_it),
		T(bad_slots_are_refused),
		T(ecam_must_be_free),
		T(reset_reaches_everything),
		T(ops_come_first),
		cmocka_unit_test(intx_rotates_over_eight),
	};

	return run_all(tests);
}
