// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-boot - kernels and initrds into RAM: what a guest finds at its entry,
 * and every limit.
 */
#include "harness.h"

#include "boot-fixture.h"

static void elf_is_entered_by_its_pvh_note(void **state)
{
	struct fixture *f = *state;
	const uint64_t *si, *mod;
	const uint32_t *si32;

	make_elf(f, true);
	f->initrd_bytes = 5000;
	assert_int_equal(load(f), 0);
	assert_false(f->entry.page_table);
	assert_int_equal(f->entry.ip, 0x1000100);
	assert_int_equal(f->entry.page_table, 0);
	assert_memory_equal(at(f, 0x1000000, 0x1000), f->image + 0x1000,
			    0x1000);

	si = at(f, f->entry.arg, 56);
	si32 = (const uint32_t *)si;
	assert_int_equal(si32[0], 0x336ec578);
	assert_int_equal(si32[1], 1);
	assert_int_equal(si32[3], 1);
	assert_string_equal(at(f, si[3], 64), "console=ttyS0");
	assert_memory_equal(at(f, si[4], 8), "RSD PTR ", 8);
	mod = at(f, si[2], 32);
	assert_int_equal(mod[1], 5000);
	assert_int_equal(mod[0] % 4096, 0);
	assert_string_equal(at(f, mod[0], 8), "initrd!");
	/* As high as it can be. */
	assert_int_equal(mod[0], RAM_BYTES - 8192);
}

static void elf_without_a_note_is_entered_in_long_mode(void **state)
{
	struct fixture *f = *state;
	const struct boot_params *z;
	const uint64_t *table;

	make_elf(f, false);
	assert_int_equal(load(f), 0);
	assert_true(f->entry.page_table);
	assert_int_equal(f->entry.ip, 0x1000200);
	z = at(f, f->entry.arg, sizeof(*z));
	assert_int_equal(z->hdr.header, 0x53726448);
	assert_int_equal(z->hdr.boot_flag, 0xaa55);
	assert_int_equal(z->hdr.type_of_loader, 0xff);
	assert_int_equal(z->hdr.ramdisk_size, 0);
	assert_string_equal(at(f, z->hdr.cmd_line_ptr, 64), "console=ttyS0");
	assert_memory_equal(at(f, z->acpi_rsdp_addr, 8), "RSD PTR ", 8);

	/* The entry is mapped to itself. */
	table = at(f, f->entry.page_table, 4096);
	table = at(f, table[0] & ~0xfffULL, 4096);
	table = at(f, table[0] & ~0xfffULL, 4096);
	assert_int_equal(table[f->entry.ip >> 21], 0x1000083);
}

static void bzimage_is_entered_in_long_mode(void **state)
{
	struct fixture *f = *state;
	const struct boot_params *z;

	make_bzimage(f);
	f->initrd_bytes = 4096;
	assert_int_equal(load(f), 0);
	assert_true(f->entry.page_table);
	assert_int_equal(f->entry.ip, 0x1000200);
	assert_memory_equal(at(f, 0x1000000, BZ_BYTES - BZ_CODE),
			    f->image + BZ_CODE, BZ_BYTES - BZ_CODE);
	z = at(f, f->entry.arg, sizeof(*z));
	assert_int_equal(z->sentinel, 0);
	assert_int_equal(z->hdr.version, 0x020f);
	assert_int_equal(z->hdr.type_of_loader, 0xff);
	assert_int_equal(z->hdr.setup_data, 0);
	assert_int_equal(z->hdr.ramdisk_image, RAM_BYTES - 4096);
	assert_int_equal(z->hdr.ramdisk_size, 4096);
}

static void bzimage_header_ends_where_it_says(void **state)
{
	struct fixture *f = *state;
	const struct boot_params *z;

	/* Up to init_size, not beyond. */
	make_bzimage(f);
	hdr(f)->jump = 0x62eb;
	hdr(f)->handover_offset = 0x1234;
	assert_int_equal(load(f), 0);
	z = at(f, f->entry.arg, sizeof(*z));
	assert_int_equal(z->hdr.init_size, 0x100000);
	assert_int_equal(z->hdr.handover_offset, 0);
}

static void bzimage_moves_where_there_is_memory(void **state)
{
	struct fixture *f = *state;

	make_bzimage(f);
	hdr(f)->pref_address = GIB(1);
	assert_int_equal(load(f), 0);
	assert_int_equal(f->entry.ip, 0x200200);

	hdr(f)->relocatable_kernel = 0;
	refused(f, -EINVAL, "more --memory");
	hdr(f)->relocatable_kernel = 1;
	hdr(f)->kernel_alignment = 3;
	refused(f, -EINVAL, "more --memory");
}

