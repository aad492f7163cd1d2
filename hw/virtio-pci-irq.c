// SPDX-License-Identifier: BSD-2-Clause
/*
 * virtio-pci-irq - interrupts of a virtio function. Owns the eventfd of each
 * MSI-X vector, which the kernel turns into a message, and the INTx pin, which
 * the loop raises. A vector that is masked keeps what it is told in its eventfd:
 * that is its pending bit, and KVM looks there when it is connected.
 */
#include "virtio-pci-priv.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "fd.h"
#include "log.h"

static void tell(int fd)
{
	uint64_t one = 1;

	/* Fails only when the counter is full of what nobody has read. */
	(void)!write(fd, &one, sizeof(one));
}

static void forget(int fd)
{
	uint64_t count;

	(void)!read(fd, &count, sizeof(count));
}

static void signal_vector(struct virtio_pci *v, uint16_t vector, uint8_t isr)
{
	if (atomic_load(&v->by_msix)) {
		if (vector < v->msix.nr)
			tell(v->vectors[vector].fd);
		return;
	}
	atomic_fetch_or(&v->isr, isr);
	tell(v->intx_fd);
}

void virtio_pci_signal_queue(struct virtio_pci *v, unsigned int queue)
{
	signal_vector(v, atomic_load(&v->dev->queues[queue].vector),
		      VIRTIO_ISR_QUEUE);
}

void virtio_pci_signal_config(struct virtio_pci *v)
{
	signal_vector(v, atomic_load(&v->config_vector), VIRTIO_ISR_CONFIG);
}

static void update_intx(struct virtio_pci *v)
{
	uint16_t command =
		(uint16_t)pci_config_get(&v->pci.cfg, PCI_COMMAND, 2);
	bool pending = !v->msix.enabled && atomic_load(&v->isr);
	bool level = pending && !(command & PCI_COMMAND_INTX_DISABLE);
	uint16_t status = (uint16_t)pci_config_get(&v->pci.cfg, PCI_STATUS, 2);

	pci_config_set(&v->pci.cfg, PCI_STATUS, 2,
		       pending ? status | PCI_STATUS_INTERRUPT :
				 status & ~PCI_STATUS_INTERRUPT);
	if (level == v->intx)
		return;
	v->intx = level;
	irq_share_level(v->irq, v->intx_gsi, level);
}

static void on_intx(void *opaque, uint32_t events)
{
	struct virtio_pci *v = opaque;

	(void)events;
	forget(v->intx_fd);
	bus_lock(v->bus);
	update_intx(v);
	bus_unlock(v->bus);
}

uint64_t virtio_irq_isr_read(struct virtio_pci *v)
{
	uint8_t isr = atomic_exchange(&v->isr, 0);

	update_intx(v);
	return isr;
}

static void disconnect(struct virtio_pci *v, struct virtio_vector *vec)
{
	if (!vec->connected)
		return;
	(void)irq_fd_deassign(v->irq, vec->gsi, vec->fd); /* logged */
	vec->connected = false;
}

static void vectors(void *opaque, unsigned int first, unsigned int count)
{
	struct virtio_pci *v = opaque;

	for (unsigned int i = first; i < first + count; i++) {
		struct virtio_vector *vec = &v->vectors[i];
		const struct pci_msix_entry *e = &v->msix.table[i];
		struct irq_message msg = { e->addr, e->data,
					   pci_dev_requester(&v->pci) };

		if (!pci_msix_live(&v->msix, i)) {
			disconnect(v, vec);
			continue;
		}
		if (!vec->has_gsi)
			vec->has_gsi = !irq_msi_alloc(v->irq, &vec->gsi);
		if (vec->has_gsi)
			irq_msi_set(v->irq, vec->gsi, &msg);
	}
	(void)irq_commit(v->irq); /* logged; the irqfds stay silent */
	for (unsigned int i = first; i < first + count; i++) {
		struct virtio_vector *vec = &v->vectors[i];

		if (!pci_msix_live(&v->msix, i) || !vec->has_gsi ||
		    vec->connected)
			continue;
		pci_msix_set_pending(&v->msix, i, false);
		vec->connected = !irq_fd_assign(v->irq, vec->gsi, vec->fd, -1);
		/* KVM has looked, but takes only what comes from now on: what is
		 * left would be pending once more at the next mask. */
		if (vec->connected)
			forget(vec->fd);
	}
}

static void poll_pending(void *opaque, unsigned int first, unsigned int count)
{
	struct virtio_pci *v = opaque;

	for (unsigned int i = first; i < first + count; i++) {
		struct pollfd pfd = { v->vectors[i].fd, POLLIN, 0 };

		pci_msix_set_pending(&v->msix, i,
				     !v->vectors[i].connected &&
					     poll(&pfd, 1, 0) > 0);
	}
}

static void release_vectors(struct virtio_pci *v)
{
	for (unsigned int i = 0; i < v->msix.nr; i++) {
		struct virtio_vector *vec = &v->vectors[i];

		disconnect(v, vec);
		if (vec->has_gsi)
			irq_msi_free(v->irq, vec->gsi);
		vec->has_gsi = false;
		forget(vec->fd);
	}
}

static void enable(void *opaque, bool on)
{
	struct virtio_pci *v = opaque;

	release_vectors(v);
	atomic_store(&v->by_msix, on);
	if (on)
		vectors(v, 0, v->msix.nr);
	update_intx(v);
}

static const struct pci_msix_ops msix_ops = {
	.enable = enable,
	.vectors = vectors,
	.poll_pending = poll_pending,
};

void virtio_irq_off(struct virtio_pci *v)
{
	pci_msix_reset(&v->msix);
	atomic_store(&v->by_msix, false);
	release_vectors(v);
	atomic_store(&v->isr, 0);
	update_intx(v);
}

void virtio_irq_config_written(struct virtio_pci *v)
{
	unsigned int ctrl = v->msix_cap + PCI_MSIX_FLAGS;

	pci_msix_ctrl_write(&v->msix,
			    (uint16_t)pci_config_get(&v->pci.cfg, ctrl, 2));
	update_intx(v);
}

int virtio_irq_init(struct virtio_pci *v)
{
	unsigned int nr = v->dev->nr_queues + 1;
	int r;

	v->intx_fd = -1;
	r = pci_msix_init(&v->msix, nr, &msix_ops, v);
	if (r)
		return r;
	v->vectors = calloc(nr, sizeof(*v->vectors));
	if (!v->vectors)
		return -ENOMEM;
	for (unsigned int i = 0; i < nr; i++)
		v->vectors[i].fd = -1;
	for (unsigned int i = 0; i < nr; i++) {
		v->vectors[i].fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (v->vectors[i].fd < 0)
			return -errno;
	}
	v->intx_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return v->intx_fd < 0 ? -errno : 0;
}

int virtio_irq_run(struct virtio_pci *v, struct loop *loop)
{
	int r;

	v->intx_src = (struct loop_source){ v->intx_fd, EPOLLIN, on_intx, v };
	r = loop_add(loop, &v->intx_src);
	if (!r)
		v->loop = loop;
	return r;
}

void virtio_irq_fini(struct virtio_pci *v)
{
	if (v->loop)
		loop_remove(v->loop, &v->intx_src);
	if (v->vectors) {
		virtio_irq_off(v);
		for (unsigned int i = 0; i < v->msix.nr; i++)
			fd_close(&v->vectors[i].fd);
	}
	free(v->vectors);
	fd_close(&v->intx_fd);
	pci_msix_fini(&v->msix);
}
