// SPDX-License-Identifier: BSD-2-Clause
/* test-virtio-queue - the rings, with a driver that keeps to the protocol. */
#include "harness.h"

#include "virtq-fixture.h"

static void seg(unsigned int i, gpa_t gpa, size_t len)
{
	assert_ptr_equal(t.iov[i].iov_base, ram_ptr(t.mem.ram, gpa, len));
	assert_int_equal(t.iov[i].iov_len, len);
}

static void starts_only_what_is_sound(void **state)
{
	static const struct {
		uint16_t size;
		gpa_t desc, driver, device;
		int r;
	} cases[] = {
		{ 8, 0x1000, 0x2000, 0x3000, 0 },
		{ 1, 0x1000, 0x1010, 0x1020, 0 },
		{ 1024, DRIVER_HIGH, 0x2002, DRIVER_HIGH + 0x10004, 0 },
		{ 0, 0x1000, 0x2000, 0x3000, -EINVAL },
		{ 3, 0x1000, 0x2000, 0x3000, -EINVAL },
		{ 2048, 0x10000, 0x20000, 0x30000, -EINVAL },
		{ 8, 0x1008, 0x2000, 0x3000, -EINVAL },
		{ 8, 0x1000, 0x2001, 0x3000, -EINVAL },
		{ 8, 0x1000, 0x2000, 0x3002, -EINVAL },
		{ 8, DRIVER_LOW_BYTES - 128, 0x2000, 0x3000, 0 },
		{ 8, DRIVER_LOW_BYTES - 112, 0x2000, 0x3000, -EFAULT },
		{ 8, 0x1000, DRIVER_LOW_BYTES - 22, 0x3000, 0 },
		{ 8, 0x1000, DRIVER_LOW_BYTES - 20, 0x3000, -EFAULT },
		{ 8, 0x1000, 0x2000, DRIVER_LOW_BYTES - 72, 0 },
		{ 8, 0x1000, 0x2000, DRIVER_LOW_BYTES - 68, -EFAULT },
		{ 8, -16ULL, 0x2000, 0x3000, -EFAULT },
		{ 8, 0x1000, -2ULL, 0x3000, -EFAULT },
		{ 8, 0x1000, 0x2000, -4ULL, -EFAULT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		t.q = (struct virtq){ .size = cases[i].size,
				      .desc = cases[i].desc,
				      .driver = cases[i].driver,
				      .device = cases[i].device };
		assert_int_equal(virtq_start(&t.q, t.mem.ram, 0), cases[i].r);
		assert_int_equal(virtq_pop(&t.q, &t.chain), 0);
		virtq_stop(&t.q);
		virtq_stop(&t.q);
		assert_int_equal(t.q.size, cases[i].size);
		assert_int_equal(t.q.device, cases[i].device);
	}
}

static void chains_come_as_they_were_made(void **state)
{
	const struct driver_buf one = { 0x2000, 5, false };
	const struct driver_buf bufs[] = {
		{ DRIVER_HIGH + 3, 16, false },
		{ 0, 0, false },
		{ 0x3000, 100, false },
		{ DRIVER_LOW_BYTES - 7, 7, true },
		{ -1ULL, 0, true },
		{ DRIVER_HIGH, DRIVER_HIGH_BYTES, true },
	};
	uint16_t head;

	(void)state;
	begin(SIZE, 0);
	assert_int_equal(virtq_pop(&t.q, &t.chain), 0);
	driver_add(&t.d, &one, 1);
	head = driver_add(&t.d, bufs, 6);
	assert_int_equal(virtq_pop(&t.q, &t.chain), 1);
	assert_int_equal(t.chain.nr_readable, 1);
	assert_int_equal(t.chain.nr_writable, 0);
	seg(0, 0x2000, 5);

	assert_int_equal(virtq_pop(&t.q, &t.chain), 1);
	assert_int_equal(t.chain.head, head);
	assert_int_equal(t.chain.nr_readable, 2);
	assert_int_equal(t.chain.readable, 116);
	assert_int_equal(t.chain.nr_writable, 2);
	assert_int_equal(t.chain.writable, 7 + DRIVER_HIGH_BYTES);
	seg(0, DRIVER_HIGH + 3, 16);
	seg(1, 0x3000, 100);
	seg(2, DRIVER_LOW_BYTES - 7, 7);
	seg(3, DRIVER_HIGH, DRIVER_HIGH_BYTES);
	assert_int_equal(virtq_pop(&t.q, &t.chain), 0);
}

static void tables_hold_the_rest(void **state)
{
	const struct driver_buf bufs[] = {
		{ 0x2000, 1, false },
		{ 0x2100, 2, false },
		{ 0x2200, 3, true },
	};
	struct vring_desc *ref;

	(void)state;
	for (unsigned int nr_direct = 0; nr_direct < 3; nr_direct++) {
		begin(SIZE, DRIVER_INDIRECT);
		driver_add_table(&t.d, bufs, 3, nr_direct);
		assert_int_equal(t.d.nr_free, SIZE - 1 - nr_direct);
		assert_int_equal(virtq_pop(&t.q, &t.chain), 1);
		assert_int_equal(t.chain.nr_readable, 2);
		assert_int_equal(t.chain.nr_writable, 1);
		for (unsigned int i = 0; i < 3; i++)
			seg(i, bufs[i].gpa, bufs[i].len);
	}
	/* At any address; whether the table is writable does not matter. */
	begin(SIZE, DRIVER_INDIRECT);
	ref = &t.d.desc[driver_add_table(&t.d, bufs, 3, 0)];
	memcpy(driver_ptr(&t.mem, DRIVER_HIGH + 1, 48),
	       driver_ptr(&t.mem, ref->addr, 48), 48);
	ref->addr = DRIVER_HIGH + 1;
	ref->flags |= VRING_DESC_F_WRITE;
	assert_int_equal(virtq_pop(&t.q, &t.chain), 1);
	assert_int_equal(t.chain.nr_writable, 1);
	seg(2, 0x2200, 3);
}

/* 2.7.4.2: the rings wrap, the indices do so at 16 bits. */
static void goes_round(void **state)
{
	const struct driver_buf bufs[] = { { 0x2000, 1, false },
					   { 0x2000, 1, true } };
	unsigned int round;
	uint32_t len = 0;

	(void)state;
	begin(4, DRIVER_INDIRECT | DRIVER_EVENT_IDX);
	for (round = 0; round < 40000; round++) {
		uint16_t a = driver_add(&t.d, bufs, 2);
		uint16_t b = driver_add_table(&t.d, bufs, 2, round & 1);

		assert_int_equal(virtq_pop(&t.q, &t.chain), 1);
		assert_int_equal(t.chain.head, a);
		assert_int_equal(virtq_pop(&t.q, &t.chain), 1);
		assert_int_equal(t.chain.head, b);
		assert_int_equal(virtq_pop(&t.q, &t.chain), 0);
		virtq_push(&t.q, b, round);
		virtq_push(&t.q, a, round + 1);
		assert_int_equal(driver_used(&t.d, &len), b);
		assert_int_equal(len, round);
		assert_int_equal(driver_used(&t.d, &len), a);
		assert_int_equal(len, round + 1);
		assert_int_equal(driver_used(&t.d, &len), -1);
	}
}

static void what_is_put_back_comes_again(void **state)
{
	const struct driver_buf bufs[] = { { 0x2000, 1, false },
					   { 0x3000, 1, true } };
	uint16_t first, second;

	(void)state;
	begin(SIZE, 0);
	first = driver_add(&t.d, bufs, 2);
	second = driver_add(&t.d, bufs + 1, 1);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(virtq_pop(&t.q, &t.chain), 1);
		assert_int_equal(t.chain.head, first);
		virtq_unpop(&t.q);
	}
	assert_int_equal(virtq_pop(&t.q, &t.chain), 1);
	assert_int_equal(virtq_pop(&t.q, &t.chain), 1);
	assert_int_equal(t.chain.head, second);
	virtq_unpop(&t.q);
	virtq_push(&t.q, first, 9);
	assert_int_equal(driver_used(&t.d, NULL), first);
	assert_true(virtq_enable_kicks(&t.q));
	assert_int_equal(virtq_pop(&t.q, &t.chain), 1);
	assert_int_equal(t.chain.head, second);
}

