// SPDX-License-Identifier: BSD-2-Clause
/*
 * Owns what is in RAM when the guest starts: kernel, initrd, command line, and
 * the structures that tell about them: start info (PVH) or zero page (64-bit
 * entry).  Formats are elf.c's and bzimage.c's, tables acpi.c's.
 */
#include "arch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "boot.h"
#include "log.h"
#include "power.h"
#include "x86/acpi.h"
#include "x86/image.h"
#include "x86/map.h"

#define PAGE 4096
#define RESET_PORT (POWER_BASE + POWER_REG_RESET)
#define LOADER_UNREGISTERED 0xff

enum { E820_RAM = 1, E820_RESERVED = 2, E820_ACPI = 3 };

#define MAX_E820 (RAM_MAX_RANGES + 4)

/* Xen's public/arch-x86/hvm/start_info.h: version 1 */
#define START_INFO_MAGIC 0x336ec578

struct start_info {
	uint32_t magic, version, flags, nr_modules;
	uint64_t modules, cmdline, rsdp;
	uint64_t memmap; /* version 1 */
	uint32_t nr_memmap, reserved;
};

struct start_module {
	uint64_t addr, size, cmdline, reserved;
};

struct start_memmap {
	uint64_t addr, size;
	uint32_t type, reserved;
};

/* BOOT_START_INFO: within a page. */
struct start_area {
	struct start_info info;
	struct start_module initrd;
	struct start_memmap memmap[MAX_E820];
};

struct e820 {
	struct boot_e820_entry entry[MAX_E820];
	unsigned int nr;
};

/* What every kind of entry tells the kernel. */
struct boot_info {
	struct image img;
	struct e820 e820;
	struct range initrd;
	gpa_t rsdp;
};

static int unknown_image(const char *name, const uint8_t *head, size_t len)
{
	const char *what = "neither an ELF vmlinux nor a bzImage; give "
			   "one of these";

	if (len >= 60 && !memcmp(head + 56, "ARM\x64", 4))
		what = "wrong architecture: this kernel is for arm64, the "
		       "guest is x86_64; give one for that";
	else if (len >= 60 && !memcmp(head + 56, "RSC\x05", 4))
		what = "wrong architecture: this kernel is for riscv, the "
		       "guest is x86_64; give one for that";
	else if (len >= 8 && !memcmp(head, "MZ\0\0zimg", 8))
		what = "an EFI zboot image, not a kernel for x86_64; give a "
		       "bzImage";
	else if (len >= 2 && !memcmp(head, "\x1f\x8b", 2))
		what = "compressed by gzip; unpack it first";
	else if (len < 1024)
		what = "too short for a kernel: another file, or truncated; "
		       "get a complete image";
	log_err("%s: %s", name, what);
	return -EINVAL;
}

static int load_kernel(struct image *img, struct ram *ram,
		       const struct boot_params_in *in)
{
	uint8_t head[IMAGE_HEAD_BYTES];
	struct boot_file f;
	size_t len;
	int r = boot_file_init(&f, in->kernel_fd, in->kernel_name);

	if (r)
		return r;
	len = MIN(f.size, sizeof(head));
	r = boot_file_read(&f, 0, head, len);
	if (r)
		return r;
	if (elf_probe(head, len))
		return elf_load(img, &f, ram, head, len);
	if (bzimage_probe(head, len))
		return bzimage_load(img, &f, ram, head, len);
	return unknown_image(f.name, head, len);
}

int arch_image_version(const struct boot_file *f, char *version, size_t size)
{
	uint8_t head[IMAGE_HEAD_BYTES];
	size_t len = MIN(f->size, sizeof(head));
	int r = boot_file_read(f, 0, head, len);

	if (r)
		return r;
	if (!bzimage_probe(head, len))
		return boot_file_version(f, version, size);
	return bzimage_version(f, head, version, size) ? 0 : -ENOENT;
}

static int load_cmdline(const struct image *img, struct ram *ram,
			const char *cmdline)
{
	uint64_t max = MIN(img->cmdline_max, BOOT_CMDLINE_MAX - 1);
	int r = boot_check_cmdline(cmdline, max);

	if (r)
		return r;
	return ram_write(ram, BOOT_CMDLINE, cmdline, strlen(cmdline) + 1);
}

static int load_initrd(struct boot_info *b, struct ram *ram,
		       const struct boot_params_in *in)
{
	const struct ram_range *low = ram_range(ram, 0);
	uint64_t top = MIN(low->gpa + low->size - 1, b->img.initrd_last) + 1;
	struct range room = { b->img.end,
			      top > b->img.end ? top - b->img.end : 0 };

	return boot_load_initrd(ram, in->initrd_fd, in->initrd_name, &room,
				&b->initrd);
}

static void add_e820(struct e820 *e, uint64_t start, uint64_t end,
		     uint32_t type)
{
	e->entry[e->nr++] =
		(struct boot_e820_entry){ start, end - start, type };
}

static void build_e820(struct e820 *e, const struct layout *l)
{
	const struct range *low = &l->ram[0];

	add_e820(e, 0, LOW_RAM_END, E820_RAM);
	add_e820(e, ACPI_BASE, INFO_BASE, E820_ACPI);
	add_e820(e, INFO_BASE, HIGH_RAM_BASE, E820_RESERVED);
	add_e820(e, HIGH_RAM_BASE, low->start + low->size, E820_RAM);
	add_e820(e, l->ecam.start, l->ecam.start + l->ecam.size, E820_RESERVED);
	for (unsigned int i = 1; i < l->nr_ram; i++)
		add_e820(e, l->ram[i].start, l->ram[i].start + l->ram[i].size,
			 E820_RAM);
}

