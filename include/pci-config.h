/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pure model of a function's configuration space: which bits the guest reads
 * from here, which it may write.  Knows no device and no lock.
 */
#ifndef WHERRY_PCI_CONFIG_H
#define WHERRY_PCI_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#define PCI_CONFIG_SIZE 4096

struct pci_config {
	uint8_t data[PCI_CONFIG_SIZE];
	uint8_t wmask[PCI_CONFIG_SIZE]; /* guest-writable bits of data */
	/* Assigned devices: bits served from data; clear bits come from the
	 * device.  All ones for a model of our own. */
	uint8_t emu[PCI_CONFIG_SIZE];
	uint64_t caps; /* dwords of the first 256 bytes taken by add_cap */
};

/* All zero, nothing writable, everything emulated. */
void pci_config_init(struct pci_config *c);
/* Accesses are within the space (callers bound them): off + len <= 4096, len
 * 1, 2 or 4, naturally aligned. */
uint32_t pci_config_get(const struct pci_config *c, unsigned int off,
			unsigned int len);
void pci_config_set(struct pci_config *c, unsigned int off, unsigned int len,
		    uint32_t val);
void pci_config_set_wmask(struct pci_config *c, unsigned int off,
			  unsigned int len, uint32_t mask);
void pci_config_set_emu(struct pci_config *c, unsigned int off,
			unsigned int len, uint32_t mask);
/* What the guest reads when the device answered hw. */
uint32_t pci_config_merge(const struct pci_config *c, unsigned int off,
			  unsigned int len, uint32_t hw);
/* A guest write, of what wmask lets through; returns the bits of data that
 * changed. */
uint32_t pci_config_write(struct pci_config *c, unsigned int off,
			  unsigned int len, uint32_t val);

/*
 * Appends a capability of size bytes (multiple of 4) to the standard list at
 * off (0: the next free place from 0x40) and gives its offset (at may be
 * NULL); sets the status bit.  -ENOSPC when it does not fit or overlaps an
 * earlier one.
 */
int pci_config_add_cap(struct pci_config *c, uint8_t id, unsigned int off,
		       unsigned int size, unsigned int *at);

#endif
