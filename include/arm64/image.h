/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's Image (Documentation/arch/arm64/booting.rst), as it is, packed
 * by gzip, or in an EFI zboot image (packed by gzip or zstd).
 */
#ifndef WHERRY_ARM64_IMAGE_H
#define WHERRY_ARM64_IMAGE_H

#include "boot.h"

struct image {
	gpa_t start; /* the first byte, which is its entry */
	gpa_t end; /* of what the kernel uses before it allocates */
	uint32_t page_bytes; /* that it is built for; 0: it does not say */
};

/* As near to the start of RAM as its header says.  -EINVAL, logged. */
int image_load(struct image *img, const struct boot_file *f, struct ram *ram);

/* As arch_image_version(). */
int image_version(const struct boot_file *f, char *version, size_t size);

#endif
