// SPDX-License-Identifier: BSD-2-Clause
/*
 * virtio-blk-request - makes an operation on a disk of what a driver wrote, and
 * sees to it that it stays within the disk. Owns nothing.
 */
#include "virtio-blk-request.h"

#include <errno.h>
#include <linux/virtio_blk.h>

#include "disk.h"
#include "util.h"
#include "virtio-queue.h"

/* Whether the operation is of blocks that the disk has. */
static bool within(const struct disk *disk, uint64_t sector, uint64_t bytes)
{
	uint64_t sectors = disk->bytes / DISK_SECTOR;

	return sector <= sectors && bytes / DISK_SECTOR <= sectors - sector &&
	       !(bytes % disk->block_bytes) &&
	       !(sector * DISK_SECTOR % disk->block_bytes);
}

/* 5.2.6: data, and for reads the status behind them. */
static int transfer(struct blk_request *req, const struct virtq_chain *chain,
		    const struct disk *disk, uint64_t sector, uint8_t *status)
{
	bool read = req->io.op == DISK_READ;
	struct iovec *last;

	*status = VIRTIO_BLK_S_IOERR;
	req->io.bytes =
		read ? chain->writable - 1 :
		       chain->readable - sizeof(struct virtio_blk_outhdr);
	if (!within(disk, sector, req->io.bytes) || (!read && disk->read_only))
		return 0;
	*status = VIRTIO_BLK_S_OK;
	if (!req->io.bytes)
		return 0;

	req->io.offset = sector * DISK_SECTOR;
	if (read) {
		req->io.iov = chain->iov + chain->nr_readable;
		req->io.nr_iov = chain->nr_writable;
		last = &req->io.iov[req->io.nr_iov - 1];
		req->io.nr_iov -= !--last->iov_len;
		req->written = (uint32_t)req->io.bytes;
	} else {
		req->io.iov = chain->iov;
		req->io.nr_iov = chain->nr_readable;
		disk_io_skip(&req->io, sizeof(struct virtio_blk_outhdr));
	}
	return 1;
}

/* 5.2.6.2: exactly one range, which is what max_discard_seg allows. */
static int range(struct blk_request *req, const struct virtq_chain *chain,
		 const struct disk *disk, bool discard, uint8_t *status)
{
	struct virtio_blk_discard_write_zeroes seg;
	const size_t header = sizeof(struct virtio_blk_outhdr);
	uint64_t bytes;

	*status = VIRTIO_BLK_S_IOERR;
	if (disk->read_only || chain->readable != header + sizeof(seg))
		return 0;
	virtq_copy_from(chain, header, &seg, sizeof(seg));
	bytes = (uint64_t)seg.num_sectors * DISK_SECTOR;
	if (seg.flags & ~(discard ? 0u : VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP)) {
		*status = VIRTIO_BLK_S_UNSUPP;
		return 0;
	}
	if (seg.num_sectors > BLK_MAX_RANGE_SECTORS ||
	    !within(disk, seg.sector, bytes))
		return 0;
	*status = VIRTIO_BLK_S_OK;
	if (!bytes)
		return 0;

	req->io.op = discard   ? DISK_DISCARD :
		     seg.flags ? DISK_PUNCH :
				 DISK_ZERO;
	req->io.offset = seg.sector * DISK_SECTOR;
	req->io.bytes = bytes;
	return 1;
}

static int get_id(struct blk_request *req, const struct virtq_chain *chain,
		  const char *id, uint8_t *status)
{
	req->written = MIN(req->room, VIRTIO_BLK_ID_BYTES);
	virtq_copy_to(chain, 0, id, req->written);
	*status = VIRTIO_BLK_S_OK;
	return 0;
}

int blk_request_parse(struct blk_request *req, const struct virtq_chain *chain,
		      const struct disk *disk, const char *id, uint8_t *status)
{
	struct virtio_blk_outhdr header;
	const struct iovec *last;

	if (chain->readable < sizeof(header) || !chain->writable)
		return -EPROTO;
	last = &chain->iov[chain->nr_readable + chain->nr_writable - 1];
	req->head = chain->head;
	req->status = (uint8_t *)last->iov_base + last->iov_len - 1;
	req->room = (uint32_t)(chain->writable - 1);
	req->written = 0;
	req->io = (struct disk_io){ 0 };

	virtq_copy_from(chain, 0, &header, sizeof(header));
	switch (header.type) {
	case VIRTIO_BLK_T_IN:
		req->io.op = DISK_READ;
		return transfer(req, chain, disk, header.sector, status);
	case VIRTIO_BLK_T_OUT:
		req->io.op = DISK_WRITE;
		return transfer(req, chain, disk, header.sector, status);
	case VIRTIO_BLK_T_FLUSH:
		req->io.op = DISK_SYNC;
		*status = VIRTIO_BLK_S_OK;
		return 1;
	case VIRTIO_BLK_T_GET_ID:
		return get_id(req, chain, id, status);
	case VIRTIO_BLK_T_DISCARD:
	case VIRTIO_BLK_T_WRITE_ZEROES:
		return range(req, chain, disk,
			     header.type == VIRTIO_BLK_T_DISCARD, status);
	default:
		*status = VIRTIO_BLK_S_UNSUPP;
		return 0;
	}
}

uint32_t blk_request_written(const struct blk_request *req, uint8_t status)
{
	uint32_t n = status == VIRTIO_BLK_S_OK ? req->written : 0;

	return n == req->room ? n + 1 : n;
}
