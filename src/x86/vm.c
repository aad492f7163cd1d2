// SPDX-License-Identifier: BSD-2-Clause
/*
 * Owns what a VM is before it has vCPUs: the in-kernel irqchip, KVM's own
 * pages, quirks.  Does not own vCPU state (cpu.c) or routes (routes.c).
 */
#include "arch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <asm/kvm_para.h>

#include "arch-text.h"
#include "fd.h"
#include "kvm.h"
#include "log.h"
#include "x86/abi.h"
#include "x86/cpu.h"
#include "x86/map.h"

#define NODE "/dev/kvm"

static const struct kvm_cap required[] = {
	{ KVM_CAP_IRQCHIP, "KVM_CAP_IRQCHIP",
	  "this KVM has no full in-kernel interrupt controller" },
	{ KVM_CAP_TSC_DEADLINE_TIMER, "KVM_CAP_TSC_DEADLINE_TIMER",
	  "the machine has no other timer" },
	{ KVM_CAP_SET_TSS_ADDR, "KVM_CAP_SET_TSS_ADDR", "Intel CPUs need it" },
	{ KVM_CAP_VCPU_EVENTS, "KVM_CAP_VCPU_EVENTS", "reboots need it" },
};

/* Hardware-reduced ACPI leaves a guest no PIT and no PM timer. */
static int check_clock(struct kvm *kvm)
{
	struct kvm_cpuid2 *cpuid cleanup_free = NULL;
	int r = cpuid_supported(kvm, &cpuid);

	if (r)
		return r;
	if (cpuid_kvm_features(cpuid) & (1u << KVM_FEATURE_CLOCKSOURCE2))
		return 0;
	log_err(NODE ": kvm-clock is missing: the machine has no other clock "
		     "to start from; use a kernel with kvm_intel or kvm_amd");
	return -ENOTSUP;
}

static int set(struct kvm *kvm, unsigned long request, void *arg,
	       const char *name)
{
	int r = kvm_ioctl(kvm, kvm_vm_fd(kvm), request, arg);

	if (r >= 0)
		return 0;
	log_err(NODE ": %s: %s", name, strerror(-r));
	return r;
}

/*
 * Without this, each BAR that a guest moves costs every shadow page.  Only
 * some KVMs offer it; the others are slower, not wrong.
 */
static int disable_quirks(struct kvm *kvm)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_DISABLE_QUIRKS2,
		.args = { KVM_X86_QUIRK_SLOT_ZAP_ALL },
	};

	if (!(kvm_extension(kvm, KVM_CAP_DISABLE_QUIRKS2) &
	      KVM_X86_QUIRK_SLOT_ZAP_ALL))
		return 0;
	return set(kvm, KVM_ENABLE_CAP, &cap, "KVM_CAP_DISABLE_QUIRKS2");
}

int arch_vm_create(struct kvm *kvm, const struct arch_vm_params *p)
{
	uint64_t identity_map = KVM_IDENTITY_MAP_BASE;
	int r = kvm_create_vm(kvm, 0);

	if (!r)
		r = kvm_require(kvm, required, ARRAY_SIZE(required),
				arch_text.kvm_kernel);
	if (!r)
		r = check_clock(kvm);
	if (!r && kvm_extension(kvm, KVM_CAP_SET_IDENTITY_MAP_ADDR))
		r = set(kvm, KVM_SET_IDENTITY_MAP_ADDR, &identity_map,
			"KVM_SET_IDENTITY_MAP_ADDR");
	if (!r)
		r = set(kvm, KVM_SET_TSS_ADDR, (void *)(uintptr_t)KVM_TSS_BASE,
			"KVM_SET_TSS_ADDR");
	if (!r)
		r = set(kvm, KVM_CREATE_IRQCHIP, NULL, "KVM_CREATE_IRQCHIP");
	if (!r && !(p->flags & ARCH_VM_SLOT_ZAP_ALL))
		r = disable_quirks(kvm);
	return r;
}

/* The irqchip is complete from its creation on. */
int arch_vm_finish(struct kvm *kvm)
{
	(void)kvm;
	return 0;
}

