// SPDX-License-Identifier: BSD-2-Clause
/* test-virtio-rng - the entropy device, from a driver's buffers to the loop. */
#include "harness.h"

#include "bus.h"
#include "console-fixture.h"
#include "virtio-driver.h"
#include "virtio-rng.h"
#include "virtio.h"

#define SIZE 64
#define TURN_CHAINS 16
#define TURN_BYTES KIB(64)

static struct fixture *f; /* whose loop it is */
static struct bus *bus;
static struct driver_mem mem;
static struct driver d;
static struct virtio_dev *dev;

static int set_up(void **state)
{
	if (setup(state) || bus_create(&bus) || virtio_rng_create(&dev))
		return -1;
	f = *state;
	driver_mem_init(&mem);
	driver_init(&d, &mem, SIZE, 0);
	dev->bus = bus;
	dev->ram = mem.ram;
	return dev->ops->run(dev, f->loop);
}

static int tear_down(void **state)
{
	dev->ops->destroy(dev);
	driver_mem_fini(&mem);
	bus_destroy(bus);
	return teardown(state);
}

static void start(void)
{
	struct virtio_queue *q = &dev->queues[0];

	driver_place(&d, &q->vq);
	assert_int_equal(virtq_start(&q->vq, mem.ram, 0), 0);
	q->started = true;
	dev->ops->start(dev);
}

/* Bytes that do not say zero, which a few of any number do by chance. */
static size_t nr_filled(gpa_t at, size_t len)
{
	const uint8_t *p = driver_ptr(&mem, at, len);
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += p[i] != 0;
	return n;
}

static void fills_what_is_there(void **state)
{
	gpa_t at = driver_alloc(&mem, 4096, 8);
	struct driver_buf bufs[] = { { at, 1000, true },
				     { at + 2000, 500, true } };
	uint32_t len = 0;
	int used = -1;

	(void)state;
	start();
	driver_add(&d, bufs, 2);
	run(f);
	assert_int_equal(driver_used(&d, NULL), -1);
	virtio_kick(dev, 0);
	run_till(f, (used = driver_used(&d, &len)) >= 0);
	assert_true(used >= 0);
	assert_int_equal(len, 1500);
	assert_true(nr_filled(at, 1000) > 900);
	assert_true(nr_filled(at + 2000, 500) > 400);
	assert_int_equal(nr_filled(at + 1000, 1000), 0);
	assert_int_equal(nr_filled(at + 2500, 1596), 0);
}

/* A driver that wants much gets it, in turns that have an end. */
static void turns_have_an_end(void **state)
{
	gpa_t at = driver_alloc(&mem, MIB(1), 8);
	struct driver_buf large = { at, MIB(1), true }, small = { at, 8, true };
	unsigned int nr = 0;
	uint32_t len = 0;

	(void)state;
	start();
	driver_add(&d, &large, 1);
	virtio_kick(dev, 0);
	run_till(f, driver_used(&d, &len) >= 0);
	assert_int_equal(len, TURN_BYTES);

	for (unsigned int i = 0; i < 2 * TURN_CHAINS + 1; i++)
		driver_add(&d, &small, 1);
	virtio_kick(dev, 0);
	for (int i = 0; i < 250 && nr < 2 * TURN_CHAINS + 1; i++) {
		run(f);
		while (driver_used(&d, &len) >= 0) {
			assert_int_equal(len, 8);
			nr++;
		}
	}
	assert_int_equal(nr, 2 * TURN_CHAINS + 1);
}

/* What cannot be written is given back as it was. */
static void reads_nothing(void **state)
{
	gpa_t at = driver_alloc(&mem, 64, 8);
	uint32_t len = 1;
	int used = -1;

	(void)state;
	start();
	driver_add(&d, &(struct driver_buf){ at, 64, false }, 1);
	virtio_kick(dev, 0);
	run_till(f, (used = driver_used(&d, &len)) >= 0);
	assert_true(used >= 0);
	assert_int_equal(len, 0);
	assert_int_equal(nr_filled(at, 64), 0);
	assert_false(dev->failed);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(fills_what_is_there),
		T(turns_have_an_end),
		T(reads_nothing),
	};

	return run_all(tests);
}
