// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-vfio-irq - interrupts of an assigned function as the guest sets them
 * up: MSI-X, MSI, INTx; and the host's own messages. The fakes assert the
 * order that the kernel wants.
 */
#include "harness.h"

#include <sys/epoll.h>
#include <sys/resource.h>

#include "capture.h"
#include "fake-vfio.h"
#include "fds.h"
#include "json.h"
#include "loop.h"
#include "pci-msix.h"

#define BAR 0xd0000000
#define TABLE (BAR + 0x2000)
#define PBA (BAR + 0x3000)
#define MSIX_CTRL (0x40 + PCI_MSIX_FLAGS)
#define ENABLE PCI_MSIX_FLAGS_ENABLE
#define MASKALL PCI_MSIX_FLAGS_MASKALL
#define GSI 17 /* of INTx */

static struct vfio_pci *v;
static struct pci_dev *dev;
static struct bus *bus;
static struct loop *loop;
static unsigned int fds_before;
static struct vfio_pci_params params;

static int set_up(void **state)
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

static int tear_down(void **state)
{
	(void)state;
	vfio_pci_destroy(v);
	assert_int_equal(fake_nr_slots(), 0);
	assert_int_equal(fake_nr_irqfds(), 0);
	assert_int_equal(fake.dev.active_irq, -1);
	for (unsigned int i = 0; i < FAKE_GSIS; i++)
		assert_false(fake.gsis[i].used);
	loop_destroy(loop);
	bus_destroy(bus);
	assert_int_equal(nr_fds(), fds_before);
	return 0;
}

static void wr(unsigned int off, unsigned int len, uint32_t val)
{
	pci_dev_write(dev, off, len, val);
}

