/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A driver, a device and a reference model of what lies between them: the
 * model reads a chain as a list first and judges it then, with numbers too wide
 * to wrap, and keeps what is in flight by owner.  Single random steps drive all
 * three and compare.  Before it comes what assert_true() and the like are, and
 * where chance comes from: struct source and
 *
 *	static uint64_t next(struct source *src);
 */
#ifndef TESTS_FUZZ_VIRTQ_H
#define TESTS_FUZZ_VIRTQ_H

#include "tests/unit/virtio-driver.h"

#define RIG_MAX_SEGMENTS 40
#define RIG_MAX_BUFS 12
#define RIG_WIDE 2048 /* descriptors that the model looks at */

struct rig {
	struct driver_mem mem;
	struct driver d;
	struct virtq q;
	uint64_t features;
	struct driver_buf book[VIRTQ_MAX_SIZE][RIG_MAX_BUFS]; /* by head */
	unsigned int nr_book[VIRTQ_MAX_SIZE];
	bool lied; /* memory is not what the driver's books say */
	bool dead; /* as the queue is to be, then */
	bool idle; /* the device waits for a kick that has not come */

	/* The model's. */
	unsigned int owner[VIRTQ_MAX_SIZE]; /* of a descriptor: 1 + head */
	uint16_t taken, pushed, told;
	struct driver_buf segs[RIG_WIDE];
	unsigned int nr_segs;
};

static inline void rig_start(struct rig *r, struct source *src)
{
	uint16_t size = (uint16_t)(1u << next(src) % 7);

	r->features = (next(src) & 1 ? DRIVER_INDIRECT : 0) |
		      (next(src) & 1 ? DRIVER_EVENT_IDX : 0);
	driver_mem_reset(&r->mem);
	driver_init(&r->d, &r->mem, size, r->features);
	driver_place(&r->d, &r->q);
	assert_int_equal(virtq_start(&r->q, r->mem.ram, r->features), 0);
	memset(r->owner, 0, sizeof(r->owner));
	r->taken = r->pushed = r->told = 0;
	r->lied = r->dead = false;
	r->idle = true;
}

static inline uint16_t rig_read16(struct rig *r, gpa_t gpa)
{
	uint16_t v = 0;

	assert_int_equal(ram_read(r->mem.ram, gpa, &v, sizeof(v)), 0);
	return v;
}

static inline bool rig_in_ram(gpa_t gpa, uint64_t len)
{
	unsigned __int128 end = (unsigned __int128)gpa + len;

	return end <= DRIVER_LOW_BYTES ||
	       (gpa >= DRIVER_HIGH && end <= DRIVER_HIGH + DRIVER_HIGH_BYTES);
}

/* Adds what a descriptor says to the list; its flags, or -1. */
static inline int rig_list(struct rig *r, gpa_t at, uint16_t *next_at)
{
	struct vring_desc d = { 0 };

	assert_int_equal(ram_read(r->mem.ram, at, &d, sizeof(d)), 0);
	if (r->nr_segs == RIG_WIDE)
		return -1;
	r->segs[r->nr_segs++] =
		(struct driver_buf){ d.addr, d.len,
				     (d.flags & VRING_DESC_F_WRITE) != 0 };
	*next_at = d.next;
	return d.flags & (VRING_DESC_F_NEXT | VRING_DESC_F_INDIRECT);
}

static inline bool rig_list_table(struct rig *r)
{
	struct driver_buf ref = r->segs[--r->nr_segs];
	unsigned int nr = ref.len / 16, steps = 0;
	uint16_t at = 0;
	int flags;

	if (!(r->features & DRIVER_INDIRECT) || !nr || ref.len % 16 ||
	    !rig_in_ram(ref.gpa, ref.len))
		return false;
	do {
		if (at >= nr || steps++ == MIN(nr, VIRTQ_MAX_SEGMENTS))
			return false;
		flags = rig_list(r, ref.gpa + 16ULL * at, &at);
		if (flags < 0 || flags & VRING_DESC_F_INDIRECT)
			return false;
	} while (flags);
	return true;
}

/* All segments of the chain at head, which then is owned; false: there is no
 * such chain. */
static inline bool rig_list_chain(struct rig *r, unsigned int head)
{
	unsigned int at = head;
	uint16_t next_at;
	int flags;

	r->nr_segs = 0;
	do {
		if (at >= r->d.size || r->owner[at])
			return false;
		r->owner[at] = head + 1;
		flags = rig_list(r, r->d.desc_gpa + 16ULL * at, &next_at);
		if (flags == VRING_DESC_F_INDIRECT)
			return rig_list_table(r);
		if (flags & VRING_DESC_F_INDIRECT)
			return false;
		at = next_at;
	} while (flags);
	return true;
}

