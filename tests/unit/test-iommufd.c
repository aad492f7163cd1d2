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
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/iommufd.h"
#include "capture.h"
#include "fds.h"
#include "iommufd-memlock.h"
#include "iommufd.h"

#define MAX_MAPS 8

static struct {
	int open_errno;
	/* The n-th ioctl fails with fail_errno; -1: none. */
	int fail_at, fail_errno;
	int nr_ioctls;
	bool old; /* no MAP_FILE */
	uint32_t ioas; /* 0: none */
	unsigned int nr_maps, nr_by_file, nr_file_tries;
	struct abi_iommu_ioas_map last_map;
	struct abi_iommu_ioas_map_file last_map_file;
	struct abi_iommu_iova_range allowed[4];
	unsigned int nr_allowed;
	unsigned int nr_ranges;
	bool lies; /* tells more ranges than there was room for */
	rlim_t memlock;
} fake;

int __wrap_open(const char *path, int flags, ...);
int __real_open(const char *path, int flags, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_getrlimit(int which, struct rlimit *lim);

int __wrap_open(const char *path, int flags, ...)
{
	if (strcmp(path, "/dev/iommu"))
		return __real_open(path, flags);
	if (fake.open_errno) {
		errno = fake.open_errno;
		return -1;
	}
	assert_int_equal(flags, O_RDWR | O_CLOEXEC);
	return __real_open("/dev/null", flags);
}

int __wrap_getrlimit(int which, struct rlimit *lim)
{
	assert_int_equal(which, RLIMIT_MEMLOCK);
	lim->rlim_cur = lim->rlim_max = fake.memlock;
	return 0;
}

static int no(int err)
{
	errno = err;
	return -1;
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
		return no(EMSGSIZE);
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
		return no(ENOENT);
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
		return no(ENOTTY);
	fake.last_map_file = *map;
	fake.nr_maps++;
	fake.nr_by_file++;
	return 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	assert_true(fcntl(fd, F_GETFD) >= 0);
	if (fake.nr_ioctls++ == fake.fail_at)
		return no(fake.fail_errno);
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
		return no(ENOTTY);
	}
}

static int reset_fake(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	fake.fail_at = -1;
	fake.nr_ranges = 2;
	fake.memlock = MIB(8);
	return 0;
}

/* All that a VM does with it; the first error ends it. */
static int whole_life(struct stats *stats)
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
	if (!r)
		r = iommufd_unmap(iommufd, GIB(4), MIB(1));
	free(ranges);
	iommufd_destroy(iommufd);
	return r;
}

static void lives_and_dies(void **state)
{
	unsigned int before = nr_fds();
	struct stats stats = { 0 };

	(void)state;
	assert_int_equal(whole_life(&stats), 0);
	assert_int_equal(nr_fds(), before);
	assert_int_equal(fake.ioas, 0);
	assert_int_equal(fake.nr_maps, 0);
	assert_int_equal(stats.ioctls[STATS_IOMMUFD], fake.nr_ioctls);
	assert_int_equal(stats.dma_mapped_bytes, MIB(3));
	assert_int_equal(fake.nr_allowed, 2);
	assert_int_equal(fake.allowed[0].start, 0);
	assert_int_equal(fake.allowed[0].last, GIB(3) - 1);
	assert_int_equal(fake.allowed[1].last, GIB(5) - 1);
}

static void each_ioctl_failed_in_turn(void **state)
{
	unsigned int before = nr_fds();
	struct capture c;
	int nr;

	assert_int_equal(whole_life(NULL), 0);
	nr = fake.nr_ioctls;
	assert_true(nr >= 8);
	for (int i = 0; i < nr; i++) {
		int r;

		reset_fake(state);
		fake.fail_at = i;
		fake.fail_errno = EIO;
		capture_begin(&c);
		r = whole_life(NULL);
		/* Exactly one line for each failure. */
		assert_non_null(strstr(capture_end(&c), "wherry: "));
		assert_ptr_equal(strchr(c.text, '\n') + 1,
				 c.text + strlen(c.text));
		/* The last two take apart: nobody can be told. */
		assert_int_equal(r, i < nr - 2 ? -EIO : 0);
		assert_int_equal(nr_fds(), before);
		if (i < nr - 1)
			assert_int_equal(fake.ioas, 0);
	}
}

static void open_errors_have_remedies(void **state)
{
	static const struct {
		int err;
		const char *says;
	} rows[] = {
		{ ENOENT, "modprobe iommufd" },
		{ EACCES, "not permitted" },
		{ EPERM, "not permitted" },
		{ ENODEV, "nothing serves it" },
		{ EMFILE, "Too many open files" },
	};
	struct iommufd *iommufd;
	struct capture c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		fake.open_errno = rows[i].err;
		capture_begin(&c);
		assert_int_equal(iommufd_create(&iommufd, -1, NULL),
				 -rows[i].err);
		assert_non_null(strstr(capture_end(&c), rows[i].says));
		assert_non_null(strstr(c.text, "/dev/iommu"));
	}
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
	fake.nr_ioctls = 0;
	fake.fail_at = 0;
	fake.fail_errno = ENOTTY;
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

