// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-disk-ring - requests by a real io_uring on a real file, whose kernel is
 * short of what it was asked wherever a test wants it.
 */
#include "harness.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "capture.h"
#include "disk-ring-fixture.h"

/* Whether the image has, at offset, what want is; NULL: zeros. */
static void check_image(uint64_t offset, const void *want, size_t len)
{
	uint8_t *got = calloc(2, len);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_int_equal(pread(fd, got, len, (off_t)offset), len);
	assert_memory_equal(got, want ? want : got + len, len);
	close(fd);
	free(got);
}

static long long blocks(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return (long long)st.st_blocks;
}

static void writes_and_reads(void **state)
{
	uint8_t back[8192];

	(void)state;
	need_ring(false);
	assert_int_equal(transfer(DISK_WRITE, 512, data, 8192), 0);
	check_image(512, data, 8192);
	assert_int_equal(transfer(DISK_READ, 512, back, 8192), 0);
	assert_memory_equal(back, data, 8192);
	assert_int_equal(range(DISK_SYNC, 0, 0, false), 0);
	/* One call each, and none besides. */
	assert_int_equal(disk_ring_nr_enters(ring), 3);
}

/* What was begun together costs one call, in whatever order it ends. */
static void one_call_for_a_batch(void **state)
{
	struct iovec iov[8];
	struct disk_io io[8];
	unsigned int nr = 0, watched, ended = 0;

	(void)state;
	need_ring(false);
	for (unsigned int i = 0; i < 8; i++) {
		iov[i] = (struct iovec){ data + i * 4096, 4096 };
		io[i] = (struct disk_io){ .op = DISK_WRITE,
					  .offset = i * 4096,
					  .bytes = 4096,
					  .iov = &iov[i],
					  .nr_iov = 1 };
		disk_ring_begin(ring, &io[i]);
	}
	assert_int_equal(disk_ring_busy(ring), 8);
	while (disk_ring_busy(ring)) {
		struct disk_io *e = disk_ring_wait(ring, &watched);

		for (; e; e = e->next)
			ended |= 1U << (e - io);
		nr++;
	}
	assert_int_equal(ended, 0xff);
	assert_true(nr <= 8);
	assert_int_equal(fake.nr_sqes, 8 + 1); /* and the watch */
	check_image(0, data, 8 * 4096);
}

static void continues_what_is_short(void **state)
{
	uint8_t *back = malloc(IMAGE);

	(void)state;
	need_ring(false);
	disturb(1, HALF, 0);
	assert_int_equal(transfer(DISK_WRITE, 0, data, 65536), 0);
	check_image(0, data, 65536);
	disturb(1, HALF, 0);
	assert_int_equal(transfer(DISK_READ, 0, back, 65536), 0);
	assert_memory_equal(back, data, 65536);
	assert_int_equal(fake.nr, 4);

	for (int i = 0; i < 2; i++) {
		disturb(1, GIVEN, i ? -EINTR : -EAGAIN);
		assert_int_equal(transfer(DISK_WRITE, 0, data + 9, 4096), 0);
		check_image(0, data + 9, 4096);
	}
	free(back);
}

static void errors_end_it(void **state)
{
	(void)state;
	need_ring(false);
	disturb(1, GIVEN, -EIO);
	assert_int_equal(transfer(DISK_WRITE, 0, data, 4096), -EIO);
	disturb(1, GIVEN, -ENOSPC);
	assert_int_equal(transfer(DISK_WRITE, 0, data, 4096), -ENOSPC);
	disturb(2, GIVEN, -EIO); /* of a rest */
	assert_int_equal(transfer(DISK_READ, IMAGE - 512, data, 1024), -EIO);
	disturb(1, GIVEN, -EIO);
	assert_int_equal(range(DISK_SYNC, 0, 0, false), -EIO);
	disturb(1, GIVEN, -EIO);
	assert_int_equal(range(DISK_PUNCH, 0, 4096, true), -EIO);
	/* Somebody has made the file shorter: no endless reading. */
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(transfer(DISK_READ, 0, data, 4096), -EIO);
}

