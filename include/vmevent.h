/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a device model tells the machine.  The callback is fixed at creation,
 * runs in any thread with dev_lock held, and never blocks: the machine notes
 * the event, vCPUs park before they enter the guest again, and the loop does
 * the work.
 */
#ifndef WHERRY_VMEVENT_H
#define WHERRY_VMEVENT_H

enum vm_event {
	VM_POWEROFF, /* the guest powered itself off */
	VM_RESET, /* the guest asked for a reboot */
	VM_CRASHED, /* pvpanic, or a triple fault */
	VM_FAILED, /* wherry itself cannot go on */
};

struct vm_events {
	void (*fn)(void *opaque, enum vm_event ev);
	void *opaque;
};

#endif
