// SPDX-License-Identifier: BSD-2-Clause
/*
 * Owns the registers of one MSI-X capability: Message Control, the table and
 * the pending bits.  Delivers nothing: the owner is told what changed.
 */
#include "pci-msix.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "util.h"

static size_t pba_words(const struct pci_msix *m)
{
	return (m->nr + 63) / 64;
}

int pci_msix_init(struct pci_msix *m, unsigned int nr,
		  const struct pci_msix_ops *ops, void *opaque)
{
	memset(m, 0, sizeof(*m));
	if (!nr || nr > PCI_MSIX_MAX)
		return -EINVAL;

	m->nr = nr;
	m->ops = ops;
	m->opaque = opaque;
	m->table = calloc(nr, sizeof(*m->table));
	m->pba = calloc(pba_words(m), sizeof(*m->pba));
	if (!m->table || !m->pba) {
		pci_msix_fini(m);
		return -ENOMEM;
	}
	pci_msix_reset(m);
	return 0;
}

void pci_msix_fini(struct pci_msix *m)
{
	free(m->table);
	free(m->pba);
	memset(m, 0, sizeof(*m));
}

void pci_msix_reset(struct pci_msix *m)
{
	unsigned int i;

	m->enabled = false;
	m->function_mask = false;
	for (i = 0; i < m->nr; i++)
		m->table[i] = (struct pci_msix_entry){
			.ctrl = PCI_MSIX_ENTRY_CTRL_MASKBIT,
		};
	if (m->nr)
		memset(m->pba, 0, pba_words(m) * sizeof(*m->pba));
}

uint16_t pci_msix_ctrl(const struct pci_msix *m)
{
	return (uint16_t)(((m->nr - 1) & PCI_MSIX_FLAGS_QSIZE) |
			  (m->function_mask ? PCI_MSIX_FLAGS_MASKALL : 0) |
			  (m->enabled ? PCI_MSIX_FLAGS_ENABLE : 0));
}

void pci_msix_ctrl_write(struct pci_msix *m, uint16_t val)
{
	bool enabled = val & PCI_MSIX_FLAGS_ENABLE;
	bool masked = val & PCI_MSIX_FLAGS_MASKALL;
	bool enable_changed = enabled != m->enabled;
	bool mask_changed = masked != m->function_mask;

	m->enabled = enabled;
	m->function_mask = masked;
	if (enable_changed)
		m->ops->enable(m->opaque, enabled);
	else if (mask_changed && enabled)
		m->ops->vectors(m->opaque, 0, m->nr);
}

/* Only whole dwords and qwords are defined for both structures. */
static bool access_valid(uint64_t offset, unsigned int len, uint64_t size)
{
	return (len == 4 || len == 8) && offset % len == 0 &&
	       range_contains(0, size, offset, len);
}

/* One dword of an entry: address low and high, data, control. */
static uint32_t entry_read(const struct pci_msix_entry *e, uint64_t reg)
{
	switch (reg) {
	case PCI_MSIX_ENTRY_LOWER_ADDR:
		return (uint32_t)e->addr;
	case PCI_MSIX_ENTRY_UPPER_ADDR:
		return (uint32_t)(e->addr >> 32);
	case PCI_MSIX_ENTRY_DATA:
		return e->data;
	default:
		return e->ctrl;
	}
}

static void entry_write(struct pci_msix_entry *e, uint64_t reg, uint32_t val)
{
	switch (reg) {
	case PCI_MSIX_ENTRY_LOWER_ADDR:
		e->addr = (e->addr & ~(uint64_t)UINT32_MAX) | (val & ~3u);
		break;
	case PCI_MSIX_ENTRY_UPPER_ADDR:
		e->addr = (uint64_t)val << 32 | (uint32_t)e->addr;
		break;
	case PCI_MSIX_ENTRY_DATA:
		e->data = val;
		break;
	default:
		e->ctrl = val & PCI_MSIX_ENTRY_CTRL_MASKBIT;
		break;
	}
}

uint64_t pci_msix_table_read(const struct pci_msix *m, uint64_t offset,
			     unsigned int len)
{
	const struct pci_msix_entry *e;
	uint64_t reg = offset % PCI_MSIX_ENTRY_SIZE;
	uint64_t val;

	if (!access_valid(offset, len, (uint64_t)m->nr * PCI_MSIX_ENTRY_SIZE))
		return all_ones(len);
	e = &m->table[offset / PCI_MSIX_ENTRY_SIZE];
	val = entry_read(e, reg);
	if (len == 8)
		val |= (uint64_t)entry_read(e, reg + 4) << 32;
	return val;
}

void pci_msix_table_write(struct pci_msix *m, uint64_t offset, unsigned int len,
			  uint64_t val)
{
	unsigned int vector = (unsigned int)(offset / PCI_MSIX_ENTRY_SIZE);
	uint64_t reg = offset % PCI_MSIX_ENTRY_SIZE;
	struct pci_msix_entry *e, old;
	bool was_live, live;

	if (!access_valid(offset, len, (uint64_t)m->nr * PCI_MSIX_ENTRY_SIZE))
		return;
	e = &m->table[vector];
	old = *e;
	was_live = pci_msix_live(m, vector);
	entry_write(e, reg, (uint32_t)val);
	if (len == 8)
		entry_write(e, reg + 4, (uint32_t)(val >> 32));

	/* The message of a masked vector is read when it is unmasked. */
	live = pci_msix_live(m, vector);
	if (live != was_live ||
	    (live && (e->addr != old.addr || e->data != old.data)))
		m->ops->vectors(m->opaque, vector, 1);
}

uint64_t pci_msix_pba_read(struct pci_msix *m, uint64_t offset,
			   unsigned int len)
{
	unsigned int first, count;

	if (!access_valid(offset, len, pba_words(m) * sizeof(*m->pba)))
		return all_ones(len);
	first = (unsigned int)offset * 8;
	count = first < m->nr ? MIN(len * 8, m->nr - first) : 0;
	if (count && m->ops->poll_pending)
		m->ops->poll_pending(m->opaque, first, count);
	return (m->pba[first / 64] >> first % 64) & all_ones(len);
}

bool pci_msix_live(const struct pci_msix *m, unsigned int vector)
{
	return m->enabled && !m->function_mask && vector < m->nr &&
	       !(m->table[vector].ctrl & PCI_MSIX_ENTRY_CTRL_MASKBIT);
}

void pci_msix_set_pending(struct pci_msix *m, unsigned int vector, bool pending)
{
	uint64_t bit = 1ULL << vector % 64;

	if (vector >= m->nr)
		return;
	if (pending)
		m->pba[vector / 64] |= bit;
	else
		m->pba[vector / 64] &= ~bit;
}
