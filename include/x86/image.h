/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel images: an ELF vmlinux or a bzImage, recognised and loaded.
 */
#ifndef WHERRY_X86_IMAGE_H
#define WHERRY_X86_IMAGE_H

#include <asm/bootparam.h>
#include <stdbool.h>
#include <stdint.h>

#include "boot.h"

struct image {
	gpa_t start, end; /* what the kernel uses before it allocates */
	uint64_t entry;
	bool pvh; /* 32-bit entry by the PVH note; else the 64-bit one */
	uint64_t cmdline_max; /* bytes, without the NUL */
	uint64_t initrd_last; /* highest address of the initrd's last byte */
	struct setup_header hdr; /* bzImage: the file's; else as a loader's */
};

/* The largest head that a format needs to be recognised. */
#define IMAGE_HEAD_BYTES 4096

/* head is the image's first len bytes.  -EINVAL, logged. */
int elf_load(struct image *img, const struct boot_file *f, struct ram *ram,
	     const uint8_t *head, size_t len);
int bzimage_load(struct image *img, const struct boot_file *f, struct ram *ram,
		 const uint8_t *head, size_t len);

/* What a bzImage's header says, silently. */
bool bzimage_version(const struct boot_file *f, const uint8_t *head,
		     char *version, size_t size);

/* True when head looks like it; both loaders check the rest. */
bool elf_probe(const uint8_t *head, size_t len);
bool bzimage_probe(const uint8_t *head, size_t len);

#endif
