/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The power button, in one of two kinds. With registers it is that of
 * hardware-reduced ACPI, beside its sleep and reset registers (ACPI 6.5
 * sections 4.8.3.7, 4.8.3.6 and 5.6.9): a level, until the guest has read the
 * event. Without, it is an interrupt that is a key: an edge.
 *
 * base + 0  u32  GED event selector: reading returns pending events and clears
 *                them (lowers the GED's line)
 * base + 4  u8   sleep control: SLP_EN (bit 5) with SLP_TYP 5 (bits 2-4)
 *                powers off
 * base + 5  u8   sleep status: WAK_STS, write one to clear
 * base + 6  u8   reset: writing 1 resets the machine
 */
#ifndef WHERRY_POWER_H
#define WHERRY_POWER_H

#include <stdint.h>

#include "bus.h"
#include "vmevent.h"

#define POWER_REG_EVENTS 0
#define POWER_REG_SLEEP_CONTROL 4
#define POWER_REG_SLEEP_STATUS 5
#define POWER_REG_RESET 6
#define POWER_EVENT_BUTTON 1u
#define POWER_RESET_VALUE 1
#define POWER_SLP_TYP_S5 5

struct irq;
struct power;

/* regs->base 0: there are no registers. */
int power_create(struct power **out, struct bus *bus,
		 const struct bus_place *regs, struct irq *irq, uint32_t gsi,
		 struct vm_events events);
/* Presses the power button.  dev_lock held. */
void power_button(struct power *p);
void power_reset(struct power *p);
void power_destroy(struct power *p);

#endif
