// SPDX-License-Identifier: BSD-2-Clause
/*
 * Owns the vCPU fds and threads: run, kick, park, stop, count.  What an exit
 * leads to is vcpu-exit.c's business, registers are the architecture's.
 *
 * A vCPU is parked while its thread waits in park().  hold stops entries into
 * the guest: it is raised by vcpus_hold() (any thread) or vcpus_pause() (the
 * loop, which also kicks) and lowered by vcpus_resume() only.
 */
#include "vcpu.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "abi/kvm.h"
#include "bus.h"
#include "fd.h"
#include "json.h"
#include "kvm-stats.h"
#include "kvm.h"
#include "log.h"
#include "util.h"
#include "vcpu-priv.h"

#define KICK_SIGNAL (SIGRTMIN + 0)
#define MAX_VCPUS 64
#define MAX_UNFINISHED 4096 /* accesses of one instruction, and some */

static void on_kick(int sig)
{
	(void)sig;
}

/*
 * A fault on guest memory that KVM could not resolve.  When another vCPU was
 * changing memslots meanwhile (it holds dev_lock for that), the access simply
 * happens again on the new table.
 */
static bool fault_is_stale(struct vcpu *vcpu, uint64_t generation)
{
	struct vcpus *v = vcpu->v;
	bool stale;

	bus_lock(v->p.bus);
	stale = kvm_memslot_generation(v->p.kvm) != generation;
	bus_unlock(v->p.bus);
	return stale;
}

/* KVM leaves accesses to devices to the CPU's account of them; where there is
 * none, as of loads in pairs, it says ENOSYS. */
static void run_failed(struct vcpu *vcpu, int err)
{
	log_err("vcpu%u: KVM_RUN: %s", vcpu->id,
		err == ENOSYS ? "the guest accessed a device by an instruction "
				"that KVM cannot decode" :
				strerror(err));
	vcpu_event(vcpu, VM_FAILED);
}

static void run_guest(struct vcpu *vcpu)
{
	struct vcpus *v = vcpu->v;

	vcpu->entered = true;
	while (!atomic_load(&v->hold)) {
		uint64_t generation = kvm_memslot_generation(v->p.kvm);
		int r = kvm_ioctl(v->p.kvm, vcpu->fd, KVM_RUN, NULL);

		if (!r) {
			vcpu_dispatch(vcpu);
		} else if (r == -EINTR || r == -EAGAIN) {
			vcpu->interrupted++;
		} else if (r != -EFAULT || !fault_is_stale(vcpu, generation)) {
			run_failed(vcpu, -r);
		}
	}
}

/*
 * Finishes the access that the last exit was about, without going on.  One
 * instruction may be several accesses (it crosses a page, or is a string
 * operation, which KVM lets run for 1024 of them): what is left unfinished
 * would be finished in the middle of the next boot.
 */
static void complete_exit(struct vcpu *vcpu)
{
	if (!vcpu->entered)
		return;
	vcpu->run->immediate_exit = 1;
	for (unsigned int i = 0; i < MAX_UNFINISHED; i++) {
		if (kvm_ioctl(vcpu->v->p.kvm, vcpu->fd, KVM_RUN, NULL))
			return;
		vcpu_dispatch(vcpu);
	}
}

static void confine(struct vcpu *vcpu)
{
	struct vcpus *v = vcpu->v;
	int r;

	pthread_mutex_unlock(&v->lock);
	r = sandbox_thread(v->p.sandbox, SANDBOX_VCPU, v->p.ioctls,
			   v->p.nr_ioctls);
	pthread_mutex_lock(&v->lock);
	if (r && !v->confine_error)
		v->confine_error = r;
	v->nr_confined++;
	pthread_cond_broadcast(&v->changed);
}

/* This thread's part of what vcpus_share() wants. */
static void do_work(struct vcpu *vcpu)
{
	struct vcpus *v = vcpu->v;

	pthread_mutex_unlock(&v->lock);
	v->work(v->work_opaque, vcpu->id, v->p.nr);
	pthread_mutex_lock(&v->lock);
	vcpu->round = v->round;
	v->nr_working--;
	pthread_cond_broadcast(&v->changed);
}

