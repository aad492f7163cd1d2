// SPDX-License-Identifier: BSD-2-Clause
/*
 * virtio-pci - a virtio device as a PCI function. Owns its configuration
 * space, the BAR in which the parts of Virtio 1.3, section 4.1.4, lie, and the
 * ioeventfds by which kicks reach the model without an exit to us.
 */
#include "virtio-pci-priv.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/pci.h>
#include <linux/pci_regs.h>
#include <linux/virtio_pci.h>

#include "json.h"
#include "kvm.h"

#define VIRTIO_VENDOR 0x1af4
#define VIRTIO_DEVICE_BASE 0x1040 /* 4.1.2: plus the device's type */

/* Offsets in a capability of type VIRTIO_PCI_CAP_PCI_CFG. */
#define CFG_BAR offsetof(struct virtio_pci_cap, bar)
#define CFG_OFFSET offsetof(struct virtio_pci_cap, offset)
#define CFG_LENGTH offsetof(struct virtio_pci_cap, length)
#define CFG_DATA sizeof(struct virtio_pci_cap)
#define CFG_SIZE (CFG_DATA + 4)

static uint64_t device_read(struct virtio_dev *dev, unsigned int off,
			    unsigned int len)
{
	uint64_t val = 0;

	if (!range_contains(0, dev->config_bytes, off, len))
		return all_ones(len);
	if (dev->ops->config_read)
		dev->ops->config_read(dev, off, &val, len);
	return val;
}

static void device_write(struct virtio_dev *dev, unsigned int off,
			 unsigned int len, uint64_t val)
{
	if (range_contains(0, dev->config_bytes, off, len) &&
	    dev->ops->config_write)
		dev->ops->config_write(dev, off, &val, len);
}

/* A kick that KVM did not take: before there is an ioeventfd, or in place of
 * one. */
static void kick(struct virtio_pci *v, unsigned int off)
{
	unsigned int i = off / VIRTIO_NOTIFY_STEP;

	if (i >= v->dev->nr_queues)
		return;
	v->dev->queues[i].nr_kicks++;
	virtio_kick(v->dev, i);
}

static uint64_t bar_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct virtio_pci *v = opaque;
	unsigned int off = (unsigned int)offset % VIRTIO_BAR_PAGE;

	switch (offset - off) {
	case VIRTIO_BAR_COMMON:
		return virtio_common_read(v, off, len);
	case VIRTIO_BAR_ISR:
		return off || len != 1 ? all_ones(len) : virtio_irq_isr_read(v);
	case VIRTIO_BAR_DEVICE:
		return device_read(v->dev, off, len);
	case VIRTIO_BAR_TABLE:
		return pci_msix_table_read(&v->msix, off, len);
	case VIRTIO_BAR_PBA:
		return pci_msix_pba_read(&v->msix, off, len);
	default:
		return all_ones(len);
	}
}

static void bar_write(void *opaque, uint64_t offset, unsigned int len,
		      uint64_t val)
{
	struct virtio_pci *v = opaque;
	unsigned int off = (unsigned int)offset % VIRTIO_BAR_PAGE;

	switch (offset - off) {
	case VIRTIO_BAR_COMMON:
		virtio_common_write(v, off, len, val);
		break;
	case VIRTIO_BAR_DEVICE:
		device_write(v->dev, off, len, val);
		break;
	case VIRTIO_BAR_NOTIFY:
		kick(v, off);
		break;
	case VIRTIO_BAR_TABLE:
		pci_msix_table_write(&v->msix, off, len, val);
		break;
	}
}

/* Without ioeventfds kicks are exits: nothing else changes. */
static void add_ioeventfds(void *opaque)
{
	struct virtio_pci *v = opaque;
	struct virtio_dev *dev = v->dev;
	unsigned int i;
	int r = 0;

	v->kicks_at = v->bar.start + VIRTIO_BAR_NOTIFY;
	for (i = 0; !r && i < dev->nr_queues; i++)
		r = kvm_ioeventfd(v->kvm, dev->queues[i].kick_fd,
				  v->kicks_at + i * VIRTIO_NOTIFY_STEP, true);
	v->by_ioeventfd = true;
	if (r)
		virtio_warn(dev, "kicks are slow: KVM_IOEVENTFD: %s",
			    strerror(-r));
}

