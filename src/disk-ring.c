// SPDX-License-Identifier: BSD-2-Clause
/*
 * disk-ring - owns an io_uring for one thread's requests to one disk. What the
 * file cannot do at once it does in steps: the rest of a short read, zeros in
 * place of ranges, buffers that direct I/O does not take.
 */
#include "disk-ring.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "disk.h"
#include "log.h"
#include "util.h"

#define MAX_WATCHED 2
#define MAX_AREAS 64 /* of pinned memory */
#define MAX_AREA GIB(1) /* the kernel's limit for one */
#define BOUNCE_BYTES DISK_MAX_BLOCK
#define ZERO_BYTES MIB(1)
/* So many waits between two tries, once one was in vain. */
#define MAX_DISCOURAGED 32
#define DISABLED "/proc/sys/kernel/io_uring_disabled"

struct disk_ring {
	struct io_uring uring;
	bool has_uring, enabled, armed[MAX_WATCHED];
	const struct disk *disk;
	unsigned int nr_watched;
	unsigned int nr_busy;
	unsigned int discouraged; /* waits until the next try */
	uint64_t nr_enters;
	unsigned int seen; /* watched descriptors that no wait has told of */

	struct iovec areas[MAX_AREAS];
	unsigned int nr_areas;

	void *zeros; /* ZERO_BYTES, never written: no memory of its own */
	struct disk_io *ended, **ended_tail;
};

/* Files of the ring by index: the disk, then what is watched. */
#define FILE_DISK 0
#define FILE_WATCHED 1

/* User data is the index of a watched descriptor, or a struct disk_io. */

static int cannot(const struct disk *disk, int r)
{
	const char *remedy = "";
	char text[16];

	if (r == -EPERM && !read_attr(DISABLED, text, sizeof(text)) &&
	    strcmp(text, "0"))
		remedy = "; write 0 to " DISABLED ", or 1 and be in the group "
			 "of kernel.io_uring_group";
	else if (r == -EPERM)
		remedy = "; a seccomp filter forbids it, as those of "
			 "containers do: allow io_uring_setup, "
			 "io_uring_register and io_uring_enter";
	else if (r == -ENOSYS)
		remedy = "; this kernel needs CONFIG_IO_URING";
	else if (r == -EINVAL)
		remedy = "; it needs Linux 6.1 or newer";
	else if (r == -ENOMEM)
		remedy = "; raise RLIMIT_MEMLOCK (ulimit -l)";
	log_err("disk %s: io_uring: %s%s", disk->spec, strerror(-r), remedy);
	return r;
}

/*
 * Nothing else may be asked of it from the moment it is enabled: what seccomp
 * does not see, the kernel refuses.
 */
static int restrict_ring(struct io_uring *uring)
{
	static const uint8_t ops[] = {
		IORING_OP_READV,       IORING_OP_WRITEV, IORING_OP_READ_FIXED,
		IORING_OP_WRITE_FIXED, IORING_OP_FSYNC,	 IORING_OP_POLL_ADD,
		IORING_OP_FALLOCATE,
	};
	struct io_uring_restriction res[ARRAY_SIZE(ops) + 2] = { 0 };
	unsigned int n = 0;

	for (; n < ARRAY_SIZE(ops); n++) {
		res[n].opcode = IORING_RESTRICTION_SQE_OP;
		res[n].sqe_op = ops[n];
	}
	res[n].opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED;
	res[n++].sqe_flags = IOSQE_FIXED_FILE;
	res[n].opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED;
	res[n++].sqe_flags = IOSQE_FIXED_FILE;
	/* liburing 2.3 forgot to export its own functions for this. */
	return io_uring_register((unsigned int)uring->ring_fd,
				 IORING_REGISTER_RESTRICTIONS, res, n);
}