void arch_vm_describe(struct kvm *kvm, char *buf, size_t size)
{
	(void)kvm;
	snprintf(buf, size, "%s", "");
}

int arch_check_cpu(const char *cpuinfo, const char **what)
{
	static const char *const flags[][2] = { { " vmx", "VT-x" },
						{ " svm", "AMD-V" } };
	const char *line = strstr(cpuinfo, "\nflags");
	const char *end = line ? strchr(line + 1, '\n') : NULL;
	const char *at;

	if (!line)
		return 0;
	for (unsigned int i = 0; i < ARRAY_SIZE(flags); i++) {
		at = strstr(line, flags[i][0]);
		if (!at || (end && at > end))
			continue;
		*what = flags[i][1];
		return 1;
	}
	*what = "the CPU offers neither VT-x nor AMD-V";
	return -1;
}

/* All but which pins can be level-triggered, which is the board's. */
static void reset_pic(struct kvm_pic_state *pic)
{
	*pic = (struct kvm_pic_state){ .elcr_mask = pic->elcr_mask };
}

static void reset_ioapic(struct kvm_ioapic_state *io)
{
	*io = (struct kvm_ioapic_state){ .base_address = IOAPIC_BASE };
	for (size_t i = 0; i < ARRAY_SIZE(io->redirtbl); i++)
		io->redirtbl[i].fields.mask = 1;
}

int arch_vm_reset(struct kvm *kvm, unsigned int nr_cpus)
{
	static const uint32_t chips[] = { KVM_IRQCHIP_PIC_MASTER,
					  KVM_IRQCHIP_PIC_SLAVE,
					  KVM_IRQCHIP_IOAPIC };

	(void)nr_cpus;
	for (size_t i = 0; i < ARRAY_SIZE(chips); i++) {
		struct kvm_irqchip chip = { .chip_id = chips[i] };
		int r = set(kvm, KVM_GET_IRQCHIP, &chip, "KVM_GET_IRQCHIP");

		if (r)
			return r;
		if (chips[i] == KVM_IRQCHIP_IOAPIC)
			reset_ioapic(&chip.chip.ioapic);
		else
			reset_pic(&chip.chip.pic);
		r = set(kvm, KVM_SET_IRQCHIP, &chip, "KVM_SET_IRQCHIP");
		if (r)
			return r;
	}
	return 0;
}

static const struct sandbox_ioctl allowed[] = {
	{ KVM_GET_IRQCHIP, SANDBOX_LOOP, "reset the irqchip" },
	{ KVM_SET_IRQCHIP, SANDBOX_LOOP, "reset the irqchip" },
	{ KVM_CHECK_EXTENSION, SANDBOX_LOOP, "choose what to reset" },
	{ KVM_SET_MSRS, SANDBOX_LOOP, "reset a vCPU" },
	{ KVM_SET_SREGS, SANDBOX_LOOP, "reset a vCPU" },
	{ KVM_SET_REGS, SANDBOX_LOOP, "reset a vCPU" },
	{ KVM_SET_FPU, SANDBOX_LOOP, "reset a vCPU" },
	{ KVM_SET_XSAVE, SANDBOX_LOOP, "reset a vCPU" },
	{ KVM_SET_XCRS, SANDBOX_LOOP, "reset a vCPU" },
	{ KVM_SET_DEBUGREGS, SANDBOX_LOOP, "reset a vCPU" },
	{ KVM_SET_VCPU_EVENTS, SANDBOX_LOOP, "reset a vCPU" },
	{ KVM_SET_MP_STATE, SANDBOX_LOOP, "reset a vCPU" },
	{ KVM_GET_NESTED_STATE, SANDBOX_LOOP, "reset a vCPU" },
	{ KVM_SET_NESTED_STATE, SANDBOX_LOOP, "reset a vCPU" },
	{ KVM_GET_LAPIC, SANDBOX_LOOP, "reset a local APIC" },
	{ KVM_SET_LAPIC, SANDBOX_LOOP, "reset a local APIC" },
};

const struct sandbox_ioctls arch_sandbox_ioctls = {
	.table = allowed,
	.nr = ARRAY_SIZE(allowed),
};
