/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine to build on the fake kernel: two NVMe controllers, a kernel of a
 * few bytes. After fake-kernel.h.
 */
#ifndef TESTS_UNIT_FAKE_MACHINE_H
#define TESTS_UNIT_FAKE_MACHINE_H

#include <elf.h>
#include <stdlib.h>

#include "machine.h"

#define FAKE_ENTRY 0x1000000

/* An ELF file with a PVH note, by a path that can be opened. */
static inline char *fake_image(void)
{
	static char path[64];
	struct {
		Elf64_Ehdr eh;
		Elf64_Phdr ph[2];
		struct {
			Elf64_Nhdr h;
			char name[4];
			uint32_t entry;
		} note;
		uint8_t code[64];
	} f = {
		.eh = { .e_type = ET_EXEC,
			.e_machine = EM_X86_64,
			.e_entry = FAKE_ENTRY,
			.e_phoff = offsetof(typeof(f), ph),
			.e_phentsize = sizeof(f.ph[0]),
			.e_phnum = 2 },
		.ph = { { .p_type = PT_LOAD,
			  .p_offset = offsetof(typeof(f), code),
			  .p_paddr = FAKE_ENTRY,
			  .p_filesz = sizeof(f.code),
			  .p_memsz = 4096 },
			{ .p_type = PT_NOTE,
			  .p_offset = offsetof(typeof(f), note),
			  .p_filesz = sizeof(f.note) } },
		.note = { { 4, 4, 18 }, "Xen", FAKE_ENTRY },
	};
	int fd = memfd_create("kernel", MFD_CLOEXEC);

	memcpy(f.eh.e_ident, ELFMAG, SELFMAG);
	f.eh.e_ident[EI_CLASS] = ELFCLASS64;
	f.eh.e_ident[EI_DATA] = ELFDATA2LSB;
	assert_int_equal(pwrite(fd, &f, sizeof(f), 0), sizeof(f));
	/* Open to the end of the program. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return path;
}

static inline struct run_config fake_run_config(char *kernel)
{
	static char first[] = "0000:01:00.0", second[] = "0000:02:00.0";
	static char name[] = "test", append[] = "";
	struct run_config cfg = {
		.name = name,
		.kernel = kernel,
		.append = append,
		.memory = { .bytes = MIB(32), .host_node = -1 },
		.cpus = { .nr = 2 },
		.devices = { { .kind = DEVICE_BDF, .spec = first },
			     { .kind = DEVICE_BDF, .spec = second } },
		.nr_devices = 2,
		.console = { .kind = CONSOLE_OFF },
		.iommufd = -1,
		.kvm = -1,
		.sandbox = SANDBOX_OFF,
	};

	for (unsigned int i = 0; i < cfg.nr_devices; i++) {
		cfg.devices[i].fd = cfg.devices[i].devid = -1;
		cfg.devices[i].port = -1;
	}
	return cfg;
}

/* Mappings of memfds: of guest RAM, of devices, of vCPUs. */
static inline unsigned int nr_mapped(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned int n = 0;
	char line[512];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, "/memfd:") != NULL;
	fclose(f);
	return n;
}

#endif
