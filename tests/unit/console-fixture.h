/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A console with a real event loop; descriptors 0 and 1 are replaced and put
 * back. After harness.h.
 */
#ifndef TESTS_UNIT_CONSOLE_FIXTURE_H
#define TESTS_UNIT_CONSOLE_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "console.h"
#include "loop.h"
#include "util.h"

#define NOBODY 65534

struct fixture {
	struct loop *loop;
	struct console *con;
	char dir[32], path[48];
	int saved_in, saved_out;
	bool other_user; /* who may not open stdin and stdout anew */
	/* The guest's end. */
	uint8_t got[20000];
	size_t nr_got, room;
	unsigned int inputs, writables, quits, resizes;
	bool connected;
};

static inline size_t on_input(void *opaque, const uint8_t *buf, size_t len)
{
	struct fixture *f = opaque;
	size_t n = MIN(len, f->room);

	f->inputs++;
	assert_true(f->nr_got + n <= sizeof(f->got));
	memcpy(f->got + f->nr_got, buf, n);
	f->nr_got += n;
	f->room -= n;
	return n;
}

static inline void on_writable(void *opaque)
{
	struct fixture *f = opaque;

	f->writables++;
}

static inline void on_quit(void *opaque)
{
	struct fixture *f = opaque;

	f->quits++;
}

static inline void on_connected(void *opaque, bool on)
{
	struct fixture *f = opaque;

	assert_int_not_equal(f->connected, on);
	f->connected = on;
}

static inline void on_resized(void *opaque)
{
	struct fixture *f = opaque;

	f->resizes++;
}

static const struct console_ops ops = { on_input, on_writable, on_quit,
					on_connected, on_resized };

static inline int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	*state = f;
	f->room = sizeof(f->got);
	f->saved_in = fcntl(0, F_DUPFD_CLOEXEC, 10);
	f->saved_out = fcntl(1, F_DUPFD_CLOEXEC, 10);
	strcpy(f->dir, "/tmp/wherry-console-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/con", f->dir);
	return loop_create(&f->loop);
}

static inline void put_back(struct fixture *f)
{
	dup2(f->saved_in, 0);
	dup2(f->saved_out, 1);
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	console_destroy(f->con);
	loop_destroy(f->loop);
	put_back(f);
	close(f->saved_in);
	close(f->saved_out);
	unlink(f->path);
	rmdir(f->dir);
	test_free(f);
	return 0;
}

static inline void stop(void *opaque)
{
	loop_stop(opaque);
}

static inline void run(struct fixture *f)
{
	struct loop_timer t = { 0 };

	assert_int_equal(loop_timer_init(f->loop, &t, stop, f->loop), 0);
	assert_int_equal(loop_timer_set(&t, 20), 0);
	assert_int_equal(loop_run(f->loop), 0);
	loop_timer_fini(f->loop, &t);
}

/* What has gone through a terminal arrives when the kernel's worker has run. */
#define run_till(f, cond)                                   \
	do {                                                \
		for (int i_ = 0; i_ < 250 && !(cond); i_++) \
			run(f);                             \
	} while (0)

static inline int create(struct console **con, enum console_mode mode,
			 const char *path)
{
	struct console_params p = { .name = "console",
				    .mode = mode,
				    .path = path };

	return console_create(con, &p);
}

static inline void open_console(struct fixture *f, enum console_mode mode)
{
	if (f->other_user)
		assert_int_equal(seteuid(NOBODY), 0);
	f->connected = false;
	assert_int_equal(create(&f->con, mode, f->path), 0);
	assert_int_equal(seteuid(getuid()), 0);
	assert_int_equal(console_start(f->con, f->loop, &ops, f), 0);
}

/* The console on these as stdin and stdout, which it takes. */
static inline void open_stdio(struct fixture *f, int in, int out)
{
	fflush(stdout);
	if (in < 0)
		close(0);
	else
		dup2(in, 0);
	if (out < 0)
		close(1);
	else
		dup2(out, 1);
	open_console(f, CONSOLE_TO_STDIO);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
}

static inline size_t put(struct fixture *f, const char *text)
{
	return console_write(f->con, (const uint8_t *)text, strlen(text));
}

static inline void assert_got(struct fixture *f, const char *text)
{
	run_till(f, f->nr_got >= strlen(text));
	assert_int_equal(f->nr_got, strlen(text));
	assert_memory_equal(f->got, text, strlen(text));
	f->nr_got = 0;
}

static inline void feed(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static inline void expect(int fd, const char *text)
{
	char buf[256];
	ssize_t n = read(fd, buf, sizeof(buf));

	assert_int_equal(n, strlen(text));
	assert_memory_equal(buf, text, strlen(text));
}

static inline void assert_blocking(int fd)
{
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
}

#endif
