// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-console - stdin and stdout of every kind: pipes, files, terminals,
 * another user's; those that stall and those that go.
 */
#include "harness.h"

#include <pty.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>

#include "console-fixture.h"

static void pipes(void **state)
{
	struct fixture *f = *state;
	int in[2], out[2];

	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	open_stdio(f, in[0], out[1]);
	feed(in[1], "to guest \x01x"); /* no escape but on a terminal */
	run(f);
	assert_got(f, "to guest \x01x");
	assert_int_equal(f->quits, 0);
	assert_int_equal(put(f, "from guest"), 10);
	expect(out[0], "from guest");
	assert_blocking(0);
	assert_blocking(1);
	/* The end of input is not the end of anything else. */
	close(in[1]);
	run(f);
	assert_int_equal(put(f, "more"), 4);
	expect(out[0], "more");
	close(out[0]);
}

static void backpressure(void **state)
{
	struct fixture *f = *state;
	unsigned int inputs;
	int in[2];

	assert_int_equal(pipe(in), 0);
	open_stdio(f, in[0], -1);
	f->room = 4;
	feed(in[1], "0123456789");
	close(in[1]); /* hung up, with input left over: no busy loop */
	run(f);
	assert_got(f, "0123");
	inputs = f->inputs;
	assert_true(inputs <= 2);
	run(f);
	assert_int_equal(f->inputs, inputs);
	f->room = 4;
	console_kick_input(f->con);
	console_kick_input(f->con);
	run(f);
	assert_got(f, "4567");
	f->room = 100;
	console_kick_input(f->con);
	run(f);
	assert_got(f, "89");
	console_kick_input(f->con);
	inputs = f->inputs;
	run(f);
	assert_int_equal(f->inputs, inputs);
}

static void full_pipe_then_writable(void **state)
{
	struct fixture *f = *state;
	static uint8_t block[4096];
	size_t total = 0, n, taken = 0;
	int out[2];

	assert_int_equal(pipe(out), 0);
	open_stdio(f, -1, out[1]);
	do {
		n = console_write(f->con, block, sizeof(block));
		total += n;
	} while (n == sizeof(block));
	assert_int_equal(console_write(f->con, block, 100), 0);
	run(f);
	assert_int_equal(f->writables, 0);
	while (taken < total / 2) {
		ssize_t r = read(out[0], block, sizeof(block));

		assert_true(r > 0);
		taken += (size_t)r;
	}
	run_till(f, f->writables);
	assert_int_equal(f->writables, 1);
	assert_int_equal(console_write(f->con, block, 100), 100);
	run(f);
	assert_int_equal(f->writables, 1);
	close(out[0]);
}

static void reader_gone(void **state)
{
	struct fixture *f = *state;
	static uint8_t block[65536 * 2];
	int out[2];

	assert_int_equal(pipe(out), 0);
	open_stdio(f, -1, out[1]);
	assert_true(console_write(f->con, block, sizeof(block)) <
		    sizeof(block));
	close(out[0]);
	run_till(f, f->writables);
	assert_int_equal(f->writables, 1);
	/* EPIPE: taken and dropped. */
	assert_int_equal(put(f, "x"), 1);
	assert_int_equal(console_write_wait(f->con, block, 10, 1000), 10);
}

static void socket_as_stdout(void **state)
{
	struct fixture *f = *state;
	static uint8_t block[65536];
	size_t n, total = 0;
	int sv[2];

	/* A socket cannot be opened again, so it stays blocking. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	open_stdio(f, sv[0], dup(sv[0]));
	feed(sv[1], "hello");
	run(f);
	assert_got(f, "hello");
	do {
		n = console_write(f->con, block, sizeof(block));
		total += n;
	} while (n == sizeof(block));
	assert_true(total > 0);
	assert_blocking(1);
	close(sv[1]);
}

static void closed_stdio(void **state)
{
	struct fixture *f = *state;

	open_stdio(f, -1, -1);
	run(f);
	assert_int_equal(put(f, "nobody"), 6);
	assert_int_equal(f->inputs, 0);
}

static void dev_null(void **state)
{
	struct fixture *f = *state;

	open_stdio(f, open("/dev/null", O_RDONLY), open("/dev/null", O_WRONLY));
	run(f);
	assert_int_equal(put(f, "nobody"), 6);
	assert_int_equal(f->inputs, 0);
}

static void regular_files(void **state)
{
	struct fixture *f = *state;
	int in = open(f->path, O_RDWR | O_CREAT | O_EXCL, 0600);
	char out_path[64];
	size_t i;
	int out;

	for (i = 0; i < 1000; i++)
		feed(in, "ten bytes\n");
	lseek(in, 0, SEEK_SET);
	snprintf(out_path, sizeof(out_path), "%s.out", f->path);
	out = open(out_path, O_RDWR | O_CREAT | O_EXCL, 0600);
	feed(out, "header\n");
	f->room = 16;
	open_stdio(f, in, dup(out));
	run(f);
	/* Only what the guest takes is read. */
	assert_int_equal(f->nr_got, 16);
	for (i = 0; i < 1000; i++) {
		f->room = 700;
		console_kick_input(f->con);
		run(f);
		if (f->nr_got == 10000)
			break;
	}
	assert_int_equal(f->nr_got, 10000);
	assert_memory_equal(f->got + 9990, "ten bytes\n", 10);
	/* The shared offset is kept. */
	assert_int_equal(put(f, "text\n"), 5);
	feed(out, "footer\n");
	lseek(out, 0, SEEK_SET);
	expect(out, "header\ntext\nfooter\n");
	close(out);
	unlink(out_path);
}

