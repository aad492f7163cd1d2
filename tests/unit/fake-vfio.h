/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A host device, memslots and interrupt routes that exist in memory only, and
 * a check of every rule that the real ones have: the functions of vfio.h, and
 * those of kvm.h, iommufd.h and irq.h that an assigned function calls. A test that
 * includes it links these instead of the real ones.
 */
#ifndef TESTS_UNIT_FAKE_VFIO_H
#define TESTS_UNIT_FAKE_VFIO_H

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "bus.h"
#include "iommufd.h"
#include "irq.h"
#include "kvm.h"
#include "loop.h"
#include "vfio-pci.h"
#include "vfio.h"

#define FAKE_SLOTS 64
#define FAKE_GSIS 4096
#define FAKE_RAM_END GIB(3)

struct vfio_device {
	uint8_t config[4096];
	struct vfio_region regions[VFIO_MAX_REGIONS];
	struct vfio_irq irqs[VFIO_NR_IRQS];
	bool can_reset;
	uint8_t bar_bytes[6][64]; /* what is read at the start of a BAR */
	/* State of the host. */
	int active_irq; /* INTX, MSI or MSIX; -1: none */
	unsigned int nr_host_vectors,
		max_host_vectors; /* 0: as many as asked */
	int vector_fds[2048];
	int event_fds[VFIO_NR_IRQS];
	int unmask_fd;
	void *maps[6];
	unsigned int nr_maps, nr_resets, nr_set_irqs, nr_unmasks;
	unsigned int nr_config_reads, nr_reads, nr_writes, last_len;
	uint64_t last_offset, last_value;
	int read_errno, unmask_fd_errno, export_errno;
	uint64_t exported[256]; /* bytes of a dma-buf, by fd */
	unsigned int pm_ctrl; /* where PMCSR is */
	bool power_stuck; /* and cannot be changed */
	uint8_t saved_command[2]; /* as it fell asleep */
	uint32_t devid; /* 0 stands for 1 */
	int set_errno; /* a reset of its bus is not to be had */
	bool asleep; /* low power, by the host */
	int low_power_errno;
	unsigned int nr_low_power;
};

/* One test runs at a time. */
static struct {
	struct vfio_device dev;
	struct {
		bool used, readonly;
		uint64_t gpa, size;
		void *hva;
	} slots[FAKE_SLOTS];
	unsigned int nr_slot_changes;
	bool slots_stuck; /* none can be removed */
	struct range iovas[FAKE_SLOTS]; /* BARs in the IOAS */
	int map_errno, unmap_errno;
	struct {
		bool used, set, committed;
		uint64_t addr;
		uint32_t data;
		int fd, resample_fd; /* irqfd; -1 */
		unsigned int injected;
	} gsis[FAKE_GSIS];
	unsigned int nr_commits, nr_irqfd_calls;
	/* What is on the device's bus, and how its reset ends. */
	uint32_t bus[4];
	unsigned int nr_bus, nr_bus_resets;
	int bus_errno;
	/* The n-th call that can fail does, with -ENOMEM; -1: none. */
	int fail_at, nr_calls;
} fake;

static inline int fake_fails(void)
{
	return fake.nr_calls++ == fake.fail_at ? -ENOMEM : 0;
}

static inline unsigned int fake_nr_slots(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < FAKE_SLOTS; i++)
		n += fake.slots[i].used;
	return n;
}

static inline unsigned int fake_nr_iovas(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < FAKE_SLOTS; i++)
		n += fake.iovas[i].size > 0;
	return n;
}

static inline unsigned int fake_nr_irqfds(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < FAKE_GSIS; i++)
		n += fake.gsis[i].fd >= 0;
	return n;
}

static inline unsigned int fake_nr_armed(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < 2048; i++)
		n += fake.dev.vector_fds[i] >= 0;
	return n;
}

/* The slot that holds gpa, or NULL-like -1. */
static inline int fake_slot_at(uint64_t gpa)
{
	for (int i = 0; i < FAKE_SLOTS; i++)
		if (fake.slots[i].used &&
		    range_contains(fake.slots[i].gpa, fake.slots[i].size, gpa,
				   1))
			return i;
	return -1;
}

