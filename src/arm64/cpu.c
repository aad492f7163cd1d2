// SPDX-License-Identifier: BSD-2-Clause
/*
 * Owns the state in which a vCPU starts, at power-on and after a reboot alike,
 * and the exit that only this architecture has.
 * KVM_ARM_VCPU_INIT resets all of it, whenever it is called; what is left is
 * where the first one begins.  Documentation/arch/arm64/booting.rst.
 */
#include "arch.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "abi/kvm.h"
#include "kvm.h"
#include "log.h"

/* Newer than Debian 12; its data are those of KVM_EXIT_ARM_NISV. */
#ifndef KVM_EXIT_ARM_LDST64B
#define KVM_EXIT_ARM_LDST64B 42
#endif

#define CORE_REG(name)                                         \
	(KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | \
	 KVM_REG_ARM_CORE_REG(regs.name))

#define SYS_REG(op0, op1, crn, crm, op2)                           \
	(KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM64_SYSREG | \
	 (op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))
#define ID_AA64MMFR0_EL1 SYS_REG(3, 0, 0, 7, 0)

struct vcpu_ref {
	struct kvm *kvm;
	int fd;
	unsigned int id;
};

static int failed(const struct vcpu_ref *v, const char *what, int r)
{
	log_err("vcpu%u: %s: %s", v->id, what, strerror(-r));
	return r;
}

static void add_feature(struct kvm_vcpu_init *init, unsigned int feature)
{
	init->features[feature / 32] |= 1u << (feature % 32);
}

static bool has_feature(const struct kvm_vcpu_init *init, unsigned int feature)
{
	return init->features[feature / 32] >> (feature % 32) & 1;
}

/* Everything that the host's CPU has and KVM gives away.  The same at each
 * reset: KVM insists. */
static void choose_features(const struct vcpu_ref *v,
			    struct kvm_vcpu_init *init)
{
	add_feature(init, KVM_ARM_VCPU_PSCI_0_2);
	if (v->id)
		add_feature(init, KVM_ARM_VCPU_POWER_OFF);
	if (kvm_extension(v->kvm, KVM_CAP_ARM_SVE))
		add_feature(init, KVM_ARM_VCPU_SVE);
	/* Both kinds of pointer authentication, or none. */
	if (kvm_extension(v->kvm, KVM_CAP_ARM_PTRAUTH_ADDRESS) &&
	    kvm_extension(v->kvm, KVM_CAP_ARM_PTRAUTH_GENERIC)) {
		add_feature(init, KVM_ARM_VCPU_PTRAUTH_ADDRESS);
		add_feature(init, KVM_ARM_VCPU_PTRAUTH_GENERIC);
	}
}

static int init_vcpu(const struct vcpu_ref *v, struct kvm_vcpu_init *init)
{
	int r;

	memset(init, 0, sizeof(*init));
	r = kvm_ioctl(v->kvm, kvm_vm_fd(v->kvm), KVM_ARM_PREFERRED_TARGET,
		      init);
	if (r)
		return failed(v, "KVM_ARM_PREFERRED_TARGET", r);
	choose_features(v, init);
	r = kvm_ioctl(v->kvm, v->fd, KVM_ARM_VCPU_INIT, init);
	return r ? failed(v, "KVM_ARM_VCPU_INIT", r) : 0;
}

int arch_vcpu_init(struct kvm *kvm, int vcpu_fd, unsigned int id,
		   unsigned int nr_cpus, unsigned int phys_bits)
{
	struct vcpu_ref v = { kvm, vcpu_fd, id };
	int sve = KVM_ARM_VCPU_SVE;
	struct kvm_vcpu_init init;
	int r = init_vcpu(&v, &init);

	(void)nr_cpus;
	(void)phys_bits;
	if (r || !has_feature(&init, KVM_ARM_VCPU_SVE))
		return r;
	/* All vector lengths that the host has; fixed from now on. */
	r = kvm_ioctl(kvm, vcpu_fd, KVM_ARM_VCPU_FINALIZE, &sve);
	return r ? failed(&v, "KVM_ARM_VCPU_FINALIZE", r) : 0;
}

