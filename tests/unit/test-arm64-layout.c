// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-arm64-layout - the address map of a guest on Arm: what lies below RAM
 * does not overlap, the window above it is as large as can be.
 */
#include "harness.h"

#include <errno.h>

#include "arch.h"
#include "arm64/map.h"
#include "capture.h"
#include "rtc.h"

/* Everything that the guest finds somewhere, RAM and windows included. */
static size_t all_ranges(const struct layout *l, struct range *r)
{
	const struct range fixed[] = {
		{ GICD_BASE, GICD_SIZE },
		{ GITS_BASE, GITS_SIZE },
		{ GICR_BASE, GICR_SIZE * GIC_MAX_CPUS },
		{ l->uart.base, UART_SIZE },
		{ l->pvpanic.base, PVPANIC_SIZE },
		{ l->rtc.base, RTC_SIZE },
		l->pio_mmio,
		l->mmio32,
		l->ecam,
		l->ram[0],
		l->mmio64,
	};

	memcpy(r, fixed, sizeof(fixed));
	return ARRAY_SIZE(fixed);
}

static void check(const struct layout *l, uint64_t bytes)
{
	struct range r[16];
	size_t nr = all_ranges(l, r);

	assert_int_equal(l->nr_ram, 1);
	assert_int_equal(l->ram[0].start, GIB(1));
	assert_int_equal(l->ram[0].size, bytes);
	for (size_t i = 0; i < nr; i++) {
		for (size_t k = 0; k < i; k++)
			assert_false(ranges_overlap(r[i].start, r[i].size,
						    r[k].start, r[k].size));
		/* Nothing in the SMMU's window, and pages of its own. */
		assert_false(ranges_overlap(r[i].start, r[i].size,
					    SMMU_MSI_BASE, SMMU_MSI_SIZE));
		assert_int_equal(r[i].start % KIB(64), 0);
	}
	/* The GIC, and what the CPU cannot address. */
	assert_int_equal(l->nr_kept, 2);
	for (size_t i = 0; i < nr; i++)
		for (unsigned int k = 0; k < l->nr_kept; k++)
			if (i > 2)
				assert_false(ranges_overlap(
					r[i].start, r[i].size, l->kept[k].start,
					l->kept[k].size));
}

static void devices_are_below_ram(void **state)
{
	struct layout l;

	(void)state;
	assert_int_equal(arch_layout_init(&l, MIB(512), 40), 0);
	assert_int_equal(arch_layout_window(&l, 40, UINT64_MAX), 0);
	check(&l, MIB(512));
	assert_int_equal(l.uart.space, BUS_MMIO);
	/* Naturally aligned, all buses. */
	assert_int_equal(l.ecam.start % l.ecam.size, 0);
	assert_int_equal(l.ecam.size, MIB(256));
	assert_true(l.mmio32.start + l.mmio32.size <= GIB(1));
	/* SPIs before messages, none twice. */
	assert_true(l.uart_gsi != l.power_gsi);
	assert_true(l.intx_gsi > l.uart_gsi && l.intx_gsi > l.power_gsi);
	assert_true(l.intx_gsi + 8 <= l.first_msi_gsi);
}

static void window_is_above_ram(void **state)
{
	static const struct {
		unsigned int bits;
		uint64_t ram, start, end;
	} rows[] = {
		{ 32, GIB(1), 0, 0 },
		{ 36, MIB(512), GIB(4), GIB(64) },
		{ 36, GIB(62), GIB(63), GIB(64) },
		{ 36, GIB(63), 0, 0 },
		{ 40, GIB(6) + MIB(2), GIB(8), GIB(1024) },
		{ 48, GIB(512), GIB(513), 1ULL << 48 },
		{ 52, GIB(64), GIB(65), 1ULL << 52 },
		{ 64, GIB(64), GIB(65), 1ULL << 52 },
	};
	struct layout l;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(
			arch_layout_init(&l, rows[i].ram, rows[i].bits), 0);
		assert_int_equal(
			arch_layout_window(&l, rows[i].bits, UINT64_MAX), 0);
		check(&l, rows[i].ram);
		assert_int_equal(l.mmio64.start, rows[i].start);
		assert_int_equal(l.mmio64.start + l.mmio64.size, rows[i].end);
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
	/* The last, incomplete GiB is not used. */
	assert_int_equal(arch_layout_window(&l, 48, GIB(20) + MIB(5)), 0);
	assert_int_equal(l.mmio64.start + l.mmio64.size, GIB(20));
	assert_int_equal(arch_layout_window(&l, 48, GIB(7) - 1), 0);
	assert_int_equal(l.mmio64.size, 0);
	assert_int_equal(l.mmio64.start, 0);
}

static void refused(uint64_t bytes, unsigned int bits, const char *why)
{
	struct capture c;
	struct layout l;
	const char *message;

	capture_begin(&c);
	assert_int_equal(arch_layout_init(&l, bytes, bits), -EINVAL);
	message = capture_end(&c);
	assert_non_null(strstr(message, why));
}

static void ram_that_does_not_fit(void **state)
{
	struct layout l;

	(void)state;
	assert_int_equal(arch_layout_init(&l, GIB(63), 36), 0);
	refused(GIB(63) + MIB(2), 36, "36 bits");
	refused(UINT64_MAX - 4095, 48, "48 bits");
	refused(UINT64_MAX - 4095, 64, "64 bits");
	refused(0, 40, "too few");
	refused(MIB(1), 40, "too few");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(devices_are_below_ram),
		cmocka_unit_test(window_is_above_ram),
		cmocka_unit_test(window_ends_where_devices_reach),
		cmocka_unit_test(ram_that_does_not_fit),
	};

	return run_all(tests);
}
