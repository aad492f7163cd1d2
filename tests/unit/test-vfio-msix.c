// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-vfio-msix - MSI-X of an assigned function as the guest sets it up. The
 * fakes assert the order that the kernel wants.
 */
#include "harness.h"

#include <sys/resource.h>

#include "pci-msix.h"
#include "vfio-irq-fixture.h"

static void nothing_is_armed_while_all_are_masked(void **state)
{
	(void)state;
	create_mapped();
	wr(MSIX_CTRL, 2, ENABLE);
	assert_int_equal(rd(MSIX_CTRL, 2), ENABLE | 64);
	/* Enabled at the device by vector 0 without a signal. */
	assert_int_equal(fake.dev.active_irq, VFIO_MSIX);
	assert_int_equal(fake.dev.nr_host_vectors, 1);
	assert_int_equal(fake_nr_armed(), 0);
	assert_int_equal(fake_nr_irqfds(), 0);
	/* The device's own copy is the host's. */
	assert_int_equal(fake_config(MSIX_CTRL, 2), 64);
	wr(MSIX_CTRL, 2, 0);
	assert_int_equal(fake.dev.active_irq, -1);
}

static void vectors_come_as_they_are_unmasked(void **state)
{
	(void)state;
	create_mapped();
	wr(MSIX_CTRL, 2, ENABLE);
	message(3, 0xfee01000, 0x4321);
	assert_int_equal(fake_nr_irqfds(), 0);
	mask(3, false);
	assert_int_equal(fake_nr_armed(), 1);
	assert_int_equal(fake_nr_irqfds(), 1);
	assert_true(gsi_of(3));
	assert_int_equal(fake.gsis[gsi_of(3)].addr, 0xfee01000);
	assert_int_equal(fake.gsis[gsi_of(3)].data, 0x4321);
	message(64, 0xfee02000, 0x55);
	mask(64, false);
	assert_int_equal(fake_nr_irqfds(), 2);
	assert_true(gsi_of(64) && gsi_of(64) != gsi_of(3));
	assert_int_equal(fake.nr_commits, 2);
}

static void the_whole_table_where_it_cannot_grow(void **state)
{
	(void)state;
	fake.dev.irqs[VFIO_MSIX].noresize = true;
	create_mapped();
	wr(MSIX_CTRL, 2, ENABLE);
	assert_int_equal(fake.dev.nr_host_vectors, 65);
	mask(64, false);
	assert_int_equal(fake_nr_armed(), 1);
	/* As far as the host's vectors go. */
	wr(MSIX_CTRL, 2, 0);
	fake.dev.max_host_vectors = 40;
	wr(MSIX_CTRL, 2, ENABLE);
	assert_int_equal(fake.dev.nr_host_vectors, 32);
	mask(31, false);
	fake_fire(31);
	assert_int_equal(fake.gsis[gsi_of(31)].injected, 1);
}

static void the_largest_table(void **state)
{
	struct rlimit files;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = files.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	fake_bar(0, KIB(64), PCI_BASE_ADDRESS_MEM_TYPE_64, true);
	fake_msix(0x40, PCI_MSIX_MAX, 0x2000, 0xa000);
	create_mapped();
	assert_int_equal(rd(MSIX_CTRL, 2), PCI_MSIX_MAX - 1);
	wr(MSIX_CTRL, 2, ENABLE | MASKALL);
	for (unsigned int i = 0; i < PCI_MSIX_MAX; i++) {
		message(i, 0xfee00000, i);
		mask(i, false);
	}
	fake.nr_commits = 0;
	wr(MSIX_CTRL, 2, ENABLE);
	assert_int_equal(fake_nr_irqfds(), PCI_MSIX_MAX);
	assert_int_equal(fake_nr_armed(), PCI_MSIX_MAX);
	assert_int_equal(fake.nr_commits, 1);
	assert_int_equal(fake.gsis[gsi_of(2047)].data, 2047);
	mask(2047, true);
	fake_fire(2047);
	assert_int_equal(mmio(BAR + 0xa000 + 2047 / 64 * 8, 8), 1ULL << 63);
	/* The next page is the device's. */
	assert_int_equal(mmio(BAR + 0xa000 + 256, 8), 0);
	wr(MSIX_CTRL, 2, 0);
	assert_int_equal(fake_nr_irqfds(), 0);
}

