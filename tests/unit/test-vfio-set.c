// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-vfio-set - resets and sleep of assigned functions: which reset is due,
 * whom else it reaches, what the guest finds afterwards.
 */
#include "harness.h"

#include "vfio-fixture.h"

#define PMCSR 0x64
#define MSIX_CTRL 0x42

/* A device and its sibling, which is the same but for its BARs: mostly they
 * trap. */
static struct vfio_set set;
static struct vfio_pci *sibling;
static struct vfio_device other;

static int set_up_set(void **state)
{
	set_up(state);
	params.set = &set;
	return 0;
}

static int tear_down_set(void **state)
{
	vfio_pci_destroy(sibling);
	sibling = NULL;
	tear_down(state);
	assert_null(set.first);
	return 0;
}

static int create_with(bool require_reset)
{
	params.require_reset = require_reset;
	create();
	return vfio_set_start(&set);
}

static void create_started(void)
{
	assert_int_equal(create_with(false), 0);
}

/* No reset of its own, on a bus with another. */
static void create_pair_with(bool trap_bars)
{
	struct vfio_pci_params its = params;

	its.dev = &other;
	its.trap_bars = trap_bars;
	fake.dev.can_reset = false;
	fake.dev.set_errno = 0;
	other = fake.dev;
	fake.dev.devid = 1;
	other.devid = 2;
	fake.bus[0] = 1;
	fake.bus[1] = 2;
	fake.nr_bus = 2;
	assert_int_equal(vfio_pci_create(&sibling, &its), 0);
	create_started();
}

static void create_pair(void)
{
	create_pair_with(true);
}

static void drive(struct pci_dev *d, uint32_t addr)
{
	pci_dev_write(d, BAR0 + 4, 4, 1);
	pci_dev_write(d, BAR0, 4, addr);
	pci_dev_write(d, PCI_COMMAND, 2, MEM | MASTER);
}

static bool at_power_on(struct pci_dev *d)
{
	return !pci_dev_read(d, PCI_COMMAND, 2) &&
	       !pci_dev_read(d, BAR0 + 4, 4) && pci_dev_read(d, BAR0, 4) == 4;
}

static void a_bus_is_reset_once_for_all(void **state)
{
	(void)state;
	create_pair();
	/* Nothing is known of what they did before. */
	assert_int_equal(fake.nr_bus_resets, 1);
	for (unsigned int i = 2; i < 5; i++) {
		drive(dev, 0);
		drive(vfio_pci_dev(sibling), 0x10000);
		assert_int_equal(vfio_set_reset(&set), 0);
		assert_int_equal(fake.nr_bus_resets, i);
		assert_true(at_power_on(dev));
		assert_true(at_power_on(vfio_pci_dev(sibling)));
	}
	/* Nobody has touched them since. */
	assert_int_equal(vfio_set_reset(&set), 0);
	assert_int_equal(fake.nr_bus_resets, 4);
	assert_int_equal(fake.dev.nr_resets, 0);
}

static void a_sibling_in_use_is_left_alone(void **state)
{
	struct capture c;

	(void)state;
	create_pair();
	drive(dev, 0);
	drive(vfio_pci_dev(sibling), 0x10000);
	capture_begin(&c);
	dev->ops->reset(dev); /* by its port */
	assert_non_null(strstr(capture_end(&c), "devices that the guest uses"));
	assert_int_equal(fake.nr_bus_resets, 1);
	assert_true(at_power_on(dev));
	assert_false(at_power_on(vfio_pci_dev(sibling)));
	assert_int_equal(pci_dev_read(vfio_pci_dev(sibling), PCI_COMMAND, 2),
			 MEM | MASTER);
	/* One that sleeps is in use, too. */
	pci_dev_write(vfio_pci_dev(sibling), PCI_COMMAND, 2, 0);
	pci_dev_write(vfio_pci_dev(sibling), PMCSR, 2, 3);
	drive(dev, 0);
	dev->ops->reset(dev);
	assert_int_equal(fake.nr_bus_resets, 1);
	pci_dev_write(vfio_pci_dev(sibling), PMCSR, 2, 0);
	/* At rest it does not notice: not even its BARs change. */
	drive(dev, 0);
	dev->ops->reset(dev);
	assert_int_equal(fake.nr_bus_resets, 2);
	assert_int_equal(pci_dev_read(vfio_pci_dev(sibling), BAR0, 4),
			 0x10000 | 4);
}

