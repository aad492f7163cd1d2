// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-boot - kernels and initrds into RAM: what a guest finds at its entry,
 * every limit, and images that lie.
 */
#include "harness.h"

#include <asm/bootparam.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arch.h"
#include "capture.h"
#include "power.h"
#include "ram.h"
#include "x86/map.h"

#define RAM_BYTES MIB(64)
#define ELF_BYTES 0x3000
#define BZ_BYTES 0x5000
#define BZ_CODE 0x1000 /* 7 sectors of set-up and the boot sector */

struct fixture {
	struct layout l;
	struct ram *ram;
	uint8_t image[BZ_BYTES];
	size_t len;
	char cmdline[4096];
	uint64_t initrd_bytes; /* 0: none */
	struct boot_entry entry;
	struct capture capture;
	const char *message;
};

static int setup_bytes(void **state, uint64_t bytes)
{
	struct ram_params params = { .thp = -1, .host_node = -1 };
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f || arch_layout_init(&f->l, bytes, 40) ||
	    arch_layout_window(&f->l, 40, UINT64_MAX))
		return -1;
	params.ranges = f->l.ram;
	params.nr_ranges = f->l.nr_ram;
	strcpy(f->cmdline, "console=ttyS0");
	*state = f;
	return ram_create(&f->ram, &params);
}

static int setup(void **state)
{
	return setup_bytes(state, RAM_BYTES);
}

static int setup_6g(void **state)
{
	return setup_bytes(state, GIB(6));
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	ram_destroy(f->ram);
	free(f);
	return 0;
}

static int file_of(const void *bytes, size_t len)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, len, 0), len);
	return fd;
}

/* Boots f->image; the message is kept. */
static int load(struct fixture *f)
{
	struct boot_params_in in = {
		.kernel_fd = file_of(f->image, f->len),
		.kernel_name = "kernel",
		.initrd_fd = -1,
		.initrd_name = "initrd",
		.cmdline = f->cmdline,
		.nr_cpus = 1,
		.pci_slots = 1,
	};
	int r;

	if (f->initrd_bytes) {
		in.initrd_fd = file_of("initrd!", 7);
		assert_int_equal(
			ftruncate(in.initrd_fd, (off_t)f->initrd_bytes), 0);
	}
	capture_begin(&f->capture);
	r = arch_boot_load(f->ram, &f->l, &in, &f->entry);
	f->message = capture_end(&f->capture);
	if (in.initrd_fd >= 0)
		close(in.initrd_fd);
	close(in.kernel_fd);
	return r;
}

static void refused(struct fixture *f, int error, const char *why)
{
	assert_int_equal(load(f), error);
	if (!strstr(f->message, why))
		fail_msg("'%s' is not in '%s'", why, f->message);
	/* One line, which names what it is about. */
	assert_ptr_equal(strchr(f->message, '\n') + 1,
			 f->message + strlen(f->message));
}

static Elf64_Ehdr *ehdr(struct fixture *f)
{
	return (void *)f->image;
}

static Elf64_Phdr *phdr(struct fixture *f, unsigned int i)
{
	return (Elf64_Phdr *)(f->image + 64) + i;
}

