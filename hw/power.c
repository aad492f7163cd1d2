// SPDX-License-Identifier: BSD-2-Clause
/*
 * power - the power button, and the sleep, reset and event registers of
 * hardware-reduced ACPI. Owns the events that wait for the guest; what a
 * power-off or reset leads to is the machine's affair.
 *
 * Everything is guarded by dev_lock.
 */
#include "power.h"

#include <errno.h>
#include <stdlib.h>

#include "irq.h"
#include "log.h"
#include "util.h"

#define NR_REGS 7

#define SLP_EN 0x20
#define SLP_TYP(val) ((val) >> 2 & 7)
#define WAK_STS 0x80

struct power {
	struct bus_range regs; /* size 0: none */
	struct bus *bus;
	struct irq *irq;
	uint32_t gsi;
	struct vm_events events;
	uint32_t pending; /* POWER_EVENT_*: the line is high */
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
	if (offset == POWER_REG_EVENTS && len == 4)
		return take_events(p);
	if (len != 1 || offset < POWER_REG_SLEEP_CONTROL)
		return all_ones(len);
	return offset == POWER_REG_SLEEP_STATUS ? p->sleep_status : 0;
}

static void regs_write(void *opaque, uint64_t offset, unsigned int len,
		       uint64_t val)
{
	struct power *p = opaque;

	if (len != 1)
		return;
	if (offset == POWER_REG_SLEEP_CONTROL) {
		if ((val & SLP_EN) && SLP_TYP(val) == POWER_SLP_TYP_S5)
			tell(p, VM_POWEROFF);
	} else if (offset == POWER_REG_SLEEP_STATUS) {
		p->sleep_status &= ~(val & WAK_STS);
	} else if (offset == POWER_REG_RESET && val == POWER_RESET_VALUE) {
		tell(p, VM_RESET);
	}
}

static const struct bus_ops regs_ops = {
	.read = regs_read,
	.write = regs_write,
};

int power_create(struct power **out, struct bus *bus,
		 const struct bus_place *regs, struct irq *irq, uint32_t gsi,
		 struct vm_events events)
{
	struct power *p = calloc(1, sizeof(*p));
	int r = 0;

	if (!p) {
		log_err("power: out of memory");
		return -ENOMEM;
	}
	p->bus = bus;
	p->irq = irq;
	p->gsi = gsi;
	p->events = events;
	p->regs = (struct bus_range){
		.name = "power",
		.space = regs->space,
		.start = regs->base,
		.size = regs->base ? NR_REGS : 0,
		.ops = &regs_ops,
		.opaque = p,
	};
	if (p->regs.size)
		r = bus_claim(bus, &p->regs);
	if (r) {
		free(p);
		return r;
	}
	*out = p;
	return 0;
}

void power_button(struct power *p)
{
	if (!p->regs.size) {
		irq_set_level(p->irq, p->gsi, true);
		irq_set_level(p->irq, p->gsi, false);
		return;
	}
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
	bus_forget(p->bus, &p->regs);
	free(p);
}
