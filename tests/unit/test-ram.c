// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-ram - guest RAM: bounds of every access, seals, and each way in which
 * it cannot be had.
 */
#include "harness.h"

#include "ram-fixture.h"

static void two_ranges_of_one_memfd(void **state)
{
	struct ram_params p = params_of(two, 2);
	struct ram *ram = make(&p);

	(void)state;
	assert_int_equal(ram_bytes(ram), MIB(1) + KIB(64));
	assert_int_equal(ram_nr_ranges(ram), 2);
	assert_int_equal(ram_range(ram, 0)->offset, 0);
	assert_int_equal(ram_range(ram, 1)->gpa, GIB(4));
	assert_int_equal(ram_range(ram, 1)->offset, MIB(1));
	assert_ptr_equal(ram_range(ram, 1)->hva,
			 (uint8_t *)ram_range(ram, 0)->hva + MIB(1));
	assert_null(ram_range(ram, 2));
	/* Congruent to its address in the guest, for huge mappings. */
	assert_int_equal((uintptr_t)ram_ptr(ram, 0, 1) % MIB(2), 0);
	assert_true(fcntl(ram_fd(ram), F_GETFD) & FD_CLOEXEC);
	ram_destroy(ram);
	ram_destroy(NULL);
}

static void is_sealed(void **state)
{
	struct ram_params p = params_of(two, 2);
	struct ram *ram = make(&p);

	(void)state;
	assert_int_equal(fcntl(ram_fd(ram), F_GET_SEALS) &
				 (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL),
			 F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	assert_int_equal(__real_ftruncate(ram_fd(ram), 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(__real_ftruncate(ram_fd(ram), (off_t)MIB(4)), -1);
	ram_destroy(ram);
}

static void bounds(void **state)
{
	static const struct {
		gpa_t gpa;
		uint64_t len;
		bool ok;
	} cases[] = {
		{ 0, 1, true },
		{ 0, MIB(1), true },
		{ 0, MIB(1) + 1, false },
		{ MIB(1) - 1, 1, true },
		{ MIB(1) - 1, 2, false },
		{ MIB(1), 1, false },
		{ GIB(4) - 1, 1, false },
		{ GIB(4) - 1, 2, false },
		{ GIB(4), KIB(64), true },
		{ GIB(4) + KIB(64) - 1, 1, true },
		{ GIB(4) + KIB(64), 1, false },
		{ UINT64_MAX, 1, false },
		{ UINT64_MAX, 2, false },
		{ UINT64_MAX - 7, 16, false },
		{ 1, UINT64_MAX, false },
		{ GIB(4), UINT64_MAX, false },
		{ GIB(4) + 8, UINT64_MAX - GIB(4), false },
	};
	struct ram_params p = params_of(two, 2);
	struct ram *ram = make(&p);
	char buf[2] = "ab";

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		void *ptr = ram_ptr(ram, cases[i].gpa, cases[i].len);

		assert_int_equal(ptr != NULL, cases[i].ok);
		if (cases[i].ok)
			continue;
		assert_int_equal(ram_read(ram, cases[i].gpa, buf, cases[i].len),
				 -EFAULT);
		assert_int_equal(ram_write(ram, cases[i].gpa, buf,
					   cases[i].len),
				 -EFAULT);
	}
	/* Refused as a whole: the part within is untouched. */
	assert_int_equal(ram_write(ram, MIB(1) - 1, buf, 2), -EFAULT);
	assert_int_equal(ram_read(ram, MIB(1) - 1, buf, 1), 0);
	assert_int_equal(buf[0], 0);
	/* Nothing is everywhere. */
	assert_int_equal(ram_read(ram, UINT64_MAX, buf, 0), 0);
	ram_destroy(ram);
}

static void reads_what_was_written(void **state)
{
	struct ram_params p = params_of(two, 2);
	struct ram *ram = make(&p);
	char buf[8] = "";

	(void)state;
	assert_int_equal(ram_write(ram, GIB(4) + 3, "wherry", 7), 0);
	assert_int_equal(ram_read(ram, GIB(4) + 3, buf, 7), 0);
	assert_string_equal(buf, "wherry");
	/* The same bytes by the file. */
	assert_int_equal(pread(ram_fd(ram), buf, 7, (off_t)MIB(1) + 3), 7);
	assert_string_equal(buf, "wherry");
	ram_destroy(ram);
}

static void clear_leaves_zeros_and_holes(void **state)
{
	static const struct range big[] = { { 0, MIB(64) } };
	struct ram_params p = params_of(big, 1);
	struct ram *ram = make(&p);
	char buf[8] = "";

	(void)state;
	assert_int_equal(ram_write(ram, 8, "first", 6), 0);
	assert_int_equal(ram_write(ram, MIB(33), "middle", 7), 0);
	assert_int_equal(ram_write(ram, MIB(64) - 6, "last", 5), 0);
	/* By the file, as a device does: in no page table of ours. */
	assert_int_equal(pwrite(ram_fd(ram), "dma", 4, (off_t)MIB(48)), 4);
	ram_clear(ram, 0, 1);
	for (gpa_t gpa = 0; gpa < MIB(64); gpa += PAGE / 2) {
		assert_int_equal(ram_read(ram, gpa, buf, 8), 0);
		assert_memory_equal(buf, "\0\0\0\0\0\0\0", 8);
	}
	assert_int_equal(ram_read(ram, MIB(64) - 8, buf, 8), 0);
	assert_memory_equal(buf, "\0\0\0\0\0\0\0", 8);
	ram_destroy(ram);

	/* Untouched RAM stays unallocated. */
	ram = make(&p);
	assert_int_equal(ram_write(ram, 0, "x", 1), 0);
	ram_clear(ram, 0, 1);
	assert_true(lseek(ram_fd(ram), (off_t)MIB(4), SEEK_DATA) < 0);
	ram_destroy(ram);
}

/* Each part is one thread's; together they are all of it. */
static void clears_by_parts(void **state)
{
	static const struct range big[] = { { 0, MIB(200) } };
	struct ram_params p = params_of(big, 1);
	struct ram *ram = make(&p);
	unsigned int left = 3;
	char buf[4];

	(void)state;
	for (gpa_t gpa = 0; gpa < MIB(200); gpa += MIB(1))
		assert_int_equal(ram_write(ram, gpa, "dirt", 4), 0);
	for (unsigned int part = 0; part < 3; part++, left--) {
		unsigned int dirty = 0;

		ram_clear(ram, part, 3);
		for (gpa_t gpa = 0; gpa < MIB(200); gpa += MIB(1)) {
			assert_int_equal(ram_read(ram, gpa, buf, 4), 0);
			dirty += buf[0] == 'd';
		}
		/* 64 MiB in turn, and the rest is the first one's. */
		assert_int_equal(dirty, (left - 1) * 64);
	}
	ram_destroy(ram);
}

static void malformed_ranges(void **state)
{
	static const struct range bad[][2] = {
		{ { 0, 0 }, { 0, 0 } },
		{ { 1, PAGE }, { GIB(4), PAGE } },
		{ { 0, PAGE + 1 }, { GIB(4), PAGE } },
		{ { GIB(4), PAGE }, { 0, PAGE } },
		{ { 0, 2 * PAGE }, { PAGE, PAGE } },
		{ { 0, PAGE }, { 0 - PAGE, 2 * PAGE } },
		{ { 0, 1ULL << 63 }, { 1ULL << 63, PAGE } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ram_params p = params_of(bad[i], 2);

		refused(&p, -EINVAL, "empty, unaligned or overlap");
	}
	for (unsigned int nr = 0; nr < 10; nr += 5) {
		struct ram_params p = params_of(two, nr);

		refused(&p, -EINVAL, "empty, unaligned or overlap");
	}
}

static void more_than_the_host_has(void **state)
{
	static const struct range huge[] = { { 0, GIB(1) << 20 } };
	struct ram_params p = params_of(huge, 1);

	(void)state;
	refused(&p, -ENOMEM, "not enough memory, this host has");
	p.prealloc = true;
	refused(&p, -ENOMEM, "M available; use a smaller --memory");
	p.prealloc = false;
	p.pinned = true;
	refused(&p, -ENOMEM, "M available; use a smaller --memory");
	assert_int_equal(fake.nr_memfds, 0);
}

static void falls_back_to_older_memfds(void **state)
{
	struct ram_params p = params_of(two, 2);

	(void)state;
	fake.memfd_errno = EINVAL;
	refused(&p, -EINVAL, "memory: memfd_create: Invalid argument");
	assert_int_equal(fake.nr_memfds, 2); /* with MFD_NOEXEC_SEAL first */
	assert_int_equal(fake.memfd_flags, MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

static void each_step_unwinds(void **state)
{
	struct ram_params p = params_of(two, 2);

	(void)state;
	fake.ftruncate_errno = EFBIG;
	refused(&p, -EFBIG,
		"setting the size: File too large; raise ulimit -f");
	fake.ftruncate_errno = 0;
	fake.mmap_errno = EAGAIN;
	refused(&p, -EAGAIN, "mapping 1M");
	fake.mmap_errno = 0;
	p.host_node = 5;
	fake.mbind_errno = EINVAL;
	refused(&p, -EINVAL, "host-node=5: cannot be had");
	fake.mbind_errno = ENOSYS;
	refused(&p, -ENOSYS, "this kernel has no NUMA");
	p.host_node = 1024;
	refused(&p, -EINVAL, "host-node=1024: no kernel has so many");
	p.host_node = -1;
	p.thp = 1;
	fake.madvise_errno = EINVAL;
	refused(&p, -EINVAL, "CONFIG_TRANSPARENT_HUGEPAGE");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, reset_fake)
	const struct CMUnitTest tests[] = {
		T(two_ranges_of_one_memfd),
		T(is_sealed),
		T(bounds),
		T(reads_what_was_written),
		T(clear_leaves_zeros_and_holes),
		T(clears_by_parts),
		T(malformed_ranges),
		T(more_than_the_host_has),
		T(falls_back_to_older_memfds),
		T(each_step_unwinds),
	};

	return run_all(tests);
}
