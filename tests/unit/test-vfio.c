// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-vfio - a device's life by its cdev: opened, bound or adopted, attached,
 * closed; and what is said when one of these fails.
 */
#include "harness.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "fake-cdev.h"

static int open_with_error(void *dev)
{
	int r;

	open_errno = ioctls.fail_errno;
	r = vfio_open(dev, "0000:01:00.0", "/dev/vfio/devices/vfio3", 0, NULL);
	open_errno = 0;
	return r;
}

static void open_errors_have_remedies(void **state)
{
	static const struct remedy rows[] = {
		{ ENOENT, "the node is missing" },
		{ EACCES, "wherry bind --owner" },
		{ EPERM, "wherry bind --owner" },
		{ ENXIO, "nothing serves this node" },
		{ ENODEV, "nothing serves this node" },
		{ EMFILE, "ulimit -n" },
		{ EIO, "Input/output error" },
	};
	unsigned int before = nr_fds();
	struct vfio_device *dev;

	(void)state;
	check_remedies(rows, ARRAY_SIZE(rows),
		       "0000:01:00.0: cannot open /dev/vfio/devices/vfio3",
		       open_with_error, &dev);
	assert_int_equal(nr_fds(), before);
}

static void node_of_another_device(void **state)
{
	unsigned int before = nr_fds();
	struct vfio_device *dev;
	struct capture c;

	(void)state;
	capture_begin(&c);
	/* /dev/null is 1:3. */
	assert_int_equal(vfio_open(&dev, "x", "/dev/null", makedev(1, 5), NULL),
			 -ENODEV);
	assert_non_null(strstr(capture_end(&c), "not this device's node"));
	assert_int_equal(vfio_open(&dev, "x", "/dev/null", makedev(1, 3), NULL),
			 0);
	assert_int_equal(vfio_state(dev), VFIO_OPENED);
	assert_true(fcntl(vfio_fd(dev), F_GETFD) & FD_CLOEXEC);
	vfio_close(dev);
	assert_int_equal(nr_fds(), before);
}

/* What bring-up does; the first error ends it. */
static int life_with(struct stats *stats)
{
	struct vfio_device *dev;
	int r = vfio_open_fd(&dev, "0000:01:00.0", device_file(), stats);

	if (r)
		return r;
	r = vfio_bind(dev, 3, NULL, NULL);
	if (!r)
		r = vfio_attach(dev, 7, NULL);
	vfio_close(dev);
	return r;
}

static int whole_life(void)
{
	return life_with(NULL);
}

static void lives_and_dies(void **state)
{
	unsigned int before = nr_fds();
	struct stats stats = { 0 };

	(void)state;
	assert_int_equal(life_with(&stats), 0);
	assert_string_equal(fake.order, "BIAD");
	assert_false(fake.attached);
	assert_int_equal(stats.ioctls[STATS_VFIO], ioctls.nr);
	assert_int_equal(nr_fds(), before);
}

/* Bound by its launcher: no BIND, and nobody's leavings. */
static void adopted(void **state)
{
	unsigned int before = nr_fds();
	struct vfio_device *dev = opened();

	(void)state;
	fake.bound = true;
	assert_int_equal(vfio_adopt(dev, 5), 0);
	assert_int_equal(vfio_devid(dev), 5);
	assert_int_equal(vfio_state(dev), VFIO_BOUND);
	assert_int_equal(fake.nr_resets, 1);
	assert_int_equal(fake.last_set.flags & VFIO_IRQ_SET_DATA_TYPE_MASK,
			 VFIO_IRQ_SET_DATA_NONE);
	assert_int_equal(vfio_adopt(dev, 5), -EALREADY);
	assert_int_equal(vfio_bind(dev, 3, NULL, NULL), -EALREADY);
	assert_int_equal(vfio_attach(dev, 7, NULL), 0);
	vfio_close(dev);
	assert_string_equal(fake.order, "IAD");
	assert_int_equal(nr_fds(), before);
}

static void adopted_but_not_bound(void **state)
{
	struct vfio_device *dev = opened();
	struct capture c;

	(void)state;
	fail_next_ioctl(EINVAL);
	capture_begin(&c);
	assert_int_equal(vfio_adopt(dev, 5), -EINVAL);
	assert_non_null(strstr(capture_end(&c), "pass it without devid="));
	assert_int_equal(vfio_state(dev), VFIO_OPENED);
	vfio_close(dev);
}

static void each_ioctl_failed_in_turn(void **state)
{
	(void)state;
	/* The last is DETACH, which closing makes good. */
	check_each_failure(reset_fake, whole_life, "0000:01:00.0: ", 1);
	assert_true(ioctls.nr > 15);
}

