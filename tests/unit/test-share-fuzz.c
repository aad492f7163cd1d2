// SPDX-License-Identifier: BSD-2-Clause
/* test-share-fuzz - the fuzz target tests/fuzz/share.c on its corpus. */
#include "harness.h"

#include "tests/fuzz/share.c" /* NOLINT(bugprone-suspicious-include) */

#include "replay.h"

static void corpus(void **state)
{
	(void)state;
	replay_corpus("share");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(corpus),
	};

	return run_all(tests);
}
