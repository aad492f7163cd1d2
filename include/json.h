/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes JSON (RFC 8259) to a stdio stream.  Keeps commas, indentation and
 * string escapes right; never reads.  Not thread-safe.
 */
#ifndef WHERRY_JSON_H
#define WHERRY_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *f;
	unsigned int depth;
	bool need_comma;
};

void json_init(struct json *j, FILE *f);
/* key is NULL for elements of an array and for the outermost value. */
void json_object(struct json *j, const char *key);
void json_object_end(struct json *j);
void json_array(struct json *j, const char *key);
void json_array_end(struct json *j);
void json_u64(struct json *j, const char *key, uint64_t v);
void json_i64(struct json *j, const char *key, int64_t v);
void json_bool(struct json *j, const char *key, bool v);
/* v NULL writes null; bytes that are not UTF-8 become U+FFFD. */
void json_str(struct json *j, const char *key, const char *v);

#endif
