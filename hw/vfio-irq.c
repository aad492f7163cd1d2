// SPDX-License-Identifier: BSD-2-Clause
/*
 * vfio-irq - interrupts of an assigned function: MSI-X, MSI (one vector) and
 * INTx, each from the device's eventfd into the guest by irqfd. Owns eventfds,
 * GSIs and the one active mode. Knows no route table (irq.c) and no register
 * layout of MSI-X (pci-msix.c).
 *
 * A vector's eventfd is given to VFIO once, when the guest first unmasks it.
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

/* Eventfd, GSI and message; in effect after irq_commit(). */
static int vector_route(struct vfio_pci *v, struct vfio_vector *vec,
			uint64_t addr, uint32_t data)
{
	int r = vfio_irqs_eventfd(v, &vec->fd);

	if (!r && !vec->has_gsi) {
		r = irq_msi_alloc(v->irq, &vec->gsi);
		vec->has_gsi = !r;
	}
	if (!r)
		irq_msi_set(v->irq, vec->gsi, addr, data);
	return r;
}

/* After irq_commit(): KVM's side first, so that no event waits for it. */
static void vector_connect(struct vfio_pci *v, unsigned int index,
			   unsigned int i)
{
	struct vfio_vector *vec = &v->irqs.vectors[i];

	if (!vec->has_gsi)
		return;
	if (!vec->assigned)
		vec->assigned = !irq_fd_assign(v->irq, vec->gsi, vec->fd, -1);
	if (!vec->armed)
		vec->armed = !vfio_irq_set(v->vfio, index, i, 1, &vec->fd);
}

static void vector_disconnect(struct vfio_pci *v, struct vfio_vector *vec)
{
	if (vec->assigned)
		(void)irq_fd_deassign(v->irq, vec->gsi, vec->fd);
	vec->assigned = false;
}

/* The device is disabled: what it still signalled is nobody's. */
static void vectors_off(struct vfio_pci *v)
{
	for (unsigned int i = 0; i < v->irqs.nr_vectors; i++) {
		struct vfio_vector *vec = &v->irqs.vectors[i];
		uint64_t count;

		vector_disconnect(v, vec);
		vec->armed = false;
		if (vec->fd >= 0)
			(void)!read(vec->fd, &count, sizeof(count));
	}
}

static void msix_vectors(void *opaque, unsigned int first, unsigned int count)
{
	struct vfio_pci *v = opaque;
	struct vfio_irqs *irqs = &v->irqs;

	if (irqs->mode != VFIO_IRQ_MSIX)
		return;
	for (unsigned int i = first; i < first + count; i++) {
		const struct pci_msix_entry *e = &irqs->msix.table[i];
		struct vfio_vector *vec = &irqs->vectors[i];

		if (pci_msix_live(&irqs->msix, i)) {
			(void)vector_route(v, vec, e->addr, e->data);
			irqs->nr_unmasks += !vec->assigned;
		} else if (vec->assigned) {
			vector_disconnect(v, vec);
			irqs->nr_masks++;
		}
	}
	(void)irq_commit(v->irq); /* logged; the irqfds stay silent */
	for (unsigned int i = first; i < first + count; i++) {
		if (!pci_msix_live(&irqs->msix, i))
			continue;
		pci_msix_set_pending(&irqs->msix, i, false);
		vector_connect(v, VFIO_MSIX, i);
	}
}

/* A masked vector is pending if its eventfd has an event that KVM has not
 * taken. It stays there: KVM looks for it when the irqfd returns. */
