// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-ram - guest RAM: bounds of every access, seals, and each way in which
 * the host has too little. System calls are wrapped to fail where asked.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "capture.h"
#include "ram.h"

#define PAGE KIB(4)

/* What the wrapped calls do. */
static struct {
	int memfd_errno, ftruncate_errno, mmap_errno, populate_errno;
	int fallocate_errno, mbind_errno, madvise_errno, collapse_errno;
	unsigned int memfd_flags, nr_populated, nr_touched, nr_memfds;
	unsigned int nr_collapses;
	bool populate_fakes; /* nothing is allocated */
	int advice; /* on huge pages; -1: none */
	long mbind_mode;
	unsigned long mbind_mask; /* of the first 64 nodes */
	size_t advised, bound; /* bytes */
} fake;

int __real_memfd_create(const char *name, unsigned int flags);
int __wrap_memfd_create(const char *name, unsigned int flags);
int __wrap_ftruncate(int fd, off_t size);
int __real_ftruncate(int fd, off_t size);
void *__real_mmap(void *addr, size_t len, int prot, int flags, int fd,
		  off_t offset);
void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd,
		  off_t offset);
int __real_madvise(void *addr, size_t len, int advice);
int __wrap_madvise(void *addr, size_t len, int advice);
int __real_fallocate(int fd, int mode, off_t offset, off_t len);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t len);
long __wrap_syscall(long nr, ...);

static int fails(int number)
{
	errno = number;
	return number ? -1 : 0;
}

int __wrap_memfd_create(const char *name, unsigned int flags)
{
	if (strcmp(name, RAM_MEMFD_NAME)) /* capture.h's */
		return __real_memfd_create(name, flags);
	fake.memfd_flags = flags;
	fake.nr_memfds++;
	if (fails(fake.memfd_errno))
		return -1;
	/* Ordinary pages stand in for huge ones. */
	return __real_memfd_create(name,
				   flags & (MFD_CLOEXEC | MFD_ALLOW_SEALING));
}

int __wrap_ftruncate(int fd, off_t size)
{
	return fails(fake.ftruncate_errno) ? -1 : __real_ftruncate(fd, size);
}

void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd,
		  off_t offset)
{
	if (flags & MAP_SHARED && fails(fake.mmap_errno))
		return MAP_FAILED;
	return __real_mmap(addr, len, prot, flags, fd, offset);
}

int __wrap_madvise(void *addr, size_t len, int advice)
{
	if (advice == 25) { /* MADV_COLLAPSE */
		__atomic_fetch_add(&fake.nr_collapses, 1, __ATOMIC_RELAXED);
		return fails(fake.collapse_errno);
	}
	if (advice == 23) { /* MADV_POPULATE_WRITE */
		__atomic_fetch_add(len == PAGE ? &fake.nr_touched :
						 &fake.nr_populated,
				   1, __ATOMIC_RELAXED);
		if (fails(fake.populate_errno))
			return -1;
		if (fake.populate_fakes)
			return 0;
		return __real_madvise(addr, len, advice);
	}
	if (advice == MADV_HUGEPAGE || advice == MADV_NOHUGEPAGE) {
		fake.advice = advice;
		fake.advised = len;
		return fails(fake.madvise_errno);
	}
	return __real_madvise(addr, len, advice);
}

int __wrap_fallocate(int fd, int mode, off_t offset, off_t len)
{
	if (fails(fake.fallocate_errno))
		return -1;
	return __real_fallocate(fd, mode, offset, len);
}

/* mbind() is the only call made by number. */
long __wrap_syscall(long nr, ...)
{
	va_list ap;

	assert_int_equal(nr, SYS_mbind);
	va_start(ap, nr);
	assert_non_null(va_arg(ap, void *));
	fake.bound = va_arg(ap, size_t);
	fake.mbind_mode = va_arg(ap, int);
	fake.mbind_mask = *va_arg(ap, unsigned long *);
	va_end(ap);
	return fails(fake.mbind_errno);
}

static int reset_fake(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	fake.advice = -1;
	return 0;
}

