// SPDX-License-Identifier: BSD-2-Clause
/* test-pci-fuzz - the fuzz target tests/fuzz/pci.c on inputs that are always
 * the same, so that it stays compiled and true. */
#include "harness.h"

#include "tests/fuzz/pci.c" /* NOLINT(bugprone-suspicious-include) */

static void fixed_inputs(void **state)
{
	uint64_t seed = 0x13198a2e03707344;
	unsigned int round, i;

	(void)state;
	for (round = 0; round < 100; round++) {
		uint64_t in[600];

		for (i = 0; i < ARRAY_SIZE(in); i++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			in[i] = seed;
		}
		LLVMFuzzerTestOneInput((const uint8_t *)in, sizeof(in));
	}
}

static void no_input(void **state)
{
	(void)state;
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fixed_inputs),
		cmocka_unit_test(no_input),
	};

	return run_all(tests);
}
