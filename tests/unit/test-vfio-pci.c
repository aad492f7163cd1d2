// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-vfio-pci - what a guest sees of an assigned function and what of its
 * accesses reaches the device: config space, BARs, power, reset.
 */
#include "harness.h"

#include "capture.h"
#include "fake-vfio.h"
#include "fds.h"

#define BAR0 PCI_BASE_ADDRESS_0
#define WINDOW GIB(1024)
#define MEM PCI_COMMAND_MEMORY
#define MASTER PCI_COMMAND_MASTER

static struct vfio_pci *v;
static struct pci_dev *dev;
static struct bus *bus;
static struct vfio_pci_params params;
static unsigned int fds_before;

static int set_up(void **state)
{
	(void)state;
	fake_reset();
	fds_before = nr_fds();
	assert_int_equal(bus_create(&bus), 0);
	params = (struct vfio_pci_params){
		.dev = &fake.dev,
		.bus = bus,
		.rom = true,
	};
	v = NULL;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	vfio_pci_destroy(v);
	assert_int_equal(fake_nr_slots(), 0);
	assert_int_equal(fake_nr_irqfds(), 0);
	assert_int_equal(fake.dev.active_irq, -1);
	assert_int_equal(fake.dev.nr_maps, 0);
	bus_destroy(bus);
	assert_int_equal(nr_fds(), fds_before);
	return 0;
}

static void create(void)
{
	assert_int_equal(vfio_pci_create(&v, &params), 0);
	dev = vfio_pci_dev(v);
}

static uint32_t rd(unsigned int off, unsigned int len)
{
	return pci_dev_read(dev, off, len);
}

static void wr(unsigned int off, unsigned int len, uint32_t val)
{
	pci_dev_write(dev, off, len, val);
}

static void place(unsigned int bar, uint64_t addr)
{
	wr(BAR0 + 4 * bar, 4, (uint32_t)addr);
	if (dev->bars.bar[bar].type == PCI_BAR_MEM64)
		wr(BAR0 + 4 * bar + 4, 4, (uint32_t)(addr >> 32));
}

static uint64_t mmio(uint64_t addr, unsigned int len)
{
	uint64_t val = 0;

	bus_access(bus, BUS_MMIO, addr, &val, len, false);
	return val;
}

static void mmio_write(uint64_t addr, unsigned int len, uint64_t val)
{
	bus_access(bus, BUS_MMIO, addr, &val, len, true);
}

static void header_is_of_a_single_function(void **state)
{
	(void)state;
	fake.dev.config[PCI_HEADER_TYPE] = 0x80;
	fake.dev.config[PCI_BIST] = 0x80;
	create();
	assert_int_equal(rd(PCI_VENDOR_ID, 4), 0x00101b36);
	assert_int_equal(rd(PCI_CLASS_REVISION, 4), 0x01080202);
	assert_int_equal(rd(PCI_SUBSYSTEM_VENDOR_ID, 4), 0x11001af4);
	assert_int_equal(rd(PCI_HEADER_TYPE, 1), 0);
	assert_int_equal(rd(PCI_BIST, 1), 0);
	wr(PCI_VENDOR_ID, 4, 0);
	wr(PCI_CLASS_REVISION, 4, 0);
	wr(PCI_HEADER_TYPE, 1, 1);
	assert_int_equal(rd(PCI_VENDOR_ID, 4), 0x00101b36);
	/* The interrupt line is a note that the guest keeps. */
	wr(PCI_INTERRUPT_LINE, 1, 11);
	assert_int_equal(rd(PCI_INTERRUPT_LINE, 1), 11);
	assert_int_equal(fake.dev.config[PCI_INTERRUPT_LINE], 0);
	/* No INTx was offered. */
	assert_int_equal(rd(PCI_INTERRUPT_PIN, 1), 0);
	/* The host's addresses never show. */
	for (unsigned int i = 0; i < 6; i++)
		assert_int_equal(rd(BAR0 + 4 * i, 4) & ~0xfu, 0);
}

static void bridges_and_dead_devices_are_refused(void **state)
{
	struct capture c;

	(void)state;
	fake.dev.config[PCI_HEADER_TYPE] = PCI_HEADER_TYPE_BRIDGE;
	capture_begin(&c);
	assert_int_equal(vfio_pci_create(&v, &params), -ENOTSUP);
	assert_non_null(strstr(capture_end(&c), "bridge"));
	fake_reset();
	fake_set_config(PCI_VENDOR_ID, 4, UINT32_MAX);
	capture_begin(&c);
	assert_int_equal(vfio_pci_create(&v, &params), -EIO);
	assert_non_null(strstr(capture_end(&c), "does not answer"));
	fake_reset();
	fake.dev.regions[VFIO_REGION_CONFIG].size = 0;
	capture_begin(&c);
	assert_int_equal(vfio_pci_create(&v, &params), -ENODEV);
	assert_non_null(strstr(capture_end(&c), "no config space"));
}