static void facts_are_cached(void **state)
{
	struct vfio_device *dev = bound();
	const struct vfio_region *bar = vfio_region(dev, 0);

	(void)state;
	assert_int_equal(vfio_state(dev), VFIO_BOUND);
	assert_int_equal(vfio_devid(dev), 42);
	assert_true(vfio_can_reset(dev));
	assert_string_equal(vfio_name(dev), "0000:01:00.0");
	assert_int_equal(bar->size, KIB(16));
	assert_true(bar->mmap && bar->read && bar->write);
	assert_int_equal(bar->nr_areas, 1);
	assert_int_equal(bar->areas[0].size, KIB(16));
	assert_int_equal(vfio_region(dev, 1)->size, 0);
	assert_false(vfio_region(dev, 2)->mmap);
	assert_int_equal(vfio_region(dev, 8)->size, 0);
	assert_null(vfio_region(dev, VFIO_MAX_REGIONS));
	assert_int_equal(vfio_irq(dev, VFIO_MSIX)->count, 65);
	assert_false(vfio_irq(dev, VFIO_MSIX)->noresize);
	assert_true(vfio_irq(dev, VFIO_MSI)->noresize);
	assert_true(vfio_irq(dev, VFIO_INTX)->automasked);
	assert_int_equal(vfio_irq(dev, VFIO_ERR)->count, 0);
	assert_null(vfio_irq(dev, VFIO_NR_IRQS));
	vfio_close(dev);
}

/* Unbound and retryable, whatever came of it. */
static int bind_in_vain(void *dev)
{
	int r = vfio_bind(dev, 3, NULL, NULL);

	assert_int_equal(vfio_state(dev), VFIO_OPENED);
	return r;
}

static void bind_errors_have_remedies(void **state)
{
	static const struct remedy rows[] = {
		{ EPERM, "interrupt remapping" },
		{ EINVAL, "bound already by another process" },
		{ EBADF, "/dev/iommu" },
		{ EBADFD, "/dev/iommu" },
		{ EACCES, "VF token" },
		{ EBUSY, "/dev/vfio/GROUP" },
		{ ENODEV, "no IOMMU group" },
		{ ENOTTY, "not a VFIO device" },
		{ EIO, "dmesg" },
	};
	struct vfio_device *dev = opened();

	(void)state;
	check_remedies(rows, ARRAY_SIZE(rows), "0000:01:00.0: ", bind_in_vain,
		       dev);
	assert_int_equal(vfio_bind(dev, 3, NULL, NULL), 0);
	vfio_close(dev);
}

static int explained;

static void explain(void *opaque, int err, char *why, size_t size)
{
	explained = err;
	snprintf(why, size, "%s", (const char *)opaque);
}

static void bind_asks_the_caller_why(void **state)
{
	char held[] = "held by qemu (pid 12); stop it", nothing[] = "";
	struct vfio_why why = { explain, held };
	struct vfio_device *dev = opened();
	struct capture c;

	(void)state;
	explained = 0;
	fail_next_ioctl(EINVAL);
	capture_begin(&c);
	assert_int_equal(vfio_bind(dev, 3, NULL, &why), -EINVAL);
	assert_non_null(strstr(capture_end(&c), "held by qemu (pid 12)"));
	assert_int_equal(explained, EINVAL);

	/* Nothing found: the general text. */
	why.opaque = nothing;
	fail_next_ioctl(EPERM);
	capture_begin(&c);
	assert_int_equal(vfio_bind(dev, 3, NULL, &why), -EPERM);
	assert_non_null(strstr(capture_end(&c), "sibling"));
	/* Not asked when it works: looking costs time. */
	explained = 0;
	assert_int_equal(vfio_bind(dev, 3, NULL, &why), 0);
	assert_int_equal(explained, 0);
	vfio_close(dev);
}

static const uint8_t token[16] = { 0x83, 0xb8, 0xf4, 0xf2 };

static void bind_brings_a_token(void **state)
{
	struct vfio_device *dev = opened();
	struct capture c;

	(void)state;
	fake.token = token;
	assert_int_equal(vfio_bind(dev, 3, token, NULL), 0);
	vfio_close(dev);

	/* A kernel that knows none is told apart without binding. */
	reset_fake(state);
	dev = opened();
	fake.old = true;
	capture_begin(&c);
	assert_int_equal(vfio_bind(dev, 3, token, NULL), -ENOTSUP);
	assert_non_null(
		strstr(capture_end(&c), "vf-token: this kernel takes none"));
	assert_false(fake.bound);
	assert_int_equal(vfio_bind(dev, 3, NULL, NULL), 0);
	vfio_close(dev);

	/* The device takes none; or another one. */
	reset_fake(state);
	dev = opened();
	ioctls.fail_at = ioctls.nr + 1;
	ioctls.fail_errno = EINVAL;
	capture_begin(&c);
	assert_int_equal(vfio_bind(dev, 3, token, NULL), -EINVAL);
	assert_non_null(strstr(capture_end(&c), "it takes no VF token"));
	ioctls.fail_at = ioctls.nr + 1;
	ioctls.fail_errno = EACCES;
	capture_begin(&c);
	assert_int_equal(vfio_bind(dev, 3, token, NULL), -EACCES);
	assert_non_null(strstr(capture_end(&c), "; add vf-token=UUID, the "));
	vfio_close(dev);
}

