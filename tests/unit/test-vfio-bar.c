// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-vfio-bar - BARs of an assigned function: mapped, trapped, moved, and
 * the ROM.
 */
#include "harness.h"

#include "vfio-fixture.h"

static void sizing_does_not_reach_the_device(void **state)
{
	unsigned int writes;

	(void)state;
	create();
	writes = fake.dev.nr_writes;
	wr(BAR0, 4, UINT32_MAX);
	wr(BAR0 + 4, 4, UINT32_MAX);
	assert_int_equal(rd(BAR0, 4), 0xffffc004);
	assert_int_equal(rd(BAR0 + 4, 4), UINT32_MAX);
	wr(BAR0 + 8, 4, UINT32_MAX);
	assert_int_equal(rd(BAR0 + 8, 4), 0);
	assert_int_equal(fake.dev.nr_writes, writes);
}

static void bars_are_mapped_while_memory_is_on(void **state)
{
	int slot;

	(void)state;
	create();
	place(0, WINDOW);
	assert_int_equal(fake_nr_slots(), 0);
	wr(PCI_COMMAND, 2, MEM);
	slot = fake_slot_at(WINDOW);
	assert_true(slot >= 0);
	/* The pages of the MSI-X table and the pending bits are not. */
	assert_int_equal(fake.slots[slot].size, KIB(8));
	assert_int_equal(fake_nr_slots(), 1);
	assert_true(fake_slot_at(WINDOW + 0x2000) < 0);
	assert_true(fake_slot_at(WINDOW + 0x3000) < 0);
	wr(PCI_COMMAND, 2, 0);
	assert_int_equal(fake_nr_slots(), 0);
	assert_int_equal(mmio(WINDOW + 0x2000, 4), UINT32_MAX);
	wr(PCI_COMMAND, 2, MEM);
	assert_true(fake_slot_at(WINDOW) >= 0);
	/* Moved at any time, in halves. */
	place(0, WINDOW * 2);
	assert_true(fake_slot_at(WINDOW) < 0);
	assert_true(fake_slot_at(WINDOW * 2) >= 0);
	assert_int_equal(fake_nr_slots(), 1);
	/* A write of the same value changes nothing. */
	slot = (int)fake.nr_slot_changes;
	place(0, WINDOW * 2);
	wr(PCI_COMMAND, 2, MEM | MASTER);
	assert_int_equal(fake.nr_slot_changes, slot);
}

static void pages_around_msix_are_mapped(void **state)
{
	static const struct {
		uint32_t table, pba;
		unsigned int nr; /* vectors */
		unsigned int nr_slots;
		uint64_t trapped[2]; /* the pages, inclusive */
	} rows[] = {
		{ 0x0, 0x800, 8, 1, { 0, 0 } }, /* one page, at the start */
		{ 0x8000, 0x9000, 256, 2, { 0x8000, 0x9000 } },
		{ 0xf000, 0xff00, 16, 1, { 0xf000, 0xf000 } }, /* the end */
		{ 0x3000, 0x7000, 8, 3, { 0x3000, 0x7000 } }, /* two holes */
		{ 0x7000, 0x3000, 8, 3, { 0x7000, 0x3000 } },
		{ 0x1ff0, 0x5000, 2, 3, { 0x1000, 0x2000 } }, /* astride */
		{ 0x0, 0xf000, 2048, 1, { 0, 0x7000 } }, /* the largest */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		unsigned int mapped = 0;

		fake_reset();
		fake_bar(0, KIB(64), PCI_BASE_ADDRESS_MEM_TYPE_64, true);
		fake_msix(0x40, rows[i].nr, rows[i].table, rows[i].pba);
		create();
		place(0, WINDOW);
		wr(PCI_COMMAND, 2, MEM);
		assert_int_equal(fake_nr_slots(), rows[i].nr_slots);
		assert_true(fake_slot_at(WINDOW + rows[i].trapped[0]) < 0);
		assert_true(fake_slot_at(WINDOW + rows[i].trapped[1]) < 0);
		for (unsigned int p = 0; p < 16; p++) {
			int slot = fake_slot_at(WINDOW + KIB(4) * p);

			if (slot < 0)
				continue;
			mapped++;
			/* Each page shows the same page of the device. */
			assert_true((uintptr_t)fake.slots[slot].hva -
					    fake.slots[slot].gpa ==
				    (uintptr_t)fake.dev.maps[0] - WINDOW);
		}
		assert_true(mapped >= 7);
		destroy();
	}
}

