// SPDX-License-Identifier: BSD-2-Clause
/* test-pci-assign - bus numbers, windows and BARs as a guest finds them.
 * Every layout that is given is checked for all that a bridge demands. */
#include "harness.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>

#include "bus.h"
#include "pci.h"

#define NR_SLOTS 32

struct rig {
	struct bus *bus;
	struct pci_host *host;
	struct pci_port *port[NR_SLOTS];
	struct pci_dev dev[NR_SLOTS]; /* behind the port of that slot */
	struct pci_windows w;
};

struct window {
	uint64_t start, last; /* last < start: closed */
};

static const struct pci_windows usual = {
	.mmio32 = { 0xc0000000, MIB(512) },
	.mmio64 = { GIB(1024), GIB(1024) },
	.pio = { 0x1000, 0xf000 },
};

static const struct pci_dev_ops no_ops = { .reset = NULL };

static int set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct range ecam = { 0xe0000000, MIB(256) };

	assert_non_null(rig);
	assert_int_equal(bus_create(&rig->bus), 0);
	assert_int_equal(pci_host_create(&rig->host, rig->bus, &ecam), 0);
	rig->w = usual;
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;
	unsigned int i;

	for (i = 0; i < NR_SLOTS; i++)
		pci_port_destroy(rig->port[i]);
	pci_host_destroy(rig->host);
	bus_destroy(rig->bus);
	free(rig);
	return 0;
}

static void dev_init(struct pci_dev *dev, const char *name)
{
	dev->ops = &no_ops;
	dev->name = name;
	pci_config_init(&dev->cfg);
	pci_bars_init(&dev->bars);
	pci_config_set(&dev->cfg, PCI_VENDOR_ID, 4, 0x56781234);
	pci_config_set_wmask(&dev->cfg, PCI_COMMAND, 2, 7);
}

static void bar(struct pci_dev *dev, unsigned int index, enum pci_bar_type type,
		bool prefetch, uint64_t size)
{
	assert_int_equal(pci_bars_set(&dev->bars, index, type, prefetch, size),
			 0);
}

static struct pci_dev *port(struct rig *rig, unsigned int slot)
{
	assert_int_equal(pci_port_create(&rig->port[slot], rig->host, slot), 0);
	dev_init(&rig->dev[slot], "0000:aa:00.0");
	return &rig->dev[slot];
}

/* Plugged last, as its BARs must be set by then. */
static void plug(struct rig *rig, unsigned int slot)
{
	assert_int_equal(pci_port_plug(rig->port[slot], &rig->dev[slot]), 0);
}

static uint32_t port_rd(struct rig *rig, unsigned int slot, unsigned int off,
			unsigned int len)
{
	uint64_t v = 0;

	bus_access(rig->bus, BUS_MMIO,
		   0xe0000000 + ((uint64_t)slot << 15) + off, &v, len, false);
	return (uint32_t)v;
}

static struct window io_window(struct rig *rig, unsigned int slot)
{
	uint32_t v = port_rd(rig, slot, PCI_IO_BASE, 2);

	/* All zero means that there is none. */
	if (!v)
		return (struct window){ 1, 0 };
	return (struct window){ (v & 0xf0) << 8, (v & 0xf000) | 0xfff };
}

static struct window mem_window(struct rig *rig, unsigned int slot)
{
	uint32_t v = port_rd(rig, slot, PCI_MEMORY_BASE, 4);

	return (struct window){ (v & 0xfff0) << 16, v | 0xfffff };
}

static struct window pref_window(struct rig *rig, unsigned int slot)
{
	uint32_t v = port_rd(rig, slot, PCI_PREF_MEMORY_BASE, 4);
	uint64_t base = port_rd(rig, slot, PCI_PREF_BASE_UPPER32, 4);
	uint64_t limit = port_rd(rig, slot, PCI_PREF_LIMIT_UPPER32, 4);

