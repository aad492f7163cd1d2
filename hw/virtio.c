// SPDX-License-Identifier: BSD-2-Clause
/*
 * virtio - what all virtio device models share: their queues, the interrupts
 * of these, and the end of a driver that breaks the protocol. Owns the kick
 * descriptors.
 */
#include "virtio.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fd.h"
#include "virtio-pci.h"

int virtio_init(struct virtio_dev *dev, const char *name)
{
	int r = -ENOMEM;

	pthread_mutex_init(&dev->lock, NULL);
	dev->rested_fd = -1;
	dev->name = strdup(name);
	dev->queues = calloc(dev->nr_queues, sizeof(*dev->queues));
	for (unsigned int i = 0; dev->queues && i < dev->nr_queues; i++)
		dev->queues[i].kick_fd = -1;
	if (!dev->name || !dev->queues)
		goto err;
	for (unsigned int i = 0; i < dev->nr_queues; i++) {
		struct virtio_queue *q = &dev->queues[i];

		q->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (q->kick_fd < 0) {
			r = -errno;
			goto err;
		}
	}
	return 0;
err:
	log_err("%s: no queues: %s", name, strerror(-r));
	virtio_fini(dev);
	return r;
}

void virtio_fini(struct virtio_dev *dev)
{
	if (dev->queues)
		for (unsigned int i = 0; i < dev->nr_queues; i++)
			fd_close(&dev->queues[i].kick_fd);
	free(dev->queues);
	dev->queues = NULL;
	free(dev->name);
	dev->name = NULL;
	pthread_mutex_destroy(&dev->lock);
}

int virtio_pop(struct virtio_dev *dev, unsigned int queue,
	       struct virtq_chain *chain)
{
	struct virtq *vq = &dev->queues[queue].vq;
	int r;

	if (atomic_load(&dev->failed))
		return 0;
	r = virtq_pop(vq, chain);
	if (r >= 0)
		return r;
	virtio_fail(dev, vq->broken);
	return 0;
}

bool virtio_next(struct virtio_dev *dev, unsigned int queue,
		 struct virtq_chain *chain)
{
	struct virtq *vq = &dev->queues[queue].vq;

	do {
		virtq_disable_kicks(vq);
		if (virtio_pop(dev, queue, chain))
			return true;
	} while (!atomic_load(&dev->failed) && virtq_enable_kicks(vq));
	return false;
}

void virtio_push(struct virtio_dev *dev, unsigned int queue, uint16_t head,
		 uint32_t written)
{
	virtq_push(&dev->queues[queue].vq, head, written);
}

void virtio_flush(struct virtio_dev *dev, unsigned int queue)
{
	struct virtio_queue *q = &dev->queues[queue];

	if (!virtq_wants_interrupt(&q->vq))
		return;
	q->nr_interrupts++;
	if (dev->pci)
		virtio_pci_signal_queue(dev->pci, queue);
}

void virtio_take_kick(struct virtio_dev *dev, unsigned int queue)
{
	uint64_t count;

	(void)!read(dev->queues[queue].kick_fd, &count, sizeof(count));
}

void virtio_kick(struct virtio_dev *dev, unsigned int queue)
{
	/* Fails only when the counter is full, and then it is kicked. */
	(void)!eventfd_write(dev->queues[queue].kick_fd, 1);
}

void virtio_warn(struct virtio_dev *dev, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	pthread_mutex_lock(&dev->lock);
	log_guest(&dev->rl, "%s: %s", dev->name, text);
	pthread_mutex_unlock(&dev->lock);
}

/* Told before the state changes: who sees that finds the reason said. */
static void fail(struct virtio_dev *dev, const char *whose, const char *why)
{
	bool first;

	pthread_mutex_lock(&dev->lock);
	first = !atomic_load(&dev->failed);
	if (first)
		log_guest(&dev->rl, "%s: %s%s", dev->name, whose, why);
	atomic_store(&dev->failed, true);
	pthread_mutex_unlock(&dev->lock);
	if (first && dev->pci)
		virtio_pci_signal_config(dev->pci);
}

void virtio_fail(struct virtio_dev *dev, const char *why)
{
	fail(dev, "the guest's driver broke the protocol: ", why);
}

void virtio_fail_host(struct virtio_dev *dev, const char *why)
{
	fail(dev, "it serves the guest no more: ", why);
}

void virtio_config_changed(struct virtio_dev *dev)
{
	if (dev->pci)
		virtio_pci_config_changed(dev->pci);
}
