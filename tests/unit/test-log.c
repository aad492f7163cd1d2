// SPDX-License-Identifier: BSD-2-Clause
/* test-log - messages: one line each, whatever is in them, and not too many. */
#include "harness.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>

#include "capture.h"
#include "log.h"

static void one_line_with_a_prefix(void **state)
{
	struct capture c;

	(void)state;
	capture_begin(&c);
	log_err("%s: no such device", "0000:3b:00.0");
	log_notice("the sandbox is %s", "off");
	assert_string_equal(capture_end(&c),
			    "wherry: 0000:3b:00.0: no such device\n"
			    "wherry: notice: the sandbox is off\n");
}

static void control_characters_are_shown_as_marks(void **state)
{
	struct capture c;

	(void)state;
	capture_begin(&c);
	log_err("%s", "a\nwherry: b\r\x1b[2J\x7f\xc3\xa4\xc2\x9bm\xc4\x9b\x9b");
	assert_string_equal(capture_end(&c),
			    "wherry: a?wherry: b??[2J?\xc3\xa4??m\xc4\x9b?\n");
}

static void long_lines_are_cut(void **state)
{
	char text[4096];
	struct capture c;
	size_t len;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	capture_begin(&c);
	log_err("%s", text);
	capture_end(&c);

	len = strlen(c.text);
	assert_int_equal(len, 2048 - 1);
	assert_int_equal(c.text[len - 1], '\n');
	assert_int_equal(c.text[len - 2], 'x');
}

static unsigned int count_lines(const char *s)
{
	unsigned int n = 0;

	for (; *s; s++)
		n += *s == '\n';
	return n;
}

static void guests_are_rate_limited(void **state)
{
	struct ratelimit rl = { 0 };
	struct capture c;

	(void)state;
	capture_begin(&c);
	for (int i = 0; i < 1000; i++)
		log_guest(&rl, "access %d", i);
	capture_end(&c);
	assert_int_equal(count_lines(c.text), 10);
	assert_int_equal(rl.dropped, 990);

	/* The next window tells what the last one hid. */
	rl.window_start_ns -= 10 * UINT64_C(1000000000);
	capture_begin(&c);
	log_guest(&rl, "again");
	assert_string_equal(
		capture_end(&c),
		"wherry: 990 more messages like the next were dropped\n"
		"wherry: again\n");
	assert_int_equal(rl.dropped, 0);
	assert_int_equal(rl.passed, 1);
}

/* ----- a stderr that nobody reads ----- */

static int last_timeout;

int __real_poll(struct pollfd *fds, nfds_t nr, int ms);
int __wrap_poll(struct pollfd *fds, nfds_t nr, int ms);

/* Seconds of patience are short here. */
int __wrap_poll(struct pollfd *fds, nfds_t nr, int ms)
{
	last_timeout = ms;
	return __real_poll(fds, nr, ms ? 20 : 0);
}

static void read_all(int fd, char *buf, size_t size)
{
	ssize_t n = read(fd, buf, size - 1);

	assert_true(n >= 0);
	buf[n] = '\0';
}

static void nobody_waits_for_a_full_pipe(void **state)
{
	static char text[1 << 16];
	struct ratelimit rl = { 0 };
	int fds[2], saved = dup(STDERR_FILENO);

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(fcntl(fds[1], F_SETPIPE_SZ, 8192), 8192);
	memset(text, 'x', 8192);
	assert_int_equal(write(fds[1], text, 8192), 8192);
	assert_int_equal(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);

	/* A write would never return. */
	for (int i = 0; i < 3; i++)
		log_guest(&rl, "access %d", i);
	assert_int_equal(last_timeout, 0);
	assert_int_equal(rl.dropped, 3);
	assert_int_equal(rl.passed, 0);
	log_err("lost");
	assert_in_range(last_timeout, 1000, 10000);

	read_all(fds[0], text, sizeof(text));
	log_guest(&rl, "again");
	read_all(fds[0], text, sizeof(text));
	dup2(saved, STDERR_FILENO);
	assert_string_equal(text, "wherry: 3 more messages like the next were"
				  " dropped\nwherry: again\n");
	close(saved);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_line_with_a_prefix),
		cmocka_unit_test(control_characters_are_shown_as_marks),
		cmocka_unit_test(long_lines_are_cut),
		cmocka_unit_test(guests_are_rate_limited),
		cmocka_unit_test(nobody_waits_for_a_full_pipe),
	};

	return run_all(tests);
}