static void bind_retries_while_it_is_reset(void **state)
{
	struct vfio_device *dev = opened();
	struct capture c;

	(void)state;
	fake.nr_again = 3;
	assert_int_equal(vfio_bind(dev, 3, NULL, NULL), 0);
	assert_int_equal(fake.nr_sleeps, 3);
	vfio_close(dev);

	reset_fake(state);
	dev = opened();
	fake.nr_again = 1 << 20;
	capture_begin(&c);
	assert_int_equal(vfio_bind(dev, 3, NULL, NULL), -EAGAIN);
	assert_non_null(strstr(capture_end(&c), "reset"));
	assert_true(fake.nr_sleeps < 1000);
	vfio_close(dev);
}

static void states_are_kept_apart(void **state)
{
	struct vfio_device *dev = opened();

	(void)state;
	assert_int_equal(vfio_attach(dev, 7, NULL), -EINVAL);
	assert_int_equal(vfio_detach(dev), 0);
	assert_int_equal(ioctls.nr, 0);
	assert_int_equal(vfio_bind(dev, 3, NULL, NULL), 0);
	assert_int_equal(vfio_bind(dev, 3, NULL, NULL), -EALREADY);
	assert_int_equal(vfio_attach(dev, 7, NULL), 0);
	assert_int_equal(vfio_state(dev), VFIO_ATTACHED);
	assert_int_equal(vfio_attach(dev, 7, NULL), 0); /* replaces */
	assert_int_equal(vfio_detach(dev), 0);
	assert_int_equal(vfio_state(dev), VFIO_BOUND);
	vfio_close(dev);
	vfio_close(NULL);
}

static int attach_in_vain(void *dev)
{
	int r = vfio_attach(dev, 7, NULL);

	assert_int_equal(vfio_state(dev), VFIO_BOUND);
	return r;
}

static void attach_errors_have_remedies(void **state)
{
	static const struct remedy rows[] = {
		{ EADDRINUSE, "reserved_regions" },
		{ ENOMEM, "LimitMEMLOCK" },
		{ EFAULT, "pinned" },
		{ EINVAL, "sibling" },
		{ EBUSY, "being reset" },
		{ ENOENT, "no such address space" },
	};
	struct vfio_device *dev = bound();

	(void)state;
	check_remedies(rows, ARRAY_SIZE(rows), "0000:01:00.0: ", attach_in_vain,
		       dev);
	vfio_close(dev);
}

static void other_apis_are_refused(void **state)
{
	struct vfio_device *dev = opened();
	struct capture c;

	(void)state;
	fake.flags = VFIO_DEVICE_FLAGS_AP;
	capture_begin(&c);
	assert_int_equal(vfio_bind(dev, 3, NULL, NULL), -ENODEV);
	assert_non_null(strstr(capture_end(&c), "not a PCI device"));
	vfio_close(dev);
}

static void allow_list_has_reasons(void **state)
{
	const struct sandbox_ioctls *list = &vfio_sandbox_ioctls;

	(void)state;
	for (size_t i = 0; i < list->nr; i++) {
		assert_true(strlen(list->table[i].reason) > 10);
		assert_true(list->table[i].threads);
		/* Never the ones that make or bind. */
		assert_true(list->table[i].request !=
			    ABI_VFIO_DEVICE_BIND_IOMMUFD);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, reset_fake)
	const struct CMUnitTest tests[] = {
		T(open_errors_have_remedies),
		T(node_of_another_device),
		T(lives_and_dies),
		T(adopted),
		T(adopted_but_not_bound),
		T(each_ioctl_failed_in_turn),
		T(facts_are_cached),
		T(bind_errors_have_remedies),
		T(bind_asks_the_caller_why),
		T(bind_brings_a_token),
		T(bind_retries_while_it_is_reset),
		T(states_are_kept_apart),
		T(attach_errors_have_remedies),
		T(other_apis_are_refused),
		T(allow_list_has_reasons),
	};

	return run_all(tests);
}
