/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Routes a trapped MMIO or port access to the device that claims it, and owns
 * dev_lock, the one lock under which all device emulation runs.
 *
 * Lock order: dev_lock, then irq_lock (irq.h).  Handlers run with dev_lock
 * held, in a vCPU thread.
 */
#ifndef WHERRY_BUS_H
#define WHERRY_BUS_H

#include <stdbool.h>
#include <stdint.h>

#include "util.h"

enum bus_space { BUS_MMIO, BUS_PIO };

/* Where a fixed device is. */
struct bus_place {
	enum bus_space space;
	uint64_t base;
};

struct bus;
struct bus_range;

struct bus_ops {
	/* offset is relative to the range; len is 1, 2, 4 or 8. */
	uint64_t (*read)(void *opaque, uint64_t offset, unsigned int len);
	void (*write)(void *opaque, uint64_t offset, unsigned int len,
		      uint64_t val);
	/* May be NULL: what overlaps others then waits until they are gone,
	 * and is told when it has its place.  It may not add or remove ranges
	 * then. */
	void (*placed)(void *opaque);
};

/* Embedded in the device that owns it. */
struct bus_range {
	const char *name; /* for stats: "serial", "0000:01:00.0 bar0 msix" */
	enum bus_space space;
	uint64_t start, size;
	const struct bus_ops *ops;
	void *opaque;
	uint64_t nr_reads, nr_writes; /* dev_lock */
	/* dev_lock; bus.c's. */
	bool added, waiting;
	struct bus_range *next, *next_waiting;
};

int bus_create(struct bus **out);
void bus_destroy(struct bus *bus);

/*
 * For CPUs without port instructions: [start, start + size) of BUS_MMIO is the
 * ports from 0 up.  Once; size 0 does nothing.  As bus_add().
 */
int bus_map_ports(struct bus *bus, uint64_t start, uint64_t size);

void bus_lock(struct bus *bus);
void bus_unlock(struct bus *bus);

/*
 * -EEXIST when it overlaps another range: it then waits where ops has placed().
 * The oldest of those that wait for a place gets it.  -EINVAL when empty or
 * wrapping, or added or waiting already.  Not logged.  dev_lock held (or before
 * the vCPUs run).
 */
int bus_add(struct bus *bus, struct bus_range *range);
/* The same of a range that nobody serves, so that nothing is added over it:
 * fills in what it reads, which is ones, and its name, "kept". */
int bus_keep(struct bus *bus, struct bus_range *range, uint64_t start,
	     uint64_t size);
/* bus_add() of a device of the board, whose failure is logged by the range's
 * name. */
int bus_claim(struct bus *bus, struct bus_range *range);
/* Being neither added nor waiting is no error.  Counters stay.  Others may be
 * placed before it returns. */
void bus_remove(struct bus *bus, struct bus_range *range);

/*
 * One access of len 1 to 8 bytes; takes dev_lock.  A look-up that misses, or
 * an access that crosses the end of a range, reads ones and drops writes.
 */
void bus_access(struct bus *bus, enum bus_space space, uint64_t addr,
		void *data, unsigned int len, bool write);

/* Removes it for good: its owner is about to free it. */
void bus_forget(struct bus *bus, struct bus_range *range);

/* Calls fn for every range that was ever added and not forgotten, its
 * counters standing.  dev_lock held by the caller. */
void bus_for_each(struct bus *bus,
		  void (*fn)(void *opaque, const struct bus_range *range),
		  void *opaque);
/* Accesses that nobody claimed. */
uint64_t bus_unclaimed(const struct bus *bus);

#endif
