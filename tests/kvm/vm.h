/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM with one page of real-mode code at 0x1000, for payloads of a few
 * bytes: enough for any KVM that can create VMs, also one that runs no
 * kernel.
 */
#ifndef TESTS_KVM_VM_H
#define TESTS_KVM_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats.h"
#include "vmevent.h"

#define VM_RAM_BYTES 0x10000
#define VM_CODE 0x1000

struct vm {
	struct stats stats;
	struct kvm *kvm;
	struct bus *bus;
	struct irq *irq;
	struct vcpus *vcpus;
	uint8_t *ram;
	int event_fd; /* counts events */
	unsigned int events; /* bits of enum vm_event */
};

/* False, with nothing left behind, when VMs cannot be created here. */
bool vm_available(void);
/* Fails the running test on any error. */
void vm_init(struct vm *vm, unsigned int nr_cpus, const void *code,
	     size_t code_bytes);
/* Runs until an event; false after five seconds without. vCPUs parked. */
bool vm_run(struct vm *vm);
void vm_fini(struct vm *vm);

#endif
