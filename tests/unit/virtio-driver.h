/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver's side of a split virtqueue, in a RAM of its own: what a test of
 * the rings or of a device model makes its requests with.  After harness.h, or
 * tests/fuzz/must.h.  Its own books are apart from what is in the rings, so a
 * test may write anything there (d->desc, d->avail, d->used).
 *
 *	struct driver_mem m;
 *	struct driver d;
 *	gpa_t buf;
 *	uint32_t len;
 *
 *	driver_mem_init(&m);
 *	driver_init(&d, &m, 8, features);
 *	driver_place(&d, &q);
 *	virtq_start(&q, m.ram, features);
 *	buf = driver_alloc(&m, 512, 1);
 *	head = driver_add(&d, &(struct driver_buf){ buf, 512, true }, 1);
 *	... the device serves its queue ...
 *	assert_int_equal(driver_used(&d, &len), head);
 *	driver_mem_fini(&m);
 */
#ifndef TESTS_UNIT_VIRTIO_DRIVER_H
#define TESTS_UNIT_VIRTIO_DRIVER_H

#include <linux/virtio_ring.h>
#include <string.h>

#include "ram.h"
#include "virtio-queue.h"

#define DRIVER_LOW_BYTES MIB(8)
#define DRIVER_HIGH GIB(4)
#define DRIVER_HIGH_BYTES MIB(1)
/* Descriptors in a table of driver_add_table(). */
#define DRIVER_TABLE_MAX 64

#define DRIVER_INDIRECT (1ULL << VIRTIO_RING_F_INDIRECT_DESC)
#define DRIVER_EVENT_IDX (1ULL << VIRTIO_RING_F_EVENT_IDX)

struct driver_mem {
	struct ram *ram;
	gpa_t next;
};

struct driver_buf {
	gpa_t gpa;
	uint32_t len;
	bool writable;
};

struct driver {
	struct driver_mem *mem;
	bool event_idx;
	uint16_t size;
	gpa_t desc_gpa, avail_gpa, used_gpa;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	gpa_t table[VIRTQ_MAX_SIZE]; /* of a descriptor; 0: none yet */
	uint16_t next[VIRTQ_MAX_SIZE]; /* in its chain; itself: the last */
	uint16_t free[VIRTQ_MAX_SIZE], nr_free;
	uint16_t avail_idx, last_used;
	uint16_t kicked; /* avail_idx when a kick was last considered */
};

static inline void driver_mem_init(struct driver_mem *m)
{
	static const struct range ranges[] = {
		{ 0, DRIVER_LOW_BYTES },
		{ DRIVER_HIGH, DRIVER_HIGH_BYTES },
	};
	struct ram_params p = { .ranges = ranges,
				.nr_ranges = ARRAY_SIZE(ranges),
				.thp = -1,
				.host_node = -1 };

	m->next = KIB(4); /* address 0 is nothing's */
	m->ram = NULL;
	assert_int_equal(ram_create(&m->ram, &p), 0);
}

static inline void driver_mem_fini(struct driver_mem *m)
{
	ram_destroy(m->ram);
}

/* What was allocated is free again. */
static inline void driver_mem_reset(struct driver_mem *m)
{
	m->next = KIB(4);
	ram_clear(m->ram, 0, 1);
}

/* Below DRIVER_LOW_BYTES.  Never fails: a test knows how much it takes. */
static inline gpa_t driver_alloc(struct driver_mem *m, uint64_t bytes,
				 uint64_t align)
{
	gpa_t gpa = align_up(m->next, align);

	m->next = gpa + bytes;
	assert_true(m->next <= DRIVER_LOW_BYTES);
	return gpa;
}

static inline void *driver_ptr(const struct driver_mem *m, gpa_t gpa,
			       uint64_t len)
{
	void *p = ram_ptr(m->ram, gpa, len);

	assert_non_null(p);
	return p;
}

/* Empty rings; of the features only those of rings matter. */
static inline void driver_init(struct driver *d, struct driver_mem *m,
			       uint16_t size, uint64_t features)
{
	memset(d, 0, sizeof(*d));
	d->mem = m;
	d->size = size;
	d->event_idx = features & DRIVER_EVENT_IDX;
	d->desc_gpa = driver_alloc(m, 16U * size, 16);
	d->avail_gpa = driver_alloc(m, 6 + 2U * size, 2);
	d->used_gpa = driver_alloc(m, 6 + 8U * size, 4);
	d->desc = driver_ptr(m, d->desc_gpa, 16U * size);
	d->avail = driver_ptr(m, d->avail_gpa, 6 + 2U * size);
	d->used = driver_ptr(m, d->used_gpa, 6 + 8U * size);
	memset(d->desc, 0, 16U * size);
	memset(d->avail, 0, 6 + 2U * size);
	memset(d->used, 0, 6 + 8U * size);
	while (d->nr_free < size) {
		d->free[d->nr_free] = size - 1 - d->nr_free;
		d->nr_free++;
	}
}

