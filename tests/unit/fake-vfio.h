/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A host device, memslots and interrupt routes that exist in memory only, and
 * a check of every rule that the real ones have: the functions of vfio.h, and
 * those of kvm.h, iommufd.h and irq.h that an assigned function calls. A test
 * that includes it links these instead of the real ones.
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
	bool line_is_high; /* an interrupt is pending as INTX is enabled */
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

#include "fake-vfio-device.h"
#include "fake-vfio-host.h"

#endif
