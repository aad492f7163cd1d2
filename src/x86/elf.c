// SPDX-License-Identifier: BSD-2-Clause
/*
 * Owns the loading of an ELF vmlinux: its segments, and where it is entered:
 * by its PVH note (Xen's XEN_ELFNOTE_PHYS32_ENTRY), else by the 64-bit entry.
 */
#include "x86/image.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fd.h"
#include "log.h"
#include "x86/map.h"

#define MAX_SEGMENTS 64
#define MAX_NOTES_BYTES KIB(64)
#define NOTE_PHYS32_ENTRY 18
#define IDENTITY_MAPPED GIB(4)

/* What Linux keeps of its command line, without the NUL. */
#define LINUX_CMDLINE_MAX 2047

bool elf_probe(const uint8_t *head, size_t len)
{
	return len >= SELFMAG && !memcmp(head, ELFMAG, SELFMAG);
}

static const char *machine_name(uint16_t machine)
{
	switch (machine) {
	case EM_386:
		return "32-bit x86";
	case EM_AARCH64:
		return "arm64";
	case EM_ARM:
		return "32-bit arm";
	case EM_RISCV:
		return "riscv";
	case EM_PPC64:
		return "powerpc";
	case EM_S390:
		return "s390";
	default:
		return "another architecture";
	}
}

static int check_header(const Elf64_Ehdr *eh, size_t len, const char *name)
{
	/* e_machine is at the same place in both classes. */
	if (len >= sizeof(Elf32_Ehdr) && eh->e_machine != EM_X86_64) {
		log_err("%s: wrong architecture: this kernel is for %s, the "
			"guest is x86_64; give one for that",
			name, machine_name(eh->e_machine));
		return -EINVAL;
	}
	if (len < sizeof(*eh)) {
		log_err("%s: truncated: its ELF header is incomplete; get a "
			"complete image",
			name);
		return -EINVAL;
	}
	if (eh->e_ident[EI_CLASS] != ELFCLASS64 ||
	    eh->e_ident[EI_DATA] != ELFDATA2LSB) {
		log_err("%s: wrong architecture: not a 64-bit little-endian "
			"ELF file; give a kernel for x86_64",
			name);
		return -EINVAL;
	}
	if (eh->e_type != ET_EXEC && eh->e_type != ET_DYN) {
		log_err("%s: not a kernel: its ELF type is %u; give the "
			"linked vmlinux or the bzImage",
			name, eh->e_type);
		return -EINVAL;
	}
	if (eh->e_phentsize != sizeof(Elf64_Phdr) || !eh->e_phnum ||
	    eh->e_phnum > MAX_SEGMENTS) {
		log_err("%s: not a kernel: %u program headers of %u bytes",
			name, eh->e_phnum, eh->e_phentsize);
		return -EINVAL;
	}
	return 0;
}

static int load_segment(struct image *img, const struct boot_file *f,
			struct ram *ram, const Elf64_Phdr *ph)
{
	uint64_t end;

	if (!ph->p_memsz)
		return 0;
	if (ph->p_filesz > ph->p_memsz ||
	    __builtin_add_overflow(ph->p_paddr, ph->p_memsz, &end) ||
	    ph->p_paddr < HIGH_RAM_BASE) {
		log_err("%s: not a kernel: a segment of %#llx bytes at "
			"%#llx",
			f->name, (unsigned long long)ph->p_memsz,
			(unsigned long long)ph->p_paddr);
		return -EINVAL;
	}
	if (!ram_ptr(ram, ph->p_paddr, ph->p_memsz)) {
		log_err("%s: wants memory up to %llu MiB, where the guest has "
			"none; give it more --memory",
			f->name, (unsigned long long)(end >> 20) + 1);
		return -EINVAL;
	}
	img->start = MIN(img->start, ph->p_paddr);
	img->end = MAX(img->end, end);
	/* What is beyond p_filesz is zero already: RAM is clear. */
	return boot_file_load(f, ph->p_offset, ram, ph->p_paddr, ph->p_filesz);
}

/* Finds the PVH entry in size bytes of notes; 0 when there is none. */
static uint64_t find_pvh_entry(const uint8_t *notes, size_t size)
{
	Elf64_Nhdr nh;

	while (size >= sizeof(nh)) {
		uint64_t name_len, desc_len;
		const uint8_t *desc;

		memcpy(&nh, notes, sizeof(nh));
		name_len = align_up(nh.n_namesz, 4);
		desc_len = align_up(nh.n_descsz, 4);
		if (name_len + desc_len > size - sizeof(nh))
			return 0;
		desc = notes + sizeof(nh) + name_len;
		if (nh.n_type == NOTE_PHYS32_ENTRY && nh.n_namesz == 4 &&
		    !memcmp(notes + sizeof(nh), "Xen", 4) &&
		    (nh.n_descsz == 4 || nh.n_descsz == 8))
			return load_le(desc, nh.n_descsz);
		notes = desc + desc_len;
		size -= sizeof(nh) + name_len + desc_len;
	}
	return 0;
}

static int read_notes(struct image *img, const struct boot_file *f,
		      const Elf64_Phdr *ph)
{
	uint8_t *notes cleanup_free = NULL;
	uint64_t entry;
	int r;

	/* Larger ones are none that a kernel has. */
	if (!ph->p_filesz || ph->p_filesz > MAX_NOTES_BYTES)
		return 0;
	notes = malloc(ph->p_filesz);
	if (!notes) {
		log_err("%s: out of memory", f->name);
		return -ENOMEM;
	}
	r = boot_file_read(f, ph->p_offset, notes, ph->p_filesz);
	if (r)
		return r;
	entry = find_pvh_entry(notes, ph->p_filesz);
	if (entry) {
		img->entry = entry;
		img->pvh = true;
	}
	return 0;
}

int elf_load(struct image *img, const struct boot_file *f, struct ram *ram,
	     const uint8_t *head, size_t len)
{
	Elf64_Phdr ph[MAX_SEGMENTS];
	Elf64_Ehdr eh = { 0 };
	int r;

	memcpy(&eh, head, MIN(len, sizeof(eh)));
	r = check_header(&eh, len, f->name);
	if (!r)
		r = boot_file_read(f, eh.e_phoff, ph,
				   eh.e_phnum * sizeof(ph[0]));
	if (r)
		return r;

	*img = (struct image){
		.start = UINT64_MAX,
		.entry = eh.e_entry,
		.cmdline_max = LINUX_CMDLINE_MAX,
		.initrd_last = UINT32_MAX,
		.hdr = { .boot_flag = 0xaa55,
			 .header = 0x53726448,
			 .version = 0x020c,
			 .loadflags = LOADED_HIGH },
	};
	for (unsigned int i = 0; !r && i < eh.e_phnum; i++) {
		if (ph[i].p_type == PT_LOAD)
			r = load_segment(img, f, ram, &ph[i]);
		else if (ph[i].p_type == PT_NOTE)
			r = read_notes(img, f, &ph[i]);
	}
	if (r)
		return r;
	if (img->entry < img->start || img->entry >= img->end ||
	    img->entry >= IDENTITY_MAPPED) {
		log_err("%s: not a kernel: its entry %#llx is in no segment",
			f->name, (unsigned long long)img->entry);
		return -EINVAL;
	}
	return 0;
}
