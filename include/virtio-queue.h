/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device's side of a split virtqueue.  Virtio 1.3, section 2.7, with
 * indirect descriptors (2.7.5.3) and event index (2.7.7.2, 2.7.10).
 *
 * All that lies in the rings is the driver's and hostile: each field is read
 * once, and what was read is checked.  Of a driver that breaks the protocol
 * nothing is served any more: the queue stays broken until it is started anew.
 *
 * Thread: one at a time, whoever serves the queue.  Knows no device, no
 * interrupt, no lock; never blocks, logs nothing.
 */
#ifndef WHERRY_VIRTIO_QUEUE_H
#define WHERRY_VIRTIO_QUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "util.h"

struct ram;
struct vring_avail;
struct vring_desc;
struct vring_used;

/* Of a chain, indirect or not; Linux makes longer ones than its queue. */
#define VIRTQ_MAX_SEGMENTS 1024
#define VIRTQ_MAX_SIZE 1024

struct virtq {
	/* What the driver set up; constant while it is started. */
	uint16_t size; /* descriptors, a power of two up to VIRTQ_MAX_SIZE */
	gpa_t desc, driver, device; /* the three areas */

	/* virtio-queue.c's. */
	const struct ram *ram;
	bool indirect, event_idx;
	const char *broken; /* what the driver did; NULL: nothing */
	int error; /* what virtq_pop() says to that */
	struct vring_desc *desc_area; /* NULL: not started */
	struct vring_avail *driver_area;
	struct vring_used *device_area;
	uint16_t next_avail; /* the next head to take */
	uint16_t next_used; /* the next place in the used ring */
	uint16_t told; /* next_used when an interrupt was last considered */
	uint16_t last_head;
	/* Of each descriptor: 0, or where its chain, which is in flight, goes on
	 * (LINK_*): what a table of the driver's says later may differ. */
	uint16_t link[VIRTQ_MAX_SIZE];
};

/*
 * A buffer that the driver made available: the readable segments first, as
 * pointers into guest RAM that stays shared: what is read through them twice
 * may differ.
 */
struct virtq_chain {
	struct iovec *iov; /* the caller's, of max entries */
	unsigned int max;

	uint16_t head; /* below size; no two chains in flight have the same */
	unsigned int nr_readable, nr_writable; /* entries of iov */
	uint64_t readable, writable; /* bytes of each, at most 4 GiB in all */
};

/*
 * Begins with empty rings.  features: what the driver accepted (bits 28, 29).
 * -EINVAL for a size or an alignment that 2.7 forbids, -EFAULT for areas that
 * are not within one range of RAM.
 */
int virtq_start(struct virtq *q, const struct ram *ram, uint64_t features);
/* Forgets the rings.  Also of one that was not started. */
void virtq_stop(struct virtq *q);

/*
 * Takes the next chain.  1; 0 when there is none, or the queue is not started;
 * -EPROTO when the driver broke the protocol (q->broken says how): loops,
 * indices out of range, descriptors of a chain that is in flight, readable after
 * writable, tables of a bad length or within each other, segments past RAM.
 * Segments of no bytes are left out.  -E2BIG, and the same for good, for more
 * segments than max.  No more than size chains are ever in flight.
 */
int virtq_pop(struct virtq *q, struct virtq_chain *chain);
/* Puts the chain that the last call, virtq_pop(), took back, as if it had not. */
void virtq_unpop(struct virtq *q);
/*
 * Gives a chain back, with how many bytes of its writable part were written.
 * In any order, each once.  Nothing happens on a queue that is broken, or was
 * stopped since.
 */
void virtq_push(struct virtq *q, uint16_t head, uint32_t written);
/* After any number of pushes: does the driver want an interrupt for them? */
bool virtq_wants_interrupt(struct virtq *q);

/* While the queue is being served, the driver need not kick. */
void virtq_disable_kicks(struct virtq *q);
/* True when more is there already: then serve it, no kick will come. */
bool virtq_enable_kicks(struct virtq *q);

/*
 * Copies between a flat buffer and the readable (from) or writable (to) part
 * of a chain, beginning offset bytes into it.  Returns how many bytes there
 * were to copy.
 */
size_t virtq_copy_from(const struct virtq_chain *chain, size_t offset,
		       void *buf, size_t len);
size_t virtq_copy_to(const struct virtq_chain *chain, size_t offset,
		     const void *buf, size_t len);

#endif