/* Takes out those of no bytes, and judges the others. */
static inline bool rig_judge(struct rig *r)
{
	unsigned int nr = 0;
	uint64_t bytes = 0;
	bool writable = false;

	for (unsigned int i = 0; i < r->nr_segs; i++) {
		struct driver_buf b = r->segs[i];

		if (writable && !b.writable)
			return false;
		if (!b.len)
			continue;
		writable = b.writable;
		bytes += b.len;
		if (!rig_in_ram(b.gpa, b.len))
			return false;
		r->segs[nr++] = b;
	}
	r->nr_segs = nr;
	return nr <= RIG_MAX_SEGMENTS && bytes <= GIB(4);
}

/* What virtq_pop() is to return: 1 and segs, 0, or -1 for any error. */
static inline int rig_expect(struct rig *r, uint16_t *head)
{
	unsigned int in_flight = (uint16_t)(r->taken - r->pushed), nr;

	if (r->dead)
		return -1;
	nr = (uint16_t)(rig_read16(r, r->d.avail_gpa + 2) - r->taken);
	if (!nr)
		return 0;
	if (nr + in_flight > r->d.size)
		return -1;
	*head = rig_read16(r, r->d.avail_gpa + 4 + r->taken % r->d.size * 2U);
	return rig_list_chain(r, *head) && rig_judge(r) ? 1 : -1;
}

static inline void rig_same(struct rig *r, const struct virtq_chain *c,
			    const struct driver_buf *bufs, unsigned int nr)
{
	unsigned int at = 0, nr_readable = 0;
	uint64_t bytes[2] = { 0 };

	for (unsigned int i = 0; i < nr; i++) {
		if (!bufs[i].len)
			continue;
		assert_true(at < c->nr_readable + c->nr_writable);
		assert_ptr_equal(c->iov[at].iov_base,
				 ram_ptr(r->mem.ram, bufs[i].gpa, bufs[i].len));
		assert_int_equal(c->iov[at].iov_len, bufs[i].len);
		bytes[bufs[i].writable] += bufs[i].len;
		nr_readable += !bufs[i].writable;
		at++;
	}
	assert_int_equal(at, c->nr_readable + c->nr_writable);
	assert_int_equal(nr_readable, c->nr_readable);
	assert_int_equal(bytes[0], c->readable);
	assert_int_equal(bytes[1], c->writable);
}

static inline void rig_disown(struct rig *r, uint16_t head)
{
	for (unsigned int i = 0; i < r->d.size; i++)
		if (r->owner[i] == head + 1U)
			r->owner[i] = 0;
}

static inline void rig_pop(struct rig *r, bool put_back)
{
	struct iovec iov[RIG_MAX_SEGMENTS];
	struct virtq_chain c = { .iov = iov, .max = RIG_MAX_SEGMENTS };
	uint16_t head = 0;
	int want = rig_expect(r, &head), got = virtq_pop(&r->q, &c);

	assert_int_equal(got < 0 ? -1 : got, want);
	assert_int_equal(!r->q.broken, want >= 0);
	r->dead = want < 0;
	assert_true(r->lied || !r->dead);
	if (got != 1)
		return;
	r->idle = false;
	assert_int_equal(c.head, head);
	rig_same(r, &c, r->segs, r->nr_segs);
	if (!r->lied)
		rig_same(r, &c, r->book[head], r->nr_book[head]);
	if (put_back) {
		virtq_unpop(&r->q);
		rig_disown(r, head);
	} else {
		r->taken++;
	}
}

/* One of those in flight. */
static inline void rig_push(struct rig *r, unsigned int which, uint32_t len)
{
	uint16_t was = r->d.used->idx, place = r->pushed % r->d.size;
	uint16_t head;

	if (r->taken == r->pushed)
		return;
	while (!r->owner[which % r->d.size])
		which++;
	head = (uint16_t)(r->owner[which % r->d.size] - 1);
	virtq_push(&r->q, head, len);
	if (r->dead) {
		assert_int_equal(r->d.used->idx, was);
		return;
	}
	assert_int_equal(r->d.used->ring[place].id, head);
	assert_int_equal(r->d.used->ring[place].len, len);
	r->pushed++;
	assert_int_equal(r->d.used->idx, r->pushed);
	rig_disown(r, head);
	if (r->lied)
		return;
	/* The driver has it at once, for it must have room for more. */
	assert_int_equal(driver_used(&r->d, NULL), head);
	assert_int_equal(driver_used(&r->d, NULL), -1);
}

