/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernels of a few bytes, and guest RAM to load them into. After harness.h.
 */
#ifndef TESTS_UNIT_BOOT_FIXTURE_H
#define TESTS_UNIT_BOOT_FIXTURE_H

#include <asm/bootparam.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "boot-load.h"
#include "power.h"
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

static inline int setup_bytes(void **state, uint64_t bytes)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	strcpy(f->cmdline, "console=ttyS0");
	*state = f;
	return boot_ram(&f->l, &f->ram, bytes);
}

static inline int setup(void **state)
{
	return setup_bytes(state, RAM_BYTES);
}

static inline int setup_past_the_hole(void **state)
{
	return setup_bytes(state, GIB(3) + MIB(256));
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	ram_destroy(f->ram);
	free(f);
	return 0;
}

/* Boots f->image; the message is kept. */
static inline int load(struct fixture *f)
{
	struct boot_params_in in = {
		.kernel_fd = file_of(f->image, f->len),
		.cmdline = f->cmdline,
		.nr_cpus = 1,
		.pci_slots = 1,
	};

	return boot_load(f->ram, &f->l, &in, f->initrd_bytes, &f->entry,
			 &f->capture, &f->message);
}

static inline void refused(struct fixture *f, int error, const char *why)
{
	assert_int_equal(load(f), error);
	if (!strstr(f->message, why))
		fail_msg("'%s' is not in '%s'", why, f->message);
	/* One line, which names what it is about. */
	assert_ptr_equal(strchr(f->message, '\n') + 1,
			 f->message + strlen(f->message));
}

static inline Elf64_Ehdr *ehdr(struct fixture *f)
{
	return (void *)f->image;
}

static inline Elf64_Phdr *phdr(struct fixture *f, unsigned int i)
{
	return (Elf64_Phdr *)(f->image + 64) + i;
}

/* One segment of 0x1000 bytes and as much bss at 16 MiB, one of notes. */
static inline void make_elf(struct fixture *f, bool pvh)
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

static inline struct setup_header *hdr(struct fixture *f)
{
	return (void *)(f->image + 0x1f1);
}

static inline void make_bzimage(struct fixture *f)
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

static inline const void *at(const struct fixture *f, gpa_t gpa, size_t len)
{
	const void *p = ram_ptr(f->ram, gpa, len);

	assert_non_null(p);
	return p;
}

#endif
