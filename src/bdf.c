// SPDX-License-Identifier: BSD-2-Clause
/*
 * bdf - parses domain:bus:device.function. Whether such a function exists is
 * sysfs.c's business.
 */
#include "bdf.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "util.h"

/* Parses 1 to max hex digits at *s, which it moves past them. */
static int parse_hex(const char **s, unsigned int max, uint32_t *out)
{
	uint32_t v = 0;
	unsigned int n;

	for (n = 0; n < max; n++) {
		int digit = hex_value(**s);

		if (digit < 0)
			break;
		v = v << 4 | (uint32_t)digit;
		(*s)++;
	}
	*out = v;
	return n ? 0 : -EINVAL;
}

static int parse_char(const char **s, char c)
{
	if (**s != c)
		return -EINVAL;
	(*s)++;
	return 0;
}

int bdf_parse(const char *s, char out[BDF_SIZE])
{
	uint32_t domain = 0, bus, dev, fn;
	const char *colon = strchr(s, ':');

	/* The first number is the domain when two colons follow. */
	if (colon && strchr(colon + 1, ':') &&
	    (parse_hex(&s, 8, &domain) || parse_char(&s, ':')))
		return -EINVAL;
	if (parse_hex(&s, 2, &bus) || parse_char(&s, ':') ||
	    parse_hex(&s, 2, &dev) || parse_char(&s, '.') ||
	    parse_hex(&s, 1, &fn) || *s)
		return -EINVAL;
	if (dev > 0x1f || fn > 7)
		return -EINVAL;

	snprintf(out, BDF_SIZE, "%04x:%02x:%02x.%x", domain, bus, dev, fn);
	return 0;
}
