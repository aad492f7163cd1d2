// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-virtio-pci - a virtio function as its driver sees it: where its parts
 * are, what it may negotiate, when the model runs.
 */
#include "harness.h"

#include "capture.h"
#include "virtio-pci-fixture.h"

#define READY                                                   \
	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | \
	 VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK)

static void parts_lie_apart_in_the_bar(void **state)
{
	static const uint8_t types[] = { VIRTIO_PCI_CAP_COMMON_CFG,
					 VIRTIO_PCI_CAP_NOTIFY_CFG,
					 VIRTIO_PCI_CAP_ISR_CFG,
					 VIRTIO_PCI_CAP_DEVICE_CFG };
	unsigned int start[4], len[4], at;

	(void)state;
	assert_int_equal(cfg(PCI_VENDOR_ID, 4), 0x10421af4);
	assert_int_equal(cfg(PCI_CLASS_DEVICE, 2), 0x0180);
	for (unsigned int i = 0; i < 4; i++) {
		start[i] = find_part(types[i], &at);
		len[i] = cfg(at + 12, 4);
		assert_true(range_contains(0, 0x8000, start[i], len[i]));
		assert_int_not_equal(len[i], 0);
		for (unsigned int k = 0; k < i; k++)
			assert_false(ranges_overlap(start[i], len[i], start[k],
						    len[k]));
	}
	find_part(VIRTIO_PCI_CAP_NOTIFY_CFG, &at);
	assert_int_equal(cfg(at + 16, 4), 4);
	find_part(VIRTIO_PCI_CAP_PCI_CFG, NULL);
}

static void offers_its_own_and_common_features(void **state)
{
	(void)state;
	set(FIELD(device_feature_select), 4, 0);
	assert_int_equal(get(FIELD(device_feature), 4),
			 OWN_FEATURE | DRIVER_INDIRECT | DRIVER_EVENT_IDX);
	set(FIELD(device_feature_select), 4, 1);
	assert_int_equal(get(FIELD(device_feature), 4), VERSION_1 >> 32);
	set(FIELD(device_feature_select), 4, 2);
	assert_int_equal(get(FIELD(device_feature), 4), 0);
}

static void refuses_features_never_offered(void **state)
{
	static const struct {
		uint64_t features;
		bool ok;
	} cases[] = {
		{ VERSION_1, true },
		{ VERSION_1 | OWN_FEATURE | DRIVER_INDIRECT, true },
		{ VERSION_1 | 1ULL << 6, false },
		{ VERSION_1 | 1ULL << 33, false },
		{ OWN_FEATURE, false }, /* a legacy driver */
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		set_status(0);
		accept(cases[i].features);
		assert_int_equal(!!(status() & VIRTIO_CONFIG_S_FEATURES_OK),
				 cases[i].ok);
		/* Not even a driver that does not look gets further. */
		set_status(status() | VIRTIO_CONFIG_S_DRIVER_OK);
		assert_int_equal(!!(status() & VIRTIO_CONFIG_S_DRIVER_OK),
				 cases[i].ok);
		if (cases[i].ok)
			assert_int_equal(model.dev.features, cases[i].features);
	}
	assert_int_equal(model.nr_starts, 2);
}

static void features_are_fixed_once_ok(void **state)
{
	(void)state;
	accept(VERSION_1);
	set(FIELD(guest_feature_select), 4, 0);
	set(FIELD(guest_feature), 4, 1u << 6);
	assert_int_equal(get(FIELD(guest_feature), 4), 0);
}

static void starts_the_queues_that_are_enabled(void **state)
{
	struct driver d;

	(void)state;
	bring_up(&d);
	assert_int_equal(status(), READY);
	assert_int_equal(model.nr_starts, 1);
	assert_true(model.dev.queues[0].started);
	assert_int_equal(model.dev.queues[0].vq.size, 8);
	assert_false(model.dev.queues[1].started);
	/* Too late for the other. */
	place(1, &d);
	set(FIELD(queue_select), 2, 1);
	assert_int_equal(get(FIELD(queue_enable), 2), 0);
}

