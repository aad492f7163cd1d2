/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the guest's interrupt numbers (GSIs): the fixed pins of the irqchip,
 * MSI routes above them, and irqfds.  A GSI is allocated
 * when a guest first unmasks a vector, and routes go to the kernel in
 * batches: irq_msi_set() any number of times, then one irq_commit(), and only
 * then irq_fd_assign() of GSIs that were new.
 *
 * Any thread; irq_lock inside, taken after dev_lock.  0 or -errno, logged
 * here once.
 */
#ifndef WHERRY_IRQ_H
#define WHERRY_IRQ_H

#include <stdbool.h>
#include <stdint.h>

struct irq;
struct kvm;
struct kvm_route;

/* A message as a function of the guest's sends it. */
struct irq_message {
	uint64_t addr;
	uint32_t data;
	uint16_t requester; /* its bus, device and function: pci.h */
};

/*
 * fixed are the pins of the irqchip (arch_fixed_routes()), copied; messages
 * get GSIs from first_msi up.  The irqchip exists.
 */
int irq_create(struct irq **out, struct kvm *kvm, const struct kvm_route *fixed,
	       unsigned int nr_fixed, uint32_t first_msi);
void irq_destroy(struct irq *irq);

/* Level of a fixed pin. */
void irq_set_level(struct irq *irq, uint32_t gsi, bool level);

/*
 * The same of a pin that several share: it is high while one of them says so.
 * Each says only what has changed of its own.
 */
void irq_share_level(struct irq *irq, uint32_t gsi, bool level);

/* -ENOSPC when KVM's table (KVM_CAP_IRQ_ROUTING) is full. */
int irq_msi_alloc(struct irq *irq, uint32_t *gsi);
/* The irqfds on it are deassigned before. */
void irq_msi_free(struct irq *irq, uint32_t gsi);
/* Message of a GSI; takes effect at irq_commit().  No change, no cost. */
void irq_msi_set(struct irq *irq, uint32_t gsi, const struct irq_message *msg);
/* One KVM_SET_GSI_ROUTING if anything changed since the last. */
int irq_commit(struct irq *irq);

int irq_fd_assign(struct irq *irq, uint32_t gsi, int fd, int resamplefd);
int irq_fd_deassign(struct irq *irq, uint32_t gsi, int fd);

/* Back to power-on: every MSI route gone (all irqfds are deassigned). */
int irq_reset(struct irq *irq);

/* Counts for stats and leak checks: irqfds that are assigned, and how often a
 * level was set high. */
unsigned int irq_nr_irqfds(const struct irq *irq);
uint64_t irq_nr_raised(const struct irq *irq);

#endif
