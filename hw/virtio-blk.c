// SPDX-License-Identifier: BSD-2-Clause
/*
 * virtio-blk - a block device: its configuration, and a thread with an
 * io_uring for each of its queues. Owns the disk. A thread alone touches its
 * queue and its requests.
 */
#include "virtio-blk.h"

#include <errno.h>
#include <linux/virtio_blk.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "disk-ring.h"
#include "disk.h"
#include "json.h"
#include "ram.h"
#include "virtio-blk-request.h"
#include "virtio.h"
#include "worker.h"

#define QUEUE_MAX 256
/* So many answers may wait for others before the driver is told. */
#define MAX_UNTOLD 16
/* What belongs to features that are offered. */
#define CONFIG_BYTES \
	offsetof(struct virtio_blk_config, max_secure_erase_sectors)

struct blk_queue {
	struct virtio_blk *blk;
	unsigned int index;
	struct worker *worker;
	struct disk_ring *ring;
	/* QUEUE_MAX; the worker's.  Those from nr_fresh on were never used, so
	 * that a guest that asks for little at a time takes little memory. */
	struct blk_request *requests, *unused;
	unsigned int nr_fresh;
	unsigned int nr_untold; /* answers of which the driver was not told */
	/* Worker, while it runs. */
	uint64_t nr_reads, nr_writes, nr_flushes, nr_ranges, nr_errors;
};

struct virtio_blk {
	struct virtio_dev dev;
	struct disk *disk;
	char id[VIRTIO_BLK_ID_BYTES];
	struct virtio_blk_config config; /* dev_lock */
	_Atomic bool durable; /* each write is, before it is answered */
	bool pinned;
	unsigned int nr;
	struct blk_queue *queues;
};

static struct virtio_blk *to_blk(struct virtio_dev *dev)
{
	return container_of(dev, struct virtio_blk, dev);
}

static void config_read(struct virtio_dev *dev, unsigned int off, void *buf,
			unsigned int len)
{
	memcpy(buf, (const char *)&to_blk(dev)->config + off, len);
}

/* 5.2.5, 5.2.6.2: what has no write cache must do without one. */
static void settle_cache(struct virtio_blk *blk)
{
	bool cached = virtio_has(&blk->dev, VIRTIO_BLK_F_CONFIG_WCE) ?
			      blk->config.wce :
			      virtio_has(&blk->dev, VIRTIO_BLK_F_FLUSH);

	atomic_store(&blk->durable, !cached);
}

static void config_write(struct virtio_dev *dev, unsigned int off,
			 const void *buf, unsigned int len)
{
	struct virtio_blk *blk = to_blk(dev);

	if (off != offsetof(struct virtio_blk_config, wce) || len != 1 ||
	    !virtio_has(dev, VIRTIO_BLK_F_CONFIG_WCE))
		return;
	blk->config.wce = *(const uint8_t *)buf & 1;
	settle_cache(blk);
}

/* For the user, who has to mend it; the guest has its error. */
static void complain(struct blk_queue *q, const struct disk_io *io)
{
	static const char *const what[] = {
		[DISK_READ] = "reading",   [DISK_WRITE] = "writing",
		[DISK_SYNC] = "syncing",   [DISK_DISCARD] = "discarding",
		[DISK_PUNCH] = "clearing", [DISK_ZERO] = "clearing",
	};

	virtio_warn(&q->blk->dev, "%s: %s at byte %llu: %s; the guest was told",
		    q->blk->disk->spec, what[io->op],
		    (unsigned long long)io->offset, strerror(-io->result));
	q->nr_errors++;
}

static void answer(struct blk_queue *q, struct blk_request *req, uint8_t status)
{
	*req->status = status;
	virtio_push(&q->blk->dev, q->index, req->head,
		    blk_request_written(req, status));
	req->next = q->unused;
	q->unused = req;
	q->nr_untold++;
}

static void tell(struct blk_queue *q)
{
	if (q->nr_untold)
		virtio_flush(&q->blk->dev, q->index);
	q->nr_untold = 0;
}

