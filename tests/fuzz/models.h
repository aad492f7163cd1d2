/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reference models of config space, BARs and MSI-X, written another way than
 * the real ones: bit by bit, and as plain registers; and single random steps
 * that take both and compare.  Before it comes what assert_true() and the like
 * are, and where chance comes from: struct source and
 *
 *	static uint64_t next(struct source *src);
 */
#ifndef TESTS_FUZZ_MODELS_H
#define TESTS_FUZZ_MODELS_H

#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>

#include "pci-bar.h"
#include "pci-config.h"
#include "pci-msix.h"
#include "util.h"

/* Sparse and dense values, and those that guests like. */
static inline uint32_t value(struct source *src)
{
	uint32_t r = (uint32_t)(next(src) >> 16);

	switch (next(src) & 7) {
	case 0:
		return 0;
	case 1:
		return UINT32_MAX;
	case 2:
		return r & (uint32_t)next(src);
	case 3:
		return 1u << r % 32;
	default:
		return r;
	}
}

static inline unsigned int width(struct source *src)
{
	return 1u << next(src) % 3;
}

/* One bool per bit of every attribute. */
struct bits {
	bool data[64 * 8], wmask[64 * 8], emu[64 * 8];
};

static inline void bits_set(bool *bit, unsigned int off, unsigned int len,
			    uint32_t val)
{
	unsigned int i;

	for (i = 0; i < len * 8; i++)
		bit[off * 8 + i] = val >> i & 1;
}

static inline uint32_t bits_get(const bool *bit, unsigned int off,
				unsigned int len)
{
	uint32_t val = 0;
	unsigned int i;

	for (i = 0; i < len * 8; i++)
		val |= (uint32_t)bit[off * 8 + i] << i;
	return val;
}

static inline uint32_t bits_write(struct bits *b, unsigned int off,
				  unsigned int len, uint32_t val)
{
	uint32_t changed = 0;
	unsigned int i;

	for (i = 0; i < len * 8; i++) {
		bool *bit = &b->data[off * 8 + i], old = *bit;
		bool v = val >> i & 1;

		if (b->wmask[off * 8 + i])
			*bit = v;
		changed |= (uint32_t)(old != *bit) << i;
	}
	return changed;
}

static inline void config_step(struct pci_config *c, struct bits *b,
			       struct source *src)
{
	unsigned int len = width(src);
	unsigned int off = (unsigned int)(next(src) >> 9) % 64 & ~(len - 1);
	uint32_t val = value(src), merged;

	switch (next(src) % 12) {
	case 0:
		pci_config_set(c, off, len, val);
		bits_set(b->data, off, len, val);
		break;
	case 1:
		pci_config_set_wmask(c, off, len, val);
		bits_set(b->wmask, off, len, val);
		break;
	case 2:
		pci_config_set_emu(c, off, len, val);
		bits_set(b->emu, off, len, val);
		break;
	default:
		assert_int_equal(pci_config_write(c, off, len, val),
				 bits_write(b, off, len, val));
		break;
	}
	assert_int_equal(pci_config_get(c, off, len),
			 bits_get(b->data, off, len));
	merged = bits_get(b->emu, off, len);
	merged = (bits_get(b->data, off, len) & merged) | (val & ~merged);
	assert_int_equal(pci_config_merge(c, off, len, val),
			 merged & all_ones(len));
}

/* BARs as seven registers with a mask of writable bits each. */
struct regs {
	uint32_t val[PCI_NR_BARS + 1], wmask[PCI_NR_BARS + 1];
};

static inline void regs_make(struct regs *r, struct pci_bars *b,
			     struct source *src)
{
	unsigned int i;

	memset(r, 0, sizeof(*r));
	pci_bars_init(b);
	for (i = 0; i <= PCI_BAR_ROM; i++) {
		enum pci_bar_type type = next(src) % 4;
		uint64_t size = 1ULL << next(src) % 64;
		bool prefetch = next(src) & 1;

		if (pci_bars_set(b, i, type, prefetch, size))
			continue;
		r->wmask[i] = (uint32_t) ~(size - 1);
		if (i == PCI_BAR_ROM) {
			r->wmask[i] |= 1;
			continue;
		}
		r->val[i] = type == PCI_BAR_IO ? 1 : prefetch ? 8 : 0;
		if (type == PCI_BAR_MEM64) {
			r->val[i] |= 4;
			r->wmask[i + 1] = (uint32_t)(~(size - 1) >> 32);
		}
	}
}

#define MAX_VECTORS 150

/* MSI-X as the raw dwords, and what the owner was told in one step. */
struct raw {
	struct pci_msix m;
	uint32_t dword[MAX_VECTORS * 4];
	bool pending[MAX_VECTORS];
	uint16_t ctrl;
	bool told_enable, told[MAX_VECTORS];
};

static void raw_enable(void *opaque, bool on)
{
	struct raw *r = opaque;

	assert_false(r->told_enable);
	assert_int_equal(on, r->m.enabled);
	r->told_enable = true;
}

static void raw_vectors(void *opaque, unsigned int first, unsigned int count)
{
	struct raw *r = opaque;
	unsigned int i;

	assert_true(r->m.enabled);
	for (i = first; i < first + count; i++) {
		assert_false(r->told[i]);
		r->told[i] = true;
	}
}

