// SPDX-License-Identifier: BSD-2-Clause
/*
 * log - one line per message on stderr, each by one write(2). Owns no state:
 * a rate limit is the caller's struct. Knows no levels and no files.
 */
#include "log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048
#define WINDOW_NS (10 * UINT64_C(1000000000))
#define WINDOW_LINES 10

/*
 * Names of devices and files come from outside: nothing in them may move the
 * cursor or start a second line.
 */
static void make_printable(char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c < 0x20 || c == 0x7f)
			s[i] = '?';
	}
}

static void PRINTF(2, 0) vlog(const char *prefix, const char *fmt, va_list ap)
{
	char line[LINE_MAX_BYTES];
	size_t room = sizeof(line) - 1; /* for the newline */
	size_t head = strlen(prefix);
	ssize_t written;
	size_t len;
	int n;

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
}

void log_err(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog("wherry: ", fmt, ap);
	va_end(ap);
}

void log_notice(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog("wherry: notice: ", fmt, ap);
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

void log_guest(struct ratelimit *rl, const char *fmt, ...)
{
	uint64_t now = clock_ns();
	va_list ap;

	if (!rl->window_start_ns || now - rl->window_start_ns >= WINDOW_NS) {
		if (rl->dropped)
			log_err("%u more messages like the next were dropped",
				rl->dropped);
		*rl = (struct ratelimit){ .window_start_ns = now };
	}
	if (rl->passed >= WINDOW_LINES) {
		rl->dropped++;
		return;
	}

	rl->passed++;
	va_start(ap, fmt);
	vlog("wherry: ", fmt, ap);
	va_end(ap);
}
