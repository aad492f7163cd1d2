/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system calls that each kind of thread may make, but for ioctl(2), whose
 * requests are listed beside the code that makes them.
 */
#ifndef WHERRY_SANDBOX_CALLS_H
#define WHERRY_SANDBOX_CALLS_H

#include <stddef.h>
#include <stdint.h>

/* What a call's arguments must be. */
enum sandbox_arg {
	ARG_ANY,
	ARG_BITS, /* (arg & mask) == value */
	ARG_OWN_PID, /* arg == getpid() */
};

struct sandbox_call {
	int nr; /* negative where the architecture lacks it */
	unsigned int threads; /* SANDBOX_* bits of sandbox.h */
	const char *reason;
	enum sandbox_arg check;
	unsigned int arg;
	uint64_t mask, value;
};

extern const struct sandbox_call sandbox_calls[];
extern const size_t sandbox_nr_calls;

/* Refused with EPERM rather than killed: see the reason. */
extern const struct sandbox_call sandbox_refused[];
extern const size_t sandbox_nr_refused;

#endif