static void masking_is_cheap(void **state)
{
	unsigned int set_irqs, commits;
	int fd;

	(void)state;
	create_mapped();
	wr(MSIX_CTRL, 2, ENABLE);
	message(0, 0xfee00000, 1);
	mask(0, false);
	set_irqs = fake.dev.nr_set_irqs;
	commits = fake.nr_commits;
	fd = fake.dev.vector_fds[0];
	for (unsigned int i = 1; i <= 100; i++) {
		mask(0, true);
		assert_int_equal(fake_nr_irqfds(), 0);
		/* The device keeps its eventfd: no event is lost. */
		assert_int_equal(fake.dev.vector_fds[0], fd);
		mask(0, false);
		assert_int_equal(fake_nr_irqfds(), 1);
	}
	/* One call of KVM for each, none of VFIO, no new route. */
	assert_int_equal(fake.dev.nr_set_irqs, set_irqs);
	assert_int_equal(fake.nr_commits, commits);
	assert_int_equal(fake.nr_irqfd_calls, 201);
	/* Writing the same again costs nothing. */
	mask(0, false);
	message(0, 0xfee00000, 1);
	assert_int_equal(fake.nr_irqfd_calls, 201);
	assert_int_equal(fake.nr_commits, commits);
}

static void a_masked_vector_is_pending(void **state)
{
	unsigned int gsi;

	(void)state;
	create_mapped();
	wr(MSIX_CTRL, 2, ENABLE);
	mask(5, false);
	gsi = gsi_of(5);
	assert_int_equal(mmio(PBA, 8), 0);
	mask(5, true);
	assert_int_equal(mmio(PBA, 8), 0);
	fake_fire(5);
	assert_int_equal(mmio(PBA, 8), 1 << 5);
	assert_int_equal(mmio(PBA, 4), 1 << 5);
	assert_int_equal(mmio(PBA + 8, 8), 0);
	/* Looking does not take the event: KVM finds it on unmask, once. */
	assert_int_equal(fake.gsis[gsi].injected, 0);
	mask(5, false);
	assert_int_equal(fake.gsis[gsi].injected, 1);
	assert_int_equal(mmio(PBA, 8), 0);
	mask(5, true);
	assert_int_equal(mmio(PBA, 8), 0);
	mask(5, false);
	assert_int_equal(fake.gsis[gsi].injected, 1);
	/* Nobody writes pending bits. */
	mmio_write(PBA, 8, UINT64_MAX);
	assert_int_equal(mmio(PBA, 8), 0);
	/* While the irqfd is there the event is KVM's. */
	fake_fire(5);
	assert_int_equal(mmio(PBA, 8), 0);
}

static void the_function_mask_covers_all(void **state)
{
	(void)state;
	create_mapped();
	/* As Linux does: enable all masked, set up, then let go. */
	wr(MSIX_CTRL, 2, ENABLE | MASKALL);
	for (unsigned int i = 0; i < 64; i++) {
		message(i, 0xfee00000 + i, i);
		mask(i, false);
	}
	assert_int_equal(fake_nr_irqfds(), 0);
	fake.nr_commits = 0;
	wr(MSIX_CTRL, 2, ENABLE);
	assert_int_equal(fake_nr_irqfds(), 64);
	assert_int_equal(fake_nr_armed(), 64);
	assert_int_equal(fake.nr_commits, 1); /* one batch */
	wr(MSIX_CTRL, 2, ENABLE | MASKALL);
	assert_int_equal(fake_nr_irqfds(), 0);
	fake_fire(63);
	assert_int_equal(mmio(PBA, 8), 1ULL << 63);
	wr(MSIX_CTRL, 2, ENABLE);
	assert_int_equal(fake_nr_irqfds(), 64);
}

