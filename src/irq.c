// SPDX-License-Identifier: BSD-2-Clause
/*
 * Owns the guest's interrupt numbers: which MSI GSI is taken, what message it
 * carries, and the copy of KVM's routing table.  Does not know devices.
 */
#include "irq.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "kvm.h"
#include "log.h"
#include "util.h"

#define MAX_MSI_GSIS 4096

struct msi {
	bool used, set;
	struct irq_message msg;
};

struct irq {
	struct kvm *kvm;
	pthread_mutex_t lock; /* irq_lock; guards all below */
	struct kvm_route *table; /* fixed pins, then messages */
	unsigned int *raisers; /* of each fixed pin, by irq_share_level() */
	unsigned int nr_fixed;
	unsigned int first_msi, nr_msi;
	bool by_device; /* constant: messages say who sends them */
	struct msi *msi;
	unsigned int nr_irqfds;
	uint64_t nr_raised;
	bool dirty;
	struct ratelimit rl; /* a guest unmasks vectors as it likes */
};

/* irq_lock held. */
static void failed(struct irq *irq, const char *what, uint32_t gsi, int r)
{
	log_guest(&irq->rl, "/dev/kvm: GSI %u: cannot %s: %s", gsi, what,
		  strerror(-r));
}

int irq_create(struct irq **out, struct kvm *kvm, const struct kvm_route *fixed,
	       unsigned int nr_fixed, uint32_t first_msi)
{
	struct irq *irq = calloc(1, sizeof(*irq));
	unsigned int max;
	int r = -ENOMEM;

	if (!irq) {
		log_err("interrupt routes: out of memory");
		return r;
	}
	irq->kvm = kvm;
	pthread_mutex_init(&irq->lock, NULL);
	irq->nr_fixed = nr_fixed;
	irq->first_msi = first_msi;
	irq->by_device = kvm_msi_by_device(kvm);

	max = kvm_max_routes(kvm);
	if (max < irq->nr_fixed + 1) {
		log_err("/dev/kvm: %u interrupt routes are too few", max);
		r = -ENOTSUP;
		goto err;
	}
	irq->nr_msi = MIN(max - irq->nr_fixed, MAX_MSI_GSIS - irq->first_msi);
	irq->msi = calloc(irq->nr_msi, sizeof(*irq->msi));
	irq->table = calloc(irq->nr_fixed + irq->nr_msi, sizeof(*irq->table));
	irq->raisers = calloc(irq->nr_fixed, sizeof(*irq->raisers));
	if (!irq->msi || !irq->table || !irq->raisers) {
		log_err("interrupt routes: out of memory");
		goto err;
	}
	for (unsigned int i = 0; i < irq->nr_fixed; i++)
		irq->table[i] = fixed[i];
	irq->dirty = true;
	r = irq_commit(irq);
	if (r)
		goto err;
	*out = irq;
	return 0;
err:
	irq_destroy(irq);
	return r;
}

void irq_destroy(struct irq *irq)
{
	if (!irq)
		return;
	free(irq->raisers);
	free(irq->table);
	free(irq->msi);
	pthread_mutex_destroy(&irq->lock);
	free(irq);
}

/* What comes first in the table never changes. */
static const struct kvm_route *find_pin(const struct irq *irq, uint32_t gsi)
{
	for (unsigned int i = 0; i < irq->nr_fixed; i++)
		if (irq->table[i].gsi == gsi)
			return &irq->table[i];
	return NULL;
}

/* irq_lock held. */
static void set_pin(struct irq *irq, const struct kvm_route *pin, bool level)
{
	int r = kvm_irq_line(irq->kvm, pin->line, level);

	irq->nr_raised += level;
	if (r)
		failed(irq, "set its line", pin->gsi, r);
}

void irq_set_level(struct irq *irq, uint32_t gsi, bool level)
{
	const struct kvm_route *pin = find_pin(irq, gsi);

	pthread_mutex_lock(&irq->lock);
	if (pin)
		set_pin(irq, pin, level);
	pthread_mutex_unlock(&irq->lock);
}

