/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pure model of an MSI-X capability: message control, table, pending bits.
 * PCI Local Bus 3.0 section 6.8.2.  What a change means is the owner's
 * business, told by ops.
 */
#ifndef WHERRY_PCI_MSIX_H
#define WHERRY_PCI_MSIX_H

#include <stdbool.h>
#include <stdint.h>

#define PCI_MSIX_MAX 2048
#define PCI_MSIX_ENTRY_SIZE 16

struct pci_msix_entry {
	uint64_t addr;
	uint32_t data;
	uint32_t ctrl; /* bit 0: masked */
};

struct pci_msix_ops {
	/* MSI-X Enable changed; msix already holds the new state. */
	void (*enable)(void *opaque, bool on);
	/* While enabled: the effective mask of vectors [first, first + count)
	 * may have changed, or the message of a live one.  A masked vector's
	 * message is to be read when it becomes live. */
	void (*vectors)(void *opaque, unsigned int first, unsigned int count);
	/* Asked before pending bits [first, first + count) are read, so that
	 * the owner can bring them up to date.  May be NULL. */
	void (*poll_pending)(void *opaque, unsigned int first,
			     unsigned int count);
};

struct pci_msix {
	unsigned int nr; /* vectors, 1..2048 */
	bool enabled;
	bool function_mask;
	struct pci_msix_entry *table;
	uint64_t *pba;
	const struct pci_msix_ops *ops;
	void *opaque;
};

/* All masked, disabled.  -EINVAL for a bad nr, -ENOMEM. */
int pci_msix_init(struct pci_msix *m, unsigned int nr,
		  const struct pci_msix_ops *ops, void *opaque);
void pci_msix_fini(struct pci_msix *m);
/* Power-on state without calling ops. */
void pci_msix_reset(struct pci_msix *m);

/* Message Control as read, and a write of it (16 bits). */
uint16_t pci_msix_ctrl(const struct pci_msix *m);
void pci_msix_ctrl_write(struct pci_msix *m, uint16_t val);

/* Table accesses: len 4 or 8, aligned; anything else reads ones and is
 * dropped.  offset is relative to the table. */
uint64_t pci_msix_table_read(const struct pci_msix *m, uint64_t offset,
			     unsigned int len);
void pci_msix_table_write(struct pci_msix *m, uint64_t offset, unsigned int len,
			  uint64_t val);
uint64_t pci_msix_pba_read(struct pci_msix *m, uint64_t offset,
			   unsigned int len);

/* Enabled, function not masked, vector not masked. */
bool pci_msix_live(const struct pci_msix *m, unsigned int vector);
void pci_msix_set_pending(struct pci_msix *m, unsigned int vector,
			  bool pending);

#endif
