// SPDX-License-Identifier: BSD-2-Clause
/*
 * The bus: routing, overlap, misses, counters.
 */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include "bus.h"

static uint64_t last_offset, last_val;

static uint64_t on_read(void *opaque, uint64_t offset, unsigned int len)
{
	(void)len;
	last_offset = offset;
	return *(uint64_t *)opaque;
}

static void on_write(void *opaque, uint64_t offset, unsigned int len,
		     uint64_t val)
{
	(void)opaque;
	(void)len;
	last_offset = offset;
	last_val = val;
}

static const struct bus_ops ops = { on_read, on_write, NULL };
static uint64_t answer = 0x1122334455667788;

static struct bus_range make(uint64_t start, uint64_t size)
{
	return (struct bus_range){ .name = "r",
				   .space = BUS_MMIO,
				   .start = start,
				   .size = size,
				   .ops = &ops,
				   .opaque = &answer };
}

static uint64_t read_at(struct bus *bus, uint64_t addr, unsigned int len)
{
	uint64_t v = 0;

	bus_access(bus, BUS_MMIO, addr, &v, len, false);
	return v;
}

static void routes_to_the_range_that_claims_it(void **state)
{
	struct bus_range a = make(0x1000, 0x100), b = make(0x1100, 0x10);
	struct bus *bus;

	(void)state;
	assert_int_equal(bus_create(&bus), 0);
	assert_int_equal(bus_add(bus, &b), 0);
	assert_int_equal(bus_add(bus, &a), 0);
	assert_int_equal(read_at(bus, 0x1108, 8), answer);
	assert_int_equal(last_offset, 8);
	assert_int_equal(b.nr_reads, 1);
	assert_int_equal(a.nr_reads, 0);
	assert_int_equal(read_at(bus, 0x10ff, 1), 0x88);
	assert_int_equal(last_offset, 0xff);
	bus_destroy(bus);
}

static void a_miss_reads_ones_and_drops_writes(void **state)
{
	struct bus_range a = make(0x1000, 0x10);
	uint64_t v = 7;
	struct bus *bus;

	(void)state;
	assert_int_equal(bus_create(&bus), 0);
	assert_int_equal(bus_add(bus, &a), 0);
	assert_int_equal(read_at(bus, 0xfff, 1), 0xff);
	assert_int_equal(read_at(bus, 0x1010, 4), 0xffffffff);
	/* Crossing the end, and the end of the address space. */
	assert_int_equal(read_at(bus, 0x100e, 4), 0xffffffff);
	assert_int_equal(read_at(bus, UINT64_MAX - 1, 8), UINT64_MAX);
	/* A length that no CPU makes. */
	memset(&v, 0, sizeof(v));
	bus_access(bus, BUS_MMIO, 0x1000, &v, 3, false);
	assert_int_equal(v, 0xffffff);
	bus_access(bus, BUS_PIO, 0x1000, &v, 1, true);
	assert_int_equal(a.nr_reads + a.nr_writes, 0);
	assert_int_equal(bus_unclaimed(bus), 6);
	bus_destroy(bus);
}

