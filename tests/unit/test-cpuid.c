// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-cpuid - what CPUID reports of topology, timers and address sizes,
 * from what KVM supports on an Intel and on an AMD host.
 */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#include <asm/kvm_para.h>

#include "abi/kvm.h"
#include "util.h"
#include "x86/cpu.h"

#define INDEXED KVM_CPUID_FLAG_SIGNIFCANT_INDEX

/* Of a host with 16 cores of 2 threads. */
static const struct kvm_cpuid_entry2 intel[] = {
	{ .function = 0, .eax = 0x1f, .ebx = 0x756e6547 },
	{ .function = 1,
	  .eax = 0x606a6,
	  .ebx = 0x2a200800,
	  .ecx = 0x76fa3203,
	  .edx = 0x1f8bfbff },
	{ .function = 4, .index = 0, .flags = INDEXED, .eax = 0x3c004121 },
	{ .function = 4, .index = 1, .flags = INDEXED, .eax = 0x3c004122 },
	{ .function = 4, .index = 2, .flags = INDEXED, .eax = 0x3c004143 },
	{ .function = 4, .index = 3, .flags = INDEXED, .eax = 0x3c07c163 },
	{ .function = 4, .index = 4, .flags = INDEXED },
	{ .function = 7, .flags = INDEXED, .eax = 2, .ebx = 0x1234 },
	{ .function = 0xb,
	  .index = 0,
	  .flags = INDEXED,
	  .eax = 1,
	  .ebx = 2,
	  .ecx = 0x100,
	  .edx = 42 },
	{ .function = 0xb,
	  .index = 1,
	  .flags = INDEXED,
	  .eax = 5,
	  .ebx = 32,
	  .ecx = 0x201,
	  .edx = 42 },
	{ .function = 0x1f, .index = 0, .flags = INDEXED, .eax = 1 },
	{ .function = 0x40000000, .eax = 0x40000001, .ebx = 0x4b4d564b },
	{ .function = 0x40000001, .eax = 0x01007efb },
	{ .function = 0x80000001, .ecx = 0x121 },
	{ .function = 0x80000008, .eax = 0x302e392e },
};

static const struct kvm_cpuid_entry2 amd[] = {
	{ .function = 0, .eax = 0x10, .ebx = 0x68747541 },
	{ .function = 1, .ebx = 0x2a200800 },
	{ .function = 0x80000001, .ecx = 0x400000 },
	{ .function = 0x80000008, .eax = 0x3030, .ebx = 0x111, .ecx = 0x501f },
	{ .function = 0x8000001d, .index = 0, .flags = INDEXED, .eax = 0x4121 },
	{ .function = 0x8000001d, .index = 3, .flags = INDEXED, .eax = 0x7c163 },
	{ .function = 0x8000001e, .eax = 42, .ebx = 0x115, .ecx = 0x300 },
	{ .function = 0x80000026, .index = 0, .flags = INDEXED, .eax = 1 },
};

static struct kvm_cpuid2 *adjust(const struct kvm_cpuid_entry2 *from, size_t nr,
				 const struct cpuid_params *p)
{
	struct kvm_cpuid2 *c =
		calloc(1, sizeof(*c) + (nr + CPUID_SPARE) * sizeof(*from));

	assert_non_null(c);
	c->nent = (uint32_t)nr;
	memcpy(c->entries, from, nr * sizeof(*from));
	cpuid_adjust(c, p);
	assert_true(c->nent <= nr + CPUID_SPARE);
	return c;
}

static const struct kvm_cpuid_entry2 *find(const struct kvm_cpuid2 *c,
					   uint32_t function, uint32_t index)
{
	const struct kvm_cpuid_entry2 *found = NULL;

	for (uint32_t i = 0; i < c->nent; i++)
		if (c->entries[i].function == function &&
		    c->entries[i].index == index) {
			assert_null(found); /* once */
			found = &c->entries[i];
		}
	return found;
}

static const struct cpuid_params one = { .id = 0,
					 .nr_cpus = 1,
					 .phys_bits = 40,
					 .tsc_khz = 2700000,
					 .tsc_deadline = true };
static const struct cpuid_params third_of_six = {
	.id = 2, .nr_cpus = 6, .phys_bits = 46, .tsc_deadline = true
};

static void leaf1_has_id_and_timers(void **state)
{
	const struct kvm_cpuid_entry2 *e;
	struct kvm_cpuid2 *c;

	(void)state;
	c = adjust(intel, ARRAY_SIZE(intel), &third_of_six);
	e = find(c, 1, 0);
	assert_int_equal(e->ebx >> 24, 2);
	assert_int_equal(e->ebx >> 16 & 0xff, 8); /* ids reserved */
	assert_int_equal(e->ebx & 0xffff, 0x0800);
	assert_true(e->ecx & 1u << 31);
	assert_true(e->ecx & 1u << 24);
	assert_true(e->ecx & 1u << 21);
	assert_true(e->edx & 1u << 28);
	free(c);

	c = adjust(intel, ARRAY_SIZE(intel), &one);
	e = find(c, 1, 0);
	assert_int_equal(e->ebx >> 16, 1);
	assert_false(e->edx & 1u << 28); /* nothing to share a core with */
	free(c);
}

