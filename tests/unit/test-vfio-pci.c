// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-vfio-pci - an assigned function as a whole: power states, resets, what
 * the host tells, creation and its end.
 */
#include "harness.h"

#include "json.h"
#include "vfio-irq-fixture.h"

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
	destroy();
	capture_begin(&c);
	for (int i = 0; i < nr; i++) {
		fake.nr_calls = 0;
		fake.fail_at = i;
		assert_int_equal(vfio_pci_create(&v, &params), -ENOMEM);
		assert_int_equal(fake.dev.nr_maps, 0);
	}
	capture_end(&c);
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
	fake_spin(loop);
	assert_non_null(strstr(capture_end(&c), "wants the device back"));
	assert_non_null(strstr(c.text, "uncorrectable PCIe error"));
	destroy();
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
	create_mapped();
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
		T(asleep_it_is_not_mapped),
		T(power_states_can_be_refused),
		T(flr_is_a_reset),
		T(af_flr_is_a_reset),
		T(reboots_start_from_power_on),
		T(resets_that_fail_are_tried_again),
		T(quiet_twice),
		T(failures_of_creation_leave_nothing),
		T(the_host_wants_it_back),
		T(stats_are_members),
	};

	return run_all(tests);
}
