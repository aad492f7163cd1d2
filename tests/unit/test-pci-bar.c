// SPDX-License-Identifier: BSD-2-Clause
/* test-pci-bar - base address registers as a guest's firmware or kernel
 * finds them out. */
#include "harness.h"

#include <errno.h>

#include "pci-bar.h"
#include "util.h"

#define ALL UINT32_MAX

/* What a guest does: write ones, read, restore. */
static uint32_t sized(struct pci_bars *b, unsigned int reg)
{
	uint32_t old = pci_bars_read(b, reg), val;

	pci_bars_write(b, reg, ALL, ALL);
	val = pci_bars_read(b, reg);
	pci_bars_write(b, reg, old, ALL);
	return val;
}

static void sizing_answers(void **state)
{
	struct pci_bars b;

	(void)state;
	pci_bars_init(&b);
	assert_int_equal(pci_bars_set(&b, 0, PCI_BAR_MEM64, true, GIB(256)), 0);
	assert_int_equal(pci_bars_set(&b, 2, PCI_BAR_MEM32, false, KIB(4)), 0);
	assert_int_equal(pci_bars_set(&b, 3, PCI_BAR_IO, false, 32), 0);
	assert_int_equal(pci_bars_set(&b, 4, PCI_BAR_MEM64, false, KIB(16)), 0);
	assert_int_equal(pci_bars_set(&b, PCI_BAR_ROM, PCI_BAR_MEM32, false,
				      KIB(64)),
			 0);

	assert_int_equal(sized(&b, 0), 0x0000000c);
	assert_int_equal(sized(&b, 1), 0xffffffc0);
	assert_int_equal(sized(&b, 2), 0xfffff000);
	assert_int_equal(sized(&b, 3), 0xffffffe1);
	assert_int_equal(sized(&b, 4), 0xffffc004);
	assert_int_equal(sized(&b, 5), 0xffffffff);
	assert_int_equal(sized(&b, PCI_BAR_ROM), 0xffff0001);
	/* Restored, nothing is left behind. */
	assert_int_equal(b.bar[0].addr, 0);
	assert_false(b.bar[PCI_BAR_ROM].rom_enable);
}

static void addresses_are_kept(void **state)
{
	struct pci_bars b;

	(void)state;
	pci_bars_init(&b);
	assert_int_equal(pci_bars_set(&b, 0, PCI_BAR_MEM64, true, GIB(8)), 0);
	assert_int_equal(pci_bars_set(&b, 2, PCI_BAR_IO, true, 16), 0);
	assert_true(pci_bars_write(&b, 1, 0x00000382, ALL));
	assert_int_equal(b.bar[0].addr, 0x38200000000);
	/* Only wired bits were written: nothing moved. */
	assert_false(pci_bars_write(&b, 0, 0x7fffffff, ALL));
	assert_int_equal(pci_bars_read(&b, 0), 0xc);
	assert_int_equal(pci_bars_read(&b, 1), 0x382);
	assert_false(pci_bars_write(&b, 1, 0x382, ALL));

	assert_true(pci_bars_write(&b, 2, 0xc01f, ALL));
	assert_int_equal(b.bar[2].addr, 0xc010);
	assert_int_equal(pci_bars_read(&b, 2), 0xc011);
	/* One byte of it. */
	assert_true(pci_bars_write(&b, 2, 0x1234, 0x0000ff00));
	assert_int_equal(pci_bars_read(&b, 2), 0x1211);

	pci_bars_reset(&b);
	assert_int_equal(pci_bars_read(&b, 0), 0xc);
	assert_int_equal(pci_bars_read(&b, 1), 0);
	assert_int_equal(pci_bars_read(&b, 2), 1);
	assert_int_equal(b.bar[0].size, GIB(8));
}

