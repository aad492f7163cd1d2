/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Input and output on a disk by io_uring: one ring for each thread, which waits
 * on it for other descriptors, too.  All that is begun between two waits is one
 * system call, and so is all that ended.
 *
 * io_uring goes past seccomp, so a ring is made with a list of its own of what
 * it may do: read, write, sync and punch holes in this one file.
 *
 * Thread: creation on any; all else on the one that enables it.
 */
#ifndef WHERRY_DISK_RING_H
#define WHERRY_DISK_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct disk;
struct disk_ring;

enum disk_op {
	DISK_READ,
	DISK_WRITE,
	DISK_SYNC, /* all writes that have ended are durable */
	/* Of ranges. */
	DISK_DISCARD, /* the host may have its space again */
	DISK_PUNCH, /* reads zeros, and the host may have its space again */
	DISK_ZERO, /* reads zeros */
};

/*
 * One operation, from disk_ring_begin() to its end the ring's.  Reads and
 * writes are of all that iov holds, which is used up thereby; a short one is
 * continued.  The others are of [offset, offset + bytes).
 */
struct disk_io {
	enum disk_op op;
	bool durable; /* ends when it would survive a crash of the host */
	uint64_t offset; /* in the disk, checked by the caller */
	uint64_t bytes; /* not 0, but of DISK_SYNC */
	struct iovec *iov; /* bytes in all */
	unsigned int nr_iov;

	/* disk-ring.c's. */
	enum { DISK_STEP_DO, DISK_STEP_ZEROS, DISK_STEP_SYNC } step;
	struct iovec stand_in; /* for what iov begins with */
	void *bounce; /* aligned: what this step is for iov; or NULL */
	struct disk_io *next; /* of those that have ended */
	int result; /* 0 or -errno */
};

/* Leaves out the first bytes of what iov holds. */
void disk_io_skip(struct disk_io *io, size_t bytes);

/* 0 or -errno, logged with the remedy: io_uring is forbidden, or too old. */
int disk_ring_create(struct disk_ring **out, const struct disk *disk,
		     unsigned int max_ios, const int *watched_fds,
		     unsigned int nr_watched);
/* Nothing is under way.  Takes NULL. */
void disk_ring_destroy(struct disk_ring *ring);

/*
 * Memory that most requests are in, which the kernel then need not look up each
 * time: all of it is pinned.  Before disk_ring_enable().  0 or -errno (-ENOMEM:
 * the limit of locked memory); logs nothing.
 */
int disk_ring_pin(struct disk_ring *ring, const struct iovec *areas,
		  unsigned int nr);

/* Once, by the thread that uses it from then on: 0 or -errno, logged. */
int disk_ring_enable(struct disk_ring *ring);

/* Begins at the next wait, or try.  Never more at once than max_ios. */
void disk_ring_begin(struct disk_ring *ring, struct disk_io *io);
/*
 * Hands over what was begun and returns what has ended by that alone, as reads
 * from the page cache do; never waits.  Where that was in vain, and for some time
 * from then on, it does nothing: a wait does it in the same system call.
 */
struct disk_io *disk_ring_try(struct disk_ring *ring);
/*
 * Waits until something has ended or a watched descriptor was made readable
 * (bit i of *watched: the i-th), which is told by edge: nobody need read it.
 * Returns what has ended, linked by next; NULL is nothing.
 */
struct disk_io *disk_ring_wait(struct disk_ring *ring, unsigned int *watched);
/* Operations that have not ended. */
unsigned int disk_ring_busy(const struct disk_ring *ring);
/* System calls that it has made. */
uint64_t disk_ring_nr_enters(const struct disk_ring *ring);

#endif
