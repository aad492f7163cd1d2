/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine to build on the fake kernel: two NVMe controllers, a kernel of a
 * few bytes; and its life from start to end. After fake-kernel.h.
 */
#ifndef TESTS_UNIT_FAKE_MACHINE_H
#define TESTS_UNIT_FAKE_MACHINE_H

#include <stdlib.h>

#include "capture.h"
#include "elf-image.h"
#include "fds.h"
#include "machine.h"

static char *kernel; /* that main() makes */

/* An ELF file with a PVH note, by a path that can be opened. */
static inline char *fake_image(void)
{
	static char path[64];
	int fd = elf_image("", 0, true);

	/* Open to the end of the program. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return path;
}

static inline struct run_config fake_run_config(void)
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

static inline int reset_fake(void **state)
{
	(void)state;
	fake_reset();
	return 0;
}

/* Up and down again; what machine_create() said. */
static inline int whole_life(const struct run_config *cfg)
{
	struct machine *m = NULL;
	struct stats stats;
	int r;

	stats_init(&stats);
	r = machine_create(&m, cfg, &stats);
	assert_int_equal(!r, !!m);
	machine_destroy(m);
	return r;
}

/* What may fail without a word: answers that have a default. */
static inline bool may_fail(unsigned long request)
{
	return request == KVM_CHECK_EXTENSION || request == KVM_GET_STATS_FD ||
	       request == KVM_GET_TSC_KHZ || request == KVM_SET_TSC_KHZ;
}

/* A life with something failing, set in fake. */
static inline void broken_life(const struct run_config *cfg)
{
	unsigned int fds = nr_fds(), maps = nr_mapped();
	struct capture c;
	int r;

	capture_begin(&c);
	r = whole_life(cfg);
	capture_end(&c);
	if (!r && may_fail(ioctls.failed))
		return;
	if (!r || strncmp(c.text, "wherry: ", 8) ||
	    strchr(c.text, '\n') != c.text + strlen(c.text) - 1)
		fail_msg("ioctl %#lx: %d, '%s'", ioctls.failed, r, c.text);
	/* Nothing left, nothing half bound. */
	assert_int_equal(nr_fds(), fds);
	assert_int_equal(nr_mapped(), maps);
	for (int i = 0; i < 2; i++)
		assert_false(fake.attached[i] || fake.in_kvm[i]);
}

static inline void fails_with(const struct run_config *cfg, const char *says)
{
	struct capture c;

	capture_begin(&c);
	assert_true(whole_life(cfg) < 0);
	capture_end(&c);
	if (!strstr(c.text, says))
		fail_msg("no '%s' in '%s'", says, c.text);
}

/* How many ioctls a start takes. */
static inline int ioctls_to_start(const struct run_config *cfg)
{
	struct machine *m;
	struct stats stats;
	int nr;

	stats_init(&stats);
	assert_int_equal(machine_create(&m, cfg, &stats), 0);
	nr = ioctls.nr;
	machine_destroy(m);
	return nr;
}

#endif
