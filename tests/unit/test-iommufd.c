// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-iommufd - the iommufd context against a fake kernel: each ioctl failed
 * in turn leaks nothing, each documented errno has its own text, maps go by
 * file where the kernel can.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/iommufd.h"
#include "fake-ioctl.h"
#include "iommufd.h"

static struct {
	int open_errno;
	bool old; /* no MAP_FILE */
	uint32_t ioas; /* 0: none */
	unsigned int nr_maps, nr_by_file, nr_file_tries;
	struct abi_iommu_ioas_map last_map;
	struct abi_iommu_ioas_map_file last_map_file;
	struct abi_iommu_iova_range allowed[4];
	unsigned int nr_allowed;
	unsigned int nr_ranges;
	bool lies; /* tells more ranges than there was room for */
} fake;

int __wrap_open(const char *path, int flags, ...);
int __real_open(const char *path, int flags, ...);

int __wrap_open(const char *path, int flags, ...)
{
	if (strcmp(path, "/dev/iommu"))
		return __real_open(path, flags);
	if (fake.open_errno)
		return fake_no(fake.open_errno);
	assert_int_equal(flags, O_RDWR | O_CLOEXEC);
	return __real_open("/dev/null", flags);
}

static int fake_ranges(struct abi_iommu_ioas_iova_ranges *get)
{
	struct abi_iommu_iova_range *list =
		(void *)(uintptr_t)get->allowed_iovas;
	unsigned int room = get->num_iovas;

	assert_int_equal(get->size, 32);
	get->num_iovas = fake.nr_ranges;
	if (fake.lies)
		get->num_iovas = room + 1;
	if (fake.nr_ranges > room)
		return fake_no(EMSGSIZE);
	for (unsigned int i = 0; i < fake.nr_ranges; i++)
		list[i] = (struct abi_iommu_iova_range){ i * 0x10000,
							 i * 0x10000 + 0xfff };
	if (fake.nr_ranges == 1)
		list[0].last = UINT64_MAX;
	return 0;
}

static int fake_destroy(const struct abi_iommu_destroy *d)
{
	assert_int_equal(d->size, 8);
	if (d->id != fake.ioas)
		return fake_no(ENOENT);
	fake.ioas = 0;
	return 0;
}

static int fake_unmap(const struct abi_iommu_ioas_unmap *u)
{
	assert_int_equal(u->size, 24);
	assert_int_equal(u->ioas_id, fake.ioas);
	if (u->iova == 0 && u->length == UINT64_MAX)
		fake.nr_maps = 0;
	else
		fake.nr_maps--;
	return 0;
}

static int fake_allow(const struct abi_iommu_ioas_allow_iovas *a)
{
	assert_int_equal(a->size, 24);
	assert_true(a->num_iovas <= ARRAY_SIZE(fake.allowed));
	memcpy(fake.allowed, (void *)(uintptr_t)a->allowed_iovas,
	       a->num_iovas * sizeof(fake.allowed[0]));
	fake.nr_allowed = a->num_iovas;
	return 0;
}

static int fake_map_file(const struct abi_iommu_ioas_map_file *map)
{
	fake.nr_file_tries++;
	if (fake.old)
		return fake_no(ENOTTY);
	fake.last_map_file = *map;
	fake.nr_maps++;
	fake.nr_by_file++;
	return 0;
}

static int fake_ioctl(int fd, unsigned long request, void *arg)
{
	assert_true(fcntl(fd, F_GETFD) >= 0);
	if (ioctl_fails(request))
		return -1;
	switch (request) {
	case ABI_IOMMU_IOAS_ALLOC:
		assert_int_equal(fake.ioas, 0);
		fake.ioas = ((struct abi_iommu_ioas_alloc *)arg)->out_ioas_id =
			1;
		return 0;
	case ABI_IOMMU_IOAS_ALLOW_IOVAS:
		return fake_allow(arg);
	case ABI_IOMMU_IOAS_IOVA_RANGES:
		return fake_ranges(arg);
	case ABI_IOMMU_IOAS_MAP:
		fake.last_map = *(struct abi_iommu_ioas_map *)arg;
		fake.nr_maps++;
		return 0;
	case ABI_IOMMU_IOAS_MAP_FILE:
		return fake_map_file(arg);
	case ABI_IOMMU_IOAS_UNMAP:
		return fake_unmap(arg);
	case ABI_IOMMU_DESTROY:
		return fake_destroy(arg);
	default:
		return fake_no(ENOTTY);
	}
}

static int reset_fake(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	ioctls_reset();
	fake.nr_ranges = 2;
	return 0;
}