/* No kick comes for what a driver has filled in before it may kick. */
static void looks_at_queues_once_they_start(void **state)
{
	struct driver d;

	(void)state;
	driver_init(&d, &mem, 8, 0);
	accept(VERSION_1);
	place(0, &d);
	assert_false(readable(model.dev.queues[0].kick_fd));
	set_status(status() | VIRTIO_CONFIG_S_DRIVER_OK);
	assert_true(readable(model.dev.queues[0].kick_fd));
	assert_false(readable(model.dev.queues[1].kick_fd));
	assert_int_equal(model.dev.queues[0].nr_kicks, 0);
}

static void fails_without_bus_mastering(void **state)
{
	struct capture c;
	struct driver d;

	(void)state;
	set_cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	capture_begin(&c);
	bring_up(&d);
	assert_non_null(strstr(capture_end(&c), "broke the protocol"));
	assert_int_equal(status(), READY | VIRTIO_CONFIG_S_NEEDS_RESET);
	assert_int_equal(model.nr_starts, 0);
	set_status(0);
	assert_int_equal(status(), 0);
}

static void fails_with_a_queue_past_ram(void **state)
{
	struct capture c;
	struct driver d;

	(void)state;
	accept(VERSION_1);
	driver_init(&d, &mem, 8, 0);
	place(1, &d);
	d.used_gpa = GIB(200);
	place(0, &d);
	capture_begin(&c);
	set_status(status() | VIRTIO_CONFIG_S_DRIVER_OK);
	capture_end(&c);
	assert_int_equal(status(), READY | VIRTIO_CONFIG_S_NEEDS_RESET);
	assert_int_equal(model.nr_starts, 0);
	assert_false(model.dev.queues[1].started);
}

static void reset_waits_for_the_model(void **state)
{
	struct driver d;

	(void)state;
	bring_up(&d);
	model.busy = true;
	set_status(0);
	assert_int_equal(model.nr_stops, 1);
	assert_int_equal(status(), READY);
	/* Whatever it is told meanwhile. */
	accept(VERSION_1 | OWN_FEATURE);
	set_status(0);
	assert_int_equal(status(), READY);
	assert_int_equal(model.nr_stops, 1);
	assert_true(model.dev.queues[0].started);
	model.busy = false;
	assert_int_equal(status(), 0);
	assert_false(model.dev.queues[0].started);
	set(FIELD(queue_select), 2, 0);
	assert_int_equal(get(FIELD(queue_enable), 2), 0);
	assert_int_equal(get(FIELD(queue_desc_lo), 4), 0);
	assert_int_equal(get(FIELD(queue_size), 2), 64);
	bring_up(&d);
	assert_int_equal(model.nr_starts, 2);
}

static void stops_when_it_may_not_master_the_bus(void **state)
{
	struct driver d;

	(void)state;
	bring_up(&d);
	set_cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	assert_int_equal(model.nr_stops, 1);
	assert_false(model.dev.queues[0].started);
	set_cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	assert_int_equal(model.nr_starts, 1);
	set_status(0);
	bring_up(&d);
	assert_int_equal(model.nr_starts, 2);
}

/* As a guest that goes down does it: no bus master, and then a reset, in which
 * it waits. */