static inline uint32_t fake_config(unsigned int off, unsigned int len)
{
	return (uint32_t)load_le(fake.dev.config + off, len);
}

static inline void fake_set_config(unsigned int off, unsigned int len,
				   uint32_t val)
{
	store_le(fake.dev.config + off, len, val);
}

/* Standard capability: header at off, next pointer. */
static inline void fake_cap(unsigned int off, uint8_t id, uint8_t next)
{
	fake.dev.config[off] = id;
	fake.dev.config[off + 1] = next;
}

static inline void fake_ext_cap(unsigned int off, uint16_t id,
				unsigned int next)
{
	fake_set_config(off, 4, id | 1u << 16 | (uint32_t)next << 20);
}

static inline void fake_bar(unsigned int i, uint64_t size, uint32_t flags,
			    bool mmap)
{
	struct vfio_region *r = &fake.dev.regions[i];

	r->size = size;
	r->offset = (uint64_t)i << 40;
	r->read = r->write = true;
	r->mmap = mmap;
	r->nr_areas = mmap;
	r->areas[0] = (struct range){ 0, size };
	fake_set_config(PCI_BASE_ADDRESS_0 + 4 * i, 4, 0xfe000000u | flags);
}

/* MSI-X capability at off with its table and pending bits. */
static inline void fake_msix(unsigned int off, unsigned int nr, uint32_t table,
			     uint32_t pba)
{
	fake_set_config(off + PCI_MSIX_FLAGS, 2, nr - 1);
	fake_set_config(off + PCI_MSIX_TABLE, 4, table);
	fake_set_config(off + PCI_MSIX_PBA, 4, pba);
	fake.dev.irqs[VFIO_MSIX] =
		(struct vfio_irq){ .count = nr, .eventfd = true };
}

/* A device like an NVMe controller: PM, MSI-X, PCIe; BAR 0 of 16 KiB with
 * the table at 8 KiB and the pending bits at 12 KiB. */
static inline void fake_reset(void)
{
	struct vfio_device *dev = &fake.dev;

	memset(&fake, 0, sizeof(fake));
	fake.fail_at = -1;
	dev->can_reset = true;
	dev->set_errno = ENODEV;
	dev->active_irq = -1;
	dev->unmask_fd = -1;
	memset(dev->vector_fds, 0xff, sizeof(dev->vector_fds));
	memset(dev->event_fds, 0xff, sizeof(dev->event_fds));
	for (unsigned int i = 0; i < FAKE_GSIS; i++)
		fake.gsis[i].fd = fake.gsis[i].resample_fd = -1;
	dev->regions[VFIO_REGION_CONFIG] = (struct vfio_region){
		.size = 4096, .read = true, .write = true
	};
	fake_set_config(PCI_VENDOR_ID, 4, 0x00101b36);
	fake_set_config(PCI_COMMAND, 4, 0x00100103);
	fake_set_config(PCI_CLASS_REVISION, 4, 0x01080202);
	fake_set_config(PCI_SUBSYSTEM_VENDOR_ID, 4, 0x11001af4);
	dev->config[PCI_CAPABILITY_LIST] = 0x40;
	dev->config[PCI_INTERRUPT_PIN] = 1;
	fake_bar(0, KIB(16), PCI_BASE_ADDRESS_MEM_TYPE_64, true);
	fake_cap(0x40, PCI_CAP_ID_MSIX, 0x80);
	fake_msix(0x40, 65, 0x2000, 0x3000);
	fake_cap(0x80, PCI_CAP_ID_EXP, 0x60);
	fake_set_config(0x82, 2, 2); /* version 2, endpoint */
	fake_set_config(0x84, 4, PCI_EXP_DEVCAP_FLR);
	fake_cap(0x60, PCI_CAP_ID_PM, 0);
	dev->pm_ctrl = 0x64;
	fake_set_config(0x64, 2, PCI_PM_CTRL_NO_SOFT_RESET);
	dev->irqs[VFIO_INTX] = (struct vfio_irq){ .count = 1 };
	dev->irqs[VFIO_REQ] = (struct vfio_irq){ .count = 1 };
}

/* vfio.h */

