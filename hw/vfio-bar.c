// SPDX-License-Identifier: BSD-2-Clause
/*
 * vfio-bar - the BARs of an assigned function: what of them is mapped into
 * the guest, what is trapped, and when. Owns the mappings, memslots and bus
 * ranges. The MSI-X table and pending bits never get mapped: they are
 * pci-msix.c's, found here at their place.
 */
#include "vfio-pci-priv.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/pci_regs.h>

#include "kvm.h"
#include "log.h"

static bool is_io(const struct vfio_bar *bar)
{
	return bar->v->dev.bars.bar[bar->index].type == PCI_BAR_IO;
}

static void access_failed(struct vfio_bar *bar, const char *what,
			  uint64_t offset, unsigned int len, int err)
{
	log_guest(&bar->v->rl, "%s: cannot %s %u bytes at 0x%" PRIx64 ": %s",
		  bar->name, what, len, offset, strerror(err));
}

/* The part of the MSI-X capability that an access touches, if any. */
static const struct vfio_msix_part *msix_part(const struct vfio_bar *bar,
					      uint64_t offset, unsigned int len)
{
	const struct vfio_irqs *irqs = &bar->v->irqs;
	const struct vfio_msix_part *parts[] = { &irqs->table, &irqs->pba };

	for (unsigned int i = 0; i < ARRAY_SIZE(parts); i++)
		if (parts[i]->bar == bar->index &&
		    ranges_overlap(parts[i]->offset, parts[i]->size, offset,
				   len))
			return parts[i];
	return NULL;
}

static uint64_t bar_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct vfio_bar *bar = opaque;
	struct vfio_irqs *irqs = &bar->v->irqs;
	const struct vfio_msix_part *part = msix_part(bar, offset, len);
	const struct vfio_trap *trap =
		vfio_quirk_trap(bar->v, bar->index, offset, len);
	uint64_t val = 0;
	int r;

	if (part && offset < part->offset)
		return all_ones(len); /* reaches into it from below */
	if (part == &irqs->table)
		return pci_msix_table_read(&irqs->msix, offset - part->offset,
					   len);
	if (part)
		return pci_msix_pba_read(&irqs->msix, offset - part->offset,
					 len);
	if (trap)
		return offset < trap->offset ?
			       all_ones(len) :
			       trap->read(bar->v, offset - trap->offset, len);
	if (!range_contains(0, bar->region->size, offset, len))
		return all_ones(len); /* a region is not a power of two */
	r = vfio_read(bar->v->vfio, bar->index, offset, &val, len);
	if (!r)
		return val;
	access_failed(bar, "read", offset, len, -r);
	return all_ones(len);
}

static void bar_write(void *opaque, uint64_t offset, unsigned int len,
		      uint64_t val)
{
	struct vfio_bar *bar = opaque;
	struct vfio_irqs *irqs = &bar->v->irqs;
	const struct vfio_msix_part *part = msix_part(bar, offset, len);
	const struct vfio_trap *trap =
		vfio_quirk_trap(bar->v, bar->index, offset, len);
	int r;

	if (part == &irqs->table && offset >= part->offset)
		pci_msix_table_write(&irqs->msix, offset - part->offset, len,
				     val);
	if (!part && trap && offset >= trap->offset)
		trap->write(bar->v, offset - trap->offset, len, val);
	if (part || trap || !range_contains(0, bar->region->size, offset, len))
		return;
	r = vfio_write(bar->v->vfio, bar->index, offset, &val, len);
	if (r < 0)
		access_failed(bar, "write", offset, len, -r);
}

/* Reached where the copy is too small for a memslot. */
static uint64_t rom_read(void *opaque, uint64_t offset, unsigned int len)
{
	const struct vfio_bar *bar = opaque;

	if (!bar->hva || !range_contains(0, bar->region->size, offset, len))
		return all_ones(len);
	return load_le((char *)bar->hva + offset, len);
}

