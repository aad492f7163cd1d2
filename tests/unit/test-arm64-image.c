// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-arm64-image - kernels for Arm into RAM: as they are, packed by gzip or
 * zstd, as EFI zboot images; and those that are damaged or lie.
 */
#include "harness.h"

#include <errno.h>

#include "arm64-image.h"
#include "arm64/image.h"
#include "capture.h"

#define BASE GIB(1)
#define RAM_BYTES MIB(8)

struct fixture {
	struct ram *ram;
	struct arm64_image plain, file;
	struct image img;
	struct capture capture;
	const char *message;
};

static int setup(void **state)
{
	const struct range range = { BASE, RAM_BYTES };
	struct ram_params params = {
		.thp = -1, .host_node = -1, .ranges = &range, .nr_ranges = 1
	};
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	arm64_image_make(&f->plain);
	*state = f;
	return ram_create(&f->ram, &params);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	ram_destroy(f->ram);
	free(f);
	return 0;
}

static int load(struct fixture *f)
{
	struct boot_file file;
	int fd = arm64_image_fd(&f->file);
	int r;

	ram_clear(f->ram, 0, 1);
	capture_begin(&f->capture);
	r = boot_file_init(&file, fd, "kernel");
	if (!r)
		r = image_load(&f->img, &file, f->ram);
	f->message = capture_end(&f->capture);
	close(fd);
	return r;
}

static void refused(struct fixture *f, const char *why)
{
	assert_int_equal(load(f), -EINVAL);
	if (!strstr(f->message, why))
		fail_msg("'%s' is not in '%s'", why, f->message);
	assert_int_equal(strncmp(f->message, "wherry: kernel: ", 16), 0);
	assert_ptr_equal(strchr(f->message, '\n') + 1,
			 f->message + strlen(f->message));
}

static void loaded(struct fixture *f, uint64_t offset)
{
	const uint8_t *p;

	assert_int_equal(load(f), 0);
	assert_int_equal(f->img.start, BASE + offset);
	assert_int_equal(f->img.end, BASE + offset + ARM64_IMAGE_SIZE);
	p = ram_ptr(f->ram, f->img.start, ARM64_IMAGE_SIZE);
	assert_memory_equal(p, f->plain.bytes, f->plain.len);
	for (size_t i = f->plain.len; i < ARM64_IMAGE_SIZE; i++)
		assert_int_equal(p[i], 0);
}

static void plain_image(void **state)
{
	struct fixture *f = *state;

	f->file = f->plain;
	loaded(f, 0);
	/* A kernel that is not for EFI has no sections. */
	memset(f->plain.bytes + 60, 0, 4);
	f->file = f->plain;
	loaded(f, 0);
}

static void size_of_pages_is_told(void **state)
{
	static const uint32_t bytes[] = { 0, KIB(4), KIB(16), KIB(64) };
	struct fixture *f = *state;

	for (unsigned int i = 0; i < ARRAY_SIZE(bytes); i++) {
		f->plain.bytes[24] = (uint8_t)(1 << 3 | i << 1);
		f->file = f->plain;
		loaded(f, 0);
		assert_int_equal(f->img.page_bytes, bytes[i]);
	}
}

static void text_offset_is_kept(void **state)
{
	struct fixture *f = *state;

	store_le(f->plain.bytes + 8, 8, 0x80000);
	f->file = f->plain;
	loaded(f, 0x80000);
	arm64_image_gzip(&f->file, &f->plain);
	loaded(f, 0x80000);
}

static void packed_images(void **state)
{
	struct fixture *f = *state;

	arm64_image_gzip(&f->file, &f->plain);
	loaded(f, 0);
	arm64_image_zboot(&f->file, "gzip");
	loaded(f, 0);
	arm64_image_zstd(&f->file, &f->plain);
	arm64_image_zboot(&f->file, "zstd22");
	loaded(f, 0);
}

/* What follows, such as a signature, is of no interest. */
static void tails(void **state)
{
	struct fixture *f = *state;

	arm64_image_gzip(&f->file, &f->plain);
	memset(f->file.bytes + f->file.len, 0xa5, 100);
	f->file.len += 100;
	loaded(f, 0);
	arm64_image_zstd(&f->file, &f->plain);
	arm64_image_zboot(&f->file, "zstd");
	memset(f->file.bytes + f->file.len, 0xa5, 100);
	f->file.len += 100;
	loaded(f, 0);
}

