// SPDX-License-Identifier: BSD-2-Clause
/* test-options - options of any command: how they are found and read. */
#include "harness.h"

#include <errno.h>

#include "capture.h"
#include "options.h"
#include "util.h"

static void times(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} cases[] = {
		{ "0", 0 },	    { "30", 30000 },  { "1.5s", 1500 },
		{ ".25", 250 },	    { "2m", 120000 }, { "1h", 3600000 },
		{ "1d", 86400000 }, { "0.0001", 1 },  { "1.", 1000 },
		{ "0.1h", 360000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t ms = 99;

		assert_int_equal(option_time("--timeout", cases[i].text, &ms),
				 0);
		assert_int_equal(ms, cases[i].ms);
	}
}

static int count(void *ctx, const char *value)
{
	(void)value;
	++*(int *)ctx;
	return 0;
}

static void operands_and_flags_mix(void **state)
{
	static const struct opt opts[] = {
		{ "json", .flag = true, .set = count },
		{ "driver", 'D', .set = count },
	};
	char *argv[] = { (char *)"x", (char *)"a",  (char *)"--json",
			 (char *)"b", (char *)"-D", (char *)"d",
			 (char *)"-", (char *)"--", (char *)"--json",
			 NULL };
	char *with_value[] = { (char *)"x", (char *)"--json=1", NULL };
	struct capture c;
	int calls = 0, nr = 0;

	(void)state;
	assert_int_equal(options_parse(opts, 2, 9, argv, &calls, &nr), 0);
	assert_int_equal(calls, 2);
	assert_int_equal(nr, 4);
	assert_string_equal(argv[1], "a");
	assert_string_equal(argv[2], "b");
	assert_string_equal(argv[3], "-");
	assert_string_equal(argv[4], "--json");

	capture_begin(&c);
	assert_int_equal(options_parse(opts, 2, 2, with_value, &calls, &nr),
			 -EINVAL);
	assert_string_equal(capture_end(&c),
			    "wherry: --json: takes no value\n");
}

static void nearest(void **state)
{
	static const char *const words[] = { "run",    "devices", "bind",
					     "unbind", "check",	  "help",
					     "version" };
	static const struct {
		const char *word, *match;
	} cases[] = {
		{ "rnu", "run" },     { "device", "devices" },
		{ "ubind", "bind" },  { "chekc", "check" },
		{ "dev", "devices" }, { "exec", NULL },
		{ "ver", "version" }, { "launch", NULL },
		{ "rot", NULL },      { "", NULL },
	};
	char long_word[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *near =
			nearest_match(cases[i].word, words, ARRAY_SIZE(words));

		if (cases[i].match)
			assert_string_equal(near, cases[i].match);
		else
			assert_null(near);
	}
	memset(long_word, 'r', sizeof(long_word) - 1);
	long_word[sizeof(long_word) - 1] = '\0';
	assert_null(nearest_match(long_word, words, ARRAY_SIZE(words)));
}

int main(void)
{
#define T(f) cmocka_unit_test(f)
	const struct CMUnitTest tests[] = {
		T(times),
		T(operands_and_flags_mix),
		T(nearest),
	};

	return run_all(tests);
}