/* All that a VM does with it; the first error ends it. */
static int life_with(struct stats *stats)
{
	const struct range allow[] = { { 0, GIB(3) }, { GIB(4), GIB(1) } };
	struct iommufd *iommufd = NULL;
	struct range *ranges = NULL;
	unsigned int nr;
	char page[1];
	int r = iommufd_create(&iommufd, -1, stats);

	if (r)
		return r;
	r = iommufd_allow(iommufd, allow, 2);
	if (!r)
		r = iommufd_ranges(iommufd, iommufd_ioas(iommufd), &ranges,
				   &nr);
	if (!r)
		r = iommufd_map(iommufd, 0, MIB(3), 5, 0, page, MIB(4));
	if (!r)
		r = iommufd_map(iommufd, GIB(4), MIB(1), 5, MIB(3), page,
				MIB(4));
	free(ranges);
	iommufd_destroy(iommufd);
	return r;
}

static int whole_life(void)
{
	int r = life_with(NULL);

	if (ioctls.failed != ABI_IOMMU_DESTROY)
		assert_int_equal(fake.ioas, 0);
	return r;
}

static void lives_and_dies(void **state)
{
	unsigned int before = nr_fds();
	struct stats stats = { 0 };

	(void)state;
	assert_int_equal(life_with(&stats), 0);
	assert_int_equal(nr_fds(), before);
	assert_int_equal(fake.ioas, 0);
	assert_int_equal(fake.nr_maps, 0);
	assert_int_equal(stats.ioctls[STATS_IOMMUFD], ioctls.nr);
	assert_int_equal(stats.dma_mapped_bytes, MIB(4));
	assert_int_equal(fake.nr_allowed, 2);
	assert_int_equal(fake.allowed[0].start, 0);
	assert_int_equal(fake.allowed[0].last, GIB(3) - 1);
	assert_int_equal(fake.allowed[1].last, GIB(5) - 1);
}

static void each_ioctl_failed_in_turn(void **state)
{
	(void)state;
	/* The last two are UNMAP and DESTROY. */
	check_each_failure(reset_fake, whole_life, "wherry: ", 2);
	assert_true(ioctls.nr >= 7);
}

static int open_with_error(void *iommufd)
{
	fake.open_errno = ioctls.fail_errno;
	return iommufd_create(iommufd, -1, NULL);
}

static void open_errors_have_remedies(void **state)
{
	static const struct remedy rows[] = {
		{ ENOENT, "modprobe iommufd" },
		{ EACCES, "not permitted" },
		{ EPERM, "not permitted" },
		{ ENODEV, "nothing serves it" },
		{ EMFILE, "Too many open files" },
	};
	struct iommufd *iommufd;

	(void)state;
	check_remedies(rows, ARRAY_SIZE(rows), "/dev/iommu", open_with_error,
		       &iommufd);
}

static void inherited_fd_is_taken_over(void **state)
{
	struct iommufd *iommufd;
	struct capture c;
	int fd = __real_open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)state;
	fake.open_errno = ENOENT; /* not opened */
	assert_int_equal(iommufd_create(&iommufd, fd, NULL), 0);
	assert_int_equal(iommufd_fd(iommufd), fd);
	assert_int_equal(iommufd_ioas(iommufd), 1);
	iommufd_destroy(iommufd);
	assert_true(fcntl(fd, F_GETFD) < 0);

	/* Something else than an iommufd: said, and closed as well. */
	fd = __real_open("/dev/null", O_RDWR | O_CLOEXEC);
	fail_next_ioctl(ENOTTY);
	capture_begin(&c);
	assert_int_equal(iommufd_create(&iommufd, fd, NULL), -ENOTTY);
	assert_non_null(strstr(capture_end(&c), "is no iommufd"));
	assert_true(fcntl(fd, F_GETFD) < 0);
}

static struct iommufd *make(void)
{
	struct iommufd *iommufd;

	assert_int_equal(iommufd_create(&iommufd, -1, NULL), 0);
	return iommufd;
}

static void maps_by_file(void **state)
{
	struct iommufd *iommufd = make();
	const struct abi_iommu_ioas_map_file *m = &fake.last_map_file;

	(void)state;
	assert_int_equal(
		iommufd_map(iommufd, GIB(4), MIB(2), 7, MIB(1), NULL, 0), 0);
	assert_true(iommufd_maps_by_file(iommufd));
	assert_int_equal(m->size, 40);
	assert_int_equal(m->flags, 7); /* fixed, read, write */
	assert_int_equal(m->fd, 7);
	assert_int_equal(m->start, MIB(1));
	assert_int_equal(m->length, MIB(2));
	assert_int_equal(m->iova, GIB(4));
	iommufd_destroy(iommufd);
}

static void maps_by_address_on_old_kernels(void **state)
{
	struct iommufd *iommufd = make();
	const struct abi_iommu_ioas_map *m = &fake.last_map;
	char page[1];

	(void)state;
	fake.old = true;
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(iommufd_map(iommufd, MIB(2) * i, MIB(2), 7, 0,
					     page, 0),
				 0);
	assert_false(iommufd_maps_by_file(iommufd));
	assert_int_equal(fake.nr_file_tries, 1); /* probed once */
	assert_int_equal(fake.nr_maps, 3);
	assert_int_equal(m->size, 40);
	assert_int_equal(m->flags, 7);
	assert_ptr_equal((void *)(uintptr_t)m->user_va, page);
	assert_int_equal(m->length, MIB(2));
	assert_int_equal(m->iova, MIB(4));
	iommufd_destroy(iommufd);
}

