/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pvpanic: one byte by which a guest tells that it crashed.  Reading gives the
 * events that are understood (1: panicked, 4: shut down); writing 1 means the
 * guest panicked, 4 that it powers off.
 */
#ifndef WHERRY_PVPANIC_H
#define WHERRY_PVPANIC_H

#include "bus.h"
#include "vmevent.h"

struct pvpanic;

int pvpanic_create(struct pvpanic **out, struct bus *bus,
		   const struct bus_place *place, struct vm_events events);
void pvpanic_destroy(struct pvpanic *p);

#endif
