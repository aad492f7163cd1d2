// SPDX-License-Identifier: BSD-2-Clause
/*
 * Owns what a guest reads from and writes to base address registers: the
 * sizing protocol, 64-bit pairs, the expansion ROM.  Whether an address is
 * decoded, and what is mapped there, is not known here.
 */
#include "pci-bar.h"

#include <errno.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "util.h"

/* The BAR whose register this is; *high for the upper half of a pair. */
static unsigned int bar_of(const struct pci_bars *b, unsigned int reg,
			   bool *high)
{
	*high = reg > 0 && reg < PCI_NR_BARS &&
		b->bar[reg - 1].type == PCI_BAR_MEM64;
	return *high ? reg - 1 : reg;
}

/* The bits below the address. */
static uint32_t bar_flags(const struct pci_bar *bar, bool rom)
{
	uint32_t prefetch = bar->prefetch ? PCI_BASE_ADDRESS_MEM_PREFETCH : 0;

	if (rom)
		return bar->rom_enable ? PCI_ROM_ADDRESS_ENABLE : 0;
	switch (bar->type) {
	case PCI_BAR_IO:
		return PCI_BASE_ADDRESS_SPACE_IO;
	case PCI_BAR_MEM32:
		return PCI_BASE_ADDRESS_MEM_TYPE_32 | prefetch;
	case PCI_BAR_MEM64:
		return PCI_BASE_ADDRESS_MEM_TYPE_64 | prefetch;
	default:
		return 0;
	}
}

void pci_bars_init(struct pci_bars *b)
{
	memset(b, 0, sizeof(*b));
}

static bool size_valid(unsigned int index, enum pci_bar_type type,
		       uint64_t size)
{
	if (!is_pow2(size))
		return false;
	if (index == PCI_BAR_ROM)
		return type == PCI_BAR_MEM32 && size >= KIB(2) &&
		       size <= GIB(2);
	switch (type) {
	case PCI_BAR_IO:
		return size >= 4 && size <= KIB(64);
	case PCI_BAR_MEM32:
		return size >= 16 && size <= GIB(2);
	case PCI_BAR_MEM64:
		return size >= 16 && index + 1 < PCI_NR_BARS;
	default:
		return false;
	}
}

int pci_bars_set(struct pci_bars *b, unsigned int index, enum pci_bar_type type,
		 bool prefetch, uint64_t size)
{
	bool high;

	if (index > PCI_BAR_ROM || !size_valid(index, type, size))
		return -EINVAL;
	if (bar_of(b, index, &high) != index ||
	    b->bar[index].type != PCI_BAR_NONE)
		return -EINVAL;
	if (type == PCI_BAR_MEM64 && b->bar[index + 1].type != PCI_BAR_NONE)
		return -EINVAL;

	b->bar[index] = (struct pci_bar){
		.type = type,
		.prefetch = prefetch && type != PCI_BAR_IO &&
			    index != PCI_BAR_ROM,
		.size = size,
	};
	return 0;
}

uint32_t pci_bars_read(const struct pci_bars *b, unsigned int reg)
{
	const struct pci_bar *bar;
	bool high;

	if (reg > PCI_BAR_ROM)
		return 0;
	bar = &b->bar[bar_of(b, reg, &high)];
	if (high)
		return (uint32_t)(bar->addr >> 32);
	return (uint32_t)bar->addr | bar_flags(bar, reg == PCI_BAR_ROM);
}

bool pci_bars_write(struct pci_bars *b, unsigned int reg, uint32_t val,
		    uint32_t mask)
{
	struct pci_bar *bar;
	bool high, enable, changed;
	uint64_t addr;

	if (reg > PCI_BAR_ROM)
		return false;
	bar = &b->bar[bar_of(b, reg, &high)];
	if (bar->type == PCI_BAR_NONE)
		return false;

	val = (pci_bars_read(b, reg) & ~mask) | (val & mask);
	if (high)
		addr = (uint64_t)val << 32 | (uint32_t)bar->addr;
	else
		addr = (bar->addr & ~(uint64_t)UINT32_MAX) | val;
	/* Bits below the size are wired to zero: this answers sizing, too. */
	addr = align_down(addr, bar->size);
	enable = reg == PCI_BAR_ROM && (val & PCI_ROM_ADDRESS_ENABLE);

	changed = addr != bar->addr || enable != bar->rom_enable;
	bar->addr = addr;
	bar->rom_enable = enable;
	return changed;
}

void pci_bars_reset(struct pci_bars *b)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(b->bar); i++) {
		b->bar[i].addr = 0;
		b->bar[i].rom_enable = false;
	}
}