static int write_start_info(const struct boot_info *b, struct ram *ram)
{
	struct start_area a = {
		.info = {
			.magic = START_INFO_MAGIC,
			.version = 1,
			.cmdline = BOOT_CMDLINE,
			.rsdp = b->rsdp,
			.memmap = BOOT_START_INFO +
				  offsetof(struct start_area, memmap),
			.nr_memmap = b->e820.nr,
		},
	};

	for (unsigned int i = 0; i < b->e820.nr; i++)
		a.memmap[i] = (struct start_memmap){
			.addr = b->e820.entry[i].addr,
			.size = b->e820.entry[i].size,
			.type = b->e820.entry[i].type,
		};
	if (b->initrd.size) {
		a.info.nr_modules = 1;
		a.info.modules =
			BOOT_START_INFO + offsetof(struct start_area, initrd);
		a.initrd.addr = b->initrd.start;
		a.initrd.size = b->initrd.size;
	}
	return ram_write(ram, BOOT_START_INFO, &a, sizeof(a));
}

static int write_zero_page(const struct boot_info *b, struct ram *ram)
{
	struct boot_params z = { .hdr = b->img.hdr };

	z.hdr.type_of_loader = LOADER_UNREGISTERED;
	z.hdr.cmd_line_ptr = BOOT_CMDLINE;
	z.hdr.ramdisk_image = (uint32_t)b->initrd.start;
	z.hdr.ramdisk_size = (uint32_t)b->initrd.size;
	/* Lists of ours only, never what a file points to. */
	z.hdr.setup_data = 0;
	z.acpi_rsdp_addr = b->rsdp;
	z.e820_entries = (uint8_t)b->e820.nr;
	memcpy(z.e820_table, b->e820.entry,
	       b->e820.nr * sizeof(z.e820_table[0]));
	return ram_write(ram, BOOT_ZERO_PAGE, &z, sizeof(z));
}

/* The first 4 GiB as they are, in pages of 2 MiB. */
static int write_page_table(struct ram *ram)
{
	enum { PRESENT = 1, WRITE = 2, LARGE = 0x80, ENTRIES = 512 };
	uint64_t *t = ram_ptr(ram, BOOT_PAGE_TABLE, 6 * PAGE);
	uint64_t *pdpt, *pd;

	if (!t)
		return -EFAULT;
	memset(t, 0, 6 * PAGE);
	pdpt = t + ENTRIES;
	pd = pdpt + ENTRIES;
	t[0] = (BOOT_PAGE_TABLE + PAGE) | PRESENT | WRITE;
	for (unsigned int i = 0; i < 4; i++)
		pdpt[i] = (BOOT_PAGE_TABLE + (2 + i) * PAGE) | PRESENT | WRITE;
	for (uint64_t i = 0; i < 4 * ENTRIES; i++)
		pd[i] = i * MIB(2) | PRESENT | WRITE | LARGE;
	return 0;
}

/* Flat segments where the 64-bit protocol wants them: 0x10 code, 0x18 data. */
static int write_gdt(struct ram *ram)
{
	static const uint64_t gdt[] = { 0, 0, 0x00af9b000000ffff,
					0x00cf93000000ffff };

	return ram_write(ram, BOOT_GDT, gdt, sizeof(gdt));
}

/*
 * Where a CPU goes that wants the firmware to reset the machine: Linux does,
 * in real mode, if it is built for EFI, finds ACPI hardware-reduced and takes
 * that for EFI. 16-bit code that writes the reset register.
 */
static int write_reset_vector(struct ram *ram)
{
	static const uint8_t code[] = {
		0xba,
		RESET_PORT & 0xff,
		RESET_PORT >> 8, /* mov dx, imm */
		0xb0,
		POWER_RESET_VALUE, /* mov al, imm */
		0xee, /* out dx, al */
		0xf4,
		0xeb,
		0xfd, /* 1: hlt; jmp 1b */
	};

	return ram_write(ram, BOOT_RESET_VECTOR, code, sizeof(code));
}

int arch_boot_load(struct ram *ram, const struct layout *l,
		   const struct boot_params_in *in, struct boot_entry *entry)
{
	struct boot_info b = { 0 };
	int r = load_kernel(&b.img, ram, in);

	if (!r)
		r = load_cmdline(&b.img, ram, in->cmdline);
	if (!r)
		r = load_initrd(&b, ram, in);
	if (!r)
		r = acpi_build(ram, l, in->nr_cpus, in->pci_slots, &b.rsdp);
	if (!r)
		r = write_reset_vector(ram);
	if (r)
		return r;
	build_e820(&b.e820, l);

	*entry = (struct boot_entry){ .ip = b.img.entry };
	if (b.img.pvh) {
		entry->arg = BOOT_START_INFO;
		return write_start_info(&b, ram);
	}
	entry->arg = BOOT_ZERO_PAGE;
	entry->page_table = BOOT_PAGE_TABLE;
	r = write_zero_page(&b, ram);
	if (!r)
		r = write_page_table(ram);
	if (!r)
		r = write_gdt(ram);
	return r;
}
