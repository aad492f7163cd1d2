// SPDX-License-Identifier: BSD-2-Clause
/*
 * virtio-queue - owns the walk over what a driver put into a split virtqueue:
 * every index, length and address in there is compared before it is used.
 * Knows not what the buffers hold.
 */
#include "virtio-queue.h"

#include <errno.h>
#include <linux/virtio_ring.h>
#include <stdatomic.h>

#include "iov.h"
#include "ram.h"

/* Of a descriptor in flight: where its chain goes on, or that it ends. */
#define LINK_NEXT 0x8000
#define LINK_END 0xffff

#define MAX_CHAIN_BYTES GIB(4)

static int broken(struct virtq *q, int error, const char *why)
{
	q->broken = why;
	q->error = error;
	return error;
}

static uint16_t load_shared(const uint16_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static void store_shared(uint16_t *p, uint16_t val)
{
	__atomic_store_n(p, val, __ATOMIC_RELAXED);
}

/* Where the driver says at which used index it wants an interrupt. */
static const uint16_t *used_event(const struct virtq *q)
{
	return &q->driver_area->ring[q->size];
}

/* Where the device says at which available index it wants a kick. */
static uint16_t *avail_event(const struct virtq *q)
{
	return (uint16_t *)&q->device_area->ring[q->size];
}

int virtq_start(struct virtq *q, const struct ram *ram, uint64_t features)
{
	uint64_t n = q->size;

	virtq_stop(q);
	if (!is_pow2(n) || n > VIRTQ_MAX_SIZE ||
	    q->desc % VRING_DESC_ALIGN_SIZE ||
	    q->driver % VRING_AVAIL_ALIGN_SIZE ||
	    q->device % VRING_USED_ALIGN_SIZE)
		return -EINVAL;
	q->desc_area = ram_ptr(ram, q->desc, n * sizeof(struct vring_desc));
	/* Both with the event index behind them, used or not: 2.7. */
	q->driver_area = ram_ptr(ram, q->driver, 6 + 2 * n);
	q->device_area = ram_ptr(ram, q->device, 6 + 8 * n);
	if (!q->desc_area || !q->driver_area || !q->device_area) {
		virtq_stop(q);
		return -EFAULT;
	}
	q->ram = ram;
	q->indirect = features >> VIRTIO_RING_F_INDIRECT_DESC & 1;
	q->event_idx = features >> VIRTIO_RING_F_EVENT_IDX & 1;
	return 0;
}

void virtq_stop(struct virtq *q)
{
	*q = (struct virtq){ .size = q->size,
			     .desc = q->desc,
			     .driver = q->driver,
			     .device = q->device };
}

/* Reads a descriptor once, at any alignment. */
static struct vring_desc load_desc(const void *table, unsigned int i)
{
	struct vring_desc d;

	memcpy(&d, (const uint8_t *)table + i * sizeof(d), sizeof(d));
	/* What was checked is what is used: no second load of it. */
	atomic_signal_fence(memory_order_seq_cst);
	return d;
}

static int add_segment(struct virtq *q, struct virtq_chain *chain,
		       const struct vring_desc *d)
{
	unsigned int nr = chain->nr_readable + chain->nr_writable;
	bool writable = d->flags & VRING_DESC_F_WRITE;
	void *p;

	if (!writable && chain->nr_writable)
		return broken(q, -EPROTO, "readable after writable segments");
	if (!d->len)
		return 0;
	p = ram_ptr(q->ram, d->addr, d->len);
	if (!p)
		return broken(q, -EPROTO, "a segment that is not in RAM");
	if (nr == chain->max)
		return broken(q, -E2BIG, "too many segments in a chain");
	if (d->len > MAX_CHAIN_BYTES - chain->readable - chain->writable)
		return broken(q, -EPROTO, "a chain of more than 4 GiB");
	chain->iov[nr] = (struct iovec){ .iov_base = p, .iov_len = d->len };
	if (writable) {
		chain->nr_writable++;
		chain->writable += d->len;
	} else {
		chain->nr_readable++;
		chain->readable += d->len;
	}
	return 0;
}

/* The rest of a chain, in a table of its own: 2.7.5.3. */
static int walk_table(struct virtq *q, struct virtq_chain *chain,
		      const struct vring_desc *ref)
{
	unsigned int nr = ref->len / sizeof(struct vring_desc), at = 0;
	const void *table;

	if (!q->indirect)
		return broken(q, -EPROTO, "a table that was not negotiated");
	if (ref->flags & VRING_DESC_F_NEXT)
		return broken(q, -EPROTO, "a table with a next descriptor");
	if (!nr || ref->len % sizeof(struct vring_desc))
		return broken(q, -EPROTO, "a table of a bad length");
	table = ram_ptr(q->ram, ref->addr, ref->len);
	if (!table)
		return broken(q, -EPROTO, "a table that is not in RAM");
	for (unsigned int i = 0; i < MIN(nr, VIRTQ_MAX_SEGMENTS); i++) {
		struct vring_desc d = load_desc(table, at);
		int r;

		if (d.flags & VRING_DESC_F_INDIRECT)
			return broken(q, -EPROTO, "a table within a table");
		r = add_segment(q, chain, &d);
		if (r || !(d.flags & VRING_DESC_F_NEXT))
			return r;
		at = d.next;
		if (at >= nr)
			return broken(q, -EPROTO, "an index past its table");
	}
	return broken(q, -EPROTO, "a chain that is too long, or a loop");
}

static int walk(struct virtq *q, struct virtq_chain *chain)
{
	uint16_t at = chain->head;
	struct vring_desc d;
	int r;

	do {
		if (at >= q->size)
			return broken(q, -EPROTO, "an index past the queue");
		/* A loop, or a chain within another one. */
		if (q->link[at])
			return broken(q, -EPROTO, "a descriptor is used twice");
		d = load_desc(q->desc_area, at);
		q->link[at] = d.flags & VRING_DESC_F_NEXT ? LINK_NEXT | d.next :
							    LINK_END;
		if (d.flags & VRING_DESC_F_INDIRECT)
			return walk_table(q, chain, &d);
		r = add_segment(q, chain, &d);
		if (r)
			return r;
		at = d.next;
	} while (d.flags & VRING_DESC_F_NEXT);
	return 0;
}

/* The descriptors of a chain are the driver's again. */
static void release(struct virtq *q, uint16_t head)
{
	uint16_t at = head, link;

	do {
		link = q->link[at];
		q->link[at] = 0;
		at = link & (LINK_NEXT - 1);
	} while (link != LINK_END);
}

int virtq_pop(struct virtq *q, struct virtq_chain *chain)
{
	uint16_t nr, in_flight = q->next_avail - q->next_used;
	int r;

	if (!q->desc_area)
		return 0;
	if (q->broken)
		return q->error;
	nr = __atomic_load_n(&q->driver_area->idx, __ATOMIC_ACQUIRE) -
	     q->next_avail;
	if (!nr)
		return 0;
	if (nr > q->size - in_flight)
		return broken(q, -EPROTO, "more chains than descriptors");
	chain->head =
		load_shared(&q->driver_area->ring[q->next_avail % q->size]);
	chain->nr_readable = chain->nr_writable = 0;
	chain->readable = chain->writable = 0;
	r = walk(q, chain);
	if (r)
		return r;
	q->last_head = chain->head;
	q->next_avail++;
	return 1;
}

void virtq_unpop(struct virtq *q)
{
	release(q, q->last_head);
	q->next_avail--;
}

void virtq_push(struct virtq *q, uint16_t head, uint32_t written)
{
	struct vring_used_elem *e;

	if (!q->desc_area || q->broken || !q->link[head])
		return;
	release(q, head);
	e = &q->device_area->ring[q->next_used % q->size];
	e->id = head;
	e->len = written;
	q->next_used++;
	__atomic_store_n(&q->device_area->idx, q->next_used, __ATOMIC_RELEASE);
}

bool virtq_wants_interrupt(struct virtq *q)
{
	uint16_t nr = q->next_used - q->told, event;

	if (!q->desc_area || !nr)
		return false;
	q->told = q->next_used;
	/* The driver enables interrupts, then looks for used buffers. */
	atomic_thread_fence(memory_order_seq_cst);
	if (!q->event_idx)
		return !(load_shared(&q->driver_area->flags) &
			 VRING_AVAIL_F_NO_INTERRUPT);
	event = load_shared(used_event(q));
	return (uint16_t)(q->next_used - event - 1) < nr;
}

void virtq_disable_kicks(struct virtq *q)
{
	/* An event index that was passed asks for no further kick. */
	if (q->desc_area && !q->event_idx)
		store_shared(&q->device_area->flags, VRING_USED_F_NO_NOTIFY);
}

bool virtq_enable_kicks(struct virtq *q)
{
	if (!q->desc_area || q->broken)
		return false;
	if (q->event_idx)
		store_shared(avail_event(q), q->next_avail);
	else
		store_shared(&q->device_area->flags, 0);
	/* The driver makes a chain available, then looks for this. */
	atomic_thread_fence(memory_order_seq_cst);
	return load_shared(&q->driver_area->idx) != q->next_avail;
}

size_t virtq_copy_from(const struct virtq_chain *chain, size_t offset,
		       void *buf, size_t len)
{
	return iov_read(chain->iov, chain->nr_readable, offset, buf, len);
}

size_t virtq_copy_to(const struct virtq_chain *chain, size_t offset,
		     const void *buf, size_t len)
{
	return iov_write(chain->iov + chain->nr_readable, chain->nr_writable,
			 offset, buf, len);
}