static int open_pty(struct fixture *f)
{
	struct termios t;
	int master, slave;

	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	tcgetattr(slave, &t);
	cfmakeraw(&t);
	tcsetattr(slave, TCSANOW, &t);
	open_stdio(f, slave, dup(slave));
	return master;
}

static void terminal_escapes(void **state)
{
	struct fixture *f = *state;
	int master = open_pty(f);

	feed(master, "a\x01");
	run(f);
	assert_got(f, "a");
	feed(master, "a");
	run(f);
	assert_got(f, "\x01");
	feed(master, "\x01q\x01\x01");
	run(f);
	assert_got(f, "\x01q\x01\x01");
	assert_int_equal(put(f, "out\n"), 4);
	expect(master, "out\n");
	assert_blocking(0);
	assert_int_equal(f->quits, 0);
	feed(master, "\x01x");
	run_till(f, f->quits);
	assert_int_equal(f->quits, 1);
	close(master);
	run(f); /* hung up: input ends, output is dropped */
	assert_int_equal(put(f, "out"), 3);
}

/* After su(1), say: the descriptors are ours, what they refer to is not. */
static void stdio_of_another_user(void **state)
{
	struct fixture *f = *state;

	if (getuid())
		skip_because("needs root");
	f->other_user = true;
	pipes(state);
	console_destroy(f->con);
	put_back(f);
	full_pipe_then_writable(state);
	console_destroy(f->con);
	put_back(f);
	f->writables = 0;
	terminal_escapes(state);
}

/* A guest that takes no input can still be left. */
static void escape_from_hung_guest(void **state)
{
	struct fixture *f = *state;
	int master = open_pty(f), i;

	f->room = 0;
	for (i = 0; i < 50; i++) {
		feed(master, "0123456789012345678901234567890123456789"
			     "0123456789012345678901234567890123456789"
			     "01234567890123456789");
		run(f);
	}
	feed(master, "\x01x");
	run_till(f, f->quits);
	assert_int_equal(f->quits, 1);
	f->room = sizeof(f->got);
	console_kick_input(f->con);
	run_till(f, f->nr_got >= 4096);
	assert_int_equal(f->nr_got, 4096);
	feed(master, "live");
	f->nr_got = 0;
	run(f);
	assert_got(f, "live");
	close(master);
}

static void window_size(void **state)
{
	struct fixture *f = *state;
	struct winsize ws = { .ws_row = 30, .ws_col = 100 };
	uint16_t cols = 0, rows = 0;
	int master = open_pty(f);

	/* Not every terminal knows. */
	assert_false(console_size(f->con, &cols, &rows));
	assert_int_equal(ioctl(master, TIOCSWINSZ, &ws), 0);
	assert_true(console_size(f->con, &cols, &rows));
	assert_int_equal(cols, 100);
	assert_int_equal(rows, 30);
	console_resized(f->con);
	assert_int_equal(f->resizes, 1);
	close(master);
}

static void write_wait_times_out(void **state)
{
	struct fixture *f = *state;
	static uint8_t block[65536 * 2];
	int out[2];
	size_t n;

	assert_int_equal(pipe(out), 0);
	open_stdio(f, -1, out[1]);
	n = console_write_wait(f->con, block, sizeof(block), 30);
	assert_true(n > 0 && n < sizeof(block));
	assert_int_equal(console_write_wait(f->con, block, 1, 0), 0);
	close(out[0]);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(pipes),
		T(backpressure),
		T(full_pipe_then_writable),
		T(reader_gone),
		T(socket_as_stdout),
		T(stdio_of_another_user),
		T(closed_stdio),
		T(dev_null),
		T(regular_files),
		T(terminal_escapes),
		T(escape_from_hung_guest),
		T(window_size),
		T(write_wait_times_out),
	};

	return run_all(tests);
}
