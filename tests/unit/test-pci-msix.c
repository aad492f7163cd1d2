// SPDX-License-Identifier: BSD-2-Clause
/* test-pci-msix - table, pending bits, Message Control, and who is told. */
#include "harness.h"

#include <errno.h>
#include <linux/pci_regs.h>

#include "pci-msix.h"
#include "util.h"

#define ENABLE PCI_MSIX_FLAGS_ENABLE
#define MASKALL PCI_MSIX_FLAGS_MASKALL

/* What ops were told last, and how often. */
struct owner {
	struct pci_msix m;
	unsigned int nr_enable, nr_vectors, nr_poll;
	bool on;
	unsigned int first, count;
	unsigned int poll_first, poll_count;
};

static void on_enable(void *opaque, bool on)
{
	struct owner *o = opaque;

	o->nr_enable++;
	o->on = on;
	assert_int_equal(o->m.enabled, on);
}

static void on_vectors(void *opaque, unsigned int first, unsigned int count)
{
	struct owner *o = opaque;

	o->nr_vectors++;
	o->first = first;
	o->count = count;
	assert_true(o->m.enabled);
	assert_true(first < o->m.nr && count <= o->m.nr - first);
}

static void on_poll(void *opaque, unsigned int first, unsigned int count)
{
	struct owner *o = opaque;

	o->nr_poll++;
	o->poll_first = first;
	o->poll_count = count;
}

static const struct pci_msix_ops ops = {
	.enable = on_enable,
	.vectors = on_vectors,
	.poll_pending = on_poll,
};

static const struct pci_msix_ops ops_no_poll = {
	.enable = on_enable,
	.vectors = on_vectors,
};

static void make(struct owner *o, unsigned int nr)
{
	*o = (struct owner){ 0 };
	assert_int_equal(pci_msix_init(&o->m, nr, &ops, o), 0);
}

static void starts_masked(void **state)
{
	struct owner o;
	unsigned int i;

	(void)state;
	make(&o, 2048);
	assert_int_equal(pci_msix_ctrl(&o.m), 2047);
	for (i = 0; i < 2048; i++) {
		assert_int_equal(pci_msix_table_read(&o.m, i * 16, 8), 0);
		assert_int_equal(pci_msix_table_read(&o.m, i * 16 + 8, 8),
				 1ULL << 32);
		assert_false(pci_msix_live(&o.m, i));
		assert_int_equal(pci_msix_pba_read(&o.m, i / 64 * 8, 8), 0);
	}
	pci_msix_fini(&o.m);
	pci_msix_fini(&o.m); /* harmless */
	assert_false(pci_msix_live(&o.m, 0));
}

static void bad_sizes_are_refused(void **state)
{
	struct pci_msix m;

	(void)state;
	assert_int_equal(pci_msix_init(&m, 0, &ops, NULL), -EINVAL);
	assert_int_equal(pci_msix_init(&m, 2049, &ops, NULL), -EINVAL);
	pci_msix_fini(&m);
}

/* Linux: enable with all masked, write messages, unmask function, vectors. */
static void a_guest_sets_up(void **state)
{
	struct owner o;

	(void)state;
	make(&o, 8);
	pci_msix_ctrl_write(&o.m, ENABLE | MASKALL);
	assert_int_equal(pci_msix_ctrl(&o.m), ENABLE | MASKALL | 7);
	assert_int_equal(o.nr_enable, 1);
	assert_true(o.on);

	pci_msix_table_write(&o.m, 3 * 16, 4, 0xfee01000);
	pci_msix_table_write(&o.m, 3 * 16 + 4, 4, 0x1);
	pci_msix_table_write(&o.m, 3 * 16 + 8, 4, 0x4041);
	pci_msix_ctrl_write(&o.m, ENABLE);
	assert_int_equal(o.nr_vectors, 1);
	assert_int_equal(o.first, 0);
	assert_int_equal(o.count, 8);
	assert_false(pci_msix_live(&o.m, 3));

	pci_msix_table_write(&o.m, 3 * 16 + 12, 4, 0);
	assert_true(pci_msix_live(&o.m, 3));
	assert_int_equal(o.nr_vectors, 2);
	assert_int_equal(o.first, 3);
	assert_int_equal(o.count, 1);
	assert_int_equal(o.m.table[3].addr, 0x1fee01000);
	assert_int_equal(o.m.table[3].data, 0x4041);

	/* Moving the message of a live vector is told, the same is not. */
	pci_msix_table_write(&o.m, 3 * 16, 4, 0xfee02000);
	assert_int_equal(o.nr_vectors, 3);
	pci_msix_table_write(&o.m, 3 * 16, 4, 0xfee02000);
	pci_msix_table_write(&o.m, 3 * 16 + 12, 4, 0);
	assert_int_equal(o.nr_vectors, 3);

	pci_msix_table_write(&o.m, 3 * 16 + 12, 4, 1);
	assert_int_equal(o.nr_vectors, 4);
	assert_false(pci_msix_live(&o.m, 3));
	pci_msix_ctrl_write(&o.m, 0);
	assert_int_equal(o.nr_enable, 2);
	assert_false(o.on);
	pci_msix_fini(&o.m);
}

