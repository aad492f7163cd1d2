// SPDX-License-Identifier: BSD-2-Clause
/* test-exec-log - what a guest's kernel says, and who may have stopped reading. */
#include "harness.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exec-log.h"

/* What the pipes take. */
#define FULL 65536

struct said {
	struct exec_log log;
	int guest; /* what its console writes to */
	int err[2], saved_err; /* a pipe for ours */
};

static void begin(struct said *s, const char *path, bool verbose)
{
	s->saved_err = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	assert_int_equal(pipe2(s->err, O_CLOEXEC), 0);
	assert_int_equal(dup2(s->err[1], STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(exec_log_init(&s->log, path, verbose, &s->guest), 0);
}

static void end(struct said *s)
{
	dup2(s->saved_err, STDERR_FILENO);
	close(s->saved_err);
	close(s->err[0]);
	close(s->err[1]);
	close(s->guest);
	exec_log_fini(&s->log);
}

static void says(struct said *s, const char *text)
{
	assert_int_equal(write(s->guest, text, strlen(text)), strlen(text));
	exec_log_drain(&s->log);
}

static void assert_heard(struct said *s, const char *text)
{
	char buf[512];
	ssize_t n = read(s->err[0], buf, sizeof(buf) - 1);

	assert_true(n >= 0);
	buf[n] = '\0';
	assert_string_equal(buf, text);
}

/* The last lines, made fit for a terminal, and what the kernel died of. */
static void shows_the_end(void **state)
{
	struct said s;

	(void)state;
	begin(&s, NULL, false);
	says(&s, "old\n");
	for (int i = 0; i < 17; i++)
		says(&s, "\n");
	says(&s,
	     "\033[2Jred\xc2\x9bm\xc3\xa4\r\n\n[1.0] Kernel panic - not syncing: x\n");
	assert_int_equal(strncmp(exec_log_panic(&s.log),
				 "Kernel panic - not syncing: x\n", 30),
			 0);
	exec_log_print(&s.log);
	assert_heard(&s, "guest:  [2Jred  m\xc3\xa4\n"
			 "guest: [1.0] Kernel panic - not syncing: x\n");
	end(&s);
}

/* What follows a panic may be long: what led to it is shown. */
static void shows_what_led_to_a_panic(void **state)
{
	char want[2048] = "", line[64];
	struct said s;

	(void)state;
	begin(&s, NULL, false);
	for (int i = 0; i < 30; i++) {
		snprintf(line, sizeof(line), "before %d\r\n", i);
		says(&s, line);
	}
	says(&s, "Kernel panic - not syncing: y\r\n");
	for (int i = 0; i < 30; i++) {
		snprintf(line, sizeof(line), "R%02d: 0\r\n", i);
		says(&s, line);
	}
	exec_log_print(&s.log);
	for (int i = 22; i < 30; i++)
		snprintf(want + strlen(want), 64, "guest: before %d\n", i);
	strcat(want, "guest: Kernel panic - not syncing: y\n");
	for (int i = 0; i < 12; i++)
		snprintf(want + strlen(want), 64, "guest: R%02d: 0\n", i);
	assert_heard(&s, want);
	end(&s);
}

/* Nobody reads standard error, nor the log: the command goes on. */
static void waits_for_nobody(void **state)
{
	static char much[FULL];
	char path[32];
	struct said s;
	int fds[2], flags;

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[1]);
	begin(&s, path, true);
	flags = fcntl(fds[1], F_GETFL);
	for (int i = 0; i < 2; i++) {
		int fd = i ? s.err[1] : fds[1];

		assert_int_equal(fcntl(fd, F_SETPIPE_SZ, FULL), FULL);
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
		while (write(fd, much, sizeof(much)) > 0)
			;
		fcntl(fd, F_SETFL, flags);
	}
	alarm(60);
	for (int i = 0; i < 100; i++)
		says(&s, "unheard\n");
	exec_log_print(&s.log);
	assert_int_equal(read(s.err[0], much, sizeof(much)), sizeof(much));
	says(&s, "heard\n");
	assert_heard(&s, "heard\n");
	alarm(0);
	end(&s);
	close(fds[0]);
	close(fds[1]);
}

/* --guest-log: every byte as it is, and nothing of what was there before. */
static void all_of_it_goes_to_a_file(void **state)
{
	static const char said[] = "\033[2Jone\r\n\xff two";
	char path[] = "/tmp/wherry-log.XXXXXX", buf[64];
	int fd = mkstemp(path);
	struct said s;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "what was there is longer than that", 34),
			 34);
	begin(&s, path, false);
	says(&s, said);
	assert_int_equal(pread(fd, buf, sizeof(buf), 0), strlen(said));
	assert_memory_equal(buf, said, strlen(said));
	/* The user sees none of it. */
	fcntl(s.err[0], F_SETFL, O_NONBLOCK);
	assert_int_equal(read(s.err[0], buf, sizeof(buf)), -1);
	end(&s);
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_the_end),
		cmocka_unit_test(shows_what_led_to_a_panic),
		cmocka_unit_test(waits_for_nobody),
		cmocka_unit_test(all_of_it_goes_to_a_file),
	};

	return run_all(tests);
}