static void command_keeps_memory_decoded(void **state)
{
	(void)state;
	create();
	/* The fake asserts that every write has both bits. */
	assert_int_equal(fake_config(PCI_COMMAND, 2), 3);
	assert_int_equal(rd(PCI_COMMAND, 2), 0);
	wr(PCI_COMMAND, 2, MEM | MASTER);
	assert_int_equal(rd(PCI_COMMAND, 2), MEM | MASTER);
	assert_int_equal(fake_config(PCI_COMMAND, 2), 3 | MASTER);
	wr(PCI_COMMAND, 2, 0);
	assert_int_equal(rd(PCI_COMMAND, 2), 0);
	assert_int_equal(fake_config(PCI_COMMAND, 2), 3);
	/* Bytes and dwords, too. */
	wr(PCI_COMMAND + 1, 1, PCI_COMMAND_INTX_DISABLE >> 8);
	assert_int_equal(fake_config(PCI_COMMAND, 2),
			 3 | PCI_COMMAND_INTX_DISABLE);
	wr(PCI_COMMAND, 4, 0xffff0000 | MASTER);
	assert_int_equal(fake_config(PCI_COMMAND, 2), 3 | MASTER);
	/* Bits that are none of the guest's. */
	wr(PCI_COMMAND, 2, 0xffff);
	assert_int_equal(rd(PCI_COMMAND, 2), 0x547);
}

static void status_hides_the_hosts_errors(void **state)
{
	(void)state;
	fake_set_config(PCI_STATUS, 2, 0xf918 | PCI_STATUS_66MHZ);
	create();
	assert_int_equal(rd(PCI_STATUS, 2),
			 PCI_STATUS_CAP_LIST | 8 | PCI_STATUS_66MHZ);
	wr(PCI_STATUS, 2, 0xffff);
	assert_int_equal(fake_config(PCI_STATUS, 2), 0xf918 | PCI_STATUS_66MHZ);
}

/* The guest's list as a string of ids in hex. */
static const char *cap_ids(void)
{
	static char text[256];
	unsigned int at = rd(PCI_CAPABILITY_LIST, 1), n = 0;

	text[0] = '\0';
	for (unsigned int i = 0; at && i < 64; i++) {
		n += (unsigned int)snprintf(text + n, sizeof(text) - n, "%02x ",
					    rd(at, 1));
		at = rd(at + 1, 1);
	}
	return text;
}

static void capabilities_without_meaning_are_hidden(void **state)
{
	(void)state;
	fake.dev.config[PCI_CAPABILITY_LIST] = 0xb8;
	fake_cap(0xb8, PCI_CAP_ID_SHPC, 0xc0);
	fake_cap(0xc0, PCI_CAP_ID_VNDR, 0xd0);
	fake.dev.config[0xc2] = 0x10;
	fake_cap(0xd0, PCI_CAP_ID_EA, 0x40);
	create();
	assert_string_equal(cap_ids(), "09 11 10 01 ");
	/* The links are the guest's own: it cannot write them. */
	wr(0xc0, 4, UINT32_MAX);
	assert_int_equal(rd(0xc0, 2), 0x4009);
	/* What the vendor put there, it can. */
	assert_int_equal(fake_config(0xc2, 2), 0xffff);
	assert_int_equal(fake_config(0xc0, 2), 0xd009);
}

static void capability_walks_are_bounded(void **state)
{
	(void)state;
	fake_cap(0x60, PCI_CAP_ID_PM, 0x40); /* back to the first */
	create();
	assert_string_equal(cap_ids(), "11 10 01 ");
	vfio_pci_destroy(v);
	fake_reset();
	fake_cap(0x60, PCI_CAP_ID_PM, 0x60); /* itself */
	create();
	assert_string_equal(cap_ids(), "11 10 01 ");
	vfio_pci_destroy(v);
	fake_reset();
	fake_cap(0x60, PCI_CAP_ID_PM, 0x10); /* into the header */
	create();
	assert_string_equal(cap_ids(), "11 10 01 ");
	vfio_pci_destroy(v);
	fake_reset();
	/* A vendor capability that claims more than there is. */
	fake_cap(0x60, PCI_CAP_ID_VNDR, 0xf8);
	fake.dev.config[0x62] = 0xff;
	fake_cap(0xf8, PCI_CAP_ID_VNDR, 0);
	fake.dev.config[0xfa] = 0xff;
	create();
	assert_string_equal(cap_ids(), "11 10 09 09 ");
	/* It ends where the next begins: PCIe stays as it was. */
	wr(0x80, 2, 0);
	assert_int_equal(rd(0x80, 2), 0x6010);
	vfio_pci_destroy(v);
	fake_reset();
	/* No list at all. */
	fake_set_config(PCI_STATUS, 2, 0);
	create();
	assert_int_equal(rd(PCI_STATUS, 2), 0);
	assert_int_equal(rd(PCI_CAPABILITY_LIST, 1), 0);
}