static void map_errors_have_remedies(void **state)
{
	static const struct {
		int err;
		const char *says;
	} rows[] = {
		{ EFAULT, "cannot pin" },
		{ EINVAL, "reserved_regions" },
		{ EEXIST, "mapped there already" },
		{ EIO, "Input/output error" },
	};
	struct iommufd *iommufd = make();
	struct capture c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		fake.fail_at = fake.nr_ioctls;
		fake.fail_errno = rows[i].err;
		capture_begin(&c);
		assert_int_equal(iommufd_map(iommufd, 0, MIB(2), 7, 0, NULL, 0),
				 -rows[i].err);
		assert_non_null(strstr(capture_end(&c), rows[i].says));
		assert_non_null(strstr(c.text, "2 MiB at 0x0"));
	}
	iommufd_destroy(iommufd);
}

static void layout_that_a_device_cannot_reach(void **state)
{
	const struct range all = { 0, GIB(64) };
	struct iommufd *iommufd = make();
	struct capture c;

	(void)state;
	fake.fail_at = fake.nr_ioctls;
	fake.fail_errno = EADDRINUSE;
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
	fake.fail_errno = EADDRINUSE;
	fake.fail_at = fake.nr_ioctls;
	assert_int_equal(iommufd_map_dmabuf(iommufd, 0, KIB(4), 77),
			 -EADDRINUSE);
	fake.fail_at = fake.nr_ioctls;
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

/* A /proc with three processes: two of uid 12345, one of another. */
static void put(const char *root, const char *pid, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", root, pid);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/%s/status", root, pid);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void drop(const char *root, const char *pid)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s/status", root, pid);
	unlink(path);
	snprintf(path, sizeof(path), "%s/%s", root, pid);
	rmdir(path);
}

static void pinned_total_is_per_uid(void **state)
{
	char root[] = "/tmp/wherry-proc-XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(root));
	put(root, "10", "Name:\tx\nUid:\t12345\t0\t0\t0\nVmPin:\t   1024 kB\n");
	put(root, "11", "Name:\ty\nUid:\t12345\t1\t1\t1\nVmPin:\t 4 kB\n");
	put(root, "12", "Name:\tz\nUid:\t1\t12345\t1\t1\nVmPin:\t 64 kB\n");
	put(root, "13", "Name:\tkthread\nUid:\t12345\t1\t1\t1\n");
	put(root, "notapid", "Uid:\t12345\nVmPin:\t 64 kB\n");
	assert_int_equal(memlock_pinned(root, 12345, 0), MIB(1) + KIB(4));
	assert_int_equal(memlock_pinned(root, 12345, 10), KIB(4));
	assert_int_equal(memlock_pinned(root, 7, 0), 0);
	assert_int_equal(memlock_pinned("/nowhere", 7, 0), 0);
	drop(root, "10");
	drop(root, "11");
	drop(root, "12");
	drop(root, "13");
	drop(root, "notapid");
	rmdir(root);
}

static void memlock_is_foretold(void **state)
{
	struct capture c;

	(void)state;
	fake.memlock = MIB(8);
	capture_begin(&c);
	memlock_warn("/nowhere", MIB(512));
	assert_non_null(strstr(capture_end(&c),
			       "wherry: notice: guest memory will hardly be "
			       "pinned: locked-memory limit: this VM needs 512 "
			       "MiB, "));
	assert_non_null(strstr(c.text, "RLIMIT_MEMLOCK is 8192 KiB; set "
				       "LimitMEMLOCK=512M"));
	/* To the byte, and without a limit. */
	for (int i = 0; i < 2; i++) {
		fake.memlock = i ? RLIM_INFINITY : MIB(512);
		capture_begin(&c);
		memlock_warn("/nowhere", MIB(512));
		assert_string_equal(capture_end(&c), "");
	}
}

static void memlock_message(void **state)
{
	char root[] = "/tmp/wherry-proc-XXXXXX";
	char status[256], why[512];

	(void)state;
	assert_non_null(mkdtemp(root));
	snprintf(status, sizeof(status), "Uid:\t%u\t1\t1\t1\nVmPin:\t1500 kB\n",
		 (unsigned int)getuid());
	put(root, "1", status);
	put(root, "self", "CapEff:\t0000000000000000\n");

	memlock_explain(root, MIB(512) + 1, why, sizeof(why));
	assert_non_null(strstr(why, "needs 513 MiB"));
	assert_non_null(strstr(why, "have 2 MiB pinned"));
	assert_non_null(strstr(why, "RLIMIT_MEMLOCK is 8192 KiB"));
	assert_non_null(strstr(why, "LimitMEMLOCK=515M"));
	assert_non_null(strstr(why, "ulimit -l 527360"));

	/* No limit in the way: the host really has no memory. */
	fake.memlock = RLIM_INFINITY;
	memlock_explain(root, MIB(512), why, sizeof(why));
	assert_non_null(strstr(why, "host is out of memory"));
	fake.memlock = MIB(514);
	memlock_explain(root, MIB(512), why, sizeof(why));
	assert_non_null(strstr(why, "host is out of memory"));
	fake.memlock = 0;
	drop(root, "self");
	put(root, "self", "CapEff:\t0000000000004000\n");
	memlock_explain(root, MIB(512), why, sizeof(why));
	assert_non_null(strstr(why, "host is out of memory"));
	drop(root, "self");
	drop(root, "1");
	rmdir(root);
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
		T(pinned_total_is_per_uid),
		T(memlock_is_foretold),
		T(memlock_message),
	};

	return run_all(tests);
}
