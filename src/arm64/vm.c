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
#include "arm64/map.h"
#include "kvm.h"
#include "log.h"

#define DEFAULT_IPA_BITS 40 /* of KVMs that do not let one choose */
/* Guests whose kernels know no wider physical addresses are to reach all. */
#define MAX_IPA_BITS 48

/* Room above RAM for BARs. Few devices have more than a TiB, and of not all it is
 * known before they are open. */
#define WINDOW GIB(4)
#define DEVICE_WINDOW GIB(1024) /* each */
#define SMALLEST_DEVICE_WINDOW GIB(4096)

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

/*
 * What the layout needs.  Fewer bits are fewer levels of KVM's tables, each of
 * which costs every miss of the TLB: with pages of 4 KiB there are two levels up
 * to 34 bits, three up to 43, four up to 48.
 */
static unsigned int needed_bits(const struct arch_vm_params *p)
{
	uint64_t low = MAX(p->ram_bytes, GIB(4) - RAM_BASE), window;

	if (low >= 1ULL << MAX_IPA_BITS)
		return MAX_IPA_BITS;
	window = p->nr_devices * DEVICE_WINDOW;
	window = p->nr_devices ? MAX(window, SMALLEST_DEVICE_WINDOW) : WINDOW;
	if (p->bar_bytes >= 1ULL << MAX_IPA_BITS)
		return MAX_IPA_BITS;
	/* Each lies at a multiple of its size. */
	window = MAX(window, 2 * p->bar_bytes);
	return MIN(
		64 - (unsigned int)__builtin_clzll(RAM_BASE + low + window - 1),
		(unsigned int)MAX_IPA_BITS);
}

/* 0 where one cannot choose. */
static unsigned int chosen_bits(struct kvm *kvm, const struct arch_vm_params *p)
{
	return MIN(offered_bits(kvm), needed_bits(p));
}

int arch_phys_bits(struct kvm *kvm, const struct arch_vm_params *p,
		   unsigned int *bits)
{
	*bits = chosen_bits(kvm, p);
	if (!*bits)
		*bits = DEFAULT_IPA_BITS;
	return 0;
}

/*
 * Accesses to devices that KVM cannot decode come here as exits, where KVM has
 * that and the answer to it (Linux 5.5); elsewhere KVM_RUN fails on them.
 */
static int take_undecodable(struct kvm *kvm)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_ARM_NISV_TO_USER };
	int r;

	if (!kvm_extension(kvm, KVM_CAP_ARM_NISV_TO_USER) ||
	    !kvm_extension(kvm, KVM_CAP_ARM_INJECT_EXT_DABT))
		return 0;
	r = kvm_ioctl(kvm, kvm_vm_fd(kvm), KVM_ENABLE_CAP, &cap);
	if (r)
		log_err("/dev/kvm: KVM_CAP_ARM_NISV_TO_USER: %s", strerror(-r));
	return r;
}

int arch_vm_create(struct kvm *kvm, const struct arch_vm_params *p)
{
	int r;

	/* Deleting a memslot costs what it unmaps, no more. */
	if (p->flags & ARCH_VM_SLOT_ZAP_ALL) {
		log_err("--kvm: slot-zap-all: KVM has no such habit on this"
			" architecture; leave it out");
		return -ENOTSUP;
	}
	r = kvm_create_vm(kvm, KVM_VM_TYPE_ARM_IPA_SIZE(chosen_bits(kvm, p)));
	if (!r)
		r = gic_create(kvm);
	if (!r)
		/* The ITS is there now. */
		r = kvm_require(kvm, required, ARRAY_SIZE(required),
				"use a newer kernel");
	if (!r)
		r = take_undecodable(kvm);
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
	unsigned int bits = offered_bits(kvm);

	snprintf(buf, size, ", GICv3 with ITS, %u-bit guest addresses",
		 bits ? bits : DEFAULT_IPA_BITS);
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
	{ KVM_GET_ONE_REG, SANDBOX_LOOP, "which pages a vCPU has" },
	{ KVM_SET_VCPU_EVENTS, SANDBOX_VCPU,
	  "an access that cannot be decoded is an abort" },
	{ KVM_GET_DEVICE_ATTR, SANDBOX_LOOP, "reset the GIC" },
	{ KVM_SET_DEVICE_ATTR, SANDBOX_LOOP, "reset the GIC" },
};

const struct sandbox_ioctls arch_sandbox_ioctls = {
	.table = allowed,
	.nr = ARRAY_SIZE(allowed),
};
