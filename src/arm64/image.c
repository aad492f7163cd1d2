// SPDX-License-Identifier: BSD-2-Clause
/*
 * Owns what a kernel file is taken for, and where its header wants it.
 */
#include "arm64/image.h"

#include <errno.h>
#include <stdlib.h>

#include "arm64/map.h"
#include "fd.h"
#include "log.h"
#include "unpack.h"

#define HEADER_BYTES 64
#define IMAGE_MAGIC "ARM\x64"

/* Documentation/arch/arm64/booting.rst, from Linux 3.17 on. */
struct header {
	uint32_t code[2];
	uint64_t text_offset, image_size, flags, reserved[3];
	char magic[4];
	uint32_t pe_offset; /* 0: not for EFI */
};

/* drivers/firmware/efi/libstub/zboot-header.S */
struct zboot {
	char mz[4], type[4];
	uint32_t offset, size, reserved[2];
	char codec[32];
};

/* PE: how much of the headers is looked at. */
#define PE_BYTES 24
#define PE_SECTION_BYTES 40
#define PE_MAX_SECTIONS 16

/* A signature may follow; it is of no use here. */
#define MAX_TAIL_BYTES MIB(1)

/* The instruction B and the sign of its offset, which counts words. */
#define B_MASK 0xfe000000u
#define B_FORWARD 0x14000000u

struct packed {
	enum unpack_codec codec;
	uint64_t offset, len; /* in the file */
};

static int refuse(const struct boot_file *f, const char *what)
{
	log_err("%s: %s", f->name, what);
	return -EINVAL;
}

static int find_zboot(struct packed *s, const struct boot_file *f,
		      const struct zboot *z)
{
	s->offset = z->offset;
	s->len = z->size;
	if (!boot_file_has(f, s->offset, s->len))
		return refuse(f, "truncated: it ends before the kernel that is "
				 "packed in it; get a complete image");
	if (!strncmp(z->codec, "gzip", sizeof(z->codec)))
		s->codec = UNPACK_GZIP;
	else if (!strncmp(z->codec, "zstd", 4))
		s->codec = UNPACK_ZSTD;
	else
		return refuse(f, "an EFI zboot image that is packed neither by "
				 "gzip nor by zstd; unpack it first");
	return 0;
}

static int find_packed(struct packed *s, const struct boot_file *f)
{
	union {
		struct zboot zboot;
		uint8_t gzip[3];
	} head = { 0 };
	int r = boot_file_read(f, 0, &head, MIN(f->size, sizeof(head)));

	*s = (struct packed){ UNPACK_STORED, 0, f->size };
	if (r)
		return r;
	if (!memcmp(&head, "MZ\0\0zimg", 8))
		return find_zboot(s, f, &head.zboot);
	if (!memcmp(head.gzip, "\x1f\x8b\x08", 3))
		s->codec = UNPACK_GZIP;
	return 0;
}

static int unknown_image(const struct boot_file *f, const struct header *h,
			 uint64_t len)
{
	const uint8_t *head = (const uint8_t *)h;

	if (len < HEADER_BYTES)
		return refuse(f, "too short for a kernel: another file, or "
				 "truncated; get a complete image");
	if (!memcmp(h->magic, "RSC\x05", 4))
		return refuse(f, "wrong architecture: this kernel is for "
				 "riscv, the guest is arm64; give one for "
				 "that");
	if (!memcmp(head, "\x7f\x45LF", 4))
		return refuse(f, "an ELF file; give the kernel's Image, which "
				 "is in arch/arm64/boot");
	if (!memcmp(head, "MZ", 2))
		return refuse(f, "not a kernel for arm64: an EFI program, or a "
				 "bzImage for x86; give an Image");
	return refuse(f, "not a kernel's Image, packed or not; give one for "
			 "arm64");
}

/*
 * An Image does not say how long its file is, but where it is an EFI program,
 * too, the table of sections does.
 */
static int check_sections(const struct boot_file *f, const struct header *h)
{
	uint8_t pe[PE_BYTES], section[PE_SECTION_BYTES];
	uint64_t at = h->pe_offset;
	unsigned int nr;
	int r = boot_file_read(f, at, pe, sizeof(pe));

	if (r)
		return r;
	nr = (unsigned int)load_le(pe + 6, 2);
	if (memcmp(pe, "PE\0", 4) || nr > PE_MAX_SECTIONS)
		return refuse(f, "damaged: its header for EFI is none; get a "
				 "complete image");
	at += PE_BYTES + load_le(pe + 20, 2);
	for (; nr; nr--, at += PE_SECTION_BYTES) {
		r = boot_file_read(f, at, section, sizeof(section));
		if (r)
			return r;
		if (!boot_file_has(f, load_le(section + 20, 4),
				   load_le(section + 16, 4)))
			return refuse(f, "truncated: a section is beyond its "
					 "end; get a complete image");
	}
	return 0;
}

