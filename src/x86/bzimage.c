// SPDX-License-Identifier: BSD-2-Clause
/*
 * Owns the loading of a bzImage by the 64-bit boot protocol
 * (Documentation/arch/x86/boot.rst of Linux).  The image unpacks itself.
 */
#include "x86/image.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "log.h"
#include "x86/map.h"

#define HDR_OFFSET offsetof(struct boot_params, hdr)
/* The header ends where the jump at its start leads to. */
#define HDR_JUMP_LENGTH 0x201
#define HDR_JUMP_BASE 0x202
#define SECTOR 512
#define HDR_VERSION 0x20e /* where its text is, from HDR_VERSION_BASE */
#define HDR_VERSION_BASE 0x200
#define BOOT_FLAG 0xaa55
#define HDR_MAGIC 0x53726448 /* "HdrS" */
#define MIN_VERSION 0x020c
#define ENTRY_64 0x200 /* from the start of the protected-mode code */

bool bzimage_probe(const uint8_t *head, size_t len)
{
	return len >= HDR_JUMP_BASE + 4 &&
	       load_le(head + 0x1fe, 2) == BOOT_FLAG &&
	       load_le(head + HDR_JUMP_BASE, 4) == HDR_MAGIC;
}

bool bzimage_version(const struct boot_file *f, const uint8_t *head,
		     char *version, size_t size)
{
	uint64_t at = load_le(head + HDR_VERSION, 2) + HDR_VERSION_BASE;
	char text[128] = "";
	size_t n;

	if (boot_file_has(f, at, sizeof(text) - 1) &&
	    boot_file_read(f, at, text, sizeof(text) - 1))
		return false;
	n = strcspn(text, " ");
	if (!n || !text[n] || n >= size)
		return false;
	memcpy(version, text, n);
	version[n] = '\0';
	return true;
}

/* Copies the header as far as the image says it goes. */
static int read_header(struct setup_header *hdr, const struct boot_file *f,
		       const uint8_t *head, size_t len)
{
	size_t end = HDR_JUMP_BASE + head[HDR_JUMP_LENGTH];

	if (end > len) {
		log_err("%s: truncated: its setup header is incomplete; get a "
			"complete image",
			f->name);
		return -EINVAL;
	}
	memset(hdr, 0, sizeof(*hdr));
	memcpy(hdr, head + HDR_OFFSET, MIN(end - HDR_OFFSET, sizeof(*hdr)));

	if (hdr->version < MIN_VERSION) {
		log_err("%s: boot protocol %u.%02u is too old, 2.12 is needed; "
			"use a kernel of Linux 3.8 or later",
			f->name, hdr->version >> 8, hdr->version & 0xff);
		return -EINVAL;
	}
	if (!(hdr->loadflags & LOADED_HIGH)) {
		log_err("%s: a zImage; build a bzImage", f->name);
		return -EINVAL;
	}
	if (!(hdr->xloadflags & XLF_KERNEL_64)) {
		log_err("%s: wrong architecture: this kernel is for 32-bit "
			"x86, the guest is x86_64; give one for that",
			f->name);
		return -EINVAL;
	}
	return 0;
}

static bool fits(struct ram *ram, uint64_t start, uint64_t size)
{
	return start >= HIGH_RAM_BASE && start < GIB(4) &&
	       size <= GIB(4) - start && ram_ptr(ram, start, size);
}

/* At the preferred address, else (when it can move) as low as possible. */
static int place(struct image *img, const struct boot_file *f, struct ram *ram,
		 uint64_t code_bytes)
{
	const struct setup_header *h = &img->hdr;
	uint64_t size = MAX(h->init_size, code_bytes);
	uint64_t align = h->kernel_alignment;

	img->start = h->pref_address;
	if (!fits(ram, img->start, size) && h->relocatable_kernel &&
	    is_pow2(align))
		img->start = align_up(HIGH_RAM_BASE, align);
	if (!fits(ram, img->start, size)) {
		log_err("%s: wants %llu MiB of memory from %llu MiB up; give "
			"the guest more --memory",
			f->name, (unsigned long long)(size >> 20) + 1,
			(unsigned long long)(img->start >> 20));
		return -EINVAL;
	}
	img->end = img->start + size;
	return 0;
}

int bzimage_load(struct image *img, const struct boot_file *f, struct ram *ram,
		 const uint8_t *head, size_t len)
{
	uint64_t code, code_bytes;
	int r;

	*img = (struct image){ 0 };
	r = read_header(&img->hdr, f, head, len);
	if (r)
		return r;

	/* 0 means 4, for images older than any that comes this far. */
	code = (img->hdr.setup_sects ? img->hdr.setup_sects : 4) + 1;
	code *= SECTOR;
	code_bytes = (uint64_t)img->hdr.syssize * 16;
	/* syssize is rounded up; the file need not be. */
	if (f->size > code && f->size - code < code_bytes &&
	    code_bytes - (f->size - code) < 16)
		code_bytes = f->size - code;
	if (code_bytes <= ENTRY_64) {
		log_err("%s: not a kernel: a bzImage without code", f->name);
		return -EINVAL;
	}
	r = place(img, f, ram, code_bytes);
	if (!r)
		r = boot_file_load(f, code, ram, img->start, code_bytes);
	if (r)
		return r;

	img->entry = img->start + ENTRY_64;
	img->cmdline_max = img->hdr.cmdline_size;
	img->initrd_last = img->hdr.initrd_addr_max;
	return 0;
}