/* Nobody writes there, so there is one page of it, which is not ours. */
static int map_zeros(struct disk_ring *ring)
{
	void *p = mmap(NULL, ZERO_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	if (p == MAP_FAILED)
		return -errno;
	ring->zeros = p;
	return 0;
}

int disk_ring_create(struct disk_ring **out, const struct disk *disk,
		     unsigned int max_ios, const int *watched_fds,
		     unsigned int nr_watched)
{
	struct disk_ring *ring = calloc(1, sizeof(*ring));
	int files[FILE_WATCHED + MAX_WATCHED] = { disk->fd };
	int r;

	if (!ring) {
		log_err("disk %s: out of memory", disk->spec);
		return -ENOMEM;
	}
	ring->disk = disk;
	ring->nr_watched = MIN(nr_watched, MAX_WATCHED);
	ring->ended_tail = &ring->ended;
	memcpy(&files[FILE_WATCHED], watched_fds,
	       ring->nr_watched * sizeof(int));

	r = io_uring_queue_init(max_ios + MAX_WATCHED, &ring->uring,
				IORING_SETUP_R_DISABLED |
					IORING_SETUP_SINGLE_ISSUER |
					IORING_SETUP_DEFER_TASKRUN);
	ring->has_uring = !r;
	if (!r)
		r = map_zeros(ring);
	if (!r)
		r = io_uring_register_files(&ring->uring, files,
					    FILE_WATCHED + ring->nr_watched);
	if (!r)
		r = restrict_ring(&ring->uring);
	if (r < 0) {
		cannot(disk, r);
		disk_ring_destroy(ring);
		return r;
	}
	*out = ring;
	return 0;
}

void disk_ring_destroy(struct disk_ring *ring)
{
	if (!ring)
		return;
	if (ring->has_uring)
		io_uring_queue_exit(&ring->uring);
	if (ring->zeros)
		munmap(ring->zeros, ZERO_BYTES);
	free(ring);
}

int disk_ring_pin(struct disk_ring *ring, const struct iovec *areas,
		  unsigned int nr)
{
	unsigned int n = 0;
	int r;

	for (unsigned int i = 0; i < nr; i++)
		for (size_t at = 0; at < areas[i].iov_len; at += MAX_AREA) {
			if (n == MAX_AREAS)
				return -E2BIG;
			ring->areas[n++] = (struct iovec){
				.iov_base = (char *)areas[i].iov_base + at,
				.iov_len = MIN(areas[i].iov_len - at, MAX_AREA),
			};
		}
	r = io_uring_register_buffers(&ring->uring, ring->areas, n);
	if (!r)
		ring->nr_areas = n;
	return r;
}

static void watch(struct disk_ring *ring, unsigned int i)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->uring);

	io_uring_prep_poll_multishot(sqe, FILE_WATCHED + i, POLLIN);
	sqe->flags |= IOSQE_FIXED_FILE;
	io_uring_sqe_set_data64(sqe, i);
	ring->armed[i] = true;
}

int disk_ring_enable(struct disk_ring *ring)
{
	int r;

	if (ring->enabled)
		return 0;
	r = io_uring_register((unsigned int)ring->uring.ring_fd,
			      IORING_REGISTER_ENABLE_RINGS, NULL, 0);
	if (r < 0)
		return cannot(ring->disk, r);
	ring->enabled = true;
	return 0;
}

static void free_bounce(struct disk_io *io)
{
	free(io->bounce);
	io->bounce = NULL;
}

static void end(struct disk_ring *ring, struct disk_io *io, int result)
{
	free_bounce(io);
	io->result = result;
	io->next = NULL;
	*ring->ended_tail = io;
	ring->ended_tail = &io->next;
	ring->nr_busy--;
}

void disk_io_skip(struct disk_io *io, size_t bytes)
{
	while (io->nr_iov && bytes >= io->iov->iov_len) {
		bytes -= io->iov->iov_len;
		io->iov++;
		io->nr_iov--;
	}
	if (io->nr_iov) {
		io->iov->iov_base = (char *)io->iov->iov_base + bytes;
		io->iov->iov_len -= bytes;
	}
}

/* Between the bounce buffer and what iov begins with. */
static void copy_bounce(const struct disk_io *io, bool in, size_t len)
{
	char *bounce = io->bounce;

	for (unsigned int i = 0; i < io->nr_iov && len; i++) {
		size_t n = MIN(len, io->iov[i].iov_len);

		memcpy(in ? bounce : io->iov[i].iov_base,
		       in ? io->iov[i].iov_base : bounce, n);
		bounce += n;
		len -= n;
	}
}