void irq_share_level(struct irq *irq, uint32_t gsi, bool level)
{
	const struct kvm_route *pin = find_pin(irq, gsi);
	unsigned int *raisers;

	pthread_mutex_lock(&irq->lock);
	if (pin) {
		raisers = &irq->raisers[pin - irq->table];
		*raisers += level ? 1 : -1u;
		if (*raisers == level)
			set_pin(irq, pin, level);
	}
	pthread_mutex_unlock(&irq->lock);
}

int irq_msi_alloc(struct irq *irq, uint32_t *gsi)
{
	int r = -ENOSPC;

	pthread_mutex_lock(&irq->lock);
	for (unsigned int i = 0; i < irq->nr_msi; i++) {
		if (irq->msi[i].used)
			continue;
		irq->msi[i] = (struct msi){ .used = true };
		*gsi = irq->first_msi + i;
		r = 0;
		break;
	}
	if (r)
		log_guest(&irq->rl, "/dev/kvm: all %u MSI routes are in use",
			  irq->nr_msi);
	pthread_mutex_unlock(&irq->lock);
	return r;
}

static struct msi *msi_of(struct irq *irq, uint32_t gsi)
{
	return &irq->msi[gsi - irq->first_msi];
}

void irq_msi_free(struct irq *irq, uint32_t gsi)
{
	struct msi *m = msi_of(irq, gsi);

	pthread_mutex_lock(&irq->lock);
	if (m->set)
		irq->dirty = true;
	*m = (struct msi){ 0 };
	pthread_mutex_unlock(&irq->lock);
}

void irq_msi_set(struct irq *irq, uint32_t gsi, const struct irq_message *msg)
{
	struct msi *m = msi_of(irq, gsi);

	pthread_mutex_lock(&irq->lock);
	if (!m->set || m->msg.addr != msg->addr || m->msg.data != msg->data ||
	    m->msg.requester != msg->requester) {
		m->set = true;
		m->msg = *msg;
		irq->dirty = true;
	}
	pthread_mutex_unlock(&irq->lock);
}

static struct kvm_route msi_route(const struct irq *irq, uint32_t gsi,
				  const struct irq_message *msg)
{
	return (struct kvm_route){
		.gsi = gsi,
		.is_msi = true,
		.addr = msg->addr,
		.data = msg->data,
		.has_device = irq->by_device,
		.device = msg->requester,
	};
}

int irq_commit(struct irq *irq)
{
	unsigned int n = irq->nr_fixed;
	int r = 0;

	pthread_mutex_lock(&irq->lock);
	if (!irq->dirty)
		goto out;
	for (unsigned int i = 0; i < irq->nr_msi; i++) {
		const struct msi *m = &irq->msi[i];

		if (m->set)
			irq->table[n++] =
				msi_route(irq, irq->first_msi + i, &m->msg);
	}
	r = kvm_set_routes(irq->kvm, irq->table, n);
	irq->dirty = r;
	if (r)
		log_guest(&irq->rl, "/dev/kvm: cannot set %u routes: %s", n,
			  strerror(-r));
out:
	pthread_mutex_unlock(&irq->lock);
	return r;
}

int irq_fd_assign(struct irq *irq, uint32_t gsi, int fd, int resamplefd)
{
	int r;

	pthread_mutex_lock(&irq->lock);
	r = kvm_irqfd(irq->kvm, fd, gsi, resamplefd, true);
	if (r)
		failed(irq, "assign its irqfd", gsi, r);
	else
		irq->nr_irqfds++;
	pthread_mutex_unlock(&irq->lock);
	return r;
}

int irq_fd_deassign(struct irq *irq, uint32_t gsi, int fd)
{
	int r;

	pthread_mutex_lock(&irq->lock);
	r = kvm_irqfd(irq->kvm, fd, gsi, -1, false);
	if (r)
		failed(irq, "deassign its irqfd", gsi, r);
	else
		irq->nr_irqfds--;
	pthread_mutex_unlock(&irq->lock);
	return r;
}

int irq_reset(struct irq *irq)
{
	pthread_mutex_lock(&irq->lock);
	for (unsigned int i = 0; i < irq->nr_msi; i++)
		irq->msi[i].set = false;
	irq->dirty = true;
	pthread_mutex_unlock(&irq->lock);
	return irq_commit(irq);
}

unsigned int irq_nr_irqfds(const struct irq *irq)
{
	return irq->nr_irqfds;
}

uint64_t irq_nr_raised(const struct irq *irq)
{
	return irq->nr_raised;
}
