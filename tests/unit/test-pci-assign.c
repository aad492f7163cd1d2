// SPDX-License-Identifier: BSD-2-Clause
/* test-pci-assign - bus numbers, windows and BARs as a guest finds them. */
#include "harness.h"

#include "pci-assign-fixture.h"

static void nothing_to_assign(void **state)
{
	struct rig *rig = *state;

	assign(rig);
	port(rig, 1);
	port(rig, 31);
	assign(rig);
	assert_int_equal(port_rd(rig, 31, PCI_PRIMARY_BUS, 4), 0x020200);
	assert_false(is_open(io_window(rig, 1)));
	assert_false(is_open(mem_window(rig, 1)));
	assert_false(is_open(pref_window(rig, 1)));
}

static void an_nvme(void **state)
{
	struct rig *rig = *state;

	bar(port(rig, 1), 0, PCI_BAR_MEM64, false, KIB(16));
	plug(rig, 1);
	assign(rig);
	assert_int_equal(rig->dev[1].bars.bar[0].addr, 0xc0000000);
	assert_int_equal(mem_window(rig, 1).last, 0xc00fffff);
	assert_false(is_open(pref_window(rig, 1)));
	assert_false(is_open(io_window(rig, 1)));
}

static void every_kind_of_bar(void **state)
{
	struct rig *rig = *state;
	struct pci_dev *dev = port(rig, 3);

	bar(dev, 0, PCI_BAR_MEM32, false, KIB(4));
	bar(dev, 1, PCI_BAR_MEM32, true, MIB(16));
	bar(dev, 2, PCI_BAR_IO, false, 32);
	bar(dev, 3, PCI_BAR_IO, false, 128);
	bar(dev, 4, PCI_BAR_MEM64, true, MIB(256));
	bar(dev, PCI_BAR_ROM, PCI_BAR_MEM32, false, KIB(512));
	plug(rig, 3);
	assign(rig);
	assert_int_equal(dev->bars.bar[1].addr, 0xc0000000);
	assert_int_equal(dev->bars.bar[PCI_BAR_ROM].addr, 0xc1000000);
	assert_int_equal(dev->bars.bar[0].addr, 0xc1080000);
	assert_int_equal(mem_window(rig, 3).last, 0xc10fffff);
	assert_int_equal(dev->bars.bar[3].addr, 0x1000);
	assert_int_equal(dev->bars.bar[2].addr, 0x1080);
	assert_int_equal(dev->bars.bar[4].addr, GIB(1024));
}

static void huge_bars(void **state)
{
	struct rig *rig = *state;
	struct pci_dev *a = port(rig, 1), *b = port(rig, 2);

	bar(a, 0, PCI_BAR_MEM64, false, MIB(16));
	bar(a, 2, PCI_BAR_MEM64, true, GIB(128));
	bar(a, 4, PCI_BAR_MEM64, true, MIB(32));
	bar(b, 0, PCI_BAR_MEM64, true, GIB(256));
	bar(b, 2, PCI_BAR_MEM64, true, MIB(32));
	plug(rig, 1);
	plug(rig, 2);
	/* The windows need not be aligned to what they hold. */
	rig->w.mmio64 = (struct range){ GIB(5), GIB(1019) };
	assign(rig);
	assert_int_equal(b->bars.bar[0].addr, GIB(256));
	assert_int_equal(a->bars.bar[2].addr, GIB(640));
}

/* Odd windows leave gaps, small ones go into them. */
static void gaps_are_used(void **state)
{
	struct rig *rig = *state;
	unsigned int i;

	for (i = 1; i <= 2; i++) {
		bar(port(rig, i), 0, PCI_BAR_MEM32, false, MIB(128));
		bar(&rig->dev[i], 1, PCI_BAR_MEM32, false, MIB(1));
		plug(rig, i);
	}
	for (; i < 18; i++) {
		bar(port(rig, i), 0, PCI_BAR_MEM32, false, MIB(4));
		plug(rig, i);
	}
	bar(port(rig, 31), 0, PCI_BAR_MEM32, false, MIB(64));
	plug(rig, 31);
	rig->w.mmio32.size = MIB(128) + MIB(128) + MIB(128) + MIB(2);
	assign(rig);
}

