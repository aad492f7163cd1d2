// SPDX-License-Identifier: BSD-2-Clause
/*
 * Routes trapped accesses and owns dev_lock.  Ranges live in the devices;
 * this file keeps one sorted table of pointers per space, a list of those that
 * wait for others to leave their place, and a list of all ranges that ever
 * were, for their counters.
 */
#include "bus.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

struct bus_table {
	struct bus_range **ranges; /* sorted by start */
	unsigned int nr, room;
};

struct bus {
	pthread_mutex_t dev_lock;
	struct bus_table tables[2]; /* by enum bus_space; dev_lock */
	struct bus_range *known; /* dev_lock */
	struct bus_range *waiting; /* the oldest first; dev_lock */
	uint64_t nr_unclaimed; /* dev_lock */
	struct bus_range ports; /* of BUS_MMIO; size 0: none */
};

int bus_create(struct bus **out)
{
	struct bus *bus = calloc(1, sizeof(*bus));

	if (!bus) {
		log_err("bus: out of memory");
		return -ENOMEM;
	}
	pthread_mutex_init(&bus->dev_lock, NULL);
	*out = bus;
	return 0;
}

void bus_destroy(struct bus *bus)
{
	if (!bus)
		return;
	free(bus->tables[BUS_MMIO].ranges);
	free(bus->tables[BUS_PIO].ranges);
	pthread_mutex_destroy(&bus->dev_lock);
	free(bus);
}

void bus_lock(struct bus *bus)
{
	pthread_mutex_lock(&bus->dev_lock);
}

void bus_unlock(struct bus *bus)
{
	pthread_mutex_unlock(&bus->dev_lock);
}

