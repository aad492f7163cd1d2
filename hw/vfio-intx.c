// SPDX-License-Identifier: BSD-2-Clause
/*
 * vfio-intx - the INTx pin of an assigned function: a level-triggered line
 * that VFIO masks with each event and that is unmasked at the guest's end of
 * interrupt. Owns the eventfds of the pin and who takes their events. Runs in
 * vCPU threads, but for the first event and for relayed ones: those are the
 * loop's.
 *
 * Most drivers go on to MSI-X without an interrupt from the pin, so the device
 * is only listened to at first: KVM is connected when it first signals.
 */
#include "vfio-pci-priv.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "fd.h"
#include "irq.h"
#include "log.h"

static uint32_t command(const struct vfio_pci *v)
{
	return pci_config_get(&v->dev.cfg, PCI_COMMAND, 2);
}

/* A fresh eventfd takes any event. */
static void raise_line(struct vfio_intx *x)
{
	const uint64_t one = 1;

	x->nr_relayed++;
	(void)!write(x->line_fd, &one, sizeof(one));
}

void vfio_intx_off(struct vfio_pci *v)
{
	struct vfio_intx *x = &v->irqs.intx;

	if (x->path == VFIO_INTX_KVM)
		(void)irq_fd_deassign(v->irq, v->intx_gsi, x->src.fd);
	else if (x->path == VFIO_INTX_RELAYED)
		(void)irq_fd_deassign(v->irq, v->intx_gsi, x->line_fd);
	x->path = VFIO_INTX_WAITING;
	/* It drops the unmask eventfd, too. */
	(void)vfio_irq_disable(v->vfio, VFIO_INTX);
	/* An event left behind would be a ghost when it is on again. */
	vfio_irqs_drain(x->src.fd);
	vfio_irqs_drain(x->resample.fd);
	vfio_irqs_drain(x->line_fd);
	x->raised = false;
}

/*
 * The guest has seen to the interrupt. Such a driver forgets what its device
 * raises while it is masked, so the guest looks once more; if that was all,
 * the line stays low after it.
 */
static void on_resample(void *opaque, uint32_t events)
{
	struct vfio_pci *v = opaque;
	struct vfio_intx *x = &v->irqs.intx;

	(void)events;
	bus_lock(v->bus);
	vfio_irqs_drain(x->resample.fd);
	if (x->raised) {
		x->raised = false;
		(void)vfio_irq_unmask(v->vfio, VFIO_INTX); /* logged */
		raise_line(x);
	}
	bus_unlock(v->bus);
}

/* The line into the guest is an eventfd of ours. */
static int connect_relay(struct vfio_pci *v)
{
	struct vfio_intx *x = &v->irqs.intx;
	int r = vfio_irqs_eventfd(v, &x->line_fd);

	if (!r && !x->resample.fn) {
		x->resample.events = EPOLLIN;
		x->resample.fn = on_resample;
		x->resample.opaque = v;
		r = loop_add(v->loop, &x->resample);
		if (r)
			x->resample.fn = NULL;
	}
	if (!r)
		r = irq_fd_assign(v->irq, v->intx_gsi, x->line_fd,
				  x->resample.fd);
	if (!r)
		x->path = VFIO_INTX_RELAYED;
	return r;
}

/* With an event pending, which KVM takes as it is connected. */
static int connect(struct vfio_pci *v)
{
	struct vfio_intx *x = &v->irqs.intx;
	int r = vfio_irqs_eventfd(v, &x->resample.fd);

	if (!r)
		r = vfio_irq_unmask_fd(v->vfio, VFIO_INTX, x->resample.fd);
	if (r == -ENOTTY)
		return connect_relay(v);
	if (!r)
		r = irq_fd_assign(v->irq, v->intx_gsi, x->src.fd,
				  x->resample.fd);
	if (r)
		return r;
	vfio_irqs_drain(x->src.fd);
	x->path = VFIO_INTX_KVM;
	return 0;
}

static void failed(struct vfio_pci *v, int r)
{
	v->irqs.intx.broken = true;
	log_guest(
		&v->rl,
		"%s: cannot offer INTx: %s; the device works only with MSI or MSI-X",
		v->dev.name, strerror(-r));
}

/* May come late: the pin may be off, or off and on again, by now. */
static void on_signal(void *opaque, uint32_t events)
{
	struct vfio_pci *v = opaque;
	struct vfio_intx *x = &v->irqs.intx;
	int r = 0;

	(void)events;
	bus_lock(v->bus);
	x->watched = false;
	if (v->irqs.mode == VFIO_IRQ_INTX) {
		if (x->path == VFIO_INTX_WAITING)
			r = connect(v);
		if (r) {
			failed(v, r);
			vfio_irqs_off(v);
		} else if (x->path == VFIO_INTX_RELAYED) {
			vfio_irqs_drain(x->src.fd);
			x->raised = true;
			x->watched = !loop_rearm(v->loop, &x->src);
			if (!(command(v) & PCI_COMMAND_INTX_DISABLE))
				raise_line(x);
		}
	}
	bus_unlock(v->bus);
}

static void enable(struct vfio_pci *v)
{
	struct vfio_intx *x = &v->irqs.intx;
	int r = 0;

	if (!x->watched)
		r = loop_rearm(v->loop, &x->src);
	x->watched = !r;
	if (!r)
		r = vfio_irq_set(v->vfio, VFIO_INTX, 0, 1, &x->src.fd);
	if (r)
		failed(v, r);
	else
		v->irqs.mode = VFIO_IRQ_INTX;
}

/* The pin is connected when the guest first enables the device: no driver can
 * make it raise the line before, and sizing BARs does not pass here. */
void vfio_intx_update(struct vfio_pci *v)
{
	struct vfio_intx *x = &v->irqs.intx;
	uint32_t cmd = command(v);

	if (x->src.fd < 0 || x->broken || cmd & PCI_COMMAND_INTX_DISABLE ||
	    !(cmd & (PCI_COMMAND_MEMORY | PCI_COMMAND_IO)))
		return;
	if (v->irqs.mode == VFIO_IRQ_OFF)
		enable(v);
	else if (v->irqs.mode == VFIO_IRQ_INTX && x->raised)
		raise_line(x); /* held back by DisINTx */
}

int vfio_intx_start(struct vfio_pci *v, struct loop *loop)
{
	struct vfio_intx *x = &v->irqs.intx;
	int r;

	if (!v->dev.cfg.data[PCI_INTERRUPT_PIN])
		return 0;
	v->loop = loop;
	r = vfio_irqs_eventfd(v, &x->src.fd);
	if (r)
		return r;
	x->src.events = EPOLLIN | EPOLLONESHOT;
	x->src.fn = on_signal;
	x->src.opaque = v;
	r = loop_add(loop, &x->src);
	x->watched = !r;
	if (r || v->irqs.nr_vectors)
		return r;
	/* The pin is all that it has: without one it would be dead. */
	r = vfio_irq_set(v->vfio, VFIO_INTX, 0, 1, &x->src.fd);
	if (r)
		log_err("%s: cannot be assigned: its only interrupt cannot be had",
			v->dev.name);
	else
		vfio_intx_off(v);
	return r;
}

void vfio_intx_stop(struct vfio_pci *v)
{
	struct vfio_intx *x = &v->irqs.intx;

	if (x->src.fn)
		loop_remove(v->loop, &x->src);
	if (x->resample.fn)
		loop_remove(v->loop, &x->resample);
	fd_close(&x->src.fd);
	fd_close(&x->resample.fd);
	fd_close(&x->line_fd);
}
