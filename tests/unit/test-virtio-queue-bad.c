// SPDX-License-Identifier: BSD-2-Clause
/* test-virtio-queue-bad - the rings, with a driver that breaks the protocol. */
#include "harness.h"

#include "virtq-fixture.h"

/* One row is a chain that breaks the protocol; the first is the head. */
struct bad {
	const char *says;
	struct vring_desc desc[4]; /* in the ring from 2 on */
	struct vring_desc table[4]; /* at TABLE */
	uint16_t head; /* 0: 2 */
	bool no_indirect;
};

#define TABLE 0x100000
#define N VRING_DESC_F_NEXT
#define W VRING_DESC_F_WRITE
#define I VRING_DESC_F_INDIRECT

static const struct bad bad_chains[] = {
	{ .says = "an index past the queue", .head = SIZE },
	{ .says = "an index past the queue", .head = 0xffff },
	{ .says = "an index past the queue",
	  .desc = { { 0x2000, 1, N, SIZE } } },
	{ .says = "an index past the queue",
	  .desc = { { 0x2000, 1, N, 0xffff } } },
	{ .says = "a descriptor is used twice",
	  .desc = { { 0x2000, 1, N, 2 } } },
	{ .says = "a descriptor is used twice",
	  .desc = { { 0x2000, 0, N, 3 }, { 0x2000, 0, N, 2 } } },
	{ .says = "readable after writable segments",
	  .desc = { { 0x2000, 1, N | W, 3 }, { 0x2000, 1, 0, 0 } } },
	{ .says = "a segment that is not in RAM",
	  .desc = { { DRIVER_LOW_BYTES, 1, 0, 0 } } },
	{ .says = "a segment that is not in RAM",
	  .desc = { { DRIVER_LOW_BYTES - 1, 2, W, 0 } } },
	{ .says = "a segment that is not in RAM",
	  .desc = { { -1ULL, 2, W, 0 } } },
	{ .says = "a segment that is not in RAM",
	  .desc = { { 0, UINT32_MAX, 0, 0 } } },
	{ .says = "a segment that is not in RAM",
	  .desc = { { 0x2000, 1, N, 3 }, { 0xfee00000, 4, 0, 0 } } },
	{ .says = "a table that was not negotiated",
	  .desc = { { TABLE, 16, I, 0 } },
	  .no_indirect = true },
	{ .says = "a table with a next descriptor",
	  .desc = { { TABLE, 16, I | N, 3 } } },
	{ .says = "a table of a bad length", .desc = { { TABLE, 0, I, 0 } } },
	{ .says = "a table of a bad length", .desc = { { TABLE, 8, I, 0 } } },
	{ .says = "a table of a bad length", .desc = { { TABLE, 33, I, 0 } } },
	{ .says = "a table that is not in RAM",
	  .desc = { { DRIVER_LOW_BYTES - 16, 32, I, 0 } } },
	{ .says = "a table that is not in RAM",
	  .desc = { { TABLE, 0xfffffff0, I, 0 } } },
	{ .says = "a table within a table",
	  .desc = { { TABLE, 32, I, 0 } },
	  .table = { { 0x2000, 1, N, 1 }, { TABLE, 16, I, 0 } } },
	{ .says = "an index past its table",
	  .desc = { { TABLE, 32, I, 0 } },
	  .table = { { 0x2000, 1, N, 2 }, { 0x2000, 1, 0, 0 } } },
	{ .says = "a chain that is too long, or a loop",
	  .desc = { { TABLE, 64, I, 0 } },
	  .table = { { 0x2000, 1, N, 1 }, { 0x2000, 0, N, 0 } } },
	{ .says = "a chain that is too long, or a loop",
	  .desc = { { TABLE, 16, I, 0 } },
	  .table = { { 0x2000, 1, N, 0 } } },
	{ .says = "readable after writable segments",
	  .desc = { { 0x2000, 1, N | W, 3 }, { TABLE, 16, I, 0 } },
	  .table = { { 0x2000, 1, 0, 0 } } },
	{ .says = "a segment that is not in RAM",
	  .desc = { { TABLE, 16, I, 0 } },
	  .table = { { DRIVER_HIGH - 1, 1, 0, 0 } } },
};