/* One segment of 0x1000 bytes and as much bss at 16 MiB, one of notes. */
static void make_elf(struct fixture *f, bool pvh)
{
	Elf64_Ehdr *eh = ehdr(f);
	struct {
		Elf64_Nhdr h;
		char name[4];
		uint32_t entry, pad;
	} note[2] = {
		{ { 4, 8, 6 }, "Xen", 0x1234, 0 },
		{ { 4, 8, 18 }, "Xen", 0x1000100, 0 },
	};

	memset(f->image, 0, sizeof(f->image));
	f->len = ELF_BYTES;
	memcpy(eh->e_ident, ELFMAG, SELFMAG);
	eh->e_ident[EI_CLASS] = ELFCLASS64;
	eh->e_ident[EI_DATA] = ELFDATA2LSB;
	eh->e_type = ET_EXEC;
	eh->e_machine = EM_X86_64;
	eh->e_entry = 0x1000200;
	eh->e_phoff = 64;
	eh->e_phentsize = sizeof(Elf64_Phdr);
	eh->e_phnum = pvh ? 2 : 1;
	*phdr(f, 0) = (Elf64_Phdr){ .p_type = PT_LOAD,
				    .p_offset = 0x1000,
				    .p_paddr = 0x1000000,
				    .p_filesz = 0x1000,
				    .p_memsz = 0x2000 };
	*phdr(f, 1) = (Elf64_Phdr){ .p_type = PT_NOTE,
				    .p_offset = 0x2000,
				    .p_filesz = sizeof(note) };
	memset(f->image + 0x1000, 0xcc, 0x1000);
	memcpy(f->image + 0x2000, note, sizeof(note));
}

static struct setup_header *hdr(struct fixture *f)
{
	return (void *)(f->image + 0x1f1);
}

static void make_bzimage(struct fixture *f)
{
	struct setup_header *h = hdr(f);

	memset(f->image, 0, sizeof(f->image));
	f->len = BZ_BYTES;
	*h = (struct setup_header){
		.setup_sects = BZ_CODE / 512 - 1,
		.syssize = (BZ_BYTES - BZ_CODE) / 16,
		.boot_flag = 0xaa55,
		.jump = 0x6aeb,
		.header = 0x53726448,
		.version = 0x020f,
		.loadflags = LOADED_HIGH,
		.initrd_addr_max = 0x7fffffff,
		.kernel_alignment = 0x200000,
		.relocatable_kernel = 1,
		.xloadflags = XLF_KERNEL_64 | XLF_CAN_BE_LOADED_ABOVE_4G,
		.cmdline_size = 2047,
		.setup_data = 0x666,
		.pref_address = 0x1000000,
		.init_size = 0x100000,
	};
	memset(f->image + BZ_CODE, 0xcc, BZ_BYTES - BZ_CODE);
}

static const void *at(const struct fixture *f, gpa_t gpa, size_t len)
{
	const void *p = ram_ptr(f->ram, gpa, len);

	assert_non_null(p);
	return p;
}

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

static void truncated_images(void **state)
{
	struct fixture *f = *state;

	make_elf(f, true);
	f->len = 0x1fff;
	refused(f, -EINVAL, "truncated");
	f->len = 0x2004; /* in the notes */
	refused(f, -EINVAL, "truncated");
	f->len = 100; /* in the program headers */
	refused(f, -EINVAL, "truncated");
	f->len = 60; /* in the header */
	refused(f, -EINVAL, "truncated");
	f->len = 4;
	refused(f, -EINVAL, "truncated");
	f->len = 0;
	refused(f, -EINVAL, "empty");

	make_bzimage(f);
	f->len = BZ_BYTES - 512;
	refused(f, -EINVAL, "truncated");
	f->len = BZ_CODE;
	refused(f, -EINVAL, "truncated");
	f->len = 0x206;
	refused(f, -EINVAL, "truncated");
	f->len = 0x203;
	refused(f, -EINVAL, "truncated");
	/* syssize is in paragraphs; the last may be incomplete. */
	f->len = BZ_BYTES - 15;
	assert_int_equal(load(f), 0);
}

