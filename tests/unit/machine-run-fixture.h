/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine that runs on the fake kernel: each entry into the guest is a
 * function of the test. After harness.h.
 */
#ifndef TESTS_UNIT_MACHINE_RUN_FIXTURE_H
#define TESTS_UNIT_MACHINE_RUN_FIXTURE_H

#include <signal.h>
#include <time.h>

#include "fake-kernel.h"
#include "fake-machine.h"

static struct machine *machine; /* the one that runs */
static atomic_int entries;
static atomic_bool missed; /* a kick */
static bool told_early; /* a signal comes before the first instruction */

/* A signal of the last run may come after its end, and wait for the next. */
static inline int reset_run(void **state)
{
	static const struct timespec now;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	while (sigtimedwait(&set, NULL, &now) > 0)
		continue;
	reset_fake(state);
	atomic_store(&entries, 0);
	atomic_store(&missed, false);
	return 0;
}

/* Builds and runs it; the other vCPUs wait as if for a SIPI. */
static inline struct machine_result run(const struct run_config *cfg,
					int (*fn)(struct kvm_run *run))
{
	struct machine_result result = { END_FAILED, "" };
	struct stats stats;
	unsigned int fds = nr_fds();

	stats_init(&stats);
	fake.run = fn;
	assert_int_equal(machine_create(&machine, cfg, &stats), 0);
	if (told_early)
		kill(getpid(), SIGTERM);
	(void)machine_run(machine, &result);
	machine_destroy(machine);
	assert_int_equal(nr_fds(), fds);
	return result;
}

static inline struct run_config one_cpu(void)
{
	struct run_config cfg = fake_run_config();

	cfg.cpus.nr = 1;
	return cfg;
}

/*
 * A guest that never exits. The signal of a kick may come just before KVM_RUN
 * begins, so it alone must not matter: only immediate_exit does.
 */
static inline int busy(struct kvm_run *run)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; i < 3000; i++) {
		if (*(volatile uint8_t *)&run->immediate_exit)
			return EINTR;
		nanosleep(&pause, NULL);
	}
	atomic_store(&missed, true);
	return EINTR;
}

static inline int exits_with(struct kvm_run *run, uint32_t reason)
{
	run->exit_reason = reason;
	return 0;
}

static inline int shutdown(struct kvm_run *run)
{
	return exits_with(run, KVM_EXIT_SHUTDOWN);
}

static inline int power_off(struct kvm_run *run)
{
	run->system_event.type = KVM_SYSTEM_EVENT_SHUTDOWN;
	return exits_with(run, KVM_EXIT_SYSTEM_EVENT);
}

static inline int reboot(struct kvm_run *run)
{
	run->system_event.type = KVM_SYSTEM_EVENT_RESET;
	return exits_with(run, KVM_EXIT_SYSTEM_EVENT);
}

static inline int internal_error(struct kvm_run *run)
{
	return exits_with(run, KVM_EXIT_INTERNAL_ERROR);
}

#endif