/* Whatever is to come is not served, and the driver learns of no more. */
static void is_broken(int error, const char *says)
{
	const struct driver_buf buf = { 0x2000, 1, true };
	uint16_t used = t.d.used->idx;

	assert_int_equal(virtq_pop(&t.q, &t.chain), error);
	assert_string_equal(t.q.broken, says);
	if (t.d.nr_free)
		driver_add(&t.d, &buf, 1);
	assert_int_equal(virtq_pop(&t.q, &t.chain), error);
	virtq_push(&t.q, 0, 1);
	assert_int_equal(t.d.used->idx, used);
	assert_false(virtq_wants_interrupt(&t.q));
	assert_false(virtq_enable_kicks(&t.q));
}

static void serves_nobody_who_breaks_the_protocol(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_chains); i++) {
		const struct bad *b = &bad_chains[i];
		uint64_t features = b->no_indirect ? 0 : DRIVER_INDIRECT;

		begin(SIZE, features);
		memcpy(&t.d.desc[2], b->desc, sizeof(b->desc));
		memcpy(driver_ptr(&t.mem, TABLE, 64), b->table, 64);
		driver_publish(&t.d, b->head ? b->head : 2);
		is_broken(-EPROTO, b->says);
		/* Until it is started anew. */
		begin(SIZE, features);
		driver_add(&t.d, &(struct driver_buf){ 0x2000, 1, true }, 1);
		assert_int_equal(virtq_pop(&t.q, &t.chain), 1);
	}
}

static void indices_that_run_away(void **state)
{
	static const uint16_t steps[] = { SIZE + 1, 0x8000, 0xffff };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		begin(SIZE, 0);
		t.d.avail->idx += steps[i];
		is_broken(-EPROTO, "more chains than descriptors");
	}
	/* What is in flight counts. */
	begin(SIZE, 0);
	for (unsigned int i = 0; i < 3; i++) {
		driver_add(&t.d, &(struct driver_buf){ 0x2000, 1, true }, 1);
		assert_int_equal(virtq_pop(&t.q, &t.chain), 1);
	}
	virtq_push(&t.q, t.chain.head, 0);
	assert_true(virtq_wants_interrupt(&t.q));
	t.d.avail->idx += SIZE - 1;
	is_broken(-EPROTO, "more chains than descriptors");
}

static void chains_in_flight_share_nothing(void **state)
{
	const struct driver_buf bufs[] = { { 0x2000, 1, false },
					   { 0x2000, 1, false },
					   { 0x2000, 1, true } };
	uint16_t head, second, other;

	(void)state;
	begin(SIZE, 0);
	head = driver_add(&t.d, bufs, 3);
	assert_int_equal(virtq_pop(&t.q, &t.chain), 1);
	driver_publish(&t.d, head);
	is_broken(-EPROTO, "a descriptor is used twice");

	begin(SIZE, 0);
	head = driver_add(&t.d, bufs, 3);
	second = t.d.desc[head].next;
	assert_int_equal(virtq_pop(&t.q, &t.chain), 1);
	/* The table lies afterwards, but the chain is the one that was taken. */
	t.d.desc[head].flags = 0;
	other = driver_add(&t.d, bufs, 1);
	t.d.desc[other].flags = VRING_DESC_F_NEXT;
	t.d.desc[other].next = second;
	is_broken(-EPROTO, "a descriptor is used twice");

	/* And with its head all of it is given back. */
	begin(SIZE, 0);
	head = driver_add(&t.d, bufs, 3);
	assert_int_equal(virtq_pop(&t.q, &t.chain), 1);
	memset(t.d.desc, 0xff, sizeof(*t.d.desc) * SIZE);
	virtq_push(&t.q, head, 0);
	assert_int_equal(driver_used(&t.d, NULL), head);
	assert_int_equal(t.d.nr_free, SIZE);
	for (unsigned int i = 0; i < SIZE; i++)
		driver_add(&t.d, bufs, 1);
	for (unsigned int i = 0; i < SIZE; i++)
		assert_int_equal(virtq_pop(&t.q, &t.chain), 1);
}

