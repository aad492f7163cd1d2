// SPDX-License-Identifier: BSD-2-Clause
/*
 * vfio-msix - MSI-X of an assigned function: joins the model of the registers
 * (pci-msix.c) to the vectors (vfio-irq.c). Owns where table and pending bits
 * lie.
 */
#include "vfio-pci-priv.h"

#include <errno.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "irq.h"
#include "log.h"

/* KVM's side first, so that no event waits for it. */
static void connect(struct vfio_pci *v, unsigned int i)
{
	struct vfio_vector *vec = &v->irqs.vectors[i];

	if (!vec->has_gsi)
		return;
	vfio_vector_connect(v, vec);
	if (!vec->armed)
		vec->armed = !vfio_irq_set(v->vfio, VFIO_MSIX, i, 1, &vec->fd);
}

static void vectors(void *opaque, unsigned int first, unsigned int count)
{
	struct vfio_pci *v = opaque;
	struct vfio_irqs *irqs = &v->irqs;

	if (irqs->mode != VFIO_IRQ_MSIX)
		return;
	for (unsigned int i = first; i < first + count; i++) {
		const struct pci_msix_entry *e = &irqs->msix.table[i];
		struct vfio_vector *vec = &irqs->vectors[i];

		if (pci_msix_live(&irqs->msix, i)) {
			(void)vfio_vector_route(v, vec, e->addr, e->data);
			irqs->nr_unmasks += !vec->assigned;
		} else if (vec->assigned) {
			vfio_vector_disconnect(v, vec);
			irqs->nr_masks++;
		}
	}
	(void)irq_commit(v->irq); /* logged; the irqfds stay silent */
	for (unsigned int i = first; i < first + count; i++) {
		if (!pci_msix_live(&irqs->msix, i))
			continue;
		pci_msix_set_pending(&irqs->msix, i, false);
		connect(v, i);
	}
}

static void poll_pending(void *opaque, unsigned int first, unsigned int count)
{
	struct vfio_pci *v = opaque;
	uint64_t bits = vfio_vectors_pending(v, first, count);

	for (unsigned int i = 0; i < count; i++)
		pci_msix_set_pending(&v->irqs.msix, first + i, bits >> i & 1);
}

/* Fills the MSI-X index with silence, so that vectors can be added: one if
 * the kernel can add more later, else all. */
static int enable_host(struct vfio_pci *v)
{
	const struct vfio_irq *irq = vfio_irq(v->vfio, VFIO_MSIX);
	unsigned int nr = irq->noresize ? v->irqs.msix.nr : 1;
	int fds[PCI_MSIX_MAX];

	memset(fds, 0xff, nr * sizeof(fds[0])); /* all -1 */
	return vfio_irqs_enable(v, VFIO_MSIX, nr, fds);
}

static void enable(void *opaque, bool on)
{
	struct vfio_pci *v = opaque;

	if (on || v->irqs.mode == VFIO_IRQ_MSIX)
		vfio_irqs_off(v);
	if (on && enable_host(v) > 0) {
		v->irqs.mode = VFIO_IRQ_MSIX;
		vectors(v, 0, v->irqs.msix.nr);
	}
	if (!on)
		vfio_intx_update(v);
}

static const struct pci_msix_ops ops = {
	.enable = enable,
	.vectors = vectors,
	.poll_pending = poll_pending,
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

int vfio_msix_init(struct vfio_pci *v)
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
		log_notice(
			"%s: MSI-X is not offered: its table of %u vectors is in no BAR",
			v->dev.name, all);
		vfio_config_hide(v, irqs->msix_cap, PCI_CAP_MSIX_SIZEOF);
		irqs->msix_cap = 0;
		return 0;
	}
	/* Some devices lie about it; without a place it is not offered. */
	(void)find_part(v, PCI_MSIX_PBA, align_up(all, 64) / 8, &irqs->pba);
	r = pci_msix_init(&irqs->msix, nr, &ops, v);
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

void vfio_msix_config_written(struct vfio_pci *v, unsigned int off,
			      unsigned int len)
{
	unsigned int ctrl = v->irqs.msix_cap + PCI_MSIX_FLAGS;

	if (ranges_overlap(off, len, ctrl, 2))
		pci_msix_ctrl_write(&v->irqs.msix,
				    (uint16_t)pci_config_get(&v->dev.cfg, ctrl,
							     2));
}
