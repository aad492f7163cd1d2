/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors of a KVM that is not there: what kvm_ioctl() of the test tells
 * its objects apart by. After harness.h.
 */
#ifndef TESTS_UNIT_FAKE_KVM_H
#define TESTS_UNIT_FAKE_KVM_H

#include "kvm.h"

enum { SYS_FD = 100, VM_FD, VCPU_FD };

int kvm_sys_fd(const struct kvm *kvm)
{
	(void)kvm;
	return SYS_FD;
}

int kvm_vm_fd(const struct kvm *kvm)
{
	(void)kvm;
	return VM_FD;
}

#endif
