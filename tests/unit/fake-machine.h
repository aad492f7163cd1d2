/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine to build on the fake kernel: two NVMe controllers, a kernel of a
 * few bytes. After fake-kernel.h.
 */
#ifndef TESTS_UNIT_FAKE_MACHINE_H
#define TESTS_UNIT_FAKE_MACHINE_H

#include <stdlib.h>

#include "elf-image.h"
#include "machine.h"

/* An ELF file with a PVH note, by a path that can be opened. */
static inline char *fake_image(void)
{
	static char path[64];
	int fd = elf_image("", 0, true);

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
