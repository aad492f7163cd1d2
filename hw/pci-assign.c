// SPDX-License-Identifier: BSD-2-Clause
/*
 * Owns the resource assignment that firmware would do: bus numbers, bridge
 * windows, BAR addresses.  Writes them as a guest would, through config
 * space, and keeps nothing afterwards.
 *
 * Every BAR behind a port goes into one of the port's three windows, largest
 * first, so that natural alignment leaves no gaps; a BAR of the root bus is a
 * window of its own.  Windows take the first place that fits.
 */
#include "pci.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <linux/pci_regs.h>

#include "log.h"
#include "pci-tree.h"

enum kind { KIND_IO, KIND_MEM, KIND_PREF, NR_KINDS };

static const uint64_t granule[NR_KINDS] = { KIB(4), MIB(1), MIB(1) };

struct window;

/* One BAR to place. */
struct slot {
	struct pci_dev *dev;
	struct pci_port *port; /* NULL: on the root bus */
	unsigned int bar;
	unsigned int order; /* of discovery, so that sorting is stable */
	enum kind kind;
	uint64_t size, offset; /* in its window */
	struct window *window;
};

struct window {
	struct pci_port *port;
	enum kind kind;
	uint64_t start, size, align;
	const struct slot *largest;
};

struct plan {
	struct range space[NR_KINDS];
	struct slot *slots;
	unsigned int nr_slots;
	struct window *windows; /* no more than slots */
	unsigned int nr_windows;
};

static enum kind kind_of(const struct plan *p, const struct pci_bar *bar)
{
	if (bar->type == PCI_BAR_IO)
		return KIND_IO;
	if (bar->type == PCI_BAR_MEM64 && bar->prefetch &&
	    p->space[KIND_PREF].size)
		return KIND_PREF;
	return KIND_MEM;
}

/* Counts the BARs of dev, or describes them where slots are allocated. */
static void add_slots(struct plan *p, struct pci_dev *dev,
		      struct pci_port *port)
{
	unsigned int i;

	for (i = 0; dev && i < ARRAY_SIZE(dev->bars.bar); i++) {
		const struct pci_bar *bar = &dev->bars.bar[i];

		if (bar->type == PCI_BAR_NONE)
			continue;
		if (p->slots)
			p->slots[p->nr_slots] = (struct slot){
				.dev = dev,
				.port = port,
				.bar = i,
				.order = p->nr_slots,
				.size = bar->size,
			};
		p->nr_slots++;
	}
}

static void find_slots(struct plan *p, struct pci_host *host)
{
	unsigned int i;

	p->nr_slots = 0;
	for (i = 0; i < PCI_NR_DEVFN; i++)
		add_slots(p, host->root[i], NULL);
	for (i = 0; i < PCI_NR_SLOTS; i++)
		if (host->ports[i])
			add_slots(p, host->ports[i]->child, host->ports[i]);
}

