/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine of root ports with functions behind them, and a check of every
 * layout that is given for all that a bridge demands. After harness.h.
 */
#ifndef TESTS_UNIT_PCI_ASSIGN_FIXTURE_H
#define TESTS_UNIT_PCI_ASSIGN_FIXTURE_H

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>

#include "bus.h"
#include "pci.h"

#define NR_SLOTS 32

struct rig {
	struct bus *bus;
	struct pci_host *host;
	struct pci_port *port[NR_SLOTS];
	struct pci_dev dev[NR_SLOTS]; /* behind the port of that slot */
	struct pci_windows w;
};

struct window {
	uint64_t start, last; /* last < start: closed */
};

static const struct pci_windows usual = {
	.mmio32 = { 0xc0000000, MIB(512) },
	.mmio64 = { GIB(1024), GIB(1024) },
	.pio = { 0x1000, 0xf000 },
};

static const struct pci_dev_ops no_ops = { .reset = NULL };

static inline int set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct range ecam = { 0xe0000000, MIB(256) };

	assert_non_null(rig);
	assert_int_equal(bus_create(&rig->bus), 0);
	assert_int_equal(pci_host_create(&rig->host, rig->bus, &ecam), 0);
	rig->w = usual;
	*state = rig;
	return 0;
}

static inline int tear_down(void **state)
{
	struct rig *rig = *state;
	unsigned int i;

	for (i = 0; i < NR_SLOTS; i++)
		pci_port_destroy(rig->port[i]);
	pci_host_destroy(rig->host);
	bus_destroy(rig->bus);
	free(rig);
	return 0;
}

static inline void dev_init(struct pci_dev *dev, const char *name)
{
	dev->ops = &no_ops;
	dev->name = name;
	pci_config_init(&dev->cfg);
	pci_bars_init(&dev->bars);
	pci_config_set(&dev->cfg, PCI_VENDOR_ID, 4, 0x56781234);
	pci_config_set_wmask(&dev->cfg, PCI_COMMAND, 2, 7);
}

static inline void bar(struct pci_dev *dev, unsigned int index,
		       enum pci_bar_type type, bool prefetch, uint64_t size)
{
	assert_int_equal(pci_bars_set(&dev->bars, index, type, prefetch, size),
			 0);
}

static inline struct pci_dev *port(struct rig *rig, unsigned int slot)
{
	assert_int_equal(pci_port_create(&rig->port[slot], rig->host, slot), 0);
	dev_init(&rig->dev[slot], "0000:aa:00.0");
	return &rig->dev[slot];
}

/* Plugged last, as its BARs must be set by then. */
static inline void plug(struct rig *rig, unsigned int slot)
{
	assert_int_equal(pci_port_plug(rig->port[slot], &rig->dev[slot]), 0);
}

static inline uint32_t port_rd(struct rig *rig, unsigned int slot,
			       unsigned int off, unsigned int len)
{
	uint64_t v = 0;

	bus_access(rig->bus, BUS_MMIO,
		   0xe0000000 + ((uint64_t)slot << 15) + off, &v, len, false);
	return (uint32_t)v;
}

static inline struct window io_window(struct rig *rig, unsigned int slot)
{
	uint32_t v = port_rd(rig, slot, PCI_IO_BASE, 2);

	/* All zero means that there is none. */
	if (!v)
		return (struct window){ 1, 0 };
	return (struct window){ (v & 0xf0) << 8, (v & 0xf000) | 0xfff };
}

static inline struct window mem_window(struct rig *rig, unsigned int slot)
{
	uint32_t v = port_rd(rig, slot, PCI_MEMORY_BASE, 4);

	return (struct window){ (v & 0xfff0) << 16, v | 0xfffff };
}

static inline struct window pref_window(struct rig *rig, unsigned int slot)
{
	uint32_t v = port_rd(rig, slot, PCI_PREF_MEMORY_BASE, 4);
	uint64_t base = port_rd(rig, slot, PCI_PREF_BASE_UPPER32, 4);
	uint64_t limit = port_rd(rig, slot, PCI_PREF_LIMIT_UPPER32, 4);

	return (struct window){ base << 32 | (v & 0xfff0) << 16,
				limit << 32 | (v & 0xfff00000) | 0xfffff };
}

static inline bool is_open(struct window w)
{
	return w.last >= w.start;
}

static inline bool holds(struct window w, uint64_t start, uint64_t size)
{
	return is_open(w) && start >= w.start && start + (size - 1) <= w.last;
}

static inline void check_apart(const struct window *w, unsigned int nr,
			       const struct range *space)
{
	unsigned int i, j;

	for (i = 0; i < nr; i++) {
		assert_true(range_contains(space->start, space->size,
					   w[i].start,
					   w[i].last - w[i].start + 1));
		for (j = 0; j < i; j++)
			assert_true(w[i].start > w[j].last ||
				    w[j].start > w[i].last);
	}
}

/* BARs of one function: aligned, apart, in a window that may hold them. */
static inline void check_dev(struct rig *rig, unsigned int slot)
{
	const struct pci_bar *b = rig->dev[slot].bars.bar;
	unsigned int i, j;

	assert_int_equal(pci_config_get(&rig->dev[slot].cfg, PCI_COMMAND, 2),
			 0);
	for (i = 0; i <= PCI_BAR_ROM; i++) {
		if (b[i].type == PCI_BAR_NONE)
			continue;
		assert_true(b[i].addr);
		assert_int_equal(b[i].addr % b[i].size, 0);
		assert_false(b[i].rom_enable);
		if (b[i].type == PCI_BAR_IO)
			assert_true(holds(io_window(rig, slot), b[i].addr,
					  b[i].size));
		else if (b[i].type == PCI_BAR_MEM64 && b[i].prefetch &&
			 rig->w.mmio64.size)
			assert_true(holds(pref_window(rig, slot), b[i].addr,
					  b[i].size));
		else
			assert_true(holds(mem_window(rig, slot), b[i].addr,
					  b[i].size));
		for (j = 0; j < i; j++)
			if ((b[j].type == PCI_BAR_IO) ==
			    (b[i].type == PCI_BAR_IO))
				assert_false(ranges_overlap(
					b[i].addr, b[i].size, b[j].addr,
					b[j].type ? b[j].size : 0));
	}
}

static inline void check_layout(struct rig *rig)
{
	struct window w[3][NR_SLOTS];
	unsigned int nr[3] = { 0 }, i, k, bus = 0;

	for (i = 1; i < NR_SLOTS; i++) {
		struct window here[3];
		uint32_t command = PCI_COMMAND_MASTER;

		if (!rig->port[i])
			continue;
		bus++;
		assert_int_equal(port_rd(rig, i, PCI_PRIMARY_BUS, 4),
				 bus << 16 | bus << 8);
		here[0] = io_window(rig, i);
		here[1] = mem_window(rig, i);
		here[2] = pref_window(rig, i);
		for (k = 0; k < 3; k++)
			if (is_open(here[k])) {
				w[k][nr[k]++] = here[k];
				command |= k ? PCI_COMMAND_MEMORY :
					       PCI_COMMAND_IO;
			}
		assert_int_equal(port_rd(rig, i, PCI_COMMAND, 2), command);
		check_dev(rig, i);
	}
	check_apart(w[0], nr[0], &rig->w.pio);
	check_apart(w[1], nr[1], &rig->w.mmio32);
	check_apart(w[2], nr[2], &rig->w.mmio64);
}

static inline void assign(struct rig *rig)
{
	assert_int_equal(pci_host_assign(rig->host, &rig->w), 0);
	check_layout(rig);
}

#endif
