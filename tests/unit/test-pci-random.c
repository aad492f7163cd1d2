// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-pci-random - the models of config space, BARs and MSI-X against the
 * reference models of tests/fuzz/models.h.  The seeds are fixed, so a failure
 * comes again.
 */
#include "harness.h"

#define ROUNDS 200
#define STEPS 500

struct source {
	uint64_t seed;
};

static uint64_t next(struct source *src)
{
	src->seed ^= src->seed << 13;
	src->seed ^= src->seed >> 7;
	src->seed ^= src->seed << 17;
	return src->seed;
}

#include "find-cap.h"
#include "tests/fuzz/models.h"

static void config_against_bits(void **state)
{
	struct source src = { 0x243f6a8885a308d3 };
	unsigned int round, i;
	struct pci_config c;
	struct bits b;

	(void)state;
	for (round = 0; round < ROUNDS; round++) {
		config_start(&c, &b);
		for (i = 0; i < STEPS; i++)
			config_step(&c, &b, &src);
		for (i = 0; i < 64; i++)
			assert_int_equal(c.data[i], bits_get(b.data, i, 1));
		for (; i < PCI_CONFIG_SIZE; i++)
			assert_int_equal(c.data[i], 0);
	}
}

/* Capabilities never overlap, and the list tells all of them. */
static void caps_stay_apart(void **state)
{
	struct source src = { 0xa4093822299f31d0 };
	unsigned int round, i, k, at;
	struct pci_config c;

	(void)state;
	for (round = 0; round < ROUNDS; round++) {
		uint8_t owner[256] = { 0 };
		uint8_t id = 0;

		pci_config_init(&c);
		for (i = 0; i < 40; i++) {
			unsigned int size = next(&src) % 12 * 4;
			unsigned int off =
				next(&src) & 1 ? next(&src) % 66 * 4 : 0;

			if (pci_config_add_cap(&c, id + 1, off, size, &at))
				continue;
			id++;
			assert_true(!off || at == off);
			assert_true(at >= 0x40 && at + size <= 256 && size);
			for (k = at; k < at + size; k++) {
				assert_int_equal(owner[k], 0);
				owner[k] = id;
			}
		}
		assert_true(id > 2);
		for (k = 1; k <= id; k++) {
			at = find_cap(&c, (uint8_t)k);
			assert_int_equal(owner[at], k);
			assert_int_not_equal(owner[at - 1], k);
		}
	}
}

static void bars_against_registers(void **state)
{
	struct source src = { 0x082efa98ec4e6c89 };
	unsigned int round, i;
	struct pci_bars b;
	struct regs r;

	(void)state;
	for (round = 0; round < ROUNDS; round++) {
		regs_make(&r, &b, &src);
		for (i = 0; i < STEPS; i++)
			bars_step(&b, &r, &src);
		for (i = 0; i <= PCI_BAR_ROM; i++)
			assert_int_equal(pci_bars_read(&b, i), r.val[i]);
	}
}

static void msix_against_dwords(void **state)
{
	struct source src = { 0x452821e638d01377 };
	unsigned int round, i;
	struct raw *r = calloc(1, sizeof(*r));

	(void)state;
	assert_non_null(r);
	for (round = 0; round < ROUNDS / 4; round++) {
		raw_start(r, &src);
		for (i = 0; i < STEPS; i++)
			raw_step(r, &src);
		pci_msix_fini(&r->m);
	}
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_against_bits),
		cmocka_unit_test(caps_stay_apart),
		cmocka_unit_test(bars_against_registers),
		cmocka_unit_test(msix_against_dwords),
	};

	return run_all(tests);
}
