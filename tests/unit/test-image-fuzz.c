// SPDX-License-Identifier: BSD-2-Clause
/* test-image-fuzz - the fuzz target tests/fuzz/image.c on its corpus. */
#include "harness.h"

#include "tests/fuzz/image.c" /* NOLINT(bugprone-suspicious-include) */

#include "replay.h"

static void corpus(void **state)
{
	(void)state;
	replay_corpus("image");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(corpus),
	};

	return run_all(tests);
}
