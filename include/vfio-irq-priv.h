/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interrupts of one assigned function, for hw/vfio-*.c alone: what
 * vfio-irq.c, vfio-intx.c, vfio-msi.c and vfio-msix.c share.  Everything is
 * under dev_lock, or on the main thread before the vCPUs run.
 *
 * At most one kind is on at a time (VFIO allows no more), and each source is
 * an eventfd from the device into the guest by irqfd.
 */
#ifndef WHERRY_VFIO_IRQ_PRIV_H
#define WHERRY_VFIO_IRQ_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "loop.h"
#include "pci-msix.h"

struct vfio_pci;

#define VFIO_MSI_MAX 32 /* messages of one function */

/* Where a part of the MSI-X capability lies. */
struct vfio_msix_part {
	unsigned int bar;
	uint64_t offset, size; /* size 0: nowhere */
};

/* One interrupt vector of MSI-X or MSI. */
struct vfio_vector {
	int fd; /* eventfd, made when the guest first uses it; -1 before */
	bool has_gsi, assigned /* irqfd */, armed /* SET_IRQS */;
	uint32_t gsi;
};

enum vfio_irq_mode { VFIO_IRQ_OFF, VFIO_IRQ_INTX, VFIO_IRQ_MSI, VFIO_IRQ_MSIX };

/* Who takes the events of the INTx pin. */
enum vfio_intx_path {
	VFIO_INTX_WAITING, /* nobody yet: the loop connects at the first */
	VFIO_INTX_KVM, /* irqfd; the end of interrupt unmasks the device */
	VFIO_INTX_RELAYED, /* the loop, which also unmasks by ioctl */
};

struct vfio_intx {
	enum vfio_intx_path path; /* while the mode is INTX */
	struct loop_source src; /* the device's eventfd; fd -1: no pin */
	struct loop_source resample; /* the guest's end of interrupt; -1 */
	int line_fd; /* relayed: KVM's end of the line; else -1 */
	bool watched; /* src is armed: the loop sees the next event */
	bool raised; /* relayed: the device waits for being unmasked */
	uint64_t nr_relayed; /* times that the loop raised the line */
	bool broken; /* failed once: not tried, not logged again */
};

struct vfio_irqs {
	enum vfio_irq_mode mode;
	unsigned int msi_cap, msix_cap; /* config offset, 0: absent */
	unsigned int nr_msi; /* messages in use while the mode is MSI */
	struct pci_msix msix; /* nr 0: no MSI-X */
	struct vfio_msix_part table, pba;
	struct vfio_vector *vectors;
	unsigned int nr_vectors;
	struct vfio_intx intx;
	uint64_t nr_masks, nr_unmasks;
};

/* vfio-irq.c */
int vfio_irqs_init(struct vfio_pci *v);
void vfio_irqs_fini(struct vfio_pci *v);
/* From here on the pin works.  Main thread, before confinement. */
int vfio_irqs_start(struct vfio_pci *v, struct loop *loop);
/* No interrupt passes any more; state as at power-on. */
void vfio_irqs_quiesce(struct vfio_pci *v);
/* Makes *fd an eventfd unless it is one.  0 or -errno, logged. */
int vfio_irqs_eventfd(struct vfio_pci *v, int *fd);
/* Forgets what was signalled; fd may be -1. */
void vfio_irqs_drain(int fd);
/* Before a guest reads, and after it wrote, [off, off + len) of config
 * space. */
void vfio_irqs_config_read(struct vfio_pci *v, unsigned int off,
			   unsigned int len);
void vfio_irqs_config_written(struct vfio_pci *v, unsigned int off,
			      unsigned int len);

/* Ends the active kind; nothing it raised is left. */
void vfio_irqs_off(struct vfio_pci *v);
/*
 * Enables MSI or MSI-X at the host with fds[0..nr), as many of them as it
 * has vectors for, and gives their number or -errno, logged.
 */
int vfio_irqs_enable(struct vfio_pci *v, unsigned int index, unsigned int nr,
		     const int *fds);
/* Eventfd, GSI and message of a vector; in effect after irq_commit(). */
int vfio_vector_route(struct vfio_pci *v, struct vfio_vector *vec,
		      uint64_t addr, uint32_t data);
/* Into the guest, after irq_commit(); an event that came before is not lost. */
void vfio_vector_connect(struct vfio_pci *v, struct vfio_vector *vec);
void vfio_vector_disconnect(struct vfio_pci *v, struct vfio_vector *vec);
/* Bit i: vector first + i has an event that the guest has not got, because
 * it is masked.  count <= 64. */
uint64_t vfio_vectors_pending(struct vfio_pci *v, unsigned int first,
			      unsigned int count);

/* vfio-intx.c */
int vfio_intx_start(struct vfio_pci *v, struct loop *loop);
void vfio_intx_stop(struct vfio_pci *v);
/* After COMMAND, or the active kind, changed. */
void vfio_intx_update(struct vfio_pci *v);
/* The half of vfio_irqs_off(). */
void vfio_intx_off(struct vfio_pci *v);

/* vfio-msi.c */
void vfio_msi_init(struct vfio_pci *v);
/* As for vfio_irqs_config_read() and written(), of the capability's own. */
void vfio_msi_config_read(struct vfio_pci *v, unsigned int off,
			  unsigned int len);
void vfio_msi_config_written(struct vfio_pci *v, unsigned int off,
			     unsigned int len);

/* vfio-msix.c */
int vfio_msix_init(struct vfio_pci *v);
void vfio_msix_config_written(struct vfio_pci *v, unsigned int off,
			      unsigned int len);

#endif