static void pcie_stays_an_endpoint(void **state)
{
	(void)state;
	fake_set_config(0x82, 2, 2 | PCI_EXP_TYPE_LEG_END << 4);
	fake_set_config(0x80 + PCI_EXP_LNKCAP, 4, 0x43);
	create();
	assert_int_equal(rd(0x82, 2), 2 | PCI_EXP_TYPE_LEG_END << 4);
	assert_int_equal(rd(0x80 + PCI_EXP_LNKCAP, 4), 0x43);
	/* DEVCTL is forwarded, LNKCTL belongs to the port. */
	wr(0x80 + PCI_EXP_DEVCTL, 2, 0x2810);
	assert_int_equal(fake_config(0x80 + PCI_EXP_DEVCTL, 2), 0x2810);
	wr(0x80 + PCI_EXP_LNKCTL, 2, 3);
	assert_int_equal(fake_config(0x80 + PCI_EXP_LNKCTL, 2), 0);
}

static void integrated_endpoints_get_a_link(void **state)
{
	(void)state;
	fake_set_config(0x82, 2, 2 | PCI_EXP_TYPE_RC_END << 4);
	create();
	assert_int_equal(rd(0x82, 2), 2 | PCI_EXP_TYPE_ENDPOINT << 4);
	assert_int_equal(rd(0x80 + PCI_EXP_LNKCAP, 4), 0x11);
	assert_int_equal(rd(0x80 + PCI_EXP_LNKSTA, 2), 0x11);
}

/* The guest's extended list as ids. */
static const char *ext_ids(void)
{
	static char text[256];
	unsigned int at = 0x100, n = 0;

	text[0] = '\0';
	for (unsigned int i = 0; at && i < 64; i++) {
		uint32_t head = rd(at, 4);

		if (!head)
			break;
		n += (unsigned int)snprintf(text + n, sizeof(text) - n, "%04x ",
					    PCI_EXT_CAP_ID(head));
		at = PCI_EXT_CAP_NEXT(head);
	}
	return text;
}

static void extended_capabilities_of_the_host_are_hidden(void **state)
{
	(void)state;
	fake_ext_cap(0x100, PCI_EXT_CAP_ID_SRIOV, 0x148);
	fake_ext_cap(0x148, PCI_EXT_CAP_ID_DSN, 0x158);
	fake_set_config(0x14c, 4, 0x11223344);
	fake_ext_cap(0x158, PCI_EXT_CAP_ID_ARI, 0x168);
	fake_ext_cap(0x168, PCI_EXT_CAP_ID_VNDR, 0x200);
	fake_set_config(0x16c, 4, 0x02000001); /* 32 bytes */
	fake_ext_cap(0x200, PCI_EXT_CAP_ID_REBAR, 0x220);
	fake_ext_cap(0x220, PCI_EXT_CAP_ID_ATS, 0);
	fake_set_config(0x208, 4, 0x5555);
	create();
	/* An empty one stands where the list must start. */
	assert_string_equal(ext_ids(), "0000 0003 000b ");
	assert_int_equal(rd(0x14c, 4), 0x11223344);
	assert_int_equal(rd(0x208, 4), 0);
	wr(0x208, 4, 1);
	assert_int_equal(fake_config(0x208, 4), 0x5555);
	/* Vendor registers pass, their header does not. */
	wr(0x16c, 4, 0);
	assert_int_equal(fake_config(0x16c, 4), 0x02000001);
	wr(0x170, 4, 77);
	assert_int_equal(fake_config(0x170, 4), 77);
	wr(0x188, 4, 77); /* behind its end */
	assert_int_equal(fake_config(0x188, 4), 0);
}

static void extended_lists_of_any_kind(void **state)
{
	(void)state;
	create(); /* none */
	assert_string_equal(ext_ids(), "");
	vfio_pci_destroy(v);
	fake_reset();
	fake_ext_cap(0x100, PCI_EXT_CAP_ID_SRIOV, 0);
	create(); /* none that is shown */
	assert_string_equal(ext_ids(), "");
	vfio_pci_destroy(v);
	fake_reset();
	fake_ext_cap(0x100, PCI_EXT_CAP_ID_DSN, 0x100);
	create(); /* a loop */
	assert_string_equal(ext_ids(), "0003 ");
	vfio_pci_destroy(v);
	fake_reset();
	fake_ext_cap(0x100, PCI_EXT_CAP_ID_DSN, 0xff0);
	fake_ext_cap(0xff0, PCI_EXT_CAP_ID_DVSEC, 0);
	fake_set_config(0xff4, 4, 0xfff00000);
	create(); /* up to the end and claiming more */
	assert_string_equal(ext_ids(), "0003 0023 ");
	vfio_pci_destroy(v);
	fake_reset();
	fake_ext_cap(0x100, PCI_EXT_CAP_ID_DSN, 0);
	fake.dev.regions[VFIO_REGION_CONFIG].size = 255;
	create(); /* a conventional device, of a sloppy driver */
	assert_string_equal(ext_ids(), "");
	assert_int_equal(rd(0xfc, 4), 0);
}

