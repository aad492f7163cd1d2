/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device behind virtio-console.h, shared by virtio-console.c (data) and
 * virtio-console-ports.c (control messages).  All under dev_lock, but what is
 * constant once it is created.
 */
#ifndef WHERRY_VIRTIO_CONSOLE_PRIV_H
#define WHERRY_VIRTIO_CONSOLE_PRIV_H

#include <linux/virtio_console.h>

#include "loop.h"
#include "virtio-console.h"
#include "virtio.h"

/* Section 5.3.2. */
enum { QUEUE_CONTROL_IN = 2, QUEUE_CONTROL_OUT = 3 };

/* What the driver is still to be told of a port, in this order. */
enum {
	TELL_ADDED = 1,
	TELL_NAME = 2,
	TELL_CLOSED = 4,
	TELL_OPEN = 8,
};

struct vcon_port {
	struct virtio_console *c;
	unsigned int id;
	char *name; /* NULL: the console */
	struct console *con;
	bool host_open; /* somebody is at the host's end */
	bool guest_open; /* somebody in the guest reads */
	bool ready; /* the driver knows the port */
	unsigned int tell;
	size_t sent; /* of the next chain, by the host taken already */
	bool blocked; /* the console will call writable */
	bool dropping; /* it has not for too long */
	bool empty; /* the queue was, when last served */
};

struct vcon_kick {
	struct virtio_console *c;
	struct loop_source src;
};

struct virtio_console {
	struct virtio_dev dev;
	void (*quit)(void *opaque);
	void *opaque;
	struct loop *loop; /* NULL: not on it yet */
	struct loop_timer patience; /* the console's: see dropping */
	struct vcon_kick *kicks; /* one for each queue */
	unsigned int nr_ports;
	struct vcon_port *ports;
	uint16_t cols, rows;
	bool size_told; /* since the driver is there */
	/* To be called once; NULL: nobody waits. */
	void (*drained)(void *opaque);
	void *drained_opaque;
	uint64_t nr_in, nr_out; /* bytes, as the host sees it */
	struct iovec iov[VIRTQ_MAX_SEGMENTS];
};

static inline bool vcon_multiport(const struct virtio_console *c)
{
	return virtio_has(&c->dev, VIRTIO_CONSOLE_F_MULTIPORT);
}

static inline unsigned int vcon_queue_in(const struct vcon_port *p)
{
	return p->id ? 2 + 2 * p->id : 0;
}

/*
 * The next chain of a queue, or nothing, and a kick will come.  The chain's
 * iov is c's.
 */
bool vcon_pop(struct virtio_console *c, unsigned int queue,
	      struct virtq_chain *chain);
/* Input that was left over may have room now. */
void vcon_offer_input(struct vcon_port *p);

/* virtio-console-ports.c: the driver's messages, and those to it. */
void vcon_take_control(struct virtio_console *c);
void vcon_tell(struct virtio_console *c);
/* The host's end has opened or closed. */
void vcon_host_open(struct vcon_port *p, bool on);

#endif
