// SPDX-License-Identifier: BSD-2-Clause
/* test-virtq-fuzz - the fuzz target tests/fuzz/virtq.c on its corpus. */
#include "harness.h"

#include "tests/fuzz/virtq.c" /* NOLINT(bugprone-suspicious-include) */

#include "replay.h"

static void corpus(void **state)
{
	(void)state;
	replay_corpus("virtq");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(corpus),
	};

	return run_all(tests);
}