/* 1 MiB at 0, and 64 KiB at 4 GiB. */
static const struct range two[] = {
	{ 0, MIB(1) },
	{ GIB(4), KIB(64) },
};

static const struct range four_mib[] = { { 0, MIB(4) } };

static struct ram_params params_of(const struct range *ranges, unsigned int nr)
{
	return (struct ram_params){
		.ranges = ranges,
		.nr_ranges = nr,
		.thp = -1,
		.host_node = -1,
	};
}

static struct ram *make(const struct ram_params *params)
{
	struct ram *ram = NULL;

	assert_int_equal(ram_create(&ram, params), 0);
	assert_non_null(ram);
	return ram;
}

static unsigned int open_fds(void)
{
	unsigned int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* ram_create() must fail with r, say text, and leave nothing open. */
static void refused(const struct ram_params *params, int r, const char *text)
{
	unsigned int before = open_fds();
	struct ram *ram = NULL;
	struct capture c;
	int got;

	capture_begin(&c);
	got = ram_create(&ram, params);
	capture_end(&c);
	assert_int_equal(got, r);
	assert_null(ram);
	if (!strstr(c.text, text))
		fail_msg("said: %swanted: %s", c.text, text);
	assert_ptr_equal(strchr(c.text, '\n'), c.text + strlen(c.text) - 1);
	assert_int_equal(open_fds(), before);
}

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

static void populates_all_of_it(void **state)
{
	static const struct range big[] = { { 0, MIB(96) },
					    { GIB(4), MIB(40) } };
	struct ram_params p = params_of(big, 2);
	struct ram *ram;

	(void)state;
	p.prealloc = true;
	ram = make(&p);
	/* Chunks of 64 MiB, and a page in each 2 MiB first. */
	assert_int_equal(fake.nr_populated, 3);
	assert_int_equal(fake.nr_touched, 68);
	assert_int_equal(fake.nr_collapses, 3);
	assert_int_equal(ram_huge_bytes(ram), MIB(136));
	assert_int_equal(lseek(ram_fd(ram), 0, SEEK_HOLE), (off_t)MIB(136));
	ram_destroy(ram);

	/* The same for DMA. */
	memset(&fake, 0, sizeof(fake));
	p.prealloc = false;
	p.pinned = true;
	ram_destroy(make(&p));
	assert_int_equal(fake.nr_populated, 3);

	/* Before Linux 5.14 the file is asked instead. */
	fake.populate_errno = EINVAL;
	ram = make(&p);
	assert_int_equal(ram_write(ram, GIB(4), "x", 1), 0);
	ram_destroy(ram);
	fake.fallocate_errno = ENOSPC;
	refused(&p, -ENOSPC,
		"allocating 136M: No space left on device; use a "
		"smaller --memory");
}

static void a_signal_ends_populating(void **state)
{
	struct ram_params p = params_of(four_mib, 1);
	struct ram *ram = NULL;
	sigset_t set;
	int sig;

	(void)state;
	p.prealloc = true;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	raise(SIGTERM);
	assert_int_equal(ram_create(&ram, &p), -EINTR);
	assert_null(ram);
	assert_int_equal(sigwait(&set, &sig), 0);
	ram_destroy(make(&p));
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void huge_pages_where_the_kernel_can(void **state)
{
	static const struct range big[] = { { 0, MIB(4) + PAGE } };
	struct ram_params p = params_of(big, 1);
	struct ram *ram;

	(void)state;
	ram = make(&p); /* nothing is taken at the start */
	assert_int_equal(fake.nr_collapses, 0);
	assert_int_equal(ram_huge_bytes(ram), 0);
	ram_destroy(ram);

	p.prealloc = true;
	ram = make(&p);
	assert_int_equal(ram_huge_bytes(ram), MIB(4)); /* not the odd page */
	ram_destroy(ram);

	/* None to be had is no error, and all is populated. */
	fake.collapse_errno = EINVAL;
	ram = make(&p);
	assert_int_equal(ram_huge_bytes(ram), 0);
	assert_int_equal(lseek(ram_fd(ram), 0, SEEK_HOLE),
			 (off_t)(MIB(4) + PAGE));
	ram_destroy(ram);

	fake.nr_collapses = 0;
	p.thp = 0;
	ram_destroy(make(&p));
	assert_int_equal(fake.nr_collapses, 0);

	p.thp = -1;
	p.hugepage_bytes = MIB(2);
	p.ranges = four_mib;
	ram_destroy(make(&p));
	assert_int_equal(fake.nr_collapses, 0);
}

static void stops_asking_for_huge_pages(void **state)
{
	static const struct range big[] = { { 0, GIB(2) } };
	struct ram_params p = params_of(big, 1);

	(void)state;
	p.prealloc = true;
	/* What is not to be had is not searched for in each chunk, but for
	 * those that other threads have begun. */
	fake.collapse_errno = ENOMEM;
	fake.populate_fakes = true;
	ram_destroy(make(&p));
	assert_in_range(fake.nr_collapses, 1, 16);
	/* A page in use now may not be the next time. */
	fake.nr_collapses = 0;
	fake.collapse_errno = EAGAIN;
	ram_destroy(make(&p));
	assert_int_equal(fake.nr_collapses, 32);
}

static void population_fails_without_sigbus(void **state)
{
	struct ram_params p = params_of(two, 2);

	(void)state;
	p.prealloc = true;
	fake.populate_errno = ENOMEM;
	refused(&p, -ENOMEM, "use a smaller --memory\n");
	p.host_node = 0;
	refused(&p, -ENOMEM, "or another host-node");
	/* Endless races end. */
	fake.populate_errno = EAGAIN;
	refused(&p, -EAGAIN, "Resource temporarily unavailable");
}

static void hugepages_are_asked_for(void **state)
{
	static const struct range gib[] = { { 0, GIB(1) } };
	struct ram_params p = params_of(four_mib, 1);
	struct ram *ram;

	(void)state;
	p.hugepage_bytes = MIB(2);
	ram = make(&p);
	assert_true(fake.memfd_flags & MFD_HUGETLB);
	assert_int_equal(fake.memfd_flags >> 26, 21);
	assert_int_equal(fake.nr_populated, 0); /* mmap() reserves */
	ram_destroy(ram);

	/* A reservation knows no nodes, so they are taken at once. */
	p.host_node = 0;
	ram = make(&p);
	assert_int_equal(fake.nr_populated, 1);
	ram_destroy(ram);

	p = params_of(gib, 1);
	p.hugepage_bytes = GIB(1);
	ram = make(&p);
	assert_int_equal(fake.memfd_flags >> 26, 30);
	ram_destroy(ram);

	p = params_of(two, 2);
	p.hugepage_bytes = MIB(2);
	refused(&p, -EINVAL, "unaligned");
}

static bool have_pools(void)
{
	return !access("/sys/kernel/mm/hugepages/hugepages-2048kB", F_OK);
}

static void too_few_hugepages(void **state)
{
	static const struct range tib[] = { { 0, GIB(1024) } };
	struct ram_params p = params_of(tib, 1);

	(void)state;
	if (!have_pools())
		skip_because("this kernel has no 2M pages");
	p.hugepage_bytes = MIB(2);
	fake.mmap_errno = ENOMEM;
	refused(&p, -ENOMEM, "memory: 524288 huge pages of 2M: only ");
	refused(&p, -ENOMEM,
		"to /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
}

static void hugepages_of_another_node_or_cgroup(void **state)
{
	struct ram_params p = params_of(four_mib, 1);

	(void)state;
	/* They were reserved, but faulting them in fails. */
	p.hugepage_bytes = MIB(2);
	p.prealloc = true;
	fake.populate_errno = EFAULT;
	refused(&p, -ENOMEM,
		"memory: 2 huge pages of 2M: not all can be had: Bad address; "
		"see the hugetlb limit of this cgroup");
	p.prealloc = false;
	p.host_node = 0;
	refused(&p, -ENOMEM, "set more aside on that node");
}

static void a_kernel_without_that_size(void **state)
{
	struct ram_params p = params_of(four_mib, 1);

	(void)state;
	if (have_pools())
		p.hugepage_bytes = MIB(4); /* a size that x86 has not */
	else
		p.hugepage_bytes = MIB(2);
	fake.memfd_errno = ENODEV;
	refused(&p, -ENODEV, "this kernel has none of that size");
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
	refused(&p, -EFBIG, "setting the size: File too large");
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

static void no_thp_is_no_error_without_thp(void **state)
{
	struct ram_params p = params_of(two, 2);

	(void)state;
	p.thp = 0;
	fake.madvise_errno = EINVAL;
	ram_destroy(make(&p));
}

static void binds_to_a_node(void **state)
{
	struct ram_params p = params_of(two, 2);

	(void)state;
	ram_destroy(make(&p));
	assert_int_equal(fake.bound, 0);
	p.host_node = 3;
	ram_destroy(make(&p));
	assert_int_equal(fake.mbind_mode, 2); /* MPOL_BIND */
	assert_int_equal(fake.mbind_mask, 1 << 3);
	assert_int_equal(fake.bound, MIB(1) + KIB(64));
}

static void advises_on_huge_pages(void **state)
{
	struct ram_params p = params_of(two, 2);
	struct capture c;
	struct ram *ram = NULL;

	(void)state;
	ram_destroy(make(&p));
	assert_int_equal(fake.advice, -1);
	p.thp = 0;
	ram_destroy(make(&p));
	assert_int_equal(fake.advice, MADV_NOHUGEPAGE);
	p.thp = 1;
	/* A host that has them switched off refuses, with the remedy. */
	capture_begin(&c);
	if (ram_create(&ram, &p))
		assert_non_null(strstr(capture_end(&c), "shmem_enabled"));
	else
		capture_end(&c);
	ram_destroy(ram);
	assert_int_equal(fake.advice, MADV_HUGEPAGE);
	assert_int_equal(fake.advised, MIB(1) + KIB(64));

	/* Unless it has its huge pages from the start. */
	p = params_of(four_mib, 1);
	p.thp = 1;
	p.prealloc = true;
	ram_destroy(make(&p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(two_ranges_of_one_memfd, reset_fake),
		cmocka_unit_test_setup(is_sealed, reset_fake),
		cmocka_unit_test_setup(bounds, reset_fake),
		cmocka_unit_test_setup(reads_what_was_written, reset_fake),
		cmocka_unit_test_setup(clear_leaves_zeros_and_holes,
				       reset_fake),
		cmocka_unit_test_setup(clears_by_parts, reset_fake),
		cmocka_unit_test_setup(malformed_ranges, reset_fake),
		cmocka_unit_test_setup(more_than_the_host_has, reset_fake),
		cmocka_unit_test_setup(populates_all_of_it, reset_fake),
		cmocka_unit_test_setup(a_signal_ends_populating, reset_fake),
		cmocka_unit_test_setup(huge_pages_where_the_kernel_can,
				       reset_fake),
		cmocka_unit_test_setup(stops_asking_for_huge_pages, reset_fake),
		cmocka_unit_test_setup(population_fails_without_sigbus,
				       reset_fake),
		cmocka_unit_test_setup(hugepages_are_asked_for, reset_fake),
		cmocka_unit_test_setup(too_few_hugepages, reset_fake),
		cmocka_unit_test_setup(hugepages_of_another_node_or_cgroup,
				       reset_fake),
		cmocka_unit_test_setup(a_kernel_without_that_size, reset_fake),
		cmocka_unit_test_setup(falls_back_to_older_memfds, reset_fake),
		cmocka_unit_test_setup(each_step_unwinds, reset_fake),
		cmocka_unit_test_setup(binds_to_a_node, reset_fake),
		cmocka_unit_test_setup(advises_on_huge_pages, reset_fake),
		cmocka_unit_test_setup(no_thp_is_no_error_without_thp,
				       reset_fake),
	};

	return run_all(tests);
}