	return (struct window){ base << 32 | (v & 0xfff0) << 16,
				limit << 32 | (v & 0xfff00000) | 0xfffff };
}

static bool is_open(struct window w)
{
	return w.last >= w.start;
}

static bool holds(struct window w, uint64_t start, uint64_t size)
{
	return is_open(w) && start >= w.start && start + (size - 1) <= w.last;
}

static void check_apart(const struct window *w, unsigned int nr,
			const struct range *space)
{
	unsigned int i, j;

	for (i = 0; i < nr; i++) {
		assert_true(range_contains(space->start, space->size,
					   w[i].start,
					   w[i].last - w[i].start + 1));
		for (j = 0; j < i; j++)
			assert_true(w[i].start > w[j].last ||
				    w[j].start > w[i].last);
	}
}

/* BARs of one function: aligned, apart, in a window that may hold them. */
static void check_dev(struct rig *rig, unsigned int slot)
{
	const struct pci_bar *b = rig->dev[slot].bars.bar;
	unsigned int i, j;

	assert_int_equal(pci_config_get(&rig->dev[slot].cfg, PCI_COMMAND, 2),
			 0);
	for (i = 0; i <= PCI_BAR_ROM; i++) {
		if (b[i].type == PCI_BAR_NONE)
			continue;
		assert_true(b[i].addr);
		assert_int_equal(b[i].addr % b[i].size, 0);
		assert_false(b[i].rom_enable);
		if (b[i].type == PCI_BAR_IO)
			assert_true(holds(io_window(rig, slot), b[i].addr,
					  b[i].size));
		else if (b[i].type == PCI_BAR_MEM64 && b[i].prefetch &&
			 rig->w.mmio64.size)
			assert_true(holds(pref_window(rig, slot), b[i].addr,
					  b[i].size));
		else
			assert_true(holds(mem_window(rig, slot), b[i].addr,
					  b[i].size));
		for (j = 0; j < i; j++)
			if ((b[j].type == PCI_BAR_IO) ==
			    (b[i].type == PCI_BAR_IO))
				assert_false(ranges_overlap(
					b[i].addr, b[i].size, b[j].addr,
					b[j].type ? b[j].size : 0));
	}
}

static void check_layout(struct rig *rig)
{
	struct window w[3][NR_SLOTS];
	unsigned int nr[3] = { 0 }, i, k, bus = 0;

	for (i = 1; i < NR_SLOTS; i++) {
		struct window here[3];
		uint32_t command = PCI_COMMAND_MASTER;

		if (!rig->port[i])
			continue;
		bus++;
		assert_int_equal(port_rd(rig, i, PCI_PRIMARY_BUS, 4),
				 bus << 16 | bus << 8);
		here[0] = io_window(rig, i);
		here[1] = mem_window(rig, i);
		here[2] = pref_window(rig, i);
		for (k = 0; k < 3; k++)
			if (is_open(here[k])) {
				w[k][nr[k]++] = here[k];
				command |= k ? PCI_COMMAND_MEMORY :
					       PCI_COMMAND_IO;
			}
		assert_int_equal(port_rd(rig, i, PCI_COMMAND, 2), command);
		check_dev(rig, i);
	}
	check_apart(w[0], nr[0], &rig->w.pio);
	check_apart(w[1], nr[1], &rig->w.mmio32);
	check_apart(w[2], nr[2], &rig->w.mmio64);
}

static void assign(struct rig *rig)
{
	assert_int_equal(pci_host_assign(rig->host, &rig->w), 0);
	check_layout(rig);
}

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
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_to_assign, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(an_nvme, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_kind_of_bar, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(huge_bars, set_up, tear_down),
		cmocka_unit_test_setup_teardown(gaps_are_used, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_large_bar_turns_prefetchable,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_a_64_bit_window, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(io_windows_run_out, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(bars_that_do_not_fit, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(functions_of_the_root_bus,
						set_up, tear_down),
		cmocka_unit_test(random_machines),
	};

	return run_all(tests);
}