static void nothing_is_told_in_vain(void **state)
{
	struct owner o;

	(void)state;
	make(&o, 4);
	/* Disabled: masks and messages are just registers. */
	pci_msix_table_write(&o.m, 12, 4, 0);
	pci_msix_table_write(&o.m, 0, 8, 0xfee00000);
	pci_msix_ctrl_write(&o.m, MASKALL);
	pci_msix_ctrl_write(&o.m, 0);
	assert_int_equal(o.nr_vectors + o.nr_enable, 0);
	/* The function's mask hides the vector's. */
	pci_msix_ctrl_write(&o.m, ENABLE | MASKALL);
	pci_msix_table_write(&o.m, 12, 4, 1);
	pci_msix_table_write(&o.m, 12, 4, 0);
	pci_msix_table_write(&o.m, 8, 4, 5);
	assert_int_equal(o.nr_vectors, 0);
	pci_msix_ctrl_write(&o.m, ENABLE | MASKALL | 0x3fff);
	assert_int_equal(o.nr_enable, 1);
	assert_int_equal(pci_msix_ctrl(&o.m), ENABLE | MASKALL | 3);
	/* Both at once is an enable, which looks at every vector anyway. */
	pci_msix_ctrl_write(&o.m, 0);
	assert_int_equal(o.nr_enable, 2);
	assert_int_equal(o.nr_vectors, 0);
	pci_msix_fini(&o.m);
}

static void qword_writes(void **state)
{
	struct owner o;

	(void)state;
	make(&o, 2);
	pci_msix_ctrl_write(&o.m, ENABLE);
	pci_msix_table_write(&o.m, 16, 8, 0x00000002fee01007);
	/* Data and control in one: live, with the new message. */
	pci_msix_table_write(&o.m, 24, 8, 0xfffffffe00000055);
	assert_int_equal(o.nr_vectors, 1);
	assert_true(pci_msix_live(&o.m, 1));
	assert_int_equal(pci_msix_table_read(&o.m, 16, 8), 0x2fee01004);
	assert_int_equal(pci_msix_table_read(&o.m, 24, 8), 0x55);
	assert_int_equal(pci_msix_table_read(&o.m, 20, 4), 2);
	pci_msix_fini(&o.m);
}

