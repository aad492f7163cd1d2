/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a driver's buffer asks of a disk: Virtio 1.3, section 5.2.6.  Touches no
 * file and no queue.
 */
#ifndef WHERRY_VIRTIO_BLK_REQUEST_H
#define WHERRY_VIRTIO_BLK_REQUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "disk-ring.h"

struct disk;
struct virtq_chain;

/* Of data; Linux makes a table of as many for each request of its queue. */
#define BLK_SEG_MAX 126
/* With the header and the status. */
#define BLK_MAX_IOV (BLK_SEG_MAX + 2)
/* Of one discard or write-zeroes. */
#define BLK_MAX_RANGE_SECTORS (1u << 22)

struct blk_request {
	struct disk_io io;
	uint16_t head;
	uint8_t *status; /* in guest RAM, within this request's buffer */
	uint32_t room; /* bytes that may be written before the status */
	uint32_t written; /* of these, should it succeed */
	struct blk_request *next; /* of the free ones */
	struct iovec iov[BLK_MAX_IOV];
};

/*
 * Reads the chain, whose segments lie in req->iov, into *req.  1: req->io is to
 * be done.  0: it is answered by *status already.  -EPROTO: there is no room
 * for a header or a status.  id: VIRTIO_BLK_ID_BYTES, what GET_ID says.
 */
int blk_request_parse(struct blk_request *req, const struct virtq_chain *chain,
		      const struct disk *disk, const char *id, uint8_t *status);
/*
 * How much of the buffer is written when it is answered by status: from its
 * beginning on without a gap (2.7.8.2), and the status is its last byte.
 */
uint32_t blk_request_written(const struct blk_request *req, uint8_t status);

#endif
