/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A KVM that is not there, behind kvm_ioctl(): what the test makes it offer,
 * and what it was told. After harness.h.
 */
#ifndef TESTS_UNIT_X86_KVM_H
#define TESTS_UNIT_X86_KVM_H

#include <asm/kvm_para.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "abi/kvm.h"
#include "arch.h"
#include "capture.h"
#include "fake-kvm.h"
#include "x86/abi.h"
#include "x86/cpu.h"

/* What the KVM of a test offers, and what it was told. */
static struct {
	unsigned int missing_cap;
	int quirks;
	uint32_t features; /* of leaf 0x40000001 */
	uint32_t address_sizes; /* EAX of leaf 0x80000008 */
	uint32_t unknown_msr;
	unsigned int nr_ioctls, fail_at; /* the fail_at-th fails */
	uint64_t quirks_disabled;
	bool irqchip;
	struct kvm_irqchip chips[3]; /* as set */
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	struct kvm_lapic_state lapic;
	uint32_t mp_state;
	uint32_t msrs[256];
	unsigned int nr_msrs;
	struct kvm_nested_state nested;
	struct kvm_vcpu_events events;
	int tsc_khz, tsc_host_khz; /* the vCPU's, and what it is now */
} fake;

static inline int setup(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	fake.tsc_khz = fake.tsc_host_khz = 2000000;
	fake.missing_cap = UINT_MAX;
	fake.quirks = KVM_X86_QUIRK_SLOT_ZAP_ALL | 1;
	fake.features = 1 << KVM_FEATURE_CLOCKSOURCE2;
	fake.address_sizes = 0x3028;
	return 0;
}

int kvm_create_vm(struct kvm *kvm, unsigned long type)
{
	(void)kvm;
	assert_int_equal(type, 0);
	return 0;
}

int kvm_extension(struct kvm *kvm, unsigned int cap)
{
	(void)kvm;
	if (cap == fake.missing_cap)
		return 0;
	if (cap == KVM_CAP_DISABLE_QUIRKS2)
		return fake.quirks;
	if (cap == KVM_CAP_NESTED_STATE || cap == KVM_CAP_XSAVE2)
		return 5000;
	return 1;
}

static inline int supported_cpuid(struct kvm_cpuid2 *c)
{
	const struct kvm_cpuid_entry2 e[] = {
		{ .function = 0, .eax = 0x10, .ebx = 0x756e6547 },
		{ .function = 1 },
		{ .function = 0x40000000, .eax = 0x40000001 },
		{ .function = 0x40000001, .eax = fake.features },
		{ .function = 0x80000008, .eax = fake.address_sizes },
	};

	assert_true(c->nent >= ARRAY_SIZE(e) + CPUID_SPARE);
	memcpy(c->entries, e, sizeof(e));
	c->nent = ARRAY_SIZE(e);
	return 0;
}

static inline int set_msrs(const struct kvm_msrs *m)
{
	for (unsigned int i = 0; i < m->nmsrs; i++) {
		if (m->entries[i].index == fake.unknown_msr)
			return (int)i;
		assert_true(fake.nr_msrs < ARRAY_SIZE(fake.msrs));
		fake.msrs[fake.nr_msrs++] = m->entries[i].index;
	}
	return (int)m->nmsrs;
}

static inline int get_irqchip(struct kvm_irqchip *chip)
{
	uint32_t id = chip->chip_id;

	/* As a guest left it. */
	memset(chip, 0xa5, sizeof(*chip));
	chip->chip_id = id;
	if (id != KVM_IRQCHIP_IOAPIC)
		chip->chip.pic.elcr_mask = 0xde;
	return 0;
}

static inline int vm_ioctl(unsigned long request, void *arg)
{
	switch (request) {
	case KVM_CREATE_IRQCHIP:
		fake.irqchip = true;
		return 0;
	case KVM_ENABLE_CAP:
		fake.quirks_disabled |= ((struct kvm_enable_cap *)arg)->args[0];
		return 0;
	case KVM_GET_IRQCHIP:
		return get_irqchip(arg);
	case KVM_SET_IRQCHIP:
		fake.chips[((struct kvm_irqchip *)arg)->chip_id] =
			*(struct kvm_irqchip *)arg;
		return 0;
	default:
		return 0;
	}
}

static inline int vcpu_ioctl(unsigned long request, void *arg)
{
	struct kvm_nested_state *n = arg;

	switch (request) {
	case KVM_GET_TSC_KHZ:
		return fake.tsc_khz;
	case KVM_SET_TSC_KHZ:
		assert_null(arg);
		fake.tsc_khz = fake.tsc_host_khz;
		return 0;
	case KVM_SET_MSRS:
		return set_msrs(arg);
	case KVM_SET_SREGS:
		fake.sregs = *(struct kvm_sregs *)arg;
		return 0;
	case KVM_SET_REGS:
		fake.regs = *(struct kvm_regs *)arg;
		return 0;
	case KVM_SET_MP_STATE:
		fake.mp_state = ((struct kvm_mp_state *)arg)->mp_state;
		return 0;
	case KVM_GET_LAPIC:
		memset(arg, 0xa5, sizeof(fake.lapic));
		return 0;
	case KVM_SET_LAPIC:
		fake.lapic = *(struct kvm_lapic_state *)arg;
		return 0;
	case KVM_GET_NESTED_STATE:
		assert_int_equal(n->size, 5000);
		n->flags = KVM_STATE_NESTED_GUEST_MODE;
		n->format = KVM_STATE_NESTED_FORMAT_VMX;
		n->hdr.vmx.vmxon_pa = 0x1000;
		return 0;
	case KVM_SET_NESTED_STATE:
		fake.nested = *n;
		return 0;
	case KVM_SET_VCPU_EVENTS:
		fake.events = *(struct kvm_vcpu_events *)arg;
		return 0;
	default:
		return 0;
	}
}

int kvm_ioctl(struct kvm *kvm, int fd, unsigned long request, void *arg)
{
	(void)kvm;
	if (++fake.nr_ioctls == fake.fail_at)
		return -EIO;
	if (fd == SYS_FD) {
		assert_int_equal(request, KVM_GET_SUPPORTED_CPUID);
		return supported_cpuid(arg);
	}
	return fd == VM_FD ? vm_ioctl(request, arg) : vcpu_ioctl(request, arg);
}

static const struct boot_entry pvh = { .ip = 0x1000100, .arg = 0x6000 };
static const struct boot_entry long_mode = { .ip = 0x1000200,
					     .arg = 0x7000,
					     .page_table = 0x10000 };

static inline int init_vcpu(void)
{
	return arch_vcpu_init(NULL, VCPU_FD, 0, 1, 40);
}

#endif
