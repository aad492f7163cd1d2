// SPDX-License-Identifier: BSD-2-Clause
/*
 * vfio-msi - the MSI capability of an assigned function as the guest sees it:
 * 32 or 64 bits, up to 32 messages, mask and pending bits where the device
 * has them. PCI Local Bus 3.0 section 6.8.1. Owns its registers; the vectors
 * are vfio-irq.c's.
 *
 * The device's own capability is the host's. Masks are KVM's side only, so
 * they cost the device nothing and lose nothing.
 */
#include "vfio-pci-priv.h"

#include <linux/pci_regs.h>

#include "irq.h"

/* Offsets in the capability; 0: there is none. */
struct msi_regs {
	unsigned int data, mask, pending, size;
};

static uint32_t get(const struct vfio_pci *v, unsigned int reg,
		    unsigned int len)
{
	return pci_config_get(&v->dev.cfg, v->irqs.msi_cap + reg, len);
}

static struct msi_regs msi_regs(const struct vfio_pci *v)
{
	uint32_t flags = get(v, PCI_MSI_FLAGS, 2);
	bool wide = flags & PCI_MSI_FLAGS_64BIT;

	if (flags & PCI_MSI_FLAGS_MASKBIT)
		return wide ? (struct msi_regs){ PCI_MSI_DATA_64,
						 PCI_MSI_MASK_64,
						 PCI_MSI_PENDING_64, 24 } :
			      (struct msi_regs){ PCI_MSI_DATA_32,
						 PCI_MSI_MASK_32,
						 PCI_MSI_PENDING_32, 20 };
	return wide ? (struct msi_regs){ PCI_MSI_DATA_64, 0, 0, 14 } :
		      (struct msi_regs){ PCI_MSI_DATA_32, 0, 0, 10 };
}

/* Messages that the guest asks for: no more than are offered. */
static unsigned int messages(const struct vfio_pci *v)
{
	uint32_t flags = get(v, PCI_MSI_FLAGS, 2);

	return 1u << MIN((flags & PCI_MSI_FLAGS_QSIZE) >> 4,
			 (flags & PCI_MSI_FLAGS_QMASK) >> 1);
}

void vfio_msi_init(struct vfio_pci *v)
{
	struct pci_config *c = &v->dev.cfg;
	unsigned int at = v->irqs.msi_cap;
	uint32_t flags = get(v, PCI_MSI_FLAGS, 2);
	unsigned int nr = MIN(1u << ((flags & PCI_MSI_FLAGS_QMASK) >> 1),
			      (unsigned int)VFIO_MSI_MAX);
	unsigned int log2_nr = 0;
	struct msi_regs regs = msi_regs(v);

	while (2u << log2_nr <= MIN(nr, vfio_irq(v->vfio, VFIO_MSI)->count))
		log2_nr++;
	nr = 1u << log2_nr;
	for (unsigned int i = PCI_MSI_ADDRESS_LO; i < regs.size; i++)
		c->data[at + i] = 0;
	flags &= PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT;
	pci_config_set(c, at + PCI_MSI_FLAGS, 2, flags | log2_nr << 1);
	pci_config_set_wmask(c, at + PCI_MSI_FLAGS, 2,
			     PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE);
	pci_config_set_wmask(c, at + PCI_MSI_ADDRESS_LO, 4, 0xfffffffc);
	if (flags & PCI_MSI_FLAGS_64BIT)
		pci_config_set_wmask(c, at + PCI_MSI_ADDRESS_HI, 4, UINT32_MAX);
	pci_config_set_wmask(c, at + regs.data, 2, 0xffff);
	if (regs.mask)
		pci_config_set_wmask(c, at + regs.mask, 4,
				     (uint32_t)((1ULL << nr) - 1));
	v->irqs.nr_vectors = MAX(v->irqs.nr_vectors, nr);
}

/* All messages at once: without mask bits in the device, giving it another
 * eventfd later could lose an event. */
static void enable(struct vfio_pci *v, unsigned int nr)
{
	struct vfio_irqs *irqs = &v->irqs;
	int fds[VFIO_MSI_MAX];
	int armed;

	vfio_irqs_off(v);
	for (unsigned int i = 0; i < nr; i++) {
		(void)vfio_irqs_eventfd(v, &irqs->vectors[i].fd); /* logged */
		fds[i] = irqs->vectors[i].fd;
	}
	armed = vfio_irqs_enable(v, VFIO_MSI, nr, fds);
	for (unsigned int i = 0; i < nr; i++)
		irqs->vectors[i].armed = (int)i < armed;
	irqs->mode = VFIO_IRQ_MSI;
	irqs->nr_msi = nr;
}

/* Brings KVM's side up to the messages and masks of now. */
static void update_vectors(struct vfio_pci *v)
{
	struct vfio_irqs *irqs = &v->irqs;
	struct msi_regs regs = msi_regs(v);
	uint32_t mask = regs.mask ? get(v, regs.mask, 4) : 0;
	uint32_t data = get(v, regs.data, 2) & ~(irqs->nr_msi - 1);
	uint64_t addr = get(v, PCI_MSI_ADDRESS_LO, 4);

	if (get(v, PCI_MSI_FLAGS, 2) & PCI_MSI_FLAGS_64BIT)
		addr |= (uint64_t)get(v, PCI_MSI_ADDRESS_HI, 4) << 32;
	for (unsigned int i = 0; i < irqs->nr_msi; i++) {
		struct vfio_vector *vec = &irqs->vectors[i];

		if (!(mask >> i & 1)) {
			(void)vfio_vector_route(v, vec, addr, data | i);
			irqs->nr_unmasks += !vec->assigned;
		} else if (vec->assigned) {
			vfio_vector_disconnect(v, vec);
			irqs->nr_masks++;
		}
	}
	(void)irq_commit(v->irq); /* logged; the irqfds stay silent */
	for (unsigned int i = 0; i < irqs->nr_msi; i++)
		if (!(mask >> i & 1))
			vfio_vector_connect(v, &irqs->vectors[i]);
}

void vfio_msi_config_read(struct vfio_pci *v, unsigned int off,
			  unsigned int len)
{
	struct msi_regs regs = msi_regs(v);
	unsigned int at = v->irqs.msi_cap + regs.pending;
	uint64_t bits = 0;

	if (!regs.pending || !ranges_overlap(off, len, at, 4))
		return;
	if (v->irqs.mode == VFIO_IRQ_MSI)
		bits = vfio_vectors_pending(v, 0, v->irqs.nr_msi);
	pci_config_set(&v->dev.cfg, at, 4, (uint32_t)bits);
}

void vfio_msi_config_written(struct vfio_pci *v, unsigned int off,
			     unsigned int len)
{
	struct vfio_irqs *irqs = &v->irqs;
	unsigned int nr = messages(v);

	if (!ranges_overlap(off, len, irqs->msi_cap, msi_regs(v).size))
		return;
	if (irqs->mode == VFIO_IRQ_MSIX)
		return; /* the guest must not enable both */
	if (!(get(v, PCI_MSI_FLAGS, 2) & PCI_MSI_FLAGS_ENABLE)) {
		if (irqs->mode != VFIO_IRQ_MSI)
			return;
		vfio_irqs_off(v);
		vfio_intx_update(v);
		return;
	}
	if (irqs->mode != VFIO_IRQ_MSI || irqs->nr_msi != nr ||
	    !irqs->vectors[0].armed)
		enable(v, nr);
	update_vectors(v);
}
