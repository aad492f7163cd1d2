// SPDX-License-Identifier: BSD-2-Clause
/*
 * virtio-console - the guest's console, and channels to programs of the host.
 * Owns the ports and the consoles of channels. Nothing of the guest's is
 * buffered here: what the host cannot take stays in the queue, what the guest
 * cannot take in struct console.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "bus.h"
#include "console.h"
#include "json.h"
#include "virtio-console-priv.h"

/* Then it is another source's turn. */
#define TURN_BYTES KIB(256)
#define PATIENCE_MS 1000

bool vcon_pop(struct virtio_console *c, unsigned int queue,
	      struct virtq_chain *chain)
{
	chain->iov = c->iov;
	chain->max = ARRAY_SIZE(c->iov);
	return virtio_next(&c->dev, queue, chain);
}

void vcon_offer_input(struct vcon_port *p)
{
	if (p->guest_open)
		console_kick_input(p->con);
}

/* What the host takes of a chain, at most max bytes. True: all of it. */
static bool send_chain(struct vcon_port *p, const struct virtq_chain *chain,
		       size_t max)
{
	size_t skip = p->sent, len, n;

	for (unsigned int i = 0; i < chain->nr_readable; i++) {
		const struct iovec *iov = &chain->iov[i];

		if (skip >= iov->iov_len) {
			skip -= iov->iov_len;
			continue;
		}
		len = MIN(iov->iov_len - skip, max);
		n = p->dropping ?
			    len :
			    console_write(p->con,
					  (uint8_t *)iov->iov_base + skip, len);
		p->sent += n;
		p->c->nr_out += n;
		max -= n;
		p->blocked = n < len;
		if (n < iov->iov_len - skip)
			return false;
		skip = 0;
	}
	return true;
}

/* Tells who waits for it that the host has taken everything. */
static void check_drained(struct virtio_console *c)
{
	void (*drained)(void *opaque) = c->drained;

	for (unsigned int i = 0; i < c->nr_ports; i++) {
		const struct vcon_port *p = &c->ports[i];

		/* Where nobody is, none ever takes it. */
		if (p->host_open && !p->empty &&
		    c->dev.queues[vcon_queue_in(p) + 1].started)
			return;
	}
	c->drained = NULL;
	if (drained)
		drained(c->drained_opaque);
}

/* What the guest has written, as far as the host takes it. */
static void transmit(struct vcon_port *p)
{
	struct virtio_console *c = p->c;
	unsigned int queue = vcon_queue_in(p) + 1;
	uint64_t end = c->nr_out + TURN_BYTES;
	struct virtq_chain chain;
	unsigned int nr = 0;

	p->empty = !p->blocked;
	while (!p->blocked && vcon_pop(c, queue, &chain)) {
		if (nr++ == c->dev.queue_max || c->nr_out >= end ||
		    !send_chain(p, &chain, end - c->nr_out)) {
			virtq_unpop(&c->dev.queues[queue].vq);
			p->empty = false;
			if (!p->blocked)
				virtio_kick(&c->dev, queue);
			break;
		}
		p->sent = 0;
		virtio_push(&c->dev, queue, chain.head, 0);
	}
	virtio_flush(&c->dev, queue);
	if (p->blocked && c->dev.nr_queues == 2)
		(void)loop_timer_set(&c->patience, PATIENCE_MS);
	if (c->drained)
		check_drained(c);
}

void virtio_channels_drain(struct virtio_dev *dev,
			   void (*drained)(void *opaque), void *opaque)
{
	struct virtio_console *c =
		container_of(dev, struct virtio_console, dev);

	bus_lock(dev->bus);
	for (unsigned int i = 0; i < c->nr_ports; i++)
		if (dev->queues[vcon_queue_in(&c->ports[i]) + 1].started)
			transmit(&c->ports[i]);
	c->drained = drained;
	c->drained_opaque = opaque;
	check_drained(c);
	bus_unlock(dev->bus);
}

/* Linux before 6.16 reads the size of the window only when it changes. */
static void tell_size(struct virtio_console *c)
{
	if (c->size_told || !virtio_has(&c->dev, VIRTIO_CONSOLE_F_SIZE))
		return;
	c->size_told = true;
	virtio_config_changed(&c->dev);
}

static size_t receive(struct vcon_port *p, const uint8_t *buf, size_t len)
{
	unsigned int queue = vcon_queue_in(p);
	struct virtio_console *c = p->c;
	struct virtq_chain chain;
	size_t done = 0, n;

	if (!p->guest_open || !c->dev.queues[queue].started)
		return 0;
	tell_size(c);
	while (done < len && vcon_pop(c, queue, &chain)) {
		n = virtq_copy_to(&chain, 0, buf + done, len - done);
		virtio_push(&c->dev, queue, chain.head, (uint32_t)n);
		done += n;
		if (!n)
			virtio_fail(&c->dev, "an input buffer of no bytes");
	}
	virtio_flush(&c->dev, queue);
	c->nr_in += done;
	return done;
}

