// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-vfio-msi - MSI of an assigned function as the guest sets it up, and
 * beside the other kinds of interrupts.
 */
#include "harness.h"

#include "vfio-irq-fixture.h"

#define MSI 0xa0

static void add_msi(unsigned int log2_nr, uint32_t flags)
{
	fake_cap(0x60, PCI_CAP_ID_PM, MSI);
	fake_cap(MSI, PCI_CAP_ID_MSI, 0);
	fake_set_config(MSI + PCI_MSI_FLAGS, 2, log2_nr << 1 | flags);
	fake.dev.irqs[VFIO_MSI] =
		(struct vfio_irq){ .count = 1u << log2_nr, .noresize = true };
}

/* Enables 1 << log2_nr messages from 0xfee01000/0x4140 up. */
static void enable_msi(unsigned int log2_nr)
{
	uint32_t flags = rd(MSI + PCI_MSI_FLAGS, 2);
	bool wide = flags & PCI_MSI_FLAGS_64BIT;

	wr(MSI + PCI_MSI_ADDRESS_LO, 4, 0xfee01003);
	if (wide)
		wr(MSI + PCI_MSI_ADDRESS_HI, 4, 0);
	wr(MSI + (wide ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32), 2, 0x4140);
	wr(MSI + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE | log2_nr << 4);
}

static void msi_in_both_widths(void **state)
{
	(void)state;
	for (int wide = 0; wide < 2; wide++) {
		unsigned int data = wide ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32;
		uint32_t flags = wide ? PCI_MSI_FLAGS_64BIT : 0;
		uint64_t high = wide ? 1ULL << 32 : 0;

		fake_reset();
		add_msi(0, flags);
		create_mapped();
		assert_int_equal(rd(MSI + PCI_MSI_FLAGS, 2), flags);
		wr(MSI + PCI_MSI_ADDRESS_LO, 4, 0xfee00003);
		if (wide)
			wr(MSI + PCI_MSI_ADDRESS_HI, 4, 1);
		wr(MSI + data, 2, 0x31);
		assert_int_equal(fake.dev.active_irq, -1);
		wr(MSI + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE | 0x70);
		assert_int_equal(fake.dev.active_irq, VFIO_MSI);
		assert_int_equal(fake.dev.nr_host_vectors, 1);
		assert_true(gsi_of(0));
		assert_true(fake.gsis[gsi_of(0)].addr == (0xfee00000 | high));
		assert_int_equal(fake.gsis[gsi_of(0)].data, 0x31);
		/* The device's enable bit is the host's. */
		assert_int_equal(fake_config(MSI + PCI_MSI_FLAGS, 2) &
					 PCI_MSI_FLAGS_ENABLE,
				 0);
		wr(MSI + data, 2, 0x32);
		assert_int_equal(fake.gsis[gsi_of(0)].data, 0x32);
		assert_true(fake.gsis[gsi_of(0)].committed);
		wr(MSI + PCI_MSI_FLAGS, 2, 0);
		assert_int_equal(fake.dev.active_irq, -1);
		assert_int_equal(fake_nr_irqfds(), 0);
		destroy();
	}
}

static void msi_has_several_messages(void **state)
{
	(void)state;
	add_msi(4, PCI_MSI_FLAGS_64BIT);
	create_mapped();
	assert_int_equal(rd(MSI + PCI_MSI_FLAGS, 2),
			 PCI_MSI_FLAGS_64BIT | 4 << 1);
	enable_msi(3);
	/* All at once, with one change of the routes. */
	assert_int_equal(fake.dev.nr_host_vectors, 8);
	assert_int_equal(fake.dev.nr_set_irqs, 1);
	assert_int_equal(fake.nr_commits, 1);
	assert_int_equal(fake_nr_irqfds(), 8);
	for (unsigned int i = 0; i < 8; i++) {
		assert_int_equal(fake.gsis[gsi_of(i)].addr, 0xfee01000);
		assert_int_equal(fake.gsis[gsi_of(i)].data, 0x4140 | i);
	}
	/* The low bits of the data are the device's. */
	wr(MSI + PCI_MSI_DATA_64, 2, 0x4157);
	assert_int_equal(fake.gsis[gsi_of(0)].data, 0x4150);
	assert_int_equal(fake.gsis[gsi_of(7)].data, 0x4157);
	assert_int_equal(fake.dev.nr_set_irqs, 1);
	fake_fire(5);
	assert_int_equal(fake.gsis[gsi_of(5)].injected, 1);
	/* Another number, and more than there are. */
	enable_msi(1);
	assert_int_equal(fake.dev.nr_host_vectors, 2);
	assert_int_equal(fake_nr_irqfds(), 2);
	assert_int_equal(fake.gsis[gsi_of(1)].data, 0x4141);
	enable_msi(7);
	assert_int_equal(fake.dev.nr_host_vectors, 16);
	assert_int_equal(fake_nr_irqfds(), 16);
	wr(MSI + PCI_MSI_FLAGS, 2, 0);
	assert_int_equal(fake_nr_irqfds(), 0);
	assert_int_equal(fake_nr_armed(), 0);
}

static void msi_offers_what_the_host_serves(void **state)
{
	(void)state;
	add_msi(5, 0);
	fake.dev.irqs[VFIO_MSI].count = 12;
	create_mapped();
	assert_int_equal(rd(MSI + PCI_MSI_FLAGS, 2), 3 << 1);
	/* The host turns out to have fewer: the device then makes do. */
	fake.dev.max_host_vectors = 3;
	enable_msi(3);
	assert_int_equal(fake.dev.nr_host_vectors, 2);
	assert_int_equal(fake_nr_armed(), 2);
	fake_fire(1);
	assert_int_equal(fake.gsis[gsi_of(1)].injected, 1);
	destroy();
	/* The encoding has room for more than there can be. */
	fake_reset();
	add_msi(7, 0);
	create_mapped();
	assert_int_equal(rd(MSI + PCI_MSI_FLAGS, 2), 5 << 1);
	enable_msi(7);
	assert_int_equal(fake_nr_irqfds(), 32);
}