static void overlap_is_refused(void **state)
{
	struct bus_range a = make(0x1000, 0x100);
	struct bus_range bad[] = { make(0xfff, 2), make(0x10ff, 1),
				   make(0x1010, 0x10), make(0, 0x10000) };
	struct bus_range empty = make(5, 0), wraps = make(UINT64_MAX, 2);
	struct bus_range top = make(UINT64_MAX, 1);
	struct bus *bus;

	(void)state;
	assert_int_equal(bus_create(&bus), 0);
	assert_int_equal(bus_add(bus, &a), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(bus_add(bus, &bad[i]), -EEXIST);
	assert_int_equal(bus_add(bus, &empty), -EINVAL);
	assert_int_equal(bus_add(bus, &wraps), -EINVAL);
	assert_int_equal(bus_add(bus, &a), -EINVAL);
	assert_int_equal(bus_add(bus, &top), 0);
	assert_int_equal(read_at(bus, UINT64_MAX, 1), 0x88);
	bus_remove(bus, &a);
	bus_remove(bus, &a);
	assert_int_equal(read_at(bus, 0x1000, 1), 0xff);
	assert_int_equal(bus_add(bus, &bad[3]), 0);
	bus_destroy(bus);
}

static struct bus_range *placed[8];
static unsigned int nr_placed;

static void on_placed(void *opaque)
{
	placed[nr_placed++] = opaque;
}

static const struct bus_ops waiting_ops = { on_read, on_write, on_placed };

static void make_waiting(struct bus_range *r, uint64_t start, uint64_t size)
{
	*r = make(start, size);
	r->ops = &waiting_ops;
	r->opaque = r;
}

static void what_is_hidden_comes_back(void **state)
{
	struct bus_range a = make(0x1000, 0x1000), b, c, d;
	struct bus *bus;

	(void)state;
	nr_placed = 0;
	make_waiting(&b, 0x1800, 0x1000);
	make_waiting(&c, 0x1000, 0x100);
	make_waiting(&d, 0x2000, 0x100);
	assert_int_equal(bus_create(&bus), 0);
	assert_int_equal(bus_add(bus, &a), 0);
	assert_int_equal(bus_add(bus, &b), -EEXIST);
	assert_int_equal(bus_add(bus, &b), -EINVAL);
	assert_int_equal(bus_add(bus, &c), -EEXIST);
	/* Where b waits is free for others. */
	assert_int_equal(bus_add(bus, &d), 0);
	bus_remove(bus, &a);
	assert_int_equal(nr_placed, 1);
	assert_ptr_equal(placed[0], &c);
	bus_remove(bus, &d);
	assert_int_equal(nr_placed, 2);
	assert_ptr_equal(placed[1], &b);
	read_at(bus, 0x1800, 4);
	assert_int_equal(b.nr_reads, 1);
	assert_int_equal(bus_add(bus, &a), -EEXIST);
	bus_destroy(bus);
}

static void the_oldest_comes_first(void **state)
{
	struct bus_range a = make(0x1000, 0x1000), b, c, d;
	struct bus *bus;

	(void)state;
	nr_placed = 0;
	make_waiting(&b, 0x1000, 0x1000);
	make_waiting(&c, 0x1000, 0x1000);
	make_waiting(&d, 0x1000, 0x1000);
	assert_int_equal(bus_create(&bus), 0);
	assert_int_equal(bus_add(bus, &a), 0);
	assert_int_equal(bus_add(bus, &b), -EEXIST);
	assert_int_equal(bus_add(bus, &c), -EEXIST);
	assert_int_equal(bus_add(bus, &d), -EEXIST);
	/* One that has gone waits no more. */
	bus_remove(bus, &b);
	bus_remove(bus, &b);
	bus_remove(bus, &a);
	assert_int_equal(nr_placed, 1);
	assert_ptr_equal(placed[0], &c);
	bus_forget(bus, &d);
	bus_remove(bus, &c);
	assert_int_equal(nr_placed, 1);
	assert_int_equal(read_at(bus, 0x1000, 1), 0xff);
	bus_destroy(bus);
}

static void kept_places_stay_free(void **state)
{
	struct bus_range kept, above, b;
	uint64_t v = 0;
	struct bus *bus;

	(void)state;
	nr_placed = 0;
	assert_int_equal(bus_create(&bus), 0);
	assert_int_equal(bus_keep(bus, &kept, 0xfec00000, 0x1000), 0);
	/* To the end of the address space. */
	assert_int_equal(bus_keep(bus, &above, 1ULL << 40, -(1ULL << 40)), 0);
	make_waiting(&b, 0xfe000000, 0x1000000);
	assert_int_equal(bus_add(bus, &b), -EEXIST);
	bus_remove(bus, &b);
	make_waiting(&b, UINT64_MAX - 0xfff, 0x1000);
	assert_int_equal(bus_add(bus, &b), -EEXIST);
	assert_int_equal(read_at(bus, 0xfec00010, 4), 0xffffffff);
	bus_access(bus, BUS_MMIO, 0xfec00010, &v, 4, true);
	bus_destroy(bus);
}

static void count(void *opaque, const struct bus_range *range)
{
	(void)range;
	++*(unsigned int *)opaque;
}

static void counters_outlive_removal(void **state)
{
	struct bus_range r[40];
	unsigned int n = 0;
	struct bus *bus;

	(void)state;
	assert_int_equal(bus_create(&bus), 0);
	for (unsigned int i = 0; i < 40; i++) {
		/* Neither ascending nor descending. */
		r[i] = make(0x1000 * ((i * 17) % 40), 0x1000);
		assert_int_equal(bus_add(bus, &r[i]), 0);
	}
	for (unsigned int i = 0; i < 40; i++)
		read_at(bus, 0x1000 * i + 4, 4);
	for (unsigned int i = 0; i < 40; i++)
		assert_int_equal(r[i].nr_reads, 1);
	bus_remove(bus, &r[3]);
	bus_for_each(bus, count, &n);
	assert_int_equal(n, 40);
	bus_forget(bus, &r[3]);
	n = 0;
	bus_for_each(bus, count, &n);
	assert_int_equal(n, 39);
	bus_destroy(bus);
}

/* A CPU without port instructions: memory that is ports. */
static void ports_are_mapped_into_memory(void **state)
{
	struct bus_range port = make(0x1000, 8), over = make(0x30000fff, 2);
	uint32_t v = 0x55;
	struct bus *bus;

	(void)state;
	port.space = BUS_PIO;
	assert_int_equal(bus_create(&bus), 0);
	assert_int_equal(bus_map_ports(bus, 0, 0), 0);
	assert_int_equal(bus_add(bus, &port), 0);
	assert_int_equal(read_at(bus, 0x30001004, 4), 0xffffffff);
	assert_int_equal(bus_map_ports(bus, 0x30000000, 0x10000), 0);
	assert_int_equal(read_at(bus, 0x30001004, 4), 0x55667788);
	assert_int_equal(last_offset, 4);
	bus_access(bus, BUS_MMIO, 0x30001002, &v, 2, true);
	assert_int_equal(last_offset, 2);
	assert_int_equal(last_val, 0x55);
	assert_int_equal(port.nr_writes, 1);
	assert_int_equal(bus_unclaimed(bus), 1);
	/* Nobody's port, and beyond the last one. */
	assert_int_equal(read_at(bus, 0x30001008, 2), 0xffff);
	assert_int_equal(read_at(bus, 0x3000ffff, 2), 0xffff);
	assert_int_equal(bus_unclaimed(bus), 3);
	/* The window is a range like any other. */
	assert_int_equal(bus_add(bus, &over), -EEXIST);
	bus_destroy(bus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(routes_to_the_range_that_claims_it),
		cmocka_unit_test(a_miss_reads_ones_and_drops_writes),
		cmocka_unit_test(overlap_is_refused),
		cmocka_unit_test(what_is_hidden_comes_back),
		cmocka_unit_test(the_oldest_comes_first),
		cmocka_unit_test(kept_places_stay_free),
		cmocka_unit_test(counters_outlive_removal),
		cmocka_unit_test(ports_are_mapped_into_memory),
	};

	return run_all(tests);
}