static int larger_first(const void *x, const void *y)
{
	const struct slot *a = x, *b = y;

	if (a->size != b->size)
		return a->size > b->size ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static void print_size(char buf[32], uint64_t bytes)
{
	static const char *const unit[] = { "bytes", "KiB", "MiB",
					    "GiB",   "TiB", "PiB" };
	unsigned int i = 0;

	while (i + 1 < ARRAY_SIZE(unit) && bytes >= 1024 && bytes % 1024 == 0) {
		bytes /= 1024;
		i++;
	}
	snprintf(buf, 32, "%" PRIu64 " %s", bytes, unit[i]);
}

static int no_space(const struct plan *p, const struct slot *s)
{
	static const char *const name[NR_KINDS] = { "I/O", "32-bit memory",
						    "64-bit memory" };
	static const char *const remedy[NR_KINDS] = {
		"at most 15 devices with I/O BARs fit in one guest",
		"assign fewer devices to this guest",
		"assign fewer devices, or use a host that addresses more",
	};
	char need[32], have[32], bar[16];

	print_size(need, s->size);
	print_size(have, p->space[s->kind].size);
	snprintf(bar, sizeof(bar), "BAR %u", s->bar);
	log_err("%s: no room for %s of %s: the guest's %s window of %s is too "
		"small or full; %s",
		s->dev->name, s->bar == PCI_BAR_ROM ? "the ROM" : bar, need,
		name[s->kind], have, remedy[s->kind]);
	return -ENOSPC;
}

static struct window *window_of(struct plan *p, const struct slot *s)
{
	struct window *w;
	unsigned int i;

	for (i = 0; s->port && i < p->nr_windows; i++) {
		w = &p->windows[i];
		if (w->port == s->port && w->kind == s->kind)
			return w;
	}
	w = &p->windows[p->nr_windows++];
	*w = (struct window){
		.port = s->port,
		.kind = s->kind,
		.align = s->port ? MAX(s->size, granule[s->kind]) : s->size,
		.largest = s,
	};
	return w;
}

/* Gives each BAR its place in a window and each window its size. */
static const struct slot *pack(struct plan *p)
{
	struct slot *s;
	unsigned int i;

	p->nr_windows = 0;
	for (i = 0; i < p->nr_slots; i++) {
		s = &p->slots[i];
		s->kind = kind_of(p, &s->dev->bars.bar[s->bar]);
		/* Also bounds the sums below. */
		if (s->size > p->space[s->kind].size)
			return s;
		s->window = window_of(p, s);
		s->offset = s->window->size;
		s->window->size += s->size;
	}
	for (i = 0; i < p->nr_windows; i++)
		if (p->windows[i].port)
			p->windows[i].size =
				align_up(p->windows[i].size,
					 granule[p->windows[i].kind]);
	return NULL;
}

/* Moves w to at if that is free among the earlier windows, and lower. */
static void try_place(const struct plan *p, struct window *w, uint64_t at)
{
	const struct range *space = &p->space[w->kind];
	const struct window *o;

	if (at >= w->start ||
	    !range_contains(space->start, space->size, at, w->size))
		return;
	for (o = p->windows; o < w; o++)
		if (o->kind == w->kind &&
		    ranges_overlap(o->start, o->size, at, w->size))
			return;
	w->start = at;
}

/* First fit; gives the BAR for which no place was found. */
static const struct slot *place(struct plan *p)
{
	unsigned int i;

	for (i = 0; i < p->nr_windows; i++) {
		struct window *w = &p->windows[i], *o;

		/* The lowest free place is at the start or behind another. */
		w->start = UINT64_MAX;
		try_place(p, w, align_up(p->space[w->kind].start, w->align));
		for (o = p->windows; o < w; o++)
			if (o->kind == w->kind)
				try_place(p, w,
					  align_up(o->start + o->size,
						   w->align));
		if (w->start == UINT64_MAX)
			return w->largest;
	}
	return NULL;
}

/*
 * Makes the largest 64-bit BAR of the 32-bit window prefetchable, as only
 * that may lie above 4 GiB behind a bridge; guests reject any other place.
 * It is safe: all of the path is PCI Express or virtual, where nothing
 * prefetches or merges (PCI Express 7.5.1.2.1, implementation note).
 */
static bool relax(struct plan *p)
{
	unsigned int i;

	for (i = 0; p->space[KIND_PREF].size && i < p->nr_slots; i++) {
		struct slot *s = &p->slots[i];
		struct pci_bar *bar = &s->dev->bars.bar[s->bar];

		if (bar->type == PCI_BAR_MEM64 && !bar->prefetch) {
			bar->prefetch = true;
			return true;
		}
	}
	return false;
}

static void write_bar(const struct slot *s)
{
	uint64_t addr = s->window->start + s->offset;
	unsigned int off = s->bar == PCI_BAR_ROM ?
				   PCI_ROM_ADDRESS :
				   PCI_BASE_ADDRESS_0 + 4 * s->bar;

	pci_dev_write(s->dev, off, 4, (uint32_t)addr);
	if (s->dev->bars.bar[s->bar].type == PCI_BAR_MEM64)
		pci_dev_write(s->dev, off + 4, 4, (uint32_t)(addr >> 32));
}

/* No window is one whose limit is below its base. */
static void close_windows(struct pci_dev *bridge)
{
	pci_dev_write(bridge, PCI_IO_BASE, 1, 0xf0);
	pci_dev_write(bridge, PCI_IO_LIMIT, 1, 0);
	pci_dev_write(bridge, PCI_MEMORY_BASE, 4, 0x0000fff0);
	pci_dev_write(bridge, PCI_PREF_LIMIT_UPPER32, 4, 0);
	pci_dev_write(bridge, PCI_PREF_MEMORY_BASE, 4, 0x0000fff0);
	pci_dev_write(bridge, PCI_PREF_BASE_UPPER32, 4, UINT32_MAX);
}

/* Opens a window of the bridge; gives the COMMAND bits it needs. */
static uint16_t write_window(struct pci_dev *bridge, const struct window *w)
{
	uint64_t last = w->start + w->size - 1;
	/* Bits 31:20 of an address sit in bits 15:4 of a register. */
	uint32_t base = (uint32_t)w->start >> 16 & 0xfff0;
	uint32_t limit = (uint32_t)last >> 16 & 0xfff0;

	switch (w->kind) {
	case KIND_IO:
		pci_dev_write(bridge, PCI_IO_BASE, 1, w->start >> 8 & 0xf0);
		pci_dev_write(bridge, PCI_IO_LIMIT, 1, last >> 8 & 0xf0);
		return PCI_COMMAND_IO;
	case KIND_MEM:
		pci_dev_write(bridge, PCI_MEMORY_BASE, 4, limit << 16 | base);
		return PCI_COMMAND_MEMORY;
	default:
		pci_dev_write(bridge, PCI_PREF_MEMORY_BASE, 4,
			      limit << 16 | base);
		pci_dev_write(bridge, PCI_PREF_BASE_UPPER32, 4,
			      (uint32_t)(w->start >> 32));
		pci_dev_write(bridge, PCI_PREF_LIMIT_UPPER32, 4,
			      (uint32_t)(last >> 32));
		return PCI_COMMAND_MEMORY;
	}
}

static void write_port(const struct plan *p, struct pci_port *port,
		       unsigned int bus)
{
	uint16_t command = PCI_COMMAND_MASTER;
	unsigned int i;

	pci_dev_write(&port->dev, PCI_COMMAND, 2, 0);
	pci_dev_write(&port->dev, PCI_PRIMARY_BUS, 1, 0);
	pci_dev_write(&port->dev, PCI_SECONDARY_BUS, 1, bus);
	pci_dev_write(&port->dev, PCI_SUBORDINATE_BUS, 1, bus);
	close_windows(&port->dev);
	for (i = 0; i < p->nr_windows; i++)
		if (p->windows[i].port == port)
			command |= write_window(&port->dev, &p->windows[i]);
	pci_dev_write(&port->dev, PCI_COMMAND, 2, command);
}

static void write_plan(const struct plan *p, struct pci_host *host)
{
	unsigned int bus = 0, i;

	for (i = 0; i < p->nr_slots; i++) {
		/* Nothing may be decoded while it moves. */
		pci_dev_write(p->slots[i].dev, PCI_COMMAND, 2, 0);
		write_bar(&p->slots[i]);
	}
	for (i = 0; i < PCI_NR_SLOTS; i++)
		if (host->ports[i])
			write_port(p, host->ports[i], ++bus);
}

static int plan_alloc(struct plan *p, struct pci_host *host)
{
	find_slots(p, host);
	/* One more, as an allocation of nothing may be NULL. */
	p->slots = calloc(p->nr_slots + 1, sizeof(*p->slots));
	p->windows = calloc(p->nr_slots + 1, sizeof(*p->windows));
	if (!p->slots || !p->windows) {
		log_err("pci: no resource assignment: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	find_slots(p, host);
	qsort(p->slots, p->nr_slots, sizeof(*p->slots), larger_first);
	return 0;
}

int pci_host_assign(struct pci_host *host, const struct pci_windows *w)
{
	struct plan p = {
		.space = { w->pio, w->mmio32, w->mmio64 },
	};
	const struct slot *lost;
	int r;

	r = plan_alloc(&p, host);
	if (r)
		goto out;
	do {
		lost = pack(&p);
		if (!lost)
			lost = place(&p);
	} while (lost && lost->kind == KIND_MEM && relax(&p));
	if (lost)
		r = no_space(&p, lost);
	else
		write_plan(&p, host);
out:
	free(p.slots);
	free(p.windows);
	return r;
}
