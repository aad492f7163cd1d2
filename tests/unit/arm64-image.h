/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernels for Arm that were never compiled: an Image with the header that EFI
 * wants, and what packs it. After harness.h.
 */
#ifndef TESTS_UNIT_ARM64_IMAGE_H
#define TESTS_UNIT_ARM64_IMAGE_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <zlib.h>
#include <zstd.h>

#include "util.h"

#define ARM64_IMAGE_BYTES 0x20000 /* of the file */
#define ARM64_IMAGE_SIZE 0x40000 /* with its bss */

struct arm64_image {
	uint8_t bytes[ARM64_IMAGE_BYTES + KIB(8)];
	size_t len;
};

/* Code that does not pack well, so that several buffers are read. */
static inline void arm64_image_make(struct arm64_image *i)
{
	uint8_t *b = i->bytes;
	uint64_t seed = 88172645463325252;

	memset(i, 0, sizeof(*i));
	i->len = ARM64_IMAGE_BYTES;
	for (size_t k = 0x1000; k < i->len; k++) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		b[k] = (uint8_t)seed;
	}
	memcpy(b, "MZ\x40\xfa", 4);
	store_le(b + 16, 8, ARM64_IMAGE_SIZE);
	store_le(b + 24, 8, 0xa);
	memcpy(b + 56, "ARM\x64", 4);
	store_le(b + 60, 4, 0x40);
	memcpy(b + 0x40, "PE\0", 4);
	store_le(b + 0x46, 2, 2); /* sections */
	store_le(b + 0x54, 2, 0xa0); /* optional header */
	store_le(b + 0xf8 + 16, 4, 0x8000);
	store_le(b + 0xf8 + 20, 4, 0x1000);
	store_le(b + 0x120 + 16, 4, ARM64_IMAGE_BYTES - 0x9000);
	store_le(b + 0x120 + 20, 4, 0x9000);
}

static inline void arm64_image_gzip(struct arm64_image *out,
				    const struct arm64_image *in)
{
	z_stream z = { .next_in = (uint8_t *)in->bytes,
		       .avail_in = (unsigned int)in->len,
		       .next_out = out->bytes,
		       .avail_out = sizeof(out->bytes) };

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8,
				      Z_DEFAULT_STRATEGY),
			 Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	out->len = z.total_out;
	deflateEnd(&z);
}

static inline void arm64_image_zstd(struct arm64_image *out,
				    const struct arm64_image *in)
{
	out->len = ZSTD_compress(out->bytes, sizeof(out->bytes), in->bytes,
				 in->len, 3);
	assert_false(ZSTD_isError(out->len));
}

/* Around a packed image; what unpacks it by itself is left out. */
static inline void arm64_image_zboot(struct arm64_image *i, const char *codec)
{
	enum { AT = 0x1000 };

	assert_true(i->len + AT <= sizeof(i->bytes));
	memmove(i->bytes + AT, i->bytes, i->len);
	memset(i->bytes, 0, AT);
	memcpy(i->bytes, "MZ\0\0zimg", 8);
	store_le(i->bytes + 8, 4, AT);
	store_le(i->bytes + 12, 4, i->len);
	strcpy((char *)i->bytes + 24, codec);
	store_le(i->bytes + 56, 4, 0x818223cd);
	i->len += AT;
}

static inline int arm64_image_fd(const struct arm64_image *i)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, i->bytes, i->len, 0), i->len);
	return fd;
}

#endif