const char *vfio_name(const struct vfio_device *dev)
{
	(void)dev;
	return "0000:01:00.0";
}

uint32_t vfio_devid(const struct vfio_device *dev)
{
	return dev->devid ? dev->devid : 1;
}

bool vfio_can_reset(const struct vfio_device *dev)
{
	return dev->can_reset;
}

const struct vfio_region *vfio_region(const struct vfio_device *dev,
				      unsigned int index)
{
	return index < VFIO_MAX_REGIONS ? &dev->regions[index] : NULL;
}

const struct vfio_irq *vfio_irq(const struct vfio_device *dev,
				unsigned int index)
{
	return index < VFIO_NR_IRQS ? &dev->irqs[index] : NULL;
}

int vfio_read(struct vfio_device *dev, unsigned int index, uint64_t offset,
	      void *buf, unsigned int len)
{
	if (dev->read_errno)
		return -dev->read_errno;
	if (!range_contains(0, dev->regions[index].size, offset, len))
		return -EINVAL;
	if (index == VFIO_REGION_CONFIG) {
		dev->nr_config_reads++;
		memcpy(buf, dev->config + offset, len);
		return 0;
	}
	dev->nr_reads++;
	dev->last_offset = offset;
	dev->last_len = len;
	memset(buf, 0, len);
	if (index < 6 && offset + len <= sizeof(dev->bar_bytes[0]))
		memcpy(buf, dev->bar_bytes[index] + offset, len);
	return 0;
}

int vfio_read_all(struct vfio_device *dev, unsigned int index, uint64_t offset,
		  void *buf, size_t size)
{
	if (dev->read_errno)
		return -dev->read_errno;
	assert_true(range_contains(0, dev->regions[index].size, offset, size));
	dev->nr_reads++;
	memset(buf, 0x5a, size);
	return 0;
}

/* A device that loses its state in D3hot has it put back by the kernel. */
static inline void fake_power(struct vfio_device *dev, uint8_t to)
{
	uint8_t was = dev->config[dev->pm_ctrl];

	if (was & PCI_PM_CTRL_NO_SOFT_RESET)
		return;
	if ((was & PCI_PM_CTRL_STATE_MASK) < 3 &&
	    (to & PCI_PM_CTRL_STATE_MASK) == 3)
		memcpy(dev->saved_command, dev->config + PCI_COMMAND, 2);
	if ((was & PCI_PM_CTRL_STATE_MASK) == 3 &&
	    !(to & PCI_PM_CTRL_STATE_MASK))
		memcpy(dev->config + PCI_COMMAND, dev->saved_command, 2);
}

static inline void fake_config_write(struct vfio_device *dev, uint64_t offset,
				     const void *buf, unsigned int len)
{
	uint32_t val = (uint32_t)load_le(buf, len);

	/* The kernel acts on COMMAND only as a whole, and a 0 for memory
	 * would zap every BAR mapping. */
	if (offset <= PCI_COMMAND + 1 && offset + len > PCI_COMMAND) {
		assert_int_equal(offset, PCI_COMMAND);
		assert_int_equal(len, 2);
		assert_int_equal(val & 3, 3);
	}
	/* Asleep, its BARs fault, and what peers have mapped is revoked. */
	if (offset == dev->pm_ctrl && (val & PCI_PM_CTRL_STATE_MASK)) {
		assert_int_equal(fake_nr_slots(), 0);
		assert_int_equal(fake_nr_iovas(), 0);
	}
	dev->last_offset = offset;
	dev->last_len = len;
	dev->last_value = val;
	dev->nr_writes++;
	if (offset == dev->pm_ctrl && dev->power_stuck)
		return;
	if (dev->pm_ctrl && offset == dev->pm_ctrl)
		fake_power(dev, (uint8_t)val);
	memcpy(dev->config + offset, buf, len);
}

int vfio_write(struct vfio_device *dev, unsigned int index, uint64_t offset,
	       const void *buf, unsigned int len)
{
	if (!range_contains(0, dev->regions[index].size, offset, len))
		return -EINVAL;
	if (index == VFIO_REGION_CONFIG) {
		fake_config_write(dev, offset, buf, len);
		return 0;
	}
	dev->nr_writes++;
	dev->last_offset = offset;
	dev->last_len = len;
	dev->last_value = load_le(buf, len);
	return 0;
}