static void rom_write(void *opaque, uint64_t offset, unsigned int len,
		      uint64_t val)
{
	(void)opaque;
	(void)offset;
	(void)len;
	(void)val;
}

static void bar_placed(void *opaque);

static const struct bus_ops bar_ops = { bar_read, bar_write, bar_placed };
static const struct bus_ops rom_ops = { rom_read, rom_write, bar_placed };

/* Cuts the pages of [start, start + size) out of the mapped areas. */
static void carve(struct vfio_bar *bar, uint64_t start, uint64_t size)
{
	uint64_t end = align_up(start + size, host_page_bytes());
	unsigned int nr = bar->nr_areas;

	start = align_down(start, host_page_bytes());
	for (unsigned int i = 0; i < nr; i++) {
		struct range *a = &bar->areas[i];
		uint64_t a_end = a->start + a->size;

		if (!ranges_overlap(a->start, a->size, start, end - start))
			continue;
		if (a_end > end) {
			struct range tail = { end, a_end - end };

			/* Cuts of areas that do not overlap add one each at
			 * most; what has no room is trapped. */
			if (a->start >= start)
				*a = tail;
			else if (bar->nr_areas < VFIO_BAR_MAX_AREAS)
				bar->areas[bar->nr_areas++] = tail;
		}
		if (a->start < start)
			a->size = start - a->start;
		else if (a_end <= end)
			a->size = 0;
	}
}

/* What can be mapped: whole pages, as the kernel offers them, less MSI-X. */
static void find_areas(struct vfio_bar *bar)
{
	const struct vfio_irqs *irqs = &bar->v->irqs;
	const struct vfio_msix_part *parts[] = { &irqs->table, &irqs->pba };
	unsigned int nr = 0;

	for (unsigned int i = 0; i < bar->region->nr_areas; i++) {
		struct range a = bar->region->areas[i];

		a.size = align_down(a.size, host_page_bytes());
		if (a.size)
			bar->areas[bar->nr_areas++] = a;
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(parts); i++)
		if (parts[i]->size && parts[i]->bar == bar->index)
			carve(bar, parts[i]->offset, parts[i]->size);
	for (const struct vfio_trap *t = bar->v->quirk->traps; t && t->size;
	     t++)
		if (t->bar == bar->index)
			carve(bar, t->offset, t->size);
	for (unsigned int i = 0; i < bar->nr_areas; i++)
		if (bar->areas[i].size)
			bar->areas[nr++] = bar->areas[i];
	bar->nr_areas = nr;
}

static uint64_t next_pow2(uint64_t v)
{
	return is_pow2(v) ? v : 1ULL << (64 - __builtin_clzll(v));
}

static int init_bar(struct vfio_bar *bar, uint32_t reg)
{
	struct vfio_pci *v = bar->v;
	bool io = reg & PCI_BASE_ADDRESS_SPACE_IO;
	bool wide = !io && (reg & PCI_BASE_ADDRESS_MEM_TYPE_MASK) ==
				   PCI_BASE_ADDRESS_MEM_TYPE_64;
	uint64_t size = next_pow2(bar->region->size);
	int r;

	size = MAX(size, io ? 4 : 16);
	r = pci_bars_set(&v->dev.bars, bar->index,
			 io   ? PCI_BAR_IO :
			 wide ? PCI_BAR_MEM64 :
				PCI_BAR_MEM32,
			 !io && (reg & PCI_BASE_ADDRESS_MEM_PREFETCH), size);
	if (r < 0) {
		log_err("%s: cannot offer BAR %u: %" PRIu64
			" bytes do not fit its type (0x%x)",
			v->dev.name, bar->index, bar->region->size, reg & 0xf);
		return r;
	}
	bar->trap.ops = &bar_ops;
	bar->trap.space = io ? BUS_PIO : BUS_MMIO;
	bar->trap.size = size;
	if (io || v->trap_bars || !bar->region->mmap)
		return 0;
	find_areas(bar);
	if (!bar->nr_areas)
		return 0;
	r = vfio_map_region(v->vfio, bar->index, bar->areas, bar->nr_areas,
			    &bar->hva);
	v->nr_host_maps += !r;
	return r;
}