static void areas_that_overlap_hide_msix_all_the_same(void **state)
{
	struct vfio_region *r = &fake.dev.regions[0];

	(void)state;
	fake_bar(0, KIB(64), PCI_BASE_ADDRESS_MEM_TYPE_64, true);
	fake_msix(0x40, 8, 0x3000, 0x7000);
	for (r->nr_areas = 0; r->nr_areas < VFIO_MAX_AREAS; r->nr_areas++)
		r->areas[r->nr_areas] = (struct range){ 0, KIB(64) };
	create();
	place(0, WINDOW);
	wr(PCI_COMMAND, 2, MEM);
	assert_true(fake_slot_at(WINDOW) >= 0);
	assert_true(fake_slot_at(WINDOW + 0x3000) < 0);
	assert_true(fake_slot_at(WINDOW + 0x7000) < 0);
}

static void vectors_are_those_of_the_host(void **state)
{
	(void)state;
	fake_msix(0x40, 1024, 0, 0x5000);
	fake_bar(0, KIB(32), PCI_BASE_ADDRESS_MEM_TYPE_64, true);
	fake.dev.irqs[VFIO_MSIX].count = 8;
	create();
	assert_int_equal(rd(0x42, 2), 7);
	place(0, WINDOW);
	wr(PCI_COMMAND, 2, MEM);
	assert_int_equal(mmio(WINDOW + 0x7c, 4), 1);
	assert_int_equal(mmio(WINDOW + 0x8c, 4), UINT32_MAX);
	assert_int_equal(mmio(WINDOW + 0x5008, 8), UINT64_MAX);
	/* The other entries stay out of reach. */
	assert_true(fake_slot_at(WINDOW + 0x3000) < 0);
	assert_true(fake_slot_at(WINDOW + 0x4000) >= 0);
	mmio_write(WINDOW + 0x3000, 4, 0);
	assert_int_equal(fake.dev.nr_reads, 0);
	assert_int_not_equal(fake.dev.last_len, 4);
}

static void huge_bars(void **state)
{
	(void)state;
	fake_bar(2, GIB(128),
		 PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH,
		 true);
	create();
	place(2, WINDOW);
	wr(PCI_COMMAND, 2, MEM);
	assert_int_equal(fake.slots[fake_slot_at(WINDOW)].size, GIB(128));
	assert_true(fake_slot_at(WINDOW + GIB(128) - 1) >= 0);
}

static void trapped_bars_use_the_guests_width(void **state)
{
	static const unsigned int lens[] = { 1, 2, 4, 8 };

	(void)state;
	params.trap_bars = true;
	create();
	place(0, WINDOW);
	wr(PCI_COMMAND, 2, MEM);
	assert_int_equal(fake_nr_slots(), 0);
	assert_int_equal(fake.dev.nr_maps, 0);
	store_le(fake.dev.bar_bytes[0], 8, 0x8877665544332211);
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		assert_true(mmio(WINDOW, lens[i]) ==
			    (0x8877665544332211 & all_ones(lens[i])));
		assert_int_equal(fake.dev.last_len, lens[i]);
		mmio_write(WINDOW + 0x1000, lens[i], 0x42);
		assert_int_equal(fake.dev.last_len, lens[i]);
		assert_int_equal(fake.dev.last_offset, 0x1000);
		assert_int_equal(fake.dev.last_value, 0x42);
	}
}

static void small_bars_are_trapped(void **state)
{
	(void)state;
	fake_bar(2, 256, 0, true);
	create();
	place(2, 0xd0000100);
	wr(PCI_COMMAND, 2, MEM);
	assert_int_equal(fake_nr_slots(), 0);
	fake.dev.bar_bytes[2][4] = 0x77;
	assert_int_equal(mmio(0xd0000104, 1), 0x77);
	assert_int_equal(mmio(0xd0000200, 1), 0xff);
}

static uint64_t page_bytes = KIB(4);

uint64_t __wrap_host_page_bytes(void);
uint64_t __wrap_host_page_bytes(void)
{
	return page_bytes;
}

