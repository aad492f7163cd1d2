/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every cmocka program includes first: cmocka with the headers that it
 * wants before it, TAP output, and a skip that gives its reason.
 *
 *	static void parses_sizes(void **state) { ... }
 *
 *	int main(void)
 *	{
 *		const struct CMUnitTest tests[] = {
 *			cmocka_unit_test(parses_sizes),
 *		};
 *
 *		return run_all(tests);
 *	}
 */
#ifndef TESTS_UNIT_HARNESS_H
#define TESTS_UNIT_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Ends the running test as skipped; tests/tap-run picks up the reason. */
#define skip_because(...)                              \
	do {                                           \
		print_message("# skip: " __VA_ARGS__); \
		print_message("\n");                   \
		skip();                                \
	} while (0)

#define run_all(tests) run_all_with(tests, NULL, NULL)

/* The same, with a set-up and a tear-down for the whole program. */
#define run_all_with(tests, setup, teardown)       \
	(cmocka_set_message_output(CM_OUTPUT_TAP), \
	 cmocka_run_group_tests_name("all", tests, setup, teardown) ? 1 : 0)

#endif
