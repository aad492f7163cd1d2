/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An assigned function above the fake host, with a bus and a loop: what tests
 * of hw/vfio-*.c start from, and what must be left behind. After harness.h.
 */
#ifndef TESTS_UNIT_VFIO_FIXTURE_H
#define TESTS_UNIT_VFIO_FIXTURE_H

#include "capture.h"
#include "fake-vfio.h"
#include "fds.h"

#define BAR0 PCI_BASE_ADDRESS_0
#define MEM PCI_COMMAND_MEMORY
#define MASTER PCI_COMMAND_MASTER
#define WINDOW GIB(1024) /* of 64-bit BARs */

static struct vfio_pci *v;
static struct pci_dev *dev; /* v's */
static struct bus *bus;
static struct loop *loop;
static struct vfio_pci_params params; /* of the next create() */
static unsigned int fds_before;

static inline int set_up(void **state)
{
	(void)state;
	fake_reset();
	fds_before = nr_fds();
	assert_int_equal(bus_create(&bus), 0);
	assert_int_equal(loop_create(&loop), 0);
	params = (struct vfio_pci_params){ .dev = &fake.dev, .bus = bus };
	v = NULL;
	return 0;
}

static inline void destroy(void)
{
	vfio_pci_destroy(v);
	v = NULL;
}

static inline int tear_down(void **state)
{
	(void)state;
	destroy();
	assert_int_equal(fake_nr_slots(), 0);
	assert_int_equal(fake_nr_iovas(), 0);
	assert_int_equal(fake_nr_irqfds(), 0);
	assert_int_equal(fake.dev.active_irq, -1);
	assert_int_equal(fake.dev.nr_maps, 0);
	for (unsigned int i = 0; i < FAKE_GSIS; i++)
		assert_false(fake.gsis[i].used);
	loop_destroy(loop);
	bus_destroy(bus);
	assert_int_equal(nr_fds(), fds_before);
	return 0;
}

/* Another device, in place of the last one. */
static inline void fresh(void)
{
	destroy();
	fake_reset();
}

static inline void create(void)
{
	destroy();
	assert_int_equal(vfio_pci_create(&v, &params), 0);
	dev = vfio_pci_dev(v);
}

/* It cannot be had, and why is said. */
static inline void refused(int r, const char *why)
{
	struct capture c;

	destroy();
	capture_begin(&c);
	assert_int_equal(vfio_pci_create(&v, &params), r);
	assert_non_null(strstr(capture_end(&c), why));
}

/* As the guest: config space, and memory. */

static inline uint32_t rd(unsigned int off, unsigned int len)
{
	return pci_dev_read(dev, off, len);
}

static inline void wr(unsigned int off, unsigned int len, uint32_t val)
{
	pci_dev_write(dev, off, len, val);
}

static inline void place(unsigned int bar, uint64_t addr)
{
	wr(BAR0 + 4 * bar, 4, (uint32_t)addr);
	if (dev->bars.bar[bar].type == PCI_BAR_MEM64)
		wr(BAR0 + 4 * bar + 4, 4, (uint32_t)(addr >> 32));
}

static inline uint64_t mmio(uint64_t addr, unsigned int len)
{
	uint64_t val = 0;

	bus_access(bus, BUS_MMIO, addr, &val, len, false);
	return val;
}

static inline void mmio_write(uint64_t addr, unsigned int len, uint64_t val)
{
	bus_access(bus, BUS_MMIO, addr, &val, len, true);
}

#endif