static void msix_poll_pending(void *opaque, unsigned int first,
			      unsigned int count)
{
	struct vfio_pci *v = opaque;
	struct vfio_irqs *irqs = &v->irqs;
	struct pollfd fds[POLL_BATCH];

	count = MIN(count, POLL_BATCH);
	for (unsigned int i = 0; i < count; i++) {
		const struct vfio_vector *vec = &irqs->vectors[first + i];

		fds[i] = (struct pollfd){
			.fd = vec->assigned ? -1 : vec->fd,
			.events = POLLIN,
		};
	}
	if (poll(fds, count, 0) < 0)
		return; /* the bits stay as they were */
	for (unsigned int i = 0; i < count; i++)
		pci_msix_set_pending(&irqs->msix, first + i,
				     fds[i].revents & POLLIN);
}

static void intx_disable(struct vfio_pci *v)
{
	struct vfio_irqs *irqs = &v->irqs;

	(void)vfio_irq_unmask_fd(v->vfio, VFIO_INTX, -1);
	(void)irq_fd_deassign(v->irq, v->intx_gsi, irqs->intx_fd);
	(void)vfio_irq_disable(v->vfio, VFIO_INTX);
	/* Made anew each time: an event left behind would be a ghost. */
	fd_close(&irqs->intx_fd);
	fd_close(&irqs->intx_resample_fd);
	irqs->mode = VFIO_IRQ_OFF;
}

/*
 * The line is level-triggered: VFIO masks it with each event, KVM signals the
 * resample eventfd at the guest's EOI, and that unmasks it.
 */
static void intx_enable(struct vfio_pci *v)
{
	struct vfio_irqs *irqs = &v->irqs;
	bool assigned = false;
	int r = vfio_irqs_eventfd(v, &irqs->intx_fd);

	if (!r)
		r = vfio_irqs_eventfd(v, &irqs->intx_resample_fd);
	if (!r)
		r = irq_fd_assign(v->irq, v->intx_gsi, irqs->intx_fd,
				  irqs->intx_resample_fd);
	assigned = !r;
	if (!r)
		r = vfio_irq_set(v->vfio, VFIO_INTX, 0, 1, &irqs->intx_fd);
	if (!r)
		r = vfio_irq_unmask_fd(v->vfio, VFIO_INTX,
				       irqs->intx_resample_fd);
	if (!r) {
		irqs->mode = VFIO_IRQ_INTX;
		return;
	}
	log_guest(
		&v->rl,
		"%s: cannot offer INTx: %s; the device works only with MSI or MSI-X",
		v->dev.name, strerror(-r));
	irqs->intx_broken = true;
	if (assigned)
		(void)irq_fd_deassign(v->irq, v->intx_gsi, irqs->intx_fd);
	(void)vfio_irq_disable(v->vfio, VFIO_INTX);
	fd_close(&irqs->intx_fd);
	fd_close(&irqs->intx_resample_fd);
}

static void mode_off(struct vfio_pci *v)
{
	struct vfio_irqs *irqs = &v->irqs;

	switch (irqs->mode) {
	case VFIO_IRQ_OFF:
		return;
	case VFIO_IRQ_INTX:
		intx_disable(v);
		return;
	case VFIO_IRQ_MSI:
	case VFIO_IRQ_MSIX:
		/* KVM's side first: nothing is injected from here on. */
		for (unsigned int i = 0; i < irqs->nr_vectors; i++)
			vector_disconnect(v, &irqs->vectors[i]);
		(void)vfio_irq_disable(v->vfio, irqs->mode == VFIO_IRQ_MSI ?
							VFIO_MSI :
							VFIO_MSIX);
		vectors_off(v);
		irqs->mode = VFIO_IRQ_OFF;
	}
}

/* The pin is connected when the guest first enables the device: no driver can
 * make it raise the line before, and sizing BARs does not pass here. */
static void intx_update(struct vfio_pci *v)
{
	uint32_t command = pci_config_get(&v->dev.cfg, PCI_COMMAND, 2);

	if (v->irqs.mode != VFIO_IRQ_OFF || v->irqs.intx_broken ||
	    !v->dev.cfg.data[PCI_INTERRUPT_PIN] ||
	    !(command & (PCI_COMMAND_MEMORY | PCI_COMMAND_IO)) ||
	    (command & PCI_COMMAND_INTX_DISABLE))
		return;
	intx_enable(v);
}