/* Drivers of Linux take bus mastering back when they go, and no more. */
static void a_sibling_whose_driver_has_gone_is_reset(void **state)
{
	struct pci_dev *s;

	(void)state;
	create_pair();
	s = vfio_pci_dev(sibling);
	drive(dev, 0);
	/* It may be driven without DMA. */
	pci_dev_write(s, PCI_COMMAND, 2, MEM);
	dev->ops->reset(dev);
	assert_int_equal(fake.nr_bus_resets, 1);
	drive(s, 0x10000);
	pci_dev_write(s, MSIX_CTRL, 2, 0x8000);
	pci_dev_write(s, PCI_COMMAND, 2, MEM);
	drive(dev, 0);
	dev->ops->reset(dev);
	assert_int_equal(fake.nr_bus_resets, 1);
	pci_dev_write(s, MSIX_CTRL, 2, 0);
	drive(dev, 0);
	dev->ops->reset(dev);
	assert_int_equal(fake.nr_bus_resets, 2);
	/* What it was before power-on does not count. */
	s->ops->reset(s);
	assert_int_equal(fake.nr_bus_resets, 3);
	pci_dev_write(s, PCI_COMMAND, 2, MEM);
	drive(dev, 0);
	dev->ops->reset(dev);
	assert_int_equal(fake.nr_bus_resets, 3);
}

/* Its driver has left memory decoded, as those of Linux do. */
static void a_sibling_shows_nothing_meanwhile(void **state)
{
	static const int errs[] = { 0, ENOTTY };
	struct pci_dev *s;
	unsigned int resets;
	struct capture c;

	(void)state;
	create_pair_with(false);
	s = vfio_pci_dev(sibling);
	capture_begin(&c);
	for (unsigned int i = 0; i < ARRAY_SIZE(errs); i++) {
		fake.bus_errno = errs[i];
		drive(dev, 0);
		drive(s, 0x10000);
		pci_dev_write(s, PCI_COMMAND, 2, MEM);
		resets = fake.nr_bus_resets;
		/* The fake asserts that no memory is shown. */
		dev->ops->reset(dev);
		assert_int_equal(fake.nr_bus_resets, resets + 1);
		assert_int_equal(fake_nr_slots(), 1);
		assert_true(fake_slot_at(0x100010000) >= 0);
		/* The guest may have touched it since: it is reset, too. */
		s->ops->reset(s);
		assert_int_equal(fake.nr_bus_resets, resets + 2);
		assert_int_equal(fake_nr_slots(), 0);
	}
	fake.bus_errno = 0;
	capture_end(&c);
}

static void a_bus_with_strangers_is_not_reset(void **state)
{
	struct capture c;

	(void)state;
	fake.dev.can_reset = false;
	fake.dev.set_errno = 0;
	fake.bus[0] = 1;
	fake.bus[1] = 9; /* of another VM, by the same iommufd */
	fake.nr_bus = 2;
	capture_begin(&c);
	create_started();
	assert_non_null(strstr(capture_end(&c), "cannot be reset"));
	drive(dev, 0);
	capture_begin(&c);
	assert_int_equal(vfio_set_reset(&set), 0);
	assert_int_equal(strlen(capture_end(&c)), 0); /* said already */
	assert_int_equal(fake.nr_bus_resets, 0);
	assert_true(at_power_on(dev));
	assert_int_equal(fake_config(PCI_COMMAND, 2), 3);
}

