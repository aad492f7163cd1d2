/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Catches what the code under test writes to stderr. After harness.h.
 *
 *	struct capture c;
 *
 *	capture_begin(&c);
 *	log_err("x: failed");
 *	assert_string_equal(capture_end(&c), "wherry: x: failed\n");
 */
#ifndef TESTS_UNIT_CAPTURE_H
#define TESTS_UNIT_CAPTURE_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct capture {
	int saved_fd, mem_fd;
	char text[8192]; /* what came, up to its size */
};

static inline void capture_begin(struct capture *c)
{
	c->saved_fd = dup(STDERR_FILENO);
	c->mem_fd = memfd_create("capture", MFD_CLOEXEC);
	if (c->saved_fd < 0 || c->mem_fd < 0 ||
	    dup2(c->mem_fd, STDERR_FILENO) < 0)
		abort();
}

static inline const char *capture_end(struct capture *c)
{
	ssize_t n = pread(c->mem_fd, c->text, sizeof(c->text) - 1, 0);

	if (n < 0 || dup2(c->saved_fd, STDERR_FILENO) < 0)
		abort();
	c->text[n] = '\0';
	close(c->saved_fd);
	close(c->mem_fd);
	return c->text;
}

#endif
