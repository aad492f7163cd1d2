/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtio function on a host bridge, over interrupts and a KVM that are not
 * there.  Its model, of two queues, does nothing but say what it was told.
 * After harness.h.
 */
#ifndef TESTS_UNIT_VIRTIO_PCI_FIXTURE_H
#define TESTS_UNIT_VIRTIO_PCI_FIXTURE_H

#include "virtio-driver.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <poll.h>
#include <stdlib.h>

#include "bus.h"
#include "irq.h"
#include "kvm.h"
#include "pci.h"
#include "virtio-pci.h"
#include "virtio.h"

#define ECAM 0xe0000000ULL
#define SLOT 3
#define BAR 0xd0000000ULL
#define GSI 17
#define FIRST_MSI 32
#define NR_GSIS 8
#define OWN_FEATURE (1ULL << 5)
#define VERSION_1 (1ULL << VIRTIO_F_VERSION_1)

#define FIELD(name) offsetof(struct virtio_pci_common_cfg, name)

static struct {
	struct { /* of GSIs from FIRST_MSI */
		bool used;
		int fd; /* plus 1: 0 is none */
		bool found; /* it was readable: KVM interrupts at once */
		struct irq_message msg;
	} msi[NR_GSIS];
	bool line;
	struct {
		int fd;
		gpa_t addr;
	} kicks[4];
	unsigned int nr_kicks;
	int kick_error;
} fake;

static inline bool readable(int fd)
{
	struct pollfd pfd = { fd, POLLIN, 0 };

	return poll(&pfd, 1, 0) > 0;
}

int kvm_ioeventfd(struct kvm *kvm, int fd, gpa_t addr, bool assign)
{
	(void)kvm;
	if (assign && fake.kick_error)
		return fake.kick_error;
	for (unsigned int i = 0; i < fake.nr_kicks; i++) {
		if (fake.kicks[i].fd != fd || fake.kicks[i].addr != addr)
			continue;
		assert_false(assign);
		fake.kicks[i] = fake.kicks[--fake.nr_kicks];
		return 0;
	}
	if (!assign)
		return -ENOENT;
	assert_true(fake.nr_kicks < ARRAY_SIZE(fake.kicks));
	fake.kicks[fake.nr_kicks].fd = fd;
	fake.kicks[fake.nr_kicks++].addr = addr;
	return 0;
}

int irq_msi_alloc(struct irq *irq, uint32_t *gsi)
{
	(void)irq;
	for (unsigned int i = 0; i < NR_GSIS; i++) {
		if (fake.msi[i].used)
			continue;
		fake.msi[i].used = true;
		*gsi = FIRST_MSI + i;
		return 0;
	}
	return -ENOSPC;
}

void irq_msi_free(struct irq *irq, uint32_t gsi)
{
	(void)irq;
	assert_int_equal(fake.msi[gsi - FIRST_MSI].fd, 0);
	fake.msi[gsi - FIRST_MSI].used = false;
}

void irq_msi_set(struct irq *irq, uint32_t gsi, const struct irq_message *msg)
{
	(void)irq;
	fake.msi[gsi - FIRST_MSI].msg = *msg;
}

int irq_commit(struct irq *irq)
{
	(void)irq;
	return 0;
}

int irq_fd_assign(struct irq *irq, uint32_t gsi, int fd, int resamplefd)
{
	(void)irq;
	assert_int_equal(resamplefd, -1);
	assert_int_equal(fake.msi[gsi - FIRST_MSI].fd, 0);
	fake.msi[gsi - FIRST_MSI].fd = fd + 1;
	fake.msi[gsi - FIRST_MSI].found = readable(fd);
	return 0;
}

int irq_fd_deassign(struct irq *irq, uint32_t gsi, int fd)
{
	(void)irq;
	assert_int_equal(fake.msi[gsi - FIRST_MSI].fd, fd + 1);
	fake.msi[gsi - FIRST_MSI].fd = 0;
	return 0;
}

void irq_share_level(struct irq *irq, uint32_t gsi, bool level)
{
	(void)irq;
	assert_int_equal(gsi, GSI);
	assert_true(fake.line != level);
	fake.line = level;
}

/* The model. */
static struct {
	struct virtio_dev dev;
	unsigned int nr_starts, nr_stops;
	bool busy; /* a stop takes until this is false */
	uint8_t config[8];
} model;

static inline void model_start(struct virtio_dev *dev)
{
	(void)dev;
	model.nr_starts++;
}

static inline void model_stop(struct virtio_dev *dev)
{
	(void)dev;
	model.nr_stops++;
}

static inline bool model_stopped(struct virtio_dev *dev)
{
	(void)dev;
	return !model.busy;
}

static inline void model_read(struct virtio_dev *dev, unsigned int off,
			      void *buf, unsigned int len)
{
	(void)dev;
	memcpy(buf, model.config + off, len);
}

static inline void model_write(struct virtio_dev *dev, unsigned int off,
			       const void *buf, unsigned int len)
{
	(void)dev;
	memcpy(model.config + off, buf, len);
}