static void gaps_are_read_only(void **state)
{
	(void)state;
	fake_set_config(0xe0, 4, 0xabcd);
	create();
	assert_int_equal(rd(0xe0, 4), 0xabcd);
	wr(0xe0, 4, 1);
	assert_int_equal(fake_config(0xe0, 4), 0xabcd);
	vfio_pci_destroy(v);
	fake_reset();
	/* But by the table of exceptions. */
	fake_set_config(PCI_CLASS_REVISION, 4, 0x0c033001);
	create();
	wr(0xe0, 4, 1);
	assert_int_equal(fake_config(0xe0, 4), 1);
}

static void failed_reads_are_ones(void **state)
{
	struct capture c;

	(void)state;
	create();
	fake.dev.read_errno = EIO;
	capture_begin(&c);
	assert_int_equal(rd(0xe0, 4), UINT32_MAX);
	assert_non_null(strstr(capture_end(&c), "cannot read config space"));
	capture_begin(&c);
	for (unsigned int i = 0; i < 1000; i++)
		(void)rd(0xe0, 4);
	assert_true(strlen(capture_end(&c)) < 2000);
}

static void sizing_does_not_reach_the_device(void **state)
{
	unsigned int writes;

	(void)state;
	create();
	writes = fake.dev.nr_writes;
	wr(BAR0, 4, UINT32_MAX);
	wr(BAR0 + 4, 4, UINT32_MAX);
	assert_int_equal(rd(BAR0, 4), 0xffffc004);
	assert_int_equal(rd(BAR0 + 4, 4), UINT32_MAX);
	wr(BAR0 + 8, 4, UINT32_MAX);
	assert_int_equal(rd(BAR0 + 8, 4), 0);
	assert_int_equal(fake.dev.nr_writes, writes);
}

static void bars_are_mapped_while_memory_is_on(void **state)
{
	int slot;

	(void)state;
	create();
	place(0, WINDOW);
	assert_int_equal(fake_nr_slots(), 0);
	wr(PCI_COMMAND, 2, MEM);
	slot = fake_slot_at(WINDOW);
	assert_true(slot >= 0);
	/* The pages of the MSI-X table and the pending bits are not. */
	assert_int_equal(fake.slots[slot].size, KIB(8));
	assert_int_equal(fake_nr_slots(), 1);
	assert_true(fake_slot_at(WINDOW + 0x2000) < 0);
	assert_true(fake_slot_at(WINDOW + 0x3000) < 0);
	wr(PCI_COMMAND, 2, 0);
	assert_int_equal(fake_nr_slots(), 0);
	assert_int_equal(mmio(WINDOW + 0x2000, 4), UINT32_MAX);
	wr(PCI_COMMAND, 2, MEM);
	assert_true(fake_slot_at(WINDOW) >= 0);
	/* Moved at any time, in halves. */
	place(0, WINDOW * 2);
	assert_true(fake_slot_at(WINDOW) < 0);
	assert_true(fake_slot_at(WINDOW * 2) >= 0);
	assert_int_equal(fake_nr_slots(), 1);
	/* A write of the same value changes nothing. */
	slot = (int)fake.nr_slot_changes;
	place(0, WINDOW * 2);
	wr(PCI_COMMAND, 2, MEM | MASTER);
	assert_int_equal(fake.nr_slot_changes, slot);
}

