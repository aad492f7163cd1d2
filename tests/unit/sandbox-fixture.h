/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Forked children that confine themselves, and how they end. After harness.h.
 */
#ifndef TESTS_UNIT_SANDBOX_FIXTURE_H
#define TESTS_UNIT_SANDBOX_FIXTURE_H

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "sandbox.h"
#include "util.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

#define NOBODY 65534
#define PASSED 0
#define CHILD_FAILED 77

static const struct sandbox_ioctl table[] = {
	{ FIONREAD, SANDBOX_VCPU | SANDBOX_LOOP, "test" },
	{ TCGETS, SANDBOX_LOOP, "test" },
	/* As a module would get it that keeps requests in an int. */
	{ (unsigned long)(int)0x8004ae05, SANDBOX_VCPU, "test: sign bit" },
};
static const struct sandbox_ioctl again[] = {
	{ FIONREAD, SANDBOX_VCPU, "test: named twice" },
};
static const struct sandbox_ioctls lists[] = {
	{ table, ARRAY_SIZE(table) },
	{ again, ARRAY_SIZE(again) },
};

#define CHECK(cond)                                                            \
	do {                                                                   \
		if (!(cond)) {                                                 \
			fprintf(stderr, "# %s: %s\n", #cond, strerror(errno)); \
			_exit(CHILD_FAILED);                                   \
		}                                                              \
	} while (0)

/* The wait status of a child that confines itself and calls fn. */
static inline int confined(enum sandbox_mode mode, enum sandbox_thread kind,
			   uid_t uid, void (*fn)(void))
{
	int wstatus;
	pid_t pid;

	/* exit() in the child shall not say it twice. */
	fflush(stdout);
	pid = fork();
	if (!pid) {
		CHECK(!uid || !setresuid(uid, uid, uid));
		CHECK(!sandbox_process(mode));
		CHECK(!sandbox_thread(mode, kind, lists, ARRAY_SIZE(lists)));
		fn();
		_exit(PASSED);
	}
	assert_int_equal(waitpid(pid, &wstatus, 0), pid);
	return wstatus;
}

static inline void assert_status_passed(int wstatus)
{
	assert_true(WIFEXITED(wstatus));
	assert_int_equal(WEXITSTATUS(wstatus), PASSED);
}

static inline void assert_passes(enum sandbox_thread kind, void (*fn)(void))
{
	assert_status_passed(confined(SANDBOX_ON, kind, 0, fn));
}

static inline void assert_kills(enum sandbox_thread kind, void (*fn)(void))
{
	int wstatus = confined(SANDBOX_ON, kind, 0, fn);

	assert_true(WIFSIGNALED(wstatus));
	assert_int_equal(WTERMSIG(wstatus), SIGSYS);
}

static inline void needs_confinement(void)
{
	if (SANITIZED)
		skip_because("sanitizers do not run confined");
}

#endif