static void a_required_reset_is_had_or_fatal(void **state)
{
	static const struct {
		int set_errno, bus_errno;
		const char *why;
	} rows[] = { { ENODEV, 0, "neither it nor the bus" },
		     { EPERM, 0, "assign all of them to this VM" },
		     { 0, ENOTTY, "the link did not come back" },
		     { 0, EIO, "Input/output error" } };
	struct capture c;

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		fake_reset();
		fake.dev.can_reset = false;
		fake.dev.set_errno = rows[i].set_errno;
		fake.bus_errno = rows[i].bus_errno;
		fake.bus[0] = 1;
		fake.nr_bus = 1;
		capture_begin(&c);
		assert_int_equal(create_with(true), -ENOTSUP);
		assert_non_null(strstr(capture_end(&c), rows[i].why));
		assert_non_null(strstr(c.text, "require-reset: "));
		destroy();
		capture_begin(&c);
		create_started(); /* one line, no more */
		assert_non_null(strstr(capture_end(&c), "cannot be reset"));
		destroy();
	}
	fake.bus_errno = 0;
	assert_int_equal(create_with(true), 0);
}

/* Through D3hot and back is the kernel's only way to reset it. */
static void weak(void)
{
	fake_set_config(0x84, 4, 0); /* no FLR */
	fake_set_config(PMCSR, 2, 0);
	fake.bus[0] = 1;
	fake.nr_bus = 1;
	fake.dev.set_errno = 0;
}

static void a_reset_of_the_bus_is_the_better_one(void **state)
{
	(void)state;
	weak();
	create_started();
	assert_int_equal(fake.nr_bus_resets, 1);
	drive(dev, 0);
	assert_int_equal(vfio_set_reset(&set), 0);
	assert_int_equal(fake.nr_bus_resets, 2);
	assert_int_equal(fake.dev.nr_resets, 0);
	/* The other one where it fails, from then on. */
	fake.bus_errno = ENOTTY;
	for (unsigned int i = 1; i < 4; i++) {
		drive(dev, 0);
		assert_int_equal(vfio_set_reset(&set), 0);
		assert_int_equal(fake.nr_bus_resets, 3);
		assert_int_equal(fake.dev.nr_resets, i);
	}
}

static void what_can_be_reset_alone_is(void **state)
{
	(void)state;
	fake.dev.set_errno = 0;
	fake.bus[0] = 1;
	fake.nr_bus = 1;
	create_started();
	drive(dev, 0);
	assert_int_equal(vfio_set_reset(&set), 0);
	assert_int_equal(fake.dev.nr_resets, 1);
	assert_int_equal(fake.nr_bus_resets, 0);
}

static void sleep_keeps_what_it_promised(void **state)
{
	(void)state;
	create_started();
	drive(dev, 0);
	wr(PMCSR, 2, 3);
	/* It promised to keep its state: D3hot and no deeper. */
	assert_int_equal(fake.dev.nr_low_power, 0);
	wr(PMCSR, 2, 0);
	assert_int_equal(rd(PCI_COMMAND, 2), MEM | MASTER);
	assert_int_equal(fake_nr_slots(), 1);
}

static void other_sleep_ends_as_a_reset(void **state)
{
	unsigned int reads;

	(void)state;
	fake_set_config(PMCSR, 2, 0);
	create_started();
	drive(dev, 0);
	wr(MSIX_CTRL, 2, 0x8000);
	fake_set_config(0xe0, 4, 0x1234);
	/* D1 is no reset, nor is it deep. */
	wr(PMCSR, 2, 1);
	wr(PMCSR, 2, 0);
	assert_int_equal(rd(PCI_COMMAND, 2), MEM | MASTER);
	assert_int_equal(fake.dev.nr_low_power, 0);

	wr(PMCSR, 2, 3);
	assert_true(fake.dev.asleep);
	/* Nothing that the guest reads wakes it. */
	reads = fake.dev.nr_config_reads;
	assert_int_equal(rd(PMCSR, 2), 3);
	assert_int_equal(rd(0xe0, 4), 0x1234);
	assert_int_equal(rd(PCI_VENDOR_ID, 4), 0x00101b36);
	assert_int_equal(fake.dev.nr_config_reads, reads);
	/* The kernel gives it back as it was; the guest sees a reset. */
	wr(PMCSR, 2, 0);
	assert_false(fake.dev.asleep);
	assert_true(at_power_on(dev));
	assert_int_equal(rd(MSIX_CTRL, 2) & 0x8000, 0);
	assert_int_equal(fake_config(PCI_COMMAND, 2), 3);
	assert_int_equal(fake.dev.active_irq, -1);
	drive(dev, 0);
	assert_int_equal(fake_nr_slots(), 1);
}