static void pages_around_msix_are_mapped(void **state)
{
	static const struct {
		uint32_t table, pba;
		unsigned int nr; /* vectors */
		unsigned int nr_slots;
		uint64_t trapped[2]; /* the pages, inclusive */
	} rows[] = {
		{ 0x0, 0x800, 8, 1, { 0, 0 } }, /* one page, at the start */
		{ 0x8000, 0x9000, 256, 2, { 0x8000, 0x9000 } },
		{ 0xf000, 0xff00, 16, 1, { 0xf000, 0xf000 } }, /* the end */
		{ 0x3000, 0x7000, 8, 3, { 0x3000, 0x7000 } }, /* two holes */
		{ 0x7000, 0x3000, 8, 3, { 0x7000, 0x3000 } },
		{ 0x1ff0, 0x5000, 2, 3, { 0x1000, 0x2000 } }, /* astride */
		{ 0x0, 0xf000, 2048, 1, { 0, 0x7000 } }, /* the largest */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		unsigned int mapped = 0;

		fake_reset();
		fake_bar(0, KIB(64), PCI_BASE_ADDRESS_MEM_TYPE_64, true);
		fake_msix(0x40, rows[i].nr, rows[i].table, rows[i].pba);
		create();
		place(0, WINDOW);
		wr(PCI_COMMAND, 2, MEM);
		assert_int_equal(fake_nr_slots(), rows[i].nr_slots);
		assert_true(fake_slot_at(WINDOW + rows[i].trapped[0]) < 0);
		assert_true(fake_slot_at(WINDOW + rows[i].trapped[1]) < 0);
		for (unsigned int p = 0; p < 16; p++) {
			int slot = fake_slot_at(WINDOW + KIB(4) * p);

			if (slot < 0)
				continue;
			mapped++;
			/* Each page shows the same page of the device. */
			assert_true((uintptr_t)fake.slots[slot].hva -
					    fake.slots[slot].gpa ==
				    (uintptr_t)fake.dev.maps[0] - WINDOW);
		}
		assert_true(mapped >= 7);
		vfio_pci_destroy(v);
		v = NULL;
	}
}

static void areas_that_overlap_hide_msix_all_the_same(void **state)
{
	struct vfio_region *r = &fake.dev.regions[0];

	(void)state;
	fake_bar(0, KIB(64), PCI_BASE_ADDRESS_MEM_TYPE_64, true);
	fake_msix(0x40, 8, 0x3000, 0x7000);
	for (r->nr_areas = 0; r->nr_areas < VFIO_MAX_AREAS; r->nr_areas++)
		r->areas[r->nr_areas] = (struct range){ 0, KIB(64) };
	create();
	place(0, WINDOW);
	wr(PCI_COMMAND, 2, MEM);
	assert_true(fake_slot_at(WINDOW) >= 0);
	assert_true(fake_slot_at(WINDOW + 0x3000) < 0);
	assert_true(fake_slot_at(WINDOW + 0x7000) < 0);
}

static void vectors_are_those_of_the_host(void **state)
{
	(void)state;
	fake_msix(0x40, 1024, 0, 0x5000);
	fake_bar(0, KIB(32), PCI_BASE_ADDRESS_MEM_TYPE_64, true);
	fake.dev.irqs[VFIO_MSIX].count = 8;
	create();
	assert_int_equal(rd(0x42, 2), 7);
	place(0, WINDOW);
	wr(PCI_COMMAND, 2, MEM);
	assert_int_equal(mmio(WINDOW + 0x7c, 4), 1);
	assert_int_equal(mmio(WINDOW + 0x8c, 4), UINT32_MAX);
	assert_int_equal(mmio(WINDOW + 0x5008, 8), UINT64_MAX);
	/* The other entries stay out of reach. */
	assert_true(fake_slot_at(WINDOW + 0x3000) < 0);
	assert_true(fake_slot_at(WINDOW + 0x4000) >= 0);
	mmio_write(WINDOW + 0x3000, 4, 0);
	assert_int_equal(fake.dev.nr_reads, 0);
	assert_int_not_equal(fake.dev.last_len, 4);
}

static void huge_bars(void **state)
{
	(void)state;
	fake_bar(2, GIB(128),
		 PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH,
		 true);
	create();
	place(2, WINDOW);
	wr(PCI_COMMAND, 2, MEM);
	assert_int_equal(fake.slots[fake_slot_at(WINDOW)].size, GIB(128));
	assert_true(fake_slot_at(WINDOW + GIB(128) - 1) >= 0);
}

static void trapped_bars_use_the_guests_width(void **state)
{
	static const unsigned int lens[] = { 1, 2, 4, 8 };

	(void)state;
	params.trap_bars = true;
	create();
	place(0, WINDOW);
	wr(PCI_COMMAND, 2, MEM);
	assert_int_equal(fake_nr_slots(), 0);
	assert_int_equal(fake.dev.nr_maps, 0);
	store_le(fake.dev.bar_bytes[0], 8, 0x8877665544332211);
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		assert_true(mmio(WINDOW, lens[i]) ==
			    (0x8877665544332211 & all_ones(lens[i])));
		assert_int_equal(fake.dev.last_len, lens[i]);
		mmio_write(WINDOW + 0x1000, lens[i], 0x42);
		assert_int_equal(fake.dev.last_len, lens[i]);
		assert_int_equal(fake.dev.last_offset, 0x1000);
		assert_int_equal(fake.dev.last_value, 0x42);
	}
}

