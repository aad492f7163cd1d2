// SPDX-License-Identifier: BSD-2-Clause
/* test-harness - the harness itself: that a test can pass. */
#include "harness.h"

static void passes(void **state)
{
	(void)state;
	assert_true(1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passes),
	};

	return run_all(tests);
}
