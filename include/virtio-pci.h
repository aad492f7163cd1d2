/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtio device as a PCI function, modern only: Virtio 1.3, section 4.1.
 * MSI-X by irqfd, INTx by the loop, kicks by ioeventfd.
 */
#ifndef WHERRY_VIRTIO_PCI_H
#define WHERRY_VIRTIO_PCI_H

#include <stdbool.h>
#include <stdint.h>

struct bus;
struct irq;
struct json;
struct kvm;
struct loop;
struct pci_host;
struct ram;
struct virtio_dev;
struct virtio_pci;

struct virtio_pci_params {
	struct virtio_dev *dev; /* created, without a transport; not owned */
	struct pci_host *host;
	struct bus *bus;
	struct irq *irq;
	struct kvm *kvm;
	const struct ram *ram;
	unsigned int slot; /* of the root bus, 1 to 31 */
	uint32_t intx_gsi;
};

/* Puts the device at its slot.  0 or -errno, logged. */
int virtio_pci_create(struct virtio_pci **out,
		      const struct virtio_pci_params *params);
/* The device is stopped (virtio_pci_quiesce) before.  Takes NULL. */
void virtio_pci_destroy(struct virtio_pci *v);

/* Connects it, and the model (ops->run), to the loop.  0 or -errno, logged. */
int virtio_pci_run(struct virtio_pci *v, struct loop *loop);
/*
 * Stops the model and waits until nothing of the guest is in use.  Loop thread,
 * no lock, vCPUs parked.  Before a reboot, and the end.
 */
void virtio_pci_quiesce(struct virtio_pci *v);
/*
 * The same without waiting, for the host may never answer: first this, then the
 * second until it says that it is done, each time that rested_fd of the device
 * was told.
 */
void virtio_pci_stop(struct virtio_pci *v);
bool virtio_pci_settle(struct virtio_pci *v);
/*
 * Interrupts for a queue, or for the device itself: for virtio.c alone.  Any
 * thread, any lock.
 */
void virtio_pci_signal_queue(struct virtio_pci *v, unsigned int queue);
void virtio_pci_signal_config(struct virtio_pci *v);
/* The same, and a new generation of the configuration.  dev_lock. */
void virtio_pci_config_changed(struct virtio_pci *v);

/* Into an open JSON object.  Quiesced. */
void virtio_pci_stats(struct virtio_pci *v, struct json *j);

#endif