static size_t on_input(void *opaque, const uint8_t *buf, size_t len)
{
	struct vcon_port *p = opaque;
	size_t n;

	bus_lock(p->c->dev.bus);
	n = receive(p, buf, len);
	bus_unlock(p->c->dev.bus);
	return n;
}

static void on_writable(void *opaque)
{
	struct vcon_port *p = opaque;

	bus_lock(p->c->dev.bus);
	p->blocked = p->dropping = false;
	if (p->c->dev.queues[vcon_queue_in(p) + 1].started)
		transmit(p);
	bus_unlock(p->c->dev.bus);
}

static void on_quit(void *opaque)
{
	struct vcon_port *p = opaque;

	p->c->quit(p->c->opaque);
}

static void on_connected(void *opaque, bool on)
{
	struct vcon_port *p = opaque;

	bus_lock(p->c->dev.bus);
	vcon_host_open(p, on);
	if (p->c->drained)
		check_drained(p->c);
	bus_unlock(p->c->dev.bus);
}

static void on_resized(void *opaque)
{
	struct vcon_port *p = opaque;
	struct virtio_console *c = p->c;

	bus_lock(c->dev.bus);
	if (console_size(p->con, &c->cols, &c->rows) &&
	    c->dev.queues[0].started)
		virtio_config_changed(&c->dev);
	bus_unlock(c->dev.bus);
}

static const struct console_ops con_ops = {
	.input = on_input,
	.writable = on_writable,
	.quit = on_quit,
	.connected = on_connected,
	.resized = on_resized,
};

/* Nobody reads the console: the guest is not to wait for ever. */
static void on_impatience(void *opaque)
{
	struct virtio_console *c = opaque;
	struct vcon_port *p = &c->ports[0];

	bus_lock(c->dev.bus);
	if (p->blocked && c->dev.queues[1].started) {
		virtio_warn(&c->dev, "nobody reads it: what the guest says is "
				     "dropped until somebody does");
		p->blocked = false;
		p->dropping = true;
		transmit(p);
	}
	bus_unlock(c->dev.bus);
}

static void serve(struct virtio_console *c, unsigned int queue)
{
	struct vcon_port *p;

	if (!c->dev.queues[queue].started)
		return;
	if (queue == QUEUE_CONTROL_IN) {
		vcon_tell(c);
	} else if (queue == QUEUE_CONTROL_OUT) {
		vcon_take_control(c);
	} else {
		p = &c->ports[queue < 2 ? 0 : queue / 2 - 1];
		if (queue & 1)
			transmit(p);
		else
			vcon_offer_input(p);
	}
}

static void on_kick(void *opaque, uint32_t events)
{
	struct vcon_kick *k = opaque;
	struct virtio_console *c = k->c;
	unsigned int queue = (unsigned int)(k - c->kicks);

	(void)events;
	bus_lock(c->dev.bus);
	virtio_take_kick(&c->dev, queue);
	serve(c, queue);
	bus_unlock(c->dev.bus);
}

static void config_read(struct virtio_dev *dev, unsigned int off, void *buf,
			unsigned int len)
{
	struct virtio_console *c =
		container_of(dev, struct virtio_console, dev);
	struct virtio_console_config config = {
		.cols = c->cols,
		.rows = c->rows,
		.max_nr_ports = c->nr_ports,
	};

	memcpy(buf, (uint8_t *)&config + off, len);
}

static void start(struct virtio_dev *dev)
{
	struct virtio_console *c =
		container_of(dev, struct virtio_console, dev);

	if (vcon_multiport(c))
		return;
	/* The only port there is then, and it is not said who reads it. */
	c->ports[0].guest_open = true;
	vcon_offer_input(&c->ports[0]);
}

/* Under dev_lock nothing is in flight but what no kick was served for yet: of a
 * guest that writes and powers off, say. */
static void stop(struct virtio_dev *dev)
{
	struct virtio_console *c =
		container_of(dev, struct virtio_console, dev);

	c->size_told = false;
	for (unsigned int i = 0; i < c->nr_ports; i++) {
		struct vcon_port *p = &c->ports[i];

		if (dev->queues[vcon_queue_in(p) + 1].started)
			transmit(p);
		p->guest_open = p->ready = p->blocked = false;
		p->empty = true;
		p->tell = 0;
		p->sent = 0;
	}
	if (c->drained)
		check_drained(c);
}