static void a_large_bar_turns_prefetchable(void **state)
{
	struct rig *rig = *state;
	struct pci_dev *a = port(rig, 1), *b = port(rig, 2);

	bar(a, 0, PCI_BAR_MEM64, false, GIB(1));
	bar(a, 2, PCI_BAR_MEM64, false, MIB(64));
	bar(b, 0, PCI_BAR_MEM64, false, MIB(256));
	bar(b, 2, PCI_BAR_MEM64, false, MIB(256));
	plug(rig, 1);
	plug(rig, 2);
	assign(rig);
	/* The largest first, and only as many as must. */
	assert_true(a->bars.bar[0].prefetch);
	assert_true(b->bars.bar[0].prefetch);
	assert_false(b->bars.bar[2].prefetch);
	assert_false(a->bars.bar[2].prefetch);
	assert_int_equal(pci_dev_read(a, PCI_BASE_ADDRESS_0, 4) & 0xf, 0xc);
	/* A reboot finds the same. */
	pci_host_reset(rig->host);
	assign(rig);
	assert_false(b->bars.bar[2].prefetch);
}

static void without_a_64_bit_window(void **state)
{
	struct rig *rig = *state;

	bar(port(rig, 1), 0, PCI_BAR_MEM64, true, MIB(64));
	plug(rig, 1);
	rig->w.mmio64 = (struct range){ 0 };
	assign(rig);
	assert_int_equal(rig->dev[1].bars.bar[0].addr, 0xc0000000);
	bar(port(rig, 2), 0, PCI_BAR_MEM64, false, GIB(1));
	plug(rig, 2);
	assert_int_equal(pci_host_assign(rig->host, &rig->w), -ENOSPC);
	assert_false(rig->dev[2].bars.bar[0].prefetch);
}

static void io_windows_run_out(void **state)
{
	struct rig *rig = *state;
	unsigned int i;

	for (i = 1; i <= 15; i++) {
		bar(port(rig, i), 0, PCI_BAR_IO, false, 32);
		plug(rig, i);
	}
	/* Ports without I/O take none. */
	for (; i <= 20; i++) {
		bar(port(rig, i), 0, PCI_BAR_MEM32, false, 4096);
		plug(rig, i);
	}
	assign(rig);
	assert_int_equal(io_window(rig, 15).last, 0xffff);
	bar(port(rig, 21), 0, PCI_BAR_IO, false, 4);
	plug(rig, 21);
	assert_int_equal(pci_host_assign(rig->host, &rig->w), -ENOSPC);
}

static void bars_that_do_not_fit(void **state)
{
	static const struct {
		enum pci_bar_type type;
		bool prefetch;
		uint64_t size;
	} bad[] = {
		{ PCI_BAR_IO, false, KIB(64) },
		{ PCI_BAR_MEM32, false, GIB(1) },
		{ PCI_BAR_MEM64, true, GIB(1024) },
		{ PCI_BAR_MEM64, false, GIB(2048) },
		{ PCI_BAR_MEM64, true, 1ULL << 63 },
		{ PCI_BAR_MEM64, false, 1ULL << 63 },
	};
	struct rig *rig = *state;
	struct pci_dev *dev = port(rig, 1);
	size_t i;

	/* One that would fit gets nothing either. */
	bar(port(rig, 2), 0, PCI_BAR_MEM32, false, 4096);
	plug(rig, 2);
	rig->w.mmio64.start += GIB(1);
	plug(rig, 1);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		pci_bars_init(&dev->bars);
		bar(dev, 0, bad[i].type, bad[i].prefetch, bad[i].size);
		assert_int_equal(pci_host_assign(rig->host, &rig->w), -ENOSPC);
		assert_int_equal(rig->dev[2].bars.bar[0].addr, 0);
	}
	/* Sums are bounded as well. */
	pci_bars_init(&dev->bars);
	for (i = 0; i < 6; i += 2)
		bar(dev, (unsigned int)i, PCI_BAR_MEM64, true, GIB(512));
	assert_int_equal(pci_host_assign(rig->host, &rig->w), -ENOSPC);
}