static bool is_aligned(const struct disk *disk, const struct disk_io *io)
{
	uintptr_t bases = 0, lengths = 0;

	if (!disk->direct)
		return true;
	for (unsigned int i = 0; i < io->nr_iov; i++) {
		bases |= (uintptr_t)io->iov[i].iov_base;
		lengths |= io->iov[i].iov_len;
	}
	return !(bases & (disk->memory_align - 1)) &&
	       !(lengths & (disk->block_bytes - 1));
}

/* The pinned area that holds it all; -1: none. */
static int find_area(const struct disk_ring *ring, const struct iovec *iov)
{
	for (unsigned int i = 0; i < ring->nr_areas; i++)
		if (range_contains((uintptr_t)ring->areas[i].iov_base,
				   ring->areas[i].iov_len,
				   (uintptr_t)iov->iov_base, iov->iov_len))
			return (int)i;
	return -1;
}

static void prep_transfer(const struct disk_ring *ring,
			  struct io_uring_sqe *sqe, const struct disk_io *io,
			  const struct iovec *iov, unsigned int nr)
{
	int area = nr == 1 ? find_area(ring, iov) : -1;
	bool write = io->op != DISK_READ;

	if (area >= 0 && write)
		io_uring_prep_write_fixed(sqe, FILE_DISK, iov->iov_base,
					  (unsigned int)iov->iov_len,
					  io->offset, area);
	else if (area >= 0)
		io_uring_prep_read_fixed(sqe, FILE_DISK, iov->iov_base,
					 (unsigned int)iov->iov_len, io->offset,
					 area);
	else if (write)
		io_uring_prep_writev(sqe, FILE_DISK, iov, nr, io->offset);
	else
		io_uring_prep_readv(sqe, FILE_DISK, iov, nr, io->offset);
	if (io->op == DISK_WRITE && io->durable)
		sqe->rw_flags = RWF_DSYNC;
}

/* An aligned buffer for what comes next. */
static int prepare_bounce(const struct disk *disk, struct disk_io *io)
{
	if (!io->bounce)
		io->bounce = aligned_alloc(
			MAX(disk->memory_align, sizeof(void *)), BOUNCE_BYTES);
	if (!io->bounce)
		return -ENOMEM;
	io->stand_in = (struct iovec){
		.iov_base = io->bounce,
		.iov_len = MIN(io->bytes, BOUNCE_BYTES),
	};
	if (io->op == DISK_WRITE)
		copy_bounce(io, true, io->stand_in.iov_len);
	return 0;
}

/* Hands over the next step. */
static void go_on(struct disk_ring *ring, struct disk_io *io)
{
	bool is_transfer = io->op == DISK_READ || io->op == DISK_WRITE;
	bool bounces = is_transfer && !is_aligned(ring->disk, io);
	struct io_uring_sqe *sqe;

	if (!bounces) {
		/* That of the step before has no part in this one. */
		free_bounce(io);
	} else if (prepare_bounce(ring->disk, io)) {
		end(ring, io, -ENOMEM);
		return;
	}
	/* There is one for each operation, which has one step at a time. */
	sqe = io_uring_get_sqe(&ring->uring);
	if (io->op == DISK_SYNC || io->step == DISK_STEP_SYNC) {
		io_uring_prep_fsync(sqe, FILE_DISK, IORING_FSYNC_DATASYNC);
	} else if (io->step == DISK_STEP_ZEROS) {
		io->stand_in = (struct iovec){
			.iov_base = ring->zeros,
			.iov_len = MIN(io->bytes, ZERO_BYTES),
		};
		prep_transfer(ring, sqe, io, &io->stand_in, 1);
	} else if (bounces) {
		prep_transfer(ring, sqe, io, &io->stand_in, 1);
	} else if (is_transfer) {
		prep_transfer(ring, sqe, io, io->iov, io->nr_iov);
	} else {
		io_uring_prep_fallocate(sqe, FILE_DISK,
					FALLOC_FL_KEEP_SIZE |
						(io->op == DISK_ZERO ?
							 FALLOC_FL_ZERO_RANGE :
							 FALLOC_FL_PUNCH_HOLE),
					(off_t)io->offset, (off_t)io->bytes);
	}
	sqe->flags |= IOSQE_FIXED_FILE;
	io_uring_sqe_set_data(sqe, io);
}