static void rom_enable_is_a_change(void **state)
{
	struct pci_bars b;

	(void)state;
	pci_bars_init(&b);
	assert_int_equal(
		pci_bars_set(&b, PCI_BAR_ROM, PCI_BAR_MEM32, true, KIB(2)), 0);
	assert_true(pci_bars_write(&b, PCI_BAR_ROM, 0xfe000800, ALL));
	assert_true(pci_bars_write(&b, PCI_BAR_ROM, 0xfe000801, ALL));
	assert_true(b.bar[PCI_BAR_ROM].rom_enable);
	assert_int_equal(b.bar[PCI_BAR_ROM].addr, 0xfe000800);
	assert_int_equal(pci_bars_read(&b, PCI_BAR_ROM), 0xfe000801);
	assert_false(pci_bars_write(&b, PCI_BAR_ROM, 0, 0));
	pci_bars_reset(&b);
	assert_int_equal(pci_bars_read(&b, PCI_BAR_ROM), 0);
}

static void absent_registers_are_zero(void **state)
{
	struct pci_bars b;
	unsigned int reg;

	(void)state;
	pci_bars_init(&b);
	for (reg = 0; reg <= PCI_BAR_ROM + 2; reg++) {
		assert_false(pci_bars_write(&b, reg, ALL, ALL));
		assert_int_equal(pci_bars_read(&b, reg), 0);
	}
	/* The ROM register is not the upper half of BAR 5. */
	assert_int_equal(pci_bars_set(&b, 4, PCI_BAR_MEM64, false, 16), 0);
	assert_false(pci_bars_write(&b, PCI_BAR_ROM, ALL, ALL));
	assert_int_equal(pci_bars_read(&b, PCI_BAR_ROM), 0);
}

static void bad_bars_are_refused(void **state)
{
	static const struct {
		unsigned int index;
		enum pci_bar_type type;
		uint64_t size;
	} bad[] = {
		{ 0, PCI_BAR_NONE, 4096 },
		{ 0, PCI_BAR_IO, 2 },
		{ 0, PCI_BAR_IO, 24 },
		{ 0, PCI_BAR_IO, 1 << 17 },
		{ 0, PCI_BAR_MEM32, 0 },
		{ 0, PCI_BAR_MEM32, 8 },
		{ 0, PCI_BAR_MEM32, 3 << 12 },
		{ 0, PCI_BAR_MEM32, 1ULL << 32 },
		{ 0, PCI_BAR_MEM64, 8 },
		{ 5, PCI_BAR_MEM64, 4096 },
		{ PCI_BAR_ROM, PCI_BAR_MEM32, 1024 },
		{ PCI_BAR_ROM, PCI_BAR_MEM64, 4096 },
		{ PCI_BAR_ROM, PCI_BAR_IO, 4096 },
		{ PCI_BAR_ROM + 1, PCI_BAR_MEM32, 4096 },
		{ UINT32_MAX, PCI_BAR_MEM32, 4096 },
		{ 0, (enum pci_bar_type)9, 4096 },
	};
	struct pci_bars b;
	size_t i;

	(void)state;
	pci_bars_init(&b);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(pci_bars_set(&b, bad[i].index, bad[i].type,
					      false, bad[i].size),
				 -EINVAL);

	assert_int_equal(pci_bars_set(&b, 2, PCI_BAR_MEM64, false, 4096), 0);
	/* Itself, its upper half, and a pair that would take it. */
	assert_int_equal(pci_bars_set(&b, 2, PCI_BAR_IO, false, 4), -EINVAL);
	assert_int_equal(pci_bars_set(&b, 3, PCI_BAR_IO, false, 4), -EINVAL);
	assert_int_equal(pci_bars_set(&b, 1, PCI_BAR_MEM64, false, 16),
			 -EINVAL);
	assert_int_equal(pci_bars_set(&b, 4, PCI_BAR_MEM64, false, 1ULL << 63),
			 0);
	pci_bars_write(&b, 5, ALL, ALL);
	assert_int_equal(pci_bars_read(&b, 5), 0x80000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizing_answers),
		cmocka_unit_test(addresses_are_kept),
		cmocka_unit_test(rom_enable_is_a_change),
		cmocka_unit_test(absent_registers_are_zero),
		cmocka_unit_test(bad_bars_are_refused),
	};

	return run_all(tests);
}