static void count(struct blk_queue *q, enum disk_op op)
{
	if (op == DISK_READ)
		q->nr_reads++;
	else if (op == DISK_WRITE)
		q->nr_writes++;
	else if (op == DISK_SYNC)
		q->nr_flushes++;
	else
		q->nr_ranges++;
}

/* One that is free, which it stays; NULL: there is none. */
static struct blk_request *free_request(struct blk_queue *q)
{
	if (!q->unused && q->nr_fresh < QUEUE_MAX) {
		q->unused = &q->requests[q->nr_fresh++];
		q->unused->next = NULL;
	}
	return q->unused;
}

/* Takes one buffer of the driver.  False: there is none, and with kicks the next
 * one comes with a kick; or no room: of a driver that offers more than it has room
 * for. */
static bool take_one(struct blk_queue *q, bool kicks)
{
	struct virtio_blk *blk = q->blk;
	struct blk_request *req = free_request(q);
	struct virtq_chain chain;
	uint8_t status = VIRTIO_BLK_S_IOERR;
	int r;

	if (!req)
		return false;
	chain.iov = req->iov;
	chain.max = BLK_MAX_IOV;
	if (!(kicks ? virtio_next(&blk->dev, q->index, &chain) :
		      virtio_pop(&blk->dev, q->index, &chain)))
		return false;
	r = blk_request_parse(req, &chain, blk->disk, blk->id, &status);
	if (r < 0) {
		virtio_fail(&blk->dev, "a request has no room for its header "
				       "or its status");
		return false;
	}
	q->unused = req->next;
	if (r) {
		req->io.durable = atomic_load(&blk->durable);
		count(q, req->io.op);
		disk_ring_begin(q->ring, &req->io);
		return true;
	}
	answer(q, req, status);
	return true;
}

/* Whether there was any. */
static bool give_back(struct blk_queue *q, struct disk_io *ended)
{
	bool any = ended;

	while (ended) {
		struct disk_io *io = ended;

		ended = io->next;
		if (io->result)
			complain(q, io);
		answer(q, container_of(io, struct blk_request, io),
		       io->result ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK);
	}
	if (q->nr_untold >= MAX_UNTOLD)
		tell(q);
	return any;
}

/*
 * All that is there.  While requests end as they are handed over, a driver that
 * has more of them need not kick, and gets few interrupts.
 */
static void take_all(struct blk_queue *q)
{
	while (!worker_told(q->worker) && take_one(q, true))
		do {
			while (take_one(q, false))
				;
		} while (give_back(q, disk_ring_try(q->ring)) &&
			 !worker_told(q->worker));
	tell(q);
}

/* The worker: until it is told to stop, and then until all is answered. */
static void serve(void *opaque)
{
	struct blk_queue *q = opaque;
	unsigned int watched;

	if (disk_ring_enable(q->ring)) {
		virtio_fail_host(&q->blk->dev,
				 "the io_uring of its disk failed");
		return;
	}
	while (!worker_told(q->worker)) {
		take_all(q);
		(void)give_back(q, disk_ring_wait(q->ring, &watched));
		tell(q);
	}
	while (disk_ring_busy(q->ring)) {
		(void)give_back(q, disk_ring_wait(q->ring, &watched));
		tell(q);
	}
}

static void start(struct virtio_dev *dev)
{
	struct virtio_blk *blk = to_blk(dev);

	settle_cache(blk);
	for (unsigned int i = 0; i < blk->nr; i++)
		if (dev->queues[i].started)
			worker_start(blk->queues[i].worker, dev->rested_fd);
}

static void stop(struct virtio_dev *dev)
{
	struct virtio_blk *blk = to_blk(dev);

	for (unsigned int i = 0; i < blk->nr; i++)
		worker_stop(blk->queues[i].worker);
	blk->config.wce = 1;
}