static void leaf_b_is_flat(void **state)
{
	struct kvm_cpuid2 *c = adjust(intel, ARRAY_SIZE(intel), &third_of_six);
	const struct kvm_cpuid_entry2 *e;

	(void)state;
	e = find(c, 0xb, 0);
	assert_int_equal(e->eax, 0);
	assert_int_equal(e->ebx, 1);
	assert_int_equal(e->ecx, 0x100);
	assert_int_equal(e->edx, 2);
	assert_int_equal(e->flags, INDEXED);
	e = find(c, 0xb, 1);
	assert_int_equal(e->eax, 3);
	assert_int_equal(e->ebx, 6);
	assert_int_equal(e->ecx, 0x201);
	assert_int_equal(e->edx, 2);
	e = find(c, 0xb, 2);
	assert_int_equal(e->ebx, 0);
	assert_int_equal(e->ecx, 2);
	assert_null(find(c, 0x1f, 0));
	free(c);
}

static void last_level_cache_is_shared(void **state)
{
	struct kvm_cpuid2 *c = adjust(intel, ARRAY_SIZE(intel), &third_of_six);

	(void)state;
	for (uint32_t i = 0; i < 4; i++) {
		const struct kvm_cpuid_entry2 *e = find(c, 4, i);

		assert_int_equal(e->eax >> 14 & 0xfff, i == 3 ? 7 : 0);
		assert_int_equal(e->eax >> 26, 7);
		assert_int_equal(e->eax & 0x1ff, intel[2 + i].eax & 0x1ff);
	}
	assert_int_equal(find(c, 4, 4)->eax, 0); /* the end stays the end */
	free(c);
}

static void amd_topology(void **state)
{
	struct kvm_cpuid2 *c = adjust(amd, ARRAY_SIZE(amd), &third_of_six);
	const struct kvm_cpuid_entry2 *e = find(c, 0x80000008, 0);

	(void)state;
	assert_int_equal(e->eax, 46 | 0x3000);
	assert_int_equal(e->ecx, 3 << 12 | 5);
	assert_int_equal(e->ebx, 0x111);
	e = find(c, 0x8000001e, 0);
	assert_int_equal(e->eax, 2);
	assert_int_equal(e->ebx, 2);
	assert_int_equal(e->ecx, 0);
	assert_int_equal(find(c, 0x8000001d, 0)->eax >> 14, 0);
	assert_int_equal(find(c, 0x8000001d, 3)->eax >> 14, 7);
	assert_true(find(c, 0x80000001, 0)->ecx & 2);
	assert_null(find(c, 0x80000026, 0));
	free(c);

	c = adjust(amd, ARRAY_SIZE(amd), &one);
	assert_false(find(c, 0x80000001, 0)->ecx & 2);
	assert_int_equal(find(c, 0x80000008, 0)->ecx, 0);
	free(c);
}

static void sixty_four_cpus(void **state)
{
	const struct cpuid_params last = { .id = 63,
					   .nr_cpus = 64,
					   .phys_bits = 52 };
	struct kvm_cpuid2 *c = adjust(intel, ARRAY_SIZE(intel), &last);

	(void)state;
	assert_int_equal(find(c, 1, 0)->ebx >> 16, 63 << 8 | 64);
	assert_int_equal(find(c, 4, 3)->eax >> 26, 63);
	assert_int_equal(find(c, 4, 3)->eax >> 14 & 0xfff, 63);
	assert_int_equal(find(c, 0xb, 1)->eax, 6);
	assert_false(find(c, 1, 0)->ecx & 1u << 24 &
		     ~intel[1].ecx); /* no deadline timer: none promised */
	free(c);
}

static void timing_leaf(void **state)
{
	struct kvm_cpuid2 *c = adjust(intel, ARRAY_SIZE(intel), &one);

	(void)state;
	assert_int_equal(find(c, 0x40000000, 0)->eax, 0x40000010);
	assert_int_equal(find(c, 0x40000010, 0)->eax, 2700000);
	assert_int_equal(find(c, 0x40000010, 0)->ebx, 1000000);
	assert_int_equal(cpuid_kvm_features(c), 0x01007efb);
	free(c);

	/* Unknown frequency, or no KVM leaves: none. */
	c = adjust(intel, ARRAY_SIZE(intel), &third_of_six);
	assert_int_equal(find(c, 0x40000000, 0)->eax, 0x40000001);
	assert_null(find(c, 0x40000010, 0));
	free(c);
	c = adjust(amd, ARRAY_SIZE(amd), &one);
	assert_null(find(c, 0x40000010, 0));
	assert_int_equal(cpuid_kvm_features(c), 0);
	free(c);
}

static void old_cpus_get_no_new_leaves(void **state)
{
	const struct kvm_cpuid_entry2 old[] = {
		{ .function = 0, .eax = 4, .ebx = 0x756e6547 },
		{ .function = 1 },
	};
	struct kvm_cpuid2 *c = adjust(old, ARRAY_SIZE(old), &third_of_six);

	(void)state;
	assert_int_equal(c->nent, 2);
	free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaf1_has_id_and_timers),
		cmocka_unit_test(leaf_b_is_flat),
		cmocka_unit_test(last_level_cache_is_shared),
		cmocka_unit_test(amd_topology),
		cmocka_unit_test(sixty_four_cpus),
		cmocka_unit_test(timing_leaf),
		cmocka_unit_test(old_cpus_get_no_new_leaves),
	};

	return run_all(tests);
}
