/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every virtio device model has: queues, features, status.  Virtio 1.3,
 * chapter 2.  A model embeds struct virtio_dev and is created with its files
 * open; the transport (virtio-pci.h) gives it a place in the guest.
 *
 * A queue is served by one thread: the loop under dev_lock (console, entropy),
 * or a thread of the model's own (worker.h) without it.  That thread alone
 * touches the queue between start() and the end of stop().
 */
#ifndef WHERRY_VIRTIO_H
#define WHERRY_VIRTIO_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "log.h"
#include "sandbox.h"
#include "virtio-queue.h"

struct bus;
struct json;
struct loop;
struct ram;
struct virtio_dev;
struct virtio_pci;

/* Chapter 5: the types of devices. */
enum virtio_type {
	VIRTIO_BLOCK = 2,
	VIRTIO_CONSOLE = 3,
	VIRTIO_ENTROPY = 4,
	VIRTIO_FS = 26,
};

struct virtio_ops {
	/* The device's own configuration: off and len within config_bytes.
	 * dev_lock.  NULL: reads zero, writes are dropped. */
	void (*config_read)(struct virtio_dev *dev, unsigned int off, void *buf,
			    unsigned int len);
	void (*config_write)(struct virtio_dev *dev, unsigned int off,
			     const void *buf, unsigned int len);

	/* DRIVER_OK: queues that the driver enabled are started, and each is
	 * kicked afterwards.  dev_lock. */
	void (*start)(struct virtio_dev *dev);
	/*
	 * Asks the serving thread to end its use of queues and guest RAM, what
	 * is in flight included, and returns at once.  dev_lock.
	 */
	void (*stop)(struct virtio_dev *dev);
	/* Has it ended?  Any thread.  NULL: stop() had done it all. */
	bool (*stopped)(struct virtio_dev *dev);
	/* Waits until stopped().  Loop thread, no lock.  NULL as stopped. */
	void (*wait)(struct virtio_dev *dev);

	/* Host's life: sources on the loop; confinement of own threads.  0 or
	 * -errno, logged.  Either may be NULL. */
	int (*run)(struct virtio_dev *dev, struct loop *loop);
	int (*confine)(struct virtio_dev *dev, enum sandbox_mode mode,
		       const struct sandbox_ioctls *lists, size_t nr_lists);
	/* Into an open JSON object; the device is stopped.  May be NULL. */
	void (*stats)(struct virtio_dev *dev, struct json *j);
	/* Frees the model; calls virtio_fini(). */
	void (*destroy)(struct virtio_dev *dev);
};

struct virtio_queue {
	struct virtq vq;
	/* eventfd, nonblocking, which the driver's kicks make readable.  The
	 * serving thread reads it. */
	int kick_fd;
	bool started; /* constant between start() and stop() */
	uint64_t nr_interrupts; /* serving thread */

	/* The transport's. */
	bool enabled;
	_Atomic uint16_t vector;
	uint64_t nr_kicks; /* trapped; those by ioeventfd are not counted */
};

struct virtio_dev {
	/* The model's, constant from virtio_init() on. */
	const struct virtio_ops *ops;
	char *name; /* "disk0", in messages and statistics */
	enum virtio_type type;
	uint64_t offered; /* features of the device type */
	unsigned int config_bytes;
	unsigned int nr_queues;
	uint16_t queue_max; /* descriptors of each, a power of two */
	struct virtio_queue *queues;

	/* The transport's; models read them from start() on. */
	struct virtio_pci *pci;
	struct bus *bus; /* whose dev_lock it is; set before run() */
	const struct ram *ram;
	uint64_t features; /* accepted by the driver */
	_Atomic bool failed; /* NEEDS_RESET */
	/* eventfd that threads of the model tell when they have stopped; -1 until
	 * who waits for that sets it, before the first start(). */
	int rested_fd;
	pthread_mutex_t lock; /* guards rl alone; taken last; virtio_warn()'s */
	struct ratelimit rl;
};

/*
 * Before all else of a model: copies name, makes nr_queues queues.  0 or
 * -errno, logged.  The model has filled in ops, type, offered, config_bytes,
 * nr_queues and queue_max.
 */
int virtio_init(struct virtio_dev *dev, const char *name);
/* Also of one that is all zero. */
void virtio_fini(struct virtio_dev *dev);

static inline bool virtio_has(const struct virtio_dev *dev, unsigned int bit)
{
	return dev->features >> bit & 1;
}

/*
 * Of a queue's serving thread.  virtio_pop() is virtq_pop() with an end: 1 or
 * 0; a driver that broke the protocol has the device fail, and gets 0.
 */
int virtio_pop(struct virtio_dev *dev, unsigned int queue,
	       struct virtq_chain *chain);
/*
 * The same for a thread that serves all there is: while there are chains, the
 * driver need not kick.  False: there is none, and the next one comes with a
 * kick; or the device failed.
 */
bool virtio_next(struct virtio_dev *dev, unsigned int queue,
		 struct virtq_chain *chain);
void virtio_push(struct virtio_dev *dev, unsigned int queue, uint16_t head,
		 uint32_t written);
/* After pushes: interrupts the driver if it wants that. */
void virtio_flush(struct virtio_dev *dev, unsigned int queue);
/* Takes what the kicks left in kick_fd. */
void virtio_take_kick(struct virtio_dev *dev, unsigned int queue);
/* A kick in the driver's place, for the serving thread.  Any thread. */
void virtio_kick(struct virtio_dev *dev, unsigned int queue);

/*
 * The driver did what no driver may: NEEDS_RESET (2.1.2), a configuration
 * interrupt, one line for the user, and nothing is served until it resets the
 * device.  The VM goes on.  Serving thread, or under dev_lock.
 */
void virtio_fail(struct virtio_dev *dev, const char *why);
/* The same where the host is to blame. */
void virtio_fail_host(struct virtio_dev *dev, const char *why);
/*
 * One line for the user, "NAME: " before it; rate-limited, for the guest can
 * cause it.  Any thread.
 */
void virtio_warn(struct virtio_dev *dev, const char *fmt, ...) PRINTF(2, 3);
/* Tells the driver that its configuration has changed.  dev_lock. */
void virtio_config_changed(struct virtio_dev *dev);

#endif
