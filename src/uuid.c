// SPDX-License-Identifier: BSD-2-Clause
/* uuid - parses UUIDs. What bears one is others' business. */
#include "uuid.h"

#include <ctype.h>
#include <string.h>

#include "util.h"

bool uuid_parse(const char *s, char out[UUID_SIZE])
{
	if (strlen(s) != UUID_SIZE - 1)
		return false;
	for (unsigned int i = 0; i < UUID_SIZE - 1; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' : hex_value(s[i]) < 0)
			return false;
		out[i] = (char)tolower((unsigned char)s[i]);
	}
	out[UUID_SIZE - 1] = '\0';
	return true;
}

void uuid_bytes(const char *uuid, uint8_t out[16])
{
	unsigned int n = 0;

	for (; *uuid; uuid++)
		if (*uuid != '-') {
			out[n / 2] =
				(uint8_t)(out[n / 2] << 4 | hex_value(*uuid));
			n++;
		}
}
