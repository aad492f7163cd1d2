/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages for the user: one line each on stderr, prefixed "wherry: ".
 * An error reads  SUBJECT: what failed: why; what to do.
 * Each call is one write(2), so lines of several threads do not mix.  A stderr
 * that nobody reads is waited for, but for seconds only: then the line is lost.
 */
#ifndef WHERRY_LOG_H
#define WHERRY_LOG_H

#include <stdint.h>

#define PRINTF(a, b) __attribute__((format(printf, a, b)))

void log_err(const char *fmt, ...) PRINTF(1, 2);
/* "wherry: notice: ..." for what the user should know but need not mend. */
void log_notice(const char *fmt, ...) PRINTF(1, 2);

/*
 * For messages that a guest or a device can cause.  Each place owns a
 * zero-initialised struct; at most 10 lines per 10 s pass, and none waits for
 * stderr; then one line tells how many were dropped.  Callers hold the lock
 * that guards *rl.
 */
struct ratelimit {
	uint64_t window_start_ns;
	unsigned int passed;
	unsigned int dropped;
};

void log_guest(struct ratelimit *rl, const char *fmt, ...) PRINTF(2, 3);

#endif
