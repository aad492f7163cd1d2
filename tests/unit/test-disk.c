// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-disk - files and descriptors as disks: what they turn out to be like,
 * who else has them, and each way in which they cannot be had.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture.h"
#include "disk.h"
#include "fds.h"
#include "util.h"

static char path[64];

/* What the wrapped calls do; a block device is a file that says so. */
static struct {
	bool is_device;
	int ioctl_errno, lock_errno, fallocate_errno;
	unsigned int block, physical, optimal;
	int mem_align, offset_align; /* of statx(); -1: it does not tell */
} fake;

int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_statx(int fd, const char *restrict name, int flags,
		 unsigned int mask, struct statx *restrict stx);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t len);
int __real_fallocate(int fd, int mode, off_t offset, off_t len);

int __wrap_fstat(int fd, struct stat *st)
{
	int r = __real_fstat(fd, st);

	if (fake.is_device)
		st->st_mode = (st->st_mode & 07777) | S_IFBLK;
	return r;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	struct stat st;
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (fake.ioctl_errno) {
		errno = fake.ioctl_errno;
		return -1;
	}
	if (__real_fstat(fd, &st))
		return -1;
	if (request == BLKGETSIZE64)
		*(uint64_t *)arg = (uint64_t)st.st_size;
	else if (request == BLKSSZGET)
		*(unsigned int *)arg = fake.block;
	else if (request == BLKPBSZGET)
		*(unsigned int *)arg = fake.physical;
	else if (request == BLKIOOPT)
		*(unsigned int *)arg = fake.optimal;
	else
		fail_msg("ioctl %lx", request);
	return 0;
}

int __wrap_statx(int fd, const char *restrict name, int flags,
		 unsigned int mask, struct statx *restrict stx)
{
	assert_true(fd >= 0);
	assert_string_equal(name, "");
	assert_int_equal(flags, AT_EMPTY_PATH);
	assert_int_equal(mask, STATX_DIOALIGN);
	if (fake.mem_align < 0)
		return 0;
	stx->stx_mask = STATX_DIOALIGN;
	stx->stx_dio_mem_align = (uint32_t)fake.mem_align;
	stx->stx_dio_offset_align = (uint32_t)fake.offset_align;
	return 0;
}