static void other_architectures(void **state)
{
	struct fixture *f = *state;

	make_elf(f, true);
	ehdr(f)->e_machine = EM_AARCH64;
	refused(f, -EINVAL, "wrong architecture: this kernel is for arm64");
	ehdr(f)->e_machine = EM_386;
	ehdr(f)->e_ident[EI_CLASS] = ELFCLASS32;
	refused(f, -EINVAL, "for 32-bit x86");
	ehdr(f)->e_machine = EM_X86_64; /* x32 */
	refused(f, -EINVAL, "not a 64-bit");
	make_elf(f, true);
	ehdr(f)->e_ident[EI_DATA] = ELFDATA2MSB;
	refused(f, -EINVAL, "wrong architecture");

	make_bzimage(f);
	hdr(f)->xloadflags = 0;
	refused(f, -EINVAL, "wrong architecture: this kernel is for 32-bit");

	memset(f->image, 0, sizeof(f->image));
	memcpy(f->image, "MZ", 2);
	memcpy(f->image + 56, "ARM\x64", 4);
	refused(f, -EINVAL, "wrong architecture: this kernel is for arm64");
	memcpy(f->image + 56, "RSC\x05", 4);
	refused(f, -EINVAL, "wrong architecture: this kernel is for riscv");
	memset(f->image, 0, sizeof(f->image));
	memcpy(f->image, "MZ\0\0zimg", 8);
	refused(f, -EINVAL, "zboot");
	memcpy(f->image, "\x1f\x8b\x08", 3);
	refused(f, -EINVAL, "gzip");
	memcpy(f->image, "#!/bin/sh", 9);
	refused(f, -EINVAL, "neither");
}

static void elf_headers_that_lie(void **state)
{
	struct fixture *f = *state;

	make_elf(f, true);
	ehdr(f)->e_type = ET_REL;
	refused(f, -EINVAL, "not a kernel");
	make_elf(f, true);
	ehdr(f)->e_phnum = 0;
	refused(f, -EINVAL, "not a kernel");
	ehdr(f)->e_phnum = 65;
	refused(f, -EINVAL, "not a kernel");
	make_elf(f, true);
	ehdr(f)->e_phentsize = 32;
	refused(f, -EINVAL, "not a kernel");
	make_elf(f, true);
	ehdr(f)->e_phoff = UINT64_MAX - 8;
	refused(f, -EINVAL, "truncated");
	make_elf(f, false);
	ehdr(f)->e_entry = 0x1002000; /* just after the bss */
	refused(f, -EINVAL, "in no segment");
	ehdr(f)->e_entry = 0xffffffff81000000;
	refused(f, -EINVAL, "in no segment");
	make_elf(f, false);
	phdr(f, 0)->p_type = PT_NULL;
	refused(f, -EINVAL, "in no segment");
}

static void elf_segments_that_lie(void **state)
{
	struct fixture *f = *state;

	make_elf(f, true);
	phdr(f, 0)->p_offset = UINT64_MAX - 100;
	refused(f, -EINVAL, "truncated");
	make_elf(f, true);
	phdr(f, 0)->p_filesz = 0x2001;
	refused(f, -EINVAL, "not a kernel: a segment");
	make_elf(f, true);
	phdr(f, 0)->p_memsz = UINT64_MAX - 0x1000;
	refused(f, -EINVAL, "not a kernel: a segment");
	make_elf(f, true);
	phdr(f, 0)->p_paddr = UINT64_MAX - 0x1000;
	refused(f, -EINVAL, "not a kernel: a segment");
	make_elf(f, true);
	phdr(f, 0)->p_paddr = 0x7000; /* where the zero page goes */
	refused(f, -EINVAL, "not a kernel: a segment");
	make_elf(f, true);
	phdr(f, 0)->p_paddr = RAM_BYTES - 0x1000;
	refused(f, -EINVAL, "wants memory up to 65 MiB");
}

/* A note that is not sound is none: the 64-bit entry is used. */
static void notes_that_lie(void **state)
{
	static const struct {
		size_t offset;
		uint32_t value;
	} rows[] = {
		{ 0x2000, UINT32_MAX }, /* name size of the first */
		{ 0x2004, UINT32_MAX }, /* its descriptor size */
		{ 0x2004, 0x7ffffffc }, { 0x2018, 3 }, /* name of ours */
		{ 0x201c, 2 }, /* descriptor of ours */
		{ 0x201c, 9 }, /* beyond the end */
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		make_elf(f, true);
		memcpy(f->image + rows[i].offset, &rows[i].value, 4);
		assert_int_equal(load(f), 0);
		assert_true(f->entry.page_table);
	}
	make_elf(f, true);
	phdr(f, 1)->p_filesz = UINT64_MAX;
	assert_int_equal(load(f), 0);
	assert_true(f->entry.page_table);
	make_elf(f, true);
	phdr(f, 1)->p_offset = UINT64_MAX;
	refused(f, -EINVAL, "truncated");
}

