/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What vcpu.c and vcpu-exit.c share. For nobody else: vCPUs are opaque.
 */
#ifndef WHERRY_VCPU_PRIV_H
#define WHERRY_VCPU_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "log.h"
#include "vcpu.h"

/* Of KVM_EXIT_*; what is beyond counts as the last. */
#define VCPU_NR_REASONS 64

struct kvm_run;

struct vcpu {
	struct vcpus *v;
	unsigned int id;
	int fd;
	int stats_fd; /* -1 on kernels without */
	struct kvm_run *run;
	pthread_t thread;
	bool started; /* main thread */
	bool entered; /* own thread: has been in KVM_RUN */
	unsigned int round; /* own thread: of shared work, the last done */
	uint64_t exits[VCPU_NR_REASONS]; /* own thread; others while parked */
	uint64_t interrupted; /* the same: kicks */
	unsigned int retries; /* own thread: of one error, in a row */
	struct ratelimit rl; /* own thread: what its guest causes */
};

struct vcpus {
	struct vcpus_params p;
	size_t run_bytes;
	atomic_bool hold;
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t changed;
	unsigned int nr_parked;
	bool quit;
	bool confine;
	unsigned int nr_confined;
	int confine_error;
	/* Work shared by parked threads, vcpus_share(). */
	void (*work)(void *opaque, unsigned int part, unsigned int nr);
	void *work_opaque;
	unsigned int round, nr_working;
	struct vcpu vcpu[];
};

/* Acts on the exit in vcpu->run. */
void vcpu_dispatch(struct vcpu *vcpu);
/* Tells the machine; this vCPU goes no further. */
void vcpu_event(struct vcpu *vcpu, enum vm_event ev);
/* NULL for a reason that is not expected. */
const char *vcpu_exit_name(unsigned int reason);

#endif
