// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-vfio-intx - the pin of an assigned function: level-triggered, through
 * KVM alone where the device can, relayed by the loop where it cannot.
 */
#include "harness.h"

#include "vfio-irq-fixture.h"

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

static void intx_is_level_triggered(void **state)
{
	(void)state;
	create_with_pin();
	assert_int_equal(rd(PCI_INTERRUPT_PIN, 1), 1);
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
	destroy();

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
		destroy();
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
	destroy();

	/* What it raised at that trial is none of the guest's. */
	fake_reset();
	fake.dev.irqs[VFIO_MSIX].count = 0;
	fake.dev.line_is_high = true;
	create_with_pin();
	fake.dev.line_is_high = false;
	wr(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	spin();
	assert_int_equal(fake_nr_irqfds(), 0);
	fake_fire(0);
	spin();
	assert_int_equal(fake_nr_irqfds(), 1);
	destroy();

	/* Known before the guest runs. */
	fake_reset();
	fake.dev.irqs[VFIO_MSIX].count = 0;
	assert_int_equal(vfio_pci_create(&v, &params), 0);
	fake.fail_at = fake.nr_calls;
	capture_begin(&c);
	assert_int_equal(vfio_pci_start(v, loop), -ENOMEM);
	assert_non_null(strstr(capture_end(&c), "only interrupt"));
	destroy();

	/* A virtual function has no pin, and needs none. */
	fake_reset();
	fake.dev.irqs[VFIO_INTX].count = 0;
	create_with_pin();
	assert_int_equal(rd(PCI_INTERRUPT_PIN, 1), 0);
	wr(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	assert_int_equal(fake.dev.active_irq, -1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(intx_is_level_triggered), T(an_unused_pin_is_cheap),
		T(no_ghost_of_the_pin),	    T(the_loop_unmasks),
		T(intx_that_cannot_be_had), T(a_device_with_the_pin_alone),
	};

	return run_all(tests);
}