int __wrap_fallocate(int fd, int mode, off_t offset, off_t len)
{
	assert_int_equal(mode, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
	if (fake.fallocate_errno) {
		errno = fake.fallocate_errno;
		return -1;
	}
	return __real_fallocate(fd, mode, offset, len);
}

static void set_size(off_t size)
{
	assert_int_equal(truncate(path, size), 0);
}

/* An image of 1 MiB. */
static int setup(void **state)
{
	int fd;

	(void)state;
	memset(&fake, 0, sizeof(fake));
	fake.mem_align = -1;
	snprintf(path, sizeof(path), "/var/tmp/wherry-disk-XXXXXX");
	fd = mkstemp(path);
	if (fd < 0)
		return -1;
	close(fd);
	set_size((off_t)MIB(1));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return unlink(path);
}

static struct disk_params params(void)
{
	return (struct disk_params){ .spec = path, .fd = -1, .lock = true };
}

static struct disk *must_open(const struct disk_params *p)
{
	struct disk *disk = NULL;

	assert_int_equal(disk_open(&disk, p), 0);
	assert_non_null(disk);
	return disk;
}

static void refused(const struct disk_params *p, int r, const char *says)
{
	struct disk *disk = NULL;
	struct capture c;
	unsigned int before = nr_fds();
	int got;

	capture_begin(&c);
	got = disk_open(&disk, p);
	capture_end(&c);
	if (!strstr(c.text, says))
		fail_msg("said: %swanted: %s", c.text, says);
	assert_int_equal(got, r);
	assert_null(disk);
	assert_ptr_equal(strchr(c.text, '\n') + 1, c.text + strlen(c.text));
	/* A passed descriptor is closed with the rest. */
	assert_int_equal(nr_fds(), before - (p->fd >= 0));
}

static void a_file(void **state)
{
	struct disk_params p = params();
	struct disk *disk;

	(void)state;
	disk = must_open(&p);
	assert_int_equal(disk->bytes, MIB(1));
	assert_int_equal(disk->block_bytes, 512);
	assert_int_equal(disk->physical_bytes % 512, 0);
	assert_int_equal(disk->memory_align, 1);
	assert_false(disk->is_device);
	assert_true(disk->can_punch);
	assert_int_equal(fcntl(disk->fd, F_GETFL) &
				 (O_ACCMODE | O_DIRECT | O_NONBLOCK),
			 O_RDWR);
	assert_true(fcntl(disk->fd, F_GETFD) & FD_CLOEXEC);
	disk_close(disk);
	disk_close(NULL);

	p.read_only = true;
	disk = must_open(&p);
	assert_int_equal(fcntl(disk->fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_false(disk->can_punch);
	disk_close(disk);
}

static void not_openable(void **state)
{
	struct disk_params p = params();

	(void)state;
	p.spec = "/nowhere/disk";
	refused(&p, -ENOENT, "truncate -s SIZE FILE");
	p.spec = "/";
	p.read_only = true;
	refused(&p, -EINVAL, "disk /: neither a file nor a block device");
	p.spec = "/dev/null";
	refused(&p, -EINVAL, "neither a file nor a block device");
}

static void sizes(void **state)
{
	struct disk_params p = params();

	(void)state;
	set_size(0);
	refused(&p, -EINVAL, "it is empty");
	set_size(1000);
	refused(&p, -EINVAL,
		"its 1000 bytes are no multiple of 512; truncate -s %512");
	set_size(512);
	disk_close(must_open(&p));
}

/* Two writers never; readers together, but not with a writer. */
static void locks(void **state)
{
	struct disk_params p = params(), ro = params();
	struct disk *one, *two;

	(void)state;
	ro.read_only = true;
	one = must_open(&p);
	refused(&p, -EAGAIN, "in use: another VM or --disk has it");
	refused(&ro, -EAGAIN, "in use: another VM or --disk writes it");
	p.lock = false;
	two = must_open(&p);
	disk_close(two);
	p.lock = true;
	disk_close(one);

	one = must_open(&ro);
	two = must_open(&ro);
	refused(&p, -EAGAIN, "let all have it with ,ro");
	disk_close(one);
	disk_close(two);
	disk_close(must_open(&p));
}

static void passed(void **state)
{
	struct disk_params p = params();
	struct disk *disk;

	(void)state;
	p.spec = "fd=7";
	p.fd = open(path, O_RDONLY | O_CLOEXEC);
	refused(&p, -EACCES,
		"disk fd=7: it was opened for reading only; open it for both, "
		"or add ,ro");
	p.fd = open(path, O_WRONLY | O_CLOEXEC);
	refused(&p, -EACCES, "for writing only; open it for both, or add ,ro");
	p.fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
	refused(&p, -EINVAL, "O_APPEND");
	p.read_only = true;
	p.fd = open(path, O_PATH | O_CLOEXEC);
	refused(&p, -EINVAL, "O_PATH");

	/* Whatever its launcher left set. */
	p.read_only = false;
	p.fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	disk = must_open(&p);
	assert_false(fcntl(disk->fd, F_GETFL) & O_NONBLOCK);
	assert_false(disk->direct);
	disk_close(disk);
	p.fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (p.fd < 0)
		skip_because("/var/tmp has no direct I/O");
	disk = must_open(&p);
	assert_true(disk->direct);
	disk_close(disk);
	p.fd = open(path, O_RDWR | O_CLOEXEC);
	p.direct = true;
	disk = must_open(&p);
	assert_true(fcntl(disk->fd, F_GETFL) & O_DIRECT);
	disk_close(disk);
}

static unsigned int smallest_read(int fd)
{
	void *buf = aligned_alloc(4096, 4096);
	ssize_t n = pread(fd, buf, 512, 512);

	free(buf);
	return n == 512 ? 512 : 4096;
}

static void direct(void **state)
{
	struct disk_params p = params();
	struct disk *disk;

	(void)state;
	p.direct = true;
	disk = must_open(&p); /* where nobody tells, it is tried */
	assert_int_equal(disk->block_bytes, smallest_read(disk->fd));
	assert_int_equal(disk->memory_align, disk->block_bytes);
	disk_close(disk);

	fake.mem_align = 4;
	fake.offset_align = 512;
	disk = must_open(&p);
	assert_int_equal(disk->block_bytes, 512);
	assert_int_equal(disk->memory_align, 4);
	disk_close(disk);

	fake.offset_align = 4096;
	set_size(512);
	refused(&p, -EINVAL,
		"no multiple of 4096, which ,direct wants here; truncate -s "
		"%4096");
	fake.mem_align = fake.offset_align = 0;
	refused(&p, -EINVAL, "no direct I/O: leave out ,direct");
	fake.mem_align = 1 << 20;
	fake.offset_align = 512;
	refused(&p, -EINVAL, "no disk has such blocks");
}

static void devices(void **state)
{
	struct disk_params p = params();
	struct disk *disk;

	(void)state;
	fake.is_device = true;
	fake.block = 512;
	fake.physical = 4096;
	fake.optimal = 131072;
	disk = must_open(&p);
	assert_true(disk->is_device);
	assert_int_equal(disk->bytes, MIB(1));
	assert_int_equal(disk->block_bytes, 512);
	assert_int_equal(disk->physical_bytes, 4096);
	assert_int_equal(disk->optimal_bytes, 131072);
	assert_true(disk->can_punch);
	disk_close(disk);

	/* Nonsense that a driver says is not passed on. */
	fake.physical = 0;
	p.direct = true;
	disk = must_open(&p);
	assert_int_equal(disk->physical_bytes, 512);
	assert_int_equal(disk->memory_align, 512);
	disk_close(disk);
	fake.block = 0;
	refused(&p, -EINVAL, "no disk has such blocks");
	fake.ioctl_errno = EIO;
	refused(&p, -EIO, "asking for its size");
}

static void holes(void **state)
{
	struct disk_params p = params();
	struct disk *disk;
	struct stat before, after;

	(void)state;
	assert_int_equal(stat(path, &before), 0);
	fake.fallocate_errno = EOPNOTSUPP;
	disk = must_open(&p);
	assert_false(disk->can_punch);
	disk_close(disk);
	fake.fallocate_errno = 0;
	disk_close(must_open(&p));
	/* To ask changed nothing. */
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(after.st_size, before.st_size);
	assert_int_equal(after.st_blocks, before.st_blocks);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_file), T(not_openable), T(sizes),	T(locks),
		T(passed), T(direct),	    T(devices), T(holes),
	};

	return run_all(tests);
}
