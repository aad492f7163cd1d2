/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interrupt controller of the guest, a GICv3 with one ITS, both KVM's.
 * Documentation/virt/kvm/devices/arm-vgic-v3.rst and arm-vgic-its.rst; GICv3
 * and GICv4 architecture specification (IHI 0069), chapter 12.
 */
#ifndef WHERRY_ARM64_GIC_H
#define WHERRY_ARM64_GIC_H

#include <stdint.h>

struct kvm;

/* Before vCPUs.  -ENOTSUP, logged, where the host has no such thing. */
int gic_create(struct kvm *kvm);
/* Once all vCPUs are there; before the first interrupt. */
int gic_init(struct kvm *kvm);
/* Power-on state: distributor, redistributors, CPU interfaces, ITS.  No vCPU
 * is in KVM_RUN. */
int gic_reset(struct kvm *kvm, unsigned int nr_cpus);

/*
 * The affinity that KVM gives vCPU id, as in MPIDR_EL1: sixteen to a cluster,
 * for an SGI names sixteen at most.
 */
static inline uint64_t cpu_mpidr(unsigned int id)
{
	return (id & 0xf) | (uint64_t)(id >> 4 & 0xff) << 8;
}

#endif
