// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-vfio-p2p - BARs among others: those that lie on top of each other, and
 * what other devices reach of them by DMA.
 */
#include "harness.h"

#include "vfio-fixture.h"

static char some_iommufd;

static int set_up_with_peers(void **state)
{
	set_up(state);
	params.iommufd = (struct iommufd *)&some_iommufd;
	return 0;
}

/* A second BAR of two pages beside that of the controller. */
static void create_with_two_bars(void)
{
	fake_bar(2, KIB(8), 0, true);
	create();
}

static void create_and_place(void)
{
	create_with_two_bars();
	place(0, WINDOW);
	place(2, 0xd0000000);
	wr(PCI_COMMAND, 2, MEM);
}

/* Which BAR the guest sees at gpa: by its host address. -1: none. */
static int shown_at(uint64_t gpa)
{
	int slot = fake_slot_at(gpa);

	return slot < 0 ? -1 : (int)((uintptr_t)fake.slots[slot].hva >> 44) - 1;
}

/* What is written elsewhere has happened here too: peers see what guests do. */
static void check_peers(void)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < FAKE_SLOTS; i++) {
		if (!fake.slots[i].used)
			continue;
		assert_true(fake_iova_at(fake.slots[i].gpa));
		nr++;
	}
	assert_int_equal(nr, fake_nr_iovas());
}

static void a_hidden_bar_comes_back(void **state)
{
	struct capture c;

	(void)state;
	create_and_place();
	capture_begin(&c);
	place(0, 0xd0000000);
	assert_non_null(strstr(capture_end(&c), "it waits until it is free"));
	assert_int_equal(shown_at(0xd0000000), 2);
	assert_int_equal(shown_at(WINDOW), -1);
	check_peers();
	/* Nobody but the other one moves. */
	place(2, 0xd0100000);
	assert_int_equal(shown_at(0xd0000000), 0);
	assert_int_equal(shown_at(0xd0100000), 2);
	check_peers();
	/* Two swap their places, one after the other. */
	capture_begin(&c);
	place(2, 0xd0000000);
	place(0, 0xd0100000);
	capture_end(&c);
	assert_int_equal(shown_at(0xd0000000), 2);
	assert_int_equal(shown_at(0xd0100000), 0);
	check_peers();
}

static void hidden_while_decode_goes(void **state)
{
	struct capture c;
	unsigned int changes;

	(void)state;
	create_and_place();
	capture_begin(&c);
	place(0, 0xd0000000);
	changes = fake.nr_slot_changes;
	/* The one that waits is not shown for a moment. */
	wr(PCI_COMMAND, 2, 0);
	assert_int_equal(fake.nr_slot_changes, changes + 1);
	assert_int_equal(fake_nr_slots(), 0);
	wr(PCI_COMMAND, 2, MEM);
	assert_int_equal(fake_nr_slots(), 1);
	/* Nor at the end, nor after it. */
	destroy();
	capture_end(&c);
	assert_int_equal(fake_nr_slots(), 0);
}

static uint64_t on_read(void *opaque, uint64_t offset, unsigned int len)
{
	(void)opaque;
	(void)offset;
	return all_ones(len);
}

static void other_devices_hide_it_too(void **state)
{
	static const struct bus_ops ops = { on_read, NULL, NULL };
	struct bus_range other = { .name = "other",
				   .space = BUS_MMIO,
				   .start = 0xe0001000,
				   .size = 0x100,
				   .ops = &ops };
	struct capture c;

	(void)state;
	create_and_place();
	assert_int_equal(bus_add(bus, &other), 0);
	capture_begin(&c);
	place(2, 0xe0000000);
	capture_end(&c);
	assert_int_equal(shown_at(0xe0000000), -1);
	bus_forget(bus, &other);
	assert_int_equal(shown_at(0xe0000000), 2);
	check_peers();
}

static void peers_follow_the_guest(void **state)
{
	(void)state;
	create_with_two_bars();
	place(0, WINDOW);
	place(2, 0xd0000000);
	assert_int_equal(fake_nr_iovas(), 0);
	wr(PCI_COMMAND, 2, MEM);
	/* Without the pages of MSI-X. */
	assert_int_equal(fake_nr_iovas(), 2);
	assert_true(fake_iova_at(WINDOW + 0x1fff));
	assert_false(fake_iova_at(WINDOW + 0x2000));
	assert_false(fake_iova_at(WINDOW + 0x3000));
	assert_true(fake_iova_at(0xd0001fff));
	check_peers();
	/* Moved, in halves; and on RAM, which wins. */
	place(0, WINDOW * 2);
	assert_true(fake_iova_at(WINDOW * 2));
	assert_false(fake_iova_at(WINDOW));
	check_peers();
	place(2, MIB(16));
	assert_int_equal(fake_nr_iovas(), 1);
	place(2, 0xd0000000);
	assert_int_equal(fake_nr_iovas(), 2);
	wr(PCI_COMMAND, 2, MASTER);
	assert_int_equal(fake_nr_iovas(), 0);
}

