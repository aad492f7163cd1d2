/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One assigned PCI function as the guest sees it: config space overlaid on
 * the device's, BARs mapped into the guest, MSI-X pages trapped, interrupts
 * by irqfd.  Composed of vfio-bar.c (BARs), vfio-irq.c (interrupts),
 * vfio-power.c (power states) and vfio-quirk.c (a const table of exceptions);
 * vfio-set.c resets them, alone or together.
 */
#ifndef WHERRY_VFIO_PCI_H
#define WHERRY_VFIO_PCI_H

#include <stdbool.h>
#include <stdint.h>

#include "pci.h"

struct bus;
struct iommufd;
struct irq;
struct json;
struct kvm;
struct loop;
struct vfio_device;
struct vfio_pci;

/*
 * All assigned functions of one VM: a reset of the bus that some of them are
 * on has to know the others.  Embedded in the machine, zero at first; a
 * function is in it from create to destroy.  dev_lock.
 */
struct vfio_set {
	struct vfio_pci *first;
};

/* What the host tells.  Called on the loop, no lock held; may be NULL. */
struct vfio_pci_events {
	void (*wanted)(void *opaque); /* it wants the device back; repeats */
	void (*error)(void *opaque); /* an uncorrectable error of the link */
	bool ignore_errors; /* nor log them */
	void *opaque;
};

struct vfio_pci_params {
	struct vfio_device *dev; /* ATTACHED; stays the caller's */
	struct vfio_set *set;
	struct bus *bus;
	struct irq *irq;
	struct kvm *kvm;
	/* Where other devices reach its BARs by DMA; NULL: they do not. */
	struct iommufd *iommufd;
	bool require_p2p; /* every mapped BAR, or creation fails */
	bool rom; /* offer the option ROM */
	bool trap_bars; /* never map a BAR */
	struct vfio_pci_events events;
	bool require_reset; /* vfio_set_start() fails without one */
	bool ats; /* show Address Translation Services, and page requests */
	bool gpudirect; /* tell the guest a clique of GPUs (NVIDIA only) */
	uint8_t gpudirect_clique; /* 0 to 15 */
	uint32_t intx_gsi; /* of the port's INTx pin; 0: no INTx */
};

/*
 * Reads the device's config space and builds the guest's view.  Main thread,
 * before the vCPUs run.  0 or -errno, logged.
 */
int vfio_pci_create(struct vfio_pci **out, const struct vfio_pci_params *p);
/* The function to plug into a port. */
struct pci_dev *vfio_pci_dev(struct vfio_pci *v);

/*
 * Listens for the host's messages (an error of the link, the wish to have the
 * device back).  Before confinement.  Later one eventfd is made for each
 * vector that the guest unmasks.
 */
int vfio_pci_start(struct vfio_pci *v, struct loop *loop);

/*
 * Stops everything that reaches the device or comes from it, in the order
 * that frees it: bus master off, irqfds, SET_IRQS disable, memslots, bus
 * ranges.  vCPUs are parked.  Idempotent.
 */
void vfio_pci_quiesce(struct vfio_pci *v);

/*
 * Once, when all functions of the VM are created: resets those that BIND did
 * not, or not thoroughly.  A device that cannot be reset is told of, or with
 * require_reset an error: -ENOTSUP, logged.
 */
int vfio_set_start(struct vfio_set *set);
/*
 * By the guest: quiesce, reset this function, config and BARs to power-on.
 * Another one that is in use is never reset with it: where that would be the
 * only way, the device keeps its state.  dev_lock.
 */
int vfio_pci_reset(struct vfio_pci *v);
/*
 * Reboot: everything that is assigned becomes quiet, is reset where it can
 * be, and then has power-on state in config space and BARs.  vCPUs are
 * parked.  0 or -errno of a reset that should have worked, logged.
 */
int vfio_set_reset(struct vfio_set *set);
/* quiesce, then unmap the BARs and free.  Takes NULL.  The loop and the bus
 * still exist; the caller then does FILE_DEL and vfio_close(). */
void vfio_pci_destroy(struct vfio_pci *v);

/* Counts of accesses by region, interrupts enabled and so on: members of the
 * object that the caller has open. */
void vfio_pci_stats(struct vfio_pci *v, struct json *j);

#endif
