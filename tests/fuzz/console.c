// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fuzzes a console device with two channels, by a real loop: chains and kicks in
 * every queue, control messages among them, while the host's ends write, read,
 * and the driver resets it, or writes over its rings. A device that failed works
 * after a reset. Input: what draw() takes.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fuzz/must.h"

#include <linux/virtio_console.h>

#include "bus.h"
#include "console.h"
#include "loop.h"
#include "tests/unit/virtio-driver.h"
#include "virtio-console.h"
#include "virtio.h"

#define QUEUES 6
#define SIZE 8

static struct rig {
	struct driver_mem mem;
	struct bus *bus;
	struct loop *loop;
	struct loop_source turn; /* always readable: the loop ends */
	struct virtio_dev *dev;
	struct driver d[QUEUES];
	gpa_t data[QUEUES];
	int host[2];
} rig;

static void end_turn(void *opaque, uint32_t events)
{
	(void)events;
	loop_stop(opaque);
}

/* Once for the process. */
static void prepare(void)
{
	int fd;

	if (rig.loop)
		return;
	driver_mem_init(&rig.mem);
	assert_int_equal(bus_create(&rig.bus), 0);
	assert_int_equal(loop_create(&rig.loop), 0);
	fd = eventfd(1, EFD_CLOEXEC);
	rig.turn = (struct loop_source){ fd, EPOLLIN, end_turn, rig.loop };
	assert_int_equal(loop_add(rig.loop, &rig.turn), 0);
}

static void turns(unsigned int nr)
{
	while (nr--)
		assert_int_equal(loop_run(rig.loop), 0);
}

/* A driver takes the device, with empty queues. */
static void begin(uint64_t features)
{
	struct virtio_dev *dev = rig.dev;

	driver_mem_reset(&rig.mem);
	dev->features = features & dev->offered;
	dev->ram = rig.mem.ram;
	for (unsigned int i = 0; i < QUEUES; i++) {
		struct virtio_queue *q = &dev->queues[i];

		driver_init(&rig.d[i], &rig.mem, SIZE, features);
		driver_place(&rig.d[i], &q->vq);
		assert_int_equal(virtq_start(&q->vq, rig.mem.ram, features), 0);
		q->started = true;
		rig.data[i] = driver_alloc(&rig.mem, 4096, 8);
	}
	bus_lock(rig.bus);
	dev->ops->start(dev);
	bus_unlock(rig.bus);
}

static void reset(void)
{
	bus_lock(rig.bus);
	rig.dev->ops->stop(rig.dev);
	for (unsigned int i = 0; i < QUEUES; i++) {
		virtq_stop(&rig.dev->queues[i].vq);
		rig.dev->queues[i].started = false;
	}
	rig.dev->failed = false;
	bus_unlock(rig.bus);
}

static struct console *stream(unsigned int i)
{
	struct console_params p = { .name = "stream",
				    .mode = CONSOLE_TO_FD,
				    .keep = true };
	struct console *con;
	int sv[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sv), 0);
	rig.host[i] = sv[1];
	p.fd = sv[0];
	assert_int_equal(console_create(&con, &p), 0);
	return con;
}

static void power_on(void)
{
	struct virtio_channel ch[] = { { "one", stream(0) },
				       { "two", stream(1) } };

	assert_int_equal(virtio_channels_create(&rig.dev, ch, 2, NULL, NULL),
			 0);
	assert_int_equal(rig.dev->nr_queues, QUEUES);
	rig.dev->bus = rig.bus;
	assert_int_equal(rig.dev->ops->run(rig.dev, rig.loop), 0);
}

static void kick(unsigned int queue)
{
	assert_int_equal(eventfd_write(rig.dev->queues[queue].kick_fd, 1), 0);
	turns(2);
}

static void take_used(struct driver *d)
{
	uint16_t idx = d->used->idx;

	/* What it gave back it was given. */
	assert_true((uint16_t)(d->avail_idx - idx) <= SIZE);
	while (driver_used(d, NULL) >= 0)
		;
}

static void add(struct source *src, unsigned int queue)
{
	struct driver *d = &rig.d[queue];
	bool out = queue & 1;
	unsigned int nr = (unsigned int)draw(src, 1) % 3 + 1;
	struct virtio_console_control m = {
		.id = (uint32_t)draw(src, 1) % 4,
		.event = (uint16_t)(draw(src, 1) % 9),
		.value = (uint16_t)(draw(src, 1) % 3),
	};
	struct driver_buf bufs[3];

	if (nr > d->nr_free)
		return;
	memcpy(driver_ptr(&rig.mem, rig.data[queue], sizeof(m)), &m, sizeof(m));
	for (unsigned int i = 0; i < nr; i++) {
		uint32_t len = (uint32_t)draw(src, 1);

		bufs[i] = (struct driver_buf){ rig.data[queue],
					       len < 0xc0 ? 8 + len : len % 9,
					       !out };
	}
	driver_add(d, bufs, nr);
}

/* Whatever its rings say then, until a reset. */
static void lie(struct source *src, unsigned int queue)
{
	struct driver *d = &rig.d[queue];
	unsigned int i = (unsigned int)draw(src, 1) % SIZE;
	uint64_t v = draw(src, 2);

	switch (v % 6) {
	case 0:
		d->desc[i].addr = draw(src, 8);
		break;
	case 1:
		d->desc[i].len = (uint32_t)draw(src, 4);
		break;
	case 2:
		d->desc[i].flags = (uint16_t)(v >> 8) & 7;
		break;
	case 3:
		d->desc[i].next = (uint16_t)(v >> 8) % (SIZE + 2);
		break;
	case 4:
		d->avail->ring[i] = (uint16_t)(v >> 8) % (SIZE + 2);
		break;
	default:
		d->avail->idx = (uint16_t)(d->avail->idx + (v >> 8) % 12);
		break;
	}
	kick(queue);
	reset();
	begin(draw(src, 1) % 4 ? ~0ULL : 0);
}

static void step(struct source *src)
{
	unsigned int what = (unsigned int)draw(src, 1);
	unsigned int queue = what / 16 % QUEUES;
	char text[200];

	switch (what % 16) {
	case 0:
		lie(src, queue);
		return;
	case 1:
		reset();
		begin(what & 0x80 ? ~0ULL : 0);
		return;
	case 2:
	case 3:
		memset(text, (int)what, sizeof(text));
		(void)!write(rig.host[queue & 1], text, draw(src, 1) % 200);
		turns(1);
		break;
	case 4:
		(void)!read(rig.host[queue & 1], text, sizeof(text));
		turns(1);
		break;
	case 5:
		shutdown(rig.host[queue & 1], what & 0x80 ? SHUT_RD : SHUT_WR);
		turns(1);
		break;
	default:
		add(src, queue);
		kick(queue);
		break;
	}
	if (!rig.dev->failed)
		for (unsigned int i = 0; i < QUEUES; i++)
			take_used(&rig.d[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source src = { data, size };

	prepare();
	power_on();
	begin(~0ULL);
	while (src.left) {
		step(&src);
		if (rig.dev->failed) {
			reset();
			begin(~0ULL);
		}
	}
	reset();
	begin(~0ULL);
	assert_false(rig.dev->failed);
	reset();
	rig.dev->ops->destroy(rig.dev);
	for (unsigned int i = 0; i < 2; i++)
		close(rig.host[i]);
	return 0;
}
