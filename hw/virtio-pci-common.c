// SPDX-License-Identifier: BSD-2-Clause
/*
 * virtio-pci-common - the common configuration of a virtio function, by which
 * its driver brings it up and resets it: Virtio 1.3, sections 3.1 and 4.1.4.3.
 * Owns the status, and so when the model runs. A reset never waits: the status
 * reads as it was until the model has ended what is in flight.
 */
#include "virtio-pci-priv.h"

#include <stddef.h>
#include <string.h>

#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>

/* What every device of ours offers, beside what is its type's. */
#define COMMON_FEATURES                                                     \
	(1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_RING_F_INDIRECT_DESC | \
	 1ULL << VIRTIO_RING_F_EVENT_IDX)

typedef struct virtio_pci_common_cfg common_cfg;

static uint64_t offered(const struct virtio_pci *v)
{
	return v->dev->offered | COMMON_FEATURES;
}

/* The queue that is selected, or NULL. */
static struct virtio_queue *selected(const struct virtio_pci *v)
{
	return v->queue_select < v->dev->nr_queues ?
		       &v->dev->queues[v->queue_select] :
		       NULL;
}

static void reset_queue(struct virtio_dev *dev, unsigned int i)
{
	struct virtio_queue *q = &dev->queues[i];

	virtq_stop(&q->vq);
	q->vq.size = dev->queue_max;
	q->vq.desc = q->vq.driver = q->vq.device = 0;
	q->started = q->enabled = false;
	atomic_store(&q->vector, VIRTIO_NO_VECTOR);
	virtio_take_kick(dev, i);
}

void virtio_common_reset(struct virtio_pci *v)
{
	v->offered_select = v->accepted_select = 0;
	v->accepted = v->dev->features = 0;
	v->status = 0;
	v->queue_select = 0;
	v->resetting = false;
	atomic_store(&v->config_vector, VIRTIO_NO_VECTOR);
	atomic_store(&v->dev->failed, false);
	for (unsigned int i = 0; i < v->dev->nr_queues; i++)
		reset_queue(v->dev, i);
	(void)virtio_irq_isr_read(v); /* which clears it */
}

void virtio_common_settle(struct virtio_pci *v)
{
	struct virtio_dev *dev = v->dev;

	if (v->state != VIRTIO_STOPPING ||
	    (dev->ops->stopped && !dev->ops->stopped(dev)))
		return;
	v->state = VIRTIO_IDLE;
	for (unsigned int i = 0; i < dev->nr_queues; i++) {
		virtq_stop(&dev->queues[i].vq);
		dev->queues[i].started = false;
	}
	if (v->resetting)
		virtio_common_reset(v);
}

void virtio_common_stop(struct virtio_pci *v)
{
	if (v->state == VIRTIO_RUNNING) {
		v->state = VIRTIO_STOPPING;
		v->dev->ops->stop(v->dev);
	}
	virtio_common_settle(v);
}

static void start(struct virtio_pci *v)
{
	struct virtio_dev *dev = v->dev;
	uint16_t command =
		(uint16_t)pci_config_get(&v->pci.cfg, PCI_COMMAND, 2);
	const char *why = NULL;

	if (!(command & PCI_COMMAND_MASTER))
		why = "it is ready, and the device may not master the bus";
	for (unsigned int i = 0; !why && i < dev->nr_queues; i++) {
		struct virtio_queue *q = &dev->queues[i];

		if (!q->enabled)
			continue;
		if (virtq_start(&q->vq, v->ram, dev->features))
			why = "a queue has no valid place in RAM";
		else
			q->started = true;
	}
	if (why) {
		for (unsigned int i = 0; i < dev->nr_queues; i++) {
			virtq_stop(&dev->queues[i].vq);
			dev->queues[i].started = false;
		}
		virtio_fail(dev, why);
		return;
	}
	v->state = VIRTIO_RUNNING;
	dev->ops->start(dev);
	/* The driver may have filled queues before, but not kicked: 3.1.1. */
	for (unsigned int i = 0; i < dev->nr_queues; i++)
		if (dev->queues[i].started)
			virtio_kick(dev, i);
}

static bool features_ok(struct virtio_pci *v)
{
	return !(v->accepted & ~offered(v)) &&
	       (v->accepted & 1ULL << VIRTIO_F_VERSION_1);
}

/* Bits are only ever added, but for a reset, which takes all. */
static void write_status(struct virtio_pci *v, uint8_t val)
{
	uint8_t added = val & ~v->status;

	if (!val) {
		v->resetting = true;
		if (v->state == VIRTIO_IDLE)
			virtio_common_reset(v);
		else
			virtio_common_stop(v);
		return;
	}
	if (v->state == VIRTIO_STOPPING)
		return;
	if (added & VIRTIO_CONFIG_S_FEATURES_OK) {
		if (!features_ok(v))
			added &= ~(VIRTIO_CONFIG_S_FEATURES_OK |
				   VIRTIO_CONFIG_S_DRIVER_OK);
		else
			v->dev->features = v->accepted;
	}
	if (!((v->status | added) & VIRTIO_CONFIG_S_FEATURES_OK))
		added &= ~VIRTIO_CONFIG_S_DRIVER_OK;
	v->status |= added & ~VIRTIO_CONFIG_S_NEEDS_RESET;
	if (added & VIRTIO_CONFIG_S_DRIVER_OK)
		start(v);
}

static uint8_t read_status(struct virtio_pci *v)
{
	virtio_common_settle(v);
	return v->status |
	       (atomic_load(&v->dev->failed) ? VIRTIO_CONFIG_S_NEEDS_RESET : 0);
}

