// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-vfio-random - hostile devices below hostile guests: config spaces of
 * random bytes, random accesses to them and to the BARs. The fake device
 * checks the rules; the sanitizers check the bounds.
 */
#include "harness.h"

#include "capture.h"
#include "fake-vfio.h"
#include "fds.h"
#include "find-cap.h"

#define DEVICES 300
#define ACCESSES 400

static uint64_t seed = 0x243f6a8885a308d3;

static uint32_t rnd(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 20) % below;
}

/* Capabilities of kinds that mean something, anywhere, linked anyhow. */
static void random_caps(void)
{
	static const uint8_t ids[] = { PCI_CAP_ID_PM,	PCI_CAP_ID_VPD,
				       PCI_CAP_ID_MSI,	PCI_CAP_ID_PCIX,
				       PCI_CAP_ID_VNDR, PCI_CAP_ID_EXP,
				       PCI_CAP_ID_MSIX, PCI_CAP_ID_AF };
	static const uint16_t ext[] = { PCI_EXT_CAP_ID_DSN, PCI_EXT_CAP_ID_VNDR,
					PCI_EXT_CAP_ID_DVSEC,
					PCI_EXT_CAP_ID_ATS };
	unsigned int nr = rnd(12), at = 0x40 + rnd(48) * 4;

	fake.dev.config[PCI_CAPABILITY_LIST] = (uint8_t)at;
	while (nr--) {
		unsigned int next = rnd(8) ? 0x40 + rnd(48) * 4 : rnd(256);

		fake_cap(at, ids[rnd(ARRAY_SIZE(ids))], (uint8_t)next);
		if (fake.dev.config[at] == PCI_CAP_ID_MSIX && rnd(8))
			fake_msix(at, 1 + rnd(100), rnd(0x300) << 3 | rnd(2),
				  rnd(0x300) << 3 | rnd(2));
		at = MAX(next & ~3u, 0x40u);
	}
	for (nr = rnd(8), at = 0x100; nr--;) {
		unsigned int next = rnd(0x1000) & ~3u;

		fake_ext_cap(at, ext[rnd(ARRAY_SIZE(ext))], next);
		at = MAX(next, 0x100u);
	}
}

static void random_bars(void)
{
	static const uint32_t flags[] = { 0, 1, 4, 8, 12 };

	for (unsigned int i = 0; i < 6; i++) {
		uint32_t f = flags[rnd(5)];
		uint64_t size = 1ULL << (f == 1 ? 2 + rnd(8) : 4 + rnd(24));

		fake.dev.regions[i] = (struct vfio_region){ 0 };
		if (!rnd(3))
			continue;
		fake_bar(i, size + (rnd(4) ? 0 : rnd((uint32_t)size)), f,
			 f != 1 && rnd(4));
		if (f & 4)
			fake.dev.regions[++i % 6] = (struct vfio_region){ 0 };
	}
}

static void random_device(void)
{
	struct vfio_device *dev = &fake.dev;

	fake_reset();
	dev->pm_ctrl = 0; /* anywhere */
	for (unsigned int i = rnd(2) ? 0x40 : 0x1000; i < 0x1000; i++)
		dev->config[i] = (uint8_t)rnd(256);
	if (rnd(8))
		random_bars();
	if (rnd(8))
		random_caps();
	if (rnd(2))
		dev->irqs[VFIO_MSI].count = 1 << rnd(6);
	if (!rnd(4))
		dev->irqs[VFIO_MSIX].count = rnd(2048);
	dev->irqs[VFIO_MSIX].noresize = rnd(2);
	dev->regions[VFIO_REGION_ROM].size = rnd(2) * (1 + rnd(100000));
	dev->regions[VFIO_REGION_ROM].read = true;
	dev->regions[VFIO_REGION_CONFIG].size = rnd(4) ? 4096 : 64 + rnd(4033);
	dev->can_reset = rnd(4);
	dev->unmask_fd_errno = rnd(2) * ENOTTY;
	if (!rnd(8))
		fake_set_config(PCI_CLASS_REVISION, 4, 0x0c033001);
}

