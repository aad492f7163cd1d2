// SPDX-License-Identifier: BSD-2-Clause
/* test-console-open - consoles that have a path: files and sockets. */
#include "harness.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "capture.h"
#include "console-fixture.h"

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
	assert_int_equal(create(&f->con, CONSOLE_TO_FILE, path), -ENOENT);
	assert_int_equal(create(&f->con, CONSOLE_TO_UNIX, path), -ENOENT);
	/* A FIFO that nobody reads does not hold up the start. */
	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_int_equal(create(&f->con, CONSOLE_TO_FILE, f->path), -ENXIO);
	/* Only sockets are replaced. */
	assert_int_equal(create(&f->con, CONSOLE_TO_UNIX, f->path),
			 -EADDRINUSE);
	assert_int_equal(access(f->path, F_OK), 0);
	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = 0;
	assert_int_equal(create(&f->con, CONSOLE_TO_UNIX, path), -ENAMETOOLONG);
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
	assert_true(f->connected);
	/* The next one's turn comes when the first has left. */
	close(a);
	run(f);
	run(f);
	assert_true(f->connected);
	assert_got(f, "from b");
	assert_int_equal(put(f, "to b"), 4);
	expect(b, "to b");
	/* Another console does not take the path from a live one. */
	assert_int_equal(create(&second, CONSOLE_TO_UNIX, f->path),
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

/* Not for good: others give theirs back. */
static void unix_client_without_descriptors(void **state)
{
	struct fixture *f = *state;
	struct loop_timer t = { 0 };
	struct rlimit old, lim;
	struct capture c;
	int a, b, unused;

	open_console(f, CONSOLE_TO_UNIX);
	a = dial(f);
	assert_int_equal(loop_timer_init(f->loop, &t, stop, f->loop), 0);
	assert_int_equal(loop_timer_set(&t, 20), 0);
	capture_begin(&c);
	unused = dup(0);
	close(unused);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	lim = (struct rlimit){ (rlim_t)unused, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &lim), 0);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	capture_end(&c);
	assert_string_equal(c.text,
			    "wherry: console: clients have to wait: Too "
			    "many open files; raise the limit of open "
			    "files (ulimit -n)\n");
	assert_false(f->connected);
	loop_timer_fini(f->loop, &t);

	run_till(f, f->connected);
	b = dial(f);
	feed(a, "at last");
	assert_got(f, "at last");
	close(a);
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

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(to_file),
		T(to_nothing),
		T(bad_paths),
		T(unix_clients),
		T(unix_client_that_stalls),
		T(unix_client_without_descriptors),
		T(stale_socket_is_replaced),
	};

	return run_all(tests);
}
