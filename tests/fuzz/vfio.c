// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fuzzes an assigned function: a config space of any bytes below, a guest that
 * does anything above.  What holds whatever happens: the guest's lists of
 * capabilities end, and are at each moment what they were at the start; the
 * device's links and numbers are never written; and the rules that
 * fake-vfio.h checks.  Input: facts about the device, dwords of its config
 * space with their places, then 8 bytes per step of the guest.
 */
#include "tests/fuzz/must.h"

#include "tests/unit/fake-vfio.h"
#include "vfio-caps.h"

#define MAX_PATCHES 64

struct rig {
	struct vfio_pci *v;
	struct pci_dev *dev;
	struct bus *bus;
	struct vfio_caps caps; /* of the guest's view, at the start */
};

static void make_bars(struct source *src)
{
	static const uint32_t flags[] = { 0, 1, 4, 8, 12 };

	for (unsigned int i = 0; i < 6; i++) {
		uint8_t kind = (uint8_t)draw(src, 1);
		uint32_t f = flags[kind % 5];
		unsigned int shift = kind >> 3;

		fake.dev.regions[i] = (struct vfio_region){ 0 };
		if (kind % 8 > 4)
			continue;
		fake_bar(i, 1ULL << (f == 1 ? 2 + shift % 8 : 4 + shift % 26),
			 f, f != 1);
		if (f & 4 && i < 5)
			fake.dev.regions[++i] = (struct vfio_region){ 0 };
	}
}

static void make_device(struct source *src)
{
	uint64_t facts = draw(src, 4);
	unsigned int nr = facts % MAX_PATCHES;

	fake_reset();
	fake.dev.pm_ctrl = 0; /* anywhere */
	fake.dev.can_reset = facts >> 6 & 1;
	fake.dev.irqs[VFIO_MSI].count = 1u << (facts >> 7) % 6;
	fake.dev.irqs[VFIO_MSIX].count = (uint32_t)(facts >> 12) % 200;
	fake.dev.irqs[VFIO_MSIX].noresize = facts >> 20 & 1;
	fake.dev.regions[VFIO_REGION_CONFIG].size =
		facts >> 21 & 1 ? 4096 : 64 + (facts >> 22) % 200;
	if (facts >> 30 & 1)
		make_bars(src);
	while (nr--) {
		unsigned int off = (unsigned int)draw(src, 2) & 0xffc;

		/* Most of what matters is in the first 256 bytes. */
		off = off & 0x400 ? off : off & 0xfc;
		fake_set_config(off, 4, (uint32_t)draw(src, 4));
	}
}

static uint32_t read_guest(void *opaque, unsigned int off, unsigned int len)
{
	return pci_dev_read(opaque, off, len);
}

static void check_lists(struct rig *rig)
{
	struct vfio_caps now;

	vfio_caps_find(&now, PCI_CONFIG_SIZE, read_guest, rig->dev);
	assert_int_equal(now.nr, rig->caps.nr);
	for (unsigned int i = 0; i < now.nr; i++) {
		assert_int_equal(now.cap[i].off, rig->caps.cap[i].off);
		assert_int_equal(now.cap[i].id, rig->caps.cap[i].id);
	}
}

static void access_bar(struct rig *rig, uint32_t where, unsigned int len,
		       uint64_t val, bool write)
{
	const struct pci_bar *bar = &rig->dev->bars.bar[where % 7];

	if (bar->type == PCI_BAR_NONE)
		return;
	if (!write)
		val = 0;
	bus_access(rig->bus, bar->type == PCI_BAR_IO ? BUS_PIO : BUS_MMIO,
		   bar->addr + (where >> 3) % MIN(bar->size, 1u << 24), &val,
		   len, write);
	assert_true(len == 8 || val <= all_ones(len) || write);
}

static void step(struct rig *rig, struct source *src)
{
	unsigned int what = (unsigned int)draw(src, 1);
	unsigned int len = 1u << (what >> 5 & 3);
	uint32_t where = (uint32_t)draw(src, 3), val = (uint32_t)draw(src, 4);
	unsigned int off;

	fake.fail_at = what % 32 == 31 ? fake.nr_calls : -1;
	switch (what % 16) {
	case 0:
		(void)vfio_pci_reset(rig->v);
		break;
	case 1:
		pci_dev_write(rig->dev, PCI_COMMAND, 2, val);
		break;
	case 2:
	case 3:
		access_bar(rig, where, len, val, what >> 7);
		break;
	default:
		len = MIN(len, 4u);
		off = where & 0x8000 ? where & 0xfff : where & 0xff;
		off -= off % len;
		if (what >> 7)
			pci_dev_write(rig->dev, off, len, val);
		else
			assert_true(pci_dev_read(rig->dev, off, len) <=
				    all_ones(len));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source src = { data, size };
	struct vfio_pci_params params = { .dev = &fake.dev };
	struct rig rig = { 0 };

	make_device(&src);
	params.rom = draw(&src, 1) & 1;
	assert_int_equal(bus_create(&rig.bus), 0);
	params.bus = rig.bus;
	if (!vfio_pci_create(&rig.v, &params)) {
		rig.dev = vfio_pci_dev(rig.v);
		vfio_caps_find(&rig.caps, PCI_CONFIG_SIZE, read_guest, rig.dev);
		for (unsigned int i = 0; i < rig.caps.nr; i++)
			assert_true(rig.caps.cap[i].rule->treatment !=
					    VFIO_CAP_HIDDEN ||
				    !rig.caps.cap[i].id);
		while (src.left) {
			step(&rig, &src);
			check_lists(&rig);
		}
		fake.fail_at = -1;
		vfio_pci_destroy(rig.v);
	}
	bus_destroy(rig.bus);
	assert_int_equal(fake_nr_slots(), 0);
	assert_int_equal(fake_nr_irqfds(), 0);
	assert_int_equal(fake.dev.active_irq, -1);
	assert_int_equal(fake.dev.nr_maps, 0);
	return 0;
}