static void serve(unsigned int nr)
{
	while (nr--) {
		driver_add(&t.d, &(struct driver_buf){ 0x2000, 1, true }, 1);
		assert_int_equal(virtq_pop(&t.q, &t.chain), 1);
		virtq_push(&t.q, t.chain.head, 1);
		assert_int_equal(driver_used(&t.d, NULL), t.chain.head);
	}
}

static void interrupts_when_wanted(void **state)
{
	(void)state;
	for (unsigned int event = 0; event < 2; event++) {
		begin(SIZE, event ? DRIVER_EVENT_IDX : 0);
		assert_false(virtq_wants_interrupt(&t.q));
		serve(1);
		assert_true(virtq_wants_interrupt(&t.q));
		assert_false(virtq_wants_interrupt(&t.q));
		driver_set_interrupts(&t.d, false, 1);
		serve(3);
		assert_false(virtq_wants_interrupt(&t.q));
		driver_set_interrupts(&t.d, true, 4);
		serve(2);
		assert_true(virtq_wants_interrupt(&t.q));
	}
	/* At the index it names, and not before; across the wrap. */
	begin(SIZE, DRIVER_EVENT_IDX);
	serve(0xfffe);
	assert_true(virtq_wants_interrupt(&t.q));
	driver_set_interrupts(&t.d, true, 1);
	t.d.avail->flags = VRING_AVAIL_F_NO_INTERRUPT; /* of no meaning */
	for (unsigned int i = 0; i < 3; i++) {
		serve(1);
		assert_false(virtq_wants_interrupt(&t.q));
	}
	serve(1);
	assert_true(virtq_wants_interrupt(&t.q));
	serve(1);
	assert_false(virtq_wants_interrupt(&t.q));
}