static void bzimages_that_lie(void **state)
{
	struct fixture *f = *state;

	make_bzimage(f);
	hdr(f)->version = 0x020b;
	refused(f, -EINVAL, "boot protocol 2.11 is too old");
	make_bzimage(f);
	hdr(f)->loadflags = 0;
	refused(f, -EINVAL, "zImage");
	make_bzimage(f);
	hdr(f)->syssize = UINT32_MAX;
	refused(f, -EINVAL, "more --memory");
	hdr(f)->syssize = 0x1000; /* fits in memory, not in the file */
	refused(f, -EINVAL, "truncated");
	hdr(f)->syssize = 0x20;
	refused(f, -EINVAL, "without code");
	make_bzimage(f);
	hdr(f)->init_size = UINT32_MAX;
	refused(f, -EINVAL, "more --memory");
	make_bzimage(f);
	hdr(f)->pref_address = UINT64_MAX - 0x1000;
	hdr(f)->relocatable_kernel = 0;
	refused(f, -EINVAL, "more --memory");
	hdr(f)->pref_address = 0x7000;
	refused(f, -EINVAL, "more --memory");
	hdr(f)->kernel_alignment = 0x80000000;
	hdr(f)->relocatable_kernel = 1;
	refused(f, -EINVAL, "more --memory");
	make_bzimage(f);
	hdr(f)->setup_sects = 255;
	refused(f, -EINVAL, "truncated");
}

static void files_that_are_none(void **state)
{
	struct fixture *f = *state;
	struct boot_params_in in = { .kernel_name = "/dev",
				     .initrd_fd = -1,
				     .cmdline = "" };

	in.kernel_fd = open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	capture_begin(&f->capture);
	assert_int_equal(arch_boot_load(f->ram, &f->l, &in, &f->entry),
			 -EINVAL);
	assert_non_null(strstr(capture_end(&f->capture), "not a regular"));
	close(in.kernel_fd);
	in.kernel_fd = -1;
	capture_begin(&f->capture);
	assert_int_equal(arch_boot_load(f->ram, &f->l, &in, &f->entry), -EBADF);
	capture_end(&f->capture);
}

/* Whatever an image says, the loader ends, and in its own memory. */
static void random_images(void **state)
{
	struct fixture *f = *state;
	uint32_t seed = 1;
	unsigned int loaded = 0;

	for (unsigned int i = 0; i < 4000; i++) {
		if (i & 1)
			make_elf(f, i & 2);
		else
			make_bzimage(f);
		for (unsigned int k = 0; k < 1 + i % 4; k++) {
			size_t base = i & 1 ? 0 : 0x1f1;
			size_t at_byte;

			seed = seed * 1664525 + 1013904223;
			at_byte = base + (seed >> 8) % (i & 1 ? 176 : 0x80);
			f->image[at_byte] = (uint8_t)(seed >> 24);
		}
		if (!load(f))
			loaded++;
		else
			assert_true(strlen(f->message) > 0);
	}
	assert_true(loaded > 0 && loaded < 4000);
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
						setup_6g, teardown),
		TEST(initrd_that_does_not_fit),
		TEST(command_line_limit),
		TEST(truncated_images),
		TEST(other_architectures),
		TEST(elf_headers_that_lie),
		TEST(elf_segments_that_lie),
		TEST(notes_that_lie),
		TEST(bzimages_that_lie),
		TEST(files_that_are_none),
		TEST(random_images),
	};

	return run_all(tests);
}
