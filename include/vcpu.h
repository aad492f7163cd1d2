/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vCPU threads: run, kick, park, stop.  Thread i is named vcpui.
 *
 * Parking: vcpus_pause() returns when every vCPU has left KVM_RUN, completed
 * its pending exit (immediate_exit) and waits; only the loop calls it,
 * holding no lock.  A device model that ended the VM calls vcpus_hold() under
 * dev_lock, so that no vCPU enters the guest again before the loop has acted.
 */
#ifndef WHERRY_VCPU_H
#define WHERRY_VCPU_H

#include <stdint.h>

#include "sandbox.h"
#include "vmevent.h"

struct bus;
struct json;
struct kvm;
struct vcpus;

struct vcpus_params {
	struct kvm *kvm;
	struct bus *bus;
	unsigned int nr;
	const uint16_t *affinity; /* host CPU of vCPU i % nr_affinity */
	unsigned int nr_affinity;
	struct vm_events events;
	enum sandbox_mode sandbox;
	const struct sandbox_ioctls *ioctls;
	unsigned int nr_ioctls;
};

/* Creates vCPU fds and threads; the threads wait, unconfined and parked. */
int vcpus_create(struct vcpus **out, const struct vcpus_params *params);
/* Stops and joins the threads, closes the fds. */
void vcpus_destroy(struct vcpus *v);

unsigned int vcpus_nr(const struct vcpus *v);
int vcpus_fd(const struct vcpus *v, unsigned int i);

/* Each thread arms its filter and reports; returns when all have.  0 or
 * -errno of the first that failed.  Once, before the first vcpus_resume(). */
int vcpus_confine(struct vcpus *v);
/* Lets all parked vCPUs enter the guest. */
void vcpus_resume(struct vcpus *v);
void vcpus_pause(struct vcpus *v);
/* From any thread, any lock: no vCPU enters the guest again until
 * vcpus_resume(). */
void vcpus_hold(struct vcpus *v);

/*
 * Calls fn in each thread at once, part counting from 0 to nr - 1, and returns
 * when all have: no other threads can be had once confined.  Paused, no lock
 * held.
 */
void vcpus_share(struct vcpus *v,
		 void (*fn)(void *opaque, unsigned int part, unsigned int nr),
		 void *opaque);

/* Exits by reason, summed and per vCPU, into an open JSON object.  Paused. */
void vcpus_stats(struct vcpus *v, struct json *j);

#endif