/* KVM and mmap() take whole pages of the host, which may be of 64 KiB: what
 * shares one with the MSI-X table is trapped, and BARs that have none. */
static void hosts_may_have_large_pages(void **state)
{
	(void)state;
	page_bytes = KIB(64);
	params.rom = true;
	fake.dev.regions[VFIO_REGION_ROM].size = KIB(32);
	fake.dev.regions[VFIO_REGION_ROM].read = true;
	fake_bar(2, KIB(256), 0, true);
	fake_bar(4, KIB(16), 0, true);
	fake_msix(0x40, 8, 0x13002, 0x13802); /* of BAR 2 */
	create();
	place(0, WINDOW + KIB(16));
	place(2, 0xd0000000);
	place(4, 0xd1004000);
	wr(PCI_ROM_ADDRESS, 4, 0xd2008001);
	wr(PCI_COMMAND, 2, MEM);
	assert_int_equal(fake_nr_slots(), 2);
	assert_int_equal(fake.slots[fake_slot_at(0xd0000000)].size, KIB(64));
	assert_true(fake_slot_at(0xd0010000) < 0);
	assert_int_equal(fake.slots[fake_slot_at(0xd0020000)].size, KIB(128));
	fake.dev.bar_bytes[0][4] = 0x66;
	fake.dev.bar_bytes[4][4] = 0x77;
	assert_int_equal(mmio(WINDOW + KIB(16) + 4, 1), 0x66);
	assert_int_equal(mmio(0xd1004004, 1), 0x77);
	assert_int_equal(mmio(0xd2008000, 1), 0x5a);
	mmio_write(0xd0010ffc, 4, 7);
	assert_int_equal(fake.dev.last_offset, 0x10ffc);
	destroy();
	page_bytes = KIB(4);
}

static void odd_sizes_are_padded(void **state)
{
	(void)state;
	/* Mediated devices: a region need not be a power of two. */
	fake_bar(2, KIB(12), 0, true);
	create();
	wr(BAR0 + 8, 4, UINT32_MAX);
	assert_int_equal(rd(BAR0 + 8, 4), 0xffffc000);
	place(2, 0xd0000000);
	wr(PCI_COMMAND, 2, MEM);
	assert_int_equal(fake.slots[fake_slot_at(0xd0000000)].size, KIB(12));
	assert_int_equal(mmio(0xd0003000, 4), UINT32_MAX);
	assert_int_equal(fake.dev.nr_reads, 0);
}

static void io_bars_are_ports(void **state)
{
	uint32_t val = 0;

	(void)state;
	fake_bar(2, 32, PCI_BASE_ADDRESS_SPACE_IO, false);
	create();
	wr(BAR0 + 8, 4, UINT32_MAX);
	assert_int_equal(rd(BAR0 + 8, 4) & 0xffff, 0xffe1);
	wr(BAR0 + 8, 4, 0x1000);
	fake.dev.bar_bytes[2][8] = 0x5a;
	bus_access(bus, BUS_PIO, 0x1008, &val, 1, false);
	assert_int_equal(val, 0xff);
	wr(PCI_COMMAND, 2, PCI_COMMAND_IO);
	bus_access(bus, BUS_PIO, 0x1008, &val, 1, false);
	assert_int_equal(val, 0x5a);
	/* Beyond the last port there is nothing. */
	wr(BAR0 + 8, 4, 0x12340000);
	bus_access(bus, BUS_PIO, 0x0008, &val, 1, false);
	assert_int_equal(val, 0xff);
}

