/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Power button, sleep and reset registers of hardware-reduced ACPI (ACPI 6.5
 * sections 4.8.3.7, 4.8.3.6 and 5.6.9), and pvpanic, as ports.
 *
 * POWER_BASE + 0  u32  GED event selector: reading returns pending events
 *                      and clears them (lowers the GED's line)
 * POWER_BASE + 4  u8   sleep control: SLP_EN (bit 5) with SLP_TYP 5 (bits
 *                      2-4) powers off
 * POWER_BASE + 5  u8   sleep status: WAK_STS, write one to clear
 * POWER_BASE + 6  u8   reset: writing 1 resets the machine
 * PVPANIC_PORT    u8   reads the supported events (1: panicked, 4: shut
 *                      down); writing 1 means the guest panicked, 4 that
 *                      it powers off
 */
#ifndef WHERRY_POWER_H
#define WHERRY_POWER_H

#include <stdint.h>

#include "bus.h"
#include "vmevent.h"

#define POWER_BASE 0x600
#define PVPANIC_PORT 0x505
#define POWER_EVENT_BUTTON 1u
#define POWER_RESET (POWER_BASE + 6)
#define POWER_RESET_VALUE 1
#define POWER_SLP_TYP_S5 5

struct irq;
struct power;

int power_create(struct power **out, struct bus *bus, struct irq *irq,
		 uint32_t ged_gsi, struct vm_events events);
/* Presses the power button: raises the GED.  dev_lock held. */
void power_button(struct power *p);
void power_reset(struct power *p);
void power_destroy(struct power *p);

#endif