/* Waits until the guest may run; false when the thread shall end. */
static bool park(struct vcpu *vcpu, bool *confined)
{
	struct vcpus *v = vcpu->v;
	bool quit;

	pthread_mutex_lock(&v->lock);
	v->nr_parked++;
	pthread_cond_broadcast(&v->changed);
	while (!v->quit && atomic_load(&v->hold)) {
		if (v->confine && !*confined) {
			*confined = true;
			confine(vcpu);
		} else if (vcpu->round != v->round) {
			do_work(vcpu);
		} else {
			pthread_cond_wait(&v->changed, &v->lock);
		}
	}
	v->nr_parked--;
	/* Under the lock: vcpus_pause() sets it there, too. */
	vcpu->run->immediate_exit = 0;
	quit = v->quit;
	pthread_mutex_unlock(&v->lock);
	return !quit;
}

static void *vcpu_thread(void *opaque)
{
	struct vcpu *vcpu = opaque;
	bool confined = false;

	while (park(vcpu, &confined)) {
		run_guest(vcpu);
		complete_exit(vcpu);
	}
	return NULL;
}

static int start_thread(struct vcpu *vcpu)
{
	struct vcpus *v = vcpu->v;
	sigset_t all, old;
	char name[16];
	cpu_set_t set;
	int r;

	/* The thread starts with every signal blocked but the kick. */
	sigfillset(&all);
	sigdelset(&all, KICK_SIGNAL);
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&vcpu->thread, NULL, vcpu_thread, vcpu);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r) {
		log_err("vcpu%u: cannot start a thread: %s", vcpu->id,
			strerror(r));
		return -r;
	}
	vcpu->started = true;
	snprintf(name, sizeof(name), "vcpu%u", vcpu->id);
	pthread_setname_np(vcpu->thread, name);
	if (!v->p.nr_affinity)
		return 0;

	CPU_ZERO(&set);
	CPU_SET(v->p.affinity[vcpu->id % v->p.nr_affinity], &set);
	r = pthread_setaffinity_np(vcpu->thread, sizeof(set), &set);
	if (r)
		log_err("vcpu%u: cannot run on host CPU %u: %s; correct "
			"--cpus affinity=",
			vcpu->id, v->p.affinity[vcpu->id % v->p.nr_affinity],
			strerror(r));
	return -r;
}

static int create_vcpu(struct vcpus *v, unsigned int id)
{
	struct vcpu *vcpu = &v->vcpu[id];
	void *run;
	int r;

	r = kvm_ioctl(v->p.kvm, kvm_vm_fd(v->p.kvm), KVM_CREATE_VCPU,
		      (void *)(uintptr_t)id);
	if (r < 0) {
		log_err("vcpu%u: KVM_CREATE_VCPU: %s", id, strerror(-r));
		return r;
	}
	vcpu->fd = r;
	vcpu->stats_fd = kvm_stats_open(v->p.kvm, vcpu->fd);
	run = mmap(NULL, v->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
		   vcpu->fd, 0);
	if (run == MAP_FAILED) {
		r = -errno;
		log_err("vcpu%u: cannot map its state: %s", id, strerror(-r));
		return r;
	}
	vcpu->run = run;
	return 0;
}

static int check_limits(const struct vcpus_params *p)
{
	unsigned int max = kvm_max_vcpus(p->kvm);

	if (p->nr <= MIN(max, MAX_VCPUS))
		return 0;
	log_err("--cpus %u: KVM allows at most %u vCPUs on this host", p->nr,
		max);
	return -EINVAL;
}

int vcpus_create(struct vcpus **out, const struct vcpus_params *params)
{
	struct sigaction sa = { .sa_handler = on_kick };
	struct vcpus *v;
	int r = check_limits(params);

	if (r)
		return r;
	v = calloc(1, sizeof(*v) + params->nr * sizeof(v->vcpu[0]));
	if (!v) {
		log_err("out of memory for %u vCPUs", params->nr);
		return -ENOMEM;
	}
	v->p = *params;
	atomic_store(&v->hold, true);
	pthread_mutex_init(&v->lock, NULL);
	pthread_cond_init(&v->changed, NULL);
	for (unsigned int i = 0; i < params->nr; i++)
		v->vcpu[i] = (struct vcpu){
			.v = v, .id = i, .fd = -1, .stats_fd = -1
		};
	sigaction(KICK_SIGNAL, &sa, NULL);

	r = kvm_ioctl(params->kvm, kvm_sys_fd(params->kvm),
		      KVM_GET_VCPU_MMAP_SIZE, NULL);
	if (r < (int)sizeof(struct kvm_run)) {
		log_err("/dev/kvm: KVM_GET_VCPU_MMAP_SIZE gives %d", r);
		r = r < 0 ? r : -EINVAL;
		goto err;
	}
	v->run_bytes = (size_t)r;
	for (unsigned int i = 0; i < params->nr; i++) {
		r = create_vcpu(v, i);
		if (!r)
			r = start_thread(&v->vcpu[i]);
		if (r)
			goto err;
	}
	*out = v;
	return 0;
err:
	vcpus_destroy(v);
	return r;
}

