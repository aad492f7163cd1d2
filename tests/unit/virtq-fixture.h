/* SPDX-License-Identifier: BSD-2-Clause */
/* A split virtqueue with the driver of virtio-driver.h. After harness.h. */
#ifndef TESTS_UNIT_VIRTQ_FIXTURE_H
#define TESTS_UNIT_VIRTQ_FIXTURE_H

#include <errno.h>

#include "virtio-driver.h"

#define SIZE 8

static struct {
	struct driver_mem mem;
	struct driver d;
	struct virtq q;
	struct virtq_chain chain;
	struct iovec iov[VIRTQ_MAX_SEGMENTS];
} t;

static inline void begin(uint16_t size, uint64_t features)
{
	driver_mem_reset(&t.mem);
	driver_init(&t.d, &t.mem, size, features);
	driver_place(&t.d, &t.q);
	assert_int_equal(virtq_start(&t.q, t.mem.ram, features), 0);
	t.chain.iov = t.iov;
	t.chain.max = VIRTQ_MAX_SEGMENTS;
}

static inline int setup(void **state)
{
	(void)state;
	driver_mem_init(&t.mem);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	driver_mem_fini(&t.mem);
	return 0;
}

#endif
