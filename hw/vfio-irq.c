// SPDX-License-Identifier: BSD-2-Clause
/*
 * vfio-irq - the interrupts of an assigned function: which kind is on, and the
 * vectors that MSI and MSI-X share, each from the device's eventfd into the
 * guest by irqfd. Owns eventfds, GSIs and the one active kind. Knows neither
 * the registers (vfio-msi.c, vfio-msix.c) nor the pin (vfio-intx.c), and no
 * route table (irq.c).
 *
 * A vector's eventfd is given to VFIO once, when the guest first uses it.
 * Masking and unmasking then switch KVM's side only: the kernel keeps an
 * event that comes between, and KVM injects it when the irqfd returns.
 */
#include "vfio-pci-priv.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "fd.h"
#include "irq.h"
#include "log.h"

#define POLL_BATCH 64

int vfio_irqs_eventfd(struct vfio_pci *v, int *fd)
{
	int r;

	if (*fd >= 0)
		return 0;
	*fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (*fd >= 0)
		return 0;
	r = -errno;
	log_guest(&v->rl, "%s: cannot make an eventfd: %s", v->dev.name,
		  strerror(-r));
	return r;
}

void vfio_irqs_drain(int fd)
{
	uint64_t count;

	if (fd >= 0)
		(void)!read(fd, &count, sizeof(count));
}

int vfio_vector_route(struct vfio_pci *v, struct vfio_vector *vec,
		      uint64_t addr, uint32_t data)
{
	struct irq_message msg = { addr, data, pci_dev_requester(&v->dev) };
	int r = vfio_irqs_eventfd(v, &vec->fd);

	if (!r && !vec->has_gsi) {
		r = irq_msi_alloc(v->irq, &vec->gsi);
		vec->has_gsi = !r;
	}
	if (!r)
		irq_msi_set(v->irq, vec->gsi, &msg);
	return r;
}

void vfio_vector_connect(struct vfio_pci *v, struct vfio_vector *vec)
{
	if (!vec->has_gsi || vec->assigned)
		return;
	vec->assigned = !irq_fd_assign(v->irq, vec->gsi, vec->fd, -1);
	/* KVM has injected what it found in there, but left it: the next mask
	 * would find it once more.  What comes from now on KVM takes out. */
	if (vec->assigned)
		vfio_irqs_drain(vec->fd);
}

void vfio_vector_disconnect(struct vfio_pci *v, struct vfio_vector *vec)
{
	if (vec->assigned)
		(void)irq_fd_deassign(v->irq, vec->gsi, vec->fd);
	vec->assigned = false;
}

/* An event that KVM has not taken stays in the eventfd: KVM looks for it when
 * the irqfd returns. */
uint64_t vfio_vectors_pending(struct vfio_pci *v, unsigned int first,
			      unsigned int count)
{
	struct pollfd fds[POLL_BATCH];
	uint64_t bits = 0;

	count = MIN(count, POLL_BATCH);
	for (unsigned int i = 0; i < count; i++) {
		const struct vfio_vector *vec = &v->irqs.vectors[first + i];

		fds[i] = (struct pollfd){
			.fd = vec->assigned ? -1 : vec->fd,
			.events = POLLIN,
		};
	}
	if (poll(fds, count, 0) < 0)
		return 0;
	for (unsigned int i = 0; i < count; i++)
		bits |= (uint64_t) !!(fds[i].revents & POLLIN) << i;
	return bits;
}

int vfio_irqs_enable(struct vfio_pci *v, unsigned int index, unsigned int nr,
		     const int *fds)
{
	int r;

	do {
		r = vfio_irq_set(v->vfio, index, 0, nr, fds);
		if (!r)
			return (int)nr;
		nr /= 2;
	} while (r == -ENOSPC && nr);
	return r;
}

/* The device is disabled: what it still signalled is nobody's. */
static void vectors_off(struct vfio_pci *v)
{
	for (unsigned int i = 0; i < v->irqs.nr_vectors; i++) {
		struct vfio_vector *vec = &v->irqs.vectors[i];

		vec->armed = false;
		vfio_irqs_drain(vec->fd);
	}
}

void vfio_irqs_off(struct vfio_pci *v)
{
	struct vfio_irqs *irqs = &v->irqs;

	switch (irqs->mode) {
	case VFIO_IRQ_OFF:
		return;
	case VFIO_IRQ_INTX:
		vfio_intx_off(v);
		break;
	case VFIO_IRQ_MSI:
	case VFIO_IRQ_MSIX:
		/* KVM's side first: nothing is injected from here on. */
		for (unsigned int i = 0; i < irqs->nr_vectors; i++)
			vfio_vector_disconnect(v, &irqs->vectors[i]);
		(void)vfio_irq_disable(v->vfio, irqs->mode == VFIO_IRQ_MSI ?
							VFIO_MSI :
							VFIO_MSIX);
		vectors_off(v);
	}
	irqs->mode = VFIO_IRQ_OFF;
}

int vfio_irqs_init(struct vfio_pci *v)
{
	struct vfio_irqs *irqs = &v->irqs;
	int r = 0;

	if (irqs->msix_cap)
		r = vfio_msix_init(v);
	if (!r && irqs->msi_cap)
		vfio_msi_init(v);
	if (!r) {
		irqs->vectors = calloc(MAX(irqs->nr_vectors, 1u),
				       sizeof(*irqs->vectors));
		r = irqs->vectors ? 0 : -ENOMEM;
		if (r)
			log_err("%s: cannot model interrupts: out of memory",
				v->dev.name);
	}
	if (r) {
		irqs->nr_vectors = 0;
		return r;
	}
	for (unsigned int i = 0; i < irqs->nr_vectors; i++)
		irqs->vectors[i].fd = -1;
	return 0;
}

int vfio_irqs_start(struct vfio_pci *v, struct loop *loop)
{
	return vfio_intx_start(v, loop);
}

void vfio_irqs_config_read(struct vfio_pci *v, unsigned int off,
			   unsigned int len)
{
	if (v->irqs.msi_cap)
		vfio_msi_config_read(v, off, len);
}

void vfio_irqs_config_written(struct vfio_pci *v, unsigned int off,
			      unsigned int len)
{
	if (ranges_overlap(off, len, PCI_COMMAND, 2))
		vfio_intx_update(v);
	if (v->irqs.msi_cap)
		vfio_msi_config_written(v, off, len);
	if (v->irqs.msix_cap)
		vfio_msix_config_written(v, off, len);
}

void vfio_irqs_quiesce(struct vfio_pci *v)
{
	vfio_irqs_off(v);
	if (v->irqs.msix.nr)
		pci_msix_reset(&v->irqs.msix);
}

void vfio_irqs_fini(struct vfio_pci *v)
{
	struct vfio_irqs *irqs = &v->irqs;

	vfio_irqs_quiesce(v);
	vfio_intx_stop(v);
	for (unsigned int i = 0; i < irqs->nr_vectors; i++) {
		if (irqs->vectors[i].has_gsi)
			irq_msi_free(v->irq, irqs->vectors[i].gsi);
		fd_close(&irqs->vectors[i].fd);
	}
	free(irqs->vectors);
	irqs->vectors = NULL;
	irqs->nr_vectors = 0;
	pci_msix_fini(&irqs->msix);
}