static int init_rom(struct vfio_bar *bar)
{
	struct vfio_pci *v = bar->v;
	uint64_t size = MAX(next_pow2(bar->region->size), KIB(2));
	int r = pci_bars_set(&v->dev.bars, PCI_BAR_ROM, PCI_BAR_MEM32, false,
			     size);

	if (r < 0) {
		log_err("%s: cannot offer its ROM of %" PRIu64
			" bytes; use rom=off",
			v->dev.name, bar->region->size);
		return r;
	}
	bar->trap.ops = &rom_ops;
	bar->trap.space = BUS_MMIO;
	bar->trap.size = size;
	return 0;
}

int vfio_bars_init(struct vfio_pci *v)
{
	pci_bars_init(&v->dev.bars);
	for (unsigned int i = 0; i < VFIO_NR_BARS; i++) {
		struct vfio_bar *bar = &v->bars[i];
		int r = 0;

		bar->v = v;
		bar->index = i;
		bar->region = vfio_region(v->vfio, i);
		snprintf(bar->name, sizeof(bar->name),
			 i == PCI_BAR_ROM ? "%s rom" : "%s bar%u", v->dev.name,
			 i);
		bar->trap.name = bar->name;
		bar->trap.opaque = bar;
		for (unsigned int k = 0; k < VFIO_BAR_MAX_AREAS; k++) {
			bar->slots[k] = UINT_MAX;
			bar->p2p[k].fd = -1;
		}
		if (!bar->region->size)
			continue;
		if (i < PCI_BAR_ROM)
			r = init_bar(bar,
				     vfio_config_hw_read(
					     v, PCI_BASE_ADDRESS_0 + 4 * i, 4));
		else if (v->rom && !v->quirk->no_rom)
			r = init_rom(bar);
		if (r < 0)
			return r;
	}
	return 0;
}

/* False while KVM keeps one: then it still shows what hva shows. */
static bool drop_slot(struct vfio_bar *bar, unsigned int area)
{
	unsigned int *slot = &bar->slots[area];

	if (*slot != UINT_MAX && !kvm_memslot_del(bar->v->kvm, *slot))
		*slot = UINT_MAX;
	return *slot == UINT_MAX;
}

static void bar_unmap(struct vfio_bar *bar)
{
	if (bar->live) {
		vfio_p2p_unmap(bar);
		for (unsigned int i = 0; i < bar->nr_areas; i++)
			(void)drop_slot(bar, i); /* tried again later */
	}
	bar->live = bar->claimed = false;
	bus_remove(bar->v->bus, &bar->trap);
}

/*
 * The guest reads a copy, made when it first enables the ROM: the kernel maps
 * the ROM anew for each access, which takes longer than the access.
 */
static void rom_load(struct vfio_bar *bar)
{
	uint64_t size = align_up(bar->trap.size, host_page_bytes());
	void *copy;
	int r;

	if (bar->hva)
		return;
	copy = mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	r = copy == MAP_FAILED ? -errno : 0;
	if (!r) {
		memset(copy, 0xff, size);
		r = vfio_read_all(bar->v->vfio, bar->index, 0, copy,
				  bar->region->size);
	}
	if (r < 0) {
		log_guest(&bar->v->rl, "%s: cannot read: %s", bar->name,
			  strerror(-r));
		if (copy != MAP_FAILED)
			munmap(copy, size);
		return;
	}
	bar->hva = copy;
	if (bar->trap.size >= host_page_bytes() && !bar->v->trap_bars)
		bar->areas[bar->nr_areas++] = (struct range){ 0, size };
}