static bool stopped(struct virtio_dev *dev)
{
	struct virtio_blk *blk = to_blk(dev);
	bool all = true;

	for (unsigned int i = 0; i < blk->nr; i++)
		all = all && worker_stopped(blk->queues[i].worker);
	return all;
}

static void wait(struct virtio_dev *dev)
{
	struct virtio_blk *blk = to_blk(dev);

	for (unsigned int i = 0; i < blk->nr; i++)
		worker_wait(blk->queues[i].worker);
}

/*
 * RAM that is taken for good anyway is pinned for direct I/O, which then need
 * not look up its pages each time. Through the page cache it gains nothing.
 */
static int run(struct virtio_dev *dev, struct loop *loop)
{
	struct virtio_blk *blk = to_blk(dev);
	struct iovec areas[RAM_MAX_RANGES];
	unsigned int nr = ram_nr_ranges(dev->ram);
	int r = 0;

	(void)loop;
	if (!blk->disk->direct || !ram_is_taken(dev->ram))
		return 0;
	for (unsigned int i = 0; i < nr; i++) {
		const struct ram_range *range = ram_range(dev->ram, i);

		areas[i] = (struct iovec){ range->hva, range->size };
	}
	for (unsigned int i = 0; !r && i < blk->nr; i++)
		r = disk_ring_pin(blk->queues[i].ring, areas, nr);
	blk->pinned = !r;
	if (r)
		log_notice("%s: guest memory is not registered with io_uring, "
			   "which would save time: %s; each queue counts all "
			   "of it against RLIMIT_MEMLOCK (ulimit -l)",
			   dev->name, strerror(-r));
	return 0;
}

static int confine(struct virtio_dev *dev, enum sandbox_mode mode,
		   const struct sandbox_ioctls *lists, size_t nr_lists)
{
	struct virtio_blk *blk = to_blk(dev);
	int r = 0;

	for (unsigned int i = 0; !r && i < blk->nr; i++)
		r = worker_confine(blk->queues[i].worker, mode, lists, nr_lists,
				   NULL);
	return r;
}

static void stats(struct virtio_dev *dev, struct json *j)
{
	struct virtio_blk *blk = to_blk(dev);
	struct blk_queue sum = { 0 };
	uint64_t enters = 0;

	for (unsigned int i = 0; i < blk->nr; i++) {
		const struct blk_queue *q = &blk->queues[i];

		sum.nr_reads += q->nr_reads;
		sum.nr_writes += q->nr_writes;
		sum.nr_flushes += q->nr_flushes;
		sum.nr_ranges += q->nr_ranges;
		sum.nr_errors += q->nr_errors;
		enters += disk_ring_nr_enters(q->ring);
	}
	json_bool(j, "ram_registered", blk->pinned);
	json_u64(j, "disk_reads", sum.nr_reads);
	json_u64(j, "disk_writes", sum.nr_writes);
	json_u64(j, "disk_flushes", sum.nr_flushes);
	json_u64(j, "disk_ranges", sum.nr_ranges);
	json_u64(j, "disk_errors", sum.nr_errors);
	json_u64(j, "io_uring_enters", enters);
}

static void destroy(struct virtio_dev *dev)
{
	struct virtio_blk *blk = to_blk(dev);

	for (unsigned int i = 0; blk->queues && i < blk->nr; i++) {
		worker_destroy(blk->queues[i].worker);
		disk_ring_destroy(blk->queues[i].ring);
		free(blk->queues[i].requests);
	}
	free(blk->queues);
	disk_close(blk->disk);
	virtio_fini(dev);
	free(blk);
}

static const struct virtio_ops ops = {
	.config_read = config_read,
	.config_write = config_write,
	.start = start,
	.stop = stop,
	.stopped = stopped,
	.wait = wait,
	.run = run,
	.confine = confine,
	.stats = stats,
	.destroy = destroy,
};

static uint64_t bit(unsigned int feature)
{
	return 1ULL << feature;
}

