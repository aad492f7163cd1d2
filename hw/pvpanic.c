// SPDX-License-Identifier: BSD-2-Clause
/*
 * pvpanic - the byte by which a guest tells that it crashed. What that leads
 * to is the machine's affair.  Guarded by dev_lock.
 */
#include "pvpanic.h"

#include <errno.h>
#include <stdlib.h>

#include "log.h"

#define PVPANIC_PANICKED 0x01
#define PVPANIC_SHUTDOWN 0x04

struct pvpanic {
	struct bus_range reg;
	struct bus *bus;
	struct vm_events events;
};

static uint64_t pvpanic_read(void *opaque, uint64_t offset, unsigned int len)
{
	(void)opaque;
	(void)offset;
	(void)len;
	return PVPANIC_PANICKED | PVPANIC_SHUTDOWN;
}

static void pvpanic_write(void *opaque, uint64_t offset, unsigned int len,
			  uint64_t val)
{
	struct pvpanic *p = opaque;

	(void)offset;
	(void)len;
	if (val & PVPANIC_PANICKED)
		p->events.fn(p->events.opaque, VM_CRASHED);
	else if (val & PVPANIC_SHUTDOWN)
		p->events.fn(p->events.opaque, VM_POWEROFF);
}

static const struct bus_ops pvpanic_ops = {
	.read = pvpanic_read,
	.write = pvpanic_write,
};

int pvpanic_create(struct pvpanic **out, struct bus *bus,
		   const struct bus_place *place, struct vm_events events)
{
	struct pvpanic *p = calloc(1, sizeof(*p));
	int r;

	if (!p) {
		log_err("pvpanic: out of memory");
		return -ENOMEM;
	}
	p->bus = bus;
	p->events = events;
	p->reg = (struct bus_range){
		.name = "pvpanic",
		.space = place->space,
		.start = place->base,
		.size = 1,
		.ops = &pvpanic_ops,
		.opaque = p,
	};
	r = bus_claim(bus, &p->reg);
	if (r) {
		free(p);
		return r;
	}
	*out = p;
	return 0;
}

void pvpanic_destroy(struct pvpanic *p)
{
	if (!p)
		return;
	bus_forget(p->bus, &p->reg);
	free(p);
}