static const struct virtio_ops model_ops = {
	.config_read = model_read,
	.config_write = model_write,
	.start = model_start,
	.stop = model_stop,
	.stopped = model_stopped,
};

static struct driver_mem mem;
static struct bus *bus;
static struct pci_host *host;
static struct virtio_pci *v;

static inline uint64_t access_mmio(uint64_t addr, unsigned int len, bool write,
				   uint64_t val)
{
	bus_access(bus, BUS_MMIO, addr, &val, len, write);
	return val & all_ones(len);
}

static inline uint32_t cfg(unsigned int off, unsigned int len)
{
	return (uint32_t)access_mmio(ECAM + (SLOT << 15) + off, len, false, 0);
}

static inline void set_cfg(unsigned int off, unsigned int len, uint32_t val)
{
	(void)access_mmio(ECAM + (SLOT << 15) + off, len, true, val);
}

/* Where the capability of a type puts its part, in BAR 0; and itself. */
static inline unsigned int find_part(uint8_t type, unsigned int *at)
{
	unsigned int pos = cfg(PCI_CAPABILITY_LIST, 1);

	while (pos &&
	       (cfg(pos, 1) != PCI_CAP_ID_VNDR || cfg(pos + 3, 1) != type))
		pos = cfg(pos + 1, 1);
	assert_int_not_equal(pos, 0);
	if (at)
		*at = pos;
	assert_int_equal(cfg(pos + 4, 1), 0);
	return cfg(pos + 8, 4);
}

static inline uint64_t part(uint8_t type, unsigned int off)
{
	return BAR + find_part(type, NULL) + off;
}

static inline uint64_t get(unsigned int off, unsigned int len)
{
	return access_mmio(part(VIRTIO_PCI_CAP_COMMON_CFG, off), len, false, 0);
}

static inline void set(unsigned int off, unsigned int len, uint64_t val)
{
	(void)access_mmio(part(VIRTIO_PCI_CAP_COMMON_CFG, off), len, true, val);
}

static inline uint8_t status(void)
{
	return (uint8_t)get(FIELD(device_status), 1);
}

static inline void set_status(uint8_t val)
{
	set(FIELD(device_status), 1, val);
}

static inline void accept(uint64_t features)
{
	set_status(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	for (unsigned int i = 0; i < 2; i++) {
		set(FIELD(guest_feature_select), 4, i);
		set(FIELD(guest_feature), 4, (uint32_t)(features >> 32 * i));
	}
	set_status(status() | VIRTIO_CONFIG_S_FEATURES_OK);
}

/* Queue i as d has it. */
static inline void place(unsigned int i, const struct driver *d)
{
	set(FIELD(queue_select), 2, i);
	set(FIELD(queue_size), 2, d->size);
	set(FIELD(queue_desc_lo), 4, (uint32_t)d->desc_gpa);
	set(FIELD(queue_desc_hi), 4, d->desc_gpa >> 32);
	set(FIELD(queue_avail_lo), 8, d->avail_gpa);
	set(FIELD(queue_used_lo), 8, d->used_gpa);
	set(FIELD(queue_msix_vector), 2, i + 1);
	set(FIELD(queue_enable), 2, 1);
}

/* Up to DRIVER_OK, with queue 0 alone. */
static inline void bring_up(struct driver *d)
{
	accept(VERSION_1);
	driver_init(d, &mem, 8, 0);
	place(0, d);
	set_status(status() | VIRTIO_CONFIG_S_DRIVER_OK);
}

static inline int virtio_setup(void **state)
{
	const struct range ecam = { ECAM, MIB(1) };
	struct virtio_pci_params params = { .dev = &model.dev,
					    .slot = SLOT,
					    .intx_gsi = GSI };

	(void)state;
	memset(&fake, 0, sizeof(fake));
	memset(&model, 0, sizeof(model));
	model.dev.ops = &model_ops;
	model.dev.type = VIRTIO_BLOCK;
	model.dev.offered = OWN_FEATURE;
	model.dev.config_bytes = sizeof(model.config);
	model.dev.nr_queues = 2;
	model.dev.queue_max = 64;
	assert_int_equal(virtio_init(&model.dev, "model"), 0);
	driver_mem_init(&mem);
	assert_int_equal(bus_create(&bus), 0);
	assert_int_equal(pci_host_create(&host, bus, &ecam), 0);
	params.host = host;
	params.bus = bus;
	params.ram = mem.ram;
	assert_int_equal(virtio_pci_create(&v, &params), 0);
	set_cfg(PCI_BASE_ADDRESS_0, 4, (uint32_t)BAR);
	set_cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	return 0;
}

static inline int virtio_teardown(void **state)
{
	(void)state;
	model.busy = false;
	virtio_pci_quiesce(v);
	virtio_pci_destroy(v);
	virtio_fini(&model.dev);
	pci_host_destroy(host);
	bus_destroy(bus);
	driver_mem_fini(&mem);
	assert_int_equal(fake.nr_kicks, 0);
	assert_false(fake.line);
	for (unsigned int i = 0; i < NR_GSIS; i++)
		assert_false(fake.msi[i].used);
	return 0;
}

#endif