static uint64_t offer(const struct virtio_blk *blk)
{
	uint64_t f = bit(VIRTIO_BLK_F_SEG_MAX) | bit(VIRTIO_BLK_F_BLK_SIZE) |
		     bit(VIRTIO_BLK_F_TOPOLOGY) | bit(VIRTIO_BLK_F_FLUSH);

	if (blk->nr > 1)
		f |= bit(VIRTIO_BLK_F_MQ);
	if (blk->disk->read_only)
		return f | bit(VIRTIO_BLK_F_RO);
	if (blk->disk->can_punch)
		f |= bit(VIRTIO_BLK_F_DISCARD);
	return f | bit(VIRTIO_BLK_F_CONFIG_WCE) |
	       bit(VIRTIO_BLK_F_WRITE_ZEROES);
}

/* 5.2.4; sizes in sectors but for what is in blocks. */
static void fill_config(struct virtio_blk *blk)
{
	const struct disk *disk = blk->disk;
	uint32_t block = disk->block_bytes;

	blk->config = (struct virtio_blk_config){
		.capacity = disk->bytes / DISK_SECTOR,
		.seg_max = BLK_SEG_MAX,
		.blk_size = block,
		.physical_block_exp =
			(uint8_t)__builtin_ctz(disk->physical_bytes / block),
		.min_io_size =
			(uint16_t)MIN(disk->physical_bytes / block, UINT16_MAX),
		.opt_io_size = disk->optimal_bytes / block,
		.wce = 1,
		.num_queues = (uint16_t)blk->nr,
		.max_discard_sectors = BLK_MAX_RANGE_SECTORS,
		.max_discard_seg = 1,
		.discard_sector_alignment = disk->physical_bytes / DISK_SECTOR,
		.max_write_zeroes_sectors = BLK_MAX_RANGE_SECTORS,
		.max_write_zeroes_seg = 1,
		.write_zeroes_may_unmap = disk->can_punch,
	};
}

static int create_queue(struct virtio_blk *blk, unsigned int i)
{
	struct blk_queue *q = &blk->queues[i];
	int watched[2];
	char name[32];
	int r;

	q->blk = blk;
	q->index = i;
	q->requests = calloc(QUEUE_MAX, sizeof(*q->requests));
	if (!q->requests) {
		log_err("%s: out of memory", blk->dev.name);
		return -ENOMEM;
	}
	snprintf(name, sizeof(name), "%s.%u", blk->dev.name, i);
	r = worker_create(&q->worker, name, SANDBOX_DISK, serve, q);
	if (r)
		return r;
	watched[0] = blk->dev.queues[i].kick_fd;
	watched[1] = worker_fd(q->worker);
	return disk_ring_create(&q->ring, blk->disk, QUEUE_MAX, watched, 2);
}

int virtio_blk_create(struct virtio_dev **out,
		      const struct virtio_blk_params *params)
{
	struct virtio_blk *blk = calloc(1, sizeof(*blk));
	int r;

	if (!blk) {
		log_err("%s: out of memory", params->name);
		disk_close(params->disk);
		return -ENOMEM;
	}
	blk->disk = params->disk;
	blk->nr = params->nr_queues;
	if (params->serial)
		memcpy(blk->id, params->serial,
		       strnlen(params->serial, sizeof(blk->id)));
	fill_config(blk);
	blk->dev.ops = &ops;
	blk->dev.type = VIRTIO_BLOCK;
	blk->dev.offered = offer(blk);
	blk->dev.config_bytes = CONFIG_BYTES;
	blk->dev.nr_queues = blk->nr;
	blk->dev.queue_max = QUEUE_MAX;

	blk->queues = calloc(blk->nr, sizeof(*blk->queues));
	r = virtio_init(&blk->dev, params->name);
	if (!r && !blk->queues) {
		log_err("%s: out of memory", params->name);
		r = -ENOMEM;
	}
	for (unsigned int i = 0; !r && i < blk->nr; i++)
		r = create_queue(blk, i);
	if (r) {
		destroy(&blk->dev);
		return r;
	}
	*out = &blk->dev;
	return 0;
}
