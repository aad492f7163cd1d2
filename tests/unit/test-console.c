// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-console - stdin and stdout of every kind, files and sockets, with a
 * real event loop. Descriptors 0 and 1 are replaced and put back.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
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
	unsigned int inputs, writables, quits;
};

static size_t on_input(void *opaque, const uint8_t *buf, size_t len)
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

static void on_writable(void *opaque)
{
	struct fixture *f = opaque;

	f->writables++;
}

static void on_quit(void *opaque)
{
	struct fixture *f = opaque;

	f->quits++;
}

static const struct console_ops ops = { on_input, on_writable, on_quit };

static int setup(void **state)
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

static void put_back(struct fixture *f)
{
	dup2(f->saved_in, 0);
	dup2(f->saved_out, 1);
}

static int teardown(void **state)
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

static void stop(void *opaque)
{
	loop_stop(opaque);
}

static void run(struct fixture *f)
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

static void open_console(struct fixture *f, enum console_mode mode)
{
	if (f->other_user)
		assert_int_equal(seteuid(NOBODY), 0);
	assert_int_equal(console_create(&f->con, mode, f->path), 0);
	assert_int_equal(seteuid(getuid()), 0);
	assert_int_equal(console_start(f->con, f->loop, &ops, f), 0);
}

/* The console on these as stdin and stdout, which it takes. */
static void open_stdio(struct fixture *f, int in, int out)
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

static size_t put(struct fixture *f, const char *text)
{
	return console_write(f->con, (const uint8_t *)text, strlen(text));
}

static void assert_got(struct fixture *f, const char *text)
{
	run_till(f, f->nr_got >= strlen(text));
	assert_int_equal(f->nr_got, strlen(text));
	assert_memory_equal(f->got, text, strlen(text));
	f->nr_got = 0;
}

static void feed(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void expect(int fd, const char *text)
{
	char buf[256];
	ssize_t n = read(fd, buf, sizeof(buf));

	assert_int_equal(n, strlen(text));
	assert_memory_equal(buf, text, strlen(text));
}

static void assert_blocking(int fd)
{
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
}

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

static void to_file(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	int fd = open(f->path, O_RDWR | O_CREAT | O_EXCL, 0640);

	feed(fd, "what was there before");
	close(fd);
	open_console(f, CONSOLE_TO_FILE);
	assert_int_equal(put(f, "log\n"), 4);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_size, 4);
	assert_int_equal(st.st_mode & 0777, 0640);
	console_destroy(f->con);
	assert_int_equal(unlink(f->path), 0);
	open_console(f, CONSOLE_TO_FILE);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void to_nothing(void **state)
{
	struct fixture *f = *state;

	open_console(f, CONSOLE_TO_NOTHING);
	assert_int_equal(put(f, "x"), 1);
	console_kick_input(f->con);
	run(f);
	assert_int_equal(f->inputs, 0);
}

static void bad_paths(void **state)
{
	struct fixture *f = *state;
	char path[200];

	snprintf(path, sizeof(path), "%s/no/such", f->dir);
	assert_int_equal(console_create(&f->con, CONSOLE_TO_FILE, path),
			 -ENOENT);
	assert_int_equal(console_create(&f->con, CONSOLE_TO_UNIX, path),
			 -ENOENT);
	/* A FIFO that nobody reads does not hold up the start. */
	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_int_equal(console_create(&f->con, CONSOLE_TO_FILE, f->path),
			 -ENXIO);
	/* Only sockets are replaced. */
	assert_int_equal(console_create(&f->con, CONSOLE_TO_UNIX, f->path),
			 -EADDRINUSE);
	assert_int_equal(access(f->path, F_OK), 0);
	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = 0;
	assert_int_equal(console_create(&f->con, CONSOLE_TO_UNIX, path),
			 -ENAMETOOLONG);
	assert_null(f->con);
	console_destroy(NULL);
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

static void unix_clients(void **state)
{
	struct fixture *f = *state;
	struct console *second = NULL;
	struct stat st;
	int a, b;

	open_console(f, CONSOLE_TO_UNIX);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(put(f, "to nobody"), 9);
	a = dial(f);
	b = dial(f);
	feed(a, "from a");
	feed(b, "from b");
	run(f);
	assert_got(f, "from a");
	assert_int_equal(put(f, "to a"), 4);
	expect(a, "to a");
	/* The next one's turn comes when the first has left. */
	close(a);
	run(f);
	run(f);
	assert_got(f, "from b");
	assert_int_equal(put(f, "to b"), 4);
	expect(b, "to b");
	/* Another console does not take the path from a live one. */
	assert_int_equal(console_create(&second, CONSOLE_TO_UNIX, f->path),
			 -EADDRINUSE);
	console_destroy(f->con);
	f->con = NULL;
	assert_int_equal(access(f->path, F_OK), -1);
	close(b);
}

static void unix_client_that_stalls(void **state)
{
	struct fixture *f = *state;
	static uint8_t block[65536];
	int a, b;

	open_console(f, CONSOLE_TO_UNIX);
	a = dial(f);
	run(f);
	while (console_write(f->con, block, sizeof(block)) == sizeof(block))
		;
	f->room = 2;
	feed(a, "abcd");
	run(f);
	assert_got(f, "ab");
	assert_int_equal(f->writables, 0);
	/* It leaves while both ways are stuck: both come loose. */
	close(a);
	run_till(f, f->writables);
	assert_int_equal(f->writables, 1);
	assert_int_equal(put(f, "dropped"), 7);
	b = dial(f);
	run(f);
	feed(b, "ef");
	f->room = 100;
	console_kick_input(f->con);
	run(f);
	assert_got(f, "cdef");
	close(b);
}

static void stale_socket_is_replaced(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", f->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	open_console(f, CONSOLE_TO_UNIX);
	fd = dial(f);
	close(fd);
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

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIR(pipes),
		IN_DIR(backpressure),
		IN_DIR(full_pipe_then_writable),
		IN_DIR(reader_gone),
		IN_DIR(socket_as_stdout),
		IN_DIR(stdio_of_another_user),
		IN_DIR(closed_stdio),
		IN_DIR(dev_null),
		IN_DIR(regular_files),
		IN_DIR(terminal_escapes),
		IN_DIR(escape_from_hung_guest),
		IN_DIR(to_file),
		IN_DIR(to_nothing),
		IN_DIR(bad_paths),
		IN_DIR(unix_clients),
		IN_DIR(unix_client_that_stalls),
		IN_DIR(stale_socket_is_replaced),
		IN_DIR(write_wait_times_out),
	};

	return run_all(tests);
}