static void small_bars_are_trapped(void **state)
{
	(void)state;
	fake_bar(2, 256, 0, true);
	create();
	place(2, 0xd0000100);
	wr(PCI_COMMAND, 2, MEM);
	assert_int_equal(fake_nr_slots(), 0);
	fake.dev.bar_bytes[2][4] = 0x77;
	assert_int_equal(mmio(0xd0000104, 1), 0x77);
	assert_int_equal(mmio(0xd0000200, 1), 0xff);
}

static void odd_sizes_are_padded(void **state)
{
	(void)state;
	/* Mediated devices: a region need not be a power of two. */
	fake_bar(2, KIB(12), 0, true);
	create();
	wr(BAR0 + 8, 4, UINT32_MAX);
	assert_int_equal(rd(BAR0 + 8, 4), 0xffffc000);
	place(2, 0xd0000000);
	wr(PCI_COMMAND, 2, MEM);
	assert_int_equal(fake.slots[fake_slot_at(0xd0000000)].size, KIB(12));
	assert_int_equal(mmio(0xd0003000, 4), UINT32_MAX);
	assert_int_equal(fake.dev.nr_reads, 0);
}

static void io_bars_are_ports(void **state)
{
	uint32_t val = 0;

	(void)state;
	fake_bar(2, 32, PCI_BASE_ADDRESS_SPACE_IO, false);
	create();
	wr(BAR0 + 8, 4, UINT32_MAX);
	assert_int_equal(rd(BAR0 + 8, 4) & 0xffff, 0xffe1);
	wr(BAR0 + 8, 4, 0x1000);
	fake.dev.bar_bytes[2][8] = 0x5a;
	bus_access(bus, BUS_PIO, 0x1008, &val, 1, false);
	assert_int_equal(val, 0xff);
	wr(PCI_COMMAND, 2, PCI_COMMAND_IO);
	bus_access(bus, BUS_PIO, 0x1008, &val, 1, false);
	assert_int_equal(val, 0x5a);
	/* Beyond the last port there is nothing. */
	wr(BAR0 + 8, 4, 0x12340000);
	bus_access(bus, BUS_PIO, 0x0008, &val, 1, false);
	assert_int_equal(val, 0xff);
}

static void roms_are_read_only(void **state)
{
	struct vfio_region *rom = &fake.dev.regions[VFIO_REGION_ROM];

	(void)state;
	rom->size = KIB(64);
	rom->read = true;
	create();
	wr(PCI_ROM_ADDRESS, 4, 0xfffff800);
	assert_int_equal(rd(PCI_ROM_ADDRESS, 4), 0xffff0000);
	wr(PCI_ROM_ADDRESS, 4, 0xd0000000);
	wr(PCI_COMMAND, 2, MEM);
	assert_int_equal(mmio(0xd0000000, 4), UINT32_MAX);
	wr(PCI_ROM_ADDRESS, 4, 0xd0000001);
	/* A copy, read once, mapped read-only. */
	assert_true(fake_slot_at(0xd0000000) >= 0);
	assert_true(fake.slots[fake_slot_at(0xd0000000)].readonly);
	assert_int_equal(fake.dev.nr_reads, 1);
	assert_int_equal(mmio(0xd0000000, 4), 0x5a5a5a5a);
	assert_true(mmio(0xd000fff8, 8) == 0x5a5a5a5a5a5a5a5a);
	fake.dev.nr_writes = 0;
	mmio_write(0xd0000000, 4, 1);
	assert_int_equal(fake.dev.nr_writes, 0);
	wr(PCI_ROM_ADDRESS, 4, 0xd0000000);
	assert_int_equal(fake_nr_slots(), 0);
	wr(PCI_ROM_ADDRESS, 4, 0xd0010001);
	assert_true(fake_slot_at(0xd0010000) >= 0);
	assert_int_equal(fake.dev.nr_reads, 1);
	vfio_pci_destroy(v);
	/* One that cannot be read, and one smaller than a page. */
	create();
	wr(PCI_COMMAND, 2, MEM);
	fake.dev.read_errno = EIO;
	wr(PCI_ROM_ADDRESS, 4, 0xd0000001);
	assert_int_equal(mmio(0xd0000000, 4), UINT32_MAX);
	fake.dev.read_errno = 0;
	vfio_pci_destroy(v);
	rom->size = 3000;
	create();
	wr(PCI_COMMAND, 2, MEM);
	wr(PCI_ROM_ADDRESS, 4, 0xd0000001);
	assert_int_equal(mmio(0xd0000bb4, 4), 0x5a5a5a5a);
	assert_int_equal(mmio(0xd0000bb8, 4), UINT32_MAX);
	vfio_pci_destroy(v);
	/* Not offered. */
	params.rom = false;
	create();
	wr(PCI_ROM_ADDRESS, 4, 0xfffff800);
	assert_int_equal(rd(PCI_ROM_ADDRESS, 4), 0);
}