static void long_chains(void **state)
{
	struct vring_desc *table;
	uint16_t head;

	(void)state;
	for (unsigned int nr = VIRTQ_MAX_SEGMENTS; nr < 1026; nr++) {
		begin(SIZE, DRIVER_INDIRECT);
		head = driver_take(&t.d, 1);
		t.d.desc[head] = (struct vring_desc){ TABLE, nr * 16, I, 0 };
		table = driver_ptr(&t.mem, TABLE, nr * 16);
		for (unsigned int i = 0; i < nr; i++)
			table[i] = (struct vring_desc){ 0x2000, 1,
							i < nr - 1 ? N | W : W,
							(uint16_t)(i + 1) };
		driver_publish(&t.d, head);
		if (nr == VIRTQ_MAX_SEGMENTS) {
			assert_int_equal(virtq_pop(&t.q, &t.chain), 1);
			assert_int_equal(t.chain.nr_writable, nr);
		} else {
			is_broken(-EPROTO,
				  "a chain that is too long, or a loop");
		}
	}
	/* Segments of no bytes take no place, but time. */
	begin(SIZE, DRIVER_INDIRECT);
	t.d.desc[2] = (struct vring_desc){ TABLE, 16 * 1025, I, 0 };
	table = driver_ptr(&t.mem, TABLE, 16 * 1025);
	for (unsigned int i = 0; i < 1025; i++)
		table[i] = (struct vring_desc){ 0, 0, N, (uint16_t)(i + 1) };
	driver_publish(&t.d, 2);
	is_broken(-EPROTO, "a chain that is too long, or a loop");
	/* As many as the caller has room for. */
	for (unsigned int i = 2; i < 4; i++) {
		const struct driver_buf bufs[] = { { 0x2000, 1, false },
						   { 0x2000, 1, false },
						   { 0x2000, 0, true },
						   { 0x2000, 1, true } };

		begin(SIZE, 0);
		t.chain.max = i;
		driver_add(&t.d, bufs, 4);
		if (i == 3)
			assert_int_equal(virtq_pop(&t.q, &t.chain), 1);
		else
			is_broken(-E2BIG, "too many segments in a chain");
	}
}

static void chains_of_4_gib(void **state)
{
	struct vring_desc *table;

	(void)state;
	for (unsigned int nr = 512; nr < 514; nr++) {
		begin(SIZE, DRIVER_INDIRECT);
		t.d.desc[2] = (struct vring_desc){ TABLE, nr * 16, I, 0 };
		table = driver_ptr(&t.mem, TABLE, nr * 16);
		for (unsigned int i = 0; i < nr; i++)
			table[i] = (struct vring_desc){ 0, DRIVER_LOW_BYTES,
							i < nr - 1 ? N | W : W,
							(uint16_t)(i + 1) };
		driver_publish(&t.d, 2);
		if (nr == 512) {
			assert_int_equal(virtq_pop(&t.q, &t.chain), 1);
			assert_int_equal(t.chain.writable, GIB(4));
		} else {
			is_broken(-EPROTO, "a chain of more than 4 GiB");
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(serves_nobody_who_breaks_the_protocol),
		cmocka_unit_test(indices_that_run_away),
		cmocka_unit_test(chains_in_flight_share_nothing),
		cmocka_unit_test(long_chains),
		cmocka_unit_test(chains_of_4_gib),
	};

	return run_all_with(tests, setup, teardown);
}