/* As the driver tells the transport. */
static inline void driver_place(const struct driver *d, struct virtq *q)
{
	q->size = d->size;
	q->desc = d->desc_gpa;
	q->driver = d->avail_gpa;
	q->device = d->used_gpa;
}

static inline void driver_write_desc(struct vring_desc *at,
				     const struct driver_buf *b, uint16_t flags,
				     uint16_t next)
{
	*at = (struct vring_desc){
		.addr = b->gpa,
		.len = b->len,
		.flags = (uint16_t)(flags |
				    (b->writable ? VRING_DESC_F_WRITE : 0)),
		.next = next,
	};
}

/* Into the ring, visible to the device from then on. */
static inline void driver_publish(struct driver *d, uint16_t head)
{
	d->avail->ring[d->avail_idx % d->size] = head;
	__atomic_store_n(&d->avail->idx, ++d->avail_idx, __ATOMIC_RELEASE);
}

/* Descriptors of the ring, linked in the driver's books. */
static inline uint16_t driver_take(struct driver *d, unsigned int nr)
{
	uint16_t head, at;

	assert_true(nr > 0 && nr <= d->nr_free);
	head = at = d->free[--d->nr_free];
	while (--nr) {
		uint16_t next = d->free[--d->nr_free];

		d->next[at] = next;
		at = next;
	}
	d->next[at] = at;
	return head;
}

static inline void driver_give(struct driver *d, uint16_t head)
{
	uint16_t at = head, next;

	do {
		next = d->next[at];
		d->free[d->nr_free++] = at;
		if (next == at)
			break;
		at = next;
	} while (true);
}

/*
 * Makes a chain available: the first nr_direct buffers in descriptors of the
 * ring, those behind them in a table.  Returns the head.
 */
static inline uint16_t driver_add_table(struct driver *d,
					const struct driver_buf *bufs,
					unsigned int nr, unsigned int nr_direct)
{
	unsigned int rest = nr - nr_direct;
	uint16_t head = driver_take(d, nr_direct + !!rest), at = head;
	struct driver_buf ref = { 0 };
	struct vring_desc *table;

	for (unsigned int i = 0; i < nr_direct; i++) {
		bool last = i == nr - 1;

		driver_write_desc(&d->desc[at], &bufs[i],
				  last ? 0 : VRING_DESC_F_NEXT,
				  last ? 0 : d->next[at]);
		at = d->next[at];
	}
	if (rest) {
		assert_true(rest <= DRIVER_TABLE_MAX);
		if (!d->table[at])
			d->table[at] =
				driver_alloc(d->mem, 16 * DRIVER_TABLE_MAX, 16);
		ref.gpa = d->table[at];
		ref.len = 16 * rest;
		driver_write_desc(&d->desc[at], &ref, VRING_DESC_F_INDIRECT, 0);
		table = driver_ptr(d->mem, ref.gpa, ref.len);
		for (unsigned int i = 0; i < rest; i++)
			driver_write_desc(&table[i], &bufs[nr_direct + i],
					  i < rest - 1 ? VRING_DESC_F_NEXT : 0,
					  i < rest - 1 ? (uint16_t)(i + 1) : 0);
	}
	driver_publish(d, head);
	return head;
}

static inline uint16_t
driver_add(struct driver *d, const struct driver_buf *bufs, unsigned int nr)
{
	return driver_add_table(d, bufs, nr, nr);
}

/* After any number of them: does the device want a kick? */
static inline bool driver_wants_kick(struct driver *d)
{
	uint16_t event = (uint16_t)load_le(&d->used->ring[d->size], 2);
	bool wants = false;

	if (!d->event_idx) {
		wants = d->kicked != d->avail_idx &&
			!(d->used->flags & VRING_USED_F_NO_NOTIFY);
		d->kicked = d->avail_idx;
	}
	/* 2.7.10: the one that has this index was added. */
	while (d->kicked != d->avail_idx)
		wants |= d->kicked++ == event;
	return wants;
}

/* The next chain that came back: its head, or -1. */
static inline int driver_used(struct driver *d, uint32_t *len)
{
	struct vring_used_elem *e = &d->used->ring[d->last_used % d->size];

	if (__atomic_load_n(&d->used->idx, __ATOMIC_ACQUIRE) == d->last_used)
		return -1;
	d->last_used++;
	assert_true(e->id < d->size);
	driver_give(d, (uint16_t)e->id);
	if (len)
		*len = e->len;
	return (int)e->id;
}

/* With the event index, at used index at; else at the next, or never. */
static inline void driver_set_interrupts(struct driver *d, bool on, uint16_t at)
{
	if (d->event_idx)
		d->avail->ring[d->size] = on ? at : (uint16_t)(at - 1);
	else
		d->avail->flags = on ? 0 : VRING_AVAIL_F_NO_INTERRUPT;
}

#endif
