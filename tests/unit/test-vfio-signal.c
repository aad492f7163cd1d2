// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-vfio-signal - interrupts of a device: set, masked, and what is said
 * when they cannot be.
 */
#include "harness.h"

#include "fake-cdev.h"

static void sets_interrupts(void **state)
{
	struct vfio_device *dev = bound();
	int fds[65];

	(void)state;
	memset(fds, 0xff, sizeof(fds));
	fds[1] = 11;
	assert_int_equal(vfio_irq_set(dev, VFIO_MSIX, 0, 65, fds), 0);
	assert_int_equal(fake.last_set.index, VFIO_MSIX);
	assert_int_equal(fake.last_set.flags,
			 VFIO_IRQ_SET_ACTION_TRIGGER |
				 VFIO_IRQ_SET_DATA_EVENTFD);
	assert_int_equal(fake.last_set.count, 65);
	assert_int_equal(fake.last_fds[0], -1);
	assert_int_equal(fake.last_fds[1], 11);

	assert_int_equal(vfio_irq_set(dev, VFIO_MSIX, 64, 1, fds), 0);
	assert_int_equal(fake.last_set.start, 64);
	ioctls.nr = 0;
	assert_int_equal(vfio_irq_set(dev, VFIO_MSIX, 65, 1, fds), -EINVAL);
	assert_int_equal(vfio_irq_set(dev, VFIO_MSIX, 64, 2, fds), -EINVAL);
	assert_int_equal(vfio_irq_set(dev, VFIO_MSIX, 0, 0, fds), -EINVAL);
	assert_int_equal(vfio_irq_set(dev, VFIO_MSIX, UINT32_MAX, 2, fds),
			 -EINVAL);
	assert_int_equal(vfio_irq_set(dev, VFIO_ERR, 0, 1, fds), -EINVAL);
	assert_int_equal(vfio_irq_set(dev, 9, 0, 1, fds), -EINVAL);
	assert_int_equal(ioctls.nr, 0);

	assert_int_equal(vfio_irq_disable(dev, VFIO_MSIX), 0);
	assert_int_equal(fake.last_set.flags,
			 VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_NONE);
	assert_int_equal(fake.last_set.count, 0);
	vfio_close(dev);
}

static void unmasks(void **state)
{
	struct vfio_device *dev = bound();

	(void)state;
	assert_int_equal(vfio_irq_unmask(dev, VFIO_INTX), 0);
	assert_int_equal(fake.last_set.flags,
			 VFIO_IRQ_SET_ACTION_UNMASK | VFIO_IRQ_SET_DATA_NONE);
	assert_int_equal(vfio_irq_unmask_fd(dev, VFIO_INTX, 9), 0);
	assert_int_equal(fake.last_set.flags,
			 VFIO_IRQ_SET_ACTION_UNMASK |
				 VFIO_IRQ_SET_DATA_EVENTFD);
	assert_int_equal(fake.last_fds[0], 9);
	assert_int_equal(vfio_irq_unmask(dev, VFIO_ERR), -EINVAL);
	assert_int_equal(vfio_irq_unmask(dev, 5), -EINVAL);
	assert_int_equal(vfio_irq_unmask_fd(dev, VFIO_ERR, 9), -EINVAL);
	vfio_close(dev);
}

static void interrupt_errors(void **state)
{
	struct vfio_device *dev = bound();
	struct capture c;
	int fd = 5;

	(void)state;
	/* Fewer vectors than asked is a positive answer. */
	fake.set_irqs_result = 1;
	capture_begin(&c);
	assert_int_equal(vfio_irq_set(dev, VFIO_MSI, 0, 1, &fd), -ENOSPC);
	assert_non_null(strstr(capture_end(&c), "too few interrupt vectors"));
	fake.set_irqs_result = -EBUSY;
	capture_begin(&c);
	assert_int_equal(vfio_irq_set(dev, VFIO_INTX, 0, 1, &fd), -EBUSY);
	assert_non_null(strstr(capture_end(&c), "cannot share its line"));
	/* Disabling what is not the active index. */
	fake.set_irqs_result = -EINVAL;
	capture_begin(&c);
	assert_int_equal(vfio_irq_disable(dev, VFIO_MSI), 0);
	assert_string_equal(capture_end(&c), "");
	assert_int_equal(vfio_irq_disable(dev, VFIO_ERR), 0);
	assert_int_equal(vfio_irq_disable(dev, 17), -EINVAL);
	/* Mediated devices cannot hand unmasking to KVM: no error yet. */
	fake.set_irqs_result = -ENOTTY;
	capture_begin(&c);
	assert_int_equal(vfio_irq_unmask_fd(dev, VFIO_INTX, fd), -ENOTTY);
	assert_string_equal(capture_end(&c), "");
	capture_begin(&c);
	assert_int_equal(vfio_irq_unmask(dev, VFIO_INTX), -ENOTTY);
	fake.set_irqs_result = -EIO;
	assert_int_equal(vfio_irq_disable(dev, VFIO_MSI), -EIO);
	assert_int_equal(vfio_irq_unmask(dev, VFIO_MSI), -EIO);
	assert_non_null(strstr(capture_end(&c), "0000:01:00.0: cannot"));
	/* A guest can repeat it: the lines have an end. */
	capture_begin(&c);
	for (unsigned int i = 0; i < 1000; i++)
		(void)vfio_irq_unmask(dev, VFIO_MSI);
	assert_true(strlen(capture_end(&c)) < 2000);
	vfio_close(dev);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, reset_fake)
	const struct CMUnitTest tests[] = {
		T(sets_interrupts),
		T(unmasks),
		T(interrupt_errors),
	};

	return run_all(tests);
}
