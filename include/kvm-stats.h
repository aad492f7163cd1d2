/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * KVM's own counters of vCPUs (KVM_GET_STATS_FD, Linux 5.14): the cross-check
 * for wherry's.  api.rst section 4.133.
 */
#ifndef WHERRY_KVM_STATS_H
#define WHERRY_KVM_STATS_H

struct json;
struct kvm;

/* The stats fd of a vCPU, before confinement; -1 where KVM has none. */
int kvm_stats_open(struct kvm *kvm, int vcpu_fd);

/*
 * Writes the object "kvm" with every single-valued counter, summed over fds.
 * Writes an empty object when they cannot be read.
 */
void kvm_stats_write(const int *fds, unsigned int nr, struct json *j);

#endif
