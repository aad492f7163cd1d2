// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-disk-ring-wait - when a ring waits, and what wakes it.
 */
#include "harness.h"

#include "disk-ring-fixture.h"

static void tries_before_it_waits(void **state)
{
	(void)state;
	need_ring(false);
	tries = true;
	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(transfer(DISK_READ, 0, data, 512), 0);
	assert_true(disk_ring_nr_enters(ring) <= 100 + 100 / 32 + 1);
}

/* By edge: nobody reads it, and yet each signal is told, and no other. */
static void watches_by_edge(void **state)
{
	struct disk_io *ended;
	unsigned int watched;

	(void)state;
	need_ring(false);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(eventfd_write(kick, 1), 0);
		ended = disk_ring_wait(ring, &watched);
		assert_null(ended);
		assert_int_equal(watched, 1);
	}
	assert_int_equal(fake.nr_sqes, 1); /* armed once */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(transfer(DISK_READ, 0, data, 512), 0);
		assert_int_equal(fake.nr, i + 1);
	}
}

/* What a try sees of a kick is left for the next wait, which would be for ever. */
static void tries_lose_no_kick(void **state)
{
	(void)state;
	need_ring(false);
	assert_int_equal(page(DISK_READ, 0, data), 0); /* and it is armed */
	assert_int_equal(eventfd_write(kick, 1), 0);
	/* The ring is its first field. */
	assert_int_equal(io_uring_get_events((struct io_uring *)ring), 0);
	tries = true;
	alarm(60);
	assert_int_equal(page(DISK_READ, 0, data), 0);
	/* Or told while the page was waited for: some kernels read a tmpfs aside. */
	if (!kicked)
		assert_null(disk_ring_wait(ring, &kicked));
	alarm(0);
	assert_int_equal(kicked, 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(tries_before_it_waits),
		T(watches_by_edge),
		T(tries_lose_no_kick),
	};

	return run_all(tests);
}