static void del_ioeventfds(struct virtio_pci *v)
{
	if (!v->by_ioeventfd)
		return;
	v->by_ioeventfd = false;
	/* -ENOENT for what could not be added. */
	for (unsigned int i = 0; i < v->dev->nr_queues; i++)
		(void)kvm_ioeventfd(v->kvm, v->dev->queues[i].kick_fd,
				    v->kicks_at + i * VIRTIO_NOTIFY_STEP,
				    false);
}

static const struct bus_ops bar_ops = {
	.read = bar_read,
	.write = bar_write,
	.placed = add_ioeventfds,
};

static void unmap(struct virtio_pci *v)
{
	del_ioeventfds(v);
	bus_remove(v->bus, &v->bar);
}

static void decode_changed(struct pci_dev *pci)
{
	struct virtio_pci *v = container_of(pci, struct virtio_pci, pci);

	unmap(v);
	v->bar.start = pci->bars.bar[0].addr;
	if (pci_dev_mem_enabled(pci) && !bus_add(v->bus, &v->bar))
		add_ioeventfds(v);
}

/*
 * 4.1.4.9: the BAR through a window in configuration space.  What the window
 * is set to is the guest's: only a naturally aligned part of BAR 0 is served.
 */
static bool window(const struct virtio_pci *v, unsigned int *off,
		   unsigned int *len)
{
	const struct pci_config *c = &v->pci.cfg;

	*off = pci_config_get(c, v->cfg_cap + CFG_OFFSET, 4);
	*len = pci_config_get(c, v->cfg_cap + CFG_LENGTH, 4);
	return !pci_config_get(c, v->cfg_cap + CFG_BAR, 1) &&
	       (*len == 1 || *len == 2 || *len == 4) && *off % *len == 0 &&
	       range_contains(0, VIRTIO_BAR_SIZE, *off, *len);
}

static uint32_t config_read(struct pci_dev *pci, unsigned int off,
			    unsigned int len)
{
	struct virtio_pci *v = container_of(pci, struct virtio_pci, pci);
	unsigned int at, n;

	if (off == v->cfg_cap + CFG_DATA && window(v, &at, &n))
		return (uint32_t)bar_read(v, at, n) & (uint32_t)all_ones(len);
	return pci_dev_config_read(pci, off, len);
}

/* A device that may no longer master the bus stops, and is reset by whoever
 * wants it to go on. */
static void command_written(struct virtio_pci *v)
{
	if (!(pci_config_get(&v->pci.cfg, PCI_COMMAND, 2) & PCI_COMMAND_MASTER))
		virtio_common_stop(v);
}

static void config_write(struct pci_dev *pci, unsigned int off,
			 unsigned int len, uint32_t val)
{
	struct virtio_pci *v = container_of(pci, struct virtio_pci, pci);
	unsigned int at, n;

	if (off == v->cfg_cap + CFG_DATA && window(v, &at, &n))
		bar_write(v, at, n, val & all_ones(n));
	pci_dev_config_write(pci, off, len, val);
	if (ranges_overlap(off, len, PCI_COMMAND, 2))
		command_written(v);
	virtio_irq_config_written(v);
}

/* One capability of section 4.1.4; the room for it was counted. */
static unsigned int add_part(struct virtio_pci *v, uint8_t type,
			     unsigned int size, uint32_t offset,
			     uint32_t length)
{
	struct pci_config *c = &v->pci.cfg;
	unsigned int at = 0;

	(void)pci_config_add_cap(c, PCI_CAP_ID_VNDR, 0, size, &at);
	pci_config_set(c, at + offsetof(struct virtio_pci_cap, cap_len), 1,
		       size);
	pci_config_set(c, at + offsetof(struct virtio_pci_cap, cfg_type), 1,
		       type);
	pci_config_set(c, at + CFG_OFFSET, 4, offset);
	pci_config_set(c, at + CFG_LENGTH, 4, length);
	return at;
}

