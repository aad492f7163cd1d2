// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-layout - the guest's physical address map: RAM around the holes, the
 * windows of PCI, and what cannot be.
 */
#include "harness.h"

#include <errno.h>

#include "arch.h"
#include "capture.h"

static const uint64_t amd_hole = 0xfd00000000, amd_hole_end = 0x10000000000;

static void check(const struct layout *l, uint64_t bytes)
{
	const struct range *fixed[] = { &l->ecam, &l->mmio32, &l->mmio64 };
	const struct range msi = { 0xfee00000, 0x100000 };
	const struct range hole = { amd_hole, amd_hole_end - amd_hole };
	uint64_t sum = 0;

	assert_true(l->nr_ram >= 1 && l->nr_ram <= RAM_MAX_RANGES);
	assert_int_equal(l->ram[0].start, 0);
	for (unsigned int i = 0; i < l->nr_ram; i++) {
		const struct range *r = &l->ram[i];

		sum += r->size;
		for (size_t k = 0; k < ARRAY_SIZE(fixed); k++)
			assert_false(ranges_overlap(r->start, r->size,
						    fixed[k]->start,
						    fixed[k]->size));
		assert_false(
			ranges_overlap(r->start, r->size, msi.start, msi.size));
		assert_false(ranges_overlap(r->start, r->size, hole.start,
					    hole.size));
	}
	assert_int_equal(sum, bytes);
	for (unsigned int i = 0; i < l->nr_kept; i++) {
		const struct range *k = &l->kept[i];

		assert_true(l->nr_kept >= 4);
		for (size_t j = 0; j < ARRAY_SIZE(fixed); j++)
			assert_false(ranges_overlap(k->start, k->size,
						    fixed[j]->start,
						    fixed[j]->size));
		for (unsigned int j = 0; j < l->nr_ram; j++)
			assert_false(ranges_overlap(k->start, k->size,
						    l->ram[j].start,
						    l->ram[j].size));
	}
	assert_false(ranges_overlap(l->ecam.start, l->ecam.size,
				    l->mmio32.start, l->mmio32.size));
	assert_false(ranges_overlap(l->mmio64.start, l->mmio64.size, hole.start,
				    hole.size));
}

/* True when an aligned BAR of this size has a place. */
static bool has_room(const struct range *w, uint64_t bar)
{
	uint64_t start = align_up(w->start, bar);

	return range_contains(w->start, w->size, start, bar);
}

static void small_ram_is_one_range(void **state)
{
	struct layout l;

	(void)state;
	assert_int_equal(arch_layout_init(&l, MIB(512), 40), 0);
	check(&l, MIB(512));
	assert_int_equal(l.nr_ram, 1);
	assert_int_equal(l.mmio64.size, 0);
}

static void exactly_3g_is_one_range(void **state)
{
	struct layout l;

	(void)state;
	assert_int_equal(arch_layout_init(&l, GIB(3), 40), 0);
	check(&l, GIB(3));
	assert_int_equal(l.nr_ram, 1);
	assert_int_equal(arch_layout_init(&l, GIB(3) + MIB(2), 40), 0);
	check(&l, GIB(3) + MIB(2));
	assert_int_equal(l.nr_ram, 2);
	assert_int_equal(l.ram[1].start, GIB(4));
	assert_int_equal(l.ram[1].size, MIB(2));
}

static void ram_goes_on_at_4g(void **state)
{
	struct layout l;

	(void)state;
	assert_int_equal(arch_layout_init(&l, GIB(6), 40), 0);
	check(&l, GIB(6));
	assert_int_equal(l.nr_ram, 2);
	assert_int_equal(l.ram[1].size, GIB(3));
}