static void functions_of_the_root_bus(void **state)
{
	struct rig *rig = *state;
	struct pci_dev dev;

	dev_init(&dev, "virtio");
	bar(&dev, 0, PCI_BAR_MEM64, false, KIB(16));
	bar(&dev, 2, PCI_BAR_MEM32, false, KIB(4));
	bar(&dev, 3, PCI_BAR_IO, false, 64);
	bar(&dev, 4, PCI_BAR_MEM64, true, GIB(1));
	assert_int_equal(pci_host_add(rig->host, 9 << 3, &dev), 0);
	bar(port(rig, 1), 0, PCI_BAR_MEM32, false, KIB(4));
	bar(&rig->dev[1], 1, PCI_BAR_IO, false, 4);
	plug(rig, 1);
	assign(rig);
	assert_int_equal(dev.bars.bar[0].addr, 0xc0000000);
	assert_int_equal(rig->dev[1].bars.bar[0].addr, 0xc0100000);
	assert_int_equal(dev.bars.bar[2].addr, 0xc0004000);
	assert_int_equal(dev.bars.bar[3].addr, 0x1000);
	assert_int_equal(rig->dev[1].bars.bar[1].addr, 0x2000);
	assert_int_equal(dev.bars.bar[4].addr, GIB(1024));
	pci_host_remove(rig->host, 9 << 3);
}

static uint64_t next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void random_bars(struct pci_dev *dev, uint64_t *seed)
{
	unsigned int i;

	for (i = 0; i < PCI_NR_BARS; i++) {
		uint64_t r = next(seed);
		unsigned int shift = r >> 8 & 31;

		switch (r & 7) {
		case 0:
			(void)pci_bars_set(&dev->bars, i, PCI_BAR_IO, false,
					   4ULL << shift % 7);
			break;
		case 1:
			(void)pci_bars_set(&dev->bars, i, PCI_BAR_MEM32, r & 8,
					   16ULL << shift % 22);
			break;
		case 2:
		case 3:
			(void)pci_bars_set(&dev->bars, i, PCI_BAR_MEM64, r & 8,
					   16ULL << shift);
			break;
		}
	}
	if (next(seed) & 1)
		bar(dev, PCI_BAR_ROM, PCI_BAR_MEM32, false,
		    2048ULL << next(seed) % 8);
}

static void random_machines(void **state)
{
	unsigned int round, i, assigned = 0;
	uint64_t seed = 0x9e3779b97f4a7c15;
	void *fresh;

	(void)state;
	for (round = 0; round < 300; round++) {
		struct rig *rig;
		int r;

		set_up(&fresh);
		rig = fresh;
		rig->w.mmio32.start += next(&seed) % 64 * MIB(1);
		rig->w.mmio32.size >>= next(&seed) % 4;
		rig->w.mmio64.start += next(&seed) % 4096 * MIB(1);
		for (i = 1; i < NR_SLOTS; i++)
			if (next(&seed) % 3 == 0) {
				random_bars(port(rig, i), &seed);
				plug(rig, i);
			}
		r = pci_host_assign(rig->host, &rig->w);
		assert_true(!r || r == -ENOSPC);
		if (!r) {
			check_layout(rig);
			assigned++;
		}
		tear_down(&fresh);
	}
	/* Chance asks for more than there is, but not often. */
	assert_true(assigned > 200 && assigned < 300);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(nothing_to_assign),
		T(an_nvme),
		T(every_kind_of_bar),
		T(huge_bars),
		T(gaps_are_used),
		T(a_large_bar_turns_prefetchable),
		T(without_a_64_bit_window),
		T(io_windows_run_out),
		T(bars_that_do_not_fit),
		T(functions_of_the_root_bus),
		cmocka_unit_test(random_machines),
	};

	return run_all(tests);
}
