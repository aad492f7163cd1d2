// SPDX-License-Identifier: BSD-2-Clause
/* test-exec-fuzz - the fuzz target tests/fuzz/exec.c on its corpus. */
#include "harness.h"

#include "tests/fuzz/exec.c" /* NOLINT(bugprone-suspicious-include) */

#include "replay.h"

static void corpus(void **state)
{
	(void)state;
	replay_corpus("exec");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(corpus),
	};

	return run_all(tests);
}