/* Whatever is missing, it is said; a byte less than all is too little. */
static void cut_images(void **state)
{
	struct fixture *f = *state;
	size_t full;

	f->file = f->plain;
	f->file.len--;
	refused(f, "truncated: a section");
	f->file.len = 0x130;
	refused(f, "truncated");
	f->file.len = 63;
	refused(f, "too short for a kernel: another file, or truncated");
	f->file.len = 0;
	refused(f, "empty");

	for (unsigned int zboot = 0; zboot < 2; zboot++) {
		arm64_image_gzip(&f->file, &f->plain);
		if (zboot)
			arm64_image_zboot(&f->file, "gzip");
		full = f->file.len;
		for (size_t cut = 1; cut < 12; cut++) {
			f->file.len = full - cut;
			refused(f, zboot ? "truncated" : "ends too early");
		}
		f->file.len = full / 2;
		refused(f, zboot ? "truncated" : "ends too early");
	}
	/* The stream itself, within a zboot image that is whole. */
	arm64_image_zstd(&f->file, &f->plain);
	full = f->file.len;
	f->file.len = full - 1;
	arm64_image_zboot(&f->file, "zstd");
	refused(f, "ends too early");
	arm64_image_gzip(&f->file, &f->plain);
	f->file.len = 20;
	refused(f, "ends too early");
}

/* One that is not for EFI tells where it begins, and no more. */
static void images_cut_before_their_entry(void **state)
{
	static const uint32_t entry = ARM64_IMAGE_BYTES / 4 * 3;
	struct fixture *f = *state;

	memset(f->plain.bytes + 60, 0, 4);
	for (unsigned int word = 0; word < 2; word++) {
		store_le(f->plain.bytes, 8, 0xd503201fd503201f); /* nop */
		store_le(f->plain.bytes + 4 * word, 4,
			 0x14000000 | (entry / 4 - word));
		f->file = f->plain;
		f->file.len = entry + 4;
		assert_int_equal(load(f), 0);
		f->file.len = entry + 3;
		refused(f, "truncated: it ends before the code");
		f->file.len = 64;
		refused(f, "truncated: it ends before the code");
		/* Backwards: whatever that means. */
		store_le(f->plain.bytes + 4 * word, 4, 0x17ffffff);
		f->file = f->plain;
		loaded(f, 0);
	}
}

static void damaged_streams(void **state)
{
	struct fixture *f = *state;

	arm64_image_gzip(&f->file, &f->plain);
	f->file.bytes[f->file.len - 8] ^= 1; /* the checksum */
	refused(f, "damaged: incorrect data check");
	arm64_image_gzip(&f->file, &f->plain);
	f->file.bytes[3] = 0xe0; /* flags */
	refused(f, "damaged");
	arm64_image_gzip(&f->file, &f->plain);
	f->file.bytes[10] = 0x07; /* a block of no type */
	refused(f, "damaged: invalid block type");
	arm64_image_zstd(&f->file, &f->plain);
	f->file.bytes[0] ^= 1;
	arm64_image_zboot(&f->file, "zstd");
	refused(f, "damaged");
}

static void headers_that_lie(void **state)
{
	struct fixture *f = *state;
	uint8_t *b = f->file.bytes;

	f->file = f->plain;
	store_le(b + 16, 8, 0);
	refused(f, "older than Linux 3.17");
	store_le(b + 16, 8, 32);
	refused(f, "no sense");
	store_le(b + 16, 8, RAM_BYTES + 1);
	refused(f, "wants memory up to 9 MiB, the guest has 8 MiB");
	store_le(b + 16, 8, UINT64_MAX);
	refused(f, "give it more --memory");
	store_le(b + 16, 8, RAM_BYTES);
	assert_int_equal(load(f), 0);
	store_le(b + 8, 8, 8);
	refused(f, "give it more --memory");
	store_le(b + 8, 8, UINT64_MAX - 7);
	refused(f, "give it more --memory");
	store_le(b + 8, 8, 3);
	refused(f, "no sense");

	f->file = f->plain;
	store_le(b + 60, 4, UINT32_MAX);
	refused(f, "truncated");
	store_le(b + 60, 4, 0x1000);
	refused(f, "header for EFI is none");
	f->file = f->plain;
	store_le(b + 0x46, 2, 17);
	refused(f, "header for EFI is none");
	f->file = f->plain;
	store_le(b + 0xf8 + 16, 4, UINT32_MAX);
	refused(f, "a section is beyond its end");
}