static void messages_move(void **state)
{
	(void)state;
	create_mapped();
	wr(MSIX_CTRL, 2, ENABLE);
	message(1, 0xfee01000, 1);
	mask(1, false);
	/* Masked first, as it should be. */
	mask(1, true);
	message(1, 0xfee02000, 2);
	mask(1, false);
	assert_int_equal(fake.gsis[gsi_of(1)].addr, 0xfee02000);
	assert_int_equal(fake.gsis[gsi_of(1)].data, 2);
	/* In place, as it should not. */
	message(1, 0xfee03000, 3);
	assert_int_equal(fake.gsis[gsi_of(1)].addr, 0xfee03000);
	assert_int_equal(fake.gsis[gsi_of(1)].data, 3);
	assert_true(fake.gsis[gsi_of(1)].committed);
	assert_int_equal(fake_nr_irqfds(), 1);
}

static void nothing_old_comes_after_enabling_again(void **state)
{
	uint64_t count;

	(void)state;
	create_mapped();
	for (unsigned int i = 0; i < 3; i++) {
		wr(MSIX_CTRL, 2, ENABLE);
		mask(0, false);
		assert_int_equal(fake_nr_irqfds(), 1);
		assert_true(read(fake.dev.vector_fds[0], &count, 8) < 0);
		mask(0, true);
		fake_fire(0);
		wr(MSIX_CTRL, 2, 0);
		assert_int_equal(fake_nr_armed(), 0);
		assert_int_equal(fake_nr_irqfds(), 0);
		assert_int_equal(mmio(PBA, 8), 0);
	}
}

static void the_table_is_the_guests_alone(void **state)
{
	(void)state;
	create_mapped();
	fake.dev.nr_reads = fake.dev.nr_writes = 0;
	assert_int_equal(mmio(TABLE + 12, 4), 1);
	message(2, 0xfee12340, 0x99);
	assert_int_equal(mmio(TABLE + 32, 8), 0xfee12340);
	assert_int_equal(mmio(TABLE + 40, 4), 0x99);
	assert_int_equal(fake.dev.nr_reads + fake.dev.nr_writes, 0);
	/* Odd accesses. */
	assert_int_equal(mmio(TABLE + 1, 1), 0xff);
	assert_int_equal(mmio(TABLE - 4, 8), UINT64_MAX);
	mmio_write(TABLE - 4, 8, UINT64_MAX);
	assert_int_equal(mmio(TABLE, 4), 0);
	assert_int_equal(fake.dev.nr_reads + fake.dev.nr_writes, 0);
	/* The rest of its page is the device's. */
	assert_int_equal(mmio(TABLE + 65 * 16, 4), 0);
	mmio_write(TABLE + 65 * 16, 4, 7);
	assert_int_equal(fake.dev.last_offset, 0x2000 + 65 * 16);
	assert_int_equal(fake.dev.last_value, 7);
}

static void a_host_without_vectors(void **state)
{
	struct capture c;

	(void)state;
	create_mapped();
	fake.fail_at = fake.nr_calls;
	wr(MSIX_CTRL, 2, ENABLE);
	assert_int_equal(fake.dev.active_irq, -1);
	mask(0, false); /* nothing happens, nothing breaks */
	assert_int_equal(fake_nr_irqfds(), 0);
	wr(MSIX_CTRL, 2, 0);
	wr(MSIX_CTRL, 2, ENABLE);
	assert_int_equal(fake_nr_irqfds(), 1);
	/* One vector fails, and is tried again at the next unmasking. */
	for (int i = 0; i < 3; i++) {
		/* Its GSI, then its irqfd, then its SET_IRQS. */
		fake.fail_at = fake.nr_calls + (i == 2);
		capture_begin(&c);
		mask(7, false);
		capture_end(&c);
		mask(7, true);
		mask(7, false);
		assert_int_equal(fake_nr_irqfds(), 2);
		assert_int_equal(fake_nr_armed(), 2);
		wr(MSIX_CTRL, 2, 0);
		mask(7, true);
		wr(MSIX_CTRL, 2, ENABLE);
	}
}