/* Fills the MSI-X index with silence, so that vectors can be added: one if
 * the kernel can add more later, else all. */
static int msix_enable_host(struct vfio_pci *v)
{
	const struct vfio_irq *irq = vfio_irq(v->vfio, VFIO_MSIX);
	unsigned int nr = irq->noresize ? irq->count : 1;
	int fds[PCI_MSIX_MAX];

	memset(fds, 0xff, nr * sizeof(fds[0])); /* all -1 */
	return vfio_irq_set(v->vfio, VFIO_MSIX, 0, nr, fds);
}

static void msix_enable(void *opaque, bool on)
{
	struct vfio_pci *v = opaque;

	if (on || v->irqs.mode == VFIO_IRQ_MSIX)
		mode_off(v);
	if (on && !msix_enable_host(v)) {
		v->irqs.mode = VFIO_IRQ_MSIX;
		msix_vectors(v, 0, v->irqs.msix.nr);
	}
	if (!on)
		intx_update(v);
}

static const struct pci_msix_ops msix_ops = {
	.enable = msix_enable,
	.vectors = msix_vectors,
	.poll_pending = msix_poll_pending,
};

/* Where one part lies; false when it is not in a memory BAR. */
static bool find_part(struct vfio_pci *v, unsigned int reg, uint64_t size,
		      struct vfio_msix_part *part)
{
	uint32_t val = pci_config_get(&v->dev.cfg, v->irqs.msix_cap + reg, 4);
	unsigned int bar = val & PCI_MSIX_TABLE_BIR;
	uint64_t offset = val & PCI_MSIX_TABLE_OFFSET;

	if (bar >= PCI_NR_BARS ||
	    !range_contains(0, vfio_region(v->vfio, bar)->size, offset, size))
		return false;
	*part = (struct vfio_msix_part){ bar, offset, size };
	return true;
}

