// SPDX-License-Identifier: BSD-2-Clause
/*
 * power - the sleep, reset and event registers of hardware-reduced ACPI, and
 * pvpanic. Owns the events that wait for the guest; what a power-off or reset
 * leads to is the machine's affair.
 *
 * Everything is guarded by dev_lock.
 */
#include "power.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "irq.h"
#include "log.h"
#include "util.h"

#define REG_EVENTS 0
#define REG_SLEEP_CONTROL 4
#define REG_SLEEP_STATUS 5
#define REG_RESET 6
#define NR_REGS 7

#define SLP_EN 0x20
#define SLP_TYP(val) ((val) >> 2 & 7)
#define WAK_STS 0x80

#define PVPANIC_PANICKED 0x01
#define PVPANIC_SHUTDOWN 0x04

struct power {
	struct bus_range regs, pvpanic;
	struct bus *bus;
	struct irq *irq;
	uint32_t gsi;
	struct vm_events events;
	uint32_t pending; /* POWER_EVENT_*: the GED's line is high */
	uint8_t sleep_status;
};

static void tell(struct power *p, enum vm_event ev)
{
	p->events.fn(p->events.opaque, ev);
}

static uint32_t take_events(struct power *p)
{
	uint32_t pending = p->pending;

	p->pending = 0;
	if (pending)
		irq_set_level(p->irq, p->gsi, false);
	return pending;
}

static uint64_t regs_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct power *p = opaque;

	/* Shorter and longer ones would clear what they do not return. */
	if (offset == REG_EVENTS && len == 4)
		return take_events(p);
	if (len != 1 || offset < REG_SLEEP_CONTROL)
		return all_ones(len);
	return offset == REG_SLEEP_STATUS ? p->sleep_status : 0;
}

static void regs_write(void *opaque, uint64_t offset, unsigned int len,
		       uint64_t val)
{
	struct power *p = opaque;

	if (len != 1)
		return;
	if (offset == REG_SLEEP_CONTROL) {
		if ((val & SLP_EN) && SLP_TYP(val) == POWER_SLP_TYP_S5)
			tell(p, VM_POWEROFF);
	} else if (offset == REG_SLEEP_STATUS) {
		p->sleep_status &= ~(val & WAK_STS);
	} else if (offset == REG_RESET && val == POWER_RESET_VALUE) {
		tell(p, VM_RESET);
	}
}

static const struct bus_ops regs_ops = {
	.read = regs_read,
	.write = regs_write,
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
	struct power *p = opaque;

	(void)offset;
	(void)len;
	if (val & PVPANIC_PANICKED)
		tell(p, VM_CRASHED);
	else if (val & PVPANIC_SHUTDOWN)
		tell(p, VM_POWEROFF);
}

static const struct bus_ops pvpanic_ops = {
	.read = pvpanic_read,
	.write = pvpanic_write,
};

static int claim(struct power *p, struct bus_range *range)
{
	int r;

	range->space = BUS_PIO;
	range->opaque = p;
	r = bus_add(p->bus, range);
	if (r)
		log_err("%s: port 0x%llx: %s", range->name,
			(unsigned long long)range->start, strerror(-r));
	return r;
}

int power_create(struct power **out, struct bus *bus, struct irq *irq,
		 uint32_t ged_gsi, struct vm_events events)
{
	struct power *p = calloc(1, sizeof(*p));
	int r;

	if (!p) {
		log_err("power: out of memory");
		return -ENOMEM;
	}
	p->bus = bus;
	p->irq = irq;
	p->gsi = ged_gsi;
	p->events = events;
	p->regs = (struct bus_range){
		.name = "power",
		.start = POWER_BASE,
		.size = NR_REGS,
		.ops = &regs_ops,
	};
	p->pvpanic = (struct bus_range){
		.name = "pvpanic",
		.start = PVPANIC_PORT,
		.size = 1,
		.ops = &pvpanic_ops,
	};
	r = claim(p, &p->regs);
	if (!r)
		r = claim(p, &p->pvpanic);
	if (r) {
		power_destroy(p);
		return r;
	}
	*out = p;
	return 0;
}

void power_button(struct power *p)
{
	if (!p->pending)
		irq_set_level(p->irq, p->gsi, true);
	p->pending |= POWER_EVENT_BUTTON;
}

void power_reset(struct power *p)
{
	(void)take_events(p);
	p->sleep_status = 0;
}

void power_destroy(struct power *p)
{
	if (!p)
		return;
	bus_remove(p->bus, &p->regs);
	bus_remove(p->bus, &p->pvpanic);
	free(p);
}
