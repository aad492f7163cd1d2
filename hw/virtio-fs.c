// SPDX-License-Identifier: BSD-2-Clause
/*
 * virtio-fs - a file system device. Owns the share, and the thread that serves
 * both queues: requests, and what must not wait behind them. What is in the
 * messages is the share's.
 */
#include "virtio-fs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "fd.h"
#include "json.h"
#include "share.h"
#include "util.h"
#include "virtio.h"
#include "worker.h"

/* 5.11.2: forgets and interrupts; requests. */
enum { QUEUE_HIPRIO, QUEUE_REQUEST, NR_QUEUES };

/* A guest sends up to as many pages as a queue has descriptors. */
#define QUEUE_MAX 1024

/* 5.11.4. */
struct fs_config {
	uint8_t tag[VIRTIO_FS_TAG_BYTES];
	uint32_t num_request_queues;
} __attribute__((packed));

struct virtio_fs {
	struct virtio_dev dev;
	struct fs_config config;
	struct share *share;
	struct worker *worker;
	int wait_fd; /* epoll: kicks by edge, so that nobody need read them */

	/* The worker's. */
	struct iovec iov[VIRTQ_MAX_SEGMENTS];
	uint64_t nr_requests, nr_waits;
};

static struct virtio_fs *to_fs(struct virtio_dev *dev)
{
	return container_of(dev, struct virtio_fs, dev);
}

static void config_read(struct virtio_dev *dev, unsigned int off, void *buf,
			unsigned int len)
{
	memcpy(buf, (const char *)&to_fs(dev)->config + off, len);
}

/* One message; false: there is none. */
static bool serve_one(struct virtio_fs *fs, unsigned int queue)
{
	struct virtq_chain chain = { .iov = fs->iov,
				     .max = ARRAY_SIZE(fs->iov) };
	ssize_t n;

	if (!virtio_next(&fs->dev, queue, &chain))
		return false;
	fs->nr_requests++;
	n = share_request(fs->share, chain.iov, chain.nr_readable,
			  chain.iov + chain.nr_readable, chain.nr_writable);
	if (n < 0) {
		virtio_fail(&fs->dev, "a request without a header, or without "
				      "room for its answer");
		return false;
	}
	virtio_push(&fs->dev, queue, chain.head, (uint32_t)n);
	virtio_flush(&fs->dev, queue);
	return true;
}

static bool serve_queue(struct virtio_fs *fs, unsigned int queue)
{
	return fs->dev.queues[queue].started && !worker_told(fs->worker) &&
	       serve_one(fs, queue);
}

/* Until both are empty, and kicks are asked for. Forgets, which free memory here,
 * come first, however many requests wait. */
static void serve(struct virtio_fs *fs)
{
	do {
		while (serve_queue(fs, QUEUE_HIPRIO))
			;
	} while (serve_queue(fs, QUEUE_REQUEST));
}

/* The worker, before there is a guest: afterwards whoever has taken over another
 * thread could keep this one from it. */
static int enter(void *opaque, enum sandbox_mode mode)
{
	struct virtio_fs *fs = opaque;

	return share_enter(fs->share, mode != SANDBOX_OFF);
}

static void run(void *opaque)
{
	struct virtio_fs *fs = opaque;
	struct epoll_event events[1 + NR_QUEUES];

	while (!worker_told(fs->worker)) {
		serve(fs);
		fs->nr_waits++;
		if (epoll_wait(fs->wait_fd, events, ARRAY_SIZE(events), -1) <
			    0 &&
		    errno != EINTR)
			break;
	}
	share_reset(fs->share);
}

static int watch(const struct virtio_fs *fs, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events };

	return epoll_ctl(fs->wait_fd, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

static int watch_all(struct virtio_fs *fs)
{
	int r;

	fs->wait_fd = epoll_create1(EPOLL_CLOEXEC);
	r = fs->wait_fd < 0 ? -errno :
			      watch(fs, worker_fd(fs->worker), EPOLLIN);
	for (unsigned int i = 0; !r && i < NR_QUEUES; i++)
		r = watch(fs, fs->dev.queues[i].kick_fd, EPOLLIN | EPOLLET);
	if (r)
		log_err("%s: epoll: %s; raise the limit of open files "
			"(ulimit -n)",
			fs->dev.name, strerror(-r));
	return r;
}

static void start(struct virtio_dev *dev)
{
	worker_start(to_fs(dev)->worker, dev->rested_fd);
}

static void stop(struct virtio_dev *dev)
{
	worker_stop(to_fs(dev)->worker);
}

static bool stopped(struct virtio_dev *dev)
{
	return worker_stopped(to_fs(dev)->worker);
}

static void wait(struct virtio_dev *dev)
{
	worker_wait(to_fs(dev)->worker);
}

/* What the kernel has not is done without, unless that is not wanted; what it has
 * must work. */
static int check_landlock(const struct virtio_fs *fs, enum sandbox_mode mode)
{
	int r = share_landlock(fs->share);

	if (!r || mode == SANDBOX_OFF ||
	    (r == -EOPNOTSUPP && mode != SANDBOX_STRICT))
		return 0;
	if (r == -EOPNOTSUPP)
		log_err("%s: this kernel has no Landlock; boot it with "
			"lsm=landlock,..., or say --sandbox on",
			fs->dev.name);
	else
		log_err("%s: Landlock: %s; a filter of system calls, as of a "
			"container, must let landlock_* pass; --sandbox off "
			"does without",
			fs->dev.name, strerror(-r));
	return r;
}

static int confine(struct virtio_dev *dev, enum sandbox_mode mode,
		   const struct sandbox_ioctls *lists, size_t nr_lists)
{
	struct virtio_fs *fs = to_fs(dev);
	int r = check_landlock(fs, mode);

	if (r)
		return r;
	return worker_confine(fs->worker, mode, lists, nr_lists, enter);
}

static void stats(struct virtio_dev *dev, struct json *j)
{
	json_u64(j, "requests", to_fs(dev)->nr_requests);
	json_u64(j, "waits", to_fs(dev)->nr_waits);
}

static void destroy(struct virtio_dev *dev)
{
	struct virtio_fs *fs = to_fs(dev);

	worker_destroy(fs->worker);
	fd_close(&fs->wait_fd);
	share_destroy(fs->share);
	virtio_fini(dev);
	free(fs);
}

static const struct virtio_ops ops = {
	.config_read = config_read,
	.start = start,
	.stop = stop,
	.stopped = stopped,
	.wait = wait,
	.confine = confine,
	.stats = stats,
	.destroy = destroy,
};

int virtio_fs_create(struct virtio_dev **out, struct share *share,
		     const char *name, const char *tag)
{
	struct virtio_fs *fs = calloc(1, sizeof(*fs));
	int r;

	if (!fs) {
		log_err("%s: out of memory", name);
		share_destroy(share);
		return -ENOMEM;
	}
	fs->share = share;
	fs->wait_fd = -1;
	fs->config.num_request_queues = 1;
	memcpy(fs->config.tag, tag, strnlen(tag, sizeof(fs->config.tag)));
	fs->dev.ops = &ops;
	fs->dev.type = VIRTIO_FS;
	fs->dev.config_bytes = sizeof(fs->config);
	fs->dev.nr_queues = NR_QUEUES;
	fs->dev.queue_max = QUEUE_MAX;
	r = virtio_init(&fs->dev, name);
	if (!r)
		r = worker_create(&fs->worker, name, SANDBOX_SHARE, run, fs);
	if (!r)
		r = watch_all(fs);
	if (r) {
		destroy(&fs->dev);
		return r;
	}
	*out = &fs->dev;
	return 0;
}
