// SPDX-License-Identifier: BSD-2-Clause
/* test-json - commas, indentation and escapes. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "util.h"

/* What fill writes; the caller frees it. */
static char *written(void (*fill)(struct json *j))
{
	struct json j;
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	json_init(&j, f);
	fill(&j);
	assert_int_equal(fclose(f), 0);
	return text;
}

static void fill_everything(struct json *j)
{
	json_object(j, NULL);
	json_u64(j, "u", UINT64_MAX);
	json_i64(j, "i", INT64_MIN);
	json_bool(j, "t", true);
	json_bool(j, "f", false);
	json_str(j, "s", "x");
	json_str(j, "n", NULL);
	json_array(j, "a");
	json_u64(j, NULL, 1);
	json_object(j, NULL);
	json_object_end(j);
	json_object(j, NULL);
	json_u64(j, "k", 2);
	json_object_end(j);
	json_array_end(j);
	json_array(j, "e");
	json_array_end(j);
	json_object_end(j);
}

static void nests(void **state)
{
	char *text = written(fill_everything);

	(void)state;
	assert_string_equal(text, "{\n"
				  "  \"u\": 18446744073709551615,\n"
				  "  \"i\": -9223372036854775808,\n"
				  "  \"t\": true,\n"
				  "  \"f\": false,\n"
				  "  \"s\": \"x\",\n"
				  "  \"n\": null,\n"
				  "  \"a\": [\n"
				  "    1,\n"
				  "    {},\n"
				  "    {\n"
				  "      \"k\": 2\n"
				  "    }\n"
				  "  ],\n"
				  "  \"e\": []\n"
				  "}\n");
	free(text);
}

static void fill_empty(struct json *j)
{
	json_array(j, NULL);
	json_array_end(j);
}

static void outermost_may_be_an_empty_array(void **state)
{
	char *text = written(fill_empty);

	(void)state;
	assert_string_equal(text, "[]\n");
	free(text);
}

static void escapes(void **state)
{
	static const char bad[] = "\xef\xbf\xbd";
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "", "" },
		{ "a\"b\\c/", "a\\\"b\\\\c/" },
		{ "\n\t\r\x01\x1f\x7f", "\\n\\t\\u000d\\u0001\\u001f\x7f" },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x9b\xb6",
		  "\xc3\xa4\xe2\x82\xac\xf0\x9f\x9b\xb6" },
		{ "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf",
		  "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf" },
		/* Cut short, alone, overlong, surrogate, beyond U+10FFFF. */
		{ "\xc3", "?" },
		{ "\xe2\x82", "??" },
		{ "\x80z", "?z" },
		{ "\xc0\x80", "??" },
		{ "\xe0\x80\x80", "???" },
		{ "\xed\xa0\x80", "???" },
		{ "\xf0\x80\x80\x80", "????" },
		{ "\xf4\x90\x80\x80", "????" },
		{ "\xff\xfe", "??" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char want[128] = "\"";
		struct json j;
		char *text;
		size_t len;
		FILE *f = open_memstream(&text, &len);

		/* "?" stands for U+FFFD in the table. */
		len = 1;
		for (const char *s = cases[i].out; *s; s++)
			len += (size_t)sprintf(want + len, "%.*s",
					       *s == '?' ? 3 : 1,
					       *s == '?' ? bad : s);
		strcpy(want + len, "\"");

		assert_non_null(f);
		json_init(&j, f);
		json_str(&j, NULL, cases[i].in);
		fclose(f);
		assert_string_equal(text, want);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nests),
		cmocka_unit_test(outermost_may_be_an_empty_array),
		cmocka_unit_test(escapes),
	};

	return run_all(tests);
}