static void peers_are_out_before_sleep_and_reset(void **state)
{
	(void)state;
	create_and_place();
	/* The fake asserts that nothing is mapped at the write. */
	wr(0x64, 2, 3);
	assert_int_equal(fake_config(0x64, 2), 3);
	wr(0x64, 2, 0);
	assert_int_equal(fake_nr_iovas(), 2);
	wr(0x80 + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	assert_int_equal(fake.dev.nr_resets, 1);
	assert_int_equal(fake_nr_iovas(), 0);
	place(0, WINDOW);
	place(2, 0xd0000000);
	wr(PCI_COMMAND, 2, MEM);
	assert_int_equal(fake_nr_iovas(), 2);
	dev->ops->reset(dev);
	assert_int_equal(fake.dev.nr_resets, 2);
	assert_int_equal(fake_nr_iovas(), 0);
}

static void without_p2p_nothing_is_exported(void **state)
{
	(void)state;
	params.iommufd = NULL;
	fake.dev.export_errno = ENOTTY;
	create_and_place();
	assert_int_equal(fake_nr_slots(), 2);
	assert_int_equal(fake_nr_iovas(), 0);
}

static void roms_and_ports_are_not_exported(void **state)
{
	struct vfio_region *rom = &fake.dev.regions[VFIO_REGION_ROM];

	(void)state;
	rom->size = KIB(64);
	rom->read = true;
	params.rom = true;
	fake_bar(3, 32, PCI_BASE_ADDRESS_SPACE_IO, false);
	fake_bar(4, 256, 0, true); /* below a page */
	create_and_place();
	place(3, 0x1000);
	place(4, 0xd0010000);
	wr(PCI_ROM_ADDRESS, 4, 0xd0020001);
	wr(PCI_COMMAND, 2, MEM | PCI_COMMAND_IO);
	assert_int_equal(shown_at(0xd0020000) >= 0, 1);
	assert_int_equal(fake_nr_iovas(), 2);
}

static void exports_that_fail(void **state)
{
	static const int errs[] = { ENOTTY, EOPNOTSUPP, EINVAL, ENODEV,
				    EMFILE };
	struct capture c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(errs); i++) {
		fake_reset();
		fake.dev.export_errno = errs[i];
		params.require_p2p = false;
		capture_begin(&c);
		create_and_place();
		assert_non_null(
			strstr(capture_end(&c), "bar0: cannot be exported"));
		assert_int_equal(fake_nr_slots(), 2);
		assert_int_equal(fake_nr_iovas(), 0);
		destroy();
		/* Asked for, it is an error with its remedy. */
		params.require_p2p = true;
		refused(-errs[i], "--p2p auto or off");
		assert_int_equal(fake.dev.nr_maps, 0);
	}
}

static void maps_that_fail(void **state)
{
	static const int errs[] = { EADDRINUSE, ENOMEM, EINVAL, ENODEV };
	struct capture c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(errs); i++) {
		fake.map_errno = errs[i];
		capture_begin(&c);
		create_and_place();
		assert_non_null(strstr(capture_end(&c),
				       "out of reach of other devices"));
		/* The guest is none the worse. */
		assert_int_equal(fake_nr_slots(), 2);
		assert_int_equal(fake_nr_iovas(), 0);
		/* And later it is tried again. */
		fake.map_errno = 0;
		wr(PCI_COMMAND, 2, 0);
		wr(PCI_COMMAND, 2, MEM);
		assert_int_equal(fake_nr_iovas(), 2);
		fresh();
	}
}

static void unmaps_that_fail_are_tried_again(void **state)
{
	struct capture c;

	(void)state;
	create_and_place();
	fake.unmap_errno = EBUSY;
	capture_begin(&c);
	place(0, WINDOW * 2);
	assert_non_null(strstr(capture_end(&c), "cannot hide"));
	/* Never at two places. */
	assert_true(fake_iova_at(WINDOW));
	assert_false(fake_iova_at(WINDOW * 2));
	fake.unmap_errno = 0;
	wr(PCI_COMMAND, 2, 0);
	assert_int_equal(fake_nr_iovas(), 0);
	wr(PCI_COMMAND, 2, MEM);
	assert_true(fake_iova_at(WINDOW * 2));
	check_peers();
}

static void memslots_that_stay_are_tried_again(void **state)
{
	(void)state;
	create_and_place();
	fake.slots_stuck = true;
	place(0, WINDOW * 2);
	/* It would be at two places: so it is trapped at the new one. */
	assert_int_equal(shown_at(WINDOW), 0);
	assert_int_equal(shown_at(WINDOW * 2), -1);
	fake.slots_stuck = false;
	place(0, WINDOW * 3);
	assert_int_equal(shown_at(WINDOW), -1);
	assert_int_equal(shown_at(WINDOW * 3), 0);
	assert_int_equal(fake_nr_slots(), 2);
	/* The fake asserts that the addresses are kept. */
	fake.slots_stuck = true;
	destroy();
	assert_int_equal(fake_nr_slots(), 2);
	fake_reset();
}

static void toggles_touch_nothing_of_the_host(void **state)
{
	unsigned int maps, writes;

	(void)state;
	create_and_place();
	maps = fake.dev.nr_maps;
	writes = fake.dev.nr_writes;
	for (unsigned int i = 0; i < 1000; i++) {
		wr(PCI_COMMAND, 2, 0);
		wr(PCI_COMMAND, 2, MEM);
	}
	assert_int_equal(fake.dev.nr_maps, maps);
	assert_int_equal(fake.dev.nr_writes, writes);
	assert_int_equal(fake_nr_slots(), 2);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up_with_peers, tear_down)
	const struct CMUnitTest tests[] = {
		T(a_hidden_bar_comes_back),
		T(hidden_while_decode_goes),
		T(other_devices_hide_it_too),
		T(peers_follow_the_guest),
		T(peers_are_out_before_sleep_and_reset),
		T(without_p2p_nothing_is_exported),
		T(roms_and_ports_are_not_exported),
		T(exports_that_fail),
		T(maps_that_fail),
		T(unmaps_that_fail_are_tried_again),
		T(memslots_that_stay_are_tried_again),
		T(toggles_touch_nothing_of_the_host),
	};

	return run_all(tests);
}
