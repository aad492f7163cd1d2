/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CPUID and MSRs of a vCPU.
 */
#ifndef WHERRY_X86_CPU_H
#define WHERRY_X86_CPU_H

#include <stdbool.h>
#include <stdint.h>

struct kvm;
struct kvm_cpuid2;

struct cpuid_params {
	unsigned int id; /* = APIC id */
	unsigned int nr_cpus; /* one package, one thread per core */
	unsigned int phys_bits;
	uint32_t tsc_khz; /* 0: unknown */
	bool tsc_deadline;
};

/* KVM_GET_SUPPORTED_CPUID; the caller frees *out.  -errno, logged. */
int cpuid_supported(struct kvm *kvm, struct kvm_cpuid2 **out);
/* Turns what KVM supports into what one vCPU reports.  There is room for
 * CPUID_SPARE more entries in what cpuid_supported() gives. */
#define CPUID_SPARE 8
void cpuid_adjust(struct kvm_cpuid2 *cpuid, const struct cpuid_params *p);
/* Features of KVM's paravirtual leaf 0x40000001. */
uint32_t cpuid_kvm_features(const struct kvm_cpuid2 *cpuid);

/* Every MSR that a reboot must not inherit, at its power-on value. */
int msr_reset(struct kvm *kvm, int vcpu_fd, unsigned int id);

#endif