static void reset_is_heard_while_it_stops(void **state)
{
	struct driver d;

	(void)state;
	bring_up(&d);
	model.busy = true;
	set_cfg(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	assert_int_equal(model.nr_stops, 1);
	set_status(0);
	assert_int_not_equal(status(), 0);
	model.busy = false;
	assert_int_equal(status(), 0);
	assert_int_equal(model.nr_stops, 1);
}

static void kicks_arrive_wherever_the_bar_is(void **state)
{
	struct capture c;
	int fd = model.dev.queues[1].kick_fd;
	uint64_t notify = part(VIRTIO_PCI_CAP_NOTIFY_CFG, 4);

	(void)state;
	assert_int_equal(fake.nr_kicks, 2);
	assert_int_equal(fake.kicks[1].fd, fd);
	assert_int_equal(fake.kicks[1].addr, notify);
	/* KVM lets one through to us: it counts. */
	(void)access_mmio(notify, 2, true, 1);
	assert_true(readable(fd));
	assert_int_equal(model.dev.queues[1].nr_kicks, 1);
	(void)access_mmio(notify + 4, 2, true, 1);

	set_cfg(PCI_BASE_ADDRESS_0, 4, 0xd1000000);
	assert_int_equal(fake.nr_kicks, 2);
	assert_int_equal(fake.kicks[1].addr, notify + 0x1000000);
	set_cfg(PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	assert_int_equal(fake.nr_kicks, 0);
	fake.kick_error = -ENOSPC;
	capture_begin(&c);
	set_cfg(PCI_COMMAND, 2, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY);
	assert_non_null(strstr(capture_end(&c), "kicks are slow"));
}

static void bar_is_reached_through_configuration_space(void **state)
{
	unsigned int at;

	(void)state;
	find_part(VIRTIO_PCI_CAP_PCI_CFG, &at);
	set_cfg(at + 4, 1, 0);
	set_cfg(at + 8, 4, find_part(VIRTIO_PCI_CAP_DEVICE_CFG, NULL) + 4);
	set_cfg(at + 12, 4, 2);
	set_cfg(at + 16, 4, 0xbeef);
	assert_int_equal(load_le(model.config + 4, 4), 0xbeef);
	assert_int_equal(cfg(at + 16, 2), 0xbeef);
	/* Not past the BAR, nor another BAR, nor by an odd length. */
	set_cfg(at + 8, 4, 0x7fffffff);
	set_cfg(at + 16, 4, 0x1234);
	set_cfg(at + 12, 4, 3);
	set_cfg(at + 16, 4, 0x1234);
	assert_int_equal(load_le(model.config + 4, 4), 0xbeef);
}

static void own_configuration_has_bounds_and_generations(void **state)
{
	uint64_t own = part(VIRTIO_PCI_CAP_DEVICE_CFG, 0);
	struct driver d;
	uint8_t before;

	(void)state;
	(void)access_mmio(own, 8, true, 0x1122334455667788);
	assert_int_equal(access_mmio(own + 4, 4, false, 0), 0x11223344);
	assert_int_equal(access_mmio(own + 6, 4, false, 0), 0xffffffff);
	assert_int_equal(access_mmio(own + 8, 1, false, 0), 0xff);
	bring_up(&d);
	before = (uint8_t)get(FIELD(config_generation), 1);
	virtio_config_changed(&model.dev);
	assert_int_equal(get(FIELD(config_generation), 1), before + 1);
}

static void what_is_not_there_reads_as_nothing(void **state)
{
	(void)state;
	set(FIELD(queue_select), 2, 2);
	assert_int_equal(get(FIELD(queue_size), 2), 0);
	set(FIELD(queue_msix_vector), 2, 1);
	assert_int_equal(get(FIELD(queue_msix_vector), 2), 0xffff);
	set(FIELD(queue_select), 2, 0);
	set(FIELD(queue_msix_vector), 2, 3);
	assert_int_equal(get(FIELD(queue_msix_vector), 2), 0xffff);
	set(FIELD(queue_size), 2, 128);
	assert_int_equal(get(FIELD(queue_size), 2), 64);
	set(FIELD(queue_size), 2, 3);
	assert_int_equal(get(FIELD(queue_size), 2), 64);
	assert_int_equal(get(sizeof(struct virtio_pci_common_cfg), 4),
			 0xffffffff);
}

#define TEST(fn) \
	cmocka_unit_test_setup_teardown(fn, virtio_setup, virtio_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(parts_lie_apart_in_the_bar),
		TEST(offers_its_own_and_common_features),
		TEST(refuses_features_never_offered),
		TEST(features_are_fixed_once_ok),
		TEST(starts_the_queues_that_are_enabled),
		TEST(looks_at_queues_once_they_start),
		TEST(fails_without_bus_mastering),
		TEST(fails_with_a_queue_past_ram),
		TEST(reset_waits_for_the_model),
		TEST(stops_when_it_may_not_master_the_bus),
		TEST(reset_is_heard_while_it_stops),
		TEST(kicks_arrive_wherever_the_bar_is),
		TEST(bar_is_reached_through_configuration_space),
		TEST(own_configuration_has_bounds_and_generations),
		TEST(what_is_not_there_reads_as_nothing),
	};

	return run_all(tests);
}