static void roms_are_read_only(void **state)
{
	struct vfio_region *rom = &fake.dev.regions[VFIO_REGION_ROM];

	(void)state;
	params.rom = true;
	rom->size = KIB(64);
	rom->read = true;
	create();
	wr(PCI_ROM_ADDRESS, 4, 0xfffff800);
	assert_int_equal(rd(PCI_ROM_ADDRESS, 4), 0xffff0000);
	wr(PCI_ROM_ADDRESS, 4, 0xd0000000);
	wr(PCI_COMMAND, 2, MEM);
	assert_int_equal(mmio(0xd0000000, 4), UINT32_MAX);
	wr(PCI_ROM_ADDRESS, 4, 0xd0000001);
	/* A copy, read once, mapped read-only. */
	assert_true(fake_slot_at(0xd0000000) >= 0);
	assert_true(fake.slots[fake_slot_at(0xd0000000)].readonly);
	assert_int_equal(fake.dev.nr_reads, 1);
	assert_int_equal(mmio(0xd0000000, 4), 0x5a5a5a5a);
	assert_true(mmio(0xd000fff8, 8) == 0x5a5a5a5a5a5a5a5a);
	fake.dev.nr_writes = 0;
	mmio_write(0xd0000000, 4, 1);
	assert_int_equal(fake.dev.nr_writes, 0);
	wr(PCI_ROM_ADDRESS, 4, 0xd0000000);
	assert_int_equal(fake_nr_slots(), 0);
	wr(PCI_ROM_ADDRESS, 4, 0xd0010001);
	assert_true(fake_slot_at(0xd0010000) >= 0);
	assert_int_equal(fake.dev.nr_reads, 1);
	destroy();
	/* One that cannot be read, and one smaller than a page. */
	create();
	wr(PCI_COMMAND, 2, MEM);
	fake.dev.read_errno = EIO;
	wr(PCI_ROM_ADDRESS, 4, 0xd0000001);
	assert_int_equal(mmio(0xd0000000, 4), UINT32_MAX);
	fake.dev.read_errno = 0;
	destroy();
	rom->size = 3000;
	create();
	wr(PCI_COMMAND, 2, MEM);
	wr(PCI_ROM_ADDRESS, 4, 0xd0000001);
	assert_int_equal(mmio(0xd0000bb4, 4), 0x5a5a5a5a);
	assert_int_equal(mmio(0xd0000bb8, 4), UINT32_MAX);
	destroy();
	/* Not offered. */
	params.rom = false;
	create();
	wr(PCI_ROM_ADDRESS, 4, 0xfffff800);
	assert_int_equal(rd(PCI_ROM_ADDRESS, 4), 0);
}

static void a_bar_on_other_things(void **state)
{
	struct capture c;

	(void)state;
	fake_bar(2, KIB(4), 0, true);
	create();
	place(0, WINDOW);
	place(2, 0xd0000000);
	wr(PCI_COMMAND, 2, MEM);
	assert_int_equal(fake_nr_slots(), 2);
	/* On its sibling: the first stays. */
	capture_begin(&c);
	place(0, 0xd0000000);
	assert_non_null(strstr(capture_end(&c), "it waits until it is free"));
	assert_int_equal(fake_nr_slots(), 1);
	place(0, WINDOW);
	assert_int_equal(fake_nr_slots(), 2);
	/* On RAM: RAM stays. */
	place(2, MIB(16));
	assert_true(fake_slot_at(MIB(16)) < 0);
	/* At zero, where nothing is decoded while firmware has not been. */
	place(2, 0);
	assert_int_equal(fake_nr_slots(), 1);
	/* Two swap their places. */
	place(2, 0xd0000000);
	assert_int_equal(fake_nr_slots(), 2);
}

static void mappings_that_fail_are_trapped(void **state)
{
	(void)state;
	create();
	place(0, WINDOW);
	fake.fail_at = fake.nr_calls;
	wr(PCI_COMMAND, 2, MEM);
	assert_int_equal(fake_nr_slots(), 0);
	fake.dev.bar_bytes[0][0] = 9;
	assert_int_equal(mmio(WINDOW, 1), 9);
}

static void sizes_that_do_not_fit_are_refused(void **state)
{
	(void)state;
	fake_bar(2, GIB(4), 0, true); /* in 32 bits */
	refused(-EINVAL, "BAR 2");
	assert_int_equal(fake.dev.nr_maps, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(sizing_does_not_reach_the_device),
		T(bars_are_mapped_while_memory_is_on),
		T(pages_around_msix_are_mapped),
		T(areas_that_overlap_hide_msix_all_the_same),
		T(vectors_are_those_of_the_host),
		T(huge_bars),
		T(trapped_bars_use_the_guests_width),
		T(small_bars_are_trapped),
		T(hosts_may_have_large_pages),
		T(odd_sizes_are_padded),
		T(io_bars_are_ports),
		T(roms_are_read_only),
		T(a_bar_on_other_things),
		T(mappings_that_fail_are_trapped),
		T(sizes_that_do_not_fit_are_refused),
	};

	return run_all(tests);
}
