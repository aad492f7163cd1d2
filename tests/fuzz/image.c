// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fuzzes the loaders of kernels. Input: a byte that says whether it is for the
 * architecture of the build or an Image for Arm, then the file.
 */
#include "tests/fuzz/must.h"

#include <sys/mman.h>
#include <unistd.h>

#include "arch.h"
#include "arm64/image.h"
#include "ram.h"

/* The library has these on Arm only. */
#include "src/arm64/image.c" /* NOLINT(bugprone-suspicious-include) */
#include "src/unpack.c" /* NOLINT(bugprone-suspicious-include) */

#define RAM_BYTES MIB(32)
#define FUZZ_PHYS_BITS 40

/* Made once: a file and RAM for each input would take all the time. */
struct bench {
	struct layout l;
	struct ram *ram;
	int fd;
};

static struct bench *bench(void)
{
	static struct bench b;
	struct ram_params params = { .thp = -1, .host_node = -1 };

	if (!b.ram) {
		assert_int_equal(
			arch_layout_init(&b.l, RAM_BYTES, FUZZ_PHYS_BITS), 0);
		params.ranges = b.l.ram;
		params.nr_ranges = b.l.nr_ram;
		assert_int_equal(ram_create(&b.ram, &params), 0);
		b.fd = memfd_create("image", MFD_CLOEXEC);
		assert_true(b.fd >= 0);
	}
	ram_clear(b.ram, 0, 1);
	return &b;
}

static void native(struct bench *b)
{
	struct boot_params_in in = { .kernel_fd = b->fd,
				     .kernel_name = "image",
				     .initrd_fd = -1,
				     .cmdline = "",
				     .nr_cpus = 1,
				     .pci_slots = 2 };
	struct boot_entry entry;
	int r = arch_boot_load(b->ram, &b->l, &in, &entry);

	assert_true(r <= 0);
	if (!r)
		assert_non_null(ram_ptr(b->ram, entry.arg, 1));
}

static void arm64(struct bench *b)
{
	const struct ram_range *low = ram_range(b->ram, 0);
	struct boot_file f;
	struct image img = { 0 };
	const uint64_t *p;
	int r = boot_file_init(&f, b->fd, "image");

	if (!r)
		r = image_load(&img, &f, b->ram);
	assert_true(r <= 0);
	if (r)
		return;
	assert_true(img.start >= low->gpa && img.start < img.end);
	assert_true(img.end <= low->gpa + low->size);
	/* Nothing is written beyond what the kernel claims. */
	p = ram_ptr(b->ram, align_up(img.end, 8), 64);
	for (unsigned int i = 0; p && i < 8; i++)
		assert_int_equal(p[i], 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bench *b = bench();

	if (!size)
		return 0;
	assert_int_equal(ftruncate(b->fd, 0), 0);
	assert_int_equal(pwrite(b->fd, data + 1, size - 1, 0), size - 1);
	if (data[0] & 1)
		arm64(b);
	else
		native(b);
	return 0;
}
