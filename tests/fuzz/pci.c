// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fuzzes what a guest can reach of the PCI hierarchy: ECAM of any address and
 * width, an MSI-X table and its pending bits; in between the machine resets,
 * assigns, plugs and unplugs.  Input: 12 bytes per step.
 *
 * Runs on its corpus as unit-pci-fuzz; make fuzz searches for more.
 */
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>

#include "bus.h"
#include "pci-msix.h"
#include "pci.h"

#define ECAM 0xe0000000ULL
#define NR_PORTS 3
#define STEP_BYTES 12

/* Not assert(): NDEBUG must not silence it. */
#define must(x)                  \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

struct fn {
	struct pci_dev dev;
	struct pci_msix msix;
	bool enabled; /* as ops were told */
	bool plugged;
};

struct rig {
	struct bus *bus;
	struct pci_host *host;
	struct pci_port *port[NR_PORTS];
	struct fn fn[NR_PORTS];
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_enable(void *opaque, bool on)
{
	struct fn *f = opaque;

	must(on == f->msix.enabled && on != f->enabled);
	f->enabled = on;
}

static void on_vectors(void *opaque, unsigned int first, unsigned int count)
{
	struct fn *f = opaque;

	must(f->enabled && count && first < f->msix.nr &&
	     count <= f->msix.nr - first);
}

static void on_poll(void *opaque, unsigned int first, unsigned int count)
{
	struct fn *f = opaque;

	must(count && first < f->msix.nr && count <= f->msix.nr - first);
	pci_msix_set_pending(&f->msix, first, true);
}

static const struct pci_msix_ops msix_ops = {
	.enable = on_enable,
	.vectors = on_vectors,
	.poll_pending = on_poll,
};

static void on_reset(struct pci_dev *dev)
{
	struct fn *f = container_of(dev, struct fn, dev);

	pci_bars_reset(&dev->bars);
	pci_config_set(&dev->cfg, PCI_COMMAND, 2, 0);
	pci_msix_reset(&f->msix);
	f->enabled = false;
}

static void on_decode(struct pci_dev *dev)
{
	unsigned int i;

	for (i = 0; i <= PCI_BAR_ROM; i++)
		must(!dev->bars.bar[i].type ||
		     !(dev->bars.bar[i].addr & (dev->bars.bar[i].size - 1)));
}

static const struct pci_dev_ops fn_ops = {
	.decode_changed = on_decode,
	.reset = on_reset,
};

static void fn_init(struct fn *f, unsigned int n)
{
	f->dev.ops = &fn_ops;
	f->dev.name = "fuzzed";
	pci_config_init(&f->dev.cfg);
	pci_bars_init(&f->dev.bars);
	pci_config_set(&f->dev.cfg, PCI_VENDOR_ID, 4, 0x11110000 + n);
	pci_config_set_wmask(&f->dev.cfg, PCI_COMMAND, 2, 0x407);
	must(!pci_bars_set(&f->dev.bars, 0, PCI_BAR_MEM64, n & 1, MIB(1) << n));
	must(!pci_bars_set(&f->dev.bars, 2, PCI_BAR_MEM32, false, KIB(4)));
	must(!pci_bars_set(&f->dev.bars, 3, PCI_BAR_IO, false, 32));
	must(!pci_bars_set(&f->dev.bars, PCI_BAR_ROM, PCI_BAR_MEM32, false,
			   KIB(64)));
	must(!pci_msix_init(&f->msix, 60 + n * 4, &msix_ops, f));
}

static void check_ids(struct rig *rig)
{
	static const uint32_t port_id = 0x000c1b36;
	unsigned int i;

	for (i = 0; i < NR_PORTS; i++) {
		uint32_t id = 0;

		bus_access(rig->bus, BUS_MMIO, ECAM + ((i + 1) << 15), &id, 4,
			   false);
		must(id == port_id);
		must(pci_dev_read(&rig->fn[i].dev, 0, 4) == 0x11110000 + i);
	}
}

static void machine_event(struct rig *rig, uint8_t what)
{
	static const struct pci_windows w = {
		.mmio32 = { 0xc0000000, MIB(512) },
		.mmio64 = { GIB(64), GIB(64) },
		.pio = { 0x1000, 0xf000 },
	};
	unsigned int n = what / 4 % NR_PORTS;
	struct fn *f = &rig->fn[n];

	switch (what % 4) {
	case 0:
		pci_host_reset(rig->host);
		check_ids(rig);
		break;
	case 1:
		must(!pci_host_assign(rig->host, &w));
		break;
	case 2:
		if (!f->plugged)
			must(!pci_port_plug(rig->port[n], &f->dev));
		f->plugged = true;
		break;
	default:
		pci_port_unplug(rig->port[n]);
		f->plugged = false;
		break;
	}
}

static void step(struct rig *rig, const uint8_t *in)
{
	struct fn *f = &rig->fn[in[1] % NR_PORTS];
	unsigned int len = 1u << (in[1] >> 6);
	uint32_t off;
	uint64_t val = 0;

	memcpy(&off, in + 2, 4);
	memcpy(&val, in + 6, 6);
	switch (in[0] % 8) {
	case 0:
		machine_event(rig, in[1]);
		return;
	case 1:
		pci_msix_table_write(&f->msix, off % 2048, len, val);
		return;
	case 2:
		pci_msix_ctrl_write(&f->msix, (uint16_t)val);
		return;
	case 3:
		must(!(pci_msix_pba_read(&f->msix, off % 32, len) &
		       ~all_ones(len)));
		must(!(pci_msix_table_read(&f->msix, off % 2048, len) &
		       ~all_ones(len)));
		return;
	case 4:
	case 5:
		/* Where registers are: the first buses, the first 256. */
		off = (off & 0x3000ff) | (off & 3) << 15;
		break;
	default:
		break;
	}
	bus_access(rig->bus, BUS_MMIO, ECAM + off % MIB(256), &val, len,
		   in[0] & 0x80);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct range ecam = { ECAM, MIB(256) };
	struct rig *rig = calloc(1, sizeof(*rig));
	unsigned int i;

	must(rig);
	must(!bus_create(&rig->bus));
	must(!pci_host_create(&rig->host, rig->bus, &ecam));
	for (i = 0; i < NR_PORTS; i++) {
		fn_init(&rig->fn[i], i);
		must(!pci_port_create(&rig->port[i], rig->host, i + 1));
		machine_event(rig, (uint8_t)(i * 4 + 2));
	}
	machine_event(rig, 1);
	for (; size >= STEP_BYTES; data += STEP_BYTES, size -= STEP_BYTES)
		step(rig, data);
	check_ids(rig);
	for (i = 0; i < NR_PORTS; i++) {
		pci_port_destroy(rig->port[i]);
		pci_msix_fini(&rig->fn[i].msix);
	}
	pci_host_destroy(rig->host);
	bus_destroy(rig->bus);
	free(rig);
	return 0;
}
