// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-vfio-reset - resets of a device and of its bus, and its low power.
 */
#include "harness.h"

#include "fake-cdev.h"

static void resets(void **state)
{
	struct vfio_device *dev = bound();
	struct capture c;

	(void)state;
	fake.nr_again = 2;
	assert_int_equal(vfio_reset(dev), 0);
	assert_int_equal(fake.nr_resets, 1);
	assert_int_equal(fake.nr_sleeps, 2);
	fail_next_ioctl(EIO);
	capture_begin(&c);
	assert_int_equal(vfio_reset(dev), -EIO);
	assert_non_null(strstr(capture_end(&c), "cannot reset"));
	vfio_close(dev);

	reset_fake(state);
	fake.flags = VFIO_DEVICE_FLAGS_PCI;
	dev = bound();
	ioctls.nr = 0;
	assert_false(vfio_can_reset(dev));
	assert_int_equal(vfio_reset(dev), -ENOTTY);
	assert_int_equal(ioctls.nr, 0);
	vfio_close(dev);
}

static void a_bus_is_whose_it_is(void **state)
{
	struct vfio_device *dev = bound();
	uint32_t devids[4];

	(void)state;
	fake.set_flags = 3;
	fake.set_count = 3;
	fake.set_devids[0] = 42;
	fake.set_devids[2] = 7; /* between them one that nobody opened */
	fake.nr_again = 1;
	assert_int_equal(vfio_hot_reset_set(dev, devids, 4), 2);
	assert_int_equal(devids[0], 42);
	assert_int_equal(devids[1], 7);
	assert_int_equal(vfio_hot_reset_set(dev, devids, 1), -E2BIG);
	/* Not all are ours; or the kernel names groups. */
	fake.set_flags = 1;
	assert_int_equal(vfio_hot_reset_set(dev, devids, 4), -EPERM);
	fake.set_flags = 2;
	assert_int_equal(vfio_hot_reset_set(dev, devids, 4), -EPERM);
	/* More than there can be. */
	fake.set_flags = 3;
	fake.set_count = UINT32_MAX;
	assert_int_equal(vfio_hot_reset_set(dev, devids, 4), 2);
	fail_next_ioctl(ENODEV);
	assert_int_equal(vfio_hot_reset_set(dev, devids, 4), -ENODEV);
	fail_next_ioctl(ENOTTY); /* a mediated device */
	assert_int_equal(vfio_hot_reset_set(dev, devids, 4), -ENODEV);
	vfio_close(dev);
}

static void resets_of_a_bus(void **state)
{
	struct vfio_device *dev = bound();

	(void)state;
	assert_int_equal(vfio_hot_reset(dev), 0);
	assert_int_equal(fake.nr_resets, 1);
	fake.nr_again = 2;
	fake.busy_errno = EBUSY; /* somebody faults on a BAR just now */
	assert_int_equal(vfio_hot_reset(dev), 0);
	assert_int_equal(fake.nr_sleeps, 2);
	fake.nr_again = 1000000; /* it has an end */
	assert_int_equal(vfio_hot_reset(dev), -EBUSY);
	assert_true(fake.nr_sleeps < 1000);
	vfio_close(dev);
}

static void low_power_is_a_feature(void **state)
{
	struct vfio_device *dev = bound();
	struct capture c;

	(void)state;
	assert_int_equal(vfio_low_power(dev, true), 0);
	assert_int_equal(fake.feature, VFIO_DEVICE_FEATURE_SET | 3);
	assert_int_equal(vfio_low_power(dev, false), 0);
	assert_int_equal(fake.feature, VFIO_DEVICE_FEATURE_SET | 5);
	capture_begin(&c);
	fail_next_ioctl(ENOTTY);
	assert_int_equal(vfio_low_power(dev, true), -ENOTTY);
	fail_next_ioctl(EIO);
	assert_int_equal(vfio_low_power(dev, true), -EIO);
	assert_string_equal(
		capture_end(&c),
		"wherry: 0000:01:00.0: cannot enter low power: Input/output error\n");
	vfio_close(dev);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, reset_fake)
	const struct CMUnitTest tests[] = {
		T(resets),
		T(a_bus_is_whose_it_is),
		T(resets_of_a_bus),
		T(low_power_is_a_feature),
	};

	return run_all(tests);
}