static void add_parts(struct virtio_pci *v)
{
	const unsigned int size = sizeof(struct virtio_pci_cap);
	struct pci_config *c = &v->pci.cfg;
	unsigned int at;

	add_part(v, VIRTIO_PCI_CAP_COMMON_CFG, size, VIRTIO_BAR_COMMON,
		 sizeof(struct virtio_pci_common_cfg));
	add_part(v, VIRTIO_PCI_CAP_ISR_CFG, size, VIRTIO_BAR_ISR, 1);
	if (v->dev->config_bytes)
		add_part(v, VIRTIO_PCI_CAP_DEVICE_CFG, size, VIRTIO_BAR_DEVICE,
			 v->dev->config_bytes);
	at = add_part(v, VIRTIO_PCI_CAP_NOTIFY_CFG, size + 4, VIRTIO_BAR_NOTIFY,
		      v->dev->nr_queues * VIRTIO_NOTIFY_STEP);
	pci_config_set(c, at + size, 4, VIRTIO_NOTIFY_STEP);

	v->cfg_cap = add_part(v, VIRTIO_PCI_CAP_PCI_CFG, CFG_SIZE, 0, 0);
	pci_config_set_wmask(c, v->cfg_cap + CFG_BAR, 1, 0xff);
	pci_config_set_wmask(c, v->cfg_cap + CFG_OFFSET, 4, UINT32_MAX);
	pci_config_set_wmask(c, v->cfg_cap + CFG_LENGTH, 4, UINT32_MAX);
	pci_config_set_wmask(c, v->cfg_cap + CFG_DATA, 4, UINT32_MAX);

	(void)pci_config_add_cap(c, PCI_CAP_ID_MSIX, 0, PCI_CAP_MSIX_SIZEOF,
				 &v->msix_cap);
	pci_config_set(c, v->msix_cap + PCI_MSIX_FLAGS, 2,
		       pci_msix_ctrl(&v->msix));
	pci_config_set_wmask(c, v->msix_cap + PCI_MSIX_FLAGS, 2,
			     PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	pci_config_set(c, v->msix_cap + PCI_MSIX_TABLE, 4, VIRTIO_BAR_TABLE);
	pci_config_set(c, v->msix_cap + PCI_MSIX_PBA, 4, VIRTIO_BAR_PBA);
}

/* Base class and sub-class, PCI Code and ID Assignment Specification. */
static uint16_t class_of(enum virtio_type type)
{
	switch (type) {
	case VIRTIO_BLOCK:
	case VIRTIO_FS:
		return 0x0180; /* mass storage, other */
	case VIRTIO_CONSOLE:
		return 0x0780; /* communication, other */
	case VIRTIO_ENTROPY:
		break;
	}
	return 0xff00; /* in no class */
}

/* Power-on state; idle. */
static void fill_config(struct virtio_pci *v)
{
	struct pci_config *c = &v->pci.cfg;
	uint32_t id = VIRTIO_DEVICE_BASE + v->dev->type;

	pci_config_init(c);
	pci_config_set(c, PCI_VENDOR_ID, 2, VIRTIO_VENDOR);
	pci_config_set(c, PCI_DEVICE_ID, 2, id);
	pci_config_set(c, PCI_REVISION_ID, 1, 1);
	pci_config_set(c, PCI_CLASS_DEVICE, 2, class_of(v->dev->type));
	pci_config_set(c, PCI_SUBSYSTEM_VENDOR_ID, 2, VIRTIO_VENDOR);
	pci_config_set(c, PCI_SUBSYSTEM_ID, 2, id);
	pci_config_set(c, PCI_INTERRUPT_PIN, 1, 1);
	pci_config_set_wmask(c, PCI_INTERRUPT_LINE, 1, 0xff);
	pci_config_set_wmask(c, PCI_COMMAND, 2,
			     PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
				     PCI_COMMAND_INTX_DISABLE);
	add_parts(v);
	pci_bars_init(&v->pci.bars);
	(void)pci_bars_set(&v->pci.bars, 0, PCI_BAR_MEM32, false,
			   VIRTIO_BAR_SIZE);
}

static void pci_reset(struct pci_dev *pci)
{
	struct virtio_pci *v = container_of(pci, struct virtio_pci, pci);

	unmap(v);
	fill_config(v);
	virtio_irq_off(v);
	virtio_common_reset(v);
}

static const struct pci_dev_ops pci_ops = {
	.config_read = config_read,
	.config_write = config_write,
	.decode_changed = decode_changed,
	.reset = pci_reset,
};

int virtio_pci_create(struct virtio_pci **out,
		      const struct virtio_pci_params *params)
{
	struct virtio_pci *v = calloc(1, sizeof(*v));
	const char *name = params->dev->name;
	int r = -ENOMEM;

	if (!v) {
		log_err("%s: out of memory", name);
		return r;
	}
	v->dev = params->dev;
	v->host = params->host;
	v->bus = params->bus;
	v->irq = params->irq;
	v->kvm = params->kvm;
	v->ram = params->ram;
	v->intx_gsi = params->intx_gsi;
	v->pci.ops = &pci_ops;
	v->pci.name = name;
	v->bar = (struct bus_range){
		.name = name,
		.space = BUS_MMIO,
		.size = VIRTIO_BAR_SIZE,
		.ops = &bar_ops,
		.opaque = v,
	};
	r = virtio_irq_init(v);
	if (r) {
		log_err("%s: no interrupts: %s", name, strerror(-r));
		goto err;
	}
	pci_reset(&v->pci);
	r = pci_host_add(v->host, PCI_DEVFN(params->slot, 0), &v->pci);
	if (r)
		goto err;
	v->on_host = true;
	v->dev->pci = v;
	v->dev->bus = v->bus;
	v->dev->ram = v->ram;
	*out = v;
	return 0;
err:
	virtio_pci_destroy(v);
	return r;
}

void virtio_pci_destroy(struct virtio_pci *v)
{
	if (!v)
		return;
	if (v->on_host)
		pci_host_remove(v->host, v->pci.devfn);
	unmap(v);
	bus_forget(v->bus, &v->bar);
	virtio_irq_fini(v);
	v->dev->pci = NULL;
	free(v);
}

int virtio_pci_run(struct virtio_pci *v, struct loop *loop)
{
	int r = virtio_irq_run(v, loop);

	return r || !v->dev->ops->run ? r : v->dev->ops->run(v->dev, loop);
}

void virtio_pci_stop(struct virtio_pci *v)
{
	bus_lock(v->bus);
	virtio_common_stop(v);
	bus_unlock(v->bus);
}

bool virtio_pci_settle(struct virtio_pci *v)
{
	bool done;

	bus_lock(v->bus);
	virtio_common_settle(v);
	done = v->state == VIRTIO_IDLE;
	if (done)
		virtio_irq_off(v);
	bus_unlock(v->bus);
	return done;
}

void virtio_pci_quiesce(struct virtio_pci *v)
{
	struct virtio_dev *dev = v->dev;

	virtio_pci_stop(v);
	if (dev->ops->wait)
		dev->ops->wait(dev);
	(void)virtio_pci_settle(v);
}

void virtio_pci_stats(struct virtio_pci *v, struct json *j)
{
	uint64_t kicks = 0, interrupts = 0;

	for (unsigned int i = 0; i < v->dev->nr_queues; i++) {
		kicks += v->dev->queues[i].nr_kicks;
		interrupts += v->dev->queues[i].nr_interrupts;
	}
	json_u64(j, "kicks_trapped", kicks);
	json_u64(j, "interrupts", interrupts);
	if (v->dev->ops->stats)
		v->dev->ops->stats(v->dev, j);
}