/* Index of the first range that starts after addr. */
static unsigned int upper_bound(const struct bus_table *t, uint64_t addr)
{
	unsigned int lo = 0, hi = t->nr;

	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;

		if (t->ranges[mid]->start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void remember(struct bus *bus, struct bus_range *range)
{
	for (struct bus_range *r = bus->known; r; r = r->next)
		if (r == range)
			return;
	range->next = bus->known;
	bus->known = range;
}

static int grow(struct bus_table *t)
{
	unsigned int room = t->room ? t->room * 2 : 16;
	struct bus_range **bigger;

	if (t->nr < t->room)
		return 0;
	bigger = reallocarray(t->ranges, room, sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	t->ranges = bigger;
	t->room = room;
	return 0;
}

/* 0, -EEXIST or -ENOMEM. */
static int place(struct bus *bus, struct bus_range *range)
{
	struct bus_table *t = &bus->tables[range->space];
	unsigned int at = upper_bound(t, range->start + (range->size - 1));
	int r;

	if (at > 0) {
		const struct bus_range *below = t->ranges[at - 1];

		if (below->start + (below->size - 1) >= range->start)
			return -EEXIST;
	}
	r = grow(t);
	if (r)
		return r;
	memmove(&t->ranges[at + 1], &t->ranges[at],
		(t->nr - at) * sizeof(t->ranges[0]));
	t->ranges[at] = range;
	t->nr++;
	range->added = true;
	return 0;
}

static void wait_for_place(struct bus *bus, struct bus_range *range)
{
	struct bus_range **p = &bus->waiting;

	while (*p)
		p = &(*p)->next_waiting;
	range->waiting = true;
	range->next_waiting = NULL;
	*p = range;
}

static void stop_waiting(struct bus *bus, struct bus_range *range)
{
	struct bus_range **p = &bus->waiting;

	if (!range->waiting)
		return;
	while (*p != range)
		p = &(*p)->next_waiting;
	*p = range->next_waiting;
	range->waiting = false;
}

int bus_add(struct bus *bus, struct bus_range *range)
{
	uint64_t last = range->start + (range->size - 1);
	int r;

	if (range->added || range->waiting || !range->size ||
	    last < range->start)
		return -EINVAL;
	r = place(bus, range);
	if (r == -EEXIST && range->ops->placed)
		wait_for_place(bus, range);
	if (!r || range->waiting)
		remember(bus, range);
	return r;
}

static uint64_t kept_read(void *opaque, uint64_t offset, unsigned int len)
{
	(void)opaque;
	(void)offset;
	return all_ones(len);
}

static void kept_write(void *opaque, uint64_t offset, unsigned int len,
		       uint64_t val)
{
	(void)opaque;
	(void)offset;
	(void)len;
	(void)val;
}

int bus_keep(struct bus *bus, struct bus_range *range, uint64_t start,
	     uint64_t size)
{
	static const struct bus_ops ops = { kept_read, kept_write, NULL };

	*range = (struct bus_range){
		.name = "kept",
		.space = BUS_MMIO,
		.start = start,
		.size = size,
		.ops = &ops,
	};
	return bus_add(bus, range);
}

int bus_claim(struct bus *bus, struct bus_range *range)
{
	int r = bus_add(bus, range);

	if (r)
		log_err("%s: address 0x%llx: %s", range->name,
			(unsigned long long)range->start, strerror(-r));
	return r;
}

/* The place of one has become free, maybe for several smaller ones. */
static void place_waiting(struct bus *bus)
{
	struct bus_range *range, *next;

	for (range = bus->waiting; range; range = next) {
		next = range->next_waiting;
		if (place(bus, range))
			continue;
		stop_waiting(bus, range);
		range->ops->placed(range->opaque);
	}
}

void bus_remove(struct bus *bus, struct bus_range *range)
{
	struct bus_table *t = &bus->tables[range->space];

	stop_waiting(bus, range);
	if (!range->added)
		return;
	for (unsigned int i = 0; i < t->nr; i++) {
		if (t->ranges[i] != range)
			continue;
		t->nr--;
		memmove(&t->ranges[i], &t->ranges[i + 1],
			(t->nr - i) * sizeof(t->ranges[0]));
		break;
	}
	range->added = false;
	place_waiting(bus);
}

void bus_forget(struct bus *bus, struct bus_range *range)
{
	bus_remove(bus, range);
	for (struct bus_range **p = &bus->known; *p; p = &(*p)->next) {
		if (*p == range) {
			*p = range->next;
			range->next = NULL;
			return;
		}
	}
}

static struct bus_range *find(struct bus *bus, enum bus_space space,
			      uint64_t addr, unsigned int len)
{
	const struct bus_table *t = &bus->tables[space];
	unsigned int at = upper_bound(t, addr);
	struct bus_range *range;

	if (!at)
		return NULL;
	range = t->ranges[at - 1];
	return range_contains(range->start, range->size, addr, len) ? range :
								      NULL;
}

static void access_range(struct bus_range *range, uint64_t offset, void *data,
			 unsigned int len, bool write)
{
	if (write) {
		range->nr_writes++;
		range->ops->write(range->opaque, offset, len,
				  load_le(data, len));
	} else {
		range->nr_reads++;
		store_le(data, len,
			 range->ops->read(range->opaque, offset, len));
	}
}

static void access_bus(struct bus *bus, enum bus_space space, uint64_t addr,
		       void *data, unsigned int len, bool write)
{
	struct bus_range *range = NULL;

	if (len == 1 || len == 2 || len == 4 || len == 8)
		range = find(bus, space, addr, len);
	if (range) {
		access_range(range, addr - range->start, data, len, write);
	} else {
		bus->nr_unclaimed++;
		if (!write)
			memset(data, 0xff, len);
	}
}

void bus_access(struct bus *bus, enum bus_space space, uint64_t addr,
		void *data, unsigned int len, bool write)
{
	bus_lock(bus);
	access_bus(bus, space, addr, data, len, write);
	bus_unlock(bus);
}

static uint64_t ports_read(void *opaque, uint64_t offset, unsigned int len)
{
	uint8_t data[8];

	access_bus(opaque, BUS_PIO, offset, data, len, false);
	return load_le(data, len);
}

static void ports_write(void *opaque, uint64_t offset, unsigned int len,
			uint64_t val)
{
	uint8_t data[8];

	store_le(data, len, val);
	access_bus(opaque, BUS_PIO, offset, data, len, true);
}

int bus_map_ports(struct bus *bus, uint64_t start, uint64_t size)
{
	static const struct bus_ops ops = { ports_read, ports_write, NULL };

	if (!size)
		return 0;
	bus->ports = (struct bus_range){
		.name = "ports",
		.space = BUS_MMIO,
		.start = start,
		.size = size,
		.ops = &ops,
		.opaque = bus,
	};
	return bus_add(bus, &bus->ports);
}

void bus_for_each(struct bus *bus,
		  void (*fn)(void *opaque, const struct bus_range *range),
		  void *opaque)
{
	for (const struct bus_range *r = bus->known; r; r = r->next)
		fn(opaque, r);
}

uint64_t bus_unclaimed(const struct bus *bus)
{
	return bus->nr_unclaimed;
}
