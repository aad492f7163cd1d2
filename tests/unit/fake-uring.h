/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A real io_uring whose kernel is short of what it was asked wherever a test
 * wants it. For programs that wrap io_uring_queue_init and
 * io_uring_submit_and_wait. After harness.h.
 */
#ifndef TESTS_UNIT_FAKE_URING_H
#define TESTS_UNIT_FAKE_URING_H

#include <liburing.h>

/* What becomes of the n-th completion (from 1) of the next operations. */
static struct {
	int init_errno;
	unsigned int at, nr;
	enum { AS_IT_IS, HALF, GIVEN } how;
	int res;
	unsigned int nr_fixed, nr_sqes, nr_dsync;
} fake;

int __real_io_uring_submit_and_wait(struct io_uring *uring, unsigned int n);
int __wrap_io_uring_submit_and_wait(struct io_uring *uring, unsigned int n);
int __real_io_uring_queue_init(unsigned int entries, struct io_uring *uring,
			       unsigned int flags);
int __wrap_io_uring_queue_init(unsigned int entries, struct io_uring *uring,
			       unsigned int flags);

int __wrap_io_uring_queue_init(unsigned int entries, struct io_uring *uring,
			       unsigned int flags)
{
	if (fake.init_errno)
		return -fake.init_errno;
	return __real_io_uring_queue_init(entries, uring, flags);
}

int __wrap_io_uring_submit_and_wait(struct io_uring *uring, unsigned int n)
{
	struct io_uring_cqe *cqe;
	unsigned int head;
	int r;

	for (head = uring->sq.sqe_head; head != uring->sq.sqe_tail; head++) {
		uint8_t op =
			uring->sq.sqes[head & *uring->sq.kring_mask].opcode;

		fake.nr_sqes++;
		fake.nr_dsync +=
			op == IORING_OP_WRITEV &&
			uring->sq.sqes[head & *uring->sq.kring_mask].rw_flags ==
				RWF_DSYNC;
		fake.nr_fixed += op == IORING_OP_READ_FIXED ||
				 op == IORING_OP_WRITE_FIXED;
	}
	r = __real_io_uring_submit_and_wait(uring, n);
	io_uring_for_each_cqe(uring, head, cqe)
	{
		if (cqe->user_data < 2 || ++fake.nr != fake.at)
			continue;
		if (fake.how == HALF)
			cqe->res /= 2;
		else if (fake.how == GIVEN)
			cqe->res = fake.res;
	}
	return r;
}

static inline void disturb(unsigned int at, int how, int res)
{
	fake.at = fake.nr + at;
	fake.how = how;
	fake.res = res;
}

#endif
