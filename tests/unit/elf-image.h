/* SPDX-License-Identifier: BSD-2-Clause */
/* A kernel of a few bytes, as a file. After harness.h. */
#ifndef TESTS_UNIT_ELF_IMAGE_H
#define TESTS_UNIT_ELF_IMAGE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ELF_IMAGE_ENTRY 0x1000000

/* An ELF file with code at its entry and, if asked, a PVH note: a fd that is
 * the caller's. */
static inline int elf_image(const void *code, size_t len, bool pvh)
{
	struct {
		Elf64_Ehdr eh;
		Elf64_Phdr ph[2];
		struct {
			Elf64_Nhdr h;
			char name[4];
			uint32_t entry;
		} note;
		uint8_t code[512];
	} f = {
		.eh = { .e_type = ET_EXEC,
			.e_machine = EM_X86_64,
			.e_entry = ELF_IMAGE_ENTRY,
			.e_phoff = offsetof(typeof(f), ph),
			.e_phentsize = sizeof(f.ph[0]),
			.e_phnum = pvh ? 2 : 1 },
		.ph = { { .p_type = PT_LOAD,
			  .p_offset = offsetof(typeof(f), code),
			  .p_paddr = ELF_IMAGE_ENTRY,
			  .p_filesz = sizeof(f.code),
			  .p_memsz = 4096 },
			{ .p_type = PT_NOTE,
			  .p_offset = offsetof(typeof(f), note),
			  .p_filesz = sizeof(f.note) } },
		.note = { { 4, 4, 18 }, "Xen", ELF_IMAGE_ENTRY },
	};
	int fd = memfd_create("kernel", MFD_CLOEXEC);

	memcpy(f.eh.e_ident, ELFMAG, SELFMAG);
	f.eh.e_ident[EI_CLASS] = ELFCLASS64;
	f.eh.e_ident[EI_DATA] = ELFDATA2LSB;
	assert_true(len <= sizeof(f.code));
	memcpy(f.code, code, len);
	assert_int_equal(pwrite(fd, &f, sizeof(f), 0), sizeof(f));
	return fd;
}

#endif