static const struct pci_msix_ops raw_ops = {
	.enable = raw_enable,
	.vectors = raw_vectors,
};

static inline bool raw_live(const struct raw *r, const uint32_t *dword,
			    uint16_t ctrl, unsigned int v)
{
	return v < r->m.nr && ctrl >> 14 == 2 && !(dword[v * 4 + 3] & 1);
}

static inline bool raw_table_write(struct raw *r, uint64_t offset,
				   unsigned int len, uint64_t val)
{
	static const uint32_t wmask[4] = { ~3u, UINT32_MAX, UINT32_MAX, 1 };
	uint64_t i;

	if ((len != 4 && len != 8) || offset & (len - 1) ||
	    offset + len > r->m.nr * 16)
		return false;
	for (i = offset / 4; i < (offset + len) / 4; i++) {
		r->dword[i] = (uint32_t)val & wmask[i % 4];
		val >>= 32;
	}
	return true;
}

static inline void raw_check(struct raw *r, const uint32_t *was,
			     uint16_t ctrl_was)
{
	bool toggled = (ctrl_was ^ r->ctrl) >> 15;
	bool masked = (ctrl_was ^ r->ctrl) >> 14 & 1;
	unsigned int v;

	assert_int_equal(r->told_enable, toggled);
	for (v = 0; v < r->m.nr; v++) {
		bool was_live = raw_live(r, was, ctrl_was, v);
		bool live = raw_live(r, r->dword, r->ctrl, v);
		bool moved = memcmp(was + v * 4, r->dword + v * 4, 12);
		bool must = !toggled && (was_live != live || (live && moved));

		assert_int_equal(pci_msix_live(&r->m, v), live);
		/* The function's mask tells all of them at once. */
		if (must || !masked)
			assert_int_equal(r->told[v], must);
	}
	assert_int_equal(pci_msix_ctrl(&r->m), r->ctrl | (r->m.nr - 1));
}

static inline void raw_read(struct raw *r, struct source *src)
{
	unsigned int len = 1u << next(src) % 4, i;
	uint64_t offset = next(src) % (r->m.nr * 16 + 8);
	uint64_t words = (r->m.nr + 63) / 64 * 8, want = 0;
	bool valid = (len == 4 || len == 8) && offset % len == 0;

	if (valid && offset + len <= r->m.nr * 16)
		memcpy(&want, (const char *)r->dword + offset, len);
	else
		want = all_ones(len);
	assert_int_equal(pci_msix_table_read(&r->m, offset, len), want);

	offset %= words + 8;
	valid = (len == 4 || len == 8) && offset % len == 0 &&
		offset + len <= words;
	want = valid ? 0 : all_ones(len);
	for (i = 0; valid && i < len * 8; i++)
		if (offset * 8 + i < r->m.nr && r->pending[offset * 8 + i])
			want |= 1ULL << i;
	assert_int_equal(pci_msix_pba_read(&r->m, offset, len), want);
}

static inline void raw_step(struct raw *r, struct source *src)
{
	uint32_t was[MAX_VECTORS * 4];
	uint16_t ctrl_was = r->ctrl;
	uint64_t val = (uint64_t)value(src) << 32 | value(src);
	uint64_t offset = next(src) % (r->m.nr * 16 + 16);
	unsigned int len = 1u << next(src) % 4, v;

	memcpy(was, r->dword, sizeof(was));
	memset(r->told, 0, sizeof(r->told));
	r->told_enable = false;
	switch (next(src) % 8) {
	case 0:
		r->ctrl = (uint16_t)val & 0xc000;
		pci_msix_ctrl_write(&r->m, (uint16_t)val);
		break;
	case 1:
		v = (unsigned int)next(src) % (r->m.nr + 3);
		pci_msix_set_pending(&r->m, v, val & 1);
		if (v < r->m.nr)
			r->pending[v] = val & 1;
		break;
	default:
		if (next(src) % 4)
			offset &= ~(uint64_t)(len - 1);
		raw_table_write(r, offset, len, val);
		pci_msix_table_write(&r->m, offset, len, val);
		break;
	}
	raw_check(r, was, ctrl_was);
	raw_read(r, src);
}

static inline void config_start(struct pci_config *c, struct bits *b)
{
	pci_config_init(c);
	memset(b, 0, sizeof(*b));
	memset(b->emu, true, sizeof(b->emu));
}

static inline void bars_step(struct pci_bars *b, struct regs *r,
			     struct source *src)
{
	unsigned int reg = next(src) % 7;
	uint32_t val = value(src), mask = value(src), old = r->val[reg];

	r->val[reg] = (old & ~(mask & r->wmask[reg])) |
		      (val & mask & r->wmask[reg]);
	assert_int_equal(pci_bars_write(b, reg, val, mask), r->val[reg] != old);
	assert_int_equal(pci_bars_read(b, reg), r->val[reg]);
}

static inline void raw_start(struct raw *r, struct source *src)
{
	unsigned int nr = (unsigned int)next(src) % MAX_VECTORS + 1, i;

	memset(r, 0, sizeof(*r));
	for (i = 0; i < nr; i++)
		r->dword[i * 4 + 3] = 1;
	assert_int_equal(pci_msix_init(&r->m, nr, &raw_ops, r), 0);
}

#endif