static void transferred(struct disk_io *io, size_t n)
{
	if (io->bounce && io->op == DISK_READ)
		copy_bounce(io, false, n);
	io->offset += n;
	io->bytes -= n;
	disk_io_skip(io, n);
}

/* A step has ended: with the operation, or with another step. */
static void step_ended(struct disk_ring *ring, struct disk_io *io, int res)
{
	bool is_transfer = io->op == DISK_READ || io->op == DISK_WRITE ||
			   io->step == DISK_STEP_ZEROS;

	if (res == -EINTR || res == -EAGAIN) {
		go_on(ring, io);
		return;
	}
	if (io->op == DISK_SYNC || io->step == DISK_STEP_SYNC) {
		end(ring, io, res);
		return;
	}
	if (is_transfer && res > 0) {
		transferred(io, (size_t)res);
		if (io->bytes) {
			go_on(ring, io);
			return;
		}
	} else if (is_transfer && !res) {
		res = -EIO; /* somebody has cut the file off */
	} else if (res == -EOPNOTSUPP && io->op == DISK_DISCARD) {
		res = 0; /* it was advice */
	} else if (res == -EOPNOTSUPP && !is_transfer) {
		io->step = DISK_STEP_ZEROS;
		go_on(ring, io);
		return;
	}
	if (res >= 0 && io->durable && io->op > DISK_SYNC) {
		io->step = DISK_STEP_SYNC;
		go_on(ring, io);
		return;
	}
	end(ring, io, MIN(res, 0));
}

void disk_ring_begin(struct disk_ring *ring, struct disk_io *io)
{
	io->step = DISK_STEP_DO;
	io->bounce = NULL;
	ring->nr_busy++;
	go_on(ring, io);
}

static void reap(struct disk_ring *ring)
{
	struct io_uring_cqe *cqe;
	unsigned int head, n = 0;

	io_uring_for_each_cqe(&ring->uring, head, cqe)
	{
		uint64_t data = io_uring_cqe_get_data64(cqe);

		n++;
		if (data >= MAX_WATCHED) {
			step_ended(ring, io_uring_cqe_get_data(cqe), cqe->res);
			continue;
		}
		ring->seen |= 1U << data;
		if (!(cqe->flags & IORING_CQE_F_MORE))
			ring->armed[data] = false;
	}
	io_uring_cq_advance(&ring->uring, n);
}

static struct disk_io *take_ended(struct disk_ring *ring)
{
	struct disk_io *ended = ring->ended;

	ring->ended = NULL;
	ring->ended_tail = &ring->ended;
	return ended;
}

struct disk_io *disk_ring_try(struct disk_ring *ring)
{
	/* Direct I/O ends by an interrupt. */
	if (ring->disk->direct || ring->discouraged ||
	    !io_uring_sq_ready(&ring->uring))
		return take_ended(ring);
	ring->nr_enters++;
	(void)io_uring_submit(&ring->uring);
	reap(ring);
	if (!ring->ended)
		ring->discouraged = MAX_DISCOURAGED;
	return take_ended(ring);
}

struct disk_io *disk_ring_wait(struct disk_ring *ring, unsigned int *watched)
{
	if (ring->discouraged)
		ring->discouraged--;
	do {
		for (unsigned int i = 0; i < ring->nr_watched; i++)
			if (!ring->armed[i])
				watch(ring, i);
		ring->nr_enters++;
		/* An error is of the moment, and what was not handed over
		 * then is the next time. */
		(void)io_uring_submit_and_wait(&ring->uring,
					       !ring->ended && !ring->seen);
		reap(ring);
	} while (!ring->ended && !ring->seen);
	*watched = ring->seen;
	ring->seen = 0;
	return take_ended(ring);
}

unsigned int disk_ring_busy(const struct disk_ring *ring)
{
	return ring->nr_busy;
}

uint64_t disk_ring_nr_enters(const struct disk_ring *ring)
{
	return ring->nr_enters;
}
