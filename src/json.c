// SPDX-License-Identifier: BSD-2-Clause
/*
 * json - writes JSON to a stdio stream, commas and escapes kept right. Owns
 * neither the stream nor its errors: callers ask ferror() at the end.
 */
#include "json.h"

#include <inttypes.h>
#include <stddef.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

void json_init(struct json *j, FILE *f)
{
	*j = (struct json){ .f = f };
}

static void indent(struct json *j)
{
	fputc('\n', j->f);
	for (unsigned int i = 0; i < j->depth; i++)
		fputs("  ", j->f);
}

/*
 * Length of the well-formed UTF-8 sequence at s, 0 when there is none
 * (Unicode 15, table 3-7: no overlong forms, no surrogates). Stops at NUL.
 */
static size_t utf8_len(const unsigned char *s)
{
	unsigned char lo = 0x80, hi = 0xbf;
	size_t len;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		len = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		len = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		len = 4;
	else
		return 0;

	if (s[0] == 0xe0)
		lo = 0xa0;
	else if (s[0] == 0xed)
		hi = 0x9f;
	else if (s[0] == 0xf0)
		lo = 0x90;
	else if (s[0] == 0xf4)
		hi = 0x8f;

	if (s[1] < lo || s[1] > hi)
		return 0;
	for (size_t i = 2; i < len; i++)
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	return len;
}

static void put_string(FILE *f, const char *v)
{
	const unsigned char *s = (const unsigned char *)v;

	fputc('"', f);
	while (*s) {
		size_t len = utf8_len(s);

		if (*s == '"' || *s == '\\')
			fprintf(f, "\\%c", *s);
		else if (*s == '\n')
			fputs("\\n", f);
		else if (*s == '\t')
			fputs("\\t", f);
		else if (*s < 0x20)
			fprintf(f, "\\u%04x", *s);
		else if (!len)
			fputs(REPLACEMENT, f);
		else
			fwrite(s, 1, len, f);
		s += len ? len : 1;
	}
	fputc('"', f);
}

/* What comes before every value: comma, new line, key. */
static void begin(struct json *j, const char *key)
{
	if (j->need_comma)
		fputc(',', j->f);
	if (j->depth)
		indent(j);
	if (key) {
		put_string(j->f, key);
		fputs(": ", j->f);
	}
	j->need_comma = true;
}

static void open_value(struct json *j, const char *key, char c)
{
	begin(j, key);
	fputc(c, j->f);
	j->depth++;
	j->need_comma = false;
}

static void close_value(struct json *j, char c)
{
	bool empty = !j->need_comma;

	j->depth--;
	if (!empty)
		indent(j);
	fputc(c, j->f);
	j->need_comma = true;
	if (!j->depth)
		fputc('\n', j->f);
}

void json_object(struct json *j, const char *key)
{
	open_value(j, key, '{');
}

void json_object_end(struct json *j)
{
	close_value(j, '}');
}

void json_array(struct json *j, const char *key)
{
	open_value(j, key, '[');
}

void json_array_end(struct json *j)
{
	close_value(j, ']');
}

void json_u64(struct json *j, const char *key, uint64_t v)
{
	begin(j, key);
	fprintf(j->f, "%" PRIu64, v);
}

void json_i64(struct json *j, const char *key, int64_t v)
{
	begin(j, key);
	fprintf(j->f, "%" PRId64, v);
}

void json_bool(struct json *j, const char *key, bool v)
{
	begin(j, key);
	fputs(v ? "true" : "false", j->f);
}

void json_str(struct json *j, const char *key, const char *v)
{
	begin(j, key);
	if (v)
		put_string(j->f, v);
	else
		fputs("null", j->f);
}
