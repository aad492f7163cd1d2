/* SPDX-License-Identifier: BSD-2-Clause */
/* The insides of a virtio function, for virtio-pci*.c alone.  dev_lock guards
 * all that is not marked. */
#ifndef WHERRY_VIRTIO_PCI_PRIV_H
#define WHERRY_VIRTIO_PCI_PRIV_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bus.h"
#include "irq.h"
#include "loop.h"
#include "pci-msix.h"
#include "pci.h"
#include "virtio-pci.h"
#include "virtio.h"

/* The parts of BAR 0, a page each. */
#define VIRTIO_BAR_COMMON 0x0000
#define VIRTIO_BAR_ISR 0x1000
#define VIRTIO_BAR_DEVICE 0x2000
#define VIRTIO_BAR_NOTIFY 0x3000
#define VIRTIO_BAR_TABLE 0x4000
#define VIRTIO_BAR_PBA 0x5000
#define VIRTIO_BAR_PAGE 0x1000
#define VIRTIO_BAR_SIZE 0x8000

/* Kicks of queue i go to VIRTIO_BAR_NOTIFY + i * this (4.1.4.4). */
#define VIRTIO_NOTIFY_STEP 4

/* What both pages have room for. */
#define VIRTIO_MAX_QUEUES 255

#define VIRTIO_NO_VECTOR 0xffff
#define VIRTIO_ISR_QUEUE 1
#define VIRTIO_ISR_CONFIG 2

/* One message of MSI-X. */
struct virtio_vector {
	int fd; /* eventfd; constant */
	bool has_gsi, connected;
	uint32_t gsi;
};

enum virtio_pci_state {
	VIRTIO_IDLE,
	VIRTIO_RUNNING, /* between the model's start() and stop() */
	VIRTIO_STOPPING, /* until it has stopped() */
};

struct virtio_pci {
	struct pci_dev pci;
	struct virtio_dev *dev;
	struct pci_host *host;
	struct bus *bus;
	struct irq *irq;
	struct kvm *kvm;
	const struct ram *ram;
	struct loop *loop; /* NULL before virtio_pci_run() */
	bool on_host; /* pci_host_add() was done */

	struct bus_range bar;
	bool by_ioeventfd; /* the kicks at kicks_at */
	gpa_t kicks_at;
	unsigned int cfg_cap; /* VIRTIO_PCI_CAP_PCI_CFG */

	/* Common configuration, 4.1.4.3. */
	uint32_t offered_select, accepted_select;
	uint64_t accepted;
	uint8_t status, generation;
	uint16_t queue_select;
	enum virtio_pci_state state;
	bool resetting; /* when it has stopped, reset it */

	/* Interrupts. */
	struct pci_msix msix;
	unsigned int msix_cap;
	struct virtio_vector *vectors; /* msix.nr */
	_Atomic bool by_msix;
	_Atomic uint16_t config_vector;
	_Atomic uint8_t isr;
	uint32_t intx_gsi;
	int intx_fd; /* eventfd: isr has changed; constant */
	struct loop_source intx_src;
	bool intx; /* our share of the line */
};

/* virtio-pci-common.c */
uint64_t virtio_common_read(struct virtio_pci *v, unsigned int off,
			    unsigned int len);
void virtio_common_write(struct virtio_pci *v, unsigned int off,
			 unsigned int len, uint64_t val);
/* The state after power-on; idle. */
void virtio_common_reset(struct virtio_pci *v);
/* Asks the model to stop, if it runs. */
void virtio_common_stop(struct virtio_pci *v);
/* Ends what virtio_common_stop() began, if the model has. */
void virtio_common_settle(struct virtio_pci *v);

/* virtio-pci-irq.c: 0 or -errno, logged. */
int virtio_irq_init(struct virtio_pci *v);
void virtio_irq_fini(struct virtio_pci *v);
int virtio_irq_run(struct virtio_pci *v, struct loop *loop);
/* No interrupt comes any more, and none is pending. */
void virtio_irq_off(struct virtio_pci *v);
/* Message Control, or the INTx bit of COMMAND, was written. */
void virtio_irq_config_written(struct virtio_pci *v);
uint64_t virtio_irq_isr_read(struct virtio_pci *v);

#endif
