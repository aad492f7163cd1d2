// SPDX-License-Identifier: BSD-2-Clause
/*
 * log - one line per message on stderr, each by one write(2). Owns no state:
 * a rate limit is the caller's struct. Knows no levels and no files.
 */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fd.h"
#include "util.h"

/* Half of what a pipe takes that poll() says has room: two threads that ask
 * at once both get theirs. */
#define LINE_MAX_BYTES 2048
#define WINDOW_NS (10 * UINT64_C(1000000000))
#define WINDOW_LINES 10
#define PATIENCE_MS 5000

/*
 * Names of devices and files come from outside, and what a guest says of its
 * end: nothing in them may move the cursor or start a second line.
 */
static void make_printable(char *s, size_t len)
{
	size_t n;

	for (size_t i = 0; i < len; i += MAX(n, 1)) {
		n = printable_bytes(s + i, len - i);
		if (!n)
			s[i] = '?';
	}
}

/*
 * False when the line found no room within ms: a pipe that is full, with nobody who
 * reads it, would hold the thread that writes and whatever that has locked.
 */
static bool PRINTF(3, 0)
	vlog(int ms, const char *prefix, const char *fmt, va_list ap)
{
	char line[LINE_MAX_BYTES];
	size_t room = sizeof(line) - 1; /* for the newline */
	size_t head = strlen(prefix);
	ssize_t written;
	size_t len;
	int n;

	if (!fd_has_room(STDERR_FILENO, ms))
		return false;
	memcpy(line, prefix, head);
	n = vsnprintf(line + head, room - head, fmt, ap);
	if (n < 0)
		n = 0;
	len = head + (size_t)n;
	if (len > room - 1)
		len = room - 1;
	make_printable(line + head, len - head);
	line[len++] = '\n';

	/* There is nobody to tell when stderr itself fails. */
	written = write(STDERR_FILENO, line, len);
	(void)written;
	return true;
}

void log_err(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vlog(PATIENCE_MS, "wherry: ", fmt, ap);
	va_end(ap);
}

void log_notice(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vlog(PATIENCE_MS, "wherry: notice: ", fmt, ap);
	va_end(ap);
}

/* CLOCK_MONOTONIC is answered by the vDSO: cheap enough for each call. */
static uint64_t clock_ns(void)
{
	struct timespec ts = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) +
	       (uint64_t)ts.tv_nsec;
}

static bool PRINTF(1, 2) log_now(const char *fmt, ...)
{
	va_list ap;
	bool done;

	va_start(ap, fmt);
	done = vlog(0, "wherry: ", fmt, ap);
	va_end(ap);
	return done;
}

/* What earlier windows dropped comes before the first line of this one. */
static bool tell_dropped(struct ratelimit *rl)
{
	if (rl->passed || !rl->dropped)
		return true;
	if (!log_now("%u more messages like the next were dropped",
		     rl->dropped))
		return false;
	rl->dropped = 0;
	return true;
}

void log_guest(struct ratelimit *rl, const char *fmt, ...)
{
	uint64_t now = clock_ns();
	va_list ap;

	if (!rl->window_start_ns || now - rl->window_start_ns >= WINDOW_NS) {
		rl->window_start_ns = now;
		rl->passed = 0;
	}
	va_start(ap, fmt);
	if (rl->passed < WINDOW_LINES && tell_dropped(rl) &&
	    vlog(0, "wherry: ", fmt, ap))
		rl->passed++;
	else
		rl->dropped++;
	va_end(ap);
}
