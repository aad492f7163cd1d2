// SPDX-License-Identifier: BSD-2-Clause
/*
 * Owns the bit-level rules of a configuration space: what is emulated, what
 * is writable, and the list of standard capabilities.  Gives no register a meaning and never sees a device.
 */
#include "pci-config.h"

#include <errno.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "util.h"

/* Standard capabilities live in [0x40, 0x100). */
#define CAPS_START 0x40
#define CAPS_END 0x100
/* As many as fit at their smallest size, so a longer walk is a loop. */
#define CAPS_MAX ((CAPS_END - CAPS_START) / 4)

void pci_config_init(struct pci_config *c)
{
	memset(c, 0, sizeof(*c));
	memset(c->emu, 0xff, sizeof(c->emu));
}

uint32_t pci_config_get(const struct pci_config *c, unsigned int off,
			unsigned int len)
{
	return (uint32_t)load_le(c->data + off, len);
}

void pci_config_set(struct pci_config *c, unsigned int off, unsigned int len,
		    uint32_t val)
{
	store_le(c->data + off, len, val);
}

void pci_config_set_wmask(struct pci_config *c, unsigned int off,
			  unsigned int len, uint32_t mask)
{
	store_le(c->wmask + off, len, mask);
}

void pci_config_set_emu(struct pci_config *c, unsigned int off,
			unsigned int len, uint32_t mask)
{
	store_le(c->emu + off, len, mask);
}

uint32_t pci_config_merge(const struct pci_config *c, unsigned int off,
			  unsigned int len, uint32_t hw)
{
	uint32_t emu = (uint32_t)load_le(c->emu + off, len);
	uint32_t ones = (uint32_t)all_ones(len);

	return (pci_config_get(c, off, len) & emu) | (hw & ~emu & ones);
}

uint32_t pci_config_write(struct pci_config *c, unsigned int off,
			  unsigned int len, uint32_t val)
{
	uint32_t wmask = (uint32_t)load_le(c->wmask + off, len);
	uint32_t old = pci_config_get(c, off, len);
	uint32_t new = (old & ~wmask) | (val & wmask);

	pci_config_set(c, off, len, new);
	return old ^ new;
}

/* The dwords of [off, off + size), bit n for offset 4 * n. */
static uint64_t dwords(unsigned int off, unsigned int size)
{
	return ((1ULL << size / 4) - 1) << off / 4;
}

static bool caps_free(const struct pci_config *c, unsigned int off,
		      unsigned int size)
{
	return off >= CAPS_START && off % 4 == 0 && off + size <= CAPS_END &&
	       !(c->caps & dwords(off, size));
}

/* Where the pointer is that ends the list; 0 when the list has a loop. */
static unsigned int caps_tail(const struct pci_config *c)
{
	unsigned int at = PCI_CAPABILITY_LIST;
	unsigned int i;

	for (i = 0; i <= CAPS_MAX; i++) {
		unsigned int next = c->data[at] & ~3u;

		if (next < CAPS_START)
			return at;
		at = next + PCI_CAP_LIST_NEXT;
	}
	return 0;
}

int pci_config_add_cap(struct pci_config *c, uint8_t id, unsigned int off,
		       unsigned int size, unsigned int *at)
{
	unsigned int tail = caps_tail(c);

	if (!size || size % 4 || size > CAPS_END - CAPS_START || !tail)
		return -ENOSPC;
	if (!off) {
		off = CAPS_START;
		while (off + size <= CAPS_END && !caps_free(c, off, size))
			off += 4;
	}
	if (off >= CAPS_END || !caps_free(c, off, size))
		return -ENOSPC;

	c->caps |= dwords(off, size);
	c->data[tail] = (uint8_t)off;
	c->data[off + PCI_CAP_LIST_ID] = id;
	c->data[off + PCI_CAP_LIST_NEXT] = 0;
	c->data[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
	if (at)
		*at = off;
	return 0;
}
