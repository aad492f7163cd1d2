// SPDX-License-Identifier: BSD-2-Clause
/*
 * virtio-rng - an entropy device: fills the driver's buffers with what the
 * kernel has. Owns nothing but its queue. A driver that asks without end gets
 * its turn in the loop like everything else.
 */
#include "virtio-rng.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#include "bus.h"
#include "json.h"
#include "loop.h"
#include "virtio.h"

/* A turn: enough to seed any guest, and a millisecond's work. */
#define TURN_CHAINS 16
#define TURN_BYTES KIB(64)

struct virtio_rng {
	struct virtio_dev dev;
	struct loop *loop;
	struct loop_source kick;
	uint64_t nr_bytes;
};

/* How much of the chain it filled; all, if there was no failure. */
static uint32_t fill(const struct virtq_chain *chain, size_t limit)
{
	size_t done = 0;

	for (unsigned int i = 0; i < chain->nr_writable && done < limit; i++) {
		const struct iovec *iov = &chain->iov[chain->nr_readable + i];
		size_t len = MIN(iov->iov_len, limit - done);
		ssize_t n = getrandom(iov->iov_base, len, 0);

		if (n > 0)
			done += (size_t)n;
		if (n != (ssize_t)len)
			break;
	}
	return (uint32_t)done;
}

/* The driver's buffers while there are any, to the end of a turn. */
static void serve(struct virtio_rng *rng)
{
	struct iovec iov[VIRTQ_MAX_SEGMENTS];
	struct virtq_chain chain = { .iov = iov, .max = ARRAY_SIZE(iov) };
	size_t left = TURN_BYTES;
	uint32_t n;

	for (unsigned int i = 0; i < TURN_CHAINS && left; i++) {
		if (!virtio_next(&rng->dev, 0, &chain))
			goto flush;
		n = fill(&chain, left);
		left -= n;
		rng->nr_bytes += n;
		virtio_push(&rng->dev, 0, chain.head, n);
	}
	virtio_kick(&rng->dev, 0);
flush:
	virtio_flush(&rng->dev, 0);
}

static void on_kick(void *opaque, uint32_t events)
{
	struct virtio_rng *rng = opaque;

	(void)events;
	bus_lock(rng->dev.bus);
	virtio_take_kick(&rng->dev, 0);
	if (rng->dev.queues[0].started)
		serve(rng);
	bus_unlock(rng->dev.bus);
}

/* What the driver made available before comes with the transport's kick. */
static void start(struct virtio_dev *dev)
{
	(void)dev;
}

static int run(struct virtio_dev *dev, struct loop *loop)
{
	struct virtio_rng *rng = container_of(dev, struct virtio_rng, dev);
	int r;

	rng->kick = (struct loop_source){ dev->queues[0].kick_fd, EPOLLIN,
					  on_kick, rng };
	r = loop_add(loop, &rng->kick);
	if (!r)
		rng->loop = loop;
	return r;
}

static void stats(struct virtio_dev *dev, struct json *j)
{
	json_u64(j, "bytes",
		 container_of(dev, struct virtio_rng, dev)->nr_bytes);
}

static void destroy(struct virtio_dev *dev)
{
	struct virtio_rng *rng = container_of(dev, struct virtio_rng, dev);

	if (rng->loop)
		loop_remove(rng->loop, &rng->kick);
	virtio_fini(dev);
	free(rng);
}

static const struct virtio_ops ops = {
	.start = start,
	.stop = start, /* under dev_lock nothing is in flight */
	.run = run,
	.stats = stats,
	.destroy = destroy,
};

int virtio_rng_create(struct virtio_dev **out)
{
	struct virtio_rng *rng = calloc(1, sizeof(*rng));
	int r;

	if (!rng) {
		log_err("rng: out of memory");
		return -ENOMEM;
	}
	rng->dev.ops = &ops;
	rng->dev.type = VIRTIO_ENTROPY;
	rng->dev.nr_queues = 1;
	rng->dev.queue_max = 64;
	r = virtio_init(&rng->dev, "rng");
	if (r) {
		free(rng);
		return r;
	}
	*out = &rng->dev;
	return 0;
}