static void a_write_wakes_it_and_it_dozes_on(void **state)
{
	(void)state;
	fake_set_config(PMCSR, 2, 0);
	create_started();
	drive(dev, 0);
	wr(PMCSR, 2, 3);
	fake_set_config(PMCSR, 2, 0); /* the host has woken it */
	wr(0x88, 2, 0x2000);
	assert_false(fake.dev.asleep);
	assert_int_equal(fake_config(0x88, 2), 0x2000);
	assert_int_equal(fake_config(PMCSR, 2), 3);
	assert_int_equal(fake_nr_slots(), 0);
	wr(PMCSR, 2, 0);
	assert_true(at_power_on(dev));
}

static void resets_wake_it(void **state)
{
	(void)state;
	fake_set_config(PMCSR, 2, 0);
	create_started();
	for (unsigned int i = 1; i < 4; i++) {
		drive(dev, 0);
		wr(PMCSR, 2, 3);
		/* As the kernel does it, with the COMMAND from before. */
		fake_set_config(PCI_COMMAND, 2, 3 | MASTER);
		if (i % 2)
			assert_int_equal(vfio_set_reset(&set), 0);
		else
			wr(0x88, 2, PCI_EXP_DEVCTL_BCR_FLR);
		assert_int_equal(fake.dev.nr_resets, i);
		assert_int_equal(fake_config(PMCSR, 2), 0);
		assert_int_equal(fake_config(PCI_COMMAND, 2), 3);
		assert_true(at_power_on(dev));
	}
}

/* The kernel puts back the COMMAND that it fell asleep with. */
static void bus_mastering_switched_off_asleep_stays_off(void **state)
{
	(void)state;
	fake_set_config(PMCSR, 2, 0);
	create_started();
	for (unsigned int i = 0; i < 6; i++) {
		drive(dev, 0);
		wr(PMCSR, 2, 3);
		wr(PCI_COMMAND, 2, MEM);
		assert_int_equal(fake.dev.saved_command[0], 3 | MASTER);
		if (i % 3 == 0)
			assert_int_equal(vfio_set_reset(&set), 0);
		else if (i % 3 == 1)
			wr(0x88, 2, PCI_EXP_DEVCTL_BCR_FLR);
		else
			wr(PMCSR, 2, 0);
		assert_int_equal(fake_config(PMCSR, 2), 0);
		assert_int_equal(fake_config(PCI_COMMAND, 2), 3);
		assert_true(at_power_on(dev));
	}
}

static void drivers_without_deep_sleep(void **state)
{
	(void)state;
	fake_set_config(PMCSR, 2, 0);
	fake.dev.low_power_errno = ENOTTY;
	create_started();
	drive(dev, 0);
	wr(PMCSR, 2, 3);
	assert_int_equal(rd(PMCSR, 2), 3);
	assert_int_equal(rd(PCI_COMMAND, 2), MEM | MASTER);
	wr(PMCSR, 2, 0);
	assert_true(at_power_on(dev));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up_set, tear_down_set)
	const struct CMUnitTest tests[] = {
		T(a_bus_is_reset_once_for_all),
		T(a_sibling_in_use_is_left_alone),
		T(a_sibling_whose_driver_has_gone_is_reset),
		T(a_sibling_shows_nothing_meanwhile),
		T(a_bus_with_strangers_is_not_reset),
		T(a_required_reset_is_had_or_fatal),
		T(a_reset_of_the_bus_is_the_better_one),
		T(what_can_be_reset_alone_is),
		T(sleep_keeps_what_it_promised),
		T(other_sleep_ends_as_a_reset),
		T(a_write_wakes_it_and_it_dozes_on),
		T(resets_wake_it),
		T(bus_mastering_switched_off_asleep_stays_off),
		T(drivers_without_deep_sleep),
	};

	return run_all(tests);
}