static void odd_accesses_do_nothing(void **state)
{
	static const struct {
		uint64_t offset;
		unsigned int len;
	} bad[] = {
		{ 0, 1 },
		{ 0, 2 },
		{ 2, 4 },
		{ 4, 8 },
		{ 28, 8 },
		{ 32, 4 },
		{ 32, 8 },
		{ 1ULL << 32, 4 },
		{ UINT64_MAX, 4 },
		{ UINT64_MAX - 3, 4 },
		{ UINT64_MAX - 7, 8 },
	};
	struct owner o;
	size_t i;

	(void)state;
	make(&o, 2);
	pci_msix_ctrl_write(&o.m, ENABLE);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		uint64_t ones = all_ones(bad[i].len);

		pci_msix_table_write(&o.m, bad[i].offset, bad[i].len, 0);
		assert_int_equal(pci_msix_table_read(&o.m, bad[i].offset,
						     bad[i].len),
				 ones);
		assert_int_equal(pci_msix_pba_read(&o.m, bad[i].offset,
						   bad[i].len),
				 ones);
	}
	assert_int_equal(pci_msix_pba_read(&o.m, 8, 4), all_ones(4));
	assert_int_equal(pci_msix_pba_read(&o.m, 8, 8), all_ones(8));
	assert_int_equal(o.nr_vectors + o.nr_poll, 0);
	assert_int_equal(o.m.table[0].ctrl, 1);
	assert_int_equal(o.m.table[1].ctrl, 1);
	assert_false(pci_msix_live(&o.m, 2));
	assert_false(pci_msix_live(&o.m, UINT32_MAX));
	pci_msix_fini(&o.m);
}

static void pending_bits(void **state)
{
	struct owner o;

	(void)state;
	make(&o, 100);
	pci_msix_set_pending(&o.m, 0, true);
	pci_msix_set_pending(&o.m, 33, true);
	pci_msix_set_pending(&o.m, 99, true);
	pci_msix_set_pending(&o.m, 100, true);
	pci_msix_set_pending(&o.m, UINT32_MAX, true);

	assert_int_equal(pci_msix_pba_read(&o.m, 0, 8), 0x200000001);
	assert_int_equal(o.poll_first, 0);
	assert_int_equal(o.poll_count, 64);
	assert_int_equal(pci_msix_pba_read(&o.m, 4, 4), 2);
	assert_int_equal(o.poll_first, 32);
	assert_int_equal(o.poll_count, 32);
	assert_int_equal(pci_msix_pba_read(&o.m, 12, 4), 8);
	assert_int_equal(o.poll_first, 96);
	assert_int_equal(o.poll_count, 4);
	assert_int_equal(o.nr_poll, 3);
	assert_int_equal(pci_msix_pba_read(&o.m, 16, 8), UINT64_MAX);
	assert_int_equal(o.nr_poll, 3);

	pci_msix_set_pending(&o.m, 33, false);
	assert_int_equal(pci_msix_pba_read(&o.m, 0, 8), 1);
	pci_msix_fini(&o.m);

	/* The upper half of the only qword belongs to no vector. */
	make(&o, 3);
	assert_int_equal(pci_msix_pba_read(&o.m, 4, 4), 0);
	assert_int_equal(o.nr_poll, 0);
	o.m.ops = &ops_no_poll;
	pci_msix_set_pending(&o.m, 2, true);
	assert_int_equal(pci_msix_pba_read(&o.m, 0, 4), 4);
	pci_msix_fini(&o.m);
}

static void reset_is_silent(void **state)
{
	struct owner o;

	(void)state;
	make(&o, 4);
	pci_msix_ctrl_write(&o.m, ENABLE);
	pci_msix_table_write(&o.m, 0, 8, 0xfee00000);
	pci_msix_table_write(&o.m, 12, 4, 0);
	pci_msix_set_pending(&o.m, 1, true);
	o.nr_enable = o.nr_vectors = 0;
	pci_msix_reset(&o.m);
	assert_int_equal(o.nr_enable + o.nr_vectors, 0);
	assert_int_equal(pci_msix_ctrl(&o.m), 3);
	assert_int_equal(pci_msix_table_read(&o.m, 0, 8), 0);
	assert_int_equal(pci_msix_table_read(&o.m, 12, 4), 1);
	assert_int_equal(pci_msix_pba_read(&o.m, 0, 8), 0);
	pci_msix_fini(&o.m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_masked),
		cmocka_unit_test(bad_sizes_are_refused),
		cmocka_unit_test(a_guest_sets_up),
		cmocka_unit_test(nothing_is_told_in_vain),
		cmocka_unit_test(qword_writes),
		cmocka_unit_test(odd_accesses_do_nothing),
		cmocka_unit_test(pending_bits),
		cmocka_unit_test(reset_is_silent),
	};

	return run_all(tests);
}
