// SPDX-License-Identifier: BSD-2-Clause
/* test-boot-lies - images that are not what they say. */
#include "harness.h"

#include "boot-fixture.h"

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

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(truncated_images),	    TEST(other_architectures),
		TEST(elf_headers_that_lie), TEST(elf_segments_that_lie),
		TEST(notes_that_lie),	    TEST(bzimages_that_lie),
		TEST(files_that_are_none),  TEST(random_images),
	};

	return run_all(tests);
}