static void ranges_read_zeros(void **state)
{
	static const enum disk_op ops[] = { DISK_PUNCH, DISK_ZERO };

	(void)state;
	need_ring(false);
	for (unsigned int i = 0; i < 2; i++) {
		/* As the file system likes it; then it cannot at all. */
		for (unsigned int lacks = 0; lacks < 2; lacks++) {
			assert_int_equal(transfer(DISK_WRITE, 0, data, IMAGE),
					 0);
			if (lacks)
				disturb(1, GIVEN, -EOPNOTSUPP);
			assert_int_equal(range(ops[i], 4096, IMAGE - 3 * 4096,
					       i == lacks),
					 0);
			check_image(0, data, 4096);
			check_image(4096, NULL, IMAGE - 3 * 4096);
			check_image(IMAGE - 8192, data + IMAGE - 8192, 8192);
		}
	}
}

static void punched_space_comes_back(void **state)
{
	long long before;

	(void)state;
	need_ring(false);
	assert_int_equal(transfer(DISK_WRITE, 0, data, IMAGE), 0);
	assert_int_equal(range(DISK_SYNC, 0, 0, false), 0);
	before = blocks();
	assert_int_equal(range(DISK_DISCARD, 0, MIB(1), false), 0);
	assert_true(blocks() <= before - (long long)(MIB(1) / 512) + 64);

	/* Advice that cannot be followed; zeros that must be. */
	before = (long long)fake.nr;
	disturb(1, GIVEN, -EOPNOTSUPP);
	assert_int_equal(range(DISK_DISCARD, MIB(1), 4096, false), 0);
	assert_int_equal(fake.nr, before + 1);
}

/* A write takes one step, what is not a write one more. */
static void durable_is_synced(void **state)
{
	struct iovec iov = { data, 4096 };
	struct disk_io io = {
		.op = DISK_WRITE,
		.durable = true,
		.bytes = 4096,
		.iov = &iov,
		.nr_iov = 1,
	};

	(void)state;
	need_ring(false);
	assert_int_equal(transfer(DISK_WRITE, 0, data, 4096), 0);
	assert_int_equal(fake.nr_dsync, 0);
	assert_int_equal(run_io(&io), 0);
	assert_int_equal(fake.nr_dsync, 1);
	assert_int_equal(fake.nr, 2);
	assert_int_equal(range(DISK_PUNCH, 0, 4096, true), 0);
	assert_int_equal(fake.nr, 4);
	disturb(2, GIVEN, -EIO);
	assert_int_equal(range(DISK_ZERO, 0, 4096, true), -EIO);
}

static void direct_with_any_buffer(void **state)
{
	const size_t len = 3 * 65536 + 4096;
	uint8_t *back = aligned_alloc(4096, IMAGE);

	(void)state;
	need_ring(true);
	for (unsigned int off = 0; off < 3; off++) {
		assert_int_equal(transfer(DISK_WRITE, 4096, data + off, len),
				 0);
		check_image(4096, data + off, len);
		memset(back, 0, IMAGE);
		assert_int_equal(transfer(DISK_READ, 4096, back + 3 - off, len),
				 0);
		assert_memory_equal(back + 3 - off, data + off, len);
		assert_int_equal(back[3 - off + len], 0);
	}
	assert_int_equal(range(DISK_ZERO, 0, 4096, false), 0);
	free(back);
}

/* The first half goes through a buffer of ours, the rest does not: what that
 * buffer still has is not to get there, too. */
static void direct_with_one_bad_buffer(void **state)
{
	uint8_t *back = aligned_alloc(4096, IMAGE);
	struct iovec iov[2] = { { back + 1, 65536 }, { back + MIB(1), 65536 } };
	struct disk_io io = {
		.op = DISK_READ,
		.bytes = 2 * 65536,
		.iov = iov,
		.nr_iov = 2,
	};

	(void)state;
	need_ring(true);
	assert_int_equal(transfer(DISK_WRITE, 0, data, 2 * 65536), 0);
	assert_int_equal(run_io(&io), 0);
	assert_memory_equal(back + 1, data, 65536);
	assert_memory_equal(back + MIB(1), data + 65536, 65536);
	free(back);
}

