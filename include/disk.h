/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A raw image or a block device of the host as a guest's disk: opens it, finds
 * out what it is like, and holds the lock that keeps two VMs from writing it.
 * Input and output are disk-ring.h's.
 */
#ifndef WHERRY_DISK_H
#define WHERRY_DISK_H

#include <stdbool.h>
#include <stdint.h>

#define DISK_SECTOR 512
#define DISK_MAX_BLOCK 65536u

struct disk_params {
	const char *spec; /* the path, or "fd=N": for messages */
	int fd; /* -1: spec is opened; else this, which becomes the disk's */
	bool read_only;
	bool direct; /* past the page cache: O_DIRECT */
	bool lock; /* refuse what another has locked */
};

/* Constant from disk_open() on. */
struct disk {
	char *spec;
	int fd;
	bool read_only, direct;
	bool is_device;
	uint64_t bytes; /* a multiple of block_bytes */
	uint32_t block_bytes; /* what reads and writes are multiples of */
	uint32_t physical_bytes; /* what is written without a read before */
	uint32_t optimal_bytes; /* of large requests; 0: no opinion */
	uint32_t memory_align; /* of buffers; 1 unless direct */
	bool can_punch; /* ranges can be given back to the host */
};

/*
 * Errors, logged with the remedy: no such file, not a file or block device, a
 * descriptor that was opened for less than is asked, a size that is no multiple
 * of a block, no direct I/O there, mounted, locked by another.
 */
int disk_open(struct disk **out, const struct disk_params *params);
/* Takes NULL.  Gives up the lock. */
void disk_close(struct disk *disk);

#endif
