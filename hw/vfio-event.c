// SPDX-License-Identifier: BSD-2-Clause
/*
 * vfio-event - what the host tells about an assigned device besides its
 * interrupts: an error of the link, and the wish to have the device back. Owns
 * the two eventfds. Runs on the loop.
 */
#include "vfio-pci-priv.h"

#include <sys/epoll.h>
#include <unistd.h>

#include "fd.h"
#include "log.h"

static void on_req(void *opaque, uint32_t events)
{
	struct vfio_pci *v = opaque;
	uint64_t count;

	(void)events;
	(void)!read(v->req_src.fd, &count, sizeof(count));
	bus_lock(v->bus);
	log_guest(&v->rl, "%s: the host wants the device back", v->dev.name);
	bus_unlock(v->bus);
	if (v->events.wanted)
		v->events.wanted(v->events.opaque);
}

static void on_err(void *opaque, uint32_t events)
{
	struct vfio_pci *v = opaque;
	uint64_t count;

	(void)events;
	(void)!read(v->err_src.fd, &count, sizeof(count));
	bus_lock(v->bus);
	log_guest(
		&v->rl,
		"%s: the device reported an uncorrectable PCIe error; see dmesg of the host",
		v->dev.name);
	bus_unlock(v->bus);
	if (v->events.error)
		v->events.error(v->events.opaque);
}

static int wire(struct vfio_pci *v, struct loop_source *src, unsigned int index,
		void (*fn)(void *opaque, uint32_t events))
{
	int r;

	if (!vfio_irq(v->vfio, index)->count)
		return 0;
	r = vfio_irqs_eventfd(v, &src->fd);
	if (!r)
		r = vfio_irq_set(v->vfio, index, 0, 1, &src->fd);
	if (r)
		return r;
	src->events = EPOLLIN;
	src->fn = fn;
	src->opaque = v;
	return loop_add(v->loop, src);
}

int vfio_events_start(struct vfio_pci *v, struct loop *loop)
{
	int r;

	v->loop = loop;
	r = wire(v, &v->req_src, VFIO_REQ, on_req);
	if (!r && !v->events.ignore_errors)
		r = wire(v, &v->err_src, VFIO_ERR, on_err);
	return r;
}

static void unwire(struct vfio_pci *v, struct loop_source *src,
		   unsigned int index)
{
	if (src->fd < 0)
		return;
	if (src->fn)
		loop_remove(v->loop, src);
	(void)vfio_irq_disable(v->vfio, index);
	fd_close(&src->fd);
}

void vfio_events_stop(struct vfio_pci *v)
{
	unwire(v, &v->req_src, VFIO_REQ);
	unwire(v, &v->err_src, VFIO_ERR);
}
