/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest RAM as a layout wants it, and a boot into it from files in memory,
 * whatever the architecture. After harness.h.
 */
#ifndef TESTS_UNIT_BOOT_LOAD_H
#define TESTS_UNIT_BOOT_LOAD_H

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arch.h"
#include "capture.h"
#include "ram.h"

static inline int file_of(const void *bytes, size_t len)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, len, 0), len);
	return fd;
}

/* 0, or what a set-up says for failure. */
static inline int boot_ram(struct layout *l, struct ram **ram, uint64_t bytes)
{
	struct ram_params params = { .thp = -1, .host_node = -1 };

	if (arch_layout_init(l, bytes, 40) ||
	    arch_layout_window(l, 40, UINT64_MAX))
		return -1;
	params.ranges = l->ram;
	params.nr_ranges = l->nr_ram;
	return ram_create(ram, &params);
}

/*
 * arch_boot_load() of in, whose kernel is closed after it, with an initrd of
 * that many bytes (0: none); *message is what it said.
 */
static inline int boot_load(struct ram *ram, const struct layout *l,
			    struct boot_params_in *in, uint64_t initrd_bytes,
			    struct boot_entry *entry, struct capture *capture,
			    const char **message)
{
	int r;

	in->kernel_name = "kernel";
	in->initrd_name = "initrd";
	in->initrd_fd = -1;
	if (initrd_bytes) {
		in->initrd_fd = file_of("initrd!", 7);
		assert_int_equal(ftruncate(in->initrd_fd, (off_t)initrd_bytes),
				 0);
	}
	capture_begin(capture);
	r = arch_boot_load(ram, l, in, entry);
	*message = capture_end(capture);
	if (in->initrd_fd >= 0)
		close(in->initrd_fd);
	close(in->kernel_fd);
	return r;
}

#endif