static void access_config(struct pci_dev *dev)
{
	unsigned int len = 1u << rnd(3), off = rnd(4096 / len) * len;

	if (rnd(2))
		off = (rnd(2) ? 0 : 0x40) + (off % 0xc0);
	else if (rnd(2))
		off %= 0x40;
	off -= off % len;
	if (off <= PCI_COMMAND && rnd(2))
		pci_dev_write(dev, PCI_COMMAND, 2, rnd(4) | 2);
	else if (rnd(2))
		pci_dev_write(dev, off, len, rnd(2) ? rnd(UINT32_MAX) : rnd(4));
	else
		assert_true(pci_dev_read(dev, off, len) <= all_ones(len));
}

static void access_bar(struct bus *bus, struct pci_dev *dev)
{
	const struct pci_bar *bar = &dev->bars.bar[rnd(7)];
	unsigned int len = 1u << rnd(4);
	uint64_t at, val = rnd(2) ? rnd(UINT32_MAX) : rnd(2);

	if (bar->type == PCI_BAR_NONE)
		return;
	at = bar->addr + rnd((uint32_t)MIN(bar->size, 1u << 24));
	if (rnd(4))
		at -= at % len;
	bus_access(bus, bar->type == PCI_BAR_IO ? BUS_PIO : BUS_MMIO, at, &val,
		   len, rnd(2));
}

static void access_msix(struct bus *bus, struct pci_dev *dev)
{
	unsigned int cap = find_cap(&dev->cfg, PCI_CAP_ID_MSIX);
	uint32_t table = pci_dev_read(dev, cap + PCI_MSIX_TABLE, 4);
	const struct pci_bar *bar = &dev->bars.bar[MIN(table & 7, 5)];
	uint64_t at = bar->addr + (table & ~7u) + 4 * rnd(64), val = rnd(2);

	if (!cap)
		return;
	if (rnd(4))
		bus_access(bus, BUS_MMIO, at, &val, 4, true);
	else
		pci_dev_write(dev, cap + PCI_MSIX_FLAGS, 2, rnd(4) << 14);
}

/* The device signals what it may, and the loop sees to it. */
static void interrupt(struct loop *loop)
{
	for (unsigned int i = 0; i < 2048; i++)
		if (fake.dev.vector_fds[i] >= 0 && rnd(2))
			fake_fire(i);
	fake_spin(loop);
}

static void random_guest(struct bus *bus, struct loop *loop, struct vfio_pci *v)
{
	struct pci_dev *dev = vfio_pci_dev(v);

	for (unsigned int i = 0; i < ACCESSES; i++) {
		fake.fail_at = rnd(8) ? -1 : fake.nr_calls + (int)rnd(2);
		switch (rnd(400)) {
		case 0 ... 2:
			interrupt(loop);
			break;
		case 10 ... 19:
			(void)vfio_pci_reset(v);
			break;
		case 20 ... 29:
			vfio_pci_quiesce(v);
			break;
		default:
			if (rnd(3))
				access_config(dev);
			else if (rnd(2))
				access_bar(bus, dev);
			else
				access_msix(bus, dev);
		}
	}
}

/* Each complaint is another's test. */
static struct capture complaints;

static int set_up(void **state)
{
	(void)state;
	capture_begin(&complaints);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	capture_end(&complaints);
	return 0;
}

static void nothing_is_out_of_bounds(void **state)
{
	unsigned int fds, made = 0;
	struct loop *loop;

	(void)state;
	assert_int_equal(loop_create(&loop), 0);
	fds = nr_fds();
	for (unsigned int i = 0; i < DEVICES; i++) {
		struct vfio_pci_params params = {
			.dev = &fake.dev,
			.rom = rnd(2),
			.trap_bars = !rnd(4),
			.intx_gsi = 16 * rnd(2),
		};
		struct vfio_pci *v = NULL;
		struct bus *bus;

		random_device();
		assert_int_equal(bus_create(&bus), 0);
		params.bus = bus;
		if (!vfio_pci_create(&v, &params)) {
			made++;
			(void)vfio_pci_start(v, loop);
			random_guest(bus, loop, v);
			fake.fail_at = -1;
			vfio_pci_destroy(v);
		}
		bus_destroy(bus);
		assert_int_equal(fake_nr_slots(), 0);
		assert_int_equal(fake_nr_irqfds(), 0);
		assert_int_equal(fake.dev.active_irq, -1);
		assert_int_equal(fake.dev.nr_maps, 0);
		assert_int_equal(nr_fds(), fds);
	}
	loop_destroy(loop);
	assert_true(made > DEVICES / 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_out_of_bounds,
						set_up, tear_down),
	};

	return run_all(tests);
}
