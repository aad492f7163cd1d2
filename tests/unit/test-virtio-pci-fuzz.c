// SPDX-License-Identifier: BSD-2-Clause
/* test-virtio-pci-fuzz - the fuzz target tests/fuzz/virtio-pci.c on its corpus. */
#include "harness.h"

#include "tests/fuzz/virtio-pci.c" /* NOLINT(bugprone-suspicious-include) */

#include "replay.h"

static void corpus(void **state)
{
	(void)state;
	replay_corpus("virtio-pci");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(corpus),
	};

	return run_all(tests);
}
