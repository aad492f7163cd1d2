/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What <asm/kvm.h> has on arm64, in words of our own, so that src/arm64/ can
 * be tried on any build host.  A build for arm64 takes the kernel's: the tests
 * expect numbers, not names, so both must agree.
 */
#ifndef TESTS_UNIT_ARM64_KVM_H
#define TESTS_UNIT_ARM64_KVM_H

#ifndef __aarch64__
#include <linux/kvm.h>
#include <stddef.h>

struct kvm_vcpu_init {
	__u32 target;
	__u32 features[7];
};

/* As struct kvm_regs begins there. */
struct arm64_kvm_regs {
	struct {
		__u64 regs[31], sp, pc, pstate;
	} regs;
};

/* The build host has one of its own. */
#define kvm_vcpu_events arm64_vcpu_events
struct kvm_vcpu_events {
	struct {
		__u8 serror_pending, serror_has_esr, ext_dabt_pending, pad[5];
		__u64 serror_esr;
	} exception;
	__u32 reserved[12];
};

#define KVM_REG_ARM64_SYSREG (0x13 << 16)
#define KVM_REG_ARM_CORE (0x10 << 16)
#define KVM_REG_ARM_CORE_REG(name) \
	(offsetof(struct arm64_kvm_regs, name) / sizeof(__u32))

#define KVM_ARM_VCPU_POWER_OFF 0
#define KVM_ARM_VCPU_PSCI_0_2 2
#define KVM_ARM_VCPU_SVE 4
#define KVM_ARM_VCPU_PTRAUTH_ADDRESS 5
#define KVM_ARM_VCPU_PTRAUTH_GENERIC 6

#define KVM_VGIC_V3_ADDR_TYPE_DIST 2
#define KVM_VGIC_ITS_ADDR_TYPE 4
#define KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION 5

#define KVM_DEV_ARM_VGIC_GRP_ADDR 0
#define KVM_DEV_ARM_VGIC_GRP_DIST_REGS 1
#define KVM_DEV_ARM_VGIC_GRP_NR_IRQS 3
#define KVM_DEV_ARM_VGIC_GRP_CTRL 4
#define KVM_DEV_ARM_VGIC_GRP_REDIST_REGS 5
#define KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS 6
#define KVM_DEV_ARM_VGIC_CTRL_INIT 0
#define KVM_DEV_ARM_ITS_CTRL_RESET 4

#define KVM_ARM_IRQ_TYPE_SHIFT 24
#define KVM_ARM_IRQ_TYPE_SPI 1
#endif

#endif
