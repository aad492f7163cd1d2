// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-ram-pages - the pages that guest RAM is made of: taken at the start,
 * huge, of a node; and each way in which the host has too few.
 */
#include "harness.h"

#include "ram-fixture.h"

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
#define T(f) cmocka_unit_test_setup(f, reset_fake)
	const struct CMUnitTest tests[] = {
		T(populates_all_of_it),
		T(a_signal_ends_populating),
		T(huge_pages_where_the_kernel_can),
		T(stops_asking_for_huge_pages),
		T(population_fails_without_sigbus),
		T(hugepages_are_asked_for),
		T(too_few_hugepages),
		T(hugepages_of_another_node_or_cgroup),
		T(a_kernel_without_that_size),
		T(binds_to_a_node),
		T(advises_on_huge_pages),
		T(no_thp_is_no_error_without_thp),
	};

	return run_all(tests);
}
