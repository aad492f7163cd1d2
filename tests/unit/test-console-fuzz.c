// SPDX-License-Identifier: BSD-2-Clause
/* test-console-fuzz - the fuzz target tests/fuzz/console.c on its corpus. */
#include "harness.h"

#include "tests/fuzz/console.c" /* NOLINT(bugprone-suspicious-include) */

#include "replay.h"

static void corpus(void **state)
{
	(void)state;
	replay_corpus("console");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(corpus),
	};

	return run_all(tests);
}
