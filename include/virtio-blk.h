/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A block device: Virtio 1.3, section 5.2.  Each queue has a thread and an
 * io_uring of its own, so that queues wait for each other nowhere.
 */
#ifndef WHERRY_VIRTIO_BLK_H
#define WHERRY_VIRTIO_BLK_H

struct disk;
struct virtio_dev;

#define VIRTIO_BLK_MAX_QUEUES 64
#define VIRTIO_BLK_MAX_SERIAL 20

struct virtio_blk_params {
	const char *name; /* "disk0" */
	struct disk *disk; /* the device's from now on, also after an error */
	const char *serial; /* up to VIRTIO_BLK_MAX_SERIAL bytes; NULL: none */
	unsigned int nr_queues;
};

/* 0 or -errno, logged. */
int virtio_blk_create(struct virtio_dev **out,
		      const struct virtio_blk_params *params);

#endif
