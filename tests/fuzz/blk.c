// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fuzzes what is made of a request to a disk: chains of any segments, also ones
 * that lie over each other. What is to be done is within the disk and the
 * chain, in whole blocks, and leaves the status out. Input: what draw() takes.
 */
#include <errno.h>
#include <linux/virtio_blk.h>

#include "tests/fuzz/must.h"

#include "disk.h"
#include "virtio-blk-request.h"
#include "virtio-queue.h"

#define ARENA 8192u

static uint8_t arena[ARENA];
static struct blk_request req;
static const char id[VIRTIO_BLK_ID_BYTES] = "twenty bytes of name";

static void make_disk(struct source *src, struct disk *disk)
{
	unsigned int how = (unsigned int)draw(src, 1);

	*disk = (struct disk){
		.read_only = how & 1,
		.direct = how & 2,
		.can_punch = how & 4,
		.block_bytes = 512u << (how >> 3 & 3),
		.memory_align = 1,
	};
	disk->bytes = draw(src, how & 0x80 ? 6 : 1) * disk->block_bytes;
}

/* The segments lie in req, as the device has it. */
static void make_chain(struct source *src, struct virtq_chain *chain)
{
	unsigned int nr, i;
	uint64_t at;

	*chain = (struct virtq_chain){ .iov = req.iov,
				       .max = BLK_MAX_IOV,
				       .head = (uint16_t)draw(src, 1) };
	chain->nr_readable = (unsigned int)draw(src, 1) % 5;
	chain->nr_writable = (unsigned int)draw(src, 1) % 5;
	nr = chain->nr_readable + chain->nr_writable;
	for (i = 0; i < nr; i++) {
		static const uint16_t liked[] = { 16, 1, 512, 1024, 4096, 513 };
		unsigned int which = (unsigned int)draw(src, 1);
		uint64_t len = which < 0xc0 ? liked[which % 6] :
					      draw(src, 2) % 5000 + 1;

		at = draw(src, 2) % (ARENA - len);
		req.iov[i] = (struct iovec){ arena + at, len };
		if (i < chain->nr_readable)
			chain->readable += len;
		else
			chain->writable += len;
	}
}

/* What a guest would write first of all. */
static void put_header(struct source *src, const struct virtq_chain *chain)
{
	static const uint8_t types[] = { VIRTIO_BLK_T_IN,
					 VIRTIO_BLK_T_OUT,
					 VIRTIO_BLK_T_FLUSH,
					 VIRTIO_BLK_T_GET_ID,
					 VIRTIO_BLK_T_DISCARD,
					 VIRTIO_BLK_T_WRITE_ZEROES,
					 99 };
	struct {
		struct virtio_blk_outhdr head;
		struct virtio_blk_discard_write_zeroes seg;
	} text = { 0 };
	unsigned int wide = draw(src, 1) % 8 ? 1 : 8;
	size_t done = 0, n;

	text.head.type = types[draw(src, 1) % sizeof(types)];
	text.head.sector = draw(src, wide);
	text.seg.sector = draw(src, wide);
	text.seg.num_sectors = (uint32_t)draw(src, wide > 4 ? 4 : wide);
	text.seg.flags = (uint32_t)draw(src, 1) % 4;
	for (unsigned int i = 0; i < chain->nr_readable; i++) {
		n = sizeof(text) - done;
		n = n < req.iov[i].iov_len ? n : req.iov[i].iov_len;
		memcpy(req.iov[i].iov_base, (uint8_t *)&text + done, n);
		done += n;
	}
}

static void check_data(const struct virtq_chain *chain)
{
	const struct disk_io *io = &req.io;
	uint64_t sum = 0;

	for (unsigned int i = 0; i < io->nr_iov; i++) {
		const uint8_t *at = io->iov[i].iov_base;

		assert_true(at >= arena && io->iov[i].iov_len > 0 &&
			    at + io->iov[i].iov_len <= arena + ARENA);
		sum += io->iov[i].iov_len;
	}
	assert_int_equal(sum, io->bytes);
	if (io->op == DISK_READ) {
		assert_int_equal(io->bytes, chain->writable - 1);
		assert_int_equal(req.written, io->bytes);
	} else {
		assert_int_equal(io->bytes,
				 chain->readable -
					 sizeof(struct virtio_blk_outhdr));
	}
}

static void check_io(const struct disk *disk, const struct virtq_chain *chain)
{
	const struct disk_io *io = &req.io;

	if (io->op == DISK_SYNC)
		return;
	assert_true(io->bytes > 0 && io->offset <= disk->bytes &&
		    io->bytes <= disk->bytes - io->offset);
	assert_false(io->offset % disk->block_bytes);
	assert_false(io->bytes % disk->block_bytes);
	assert_true(io->op == DISK_READ || !disk->read_only);
	if (io->op == DISK_READ || io->op == DISK_WRITE)
		check_data(chain);
	else
		assert_true(io->bytes <=
			    (uint64_t)BLK_MAX_RANGE_SECTORS * DISK_SECTOR);
}

static void one(struct source *src)
{
	struct virtq_chain chain;
	const struct iovec *last;
	uint8_t status = 0xee;
	const uint8_t *end;
	struct disk disk;
	int r;

	make_disk(src, &disk);
	make_chain(src, &chain);
	put_header(src, &chain);
	if (!chain.nr_writable ||
	    chain.readable < sizeof(struct virtio_blk_outhdr)) {
		assert_int_equal(blk_request_parse(&req, &chain, &disk, id,
						   &status),
				 -EPROTO);
		return;
	}
	last = &req.iov[chain.nr_readable + chain.nr_writable - 1];
	end = (uint8_t *)last->iov_base + last->iov_len;
	r = blk_request_parse(&req, &chain, &disk, id, &status);
	assert_ptr_equal(req.status, end - 1);
	assert_true(r == 0 || r == 1);
	assert_int_equal(req.head, chain.head);
	assert_true(req.written < chain.writable);
	assert_true(status <= VIRTIO_BLK_S_UNSUPP);
	if (r)
		check_io(&disk, &chain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source src = { data, size };

	while (src.left)
		one(&src);
	return 0;
}
