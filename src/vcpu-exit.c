// SPDX-License-Identifier: BSD-2-Clause
/*
 * Owns the table of exits: what each means for the bus or the machine.  Does
 * not run vCPUs; what an access does is its device's business.
 */
#include "vcpu-priv.h"

#include <stdio.h>

#include "abi/kvm.h"
#include "arch.h"
#include "bus.h"
#include "log.h"

#define MAX_RETRIES 8

void vcpu_event(struct vcpu *vcpu, enum vm_event ev)
{
	struct vcpus *v = vcpu->v;

	bus_lock(v->p.bus);
	v->p.events.fn(v->p.events.opaque, ev);
	bus_unlock(v->p.bus);
	/* Whatever the machine makes of it, this vCPU does not go on alone. */
	vcpus_hold(v);
}

static void exit_io(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;

	for (uint32_t i = 0; i < run->io.count; i++) {
		bus_access(vcpu->v->p.bus, BUS_PIO, run->io.port, data,
			   run->io.size, run->io.direction == KVM_EXIT_IO_OUT);
		data += run->io.size;
	}
}

static void exit_mmio(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	bus_access(vcpu->v->p.bus, BUS_MMIO, run->mmio.phys_addr,
		   run->mmio.data, run->mmio.len, run->mmio.is_write);
}

static void exit_shutdown(struct vcpu *vcpu)
{
	log_err("vcpu%u: the guest crashed: triple fault", vcpu->id);
	vcpu_event(vcpu, VM_CRASHED);
}

static void exit_system_event(struct vcpu *vcpu)
{
	switch (vcpu->run->system_event.type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		vcpu_event(vcpu, VM_POWEROFF);
		break;
	case KVM_SYSTEM_EVENT_RESET:
		vcpu_event(vcpu, VM_RESET);
		break;
	default:
		log_err("vcpu%u: the guest crashed: system event %u", vcpu->id,
			vcpu->run->system_event.type);
		vcpu_event(vcpu, VM_CRASHED);
	}
}

/*
 * "An access to a device while an event is delivered": Linux 6.14 and newer say
 * so of a CPU that leaves the last event's type behind, as QEMU's emulated AMD
 * does.  KVM delivers again what was not, so going on is harmless, and where it
 * was true the same comes back at once.
 */
static bool is_worth_a_retry(struct vcpu *vcpu)
{
	return vcpu->run->internal.suberror == KVM_INTERNAL_ERROR_DELIVERY_EV &&
	       vcpu->retries++ < MAX_RETRIES;
}

static void exit_internal_error(struct vcpu *vcpu)
{
	const struct kvm_run *run = vcpu->run;
	char data[128] = "";
	size_t n = 0;

	if (is_worth_a_retry(vcpu))
		return;
	/* What they mean differs by error; whoever reports it tells them. */
	for (unsigned int i = 0; i < MIN(run->internal.ndata, 5); i++)
		n += (size_t)snprintf(
			data + n, sizeof(data) - n, " %#llx",
			(unsigned long long)run->internal.data[i]);
	log_err("vcpu%u: KVM cannot go on: internal error %u, data%s", vcpu->id,
		run->internal.suberror, n ? data : " none");
	vcpu_event(vcpu, VM_FAILED);
}

static void exit_fail_entry(struct vcpu *vcpu)
{
	log_err("vcpu%u: the CPU refused the guest's state: reason %#llx",
		vcpu->id,
		(unsigned long long)
			vcpu->run->fail_entry.hardware_entry_failure_reason);
	vcpu_event(vcpu, VM_FAILED);
}

static void exit_unknown(struct vcpu *vcpu)
{
	log_err("vcpu%u: unexpected exit reason %u", vcpu->id,
		vcpu->run->exit_reason);
	vcpu_event(vcpu, VM_FAILED);
}

static void exit_arch(struct vcpu *vcpu)
{
	if (arch_vcpu_exit(vcpu->v->p.kvm, vcpu->fd, vcpu->id, vcpu->run,
			   &vcpu->rl))
		vcpu_event(vcpu, VM_FAILED);
}

static void exit_nothing(struct vcpu *vcpu)
{
	(void)vcpu;
}

static const struct {
	const char *name;
	void (*fn)(struct vcpu *vcpu);
} handlers[VCPU_NR_REASONS] = {
	[KVM_EXIT_IO] = { "io", exit_io },
	[KVM_EXIT_MMIO] = { "mmio", exit_mmio },
	[KVM_EXIT_INTR] = { "intr", exit_nothing },
	[KVM_EXIT_IRQ_WINDOW_OPEN] = { "irq_window", exit_nothing },
	[KVM_EXIT_SHUTDOWN] = { "shutdown", exit_shutdown },
	[KVM_EXIT_SYSTEM_EVENT] = { "system_event", exit_system_event },
	[KVM_EXIT_INTERNAL_ERROR] = { "internal_error", exit_internal_error },
	[KVM_EXIT_FAIL_ENTRY] = { "fail_entry", exit_fail_entry },
};

void vcpu_dispatch(struct vcpu *vcpu)
{
	uint32_t reason = vcpu->run->exit_reason;

	if (reason >= VCPU_NR_REASONS)
		reason = VCPU_NR_REASONS - 1;
	vcpu->exits[reason]++;
	if (reason != KVM_EXIT_INTERNAL_ERROR)
		vcpu->retries = 0;
	if (handlers[reason].fn)
		handlers[reason].fn(vcpu);
	else if (arch_exit_name(reason))
		exit_arch(vcpu);
	else
		exit_unknown(vcpu);
}

const char *vcpu_exit_name(unsigned int reason)
{
	return handlers[reason].name ? handlers[reason].name :
				       arch_exit_name(reason);
}
