/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A host bridge with a root port and a function of the test's own, by ECAM.
 * After harness.h.
 */
#ifndef TESTS_UNIT_PCI_HOST_FIXTURE_H
#define TESTS_UNIT_PCI_HOST_FIXTURE_H

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

static inline void fake_reset(struct pci_dev *dev)
{
	struct fake *f = container_of(dev, struct fake, dev);

	f->nr_reset++;
	pci_bars_reset(&dev->bars);
	pci_config_set(&dev->cfg, PCI_COMMAND, 2, 0);
}

static inline void fake_decode(struct pci_dev *dev)
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

static inline void fake_init(struct fake *f)
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

static inline int set_up(void **state)
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

static inline int tear_down(void **state)
{
	struct rig *rig = *state;

	pci_port_destroy(rig->port);
	pci_host_destroy(rig->host);
	bus_destroy(rig->bus);
	free(rig);
	return 0;
}

static inline uint64_t addr_of(unsigned int bus, unsigned int slot,
			       unsigned int fn, unsigned int off)
{
	return ECAM + ((uint64_t)bus << 20 | slot << 15 | fn << 12 | off);
}

static inline uint64_t rd(struct rig *rig, uint64_t addr, unsigned int len)
{
	uint64_t v = 0;

	bus_access(rig->bus, BUS_MMIO, addr, &v, len, false);
	return v;
}

static inline void wr(struct rig *rig, uint64_t addr, unsigned int len,
		      uint64_t val)
{
	bus_access(rig->bus, BUS_MMIO, addr, &val, len, true);
}

#define PORT(off) addr_of(0, 5, 0, off)
#define FAKE(off) addr_of(9, 0, 0, off)

static inline void plug_at_9(struct rig *rig)
{
	assert_int_equal(pci_port_plug(rig->port, &rig->fake.dev), 0);
	wr(rig, PORT(PCI_SECONDARY_BUS), 1, 9);
	wr(rig, PORT(PCI_SUBORDINATE_BUS), 1, 9);
}

/* A capability of the port, walked as a guest does. */
static inline unsigned int cap(struct rig *rig, uint8_t id)
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

#endif