static int run(struct virtio_dev *dev, struct loop *loop)
{
	struct virtio_console *c =
		container_of(dev, struct virtio_console, dev);
	int r = loop_timer_init(loop, &c->patience, on_impatience, c);

	c->loop = loop;
	for (unsigned int i = 0; !r && i < dev->nr_queues; i++) {
		c->kicks[i].c = c;
		c->kicks[i].src = (struct loop_source){ dev->queues[i].kick_fd,
							EPOLLIN, on_kick,
							&c->kicks[i] };
		r = loop_add(loop, &c->kicks[i].src);
	}
	for (unsigned int i = 0; !r && i < c->nr_ports; i++)
		r = console_start(c->ports[i].con, loop, &con_ops,
				  &c->ports[i]);
	return r;
}

static void stats(struct virtio_dev *dev, struct json *j)
{
	struct virtio_console *c =
		container_of(dev, struct virtio_console, dev);

	json_u64(j, "bytes_in", c->nr_in);
	json_u64(j, "bytes_out", c->nr_out);
}

static void destroy(struct virtio_dev *dev)
{
	struct virtio_console *c =
		container_of(dev, struct virtio_console, dev);

	if (c->loop) {
		loop_timer_fini(c->loop, &c->patience);
		for (unsigned int i = 0; i < dev->nr_queues; i++)
			loop_remove(c->loop, &c->kicks[i].src);
	}
	for (unsigned int i = 0; i < c->nr_ports; i++) {
		/* The console's is its creator's. */
		if (dev->nr_queues > 2)
			console_destroy(c->ports[i].con);
		free(c->ports[i].name);
	}
	virtio_fini(dev);
	free(c->kicks);
	free(c->ports);
	free(c);
}

static const struct virtio_ops ops = {
	.config_read = config_read,
	.start = start,
	.stop = stop,
	.run = run,
	.stats = stats,
	.destroy = destroy,
};

/* With so many ports, that have no console yet. */
static int create(struct virtio_console **out, const char *name,
		  unsigned int nr_ports, unsigned int nr_queues)
{
	struct virtio_console *c = calloc(1, sizeof(*c));
	int r = -ENOMEM;

	if (c) {
		c->ports = calloc(nr_ports, sizeof(*c->ports));
		c->kicks = calloc(nr_queues, sizeof(*c->kicks));
	}
	if (!c || !c->ports || !c->kicks) {
		log_err("%s: out of memory", name);
		goto err;
	}
	c->dev.ops = &ops;
	c->dev.type = VIRTIO_CONSOLE;
	c->dev.config_bytes = sizeof(struct virtio_console_config);
	c->dev.nr_queues = nr_queues;
	c->dev.queue_max = 128;
	r = virtio_init(&c->dev, name);
	if (r)
		goto err;
	c->nr_ports = nr_ports;
	for (unsigned int i = 0; i < nr_ports; i++) {
		c->ports[i].c = c;
		c->ports[i].id = i;
	}
	*out = c;
	return 0;
err:
	if (c) {
		free(c->kicks);
		free(c->ports);
	}
	free(c);
	return r;
}

int virtio_console_create(struct virtio_dev **out, struct console *con,
			  void (*quit)(void *opaque), void *opaque)
{
	struct virtio_console *c;
	int r = create(&c, "console", 1, 2);

	if (r)
		return r;
	c->quit = quit;
	c->opaque = opaque;
	c->ports[0].con = con;
	if (console_size(con, &c->cols, &c->rows))
		c->dev.offered = 1U << VIRTIO_CONSOLE_F_SIZE;
	*out = &c->dev;
	return 0;
}

int virtio_channels_create(struct virtio_dev **out,
			   const struct virtio_channel *channels, size_t nr,
			   void (*quit)(void *opaque), void *opaque)
{
	struct virtio_console *c;
	int r = create(&c, "channels", (unsigned int)nr,
		       2 * ((unsigned int)nr + 1));

	if (r) {
		for (size_t i = 0; i < nr; i++)
			console_destroy(channels[i].con);
		return r;
	}
	c->quit = quit;
	c->opaque = opaque;
	c->dev.offered = 1U << VIRTIO_CONSOLE_F_MULTIPORT;
	for (size_t i = 0; i < nr; i++) {
		c->ports[i].con = channels[i].con;
		c->ports[i].name = strdup(channels[i].name);
		if (!c->ports[i].name)
			r = -ENOMEM;
	}
	if (r) {
		log_err("channels: out of memory");
		destroy(&c->dev);
		return r;
	}
	*out = &c->dev;
	return 0;
}
