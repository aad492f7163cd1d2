/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pure model of base address registers: sizing, 64-bit pairs, the expansion
 * ROM.  PCI Local Bus 3.0 section 6.2.5.
 */
#ifndef WHERRY_PCI_BAR_H
#define WHERRY_PCI_BAR_H

#include <stdbool.h>
#include <stdint.h>

#define PCI_NR_BARS 6
#define PCI_BAR_ROM 6

enum pci_bar_type {
	PCI_BAR_NONE,
	PCI_BAR_IO,
	PCI_BAR_MEM32,
	PCI_BAR_MEM64, /* uses the next register too */
};

struct pci_bar {
	enum pci_bar_type type;
	bool prefetch;
	uint64_t size; /* power of two: I/O >= 4, memory >= 16, ROM >= 2048 */
	uint64_t addr; /* as programmed, low bits clear */
	bool rom_enable;
};

struct pci_bars {
	struct pci_bar bar[PCI_NR_BARS + 1];
};

void pci_bars_init(struct pci_bars *b);
/*
 * -EINVAL when the size is no power of two, too small or too large for the
 * type (I/O 64 KiB, 32-bit 2 GiB), the index taken, a 64-bit BAR in the last
 * register, or the ROM not MEM32.
 */
int pci_bars_set(struct pci_bars *b, unsigned int index, enum pci_bar_type type,
		 bool prefetch, uint64_t size);
/* Register 0..5, or PCI_BAR_ROM, as 32 bits. */
uint32_t pci_bars_read(const struct pci_bars *b, unsigned int reg);
/* A write of the bits in mask of a register; true when an address or the
 * ROM's enable bit changed. */
bool pci_bars_write(struct pci_bars *b, unsigned int reg, uint32_t val,
		    uint32_t mask);
/* All addresses 0, the ROM disabled. */
void pci_bars_reset(struct pci_bars *b);

#endif
