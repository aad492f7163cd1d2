// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-virtio-irq - interrupts of a virtio function: by messages, masked and
 * not, and by the pin.
 */
#include "harness.h"

#include "virtio-pci-fixture.h"

#include "loop.h"

#define TABLE (BAR + 0x4000)
#define PBA (BAR + 0x5000)

static unsigned int msix_cap(void)
{
	unsigned int pos = cfg(PCI_CAPABILITY_LIST, 1);

	while (pos && cfg(pos, 1) != PCI_CAP_ID_MSIX)
		pos = cfg(pos + 1, 1);
	assert_int_not_equal(pos, 0);
	return pos;
}

static void message(unsigned int vector, uint32_t data, bool masked)
{
	(void)access_mmio(TABLE + 16 * vector, 8, true, 0xfee00000);
	(void)access_mmio(TABLE + 16 * vector + 8, 4, true, data);
	(void)access_mmio(TABLE + 16 * vector + 12, 4, true, masked);
}

static void enable(bool on)
{
	set_cfg(msix_cap() + PCI_MSIX_FLAGS, 2, on ? PCI_MSIX_FLAGS_ENABLE : 0);
}

/* Of the message with that data; -1: nothing is connected. */
static int fd_of(uint32_t data)
{
	for (unsigned int i = 0; i < NR_GSIS; i++)
		if (fake.msi[i].used && fake.msi[i].msg.data == data)
			return fake.msi[i].fd - 1;
	return -1;
}

/* Whether there was an interrupt when that one was connected. */
static bool found(uint32_t data)
{
	for (unsigned int i = 0; i < NR_GSIS; i++)
		if (fake.msi[i].used && fake.msi[i].msg.data == data)
			return fake.msi[i].found;
	return false;
}

static void messages_go_out_by_their_vectors(void **state)
{
	struct driver d;
	uint32_t len;

	(void)state;
	bring_up(&d);
	set(FIELD(msix_config), 2, 0);
	message(0, 0x40, false);
	message(1, 0x41, false);
	enable(true);
	assert_true(fd_of(0x40) >= 0 && fd_of(0x41) >= 0);
	assert_int_equal(fake.msi[0].msg.requester, SLOT << 3);
	/* Vector 2 is masked from the start. */
	assert_int_equal(fd_of(0), -1);

	driver_add(&d,
		   &(struct driver_buf){ driver_alloc(&mem, 8, 8), 8, true },
		   1);
	struct iovec iov[4];
	struct virtq_chain chain = { .iov = iov, .max = 4 };
	assert_int_equal(virtio_pop(&model.dev, 0, &chain), 1);
	virtio_push(&model.dev, 0, chain.head, 8);
	virtio_flush(&model.dev, 0);
	assert_true(readable(fd_of(0x41)));
	assert_false(readable(fd_of(0x40)));
	assert_int_equal(driver_used(&d, &len), chain.head);
	assert_int_equal(model.dev.queues[0].nr_interrupts, 1);

	virtio_config_changed(&model.dev);
	assert_true(readable(fd_of(0x40)));
}

static void masked_vector_keeps_what_it_is_told(void **state)
{
	struct driver d;

	(void)state;
	bring_up(&d);
	message(1, 0x41, true);
	enable(true);
	assert_int_equal(fd_of(0x41), -1);
	assert_int_equal(access_mmio(PBA, 8, false, 0), 0);
	virtio_pci_signal_queue(v, 0);
	assert_int_equal(access_mmio(PBA, 8, false, 0), 2);
	/* KVM finds it in the eventfd, where it does not stay. */
	message(1, 0x41, false);
	assert_true(found(0x41));
	assert_int_equal(access_mmio(PBA, 8, false, 0), 0);
	message(1, 0x41, true);
	assert_int_equal(fd_of(0x41), -1);
	assert_int_equal(access_mmio(PBA, 8, false, 0), 0);
	message(1, 0x41, false);
	assert_false(found(0x41));
}

static void no_vector_no_interrupt(void **state)
{
	struct driver d;

	(void)state;
	bring_up(&d);
	set(FIELD(queue_select), 2, 0);
	set(FIELD(queue_msix_vector), 2, 0xffff);
	message(1, 0x41, false);
	enable(true);
	virtio_pci_signal_queue(v, 0);
	assert_false(readable(fd_of(0x41)));
}

static void disabled_messages_free_their_gsis(void **state)
{
	(void)state;
	message(0, 0x40, false);
	enable(true);
	assert_true(fake.msi[0].used);
	enable(false);
	for (unsigned int i = 0; i < NR_GSIS; i++)
		assert_false(fake.msi[i].used);
}

/* One turn of the loop. */
static void stop_loop(void *opaque)
{
	loop_stop(opaque);
}

static void turn(struct loop *loop)
{
	struct loop_timer timer;

	memset(&timer, 0, sizeof(timer));
	assert_int_equal(loop_timer_init(loop, &timer, stop_loop, loop), 0);
	assert_int_equal(loop_timer_set(&timer, 20), 0);
	assert_int_equal(loop_run(loop), 0);
	loop_timer_fini(loop, &timer);
}

static void pin_is_high_until_isr_is_read(void **state)
{
	uint64_t isr = part(VIRTIO_PCI_CAP_ISR_CFG, 0);
	struct loop *loop;
	struct driver d;

	(void)state;
	assert_int_equal(loop_create(&loop), 0);
	assert_int_equal(virtio_pci_run(v, loop), 0);
	bring_up(&d);
	virtio_pci_signal_queue(v, 0);
	turn(loop);
	assert_true(fake.line);
	assert_int_equal(cfg(PCI_STATUS, 2) & PCI_STATUS_INTERRUPT,
			 PCI_STATUS_INTERRUPT);
	virtio_config_changed(&model.dev);
	turn(loop);
	assert_int_equal(access_mmio(isr, 1, false, 0), 3);
	assert_false(fake.line);
	assert_int_equal(access_mmio(isr, 1, false, 0), 0);

	set_cfg(PCI_COMMAND, 2,
		PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
			PCI_COMMAND_INTX_DISABLE);
	virtio_pci_signal_queue(v, 0);
	turn(loop);
	assert_false(fake.line);
	set_cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	assert_true(fake.line);
	/* A reset of the device takes it back. */
	set_status(0);
	assert_false(fake.line);
	virtio_pci_quiesce(v);
	virtio_pci_destroy(v);
	loop_destroy(loop);
	struct virtio_pci_params params = { .dev = &model.dev,
					    .host = host,
					    .bus = bus,
					    .ram = mem.ram,
					    .slot = SLOT,
					    .intx_gsi = GSI };
	assert_int_equal(virtio_pci_create(&v, &params), 0);
}

#define TEST(fn) \
	cmocka_unit_test_setup_teardown(fn, virtio_setup, virtio_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(messages_go_out_by_their_vectors),
		TEST(masked_vector_keeps_what_it_is_told),
		TEST(no_vector_no_interrupt),
		TEST(disabled_messages_free_their_gsis),
		TEST(pin_is_high_until_isr_is_read),
	};

	return run_all(tests);
}