static void a_bar_on_other_things(void **state)
{
	struct capture c;

	(void)state;
	fake_bar(2, KIB(4), 0, true);
	create();
	place(0, WINDOW);
	place(2, 0xd0000000);
	wr(PCI_COMMAND, 2, MEM);
	assert_int_equal(fake_nr_slots(), 2);
	/* On its sibling: the first stays. */
	capture_begin(&c);
	place(0, 0xd0000000);
	assert_non_null(strstr(capture_end(&c), "it waits until it is free"));
	assert_int_equal(fake_nr_slots(), 1);
	place(0, WINDOW);
	assert_int_equal(fake_nr_slots(), 2);
	/* On RAM: RAM stays. */
	place(2, MIB(16));
	assert_true(fake_slot_at(MIB(16)) < 0);
	/* At zero, where nothing is decoded while firmware has not been. */
	place(2, 0);
	assert_int_equal(fake_nr_slots(), 1);
	/* Two swap their places. */
	place(2, 0xd0000000);
	assert_int_equal(fake_nr_slots(), 2);
}

static void mappings_that_fail_are_trapped(void **state)
{
	(void)state;
	create();
	place(0, WINDOW);
	fake.fail_at = fake.nr_calls;
	wr(PCI_COMMAND, 2, MEM);
	assert_int_equal(fake_nr_slots(), 0);
	fake.dev.bar_bytes[0][0] = 9;
	assert_int_equal(mmio(WINDOW, 1), 9);
}

static void asleep_it_is_not_mapped(void **state)
{
	(void)state;
	create();
	place(0, WINDOW);
	wr(PCI_COMMAND, 2, MEM);
	assert_int_equal(fake_nr_slots(), 1);
	/* The fake asserts that the slot is gone before the write. */
	wr(0x64, 2, 3);
	assert_int_equal(fake_config(0x64, 2), 3);
	assert_int_equal(fake_nr_slots(), 0);
	wr(PCI_COMMAND, 2, 0);
	wr(PCI_COMMAND, 2, MEM);
	assert_int_equal(fake_nr_slots(), 0);
	/* Its upper byte is no power state. */
	wr(0x65, 1, 1);
	assert_int_equal(fake_nr_slots(), 0);
	wr(0x64, 2, 0);
	assert_int_equal(fake_nr_slots(), 1);
}

static void power_states_can_be_refused(void **state)
{
	(void)state;
	create();
	place(0, WINDOW);
	wr(PCI_COMMAND, 2, MEM | MASTER);
	fake.dev.power_stuck = true;
	wr(0x64, 2, 1);
	assert_int_equal(rd(0x64, 2) & 3, 0);
	assert_int_equal(fake_nr_slots(), 1);
	fake.dev.power_stuck = false;
	wr(0x64, 2, 3);
	assert_int_equal(fake_nr_slots(), 0);
	/* It does not wake up: its BARs would fault. */
	fake.dev.power_stuck = true;
	wr(0x64, 2, 0);
	assert_int_equal(rd(0x64, 2) & 3, 3);
	assert_int_equal(fake_nr_slots(), 0);
	/* Awake, it has what the guest wrote in the meantime. */
	wr(PCI_COMMAND, 2, MEM);
	fake_set_config(PCI_COMMAND, 2, 3 | MASTER);
	fake.dev.power_stuck = false;
	wr(0x64, 2, 0);
	assert_int_equal(fake_nr_slots(), 1);
	assert_int_equal(fake_config(PCI_COMMAND, 2), 3);
}

static void flr_is_a_reset(void **state)
{
	(void)state;
	create();
	place(0, WINDOW);
	wr(PCI_COMMAND, 2, MEM | MASTER);
	wr(0x80 + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR | 0x10);
	assert_int_equal(fake.dev.nr_resets, 1);
	assert_int_equal(rd(PCI_COMMAND, 2), 0);
	assert_int_equal(rd(BAR0, 4), 4);
	assert_int_equal(fake_nr_slots(), 0);
	assert_int_equal(fake_config(PCI_COMMAND, 2), 3);
	/* By byte, and only by that bit. */
	wr(PCI_COMMAND, 2, MASTER);
	wr(0x80 + PCI_EXP_DEVCTL + 1, 1, 0x80);
	assert_int_equal(fake.dev.nr_resets, 2);
	wr(0x80 + PCI_EXP_DEVCTL, 1, 0x80);
	assert_int_equal(fake.dev.nr_resets, 2);
}

static void af_flr_is_a_reset(void **state)
{
	(void)state;
	fake_cap(0x60, PCI_CAP_ID_PM, 0xf0);
	fake_cap(0xf0, PCI_CAP_ID_AF, 0);
	fake_set_config(0xf2, 2, 0x0306);
	create();
	wr(PCI_COMMAND, 2, MASTER);
	wr(0xf4, 1, PCI_AF_CTRL_FLR);
	assert_int_equal(fake.dev.nr_resets, 1);
	assert_int_equal(rd(PCI_COMMAND, 2), 0);
}