static void kick(struct vcpu *vcpu)
{
	vcpu->run->immediate_exit = 1;
	pthread_kill(vcpu->thread, KICK_SIGNAL);
}

void vcpus_destroy(struct vcpus *v)
{
	if (!v)
		return;
	pthread_mutex_lock(&v->lock);
	v->quit = true;
	atomic_store(&v->hold, true);
	for (unsigned int i = 0; i < v->p.nr; i++)
		if (v->vcpu[i].started)
			kick(&v->vcpu[i]);
	pthread_cond_broadcast(&v->changed);
	pthread_mutex_unlock(&v->lock);

	for (unsigned int i = 0; i < v->p.nr; i++) {
		struct vcpu *vcpu = &v->vcpu[i];

		if (vcpu->started)
			pthread_join(vcpu->thread, NULL);
		if (vcpu->run)
			munmap(vcpu->run, v->run_bytes);
		fd_close(&vcpu->stats_fd);
		fd_close(&vcpu->fd);
	}
	pthread_cond_destroy(&v->changed);
	pthread_mutex_destroy(&v->lock);
	free(v);
}

unsigned int vcpus_nr(const struct vcpus *v)
{
	return v->p.nr;
}

int vcpus_fd(const struct vcpus *v, unsigned int i)
{
	return v->vcpu[i].fd;
}

int vcpus_confine(struct vcpus *v)
{
	int r;

	pthread_mutex_lock(&v->lock);
	v->confine = true;
	pthread_cond_broadcast(&v->changed);
	while (v->nr_confined < v->p.nr)
		pthread_cond_wait(&v->changed, &v->lock);
	r = v->confine_error;
	pthread_mutex_unlock(&v->lock);
	return r;
}

void vcpus_resume(struct vcpus *v)
{
	pthread_mutex_lock(&v->lock);
	atomic_store(&v->hold, false);
	pthread_cond_broadcast(&v->changed);
	pthread_mutex_unlock(&v->lock);
}

void vcpus_pause(struct vcpus *v)
{
	pthread_mutex_lock(&v->lock);
	atomic_store(&v->hold, true);
	/* One kick is enough: immediate_exit stays set until the vCPU has
	 * parked, whatever it is doing now. */
	if (v->nr_parked < v->p.nr)
		for (unsigned int i = 0; i < v->p.nr; i++)
			kick(&v->vcpu[i]);
	while (v->nr_parked < v->p.nr)
		pthread_cond_wait(&v->changed, &v->lock);
	pthread_mutex_unlock(&v->lock);
}

void vcpus_share(struct vcpus *v,
		 void (*fn)(void *opaque, unsigned int part, unsigned int nr),
		 void *opaque)
{
	pthread_mutex_lock(&v->lock);
	v->work = fn;
	v->work_opaque = opaque;
	v->nr_working = v->p.nr;
	v->round++;
	pthread_cond_broadcast(&v->changed);
	while (v->nr_working)
		pthread_cond_wait(&v->changed, &v->lock);
	pthread_mutex_unlock(&v->lock);
}

void vcpus_hold(struct vcpus *v)
{
	atomic_store(&v->hold, true);
}

void vcpus_stats(struct vcpus *v, struct json *j)
{
	int fds[MAX_VCPUS];
	uint64_t sum, total = 0;

	json_object(j, "exits");
	for (unsigned int reason = 0; reason < VCPU_NR_REASONS; reason++) {
		const char *name = vcpu_exit_name(reason);

		sum = 0;
		for (unsigned int i = 0; i < v->p.nr; i++)
			sum += v->vcpu[i].exits[reason];
		total += sum;
		if (sum || name)
			json_u64(j, name ? name : "other", sum);
	}
	json_u64(j, "total", total);
	sum = 0;
	for (unsigned int i = 0; i < v->p.nr; i++)
		sum += v->vcpu[i].interrupted;
	json_u64(j, "kicks", sum);
	json_object_end(j);

	for (unsigned int i = 0; i < v->p.nr; i++)
		fds[i] = v->vcpu[i].stats_fd;
	kvm_stats_write(fds, v->p.nr, j);
}