/* What swells beyond its header is not unpacked for ever. */
static void longer_than_the_header_says(void **state)
{
	struct fixture *f = *state;

	store_le(f->plain.bytes + 16, 8, 0x10000);
	arm64_image_gzip(&f->file, &f->plain);
	assert_int_equal(load(f), 0);
	assert_int_equal(f->img.end - f->img.start, 0x10000);
	assert_memory_equal(ram_ptr(f->ram, BASE, 0x10000), f->plain.bytes,
			    0x10000);
	/* Not a byte beyond. */
	assert_int_equal(*(uint64_t *)ram_ptr(f->ram, BASE + 0x10000, 8), 0);
}

static void bombs(void **state)
{
	struct fixture *f = *state;
	uint8_t *big = calloc(1, MIB(4));
	z_stream z = { .next_in = big,
		       .avail_in = MIB(4),
		       .next_out = f->file.bytes,
		       .avail_out = sizeof(f->file.bytes) };

	assert_non_null(big);
	memcpy(big, f->plain.bytes, 0x1000);
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 31, 8,
				      Z_DEFAULT_STRATEGY),
			 Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	f->file.len = z.total_out;
	deflateEnd(&z);
	free(big);
	refused(f, "longer than its header says");
}

static void other_files(void **state)
{
	struct fixture *f = *state;
	uint8_t *b = f->file.bytes;

	f->file = f->plain;
	memcpy(b + 56, "RSC\x05", 4);
	refused(f, "wrong architecture: this kernel is for riscv");
	memset(b + 56, 0, 4);
	refused(f, "an EFI program, or a bzImage for x86");
	memcpy(b, "\x7f\x45LF", 4);
	refused(f, "an ELF file; give the kernel's Image");
	memcpy(b, "#!/bin/sh\n", 10);
	refused(f, "not a kernel's Image");
	/* The same in a wrapper. */
	f->plain = f->file;
	arm64_image_gzip(&f->file, &f->plain);
	refused(f, "not a kernel's Image");
	arm64_image_zboot(&f->file, "lz4");
	refused(f, "packed neither by gzip nor by zstd");
	memset(b + 24, 'g', 32);
	refused(f, "packed neither");
	store_le(b + 12, 4, UINT32_MAX);
	refused(f, "truncated: it ends before the kernel");
}

/* Each byte of the headers, changed: it loads or it says why not. */
static void random_damage(void **state)
{
	struct fixture *f = *state;
	uint32_t seed = 1;
	unsigned int nr_loaded = 0;

	for (unsigned int i = 0; i < 600; i++) {
		size_t reach;

		if (i % 3 == 0)
			f->file = f->plain;
		else
			arm64_image_gzip(&f->file, &f->plain);
		if (i % 3 == 2)
			arm64_image_zboot(&f->file, "gzip");
		reach = i % 3 == 0 ? 0x148 : i % 3 == 1 ? f->file.len : 64;
		for (unsigned int k = 0; k <= i % 2; k++) {
			seed = seed * 1664525 + 1013904223;
			f->file.bytes[(seed >> 8) % reach] =
				(uint8_t)(seed >> 24);
		}
		if (!load(f))
			nr_loaded++;
		else
			assert_true(strlen(f->message) > 0);
	}
	assert_true(nr_loaded > 0 && nr_loaded < 600);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(plain_image),
		TEST(size_of_pages_is_told),
		TEST(text_offset_is_kept),
		TEST(packed_images),
		TEST(tails),
		TEST(cut_images),
		TEST(images_cut_before_their_entry),
		TEST(damaged_streams),
		TEST(headers_that_lie),
		TEST(longer_than_the_header_says),
		TEST(bombs),
		TEST(other_files),
		TEST(random_damage),
	};

	return run_all(tests);
}