static void reboots_start_from_power_on(void **state)
{
	(void)state;
	create();
	/* BIND has reset it: nobody waits for another. */
	assert_int_equal(vfio_pci_reset(v), 0);
	assert_int_equal(fake.dev.nr_resets, 0);
	for (unsigned int i = 1; i <= 20; i++) {
		place(0, WINDOW);
		wr(PCI_COMMAND, 2, MEM | MASTER);
		wr(PCI_INTERRUPT_LINE, 1, 5);
		wr(0x64, 2, 3);
		assert_int_equal(vfio_pci_reset(v), 0);
		assert_int_equal(fake.dev.nr_resets, i);
		assert_int_equal(fake_config(0x64, 2), 0); /* awake */
		assert_int_equal(rd(PCI_COMMAND, 2), 0);
		assert_int_equal(rd(PCI_INTERRUPT_LINE, 1), 0);
		assert_int_equal(rd(BAR0, 4), 4);
		assert_int_equal(fake_nr_slots(), 0);
		/* The hierarchy's reset follows: no second one. */
		dev->ops->reset(dev);
		assert_int_equal(fake.dev.nr_resets, i);
	}
	place(0, WINDOW);
	wr(PCI_COMMAND, 2, MEM);
	assert_int_equal(fake_nr_slots(), 1);
}

static void resets_that_fail_are_tried_again(void **state)
{
	(void)state;
	create();
	wr(PCI_COMMAND, 2, MASTER);
	fake.fail_at = fake.nr_calls;
	assert_int_equal(vfio_pci_reset(v), -ENOMEM);
	assert_int_equal(vfio_pci_reset(v), 0);
	assert_int_equal(fake.dev.nr_resets, 2);
}

static void quiet_twice(void **state)
{
	(void)state;
	create();
	place(0, WINDOW);
	wr(PCI_COMMAND, 2, MEM | MASTER);
	vfio_pci_quiesce(v);
	assert_int_equal(fake_nr_slots(), 0);
	assert_int_equal(fake_config(PCI_COMMAND, 2), 3);
	vfio_pci_quiesce(v);
	vfio_pci_destroy(NULL);
}

static void failures_of_creation_leave_nothing(void **state)
{
	struct capture c;
	int nr;

	(void)state;
	fake_bar(2, KIB(64), 0, true);
	create();
	nr = fake.nr_calls;
	assert_int_equal(nr, 2);
	vfio_pci_destroy(v);
	v = NULL;
	capture_begin(&c);
	for (int i = 0; i < nr; i++) {
		fake.nr_calls = 0;
		fake.fail_at = i;
		assert_int_equal(vfio_pci_create(&v, &params), -ENOMEM);
		assert_int_equal(fake.dev.nr_maps, 0);
	}
	capture_end(&c);
}

static void sizes_that_do_not_fit_are_refused(void **state)
{
	struct capture c;

	(void)state;
	fake_bar(2, GIB(4), 0, true); /* in 32 bits */
	capture_begin(&c);
	assert_int_equal(vfio_pci_create(&v, &params), -EINVAL);
	assert_non_null(strstr(capture_end(&c), "BAR 2"));
	assert_int_equal(fake.dev.nr_maps, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(header_is_of_a_single_function),
		T(bridges_and_dead_devices_are_refused),
		T(command_keeps_memory_decoded),
		T(status_hides_the_hosts_errors),
		T(capabilities_without_meaning_are_hidden),
		T(capability_walks_are_bounded),
		T(pcie_stays_an_endpoint),
		T(integrated_endpoints_get_a_link),
		T(extended_capabilities_of_the_host_are_hidden),
		T(extended_lists_of_any_kind),
		T(gaps_are_read_only),
		T(failed_reads_are_ones),
		T(sizing_does_not_reach_the_device),
		T(bars_are_mapped_while_memory_is_on),
		T(pages_around_msix_are_mapped),
		T(areas_that_overlap_hide_msix_all_the_same),
		T(vectors_are_those_of_the_host),
		T(huge_bars),
		T(trapped_bars_use_the_guests_width),
		T(small_bars_are_trapped),
		T(odd_sizes_are_padded),
		T(io_bars_are_ports),
		T(roms_are_read_only),
		T(a_bar_on_other_things),
		T(mappings_that_fail_are_trapped),
		T(asleep_it_is_not_mapped),
		T(power_states_can_be_refused),
		T(flr_is_a_reset),
		T(af_flr_is_a_reset),
		T(reboots_start_from_power_on),
		T(resets_that_fail_are_tried_again),
		T(quiet_twice),
		T(failures_of_creation_leave_nothing),
		T(sizes_that_do_not_fit_are_refused),
	};

	return run_all(tests);
}
