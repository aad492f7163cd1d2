// SPDX-License-Identifier: BSD-2-Clause
/*
 * Owns what a VM is before it has vCPUs: the width of its addresses, what KVM
 * must offer.  The interrupt controller is gic.c's, vCPUs are cpu.c's.
 */
#include "arch.h"

#include <errno.h>
#include <stdio.h>

#include "abi/kvm.h"
#include "arm64/gic.h"
#include "kvm.h"
#include "log.h"

#define DEFAULT_IPA_BITS 40 /* of KVMs that do not let one choose */
/* Guests whose kernels know no wider physical addresses are to reach all. */
#define MAX_IPA_BITS 48

static const struct kvm_cap required[] = {
	{ KVM_CAP_ARM_PSCI_0_2, "KVM_CAP_ARM_PSCI_0_2",
	  "a guest could not start its CPUs, or stop" },
	{ KVM_CAP_ONE_REG, "KVM_CAP_ONE_REG", "vCPUs have no other registers" },
	{ KVM_CAP_MSI_DEVID, "KVM_CAP_MSI_DEVID",
	  "there is no ITS to send messages to" },
};

/* 0 where KVM does not tell. */
static unsigned int offered_bits(struct kvm *kvm)
{
	int r = kvm_ioctl(kvm, kvm_sys_fd(kvm), KVM_CHECK_EXTENSION,
			  (void *)(uintptr_t)KVM_CAP_ARM_VM_IPA_SIZE);

	return r > 0 ? MIN((unsigned int)r, (unsigned int)MAX_IPA_BITS) : 0;
}

int arch_phys_bits(struct kvm *kvm, unsigned int *bits)
{
	*bits = offered_bits(kvm);
	if (!*bits)
		*bits = DEFAULT_IPA_BITS;
	return 0;
}

int arch_vm_create(struct kvm *kvm, unsigned int flags)
{
	int r;

	/* Deleting a memslot costs what it unmaps, no more. */
	if (flags & ARCH_VM_SLOT_ZAP_ALL) {
		log_err("--kvm: slot-zap-all: KVM has no such habit on this"
			" architecture; leave it out");
		return -ENOTSUP;
	}
	r = kvm_create_vm(kvm, KVM_VM_TYPE_ARM_IPA_SIZE(offered_bits(kvm)));
	if (!r)
		r = gic_create(kvm);
	if (!r)
		/* The ITS is there now. */
		r = kvm_require(kvm, required, ARRAY_SIZE(required),
				"use a newer kernel");
	return r;
}

int arch_vm_finish(struct kvm *kvm)
{
	return gic_init(kvm);
}

int arch_vm_reset(struct kvm *kvm, unsigned int nr_cpus)
{
	return gic_reset(kvm, nr_cpus);
}

void arch_vm_describe(struct kvm *kvm, char *buf, size_t size)
{
	unsigned int bits;

	(void)arch_phys_bits(kvm, &bits); /* cannot fail here */
	snprintf(buf, size, ", GICv3 with ITS, %u-bit guest addresses", bits);
}

int arch_check_cpu(const char *cpuinfo, const char **what)
{
	(void)cpuinfo;
	(void)what;
	return 0;
}

static const struct sandbox_ioctl allowed[] = {
	{ KVM_CHECK_EXTENSION, SANDBOX_LOOP, "choose what to reset" },
	{ KVM_ARM_PREFERRED_TARGET, SANDBOX_LOOP, "reset a vCPU" },
	{ KVM_ARM_VCPU_INIT, SANDBOX_LOOP, "reset a vCPU" },
	{ KVM_SET_ONE_REG, SANDBOX_LOOP, "reset a vCPU" },
	{ KVM_GET_DEVICE_ATTR, SANDBOX_LOOP, "reset the GIC" },
	{ KVM_SET_DEVICE_ATTR, SANDBOX_LOOP, "reset the GIC" },
};

const struct sandbox_ioctls arch_sandbox_ioctls = {
	.table = allowed,
	.nr = ARRAY_SIZE(allowed),
};