/* The map has all RAM but what is kept, in order, without overlap. */
static void check_e820(struct fixture *f)
{
	const struct boot_params *z = at(f, f->entry.arg, sizeof(*z));
	uint64_t end = 0, ram = 0;
	bool ecam = false;

	for (unsigned int i = 0; i < z->e820_entries; i++) {
		const struct boot_e820_entry *e = &z->e820_table[i];

		assert_true(e->addr >= end);
		assert_true(e->size > 0);
		end = e->addr + e->size;
		if (e->type == 1)
			ram += e->size;
		if (e->addr == f->l.ecam.start && e->type == 2)
			ecam = e->size == f->l.ecam.size;
		/* Tables and info page are no RAM. */
		assert_false(e->type == 1 && ranges_overlap(e->addr, e->size,
							    0xa0000, 0x60000));
	}
	assert_int_equal(ram, ram_bytes(f->ram) - 0x60000);
	assert_true(ecam);
}

static void e820_tells_all_ram(void **state)
{
	struct fixture *f = *state;

	make_bzimage(f);
	assert_int_equal(load(f), 0);
	check_e820(f);
}

static void initrd_stays_below_the_hole(void **state)
{
	struct fixture *f = *state;
	const struct boot_params *z;

	make_bzimage(f);
	f->initrd_bytes = 100;
	assert_int_equal(load(f), 0);
	z = at(f, f->entry.arg, sizeof(*z));
	assert_int_equal(z->hdr.ramdisk_image, 0x80000000 - 4096);

	make_elf(f, false);
	assert_int_equal(load(f), 0);
	z = at(f, f->entry.arg, sizeof(*z));
	assert_int_equal(z->hdr.ramdisk_image, 0xc0000000 - 4096);
	check_e820(f);
}

static void initrd_that_does_not_fit(void **state)
{
	struct fixture *f = *state;

	make_bzimage(f);
	f->initrd_bytes = RAM_BYTES;
	refused(f, -E2BIG, "initrd: the initrd is too large");
	/* From the kernel's end to the end of RAM, to the byte. */
	f->initrd_bytes = RAM_BYTES - 0x1100000;
	assert_int_equal(load(f), 0);
	f->initrd_bytes++;
	refused(f, -E2BIG, "the initrd is too large");
	/* A kernel that wants it lower. */
	f->initrd_bytes = 4096;
	hdr(f)->initrd_addr_max = 0x10fffff;
	refused(f, -E2BIG, "there is room for 0 KiB");
	hdr(f)->initrd_addr_max = 0;
	refused(f, -E2BIG, "there is room for 0 KiB");
}

static void command_line_limit(void **state)
{
	struct fixture *f = *state;

	memset(f->cmdline, 'x', sizeof(f->cmdline));
	f->cmdline[2048] = '\0';
	make_bzimage(f);
	refused(f, -E2BIG, "at most 2047");
	make_elf(f, true);
	refused(f, -E2BIG, "2048 bytes, this kernel takes at most 2047");
	f->cmdline[2047] = '\0';
	assert_int_equal(load(f), 0);
	make_bzimage(f);
	assert_int_equal(load(f), 0);
	hdr(f)->cmdline_size = 255;
	refused(f, -E2BIG, "at most 255");
}

static void the_reset_vector_resets(void **state)
{
	struct fixture *f = *state;
	const uint8_t *code;

	make_elf(f, true);
	assert_int_equal(load(f), 0);
	code = ram_ptr(f->ram, 0xffff0, 16);
	assert_int_equal(code[0], 0xba); /* mov dx, imm */
	assert_int_equal(code[1] | code[2] << 8, POWER_BASE + POWER_REG_RESET);
	assert_int_equal(code[3], 0xb0); /* mov al, imm */
	assert_int_equal(code[4], POWER_RESET_VALUE);
	assert_int_equal(code[5], 0xee); /* out dx, al */
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(elf_is_entered_by_its_pvh_note),
		TEST(elf_without_a_note_is_entered_in_long_mode),
		TEST(bzimage_is_entered_in_long_mode),
		TEST(bzimage_header_ends_where_it_says),
		TEST(bzimage_moves_where_there_is_memory),
		TEST(e820_tells_all_ram),
		TEST(the_reset_vector_resets),
		cmocka_unit_test_setup_teardown(initrd_stays_below_the_hole,
						setup_past_the_hole, teardown),
		TEST(initrd_that_does_not_fit),
		TEST(command_line_limit),
	};

	return run_all(tests);
}