static void kicks_when_idle(void **state)
{
	const struct driver_buf buf = { 0x2000, 1, true };

	(void)state;
	for (unsigned int event = 0; event < 2; event++) {
		begin(SIZE, event ? DRIVER_EVENT_IDX : 0);
		driver_add(&t.d, &buf, 1);
		assert_true(driver_wants_kick(&t.d));
		virtq_disable_kicks(&t.q);
		driver_add(&t.d, &buf, 1);
		assert_false(driver_wants_kick(&t.d));
		assert_int_equal(virtq_pop(&t.q, &t.chain), 1);
		assert_true(virtq_enable_kicks(&t.q));
		virtq_disable_kicks(&t.q);
		assert_int_equal(virtq_pop(&t.q, &t.chain), 1);
		assert_false(virtq_enable_kicks(&t.q));
		driver_add(&t.d, &buf, 1);
		assert_true(driver_wants_kick(&t.d));
	}
}

static void a_stopped_queue_is_quiet(void **state)
{
	(void)state;
	begin(SIZE, 0);
	driver_add(&t.d, &(struct driver_buf){ 0x2000, 1, true }, 1);
	assert_int_equal(virtq_pop(&t.q, &t.chain), 1);
	driver_add(&t.d, &(struct driver_buf){ 0x2000, 1, true }, 1);
	virtq_stop(&t.q);
	assert_int_equal(virtq_pop(&t.q, &t.chain), 0);
	virtq_push(&t.q, t.chain.head, 1);
	assert_int_equal(driver_used(&t.d, NULL), -1);
	assert_false(virtq_wants_interrupt(&t.q));
	virtq_disable_kicks(&t.q);
	assert_false(virtq_enable_kicks(&t.q));
	/* Started anew it knows of nothing in flight. */
	assert_int_equal(virtq_start(&t.q, t.mem.ram, 0), 0);
	virtq_push(&t.q, t.chain.head, 1);
	assert_int_equal(driver_used(&t.d, NULL), -1);
}

static void copies_across_segments(void **state)
{
	const struct driver_buf bufs[] = {
		{ 0x2000, 3, false },	  { 0x3000, 4, false },
		{ 0x4000, 2, true },	  { 0x5000, 1, true },
		{ DRIVER_HIGH, 5, true },
	};
	char buf[16] = "";

	(void)state;
	begin(SIZE, 0);
	assert_int_equal(ram_write(t.mem.ram, 0x2000, "abc", 3), 0);
	assert_int_equal(ram_write(t.mem.ram, 0x3000, "defgX", 5), 0);
	assert_int_equal(ram_write(t.mem.ram, DRIVER_HIGH, "-----Y", 6), 0);
	driver_add(&t.d, bufs, 5);
	assert_int_equal(virtq_pop(&t.q, &t.chain), 1);
	assert_int_equal(virtq_copy_from(&t.chain, 0, buf, 16), 7);
	assert_string_equal(buf, "abcdefg");
	memset(buf, 0, sizeof(buf));
	assert_int_equal(virtq_copy_from(&t.chain, 2, buf, 3), 3);
	assert_string_equal(buf, "cde");
	assert_int_equal(virtq_copy_from(&t.chain, 3, buf, 1), 1);
	assert_string_equal(buf, "dde");
	assert_int_equal(virtq_copy_from(&t.chain, 7, buf, 1), 0);
	assert_int_equal(virtq_copy_from(&t.chain, SIZE_MAX, buf, 1), 0);

	assert_int_equal(virtq_copy_to(&t.chain, 1, "12345678", 8), 7);
	assert_int_equal(ram_read(t.mem.ram, 0x4000, buf, 3), 0);
	assert_memory_equal(buf, "\0001\0", 3);
	assert_int_equal(ram_read(t.mem.ram, 0x5000, buf, 2), 0);
	assert_memory_equal(buf, "2\0", 2);
	assert_int_equal(ram_read(t.mem.ram, DRIVER_HIGH, buf, 6), 0);
	assert_memory_equal(buf, "34567Y", 6);
	assert_int_equal(virtq_copy_to(&t.chain, 8, "1", 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_only_what_is_sound),
		cmocka_unit_test(chains_come_as_they_were_made),
		cmocka_unit_test(tables_hold_the_rest),
		cmocka_unit_test(goes_round),
		cmocka_unit_test(what_is_put_back_comes_again),
		cmocka_unit_test(interrupts_when_wanted),
		cmocka_unit_test(kicks_when_idle),
		cmocka_unit_test(a_stopped_queue_is_quiet),
		cmocka_unit_test(copies_across_segments),
	};

	return run_all_with(tests, setup, teardown);
}