static uint32_t rd(unsigned int off, unsigned int len)
{
	return pci_dev_read(dev, off, len);
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

/* A device whose BAR is mapped; INTx is off unless the test wants it. */
static void create(void)
{
	assert_int_equal(vfio_pci_create(&v, &params), 0);
	dev = vfio_pci_dev(v);
	wr(PCI_BASE_ADDRESS_0, 4, BAR);
	wr(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

/* The same, with a pin. */
static void create_with_pin(void)
{
	params.intx_gsi = GSI;
	assert_int_equal(vfio_pci_create(&v, &params), 0);
	dev = vfio_pci_dev(v);
	assert_int_equal(vfio_pci_start(v, loop), 0);
}

/* The loop does what there is to do. */
static void spin(void)
{
	fake_spin(loop);
}

/* The guest has seen to the interrupt: the line sinks. */
static void end_of_interrupt(void)
{
	const uint64_t one = 1;
	uint64_t count;

	assert_int_equal(write(fake.gsis[GSI].resample_fd, &one, 8), 8);
	/* What we have put on the line for KVM. */
	(void)!read(fake.gsis[GSI].fd, &count, 8);
}

/* Whether somebody has raised KVM's line since the last end of interrupt. */
static bool line_is_raised(void)
{
	struct pollfd p = { .fd = fake.gsis[GSI].fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void message(unsigned int vector, uint64_t addr, uint32_t data)
{
	mmio_write(TABLE + 16 * vector, 8, addr);
	mmio_write(TABLE + 16 * vector + 8, 4, data);
}

static void mask(unsigned int vector, bool masked)
{
	mmio_write(TABLE + 16 * vector + 12, 4, masked);
}

/* The GSI whose irqfd is the vector's eventfd; 0: none. */
static unsigned int gsi_of(unsigned int vector)
{
	int fd = fake.dev.vector_fds[vector];

	for (unsigned int i = 24; fd >= 0 && i < FAKE_GSIS; i++)
		if (fake.gsis[i].fd == fd)
			return i;
	return 0;
}

static void nothing_is_armed_while_all_are_masked(void **state)
{
	(void)state;
	create();
	wr(MSIX_CTRL, 2, ENABLE);
	assert_int_equal(pci_dev_read(dev, MSIX_CTRL, 2), ENABLE | 64);
	/* Enabled at the device by vector 0 without a signal. */
	assert_int_equal(fake.dev.active_irq, VFIO_MSIX);
	assert_int_equal(fake.dev.nr_host_vectors, 1);
	assert_int_equal(fake_nr_armed(), 0);
	assert_int_equal(fake_nr_irqfds(), 0);
	/* The device's own copy is the host's. */
	assert_int_equal(fake_config(MSIX_CTRL, 2), 64);
	wr(MSIX_CTRL, 2, 0);
	assert_int_equal(fake.dev.active_irq, -1);
}

static void vectors_come_as_they_are_unmasked(void **state)
{
	(void)state;
	create();
	wr(MSIX_CTRL, 2, ENABLE);
	message(3, 0xfee01000, 0x4321);
	assert_int_equal(fake_nr_irqfds(), 0);
	mask(3, false);
	assert_int_equal(fake_nr_armed(), 1);
	assert_int_equal(fake_nr_irqfds(), 1);
	assert_true(gsi_of(3));
	assert_int_equal(fake.gsis[gsi_of(3)].addr, 0xfee01000);
	assert_int_equal(fake.gsis[gsi_of(3)].data, 0x4321);
	message(64, 0xfee02000, 0x55);
	mask(64, false);
	assert_int_equal(fake_nr_irqfds(), 2);
	assert_true(gsi_of(64) && gsi_of(64) != gsi_of(3));
	assert_int_equal(fake.nr_commits, 2);
}

static void the_whole_table_where_it_cannot_grow(void **state)
{
	(void)state;
	fake.dev.irqs[VFIO_MSIX].noresize = true;
	create();
	wr(MSIX_CTRL, 2, ENABLE);
	assert_int_equal(fake.dev.nr_host_vectors, 65);
	mask(64, false);
	assert_int_equal(fake_nr_armed(), 1);
	/* As far as the host's vectors go. */
	wr(MSIX_CTRL, 2, 0);
	fake.dev.max_host_vectors = 40;
	wr(MSIX_CTRL, 2, ENABLE);
	assert_int_equal(fake.dev.nr_host_vectors, 32);
	mask(31, false);
	fake_fire(31);
	assert_int_equal(fake.gsis[gsi_of(31)].injected, 1);
}

static void the_largest_table(void **state)
{
	struct rlimit files;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = files.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	fake_bar(0, KIB(64), PCI_BASE_ADDRESS_MEM_TYPE_64, true);
	fake_msix(0x40, PCI_MSIX_MAX, 0x2000, 0xa000);
	create();
	assert_int_equal(pci_dev_read(dev, MSIX_CTRL, 2), PCI_MSIX_MAX - 1);
	wr(MSIX_CTRL, 2, ENABLE | MASKALL);
	for (unsigned int i = 0; i < PCI_MSIX_MAX; i++) {
		message(i, 0xfee00000, i);
		mask(i, false);
	}
	fake.nr_commits = 0;
	wr(MSIX_CTRL, 2, ENABLE);
	assert_int_equal(fake_nr_irqfds(), PCI_MSIX_MAX);
	assert_int_equal(fake_nr_armed(), PCI_MSIX_MAX);
	assert_int_equal(fake.nr_commits, 1);
	assert_int_equal(fake.gsis[gsi_of(2047)].data, 2047);
	mask(2047, true);
	fake_fire(2047);
	assert_int_equal(mmio(BAR + 0xa000 + 2047 / 64 * 8, 8), 1ULL << 63);
	/* The next page is the device's. */
	assert_int_equal(mmio(BAR + 0xa000 + 256, 8), 0);
	wr(MSIX_CTRL, 2, 0);
	assert_int_equal(fake_nr_irqfds(), 0);
}

static void masking_is_cheap(void **state)
{
	unsigned int set_irqs, commits;
	int fd;

	(void)state;
	create();
	wr(MSIX_CTRL, 2, ENABLE);
	message(0, 0xfee00000, 1);
	mask(0, false);
	set_irqs = fake.dev.nr_set_irqs;
	commits = fake.nr_commits;
	fd = fake.dev.vector_fds[0];
	for (unsigned int i = 1; i <= 100; i++) {
		mask(0, true);
		assert_int_equal(fake_nr_irqfds(), 0);
		/* The device keeps its eventfd: no event is lost. */
		assert_int_equal(fake.dev.vector_fds[0], fd);
		mask(0, false);
		assert_int_equal(fake_nr_irqfds(), 1);
	}
	/* One call of KVM for each, none of VFIO, no new route. */
	assert_int_equal(fake.dev.nr_set_irqs, set_irqs);
	assert_int_equal(fake.nr_commits, commits);
	assert_int_equal(fake.nr_irqfd_calls, 201);
	/* Writing the same again costs nothing. */
	mask(0, false);
	message(0, 0xfee00000, 1);
	assert_int_equal(fake.nr_irqfd_calls, 201);
	assert_int_equal(fake.nr_commits, commits);
}

static void a_masked_vector_is_pending(void **state)
{
	unsigned int gsi;

	(void)state;
	create();
	wr(MSIX_CTRL, 2, ENABLE);
	mask(5, false);
	gsi = gsi_of(5);
	assert_int_equal(mmio(PBA, 8), 0);
	mask(5, true);
	assert_int_equal(mmio(PBA, 8), 0);
	fake_fire(5);
	assert_int_equal(mmio(PBA, 8), 1 << 5);
	assert_int_equal(mmio(PBA, 4), 1 << 5);
	assert_int_equal(mmio(PBA + 8, 8), 0);
	/* Looking does not take the event: KVM finds it on unmask, once. */
	assert_int_equal(fake.gsis[gsi].injected, 0);
	mask(5, false);
	assert_int_equal(fake.gsis[gsi].injected, 1);
	assert_int_equal(mmio(PBA, 8), 0);
	mask(5, true);
	assert_int_equal(mmio(PBA, 8), 0);
	mask(5, false);
	assert_int_equal(fake.gsis[gsi].injected, 1);
	/* Nobody writes pending bits. */
	mmio_write(PBA, 8, UINT64_MAX);
	assert_int_equal(mmio(PBA, 8), 0);
	/* While the irqfd is there the event is KVM's. */
	fake_fire(5);
	assert_int_equal(mmio(PBA, 8), 0);
}

static void the_function_mask_covers_all(void **state)
{
	(void)state;
	create();
	/* As Linux does: enable all masked, set up, then let go. */
	wr(MSIX_CTRL, 2, ENABLE | MASKALL);
	for (unsigned int i = 0; i < 64; i++) {
		message(i, 0xfee00000 + i, i);
		mask(i, false);
	}
	assert_int_equal(fake_nr_irqfds(), 0);
	fake.nr_commits = 0;
	wr(MSIX_CTRL, 2, ENABLE);
	assert_int_equal(fake_nr_irqfds(), 64);
	assert_int_equal(fake_nr_armed(), 64);
	assert_int_equal(fake.nr_commits, 1); /* one batch */
	wr(MSIX_CTRL, 2, ENABLE | MASKALL);
	assert_int_equal(fake_nr_irqfds(), 0);
	fake_fire(63);
	assert_int_equal(mmio(PBA, 8), 1ULL << 63);
	wr(MSIX_CTRL, 2, ENABLE);
	assert_int_equal(fake_nr_irqfds(), 64);
}

static void messages_move(void **state)
{
	(void)state;
	create();
	wr(MSIX_CTRL, 2, ENABLE);
	message(1, 0xfee01000, 1);
	mask(1, false);
	/* Masked first, as it should be. */
	mask(1, true);
	message(1, 0xfee02000, 2);
	mask(1, false);
	assert_int_equal(fake.gsis[gsi_of(1)].addr, 0xfee02000);
	assert_int_equal(fake.gsis[gsi_of(1)].data, 2);
	/* In place, as it should not. */
	message(1, 0xfee03000, 3);
	assert_int_equal(fake.gsis[gsi_of(1)].addr, 0xfee03000);
	assert_int_equal(fake.gsis[gsi_of(1)].data, 3);
	assert_true(fake.gsis[gsi_of(1)].committed);
	assert_int_equal(fake_nr_irqfds(), 1);
}

static void nothing_old_comes_after_enabling_again(void **state)
{
	uint64_t count;

	(void)state;
	create();
	for (unsigned int i = 0; i < 3; i++) {
		wr(MSIX_CTRL, 2, ENABLE);
		mask(0, false);
		assert_int_equal(fake_nr_irqfds(), 1);
		assert_true(read(fake.dev.vector_fds[0], &count, 8) < 0);
		mask(0, true);
		fake_fire(0);
		wr(MSIX_CTRL, 2, 0);
		assert_int_equal(fake_nr_armed(), 0);
		assert_int_equal(fake_nr_irqfds(), 0);
		assert_int_equal(mmio(PBA, 8), 0);
	}
}

static void the_table_is_the_guests_alone(void **state)
{
	(void)state;
	create();
	fake.dev.nr_reads = fake.dev.nr_writes = 0;
	assert_int_equal(mmio(TABLE + 12, 4), 1);
	message(2, 0xfee12340, 0x99);
	assert_int_equal(mmio(TABLE + 32, 8), 0xfee12340);
	assert_int_equal(mmio(TABLE + 40, 4), 0x99);
	assert_int_equal(fake.dev.nr_reads + fake.dev.nr_writes, 0);
	/* Odd accesses. */
	assert_int_equal(mmio(TABLE + 1, 1), 0xff);
	assert_int_equal(mmio(TABLE - 4, 8), UINT64_MAX);
	mmio_write(TABLE - 4, 8, UINT64_MAX);
	assert_int_equal(mmio(TABLE, 4), 0);
	assert_int_equal(fake.dev.nr_reads + fake.dev.nr_writes, 0);
	/* The rest of its page is the device's. */
	assert_int_equal(mmio(TABLE + 65 * 16, 4), 0);
	mmio_write(TABLE + 65 * 16, 4, 7);
	assert_int_equal(fake.dev.last_offset, 0x2000 + 65 * 16);
	assert_int_equal(fake.dev.last_value, 7);
}

static void a_host_without_vectors(void **state)
{
	struct capture c;

	(void)state;
	create();
	fake.fail_at = fake.nr_calls;
	wr(MSIX_CTRL, 2, ENABLE);
	assert_int_equal(fake.dev.active_irq, -1);
	mask(0, false); /* nothing happens, nothing breaks */
	assert_int_equal(fake_nr_irqfds(), 0);
	wr(MSIX_CTRL, 2, 0);
	wr(MSIX_CTRL, 2, ENABLE);
	assert_int_equal(fake_nr_irqfds(), 1);
	/* One vector fails, and is tried again at the next unmasking. */
	for (int i = 0; i < 3; i++) {
		/* Its GSI, then its irqfd, then its SET_IRQS. */
		fake.fail_at = fake.nr_calls + (i == 2);
		capture_begin(&c);
		mask(7, false);
		capture_end(&c);
		mask(7, true);
		mask(7, false);
		assert_int_equal(fake_nr_irqfds(), 2);
		assert_int_equal(fake_nr_armed(), 2);
		wr(MSIX_CTRL, 2, 0);
		mask(7, true);
		wr(MSIX_CTRL, 2, ENABLE);
	}
}

/* No table, no MSI-X; the device works without. */
static void is_hidden(uint32_t table)
{
	struct capture c;

	fake_reset();
	fake_cap(0x60, PCI_CAP_ID_MSIX, 0);
	fake_msix(0x60, 65, table, 0x3000);
	fake_cap(0x80, PCI_CAP_ID_EXP, 0x60);
	fake.dev.config[PCI_CAPABILITY_LIST] = 0x80;
	capture_begin(&c);
	create();
	assert_non_null(strstr(capture_end(&c), "MSI-X is not offered"));
	assert_int_equal(rd(PCI_CAPABILITY_LIST, 1), 0x80);
	assert_int_equal(rd(0x80, 2), PCI_CAP_ID_EXP);
	assert_int_equal(rd(0x60, 4), 0);
	wr(0x60 + PCI_MSIX_FLAGS, 2, ENABLE);
	assert_int_equal(rd(0x60, 4), 0);
	assert_int_equal(fake.dev.active_irq, -1);
	vfio_pci_destroy(v);
	v = NULL;
}

static void broken_tables_hide_msix(void **state)
{
	struct capture c;

	(void)state;
	is_hidden(0x3f00); /* past the end */
	is_hidden(0x2003); /* in a BAR that is not there */
	is_hidden(0x2007); /* no such BAR */
	/* The only capability: then there is no list. */
	fake_reset();
	fake_msix(0x40, 65, 0x3f00, 0x3000);
	fake_cap(0x40, PCI_CAP_ID_MSIX, 0);
	capture_begin(&c);
	create();
	capture_end(&c);
	assert_int_equal(rd(PCI_STATUS, 2) & PCI_STATUS_CAP_LIST, 0);
	assert_int_equal(rd(PCI_CAPABILITY_LIST, 1), 0);
	vfio_pci_destroy(v);
	v = NULL;
	fake_reset();
	fake_msix(0x40, 65, 0x2000, 0x10000); /* pending bits nowhere */
	create();
	wr(MSIX_CTRL, 2, ENABLE);
	mask(0, false);
	assert_int_equal(fake_nr_irqfds(), 1);
}

static void without_msix_there_is_none(void **state)
{
	(void)state;
	fake.dev.irqs[VFIO_MSIX].count = 0;
	create();
	assert_int_equal(pci_dev_read(dev, PCI_CAPABILITY_LIST, 1), 0x80);
	wr(MSIX_CTRL, 2, ENABLE);
	assert_int_equal(fake.dev.active_irq, -1);
}

static void a_reset_forgets(void **state)
{
	(void)state;
	create();
	wr(MSIX_CTRL, 2, ENABLE);
	message(0, 0xfee00000, 1);
	mask(0, false);
	assert_int_equal(vfio_pci_reset(v), 0);
	assert_int_equal(fake.dev.active_irq, -1);
	assert_int_equal(pci_dev_read(dev, MSIX_CTRL, 2), 64);
	wr(PCI_BASE_ADDRESS_0, 4, BAR);
	wr(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	assert_int_equal(mmio(TABLE, 8), 0);
	assert_int_equal(mmio(TABLE + 12, 4), 1);
	wr(MSIX_CTRL, 2, ENABLE);
	mask(0, false);
	assert_int_equal(fake_nr_irqfds(), 1);
}

#define MSI 0xa0

static void add_msi(unsigned int log2_nr, uint32_t flags)
{
	fake_cap(0x60, PCI_CAP_ID_PM, MSI);
	fake_cap(MSI, PCI_CAP_ID_MSI, 0);
	fake_set_config(MSI + PCI_MSI_FLAGS, 2, log2_nr << 1 | flags);
	fake.dev.irqs[VFIO_MSI] =
		(struct vfio_irq){ .count = 1u << log2_nr, .noresize = true };
}

/* Enables 1 << log2_nr messages from 0xfee01000/0x4140 up. */
static void enable_msi(unsigned int log2_nr)
{
	uint32_t flags = pci_dev_read(dev, MSI + PCI_MSI_FLAGS, 2);
	bool wide = flags & PCI_MSI_FLAGS_64BIT;

	wr(MSI + PCI_MSI_ADDRESS_LO, 4, 0xfee01003);
	if (wide)
		wr(MSI + PCI_MSI_ADDRESS_HI, 4, 0);
	wr(MSI + (wide ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32), 2, 0x4140);
	wr(MSI + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE | log2_nr << 4);
}

static void msi_in_both_widths(void **state)
{
	(void)state;
	for (int wide = 0; wide < 2; wide++) {
		unsigned int data = wide ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32;
		uint32_t flags = wide ? PCI_MSI_FLAGS_64BIT : 0;
		uint64_t high = wide ? 1ULL << 32 : 0;

		fake_reset();
		add_msi(0, flags);
		create();
		assert_int_equal(pci_dev_read(dev, MSI + PCI_MSI_FLAGS, 2),
				 flags);
		wr(MSI + PCI_MSI_ADDRESS_LO, 4, 0xfee00003);
		if (wide)
			wr(MSI + PCI_MSI_ADDRESS_HI, 4, 1);
		wr(MSI + data, 2, 0x31);
		assert_int_equal(fake.dev.active_irq, -1);
		wr(MSI + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE | 0x70);
		assert_int_equal(fake.dev.active_irq, VFIO_MSI);
		assert_int_equal(fake.dev.nr_host_vectors, 1);
		assert_true(gsi_of(0));
		assert_true(fake.gsis[gsi_of(0)].addr == (0xfee00000 | high));
		assert_int_equal(fake.gsis[gsi_of(0)].data, 0x31);
		/* The device's enable bit is the host's. */
		assert_int_equal(fake_config(MSI + PCI_MSI_FLAGS, 2) &
					 PCI_MSI_FLAGS_ENABLE,
				 0);
		wr(MSI + data, 2, 0x32);
		assert_int_equal(fake.gsis[gsi_of(0)].data, 0x32);
		assert_true(fake.gsis[gsi_of(0)].committed);
		wr(MSI + PCI_MSI_FLAGS, 2, 0);
		assert_int_equal(fake.dev.active_irq, -1);
		assert_int_equal(fake_nr_irqfds(), 0);
		vfio_pci_destroy(v);
		v = NULL;
	}
}

static void msi_has_several_messages(void **state)
{
	(void)state;
	add_msi(4, PCI_MSI_FLAGS_64BIT);
	create();
	assert_int_equal(pci_dev_read(dev, MSI + PCI_MSI_FLAGS, 2),
			 PCI_MSI_FLAGS_64BIT | 4 << 1);
	enable_msi(3);
	/* All at once, with one change of the routes. */
	assert_int_equal(fake.dev.nr_host_vectors, 8);
	assert_int_equal(fake.dev.nr_set_irqs, 1);
	assert_int_equal(fake.nr_commits, 1);
	assert_int_equal(fake_nr_irqfds(), 8);
	for (unsigned int i = 0; i < 8; i++) {
		assert_int_equal(fake.gsis[gsi_of(i)].addr, 0xfee01000);
		assert_int_equal(fake.gsis[gsi_of(i)].data, 0x4140 | i);
	}
	/* The low bits of the data are the device's. */
	wr(MSI + PCI_MSI_DATA_64, 2, 0x4157);
	assert_int_equal(fake.gsis[gsi_of(0)].data, 0x4150);
	assert_int_equal(fake.gsis[gsi_of(7)].data, 0x4157);
	assert_int_equal(fake.dev.nr_set_irqs, 1);
	fake_fire(5);
	assert_int_equal(fake.gsis[gsi_of(5)].injected, 1);
	/* Another number, and more than there are. */
	enable_msi(1);
	assert_int_equal(fake.dev.nr_host_vectors, 2);
	assert_int_equal(fake_nr_irqfds(), 2);
	assert_int_equal(fake.gsis[gsi_of(1)].data, 0x4141);
	enable_msi(7);
	assert_int_equal(fake.dev.nr_host_vectors, 16);
	assert_int_equal(fake_nr_irqfds(), 16);
	wr(MSI + PCI_MSI_FLAGS, 2, 0);
	assert_int_equal(fake_nr_irqfds(), 0);
	assert_int_equal(fake_nr_armed(), 0);
}

static void msi_offers_what_the_host_serves(void **state)
{
	(void)state;
	add_msi(5, 0);
	fake.dev.irqs[VFIO_MSI].count = 12;
	create();
	assert_int_equal(pci_dev_read(dev, MSI + PCI_MSI_FLAGS, 2), 3 << 1);
	/* The host turns out to have fewer: the device then makes do. */
	fake.dev.max_host_vectors = 3;
	enable_msi(3);
	assert_int_equal(fake.dev.nr_host_vectors, 2);
	assert_int_equal(fake_nr_armed(), 2);
	fake_fire(1);
	assert_int_equal(fake.gsis[gsi_of(1)].injected, 1);
	vfio_pci_destroy(v);
	v = NULL;
	/* The encoding has room for more than there can be. */
	fake_reset();
	add_msi(7, 0);
	create();
	assert_int_equal(pci_dev_read(dev, MSI + PCI_MSI_FLAGS, 2), 5 << 1);
	enable_msi(7);
	assert_int_equal(fake_nr_irqfds(), 32);
}

static void msi_messages_are_masked(void **state)
{
	(void)state;
	for (int wide = 0; wide < 2; wide++) {
		unsigned int bits =
			MSI + (wide ? PCI_MSI_MASK_64 : PCI_MSI_MASK_32);
		unsigned int pending = bits + 4, gsi;

		fake_reset();
		add_msi(2, PCI_MSI_FLAGS_MASKBIT |
				   (wide ? PCI_MSI_FLAGS_64BIT : 0));
		create();
		assert_int_equal(pci_dev_read(dev, bits, 4), 0);
		wr(bits, 4, UINT32_MAX);
		assert_int_equal(pci_dev_read(dev, bits, 4), 0xf);
		enable_msi(2);
		/* The device signals, but nothing passes. */
		assert_int_equal(fake_nr_armed(), 4);
		assert_int_equal(fake_nr_irqfds(), 0);
		fake_fire(2);
		assert_int_equal(pci_dev_read(dev, pending, 4), 1 << 2);
		assert_int_equal(pci_dev_read(dev, pending, 1), 1 << 2);
		wr(pending, 4, 0);
		assert_int_equal(pci_dev_read(dev, pending, 4), 1 << 2);
		/* It comes when it may, once, with the message of then. */
		wr(MSI + (wide ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32), 2, 0x70);
		wr(bits, 4, 0xb);
		assert_int_equal(fake_nr_irqfds(), 1);
		gsi = gsi_of(2);
		assert_int_equal(fake.gsis[gsi].data, 0x72);
		assert_int_equal(fake.gsis[gsi].injected, 1);
		assert_int_equal(pci_dev_read(dev, pending, 4), 0);
		wr(bits, 4, 0xf);
		wr(bits, 4, 0);
		assert_int_equal(fake.gsis[gsi].injected, 1);
		assert_int_equal(fake_nr_irqfds(), 4);
		/* None of it reached the device. */
		assert_int_equal(fake.dev.nr_set_irqs, 1);
		wr(bits, 4, 0xf);
		fake_fire(0);
		wr(MSI + PCI_MSI_FLAGS, 2, 0);
		assert_int_equal(pci_dev_read(dev, pending, 4), 0);
		vfio_pci_destroy(v);
		v = NULL;
	}
}

static void msi_at_the_end_is_hidden(void **state)
{
	(void)state;
	add_msi(0, 0);
	fake_cap(0x60, PCI_CAP_ID_PM, 0xf4);
	fake_cap(0xf4, PCI_CAP_ID_MSI, 0);
	fake_set_config(0xf4 + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_64BIT);
	create();
	assert_int_equal(rd(0x60, 2), PCI_CAP_ID_PM);
	wr(0xf4 + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE);
	assert_int_equal(rd(0xf4, 4), 0);
	assert_int_equal(fake.dev.active_irq, -1);
}

static void msi_that_fails_is_tried_again(void **state)
{
	(void)state;
	add_msi(2, PCI_MSI_FLAGS_64BIT);
	create();
	fake.fail_at = fake.nr_calls;
	enable_msi(2);
	assert_int_equal(fake.dev.active_irq, -1);
	wr(MSI + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE | 2 << 4);
	assert_int_equal(fake_nr_armed(), 4);
	assert_int_equal(fake_nr_irqfds(), 4);
}

/* mtty counts one MSI, but its config space has no such capability. */
static void msi_without_a_capability(void **state)
{
	(void)state;
	fake.dev.irqs[VFIO_MSI] = (struct vfio_irq){ .count = 1 };
	fake.dev.irqs[VFIO_MSIX].count = 0;
	create_with_pin();
	wr(PCI_COMMAND, 2, PCI_COMMAND_IO);
	assert_int_equal(fake.dev.active_irq, VFIO_INTX);
	for (unsigned int i = 0x40; i < 0x100; i += 2)
		wr(i, 2, PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE);
	assert_int_equal(fake.dev.active_irq, VFIO_INTX);
}

static void kinds_exclude_each_other(void **state)
{
	(void)state;
	add_msi(3, PCI_MSI_FLAGS_64BIT);
	create_with_pin();
	wr(PCI_BASE_ADDRESS_0, 4, BAR);
	wr(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	/* The fake asserts that one is off before the next is on. */
	assert_int_equal(fake.dev.active_irq, VFIO_INTX);
	wr(MSI + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE);
	assert_int_equal(fake.dev.active_irq, VFIO_MSI);
	wr(MSIX_CTRL, 2, ENABLE);
	assert_int_equal(fake.dev.active_irq, VFIO_MSIX);
	mask(0, false);
	wr(MSI + PCI_MSI_ADDRESS_LO, 4, 0xfee00000); /* ignored */
	assert_int_equal(fake.dev.active_irq, VFIO_MSIX);
	wr(MSI + PCI_MSI_FLAGS, 2, 0);
	assert_int_equal(fake.dev.active_irq, VFIO_MSIX);
	wr(MSIX_CTRL, 2, 0);
	assert_int_equal(fake.dev.active_irq, VFIO_INTX);
}

static void intx_is_level_triggered(void **state)
{
	(void)state;
	create_with_pin();
	assert_int_equal(pci_dev_read(dev, PCI_INTERRUPT_PIN, 1), 1);
	/* Not before the guest enables the device. */
	assert_int_equal(fake.dev.active_irq, -1);
	wr(PCI_COMMAND, 2, PCI_COMMAND_IO);
	assert_int_equal(fake.dev.active_irq, VFIO_INTX);
	fake_fire(0);
	spin();
	assert_int_equal(fake.gsis[GSI].injected, 1);
	assert_int_equal(fake.gsis[GSI].fd, fake.dev.vector_fds[0]);
	assert_true(fake.gsis[GSI].resample_fd >= 0);
	/* The end of interrupt unmasks it at the host. */
	assert_int_equal(fake.dev.unmask_fd, fake.gsis[GSI].resample_fd);
	/* From here on it is KVM's alone. */
	fake_fire(0);
	assert_int_equal(fake.gsis[GSI].injected, 2);
	wr(PCI_COMMAND, 2, 0);
	assert_int_equal(fake.dev.active_irq, VFIO_INTX);
	assert_int_equal(vfio_pci_reset(v), 0);
	assert_int_equal(fake.dev.active_irq, -1);
	assert_int_equal(fake.gsis[GSI].fd, -1);
	wr(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_DISABLE);
	assert_int_equal(fake.dev.active_irq, -1);
	wr(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	assert_int_equal(fake.dev.active_irq, VFIO_INTX);
	/* Off and on again, it is watched again. */
	fake_fire(0);
	spin();
	assert_int_equal(fake.gsis[GSI].injected, 3);
	assert_int_equal(fake.gsis[GSI].fd, fake.dev.vector_fds[0]);
}

/* A driver that goes on to MSI-X pays one call to enable it, one to disable. */
static void an_unused_pin_is_cheap(void **state)
{
	unsigned int set_irqs;

	(void)state;
	create_with_pin();
	set_irqs = fake.dev.nr_set_irqs;
	for (int i = 0; i < 3; i++) {
		wr(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
		assert_int_equal(fake.dev.active_irq, VFIO_INTX);
		assert_int_equal(fake.dev.nr_set_irqs, ++set_irqs);
		spin();
		assert_int_equal(fake.nr_irqfd_calls, 0);
		assert_int_equal(fake.dev.unmask_fd, -1);
		wr(MSIX_CTRL, 2, ENABLE | MASKALL);
		assert_int_equal(fake.dev.nr_set_irqs, ++set_irqs);
		wr(MSIX_CTRL, 2, 0);
		set_irqs++; /* it is back */
		assert_int_equal(vfio_pci_reset(v), 0);
	}
}

/* What was signalled before the pin went off is not for the next owner. */
static void no_ghost_of_the_pin(void **state)
{
	(void)state;
	create_with_pin();
	wr(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	fake_fire(0);
	wr(MSIX_CTRL, 2, ENABLE | MASKALL);
	spin();
	assert_int_equal(fake_nr_irqfds(), 0);
	wr(MSIX_CTRL, 2, 0);
	assert_int_equal(fake.dev.active_irq, VFIO_INTX);
	spin();
	assert_int_equal(fake.gsis[GSI].injected, 0);
	fake_fire(0);
	spin();
	assert_int_equal(fake.gsis[GSI].injected, 1);
}

/* As mediated devices, which cannot hand unmasking to KVM. */
static void the_loop_unmasks(void **state)
{
	(void)state;
	fake.dev.unmask_fd_errno = ENOTTY;
	create_with_pin();
	wr(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	for (unsigned int i = 1; i <= 3; i++) {
		fake_fire(0);
		spin();
		/* KVM has an eventfd of ours. */
		assert_true(fake.gsis[GSI].fd >= 0);
		assert_true(fake.gsis[GSI].fd != fake.dev.vector_fds[0]);
		assert_true(line_is_raised());
		assert_int_equal(fake.dev.nr_unmasks, i - 1);
		end_of_interrupt();
		spin();
		assert_int_equal(fake.dev.nr_unmasks, i);
		/* The guest looks once more, and that is all. */
		assert_true(line_is_raised());
		end_of_interrupt();
		spin();
		assert_int_equal(fake.dev.nr_unmasks, i);
		assert_false(line_is_raised());
	}
	/* Another device on the line: nothing to do. */
	end_of_interrupt();
	spin();
	assert_int_equal(fake.dev.nr_unmasks, 3);
	/* It does not know DisINTx either. */
	wr(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_DISABLE);
	fake_fire(0);
	spin();
	assert_false(line_is_raised());
	wr(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	assert_true(line_is_raised());
	end_of_interrupt();
	spin();
	assert_int_equal(fake.dev.nr_unmasks, 4);
	end_of_interrupt();
	/* Off with an event on its way, and on. */
	fake_fire(0);
	assert_int_equal(vfio_pci_reset(v), 0);
	spin();
	wr(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	spin();
	assert_int_equal(fake_nr_irqfds(), 0);
	fake_fire(0);
	spin();
	assert_true(line_is_raised());
}

static void intx_that_cannot_be_had(void **state)
{
	struct capture c;

	(void)state;
	/* Another driver has the line, and the device cannot share. */
	create_with_pin();
	fake.fail_at = fake.nr_calls;
	capture_begin(&c);
	wr(PCI_BASE_ADDRESS_0, 4, BAR);
	wr(PCI_COMMAND, 2, PCI_COMMAND_IO);
	assert_non_null(strstr(capture_end(&c), "cannot offer INTx"));
	assert_int_equal(fake.dev.active_irq, -1);
	/* Said once. */
	capture_begin(&c);
	wr(PCI_COMMAND, 2, 0);
	wr(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	assert_string_equal(capture_end(&c), "");
	/* MSI-X is not touched by it. */
	wr(MSIX_CTRL, 2, ENABLE);
	mask(0, false);
	assert_int_equal(fake_nr_irqfds(), 1);
	vfio_pci_destroy(v);

	/* KVM's side fails at the first event; as relayed, too. */
	for (int relayed = 0; relayed < 2; relayed++) {
		fake_reset();
		fake.dev.unmask_fd_errno = relayed ? ENOTTY : 0;
		create_with_pin();
		wr(PCI_COMMAND, 2, PCI_COMMAND_IO);
		fake_fire(0);
		fake.fail_at = fake.nr_calls;
		capture_begin(&c);
		spin();
		assert_non_null(strstr(capture_end(&c), "cannot offer INTx"));
		assert_int_equal(fake.dev.active_irq, -1);
		assert_int_equal(fake_nr_irqfds(), 0);
		vfio_pci_destroy(v);
	}
	v = NULL;
}

static void a_device_with_the_pin_alone(void **state)
{
	struct capture c;

	(void)state;
	fake.dev.irqs[VFIO_MSIX].count = 0;
	create_with_pin();
	assert_int_equal(fake.dev.nr_set_irqs, 2); /* INTx, REQ */
	assert_int_equal(fake.dev.active_irq, -1);
	vfio_pci_destroy(v);

	/* Known before the guest runs. */
	fake_reset();
	fake.dev.irqs[VFIO_MSIX].count = 0;
	assert_int_equal(vfio_pci_create(&v, &params), 0);
	fake.fail_at = fake.nr_calls;
	capture_begin(&c);
	assert_int_equal(vfio_pci_start(v, loop), -ENOMEM);
	assert_non_null(strstr(capture_end(&c), "only interrupt"));
	vfio_pci_destroy(v);

	/* A virtual function has no pin, and needs none. */
	fake_reset();
	fake.dev.irqs[VFIO_INTX].count = 0;
	create_with_pin();
	assert_int_equal(pci_dev_read(dev, PCI_INTERRUPT_PIN, 1), 0);
	wr(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	assert_int_equal(fake.dev.active_irq, -1);
}

static void the_host_wants_it_back(void **state)
{
	struct capture c;
	uint64_t one = 1;

	(void)state;
	fake.dev.irqs[VFIO_ERR].count = 1;
	create();
	assert_int_equal(vfio_pci_start(v, loop), 0);
	assert_true(fake.dev.event_fds[VFIO_REQ] >= 0);
	assert_true(fake.dev.event_fds[VFIO_ERR] >= 0);
	assert_int_equal(write(fake.dev.event_fds[VFIO_REQ], &one, 8), 8);
	assert_int_equal(write(fake.dev.event_fds[VFIO_ERR], &one, 8), 8);
	capture_begin(&c);
	spin();
	assert_non_null(strstr(capture_end(&c), "wants the device back"));
	assert_non_null(strstr(c.text, "uncorrectable PCIe error"));
	vfio_pci_destroy(v);
	v = NULL;
	assert_int_equal(fake.dev.event_fds[VFIO_REQ], -1);
	assert_int_equal(fake.dev.event_fds[VFIO_ERR], -1);
}

static void stats_are_members(void **state)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	struct json j;

	(void)state;
	create();
	wr(MSIX_CTRL, 2, ENABLE);
	mask(0, false);
	mask(0, true);
	json_init(&j, f);
	json_object(&j, NULL);
	vfio_pci_stats(v, &j);
	json_object_end(&j);
	fclose(f);
	assert_non_null(strstr(text, "\"masks\": 1"));
	assert_non_null(strstr(text, "\"unmasks\": 1"));
	assert_non_null(strstr(text, "\"0000:01:00.0 bar0\""));
	free(text);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(nothing_is_armed_while_all_are_masked),
		T(vectors_come_as_they_are_unmasked),
		T(the_whole_table_where_it_cannot_grow),
		T(the_largest_table),
		T(masking_is_cheap),
		T(a_masked_vector_is_pending),
		T(the_function_mask_covers_all),
		T(messages_move),
		T(nothing_old_comes_after_enabling_again),
		T(the_table_is_the_guests_alone),
		T(a_host_without_vectors),
		T(broken_tables_hide_msix),
		T(without_msix_there_is_none),
		T(a_reset_forgets),
		T(msi_in_both_widths),
		T(msi_has_several_messages),
		T(msi_offers_what_the_host_serves),
		T(msi_messages_are_masked),
		T(msi_at_the_end_is_hidden),
		T(msi_that_fails_is_tried_again),
		T(msi_without_a_capability),
		T(kinds_exclude_each_other),
		T(intx_is_level_triggered),
		T(an_unused_pin_is_cheap),
		T(no_ghost_of_the_pin),
		T(the_loop_unmasks),
		T(intx_that_cannot_be_had),
		T(a_device_with_the_pin_alone),
		T(the_host_wants_it_back),
		T(stats_are_members),
	};

	return run_all(tests);
}
