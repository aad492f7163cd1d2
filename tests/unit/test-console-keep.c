// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-console-keep - ends that lose nothing: clients one after the other,
 * descriptors that were passed.
 */
#include "harness.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "capture.h"
#include "console-fixture.h"

static void open_channel(struct fixture *f, int fd)
{
	struct console_params p = { .name = "channel",
				    .mode = fd < 0 ? CONSOLE_TO_UNIX :
						     CONSOLE_TO_FD,
				    .path = f->path,
				    .fd = fd,
				    .keep = true };

	assert_int_equal(console_create(&f->con, &p), 0);
	assert_int_equal(console_start(f->con, f->loop, &ops, f), 0);
}

static int dial(struct fixture *f)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", f->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)),
			 0);
	return fd;
}

/* What is written while nobody is there is not taken, and asked for when
 * somebody comes. */
static void waits_for_a_client(void **state)
{
	struct fixture *f = *state;
	int a;

	open_channel(f, -1);
	run(f);
	assert_false(f->connected);
	assert_int_equal(put(f, "early"), 0);
	run(f);
	assert_int_equal(f->writables, 0);
	a = dial(f);
	run_till(f, f->writables);
	assert_true(f->connected);
	assert_int_equal(f->writables, 1);
	assert_int_equal(put(f, "early"), 5);
	expect(a, "early");
	close(a);
	run_till(f, !f->connected);
	assert_false(f->connected);
	assert_int_equal(put(f, "between"), 0);
	a = dial(f);
	run_till(f, f->writables == 2);
	assert_int_equal(f->writables, 2);
	assert_int_equal(put(f, "between"), 7);
	expect(a, "between");
	close(a);
}

/* A client that has left, but what it sent is not all read yet. */
static void last_words(void **state)
{
	struct fixture *f = *state;
	static uint8_t block[10000];
	int a, b;

	open_channel(f, -1);
	f->room = 100;
	a = dial(f);
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = (uint8_t)(i % 251);
	assert_int_equal(write(a, block, sizeof(block)), sizeof(block));
	close(a);
	b = dial(f);
	feed(b, "next");
	run_till(f, f->nr_got == 100);
	assert_int_equal(f->nr_got, 100);
	assert_true(f->connected);
	/* The write finds it gone: nothing is taken, nothing spins. */
	assert_int_equal(put(f, "reply"), 0);
	run(f);
	assert_int_equal(put(f, "reply"), 0);
	f->room = sizeof(block) + 4 - 100;
	console_kick_input(f->con);
	run_till(f, f->nr_got == sizeof(block) + 4);
	assert_int_equal(f->nr_got, sizeof(block) + 4);
	assert_memory_equal(f->got, block, sizeof(block));
	assert_memory_equal(f->got + sizeof(block), "next", 4);
	assert_int_equal(put(f, "reply"), 5);
	expect(b, "reply");
	close(b);
}

static void stalled_reader_leaves(void **state)
{
	struct fixture *f = *state;
	static uint8_t block[65536];
	size_t n;
	int a;

	open_channel(f, -1);
	a = dial(f);
	run_till(f, f->connected);
	do
		n = console_write(f->con, block, sizeof(block));
	while (n == sizeof(block));
	run(f);
	assert_int_equal(f->writables, 0);
	close(a);
	run_till(f, !f->connected);
	assert_int_equal(put(f, "x"), 0);
	a = dial(f);
	run_till(f, f->connected);
	assert_true(f->writables >= 1);
	assert_int_equal(put(f, "x"), 1);
	expect(a, "x");
	close(a);
}

static size_t take_all(void *opaque, const uint8_t *buf, size_t len)
{
	struct fixture *f = opaque;

	(void)buf;
	f->inputs++;
	return len;
}

static void on_left(void *opaque, uint64_t bytes, bool lost)
{
	(void)bytes;
	*(int *)opaque = lost ? 2 : 1;
}

/* How a stream that is only written to ends: 1 its reader has left, 2 it takes no
 * more. */
static int end_of(struct fixture *f, int fd)
{
	int left = 0;
	struct console_params p = { .name = "out",
				    .mode = CONSOLE_TO_FD,
				    .fd = fd,
				    .way = CONSOLE_OUT,
				    .left = on_left,
				    .opaque = &left,
				    .keep = true };

	assert_int_equal(console_create(&f->con, &p), 0);
	assert_int_equal(console_start(f->con, f->loop, &ops, f), 0);
	assert_int_equal(put(f, "lost"), 0);
	assert_int_equal(put(f, "lost"), 0);
	run_till(f, !f->connected);
	console_destroy(f->con);
	f->con = NULL;
	return left;
}

/* A full disk is the end of it, too, and is told once. */
static void nothing_is_lost_unheard(void **state)
{
	static struct capture c;
	struct fixture *f = *state;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	close(fds[0]);
	assert_int_equal(end_of(f, fds[1]), 1);
	capture_begin(&c);
	assert_int_equal(end_of(f, open("/dev/full", O_WRONLY)), 2);
	assert_string_equal(capture_end(&c),
			    "wherry: out: output is lost: No space left on "
			    "device\n");
}