int vfio_map_region(struct vfio_device *dev, unsigned int index,
		    const struct range *areas, unsigned int nr, void **hva)
{
	int r = fake_fails();

	(void)areas;
	assert_true(nr > 0);
	assert_true(dev->regions[index].mmap);
	assert_null(dev->maps[index]);
	if (r)
		return r;
	*hva = dev->maps[index] = (void *)((index + 1ULL) << 44);
	dev->nr_maps++;
	return 0;
}

void vfio_unmap_region(struct vfio_device *dev, unsigned int index, void *hva,
		       bool keep)
{
	bool shown = false;

	assert_ptr_equal(dev->maps[index], hva);
	/* A memslot must not outlive what it shows. */
	for (unsigned int i = 0; i < FAKE_SLOTS; i++)
		shown |= fake.slots[i].used &&
			 (uintptr_t)fake.slots[i].hva >> 44 == index + 1;
	assert_int_equal(keep, shown);
	dev->maps[index] = NULL;
	dev->nr_maps--;
}

int vfio_dmabuf_export(struct vfio_device *dev, unsigned int index,
		       const struct range *area, int *fd)
{
	int r = fake_fails();

	if (!r && dev->export_errno)
		r = -dev->export_errno;
	if (r)
		return r;
	assert_true(index < 6 && dev->regions[index].mmap);
	assert_int_equal((area->start | area->size) & 4095, 0);
	assert_true(area->size > 0);
	*fd = dup(STDOUT_FILENO); /* any: nobody reads it */
	dev->exported[*fd] = area->size;
	return 0;
}

/* iommufd.h */

/* Whether peers reach gpa. */
static inline bool fake_iova_at(uint64_t gpa)
{
	for (unsigned int i = 0; i < FAKE_SLOTS; i++)
		if (ranges_overlap(fake.iovas[i].start, fake.iovas[i].size, gpa,
				   1))
			return true;
	return false;
}

int iommufd_map_dmabuf(struct iommufd *iommufd, iova_t iova, uint64_t size,
		       int dmabuf_fd)
{
	unsigned int i;

	assert_non_null(iommufd);
	assert_int_equal(fake.dev.exported[dmabuf_fd], size);
	if (fake.map_errno)
		return -fake.map_errno;
	if (iova < FAKE_RAM_END)
		return -EEXIST;
	for (i = 0; i < FAKE_SLOTS; i++)
		if (ranges_overlap(fake.iovas[i].start, fake.iovas[i].size,
				   iova, size))
			return -EEXIST;
	for (i = 0; fake.iovas[i].size; i++)
		assert_true(i < FAKE_SLOTS - 1);
	fake.iovas[i] = (struct range){ iova, size };
	return 0;
}

int iommufd_unmap_dmabuf(struct iommufd *iommufd, iova_t iova, uint64_t size)
{
	assert_non_null(iommufd);
	if (fake.unmap_errno)
		return -fake.unmap_errno;
	for (unsigned int i = 0; i < FAKE_SLOTS; i++)
		if (fake.iovas[i].start == iova && fake.iovas[i].size == size) {
			fake.iovas[i] = (struct range){ 0, 0 };
			return 0;
		}
	fail_msg("not mapped: 0x%llx", (unsigned long long)iova);
	return -ENOENT;
}

static inline bool fake_is_exclusive(unsigned int index)
{
	return index == VFIO_INTX || index == VFIO_MSI || index == VFIO_MSIX;
}

int vfio_irq_set(struct vfio_device *dev, unsigned int index,
		 unsigned int start, unsigned int count, const int *fds)
{
	int r = fake_fails();

	dev->nr_set_irqs++;
	assert_true(range_contains(0, dev->irqs[index].count, start, count));
	if (r)
		return r;
	if (!fake_is_exclusive(index)) {
		dev->event_fds[index] = fds[0];
		return 0;
	}
	assert_true(dev->active_irq < 0 || dev->active_irq == (int)index);
	if (dev->active_irq < 0 && dev->max_host_vectors &&
	    start + count > dev->max_host_vectors)
		return -ENOSPC;
	if (dev->active_irq < 0)
		dev->nr_host_vectors = start + count;
	else if (dev->irqs[index].noresize &&
		 start + count > dev->nr_host_vectors)
		return -EINVAL;
	dev->active_irq = (int)index;
	memcpy(&dev->vector_fds[start], fds, count * sizeof(fds[0]));
	return 0;
}

