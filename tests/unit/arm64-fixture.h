/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An Arm KVM that is not there: what it offers, what was asked of it.  Numbers
 * are those of the kernel's ABI, not their names: see arm64-kvm.h.
 */
#ifndef TESTS_UNIT_ARM64_FIXTURE_H
#define TESTS_UNIT_ARM64_FIXTURE_H

#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "abi/kvm.h"
#include "arch.h"
#include "capture.h"
#include "fake-kvm.h"

enum { VGIC = 7, ITS = 8 };

struct attr {
	unsigned int type, group;
	uint64_t attr, value;
};

/* What the KVM of a test offers, and what it was told. */
static struct {
	unsigned int missing_cap, missing_device;
	int ipa_bits;
	uint64_t icc_ctlr, mmfr0;
	struct kvm_enable_cap cap;
	struct kvm_vcpu_events events;
	unsigned int nr_calls, fail_at; /* the fail_at-th fails */
	unsigned long vm_type;
	struct attr attrs[2048]; /* as set */
	unsigned int nr_attrs;
	struct kvm_vcpu_init init;
	int finalized; /* a feature; 0: none */
	struct kvm_one_reg regs[8];
	uint64_t values[8];
	unsigned int nr_regs;
	char order[256];
} fake;

static inline int setup(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	fake.missing_cap = fake.missing_device = UINT32_MAX;
	fake.ipa_bits = 44;
	fake.icc_ctlr = 4 << 8 | 3; /* five bits of priority */
	return 0;
}

static inline void note(const char *what)
{
	size_t n = strlen(fake.order);

	snprintf(fake.order + n, sizeof(fake.order) - n, "%s ", what);
}

static inline bool fails(void)
{
	return ++fake.nr_calls == fake.fail_at;
}

int kvm_extension(struct kvm *kvm, unsigned int cap)
{
	(void)kvm;
	return cap != fake.missing_cap;
}

int kvm_create_vm(struct kvm *kvm, unsigned long type)
{
	(void)kvm;
	fake.vm_type = type;
	note("vm");
	return fails() ? -EIO : 0;
}

int kvm_device_create(struct kvm *kvm, unsigned int type)
{
	(void)kvm;
	if (type == fake.missing_device)
		return -ENODEV;
	note(type == VGIC ? "vgic" : "its");
	return fails() ? -EIO : 0;
}

static inline unsigned int value_bytes(unsigned int group)
{
	switch (group) {
	case 0: /* addresses */
	case 6: /* registers of a CPU interface */
		return 8;
	case 4: /* control */
		return 0;
	default:
		return 4;
	}
}

int kvm_device_set(struct kvm *kvm, unsigned int type, uint32_t group,
		   uint64_t attr, const void *value)
{
	struct attr *a = &fake.attrs[fake.nr_attrs];

	(void)kvm;
	assert_true(fake.nr_attrs < ARRAY_SIZE(fake.attrs));
	assert_int_equal(!value, !value_bytes(group));
	*a = (struct attr){ type, group, attr, 0 };
	if (value)
		memcpy(&a->value, value, value_bytes(group));
	fake.nr_attrs++;
	return fails() ? -EIO : 0;
}

int kvm_device_get(struct kvm *kvm, unsigned int type, uint32_t group,
		   uint64_t attr, void *value)
{
	(void)kvm;
	assert_int_equal(type, VGIC);
	assert_int_equal(group, 6);
	assert_int_equal(attr & UINT32_MAX, 0xc664); /* ICC_CTLR_EL1 */
	memcpy(value, &fake.icc_ctlr, 8);
	return fails() ? -EIO : 0;
}

int kvm_ioctl(struct kvm *kvm, int fd, unsigned long request, void *arg)
{
	const struct kvm_one_reg *reg = arg;

	(void)kvm;
	if (fd == SYS_FD) {
		assert_int_equal(request, KVM_CHECK_EXTENSION);
		assert_int_equal((uintptr_t)arg, KVM_CAP_ARM_VM_IPA_SIZE);
		return fake.ipa_bits;
	}
	if (fails())
		return -EIO;
	switch (request) {
	case KVM_ARM_PREFERRED_TARGET:
		assert_int_equal(fd, VM_FD);
		((struct kvm_vcpu_init *)arg)->target = 5;
		return 0;
	case KVM_ARM_VCPU_INIT:
		note("init");
		fake.init = *(struct kvm_vcpu_init *)arg;
		return 0;
	case KVM_ARM_VCPU_FINALIZE:
		note("finalize");
		fake.finalized = *(int *)arg;
		return 0;
	case KVM_ENABLE_CAP:
		assert_int_equal(fd, VM_FD);
		note("cap");
		fake.cap = *(struct kvm_enable_cap *)arg;
		return 0;
	case KVM_SET_VCPU_EVENTS:
		fake.events = *(struct kvm_vcpu_events *)arg;
		return 0;
	case KVM_GET_ONE_REG:
		assert_int_equal(reg->id, 0x603000000013c038);
		memcpy((void *)(uintptr_t)reg->addr, &fake.mmfr0, 8);
		return 0;
	case KVM_SET_ONE_REG:
		note("reg");
		fake.regs[fake.nr_regs] = *reg;
		memcpy(&fake.values[fake.nr_regs++],
		       (void *)(uintptr_t)reg->addr, 8);
		return 0;
	default:
		fail_msg("unexpected request %#lx", request);
		return -ENOTTY;
	}
}

#endif