static void pinned_memory_is_used(void **state)
{
	struct iovec areas[2] = { { data, MIB(1) },
				  { data + MIB(1), IMAGE - MIB(1) } };
	struct rlimit lim;

	(void)state;
	need_ring(false);
	disk_ring_destroy(ring);
	assert_int_equal(disk_ring_create(&ring, disk, 8, &kick, 1), 0);
	if (disk_ring_pin(ring, areas, 2)) {
		getrlimit(RLIMIT_MEMLOCK, &lim);
		skip_because("2 MiB cannot be locked, the limit is %llu",
			     (unsigned long long)lim.rlim_cur);
	}
	assert_int_equal(disk_ring_enable(ring), 0);

	assert_int_equal(page(DISK_WRITE, 0, data + MIB(1)), 0);
	assert_int_equal(fake.nr_fixed, 1);
	check_image(0, data + MIB(1), 4096);
	/* Across the areas, and beside them. */
	assert_int_equal(page(DISK_WRITE, 4096, data + MIB(1) - 2048), 0);
	check_image(4096, data + MIB(1) - 2048, 4096);
	assert_int_equal(fake.nr_fixed, 1);
	assert_int_equal(page(DISK_READ, 0, data), 0);
	assert_int_equal(fake.nr_fixed, 2);
	check_image(0, data, 4096);
}

static void denied(struct io_uring *uring)
{
	struct io_uring_cqe *cqe;

	__real_io_uring_submit_and_wait(uring, 1);
	assert_int_equal(io_uring_peek_cqe(uring, &cqe), 0);
	assert_int_equal(cqe->res, -EACCES);
	io_uring_cqe_seen(uring, cqe);
}

/* The kernel keeps it to its list, whatever is put into its queue. */
static void does_nothing_else(void **state)
{
	static const uint8_t ops[] = {
		IORING_OP_OPENAT, IORING_OP_READ,   IORING_OP_SENDMSG,
		IORING_OP_CLOSE,  IORING_OP_SOCKET, IORING_OP_UNLINKAT,
	};
	struct io_uring *uring;
	struct io_uring_sqe *sqe;
	int none = -1;

	(void)state;
	need_ring(false);
	uring = (struct io_uring *)ring; /* its first field */
	for (unsigned int i = 0; i < ARRAY_SIZE(ops); i++) {
		sqe = io_uring_get_sqe(uring);
		io_uring_prep_rw(ops[i], sqe, 0, NULL, 0, 0);
		sqe->flags |= IOSQE_FIXED_FILE;
		denied(uring);
	}
	/* Nor with a file that was not registered. */
	sqe = io_uring_get_sqe(uring);
	io_uring_prep_fsync(sqe, kick, 0);
	denied(uring);
	assert_int_equal(io_uring_register_files_update(uring, 0, &none, 1),
			 -EACCES);
}

static void refuses(int err, const char *says)
{
	struct disk_ring *none = NULL;
	struct capture c;
	int r;

	fake.init_errno = err;
	capture_begin(&c);
	r = disk_ring_create(&none, disk, 8, &kick, 1);
	capture_end(&c);
	fake.init_errno = 0;
	assert_int_equal(r, -err);
	assert_null(none);
	if (!strstr(c.text, says) || !strstr(c.text, path))
		fail_msg("said: %swanted: %s", c.text, says);
}

static void says_what_to_do(void **state)
{
	(void)state;
	disk = open_disk(true, false);
	refuses(EPERM, access("/proc/sys/kernel/io_uring_disabled", F_OK) ?
			       "seccomp" :
			       "io_uring");
	refuses(ENOSYS, "CONFIG_IO_URING");
	refuses(EINVAL, "Linux 6.1");
	refuses(ENOMEM, "RLIMIT_MEMLOCK");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(writes_and_reads),	       T(one_call_for_a_batch),
		T(continues_what_is_short),    T(errors_end_it),
		T(ranges_read_zeros),	       T(punched_space_comes_back),
		T(durable_is_synced),	       T(direct_with_any_buffer),
		T(direct_with_one_bad_buffer), T(pinned_memory_is_used),
		T(does_nothing_else),	       T(says_what_to_do),
	};

	return run_all(tests);
}