int vfio_irq_disable(struct vfio_device *dev, unsigned int index)
{
	if (!fake_is_exclusive(index)) {
		dev->event_fds[index] = -1;
		return 0;
	}
	if (dev->active_irq != (int)index)
		return 0;
	/* Nothing may be injected from a source that is gone. */
	assert_int_equal(fake_nr_irqfds(), 0);
	memset(dev->vector_fds, 0xff, sizeof(dev->vector_fds));
	dev->active_irq = -1;
	dev->unmask_fd = -1;
	return 0;
}

int vfio_irq_unmask(struct vfio_device *dev, unsigned int index)
{
	assert_int_equal(index, VFIO_INTX);
	assert_int_equal(dev->active_irq, VFIO_INTX);
	dev->nr_unmasks++;
	return 0;
}

int vfio_irq_unmask_fd(struct vfio_device *dev, unsigned int index, int fd)
{
	assert_int_equal(index, VFIO_INTX);
	if (dev->unmask_fd_errno)
		return -dev->unmask_fd_errno;
	assert_int_equal(dev->active_irq, VFIO_INTX); /* TRIGGER first */
	dev->unmask_fd = fd;
	return 0;
}

int vfio_reset(struct vfio_device *dev)
{
	int r = fake_fails();

	assert_int_equal(fake_nr_slots(), 0);
	assert_int_equal(fake_nr_iovas(), 0);
	assert_int_equal(fake_nr_irqfds(), 0);
	assert_int_equal(dev->active_irq, -1);
	assert_int_equal(fake_config(PCI_COMMAND, 2) & PCI_COMMAND_MASTER, 0);
	assert_false(dev->asleep);
	dev->nr_resets++;
	return r;
}

int vfio_hot_reset_set(struct vfio_device *dev, uint32_t *devids,
		       unsigned int max)
{
	if (dev->set_errno)
		return -dev->set_errno;
	assert_true(fake.nr_bus <= max);
	memcpy(devids, fake.bus, fake.nr_bus * sizeof(*devids));
	return (int)fake.nr_bus;
}

int vfio_hot_reset(struct vfio_device *dev)
{
	assert_int_equal(fake_nr_slots(), 0);
	assert_int_equal(fake_nr_irqfds(), 0);
	assert_int_equal(
		load_le(dev->config + PCI_COMMAND, 2) & PCI_COMMAND_MASTER, 0);
	assert_false(dev->asleep);
	fake.nr_bus_resets++;
	return -fake.bus_errno;
}

int vfio_low_power(struct vfio_device *dev, bool on)
{
	if (dev->low_power_errno)
		return -dev->low_power_errno;
	assert_int_equal(fake_nr_slots(), 0);
	assert_int_equal(dev->asleep, !on);
	dev->asleep = on;
	dev->nr_low_power += on;
	return 0;
}

/* kvm.h */

int kvm_memslot_add(struct kvm *kvm, gpa_t gpa, uint64_t size, void *hva,
		    bool readonly, unsigned int *slot)
{
	unsigned int i = 0;

	(void)kvm;
	assert_int_equal((gpa | size | (uintptr_t)hva) & 4095, 0);
	assert_true(size > 0);
	if (fake_fails())
		return -ENOSPC;
	if (gpa < FAKE_RAM_END)
		return -EEXIST;
	for (i = 0; i < FAKE_SLOTS; i++)
		if (fake.slots[i].used &&
		    ranges_overlap(fake.slots[i].gpa, fake.slots[i].size, gpa,
				   size))
			return -EEXIST;
	for (i = 0; fake.slots[i].used; i++)
		assert_true(i < FAKE_SLOTS - 1);
	fake.slots[i].used = true;
	fake.slots[i].gpa = gpa;
	fake.slots[i].size = size;
	fake.slots[i].hva = hva;
	fake.slots[i].readonly = readonly;
	fake.nr_slot_changes++;
	*slot = i;
	return 0;
}

