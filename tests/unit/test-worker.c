// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-worker - a thread that serves when it is told to, and not else.
 */
#include "harness.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "worker.h"

static struct worker *w;
static _Atomic unsigned int nr_runs, nr_ends, nr_in_vain;

/* Serves nothing until it is told to stop. */
static void run(void *opaque)
{
	struct pollfd pfd = { worker_fd(w), POLLIN, 0 };

	assert_ptr_equal(opaque, &nr_runs);
	atomic_fetch_add(&nr_runs, 1);
	while (!worker_told(w))
		if (poll(&pfd, 1, -1) > 0 && !worker_told(w))
			atomic_fetch_add(&nr_in_vain, 1);
	atomic_fetch_add(&nr_ends, 1);
}

static sigset_t blocked;
static char name[32];

/* Has nothing to serve. */
static void run_once(void *opaque)
{
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	pthread_getname_np(pthread_self(), name, sizeof(name));
	atomic_fetch_add((_Atomic unsigned int *)opaque, 1);
}

static pthread_t entered_by;
static int enter_error;

static int enter(void *opaque, enum sandbox_mode mode)
{
	assert_ptr_equal(opaque, &nr_runs);
	assert_int_equal(mode, SANDBOX_OFF);
	entered_by = pthread_self();
	return enter_error;
}

static int create(void **state)
{
	(void)state;
	nr_runs = nr_ends = nr_in_vain = 0;
	entered_by = pthread_self();
	enter_error = 0;
	return worker_create(&w, "test", SANDBOX_DISK, run, &nr_runs);
}

static void wait_for_runs(unsigned int nr)
{
	while (atomic_load(&nr_runs) < nr)
		usleep(1000);
}

static void runs_between_start_and_stop(void **state)
{
	(void)state;
	assert_true(worker_stopped(w));
	worker_wait(w);
	worker_start(w, -1);
	wait_for_runs(1);
	assert_false(worker_stopped(w));
	assert_false(worker_told(w));
	worker_stop(w);
	worker_wait(w);
	assert_true(worker_stopped(w));
	assert_int_equal(nr_ends, 1);
	worker_destroy(w);
}

static void starts_again_after_each_stop(void **state)
{
	(void)state;
	for (unsigned int i = 1; i <= 100; i++) {
		worker_start(w, -1);
		wait_for_runs(i);
		worker_stop(w);
		if (i % 2)
			worker_wait(w);
		else
			worker_start(w, -1);
		if (i % 2 == 0)
			wait_for_runs(++i);
		worker_stop(w);
		worker_wait(w);
	}
	assert_int_equal(nr_runs, nr_ends);
	/* Of a stop that is over nothing is left to wake it. */
	assert_int_equal(nr_in_vain, 0);
	worker_destroy(w);
}

/* Of a disk that fails, say: it is not called again before the next start. */
static void may_end_by_itself(void **state)
{
	sigset_t ours;
	struct worker *once;

	(void)state;
	assert_int_equal(worker_create(&once, "once", SANDBOX_DISK, run_once,
				       &nr_runs),
			 0);
	for (unsigned int i = 1; i <= 2; i++) {
		worker_start(once, -1);
		wait_for_runs(i);
		usleep(20000);
		assert_true(worker_stopped(once));
		assert_int_equal(nr_runs, i);
	}
	/* Signals are the loop's; but that of seccomp is each thread's. */
	assert_true(sigismember(&blocked, SIGTERM) == 1);
	assert_true(sigismember(&blocked, SIGXFSZ) == 1);
	assert_true(sigismember(&blocked, SIGSYS) == 0);
	pthread_sigmask(SIG_SETMASK, NULL, &ours);
	assert_true(sigismember(&ours, SIGTERM) == 0);
	assert_string_equal(name, "once");
	worker_destroy(once);
	worker_destroy(w);
}

static void stop_takes_a_start_back(void **state)
{
	(void)state;
	worker_stop(w);
	assert_true(worker_stopped(w));
	worker_start(w, -1);
	worker_stop(w);
	worker_wait(w);
	assert_int_equal(nr_runs, nr_ends);
	worker_destroy(w);
}

/* Once for each time that it came to rest, and not before. */
static void tells_when_it_has_stopped(void **state)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	struct pollfd pfd = { fd, POLLIN, 0 };
	uint64_t count;

	(void)state;
	for (unsigned int i = 1; i <= 3; i++) {
		worker_start(w, fd);
		wait_for_runs(i);
		assert_int_equal(poll(&pfd, 1, 0), 0);
		worker_stop(w);
		assert_int_equal(read(fd, &count, sizeof(count)), 8);
		assert_int_equal(count, 1);
		assert_true(worker_stopped(w));
	}
	worker_destroy(w);
	close(fd);
}

/* In its own thread, and by the time that the caller goes on. */
static void enters_when_it_is_confined(void **state)
{
	(void)state;
	assert_int_equal(worker_confine(w, SANDBOX_OFF, NULL, 0, enter), 0);
	assert_false(pthread_equal(entered_by, pthread_self()));
	enter_error = -EPERM;
	assert_int_equal(worker_confine(w, SANDBOX_OFF, NULL, 0, enter),
			 -EPERM);
	worker_destroy(w);
	assert_int_equal(nr_runs, 0);
}

static void ends_while_it_serves(void **state)
{
	(void)state;
	assert_int_equal(worker_confine(w, SANDBOX_OFF, NULL, 0, NULL), 0);
	worker_start(w, -1);
	wait_for_runs(1);
	worker_destroy(w);
	assert_int_equal(nr_ends, 1);
	worker_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(runs_between_start_and_stop, create),
		cmocka_unit_test_setup(starts_again_after_each_stop, create),
		cmocka_unit_test_setup(may_end_by_itself, create),
		cmocka_unit_test_setup(stop_takes_a_start_back, create),
		cmocka_unit_test_setup(tells_when_it_has_stopped, create),
		cmocka_unit_test_setup(enters_when_it_is_confined, create),
		cmocka_unit_test_setup(ends_while_it_serves, create),
	};

	return run_all(tests);
}