static int init_msix(struct vfio_pci *v)
{
	struct vfio_irqs *irqs = &v->irqs;
	struct pci_config *c = &v->dev.cfg;
	unsigned int ctrl = irqs->msix_cap + PCI_MSIX_FLAGS;
	unsigned int all =
		(pci_config_get(c, ctrl, 2) & PCI_MSIX_FLAGS_QSIZE) + 1;
	/* The guest has those that the host can serve, and no page of the
	 * others. */
	unsigned int nr = MIN(all, vfio_irq(v->vfio, VFIO_MSIX)->count);
	int r;

	if (!find_part(v, PCI_MSIX_TABLE, all * PCI_MSIX_ENTRY_SIZE,
		       &irqs->table)) {
		log_err("%s: cannot be assigned: its MSI-X table of %u vectors is in no BAR",
			v->dev.name, all);
		return -EPROTO;
	}
	/* Some devices lie about it; without a place it is not offered. */
	(void)find_part(v, PCI_MSIX_PBA, align_up(all, 64) / 8, &irqs->pba);
	r = pci_msix_init(&irqs->msix, nr, &msix_ops, v);
	if (r < 0) {
		log_err("%s: cannot model MSI-X: %s", v->dev.name,
			strerror(-r));
		return r;
	}
	pci_config_set(c, ctrl, 2, pci_msix_ctrl(&irqs->msix));
	pci_config_set_wmask(c, ctrl, 2,
			     PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	irqs->nr_vectors = nr;
	return 0;
}

static bool msi_is_64(const struct vfio_pci *v)
{
	return pci_config_get(&v->dev.cfg, v->irqs.msi_cap + PCI_MSI_FLAGS, 2) &
	       PCI_MSI_FLAGS_64BIT;
}

/* One vector and no mask bits, whatever the device has: a driver that wants
 * more takes MSI-X. */
static void init_msi(struct vfio_pci *v)
{
	struct pci_config *c = &v->dev.cfg;
	unsigned int at = v->irqs.msi_cap;
	bool wide = msi_is_64(v);

	for (unsigned int i = PCI_MSI_ADDRESS_LO; i < (wide ? 14u : 10u); i++)
		c->data[at + i] = 0;
	pci_config_set(c, at + PCI_MSI_FLAGS, 2,
		       wide ? PCI_MSI_FLAGS_64BIT : 0);
	pci_config_set_wmask(c, at + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE);
	pci_config_set_wmask(c, at + PCI_MSI_ADDRESS_LO, 4, 0xfffffffc);
	if (wide)
		pci_config_set_wmask(c, at + PCI_MSI_ADDRESS_HI, 4, 0xffffffff);
	pci_config_set_wmask(c, at + (wide ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32),
			     2, 0xffff);
	v->irqs.nr_vectors = MAX(v->irqs.nr_vectors, 1);
}

int vfio_irqs_init(struct vfio_pci *v)
{
	struct vfio_irqs *irqs = &v->irqs;
	int r;

	if (irqs->msix_cap) {
		r = init_msix(v);
		if (r < 0)
			return r;
	}
	if (irqs->msi_cap)
		init_msi(v);
	irqs->vectors =
		calloc(MAX(irqs->nr_vectors, 1u), sizeof(*irqs->vectors));
	if (!irqs->vectors) {
		irqs->nr_vectors = 0;
		log_err("%s: cannot model interrupts: out of memory",
			v->dev.name);
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < irqs->nr_vectors; i++)
		irqs->vectors[i].fd = -1;
	return 0;
}

static void msi_update(struct vfio_pci *v)
{
	struct pci_config *c = &v->dev.cfg;
	unsigned int at = v->irqs.msi_cap;
	bool wide = msi_is_64(v);
	bool on = pci_config_get(c, at + PCI_MSI_FLAGS, 2) &
		  PCI_MSI_FLAGS_ENABLE;
	uint64_t addr = pci_config_get(c, at + PCI_MSI_ADDRESS_LO, 4);

	if (wide)
		addr |= (uint64_t)pci_config_get(c, at + PCI_MSI_ADDRESS_HI, 4)
			<< 32;
	if (!on) {
		if (v->irqs.mode == VFIO_IRQ_MSI) {
			mode_off(v);
			intx_update(v);
		}
		return;
	}
	if (v->irqs.mode == VFIO_IRQ_MSIX)
		return; /* the guest must not enable both */
	if (v->irqs.mode == VFIO_IRQ_INTX)
		mode_off(v);
	v->irqs.mode = VFIO_IRQ_MSI;
	(void)vector_route(
		v, &v->irqs.vectors[0], addr,
		pci_config_get(
			c, at + (wide ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32), 2));
	(void)irq_commit(v->irq);
	vector_connect(v, VFIO_MSI, 0);
}

void vfio_irqs_config_written(struct vfio_pci *v, unsigned int off,
			      unsigned int len)
{
	struct vfio_irqs *irqs = &v->irqs;
	unsigned int ctrl = irqs->msix_cap + PCI_MSIX_FLAGS;

	if (ranges_overlap(off, len, PCI_COMMAND, 2))
		intx_update(v);
	if (irqs->msi_cap && ranges_overlap(off, len, irqs->msi_cap, 14))
		msi_update(v);
	if (irqs->msix_cap && ranges_overlap(off, len, ctrl, 2))
		pci_msix_ctrl_write(&irqs->msix, (uint16_t)pci_config_get(
							 &v->dev.cfg, ctrl, 2));
}

void vfio_irqs_quiesce(struct vfio_pci *v)
{
	mode_off(v);
	if (v->irqs.msix.nr)
		pci_msix_reset(&v->irqs.msix);
}

void vfio_irqs_fini(struct vfio_pci *v)
{
	struct vfio_irqs *irqs = &v->irqs;

	vfio_irqs_quiesce(v);
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