/*
 * Of others what the kernel does first can be told: it branches into the code
 * for its start, which has a place in the last third or so.
 */
static int check_branch(const struct boot_file *f, const struct header *h)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(h->code); i++) {
		uint32_t insn = h->code[i];

		if ((insn & B_MASK) == B_FORWARD &&
		    !boot_file_has(f, 4 * (i + (insn & ~B_MASK)), 4))
			return refuse(f, "truncated: it ends before the code "
					 "that it starts with; get a complete "
					 "image");
	}
	return 0;
}

static int check_header(const struct boot_file *f, const struct header *h)
{
	if (!h->image_size)
		return refuse(f, "a kernel older than Linux 3.17; give a newer "
				 "one");
	if (h->image_size < HEADER_BYTES || h->text_offset % 8)
		return refuse(f, "not a kernel: its header has no sense; get a "
				 "complete image");
	return 0;
}

/* Where the kernel goes, or NULL. */
static uint8_t *place(struct image *img, const struct boot_file *f,
		      const struct ram *ram, const struct header *h)
{
	static const uint32_t page_bytes[] = { 0, KIB(4), KIB(16), KIB(64) };
	const struct ram_range *low = ram_range(ram, 0);

	if (h->text_offset > low->size ||
	    h->image_size > low->size - h->text_offset) {
		log_err("%s: wants memory up to %llu MiB, the guest has %llu "
			"MiB; give it more --memory",
			f->name,
			((unsigned long long)h->text_offset >> 20) +
				(h->image_size >> 20) + 1,
			(unsigned long long)low->size >> 20);
		return NULL;
	}
	img->start = low->gpa + h->text_offset;
	img->end = img->start + h->image_size;
	img->page_bytes = page_bytes[h->flags >> 1 & 3];
	return ram_ptr(ram, img->start, h->image_size);
}

/* To the end of a packed stream, where its checksum is. */
static int drop_tail(const struct boot_file *f, struct unpack *u)
{
	uint8_t tail[KIB(4)];
	uint64_t got, sum = 0;
	int r;

	do {
		r = unpack_read(u, tail, sizeof(tail), &got);
		sum += got;
	} while (!r && got == sizeof(tail) && sum <= MAX_TAIL_BYTES);
	if (!r && sum > MAX_TAIL_BYTES)
		return refuse(f, "longer than its header says; get a complete "
				 "image");
	return r;
}

static int load_stream(struct image *img, const struct boot_file *f,
		       struct ram *ram, const struct packed *s,
		       struct unpack *u)
{
	struct header h = { 0 };
	uint8_t *to;
	uint64_t got;
	int r = unpack_read(u, &h, sizeof(h), &got);

	if (r)
		return r;
	if (got < sizeof(h) || memcmp(h.magic, IMAGE_MAGIC, 4))
		return unknown_image(f, &h, got);
	r = check_header(f, &h);
	if (!r && s->codec == UNPACK_STORED)
		r = h.pe_offset ? check_sections(f, &h) : check_branch(f, &h);
	if (r)
		return r;
	to = place(img, f, ram, &h);
	if (!to)
		return -EINVAL;
	memcpy(to, &h, sizeof(h));
	r = unpack_read(u, to + sizeof(h), h.image_size - sizeof(h), &got);
	return r ? r : drop_tail(f, u);
}

static int find_version(const struct boot_file *f, struct unpack *u,
			char *version, size_t size)
{
	char *buf cleanup_free = malloc(BOOT_SCAN_BYTES);
	uint64_t got = 0, kept = 0;
	int r = 0;

	if (!buf) {
		log_err("%s: out of memory", f->name);
		return -ENOMEM;
	}
	while (!r) {
		r = unpack_read(u, buf + kept, BOOT_SCAN_BYTES - kept, &got);
		got += kept;
		if (!r && boot_version_in(buf, got, version, size))
			return 0;
		if (got < BOOT_SCAN_BYTES)
			break;
		kept = BOOT_SCAN_OVERLAP;
		memmove(buf, buf + got - kept, kept);
	}
	return r ? r : -ENOENT;
}

int image_version(const struct boot_file *f, char *version, size_t size)
{
	struct unpack *u;
	struct packed s;
	int r = find_packed(&s, f);

	if (!r)
		r = unpack_create(&u, f, s.codec, s.offset, s.len);
	if (r)
		return r;
	r = find_version(f, u, version, size);
	unpack_destroy(u);
	return r;
}

int image_load(struct image *img, const struct boot_file *f, struct ram *ram)
{
	struct unpack *u;
	struct packed s;
	int r = find_packed(&s, f);

	if (!r)
		r = unpack_create(&u, f, s.codec, s.offset, s.len);
	if (r)
		return r;
	r = load_stream(img, f, ram, &s, u);
	unpack_destroy(u);
	return r;
}