/* No table, no MSI-X; the device works without. */
static void is_hidden(uint32_t table)
{
	struct capture c;

	fake_reset();
	fake_cap(0x60, PCI_CAP_ID_MSIX, 0);
	fake_msix(0x60, 65, table, 0x3000);
	fake_cap(0x80, PCI_CAP_ID_EXP, 0x60);
	fake.dev.config[PCI_CAPABILITY_LIST] = 0x80;
	capture_begin(&c);
	create_mapped();
	assert_non_null(strstr(capture_end(&c), "MSI-X is not offered"));
	assert_int_equal(rd(PCI_CAPABILITY_LIST, 1), 0x80);
	assert_int_equal(rd(0x80, 2), PCI_CAP_ID_EXP);
	assert_int_equal(rd(0x60, 4), 0);
	wr(0x60 + PCI_MSIX_FLAGS, 2, ENABLE);
	assert_int_equal(rd(0x60, 4), 0);
	assert_int_equal(fake.dev.active_irq, -1);
	destroy();
}

static void broken_tables_hide_msix(void **state)
{
	struct capture c;

	(void)state;
	is_hidden(0x3f00); /* past the end */
	is_hidden(0x2003); /* in a BAR that is not there */
	is_hidden(0x2007); /* no such BAR */
	/* The only capability: then there is no list. */
	fake_reset();
	fake_msix(0x40, 65, 0x3f00, 0x3000);
	fake_cap(0x40, PCI_CAP_ID_MSIX, 0);
	capture_begin(&c);
	create_mapped();
	capture_end(&c);
	assert_int_equal(rd(PCI_STATUS, 2) & PCI_STATUS_CAP_LIST, 0);
	assert_int_equal(rd(PCI_CAPABILITY_LIST, 1), 0);
	fresh();
	fake_msix(0x40, 65, 0x2000, 0x10000); /* pending bits nowhere */
	create_mapped();
	wr(MSIX_CTRL, 2, ENABLE);
	mask(0, false);
	assert_int_equal(fake_nr_irqfds(), 1);
}

static void without_msix_there_is_none(void **state)
{
	(void)state;
	fake.dev.irqs[VFIO_MSIX].count = 0;
	create_mapped();
	assert_int_equal(rd(PCI_CAPABILITY_LIST, 1), 0x80);
	wr(MSIX_CTRL, 2, ENABLE);
	assert_int_equal(fake.dev.active_irq, -1);
}

static void a_reset_forgets(void **state)
{
	(void)state;
	create_mapped();
	wr(MSIX_CTRL, 2, ENABLE);
	message(0, 0xfee00000, 1);
	mask(0, false);
	assert_int_equal(vfio_pci_reset(v), 0);
	assert_int_equal(fake.dev.active_irq, -1);
	assert_int_equal(rd(MSIX_CTRL, 2), 64);
	wr(PCI_BASE_ADDRESS_0, 4, BAR);
	wr(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	assert_int_equal(mmio(TABLE, 8), 0);
	assert_int_equal(mmio(TABLE + 12, 4), 1);
	wr(MSIX_CTRL, 2, ENABLE);
	mask(0, false);
	assert_int_equal(fake_nr_irqfds(), 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(nothing_is_armed_while_all_are_masked),
		T(vectors_come_as_they_are_unmasked),
		T(the_whole_table_where_it_cannot_grow),
		T(the_largest_table),
		T(masking_is_cheap),
		T(a_masked_vector_is_pending),
		T(the_function_mask_covers_all),
		T(messages_move),
		T(nothing_old_comes_after_enabling_again),
		T(the_table_is_the_guests_alone),
		T(a_host_without_vectors),
		T(broken_tables_hide_msix),
		T(without_msix_there_is_none),
		T(a_reset_forgets),
	};

	return run_all(tests);
}