static int set_reg(const struct vcpu_ref *v, uint64_t id, uint64_t value)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)&value };
	int r = kvm_ioctl(v->kvm, v->fd, KVM_SET_ONE_REG, &reg);

	return r ? failed(v, "KVM_SET_ONE_REG", r) : 0;
}

static int get_reg(const struct vcpu_ref *v, uint64_t id, uint64_t *value)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)value };
	int r = kvm_ioctl(v->kvm, v->fd, KVM_GET_ONE_REG, &reg);

	return r ? failed(v, "KVM_GET_ONE_REG", r) : 0;
}

/* ID_AA64MMFR0_EL1, in DDI 0487: four bits for each size, with a meaning of
 * their own. */
static bool has_pages(uint64_t mmfr0, uint32_t bytes)
{
	unsigned int gran4 = mmfr0 >> 28 & 0xf, gran64 = mmfr0 >> 24 & 0xf,
		     gran16 = mmfr0 >> 20 & 0xf;

	switch (bytes) {
	case KIB(4):
		return gran4 < 8;
	case KIB(16):
		return gran16 && gran16 < 8;
	case KIB(64):
		return gran64 < 8;
	default:
		return true;
	}
}

/* A kernel that finds its pages missing stops without a word. */
static int check_pages(const struct vcpu_ref *v, uint32_t bytes)
{
	uint64_t mmfr0 = 0;
	int r = bytes ? get_reg(v, ID_AA64MMFR0_EL1, &mmfr0) : 0;

	if (r || has_pages(mmfr0, bytes))
		return r;
	log_err("--kernel: it is for pages of %u KiB, which the CPU of this "
		"host does not have; give one for pages of %s",
		bytes >> 10, has_pages(mmfr0, KIB(4)) ? "4 KiB" : "64 KiB");
	return -ENOTSUP;
}

int arch_vcpu_reset(struct kvm *kvm, int vcpu_fd, unsigned int id,
		    const struct boot_entry *entry)
{
	struct vcpu_ref v = { kvm, vcpu_fd, id };
	struct kvm_vcpu_init init;
	int r = init_vcpu(&v, &init);

	if (r || id)
		return r; /* PSCI tells the others where to start */
	r = check_pages(&v, entry->page_bytes);
	if (!r)
		r = set_reg(&v, CORE_REG(regs[0]), entry->arg);
	if (!r)
		r = set_reg(&v, CORE_REG(pc), entry->ip);
	return r;
}

const char *arch_exit_name(uint32_t reason)
{
	switch (reason) {
	case KVM_EXIT_ARM_NISV:
		return "undecodable";
	case KVM_EXIT_ARM_LDST64B:
		return "64_bytes";
	default:
		return NULL;
	}
}

/*
 * The guest reached for a device by an instruction that the CPU does not
 * describe to KVM: one for several registers at once, or that moves its base
 * on; or by one for 64 bytes (FEAT_LS64), which KVM leaves to us.  It is
 * answered as by a device that takes no such access, with an external abort,
 * which is the business of the program that did it.
 */
int arch_vcpu_exit(struct kvm *kvm, int vcpu_fd, unsigned int id,
		   const struct kvm_run *run, struct ratelimit *rl)
{
	struct vcpu_ref v = { kvm, vcpu_fd, id };
	struct kvm_vcpu_events events = { .exception.ext_dabt_pending = 1 };
	int r;

	log_guest(rl,
		  "vcpu%u: the guest accessed a device at %#llx by an "
		  "instruction that cannot be emulated: it gets an abort",
		  id, (unsigned long long)run->arm_nisv.fault_ipa);
	r = kvm_ioctl(kvm, vcpu_fd, KVM_SET_VCPU_EVENTS, &events);
	return r ? failed(&v, "KVM_SET_VCPU_EVENTS", r) : 0;
}