/* A file that never ends, and a guest that takes all: others have their turn. */
static void files_take_turns(void **state)
{
	struct fixture *f = *state;
	struct console_ops endless = ops;
	struct console_params p = { .name = "in",
				    .mode = CONSOLE_TO_FD,
				    .fd = open("/dev/zero", O_RDONLY),
				    .way = CONSOLE_IN,
				    .keep = true };
	unsigned int before;

	endless.input = take_all;
	assert_int_equal(console_create(&f->con, &p), 0);
	assert_int_equal(console_start(f->con, f->loop, &endless, f), 0);
	before = f->inputs;
	assert_true(before > 0);
	run_till(f, f->inputs > before);
}

/* What cannot be read is not just at its end. */
static void lost_input_is_told(void **state)
{
	struct fixture *f = *state;
	int left = 0;
	struct console_params p = { .name = "in",
				    .mode = CONSOLE_TO_FD,
				    .fd = open("/", O_RDONLY),
				    .way = CONSOLE_IN,
				    .left = on_left,
				    .opaque = &left,
				    .keep = true };
	static struct capture c;

	assert_int_equal(console_create(&f->con, &p), 0);
	capture_begin(&c);
	assert_int_equal(console_start(f->con, f->loop, &ops, f), 0);
	capture_end(&c);
	assert_non_null(strstr(c.text, "in: input is lost: Is a directory"));
	assert_int_equal(left, 2);
}

static void passed_stream(void **state)
{
	struct fixture *f = *state;
	int sv[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	open_channel(f, sv[0]);
	assert_true(f->connected);
	feed(sv[1], "hello \x01x");
	run(f);
	assert_got(f, "hello \x01x");
	assert_int_equal(put(f, "world"), 5);
	expect(sv[1], "world");
	close(sv[1]);
	run_till(f, !f->connected);
	assert_false(f->connected);
	assert_int_equal(put(f, "nobody"), 0);
	assert_int_equal(f->quits, 0);
}

static void passed_pipe(void **state)
{
	struct fixture *f = *state;
	int out[2];

	assert_int_equal(pipe(out), 0);
	open_channel(f, out[1]);
	assert_true(f->connected);
	assert_int_equal(put(f, "log"), 3);
	expect(out[0], "log");
	close(out[0]);
	assert_int_equal(put(f, "nobody"), 0);
	run_till(f, !f->connected);
	assert_false(f->connected);
}

/* Nothing of it is left open: who reads hears of the end. */
static void passed_pipe_is_closed(void **state)
{
	struct fixture *f = *state;
	int out[2];
	char c;

	assert_int_equal(pipe2(out, O_NONBLOCK), 0);
	open_channel(f, out[1]);
	console_destroy(f->con);
	f->con = NULL;
	assert_int_equal(read(out[0], &c, 1), 0);
	close(out[0]);
}

static void passed_listener(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), a;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", f->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 1), 0);
	open_channel(f, fd);
	for (int i = 0; i < 2; i++) {
		a = dial(f);
		run_till(f, f->connected);
		assert_int_equal(put(f, "hi"), 2);
		expect(a, "hi");
		close(a);
		run_till(f, !f->connected);
	}
	/* Whoever made it removes it. */
	console_destroy(f->con);
	f->con = NULL;
	assert_int_equal(access(f->path, F_OK), 0);
}

static void closed_descriptor(void **state)
{
	struct fixture *f = *state;
	struct console_params p = { .name = "fd=99",
				    .mode = CONSOLE_TO_FD,
				    .fd = 99 };

	assert_int_equal(console_create(&f->con, &p), -EBADF);
}

static void room_for_two(void *opaque)
{
	(*(unsigned int *)opaque)++;
}

/* Two devices write there: both are told of room. */
static void shared_output(void **state)
{
	struct fixture *f = *state;
	static uint8_t block[65536];
	unsigned int told = 0;
	int out[2];

	assert_int_equal(pipe(out), 0);
	dup2(out[1], 1);
	close(out[1]);
	assert_int_equal(create(&f->con, CONSOLE_TO_STDIO, NULL), 0);
	console_share(f->con, room_for_two, &told);
	assert_int_equal(console_start(f->con, f->loop, &ops, f), 0);
	while (console_write(f->con, block, sizeof(block)) == sizeof(block))
		;
	assert_true(read(out[0], block, sizeof(block)) > 0);
	run_till(f, told);
	assert_int_equal(told, 1);
	assert_int_equal(f->writables, 1);
	close(out[0]);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(waits_for_a_client),	  T(last_words),
		T(stalled_reader_leaves), T(passed_stream),
		T(passed_pipe),		  T(passed_pipe_is_closed),
		T(passed_listener),	  T(closed_descriptor),
		T(shared_output),	  T(nothing_is_lost_unheard),
		T(files_take_turns),	  T(lost_input_is_told),
	};

	return run_all(tests);
}
