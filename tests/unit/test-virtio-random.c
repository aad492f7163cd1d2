// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-virtio-random - a split virtqueue against the reference model of
 * tests/fuzz/virtq.h.  The seeds are fixed, so a failure comes again.
 */
#include "harness.h"

#define STEPS 300000

struct source {
	uint64_t seed;
};

static uint64_t next(struct source *src)
{
	src->seed ^= src->seed << 13;
	src->seed ^= src->seed >> 7;
	src->seed ^= src->seed << 17;
	return src->seed >> 8;
}

#include "tests/fuzz/virtq.h"

static struct rig rig;

static void run(uint64_t seed, bool may_lie)
{
	struct source src = { seed };
	unsigned int nr_taken = 0, nr_dead = 0;

	driver_mem_init(&rig.mem);
	rig_start(&rig, &src);
	for (unsigned int i = 0; i < STEPS; i++) {
		uint16_t taken = rig.taken;
		bool dead = rig.dead;

		rig_step(&rig, &src, may_lie);
		nr_taken += rig.taken == (uint16_t)(taken + 1);
		nr_dead += rig.dead && !dead;
	}
	driver_mem_fini(&rig.mem);
	assert_true(nr_taken > STEPS / 50);
	assert_int_equal(nr_dead > STEPS / 500, may_lie);
}

static void with_a_good_driver(void **state)
{
	(void)state;
	run(0xbe5466cf34e90c6c, false);
}

static void with_a_hostile_driver(void **state)
{
	(void)state;
	run(0xc0ac29b7c97c50dd, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_a_good_driver),
		cmocka_unit_test(with_a_hostile_driver),
	};

	return run_all(tests);
}