void virtio_pci_config_changed(struct virtio_pci *v)
{
	v->generation++;
	if (v->state == VIRTIO_RUNNING)
		virtio_pci_signal_config(v);
}

static uint32_t word(uint64_t val, uint32_t select)
{
	return select < 2 ? (uint32_t)(val >> select * 32) : 0;
}

static void read_queue(const struct virtio_pci *v, common_cfg *c)
{
	const struct virtio_queue *q = selected(v);

	if (!q) {
		c->queue_msix_vector = VIRTIO_NO_VECTOR;
		return;
	}
	c->queue_size = q->vq.size;
	c->queue_msix_vector = atomic_load(&q->vector);
	c->queue_enable = q->enabled;
	c->queue_notify_off = v->queue_select;
	c->queue_desc_lo = (uint32_t)q->vq.desc;
	c->queue_desc_hi = (uint32_t)(q->vq.desc >> 32);
	c->queue_avail_lo = (uint32_t)q->vq.driver;
	c->queue_avail_hi = (uint32_t)(q->vq.driver >> 32);
	c->queue_used_lo = (uint32_t)q->vq.device;
	c->queue_used_hi = (uint32_t)(q->vq.device >> 32);
}

uint64_t virtio_common_read(struct virtio_pci *v, unsigned int off,
			    unsigned int len)
{
	common_cfg c = {
		.device_feature_select = v->offered_select,
		.device_feature = word(offered(v), v->offered_select),
		.guest_feature_select = v->accepted_select,
		.guest_feature = word(v->accepted, v->accepted_select),
		.msix_config = atomic_load(&v->config_vector),
		.num_queues = (uint16_t)v->dev->nr_queues,
		.device_status = read_status(v),
		.config_generation = v->generation,
		.queue_select = v->queue_select,
	};

	if (!range_contains(0, sizeof(c), off, len))
		return all_ones(len);
	read_queue(v, &c);
	return load_le((const char *)&c + off, len);
}

static void set_half(uint64_t *val, bool high, uint32_t half)
{
	unsigned int shift = high ? 32 : 0;

	*val &= ~(UINT64_C(0xffffffff) << shift);
	*val |= (uint64_t)half << shift;
}

/* What is no vector of ours reads back as none: 4.1.5.1.2. */
static uint16_t vector_of(const struct virtio_pci *v, uint64_t val)
{
	return val < v->msix.nr ? (uint16_t)val : VIRTIO_NO_VECTOR;
}

/* A queue is set up before it is enabled, and that before DRIVER_OK. */
static void write_queue(struct virtio_pci *v, unsigned int off, uint32_t val)
{
	struct virtio_queue *q = selected(v);

	if (!q)
		return;
	if (off == offsetof(common_cfg, queue_msix_vector)) {
		atomic_store(&q->vector, vector_of(v, val));
		return;
	}
	if (q->enabled || v->status & VIRTIO_CONFIG_S_DRIVER_OK)
		return;
	switch (off) {
	case offsetof(common_cfg, queue_size):
		if (val <= v->dev->queue_max && is_pow2(val))
			q->vq.size = (uint16_t)val;
		break;
	case offsetof(common_cfg, queue_enable):
		q->enabled = val == 1;
		break;
	case offsetof(common_cfg, queue_desc_lo):
	case offsetof(common_cfg, queue_desc_hi):
		set_half(&q->vq.desc, off & 4, val);
		break;
	case offsetof(common_cfg, queue_avail_lo):
	case offsetof(common_cfg, queue_avail_hi):
		set_half(&q->vq.driver, off & 4, val);
		break;
	case offsetof(common_cfg, queue_used_lo):
	case offsetof(common_cfg, queue_used_hi):
		set_half(&q->vq.device, off & 4, val);
		break;
	}
}

/* The width that a field has; others are not written (4.1.3.1). */
static unsigned int width(unsigned int off)
{
	switch (off) {
	case offsetof(common_cfg, device_status):
		return 1;
	case offsetof(common_cfg, msix_config):
	case offsetof(common_cfg, queue_select):
	case offsetof(common_cfg, queue_size):
	case offsetof(common_cfg, queue_msix_vector):
	case offsetof(common_cfg, queue_enable):
		return 2;
	default:
		return 4;
	}
}

static void write_field(struct virtio_pci *v, unsigned int off, uint32_t val)
{
	switch (off) {
	case offsetof(common_cfg, device_feature_select):
		v->offered_select = val;
		break;
	case offsetof(common_cfg, guest_feature_select):
		v->accepted_select = val;
		break;
	case offsetof(common_cfg, guest_feature):
		if (v->accepted_select < 2 &&
		    !(v->status & VIRTIO_CONFIG_S_FEATURES_OK))
			set_half(&v->accepted, v->accepted_select, val);
		break;
	case offsetof(common_cfg, msix_config):
		atomic_store(&v->config_vector, vector_of(v, val));
		break;
	case offsetof(common_cfg, device_status):
		write_status(v, (uint8_t)val);
		break;
	case offsetof(common_cfg, queue_select):
		v->queue_select = (uint16_t)val;
		break;
	default:
		write_queue(v, off, val);
	}
}

void virtio_common_write(struct virtio_pci *v, unsigned int off,
			 unsigned int len, uint64_t val)
{
	virtio_common_settle(v);
	/* The places of a queue may be written whole. */
	if (len == 8 && off >= offsetof(common_cfg, queue_desc_lo)) {
		write_field(v, off, (uint32_t)val);
		write_field(v, off + 4, (uint32_t)(val >> 32));
	} else if (len == width(off)) {
		write_field(v, off, (uint32_t)val);
	}
}
