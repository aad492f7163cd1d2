/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A console device with its driver's queues, and what is at the host's ends of
 * its ports. Link with --wrap=virtio_config_changed. After harness.h.
 */
#ifndef TESTS_UNIT_VIRTIO_CONSOLE_FIXTURE_H
#define TESTS_UNIT_VIRTIO_CONSOLE_FIXTURE_H

#include <linux/virtio_console.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "bus.h"
#include "console-fixture.h"
#include "virtio-console.h"
#include "virtio-driver.h"
#include "virtio.h"

#define QUEUES 6
#define SIZE 16

/* A driver, and whoever is at the host's end of its ports. */
struct guest {
	struct fixture *f;
	struct bus *bus;
	struct driver_mem mem;
	struct driver d[QUEUES];
	struct virtio_dev *dev;
	struct console *con;
	int host[2];
	unsigned int config_changes;
};

static struct guest *changed;

void __wrap_virtio_config_changed(struct virtio_dev *dev);
void __wrap_virtio_config_changed(struct virtio_dev *dev)
{
	assert_ptr_equal(dev, changed->dev);
	changed->config_changes++;
}

static inline int set_up(void **state)
{
	struct guest *g = test_calloc(1, sizeof(*g));

	if (setup(state))
		return -1;
	g->f = *state;
	g->host[0] = g->host[1] = -1;
	*state = changed = g;
	driver_mem_init(&g->mem);
	return bus_create(&g->bus);
}

static inline int tear_down(void **state)
{
	struct guest *g = *state;

	if (g->dev)
		g->dev->ops->destroy(g->dev);
	console_destroy(g->con);
	for (int i = 0; i < 2; i++)
		if (g->host[i] >= 0)
			close(g->host[i]);
	bus_destroy(g->bus);
	driver_mem_fini(&g->mem);
	*state = g->f;
	test_free(g);
	return teardown(state);
}

/* A driver takes the device, with empty queues. */
static inline void begin(struct guest *g, uint64_t features)
{
	g->dev->features = features & g->dev->offered;
	g->dev->ram = g->mem.ram;
	for (unsigned int i = 0; i < g->dev->nr_queues; i++) {
		struct virtio_queue *q = &g->dev->queues[i];

		driver_init(&g->d[i], &g->mem, SIZE, 0);
		driver_place(&g->d[i], &q->vq);
		assert_int_equal(virtq_start(&q->vq, g->mem.ram, 0), 0);
		q->started = true;
	}
	bus_lock(g->bus);
	g->dev->ops->start(g->dev);
	bus_unlock(g->bus);
}

static inline void reset(struct guest *g)
{
	bus_lock(g->bus);
	g->dev->ops->stop(g->dev);
	for (unsigned int i = 0; i < g->dev->nr_queues; i++) {
		virtq_stop(&g->dev->queues[i].vq);
		g->dev->queues[i].started = false;
	}
	g->dev->failed = false;
	bus_unlock(g->bus);
}

static inline struct console *stream(struct guest *g, unsigned int i, bool keep)
{
	struct console_params p = { .name = "stream",
				    .mode = CONSOLE_TO_FD,
				    .keep = keep };
	struct console *con;
	int sv[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	fcntl(sv[1], F_SETFL, O_NONBLOCK);
	g->host[i] = sv[1];
	p.fd = sv[0];
	assert_int_equal(console_create(&con, &p), 0);
	return con;
}

static inline void on_quit_key(void *opaque)
{
	struct guest *g = opaque;

	g->f->quits++;
}

static inline void power_on(struct guest *g)
{
	g->dev->bus = g->bus;
	assert_int_equal(g->dev->ops->run(g->dev, g->f->loop), 0);
}

static inline void a_console(struct guest *g)
{
	g->con = stream(g, 0, false);
	assert_int_equal(virtio_console_create(&g->dev, g->con, on_quit_key, g),
			 0);
	power_on(g);
	begin(g, ~0ULL);
}

static inline void two_channels(struct guest *g)
{
	struct virtio_channel ch[] = { { "one", stream(g, 0, true) },
				       { "two", stream(g, 1, true) } };

	assert_int_equal(virtio_channels_create(&g->dev, ch, 2, on_quit_key, g),
			 0);
	assert_int_equal(g->dev->nr_queues, QUEUES);
	power_on(g);
	begin(g, ~0ULL);
}

static inline void kick(struct guest *g, unsigned int queue)
{
	assert_int_equal(eventfd_write(g->dev->queues[queue].kick_fd, 1), 0);
	run(g->f);
}

/* Text in two segments, and its kick. */
static inline int say(struct guest *g, unsigned int queue, const char *text)
{
	uint32_t len = (uint32_t)strlen(text);
	gpa_t at = driver_alloc(&g->mem, len, 1);
	struct driver_buf bufs[] = { { at, len / 2, false },
				     { at + len / 2, len - len / 2, false } };
	int head;

	memcpy(driver_ptr(&g->mem, at, len), text, len);
	head = driver_add(&g->d[queue], bufs, 2);
	kick(g, queue);
	return head;
}

static inline gpa_t listen_for(struct guest *g, unsigned int queue,
			       uint32_t len)
{
	gpa_t at = driver_alloc(&g->mem, len, 1);

	driver_add(&g->d[queue], &(struct driver_buf){ at, len, true }, 1);
	return at;
}

static inline void assert_heard(struct guest *g, unsigned int queue, gpa_t at,
				const char *text)
{
	uint32_t len = 0;

	assert_true(driver_used(&g->d[queue], &len) >= 0);
	assert_int_equal(len, strlen(text));
	assert_memory_equal(driver_ptr(&g->mem, at, len), text, len);
}

#endif