static int map_in_vain(void *iommufd)
{
	return iommufd_map(iommufd, 0, MIB(2), 7, 0, NULL, 0);
}

static void map_errors_have_remedies(void **state)
{
	static const struct remedy rows[] = {
		{ EFAULT, "cannot pin" },
		{ EINVAL, "reserved_regions" },
		{ EEXIST, "mapped there already" },
		{ EIO, "Input/output error" },
	};
	struct iommufd *iommufd = make();

	(void)state;
	check_remedies(rows, ARRAY_SIZE(rows), "2 MiB at 0x0", map_in_vain,
		       iommufd);
	iommufd_destroy(iommufd);
}

static void layout_that_a_device_cannot_reach(void **state)
{
	const struct range all = { 0, GIB(64) };
	struct iommufd *iommufd = make();
	struct capture c;

	(void)state;
	fail_next_ioctl(EADDRINUSE);
	capture_begin(&c);
	assert_int_equal(iommufd_allow(iommufd, &all, 1), -EADDRINUSE);
	assert_non_null(strstr(capture_end(&c), "less --memory"));
	iommufd_destroy(iommufd);
}

static void ranges_of_any_number(void **state)
{
	static const unsigned int numbers[] = { 0, 1, 2, 32, 33, 1000 };
	struct iommufd *iommufd = make();
	struct range *ranges;
	struct capture c;
	unsigned int nr;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		fake.nr_ranges = numbers[i];
		assert_int_equal(iommufd_ranges(iommufd, iommufd_ioas(iommufd),
						&ranges, &nr),
				 0);
		assert_int_equal(nr, numbers[i]);
		if (nr > 1)
			assert_int_equal(ranges[1].size, 0x1000);
		if (nr == 1) /* all 64 bits */
			assert_int_equal(ranges[0].size, 0);
		free(ranges);
	}
	capture_begin(&c);
	fake.lies = true;
	fake.nr_ranges = 2;
	assert_int_equal(iommufd_ranges(iommufd, iommufd_ioas(iommufd), &ranges,
					&nr),
			 -EPROTO);
	fake.nr_ranges = 1U << 20; /* no sane kernel */
	assert_int_equal(iommufd_ranges(iommufd, iommufd_ioas(iommufd), &ranges,
					&nr),
			 -EMSGSIZE);
	assert_non_null(strstr(capture_end(&c), "address ranges"));
	iommufd_destroy(iommufd);
}

static void maps_what_devices_export(void **state)
{
	struct iommufd *iommufd;
	struct capture c;
	struct stats stats;

	(void)state;
	stats_init(&stats);
	assert_int_equal(iommufd_create(&iommufd, -1, &stats), 0);
	assert_int_equal(iommufd_map_dmabuf(iommufd, GIB(8), KIB(12), 77), 0);
	assert_int_equal(fake.last_map_file.fd, 77);
	assert_int_equal(fake.last_map_file.start, 0);
	assert_int_equal(fake.last_map_file.iova, GIB(8));
	assert_int_equal(fake.last_map_file.length, KIB(12));
	assert_int_equal(fake.last_map_file.flags, 7); /* fixed, r, w */
	/* It is no guest RAM. */
	assert_int_equal(stats.dma_mapped_bytes, 0);
	assert_int_equal(stats.p2p_mapped_bytes, KIB(12));
	assert_int_equal(iommufd_unmap_dmabuf(iommufd, GIB(8), KIB(12)), 0);
	assert_int_equal(stats.p2p_mapped_bytes, 0);
	/* The guest chooses the address: failures are the caller's to tell. */
	capture_begin(&c);
	fail_next_ioctl(EADDRINUSE);
	assert_int_equal(iommufd_map_dmabuf(iommufd, 0, KIB(4), 77),
			 -EADDRINUSE);
	fail_next_ioctl(EADDRINUSE);
	assert_int_equal(iommufd_unmap_dmabuf(iommufd, 0, KIB(4)), -EADDRINUSE);
	assert_string_equal(capture_end(&c), "");
	assert_int_equal(stats.p2p_mapped_bytes, 0);
	iommufd_destroy(iommufd);
}

static void destroy_takes_null(void **state)
{
	(void)state;
	iommufd_destroy(NULL);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, reset_fake)
	const struct CMUnitTest tests[] = {
		T(lives_and_dies),
		T(each_ioctl_failed_in_turn),
		T(open_errors_have_remedies),
		T(inherited_fd_is_taken_over),
		T(maps_by_file),
		T(maps_by_address_on_old_kernels),
		T(map_errors_have_remedies),
		T(layout_that_a_device_cannot_reach),
		T(ranges_of_any_number),
		T(maps_what_devices_export),
		T(destroy_takes_null),
	};

	return run_all(tests);
}
