// SPDX-License-Identifier: BSD-2-Clause
/*
 * virtio-console-ports - the control messages of a console device with many
 * ports: Virtio 1.3, section 5.3.6.2. What the driver has no buffer for yet
 * stays noted in the port.
 */
#include <string.h>

#include "virtio-console-priv.h"

#define MAX_NAME 64

struct message {
	unsigned int tell;
	uint16_t event, value;
};

static const struct message messages[] = {
	{ TELL_ADDED, VIRTIO_CONSOLE_PORT_ADD, 1 },
	{ TELL_CLOSED, VIRTIO_CONSOLE_PORT_OPEN, 0 },
	{ TELL_OPEN, VIRTIO_CONSOLE_PORT_OPEN, 1 },
	/* Last: who finds a port by its name finds it connected. */
	{ TELL_NAME, VIRTIO_CONSOLE_PORT_NAME, 1 },
};

/* False: the driver has no buffer, or is not to be served. */
static bool tell_one(struct vcon_port *p, const struct message *m)
{
	struct virtio_console *c = p->c;
	struct virtio_console_control head = { p->id, m->event, m->value };
	struct virtq_chain chain;
	uint8_t buf[sizeof(head) + MAX_NAME];
	size_t len = sizeof(head), n;

	if (!vcon_pop(c, QUEUE_CONTROL_IN, &chain))
		return false;
	memcpy(buf, &head, sizeof(head));
	if (m->tell == TELL_NAME) {
		n = MIN(strlen(p->name), MAX_NAME);
		memcpy(buf + len, p->name, n);
		len += n;
	}
	n = virtq_copy_to(&chain, 0, buf, len);
	virtio_push(&c->dev, QUEUE_CONTROL_IN, chain.head, (uint32_t)n);
	if (n == len)
		return true;
	virtio_fail(&c->dev, "a control buffer too small for a message");
	return false;
}

static bool tell_port(struct vcon_port *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
		if (!(p->tell & messages[i].tell))
			continue;
		if (!tell_one(p, &messages[i]))
			return false;
		p->tell &= ~messages[i].tell;
	}
	return true;
}

void vcon_tell(struct virtio_console *c)
{
	bool more = vcon_multiport(c) &&
		    c->dev.queues[QUEUE_CONTROL_IN].started;

	for (unsigned int i = 0; more && i < c->nr_ports; i++)
		more = tell_port(&c->ports[i]);
	virtio_flush(&c->dev, QUEUE_CONTROL_IN);
}

void vcon_host_open(struct vcon_port *p, bool on)
{
	p->host_open = on;
	if (!p->ready)
		return;
	if (on) {
		p->tell |= TELL_OPEN;
	} else {
		/* Of a client that came and went unnoticed nothing is told. */
		if (!(p->tell & TELL_OPEN))
			p->tell |= TELL_CLOSED;
		p->tell &= ~(unsigned int)TELL_OPEN;
	}
	vcon_tell(p->c);
}

static void port_ready(struct vcon_port *p)
{
	p->ready = true;
	p->tell &= ~(unsigned int)(TELL_CLOSED | TELL_OPEN);
	p->tell |= TELL_NAME | (p->host_open ? TELL_OPEN : 0);
}

static void handle(struct virtio_console *c,
		   const struct virtio_console_control *m)
{
	struct vcon_port *p;

	if (m->event == VIRTIO_CONSOLE_DEVICE_READY && m->value)
		for (unsigned int i = 0; i < c->nr_ports; i++)
			c->ports[i].tell |= TELL_ADDED;
	/* Linux has no number for messages of the device. */
	if (m->id >= c->nr_ports)
		return;
	p = &c->ports[m->id];
	if (m->event == VIRTIO_CONSOLE_PORT_READY && m->value) {
		port_ready(p);
	} else if (m->event == VIRTIO_CONSOLE_PORT_OPEN) {
		p->guest_open = m->value;
		vcon_offer_input(p);
	}
}

void vcon_take_control(struct virtio_console *c)
{
	struct virtio_console_control m;
	struct virtq_chain chain;
	unsigned int nr = 0;

	while (nr < c->dev.queue_max &&
	       vcon_pop(c, QUEUE_CONTROL_OUT, &chain)) {
		if (virtq_copy_from(&chain, 0, &m, sizeof(m)) == sizeof(m))
			handle(c, &m);
		virtio_push(&c->dev, QUEUE_CONTROL_OUT, chain.head, 0);
		nr++;
	}
	/* A driver that never ends has its turns like others. */
	if (nr == c->dev.queue_max)
		virtio_kick(&c->dev, QUEUE_CONTROL_OUT);
	virtio_flush(&c->dev, QUEUE_CONTROL_OUT);
	vcon_tell(c);
}
