/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ring on a real file, and requests one at a time. For programs that wrap what
 * fake-uring.h says. After harness.h.
 */
#ifndef TESTS_UNIT_DISK_RING_FIXTURE_H
#define TESTS_UNIT_DISK_RING_FIXTURE_H

#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "disk-ring.h"
#include "disk.h"
#include "fake-uring.h"
#include "util.h"

#define IMAGE MIB(2)

static char path[64];
static struct disk *disk;
static struct disk_ring *ring;
static int kick = -1;
static bool tries;
static unsigned int kicked; /* what waits have said of kick */
static uint8_t *data; /* IMAGE bytes, aligned to pages */

static inline struct disk *open_disk(bool read_only, bool direct)
{
	struct disk_params p = {
		.spec = path,
		.fd = -1,
		.read_only = read_only,
		.direct = direct,
	};
	struct disk *d = NULL;

	assert_int_equal(disk_open(&d, &p), 0);
	return d;
}

static inline void make_ring(bool direct)
{
	disk = open_disk(false, direct);
	assert_int_equal(disk_ring_create(&ring, disk, 8, &kick, 1), 0);
}

static inline int setup(void **state)
{
	int fd;

	(void)state;
	memset(&fake, 0, sizeof(fake));
	tries = false;
	kicked = 0;
	snprintf(path, sizeof(path), "/var/tmp/wherry-ring-XXXXXX");
	fd = mkstemp(path);
	if (fd < 0 || ftruncate(fd, (off_t)IMAGE))
		return -1;
	close(fd);
	kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	data = aligned_alloc(KIB(4), IMAGE);
	for (size_t i = 0; i < IMAGE; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	disk_ring_destroy(ring);
	disk_close(disk);
	ring = NULL;
	disk = NULL;
	close(kick);
	free(data);
	return unlink(path);
}

/* Where this kernel or its sandbox has no io_uring. */
static inline void need_ring(bool direct)
{
	struct io_uring uring;
	int fd = open(path, O_RDWR | O_CLOEXEC | (direct ? O_DIRECT : 0));

	if (fd < 0)
		skip_because("/var/tmp has no direct I/O");
	close(fd);
	if (__real_io_uring_queue_init(1, &uring, 0))
		skip_because("this kernel lets nobody have io_uring");
	io_uring_queue_exit(&uring);
	make_ring(direct);
	assert_int_equal(disk_ring_enable(ring), 0);
	assert_int_equal(disk_ring_enable(ring), 0);
}

static inline int run_io(struct disk_io *io)
{
	struct disk_io *ended;
	unsigned int watched;

	disk_ring_begin(ring, io);
	assert_int_equal(disk_ring_busy(ring), 1);
	ended = tries ? disk_ring_try(ring) : NULL;
	while (!ended) {
		ended = disk_ring_wait(ring, &watched);
		kicked |= watched;
	}
	assert_ptr_equal(ended, io);
	assert_null(ended->next);
	assert_int_equal(disk_ring_busy(ring), 0);
	return io->result;
}

static inline int transfer(enum disk_op op, uint64_t offset, void *buf,
			   size_t len)
{
	/* In three pieces, which a transfer uses up. */
	struct iovec iov[3] = {
		{ buf, len / 4 },
		{ (char *)buf + len / 4, len / 4 },
		{ (char *)buf + len / 4 * 2, len - len / 4 * 2 },
	};
	struct disk_io io = {
		.op = op,
		.offset = offset,
		.bytes = len,
		.iov = iov,
		.nr_iov = 3,
	};

	return run_io(&io);
}

static inline int range(enum disk_op op, uint64_t offset, uint64_t bytes,
			bool durable)
{
	struct disk_io io = {
		.op = op,
		.offset = offset,
		.bytes = bytes,
		.durable = durable,
	};

	return run_io(&io);
}

/* A page, in one piece. */
static inline int page(enum disk_op op, uint64_t offset, void *buf)
{
	struct iovec iov = { buf, 4096 };
	struct disk_io io = { .op = op,
			      .offset = offset,
			      .bytes = 4096,
			      .iov = &iov,
			      .nr_iov = 1 };

	return run_io(&io);
}

#endif
