// SPDX-License-Identifier: BSD-2-Clause
/* test-library - libraries that are loaded when they are needed. */
#include "harness.h"

#include <dlfcn.h>
#include <errno.h>
#include <zlib.h>

#include "capture.h"
#include "library.h"
#include "util.h"

#define LIBRARY "libz.so.1"

static void finds_all_calls(void **state)
{
	__typeof__(crc32) *sum = NULL;
	__typeof__(zlibVersion) *version = NULL;
	const struct library_call calls[] = { { "crc32", &sum },
					      { "zlibVersion", &version } };
	void *handle = NULL;

	(void)state;
	assert_int_equal(library_open(&handle, LIBRARY, "", calls,
				      ARRAY_SIZE(calls)),
			 0);
	assert_int_equal(sum(0, (const Bytef *)"a", 1), 0xe8b7be43);
	assert_string_equal(version(), zlibVersion());
	dlclose(handle);
}

/* fails SONAME CALL: and says so, with the remedy. */
static void fails(const char *soname, const char *name)
{
	void *handle = NULL, *call, *other;
	const struct library_call calls[] = { { name, &call },
					      { "crc32", &other } };
	struct capture c;
	const char *text;

	capture_begin(&c);
	assert_int_equal(library_open(&handle, soname, "install it anew", calls,
				      ARRAY_SIZE(calls)),
			 -ENOENT);
	text = capture_end(&c);
	assert_non_null(strstr(text, soname));
	assert_non_null(strstr(text, "; install it anew\n"));
	assert_null(handle);
}

static void says_what_is_missing(void **state)
{
	(void)state;
	fails("libnone.so.9", "crc32");
	fails(LIBRARY, "no_such_call");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_all_calls),
		cmocka_unit_test(says_what_is_missing),
	};

	return run_all(tests);
}
