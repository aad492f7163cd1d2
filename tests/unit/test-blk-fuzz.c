// SPDX-License-Identifier: BSD-2-Clause
/* test-blk-fuzz - the fuzz target tests/fuzz/blk.c on its corpus. */
#include "harness.h"

#include "tests/fuzz/blk.c" /* NOLINT(bugprone-suspicious-include) */

#include "replay.h"

static void corpus(void **state)
{
	(void)state;
	replay_corpus("blk");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(corpus),
	};

	return run_all(tests);
}