static void ram_avoids_the_amd_hole(void **state)
{
	const uint64_t bytes = GIB(2048);
	struct layout l;

	(void)state;
	assert_int_equal(arch_layout_init(&l, bytes, 48), 0);
	assert_int_equal(arch_layout_window(&l, 48, UINT64_MAX), 0);
	check(&l, bytes);
	assert_int_equal(l.nr_ram, 3);
	assert_int_equal(l.ram[2].start, amd_hole_end);
	assert_true(l.mmio64.start >= l.ram[2].start + l.ram[2].size);
}

static void too_much_ram_is_refused(void **state)
{
	struct capture c;
	struct layout l;

	(void)state;
	capture_begin(&c);
	assert_int_equal(arch_layout_init(&l, GIB(64), 36), -EINVAL);
	assert_non_null(strstr(capture_end(&c), "36 bits"));
	/* 63 GiB and the hole below 4 GiB are 64 GiB. */
	assert_int_equal(arch_layout_init(&l, GIB(63), 36), 0);
	capture_begin(&c);
	assert_int_equal(arch_layout_init(&l, UINT64_MAX - 4095, 52), -EINVAL);
	assert_int_equal(arch_layout_init(&l, 0, 40), -EINVAL);
	capture_end(&c);
}

static void window_holds_large_bars(void **state)
{
	static const struct {
		unsigned int phys_bits;
		uint64_t ram, bar;
	} rows[] = {
		{ 36, GIB(1), GIB(32) },    { 39, GIB(6), GIB(256) },
		{ 40, GIB(6), GIB(256) },   { 41, GIB(6), GIB(512) },
		{ 46, GIB(512), GIB(256) }, { 46, GIB(1100), GIB(1024) },
		{ 48, GIB(64), GIB(1024) }, { 52, GIB(64), GIB(1024) },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct layout l;

		assert_int_equal(arch_layout_init(&l, rows[i].ram,
						  rows[i].phys_bits),
				 0);
		assert_int_equal(arch_layout_window(&l, rows[i].phys_bits,
						    UINT64_MAX),
				 0);
		check(&l, rows[i].ram);
		assert_true(has_room(&l.mmio64, rows[i].bar));
		assert_true(l.mmio64.start + l.mmio64.size <=
			    1ULL << rows[i].phys_bits);
	}
}

static void window_ends_where_devices_reach(void **state)
{
	struct layout l;

	(void)state;
	assert_int_equal(arch_layout_init(&l, GIB(6), 48), 0);
	assert_int_equal(arch_layout_window(&l, 48, (1ULL << 39) - 1), 0);
	check(&l, GIB(6));
	assert_int_equal(l.mmio64.start + l.mmio64.size, 1ULL << 39);
}

static void window_below_the_hole_when_larger(void **state)
{
	struct layout l;

	(void)state;
	assert_int_equal(arch_layout_init(&l, GIB(6), 48), 0);
	assert_int_equal(arch_layout_window(&l, 48, amd_hole_end + GIB(100)),
			 0);
	check(&l, GIB(6));
	assert_int_equal(l.mmio64.start, GIB(7));
	assert_int_equal(l.mmio64.start + l.mmio64.size, amd_hole);
}

static void no_window_is_no_error(void **state)
{
	struct layout l;

	(void)state;
	assert_int_equal(arch_layout_init(&l, GIB(60), 36), 0);
	assert_int_equal(arch_layout_window(&l, 36, GIB(40)), 0);
	assert_int_equal(l.mmio64.size, 0);
	assert_int_equal(l.mmio64.start, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_ram_is_one_range),
		cmocka_unit_test(exactly_3g_is_one_range),
		cmocka_unit_test(ram_goes_on_at_4g),
		cmocka_unit_test(ram_avoids_the_amd_hole),
		cmocka_unit_test(too_much_ram_is_refused),
		cmocka_unit_test(window_holds_large_bars),
		cmocka_unit_test(window_ends_where_devices_reach),
		cmocka_unit_test(window_below_the_hole_when_larger),
		cmocka_unit_test(no_window_is_no_error),
	};

	return run_all(tests);
}