int kvm_memslot_del(struct kvm *kvm, unsigned int slot)
{
	(void)kvm;
	assert_true(slot < FAKE_SLOTS && fake.slots[slot].used);
	if (fake.slots_stuck)
		return -ENOMEM;
	fake.slots[slot].used = false;
	fake.nr_slot_changes++;
	return 0;
}

/* irq.h */

int irq_msi_alloc(struct irq *irq, uint32_t *gsi)
{
	int r = fake_fails();

	(void)irq;
	for (*gsi = 24; fake.gsis[*gsi].used; ++*gsi)
		assert_true(*gsi < FAKE_GSIS - 1);
	fake.gsis[*gsi].used = !r;
	return r;
}

void irq_msi_free(struct irq *irq, uint32_t gsi)
{
	(void)irq;
	assert_true(fake.gsis[gsi].used);
	assert_true(fake.gsis[gsi].fd < 0);
	fake.gsis[gsi].used = false;
	fake.gsis[gsi].set = fake.gsis[gsi].committed = false;
}

void irq_msi_set(struct irq *irq, uint32_t gsi, uint64_t addr, uint32_t data)
{
	(void)irq;
	assert_true(fake.gsis[gsi].used);
	if (fake.gsis[gsi].set && fake.gsis[gsi].addr == addr &&
	    fake.gsis[gsi].data == data)
		return;
	fake.gsis[gsi].set = true;
	fake.gsis[gsi].committed = false;
	fake.gsis[gsi].addr = addr;
	fake.gsis[gsi].data = data;
}

int irq_commit(struct irq *irq)
{
	bool dirty = false;

	(void)irq;
	for (unsigned int i = 24; i < FAKE_GSIS; i++) {
		dirty |= fake.gsis[i].set && !fake.gsis[i].committed;
		fake.gsis[i].committed = fake.gsis[i].set;
	}
	fake.nr_commits += dirty;
	return 0;
}

int irq_fd_assign(struct irq *irq, uint32_t gsi, int fd, int resamplefd)
{
	int r = fake_fails();

	(void)irq;
	fake.nr_irqfd_calls++;
	assert_true(fd >= 0);
	assert_true(fake.gsis[gsi].fd < 0);
	/* Before its route is in effect, an event would be lost. */
	assert_true(gsi < 24 || fake.gsis[gsi].committed);
	if (r)
		return r;
	fake.gsis[gsi].fd = fd;
	fake.gsis[gsi].resample_fd = resamplefd;
	/* KVM looks for what came before, but leaves it there. */
	fake.gsis[gsi].injected +=
		poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 0) == 1;
	return 0;
}

int irq_fd_deassign(struct irq *irq, uint32_t gsi, int fd)
{
	(void)irq;
	fake.nr_irqfd_calls++;
	assert_int_equal(fake.gsis[gsi].fd, fd);
	fake.gsis[gsi].fd = fake.gsis[gsi].resample_fd = -1;
	return 0;
}

/* The device signals a vector: KVM takes it if it listens. */
static inline void fake_fire(unsigned int vector)
{
	int fd = fake.dev.vector_fds[vector];
	uint64_t one = 1;

	assert_true(fd >= 0);
	for (unsigned int i = 0; i < FAKE_GSIS; i++)
		if (fake.gsis[i].fd == fd) {
			fake.gsis[i].injected++;
			return;
		}
	assert_int_equal(write(fd, &one, 8), 8);
}

static inline void fake_stop_loop(void *loop)
{
	loop_stop(loop);
}

/* The loop does what there is to do. */
static inline void fake_spin(struct loop *loop)
{
	struct loop_timer t = { 0 };

	assert_int_equal(loop_timer_init(loop, &t, fake_stop_loop, loop), 0);
	assert_int_equal(loop_timer_set(&t, 5), 0);
	assert_int_equal(loop_run(loop), 0);
	loop_timer_fini(loop, &t);
}

#endif
