/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ioctl() of a kernel that the test has made up, in place of the real one:
 * counted, so that the n-th fails on demand; and what every user of such a
 * kernel is held to. For programs that wrap ioctl and define fake_ioctl().
 * After harness.h.
 */
#ifndef TESTS_UNIT_FAKE_IOCTL_H
#define TESTS_UNIT_FAKE_IOCTL_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "capture.h"
#include "fds.h"

static struct {
	/* The fail_at-th fails, with fail_errno; -1: none does. */
	int fail_at, fail_errno;
	atomic_int nr;
	unsigned long failed; /* the request that it was */
} ioctls;

/* What the test's kernel does: a result, or -1 and errno. */
static int fake_ioctl(int fd, unsigned long request, void *arg);

int __wrap_ioctl(int fd, unsigned long request, ...);

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	return fake_ioctl(fd, request, arg);
}

static inline void ioctls_reset(void)
{
	memset(&ioctls, 0, sizeof(ioctls));
	ioctls.fail_at = -1;
	ioctls.fail_errno = EIO;
}

static inline int fake_no(int err)
{
	errno = err;
	return -1;
}

/* Counts one, which is to fail if this says so: errno is set. */
static inline bool ioctl_fails(unsigned long request)
{
	if (atomic_fetch_add(&ioctls.nr, 1) != ioctls.fail_at)
		return false;
	ioctls.failed = request;
	errno = ioctls.fail_errno;
	return true;
}

static inline void fail_next_ioctl(int err)
{
	ioctls.fail_at = ioctls.nr;
	ioctls.fail_errno = err;
}

/* An errno, and words of the message that it must lead to. */
struct remedy {
	int err;
	const char *says;
};

/* Each errno of the next ioctl comes back from call(), which says the words
 * and names the subject. */
static inline void check_remedies(const struct remedy *rows, size_t nr,
				  const char *subject, int (*call)(void *),
				  void *opaque)
{
	struct capture c;

	for (size_t i = 0; i < nr; i++) {
		fail_next_ioctl(rows[i].err);
		capture_begin(&c);
		assert_int_equal(call(opaque), -rows[i].err);
		assert_non_null(strstr(capture_end(&c), rows[i].says));
		assert_non_null(strstr(c.text, subject));
	}
}

/* Each ioctl of life() fails in turn. It says so in one line, which has the
 * words, and leaves no descriptor. The last nr_ending only take apart: nobody
 * can be told. */
static inline void check_each_failure(int (*reset)(void **), int (*life)(void),
				      const char *says, int nr_ending)
{
	unsigned int before = nr_fds();
	struct capture c;
	int nr;

	assert_int_equal(life(), 0);
	nr = ioctls.nr;
	for (int i = 0; i < nr; i++) {
		int r;

		reset(NULL);
		ioctls.fail_at = i;
		capture_begin(&c);
		r = life();
		assert_non_null(strstr(capture_end(&c), says));
		assert_ptr_equal(strchr(c.text, '\n') + 1,
				 c.text + strlen(c.text));
		assert_int_equal(r, i < nr - nr_ending ? -EIO : 0);
		assert_int_equal(nr_fds(), before);
	}
}

#endif