/* By counting, not by subtracting. */
static inline void rig_interrupt(struct rig *r)
{
	uint16_t flags = rig_read16(r, r->d.avail_gpa);
	uint16_t event = rig_read16(r, r->d.avail_gpa + 4 + r->d.size * 2U);
	bool want = false;

	for (; r->told != r->pushed; r->told++)
		want |= r->features & DRIVER_EVENT_IDX ?
				r->told == event :
				!(flags & VRING_AVAIL_F_NO_INTERRUPT);
	assert_int_equal(virtq_wants_interrupt(&r->q), want);
}

static inline void rig_kicks(struct rig *r, bool enable)
{
	bool more = rig_read16(r, r->d.avail_gpa + 2) != r->taken;

	if (!enable) {
		virtq_disable_kicks(&r->q);
		r->idle = false;
		return;
	}
	assert_int_equal(virtq_enable_kicks(&r->q), more && !r->dead);
	r->idle = !more;
}

static inline void rig_add(struct rig *r, struct source *src)
{
	struct driver_buf bufs[RIG_MAX_BUFS];
	unsigned int nr = (unsigned int)next(src) % RIG_MAX_BUFS + 1;
	unsigned int nr_readable = (unsigned int)next(src) % (nr + 1);
	unsigned int nr_direct = nr;
	uint16_t head;
	bool kick;

	if (r->features & DRIVER_INDIRECT)
		nr_direct = (unsigned int)next(src) % (nr + 1);
	if (nr_direct + (nr_direct < nr) > r->d.nr_free)
		return;
	for (unsigned int i = 0; i < nr; i++) {
		bool high = next(src) & 1;
		uint32_t len = (uint32_t)next(src) % 5 *
			       ((uint32_t)next(src) % KIB(64));
		uint64_t room = high ? DRIVER_HIGH_BYTES : DRIVER_LOW_BYTES;

		bufs[i].len = len;
		bufs[i].gpa =
			(high ? DRIVER_HIGH : 0) + next(src) % (room - len + 1);
		bufs[i].writable = i >= nr_readable;
	}
	head = driver_add_table(&r->d, bufs, nr, nr_direct);
	memcpy(r->book[head], bufs, sizeof(bufs));
	r->nr_book[head] = nr;
	kick = driver_wants_kick(&r->d);
	/* No device sleeps while there is work. */
	assert_true(kick || !r->idle || r->lied);
	r->idle &= !kick;
}

/* Writes what no driver would, where it matters. */
static inline void rig_lie(struct rig *r, struct source *src)
{
	static const uint16_t flags[] = { 0, 1, 2, 3, 4, 5, 6, 0xffff };
	uint16_t at = (uint16_t)(next(src) % r->d.size);
	uint16_t near = (uint16_t)(next(src) % (r->d.size + 2U));
	struct vring_desc *d = &r->d.desc[at];

	r->lied = true;
	if (r->d.table[at] && next(src) & 1)
		d = driver_ptr(&r->mem, r->d.table[at] + near % 16 * 16, 16);
	switch (next(src) % 8) {
	case 0:
		r->d.avail->idx += near;
		break;
	case 1:
		r->d.avail->ring[at] = near;
		break;
	case 2:
		d->flags = flags[next(src) % 8];
		break;
	case 3:
		d->next = near;
		break;
	case 4:
		d->len = (uint32_t)next(src) % 200;
		break;
	case 5:
		d->addr = (next(src) & 1 ? DRIVER_HIGH + DRIVER_HIGH_BYTES :
					   DRIVER_LOW_BYTES) -
			  next(src) % 300;
		break;
	case 6:
		d->addr = next(src) << 16 ^ next(src);
		d->len = (uint32_t)next(src);
		break;
	default:
		r->d.avail->ring[at] = (uint16_t)next(src);
		break;
	}
}

static inline void rig_step(struct rig *r, struct source *src, bool may_lie)
{
	uint64_t what = next(src);

	switch (what % 16) {
	case 0:
		if (r->dead || what / 16 % 16 == 0)
			rig_start(r, src);
		break;
	case 1:
		if (may_lie && what & 16)
			rig_lie(r, src);
		break;
	case 2:
		rig_interrupt(r);
		break;
	case 3:
		driver_set_interrupts(&r->d, what & 16,
				      (uint16_t)(r->pushed + what / 32 % 4));
		break;
	case 4:
	case 5:
		rig_kicks(r, what & 16);
		break;
	case 6:
		rig_pop(r, true);
		break;
	case 7:
	case 8:
	case 9:
		rig_pop(r, false);
		break;
	case 10:
	case 11:
	case 12:
		rig_push(r, (uint8_t)(what >> 8), (uint32_t)(what >> 16));
		break;
	default:
		rig_add(r, src);
		break;
	}
}

#endif
