// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fuzzes a virtio function: its configuration space, its BAR, and the window
 * between them, while its model is slow to stop, fails, and has something to
 * tell. What holds whatever happens: the model runs for a driver that accepted
 * what was offered, with queues in RAM, and is started and stopped in turns.
 * Input: what draw() takes.
 */
#include "tests/fuzz/must.h"

#include "tests/unit/virtio-pci-fixture.h"

#define BAR_BYTES 0x8000
#define COMMON_OFFERED (VERSION_1 | DRIVER_INDIRECT | DRIVER_EVENT_IDX)

static uint64_t value(struct source *src)
{
	static const uint16_t liked[] = {
		0, 1, 2, 3, 4, 7, 8, 11, 15, 64, 63, 0xffff, 0x8000, 32, 6, 5
	};
	unsigned int what = (unsigned int)draw(src, 1);

	return what < 0xe0 ? liked[what % 16] : draw(src, 8);
}

/* Wherever the guest has put it. */
static uint64_t bar_at(void)
{
	return cfg(PCI_BASE_ADDRESS_0, 4) & ~15U;
}

/* A driver that does it right, but for where its queues are. */
static void bring_up_anywhere(struct source *src)
{
	uint64_t accepted = VERSION_1 | value(src);
	struct driver d = { .size = (uint16_t)(1U << draw(src, 1) % 8) };

	set_cfg(PCI_BASE_ADDRESS_0, 4, (uint32_t)BAR);
	set_cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	set_status(0);
	accept(accepted);
	for (unsigned int i = 0; i < 2; i++) {
		d.desc_gpa = draw(src, 3) << 4;
		d.avail_gpa = draw(src, 3);
		d.used_gpa = draw(src, 3) << 2;
		place(i, &d);
	}
	set_status(status() | VIRTIO_CONFIG_S_DRIVER_OK);
}

static void tell(struct source *src)
{
	uint64_t what = draw(src, 1);

	bus_lock(bus);
	switch (what % 4) {
	case 0:
		virtio_config_changed(&model.dev);
		break;
	case 1:
		virtio_fail(&model.dev, "what it did");
		break;
	default:
		virtio_pci_signal_queue(v, what / 4 % 2);
		break;
	}
	bus_unlock(bus);
}

static void reboot(void)
{
	model.busy = false;
	virtio_pci_quiesce(v);
	pci_host_reset(host);
	assert_int_equal(model.nr_starts, model.nr_stops);
	assert_int_equal(fake.nr_kicks, 0);
}

/* A driver that waits for its reset gets it. */
static void reset(void)
{
	set_cfg(PCI_BASE_ADDRESS_0, 4, (uint32_t)BAR);
	set_cfg(PCI_COMMAND, 2, cfg(PCI_COMMAND, 2) | PCI_COMMAND_MEMORY);
	set_status(0);
	assert_true(model.busy || !status());
	model.busy = false;
	assert_int_equal(status(), 0);
	assert_false(model.dev.failed);
}

static void step(struct source *src)
{
	unsigned int what = (unsigned int)draw(src, 1);
	unsigned int len = 1U << (what >> 4 & 3), off;
	bool write = what >> 6 & 1;

	switch (what % 16) {
	case 0:
		reboot();
		break;
	case 1:
		model.busy = write;
		break;
	case 2:
	case 3:
		tell(src);
		break;
	case 4:
		bring_up_anywhere(src);
		break;
	case 5:
		reset();
		break;
	case 6:
		len = MIN(len, 4U);
		off = (unsigned int)draw(src, 1) & ~(len - 1);
		if (write)
			set_cfg(off, len, (uint32_t)value(src));
		else
			(void)cfg(off, len);
		break;
	case 7:
	case 8:
	case 9:
		off = (unsigned int)draw(src, 2) % BAR_BYTES;
		(void)access_mmio(bar_at() + off, len, write, value(src));
		break;
	default:
		off = (unsigned int)draw(src, 1) % 0x40;
		(void)access_mmio(bar_at() + off, len, write, value(src));
		break;
	}
}

static void check(void)
{
	const struct virtio_dev *dev = &model.dev;
	bool runs = model.nr_starts != model.nr_stops;

	assert_true(model.nr_starts - model.nr_stops <= 1);
	if (runs) {
		assert_true(dev->features & VERSION_1);
		assert_false(dev->features & ~(COMMON_OFFERED | OWN_FEATURE));
	}
	for (unsigned int i = 0; i < 2; i++) {
		const struct virtio_queue *q = &dev->queues[i];

		assert_true(is_pow2(q->vq.size) && q->vq.size <= 64);
		assert_int_equal(q->started, q->vq.desc_area != NULL);
		assert_true(!q->started || q->enabled);
		assert_true(!q->started || runs || model.busy);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source src = { data, size };

	assert_int_equal(virtio_setup(NULL), 0);
	while (src.left) {
		step(&src);
		check();
	}
	(void)virtio_teardown(NULL);
	return 0;
}
