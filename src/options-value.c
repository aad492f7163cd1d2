// SPDX-License-Identifier: BSD-2-Clause
/*
 * options-value - what a single value can be: a size, a time, a number, a
 * word, a passed descriptor. Each function logs its own error. Of the outside
 * world it reads only whether a descriptor is open and systemd's LISTEN_*.
 */
#include "options.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "util.h"

#define FIRST_PASSED_FD 3 /* SD_LISTEN_FDS_START */
#define MAX_TIME_MS (UINT64_C(100) * 366 * 86400 * 1000)

static int missing(const char *option)
{
	log_err("%s: its value is missing", option);
	return -EINVAL;
}

/* Decimal digits at *s, past which it is moved. -EINVAL, -ERANGE. */
static int digits(const char **s, uint64_t *out)
{
	const char *p = *s;
	uint64_t v = 0;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			return -ERANGE;
	if (p == *s)
		return -EINVAL;
	*s = p;
	*out = v;
	return 0;
}

int option_size(const char *option, const char *value, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	const char *s = value;
	const char *unit;
	uint64_t n;
	int r;

	if (!value)
		return missing(option);
	r = digits(&s, &n);
	if (r == -ERANGE)
		goto too_large;
	if (r)
		goto malformed;

	if (!*s) {
		log_err("%s: %s: a size without a unit; add K, M, G or T",
			option, value);
		return -EINVAL;
	}
	unit = strchr(units, *s);
	if (!unit || s[1])
		goto malformed;
	if (__builtin_mul_overflow(n, KIB(1) << (10 * (unit - units)), bytes))
		goto too_large;
	return 0;

malformed:
	log_err("%s: %s: not a size; write a number and K, M, G or T", option,
		value);
	return -EINVAL;
too_large:
	log_err("%s: %s: larger than any memory", option, value);
	return -EINVAL;
}

int option_time(const char *option, const char *value, uint64_t *ms)
{
	size_t len;
	double factor, t;
	char *end;

	if (!value)
		return missing(option);

	/* strtod() also takes signs, exponents, hex, "inf" and "nan". */
	len = strspn(value, "0123456789.");
	if (!len)
		goto malformed;
	t = strtod(value, &end);
	if (end != value + len)
		goto malformed;

	if (!strcmp(end, "") || !strcmp(end, "s"))
		factor = 1000;
	else if (!strcmp(end, "m"))
		factor = 60 * 1000;
	else if (!strcmp(end, "h"))
		factor = 3600 * 1000;
	else if (!strcmp(end, "d"))
		factor = 86400 * 1000;
	else
		goto malformed;

	t *= factor;
	if (t > (double)MAX_TIME_MS) {
		log_err("%s: %s: longer than a hundred years", option, value);
		return -EINVAL;
	}
	/* Rounded up: what is not zero must not become "never". */
	*ms = (uint64_t)t;
	if ((double)*ms < t)
		(*ms)++;
	return 0;

malformed:
	log_err("%s: %s: not a time; write a number and s, m, h or d", option,
		value);
	return -EINVAL;
}

int option_number(const char *option, const char *value, uint64_t min,
		  uint64_t max, uint64_t *out)
{
	const char *s = value;
	uint64_t v;
	int r;

	if (!value)
		return missing(option);
	r = digits(&s, &v);
	if (r == -EINVAL || *s) {
		log_err("%s: %s: not a number", option, value);
		return -EINVAL;
	}
	if (r || v < min || v > max) {
		log_err("%s: %s: out of range; from %llu to %llu is possible",
			option, value, (unsigned long long)min,
			(unsigned long long)max);
		return -EINVAL;
	}
	*out = v;
	return 0;
}

int option_bool(const char *option, const char *value, bool *out)
{
	if (!value || !strcmp(value, "on")) {
		*out = true;
		return 0;
	}
	if (!strcmp(value, "off")) {
		*out = false;
		return 0;
	}
	log_err("%s: %s: neither on nor off", option, value);
	return -EINVAL;
}

int option_word(const char *option, const char *value, const char *const *words,
		size_t nr, unsigned int *out)
{
	char list[128] = "";
	size_t used = 0;

	if (!value)
		return missing(option);
	for (size_t i = 0; i < nr; i++) {
		if (!strcmp(value, words[i])) {
			*out = (unsigned int)i;
			return 0;
		}
	}

	for (size_t i = 0; i < nr && used < sizeof(list); i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used,
					 "%s%s", i ? ", " : "", words[i]);
	log_err("%s: %s: not one of %s", option, value, list);
	return -EINVAL;
}

int option_string(const char *option, const char *value, char **out)
{
	if (!value || !*value)
		return missing(option);
	*out = strdup(value);
	if (!*out) {
		log_err("%s: out of memory", option);
		return -ENOMEM;
	}
	return 0;
}

/* The value of LISTEN_PID or LISTEN_FDS; 0 when unset or malformed. */
static uint64_t listen_number(const char *name)
{
	const char *s = getenv(name);
	uint64_t v;

	return s && !digits(&s, &v) && !*s ? v : 0;
}

/* Finds value among the names that the launcher gave (sd_listen_fds(3)). */
static int listen_fd(const char *option, const char *value, int *fd)
{
	const char *names = getenv("LISTEN_FDNAMES");
	uint64_t nr = listen_number("LISTEN_FDS");
	unsigned int hits = 0;
	const char *s = names;

	if (!names) {
		log_err("%s: %s: neither a number nor a name: LISTEN_FDNAMES "
			"is not set",
			option, value);
		return -EINVAL;
	}
	if (listen_number("LISTEN_PID") != (uint64_t)getpid()) {
		log_err("%s: %s: LISTEN_FDNAMES was meant for another process: "
			"LISTEN_PID is not this one (%d)",
			option, value, (int)getpid());
		return -EINVAL;
	}

	for (uint64_t i = 0; s && i < nr && i < INT_MAX / 2; i++) {
		size_t len = strcspn(s, ":");

		if (strlen(value) == len && !strncmp(s, value, len)) {
			*fd = FIRST_PASSED_FD + (int)i;
			hits++;
		}
		s = s[len] ? s + len + 1 : NULL;
	}
	if (hits == 1)
		return 0;
	log_err("%s: %s: %s LISTEN_FDNAMES (%s)", option, value,
		hits ? "more than once in" : "not in", names);
	return -EINVAL;
}

int option_fd(const char *option, const char *value, int *fd)
{
	const char *s = value;
	uint64_t v;
	int r;

	if (!value || !*value)
		return missing(option);

	r = digits(&s, &v);
	if (*s) {
		r = listen_fd(option, value, fd);
		if (r)
			return r;
	} else if (r || v > INT_MAX || v < FIRST_PASSED_FD) {
		log_err("%s: %s: not a descriptor that can be passed; they "
			"start at %d",
			option, value, FIRST_PASSED_FD);
		return -EINVAL;
	} else {
		*fd = (int)v;
	}

	if (fcntl(*fd, F_GETFD) < 0) {
		log_err("%s: %s: descriptor %d is not open: %s; let the "
			"launcher pass it",
			option, value, *fd, strerror(errno));
		return -EINVAL;
	}
	return 0;
}