static void msi_messages_are_masked(void **state)
{
	(void)state;
	for (int wide = 0; wide < 2; wide++) {
		unsigned int bits =
			MSI + (wide ? PCI_MSI_MASK_64 : PCI_MSI_MASK_32);
		unsigned int pending = bits + 4, gsi;

		fake_reset();
		add_msi(2, PCI_MSI_FLAGS_MASKBIT |
				   (wide ? PCI_MSI_FLAGS_64BIT : 0));
		create_mapped();
		assert_int_equal(rd(bits, 4), 0);
		wr(bits, 4, UINT32_MAX);
		assert_int_equal(rd(bits, 4), 0xf);
		enable_msi(2);
		/* The device signals, but nothing passes. */
		assert_int_equal(fake_nr_armed(), 4);
		assert_int_equal(fake_nr_irqfds(), 0);
		fake_fire(2);
		assert_int_equal(rd(pending, 4), 1 << 2);
		assert_int_equal(rd(pending, 1), 1 << 2);
		wr(pending, 4, 0);
		assert_int_equal(rd(pending, 4), 1 << 2);
		/* It comes when it may, once, with the message of then. */
		wr(MSI + (wide ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32), 2, 0x70);
		wr(bits, 4, 0xb);
		assert_int_equal(fake_nr_irqfds(), 1);
		gsi = gsi_of(2);
		assert_int_equal(fake.gsis[gsi].data, 0x72);
		assert_int_equal(fake.gsis[gsi].injected, 1);
		assert_int_equal(rd(pending, 4), 0);
		wr(bits, 4, 0xf);
		wr(bits, 4, 0);
		assert_int_equal(fake.gsis[gsi].injected, 1);
		assert_int_equal(fake_nr_irqfds(), 4);
		/* None of it reached the device. */
		assert_int_equal(fake.dev.nr_set_irqs, 1);
		wr(bits, 4, 0xf);
		fake_fire(0);
		wr(MSI + PCI_MSI_FLAGS, 2, 0);
		assert_int_equal(rd(pending, 4), 0);
		destroy();
	}
}

static void msi_at_the_end_is_hidden(void **state)
{
	(void)state;
	add_msi(0, 0);
	fake_cap(0x60, PCI_CAP_ID_PM, 0xf4);
	fake_cap(0xf4, PCI_CAP_ID_MSI, 0);
	fake_set_config(0xf4 + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_64BIT);
	create_mapped();
	assert_int_equal(rd(0x60, 2), PCI_CAP_ID_PM);
	wr(0xf4 + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE);
	assert_int_equal(rd(0xf4, 4), 0);
	assert_int_equal(fake.dev.active_irq, -1);
}

static void msi_that_fails_is_tried_again(void **state)
{
	(void)state;
	add_msi(2, PCI_MSI_FLAGS_64BIT);
	create_mapped();
	fake.fail_at = fake.nr_calls;
	enable_msi(2);
	assert_int_equal(fake.dev.active_irq, -1);
	wr(MSI + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE | 2 << 4);
	assert_int_equal(fake_nr_armed(), 4);
	assert_int_equal(fake_nr_irqfds(), 4);
}

/* mtty counts one MSI, but its config space has no such capability. */
static void msi_without_a_capability(void **state)
{
	(void)state;
	fake.dev.irqs[VFIO_MSI] = (struct vfio_irq){ .count = 1 };
	fake.dev.irqs[VFIO_MSIX].count = 0;
	create_with_pin();
	wr(PCI_COMMAND, 2, PCI_COMMAND_IO);
	assert_int_equal(fake.dev.active_irq, VFIO_INTX);
	for (unsigned int i = 0x40; i < 0x100; i += 2)
		wr(i, 2, PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE);
	assert_int_equal(fake.dev.active_irq, VFIO_INTX);
}

static void kinds_exclude_each_other(void **state)
{
	(void)state;
	add_msi(3, PCI_MSI_FLAGS_64BIT);
	create_with_pin();
	wr(PCI_BASE_ADDRESS_0, 4, BAR);
	wr(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	/* The fake asserts that one is off before the next is on. */
	assert_int_equal(fake.dev.active_irq, VFIO_INTX);
	wr(MSI + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE);
	assert_int_equal(fake.dev.active_irq, VFIO_MSI);
	wr(MSIX_CTRL, 2, ENABLE);
	assert_int_equal(fake.dev.active_irq, VFIO_MSIX);
	mask(0, false);
	wr(MSI + PCI_MSI_ADDRESS_LO, 4, 0xfee00000); /* ignored */
	assert_int_equal(fake.dev.active_irq, VFIO_MSIX);
	wr(MSI + PCI_MSI_FLAGS, 2, 0);
	assert_int_equal(fake.dev.active_irq, VFIO_MSIX);
	wr(MSIX_CTRL, 2, 0);
	assert_int_equal(fake.dev.active_irq, VFIO_INTX);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(msi_in_both_widths),
		T(msi_has_several_messages),
		T(msi_offers_what_the_host_serves),
		T(msi_messages_are_masked),
		T(msi_at_the_end_is_hidden),
		T(msi_that_fails_is_tried_again),
		T(msi_without_a_capability),
		T(kinds_exclude_each_other),
	};

	return run_all(tests);
}