static void show(struct vfio_bar *bar)
{
	struct vfio_pci *v = bar->v;
	bool rom = bar->index == PCI_BAR_ROM;

	bar->live = true;
	if (rom)
		rom_load(bar);
	else
		v->touched = true;
	for (unsigned int i = 0; bar->hva && i < bar->nr_areas; i++) {
		const struct range *a = &bar->areas[i];

		/* An area that gets no slot (RAM is there, or none is free)
		 * is trapped instead: slower, and right. */
		if (!drop_slot(bar, i))
			continue;
		if (kvm_memslot_add(v->kvm, bar->trap.start + a->start, a->size,
				    (char *)bar->hva + a->start, rom,
				    &bar->slots[i]) < 0)
			bar->slots[i] = UINT_MAX;
		else
			v->nr_memslots_made++;
	}
	vfio_p2p_map(bar);
}

/* What was at the same place has left it. */
static void bar_placed(void *opaque)
{
	show(opaque);
}

static void bar_map(struct vfio_bar *bar, uint64_t addr)
{
	struct vfio_pci *v = bar->v;
	int r;

	bar->trap.start = addr;
	r = bus_add(v->bus, &bar->trap);
	bar->claimed = !r || r == -EEXIST;
	if (!r) {
		show(bar);
	} else if (!bar->told) {
		bar->told = true;
		log_guest(
			&v->rl,
			"%s: cannot map at 0x%" PRIx64
			": %s (said once for this BAR)",
			bar->name, addr,
			r == -EEXIST ?
				"that is taken, or out of reach; it waits until it is free" :
				strerror(-r));
	}
}

/* Address that the guest decodes now, or 0. */
static uint64_t decoded_at(const struct vfio_bar *bar)
{
	const struct vfio_pci *v = bar->v;
	const struct pci_bar *model;

	if (!v)
		return 0; /* creation failed before it got here */
	model = &v->dev.bars.bar[bar->index];
	if (model->type == PCI_BAR_NONE || v->low_power || v->in_bus_reset)
		return 0;
	if (is_io(bar))
		return pci_dev_io_enabled(&v->dev) &&
				       model->addr <= 0x10000 - model->size ?
			       model->addr :
			       0;
	if (!pci_dev_mem_enabled(&v->dev) ||
	    (bar->index == PCI_BAR_ROM && !model->rom_enable))
		return 0;
	return model->addr;
}

void vfio_bars_update(struct vfio_pci *v)
{
	/* First out, then in: the guest may swap two addresses. And first of
	 * all those that only wait, or they would be shown in between. */
	for (unsigned int pass = 0; pass < 2; pass++) {
		for (unsigned int i = 0; i < VFIO_NR_BARS; i++) {
			struct vfio_bar *bar = &v->bars[i];

			if (bar->claimed && bar->live == (pass == 1) &&
			    decoded_at(bar) != bar->trap.start)
				bar_unmap(bar);
		}
	}
	for (unsigned int i = 0; i < VFIO_NR_BARS; i++) {
		struct vfio_bar *bar = &v->bars[i];
		uint64_t addr = decoded_at(bar);

		if (!bar->claimed && addr)
			bar_map(bar, addr);
	}
}

static void bar_fini(struct vfio_bar *bar)
{
	struct vfio_pci *v = bar->v;
	bool gone = true;

	bar_unmap(bar);
	bus_forget(v->bus, &bar->trap);
	for (unsigned int i = 0; i < bar->nr_areas; i++)
		gone &= drop_slot(bar, i);
	if (bar->hva && bar->index != PCI_BAR_ROM)
		vfio_unmap_region(v->vfio, bar->index, bar->hva, !gone);
	else if (bar->hva && gone)
		munmap(bar->hva, align_up(bar->trap.size, host_page_bytes()));
	bar->hva = NULL;
}

void vfio_bars_fini(struct vfio_pci *v)
{
	/* First all of them out, or one would take the place of another. */
	for (unsigned int i = 0; i < VFIO_NR_BARS; i++)
		if (v->bars[i].v && v->bars[i].claimed && !v->bars[i].live)
			bar_unmap(&v->bars[i]);
	for (unsigned int i = 0; i < VFIO_NR_BARS; i++)
		if (v->bars[i].v) /* else init did not get there */
			bar_fini(&v->bars[i]);
}
