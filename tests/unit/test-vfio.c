// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-vfio - the device cdev against a fake kernel. ioctls are wrapped; a
 * sparse memfd stands for the device, so that reading, writing and mapping
 * its regions are real.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "abi/vfio.h"
#include "capture.h"
#include "fds.h"
#include "vfio.h"

#define NR_REGIONS 9
#define CONFIG VFIO_REGION_CONFIG
#define OFFSET(i) ((uint64_t)(i) << 40)

struct fake_region {
	int err; /* GET_REGION_INFO fails */
	uint64_t size, offset;
	uint32_t flags;
	uint8_t caps[4096]; /* follow the info structure */
	uint32_t caps_bytes;
};

static struct {
	int fail_at, fail_errno; /* the n-th ioctl; -1: none */
	int nr_ioctls;
	int nr_again; /* so many EAGAIN from BIND and RESET */
	bool bound, attached;
	bool old; /* knows no tokens */
	const uint8_t *token; /* that BIND must bring; NULL: none */
	uint32_t flags, num_regions, num_irqs;
	struct fake_region regions[NR_REGIONS];
	struct vfio_irq_info irqs[VFIO_NR_IRQS];
	int set_irqs_result;
	struct vfio_irq_set last_set;
	int32_t last_fds[2048];
	unsigned int nr_resets, nr_sleeps;
	int export_errno;
	struct abi_vfio_feature_dma_buf last_export;
	/* The answer to GET_PCI_HOT_RESET_INFO, and what busy is called. */
	uint32_t set_flags, set_count, set_devids[4];
	int busy_errno;
	uint32_t feature; /* flags of the last */
	char order[512]; /* names of the ioctls, in order */
} fake;

int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *t,
			   struct timespec *left);
int __wrap_open(const char *path, int flags, ...);
int __real_open(const char *path, int flags, ...);
static int open_errno;

int __wrap_open(const char *path, int flags, ...)
{
	if (!open_errno)
		return __real_open(path, flags);
	errno = open_errno;
	return -1;
}

int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *t,
			   struct timespec *left)
{
	(void)clock;
	(void)flags;
	(void)t;
	(void)left;
	fake.nr_sleeps++;
	return 0;
}

static int no(int err)
{
	errno = err;
	return -1;
}

static int again(void)
{
	if (!fake.nr_again)
		return 0;
	fake.nr_again--;
	return no(fake.busy_errno ? fake.busy_errno : EAGAIN);
}

static int fake_hot_reset_info(struct vfio_pci_hot_reset_info *info)
{
	struct abi_vfio_dependent *d = (void *)(info + 1);

	if (again())
		return -1;
	assert_int_equal(info->flags, 0);
	assert_int_equal(info->argsz,
			 sizeof(*info) + VFIO_MAX_RESET_SET * sizeof(*d));
	info->flags = fake.set_flags;
	info->count = fake.set_count;
	for (unsigned int i = 0; i < MIN(fake.set_count, 4); i++)
		d[i].devid = fake.set_devids[i];
	return 0;
}

static int fake_hot_reset(const struct vfio_pci_hot_reset *reset)
{
	if (again())
		return -1;
	/* A list of groups is for those who have groups. */
	assert_int_equal(reset->argsz, sizeof(*reset));
	assert_int_equal(reset->flags, 0);
	assert_int_equal(reset->count, 0);
	fake.nr_resets++;
	return 0;
}

static int fake_bind(struct abi_vfio_bind *bind)
{
	/* How the kernel is asked whether it knows tokens: a tail that is not
	 * zero. Older ones know 16 bytes and see the iommufd. */
	if (bind->argsz > sizeof(*bind)) {
		assert_int_equal(bind->iommufd, -1);
		assert_int_equal(*(uint64_t *)(bind + 1), 1);
		return no(fake.old ? EINVAL : E2BIG);
	}
	if (again())
		return -1;
	assert_int_equal(bind->argsz, 24);
	assert_int_equal(bind->flags, fake.token ? 1 : 0);
	assert_int_equal(!bind->token_uuid_ptr, !fake.token);
	if (fake.token)
		assert_memory_equal((void *)(uintptr_t)bind->token_uuid_ptr,
				    fake.token, 16);
	assert_false(fake.bound);
	fake.bound = true;
	bind->out_devid = 42;
	return 0;
}

static int fake_region_info(struct vfio_region_info *info)
{
	const struct fake_region *r = &fake.regions[info->index];
	uint32_t room = info->argsz, need;

	assert_true(info->index < NR_REGIONS);
	if (r->err)
		return no(r->err);
	info->flags = r->flags;
	info->size = r->size;
	info->offset = r->offset;
	if (!r->caps_bytes)
		return 0;
	info->flags |= VFIO_REGION_INFO_FLAG_CAPS;
	need = sizeof(*info) + r->caps_bytes;
	info->argsz = need;
	if (room >= need) {
		info->cap_offset = sizeof(*info);
		memcpy(info + 1, r->caps, r->caps_bytes);
	}
	return 0;
}

static int fake_set_irqs(const struct vfio_irq_set *set)
{
	assert_true(set->argsz >= sizeof(*set));
	fake.last_set = *set;
	if (set->flags & VFIO_IRQ_SET_DATA_EVENTFD) {
		assert_int_equal(set->argsz, sizeof(*set) + 4 * set->count);
		memcpy(fake.last_fds, set->data, 4 * set->count);
	}
	if (fake.set_irqs_result < 0)
		return no(-fake.set_irqs_result);
	return fake.set_irqs_result;
}

static int fake_attach(const struct abi_vfio_attach *attach)
{
	assert_int_equal(attach->argsz, 12);
	assert_int_equal(attach->pt_id, 7);
	fake.attached = true;
	return 0;
}

static int fake_info(struct vfio_device_info *info)
{
	info->flags = fake.flags;
	info->num_regions = fake.num_regions;
	info->num_irqs = fake.num_irqs;
	return 0;
}

static int fake_irq_info(struct vfio_irq_info *info)
{
	const struct vfio_irq_info *irq = &fake.irqs[info->index];

	assert_true(info->index < VFIO_NR_IRQS);
	if (irq->argsz == 1) /* marks an absent one */
		return no(EINVAL);
	info->flags = irq->flags;
	info->count = irq->count;
	return 0;
}

/* The answer of an export is a descriptor. */
static int fake_feature(const struct abi_vfio_feature_dma_buf *f)
{
	fake.feature = f->feature;
	if (f->feature & VFIO_DEVICE_FEATURE_SET)
		return 0; /* low power */
	if (fake.export_errno)
		return no(fake.export_errno);
	if (f->feature & VFIO_DEVICE_FEATURE_PROBE) {
		assert_int_equal(f->argsz, 8);
		return 0;
	}
	fake.last_export = *f;
	return 99;
}

static int note(char c)
{
	size_t n = strlen(fake.order);

	if (n + 1 < sizeof(fake.order))
		fake.order[n] = c;
	return 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	(void)fd;
	if (fake.nr_ioctls++ == fake.fail_at)
		return no(fake.fail_errno);
	/* A fresh device can do nothing but bind. */
	if (!fake.bound)
		assert_int_equal(request, ABI_VFIO_DEVICE_BIND_IOMMUFD);
	switch (request) {
	case ABI_VFIO_DEVICE_BIND_IOMMUFD:
		return note('B') + fake_bind(arg);
	case ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT:
		return note('A') + fake_attach(arg);
	case ABI_VFIO_DEVICE_DETACH_IOMMUFD_PT:
		assert_int_equal(((struct abi_vfio_detach *)arg)->argsz, 8);
		fake.attached = false;
		return note('D');
	case VFIO_DEVICE_GET_INFO:
		return note('I') + fake_info(arg);
	case VFIO_DEVICE_GET_REGION_INFO:
		return fake_region_info(arg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return fake_irq_info(arg);
	case VFIO_DEVICE_SET_IRQS:
		return fake_set_irqs(arg);
	case VFIO_DEVICE_FEATURE:
		return fake_feature(arg);
	case VFIO_DEVICE_RESET:
		if (again())
			return -1;
		fake.nr_resets++;
		return 0;
	case VFIO_DEVICE_GET_PCI_HOT_RESET_INFO:
		return fake_hot_reset_info(arg);
	case VFIO_DEVICE_PCI_HOT_RESET:
		return fake_hot_reset(arg);
	default:
		return no(ENOTTY);
	}
}

#define RW (VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE)
#define RWM (RW | VFIO_REGION_INFO_FLAG_MMAP)

static int reset_fake(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	open_errno = 0;
	fake.fail_at = -1;
	fake.flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
	fake.num_regions = NR_REGIONS;
	fake.num_irqs = VFIO_NR_IRQS;
	for (unsigned int i = 0; i < NR_REGIONS; i++)
		fake.regions[i].offset = OFFSET(i);
	fake.regions[0].size = KIB(16);
	fake.regions[0].flags = RWM;
	fake.regions[2].size = 32; /* I/O */
	fake.regions[2].flags = RW;
	fake.regions[CONFIG].size = 4096;
	fake.regions[CONFIG].flags = RW;
	fake.regions[8].err = EINVAL; /* no VGA */
	fake.irqs[VFIO_INTX] = (struct vfio_irq_info){ .flags = 7, .count = 1 };
	fake.irqs[VFIO_MSI] = (struct vfio_irq_info){ .flags = 9, .count = 1 };
	fake.irqs[VFIO_MSIX] =
		(struct vfio_irq_info){ .flags = 1, .count = 65 };
	fake.irqs[VFIO_ERR].argsz = 1;
	fake.irqs[VFIO_REQ] = (struct vfio_irq_info){ .flags = 9, .count = 1 };
	return 0;
}

/* A file as large as all regions, with nothing in it. */
static int device_file(void)
{
	int fd = memfd_create("device", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)OFFSET(NR_REGIONS)), 0);
	return fd;
}

static struct vfio_device *opened(void)
{
	struct vfio_device *dev;

	assert_int_equal(
		vfio_open_fd(&dev, "0000:01:00.0", device_file(), NULL), 0);
	return dev;
}

static struct vfio_device *bound(void)
{
	struct vfio_device *dev = opened();

	assert_int_equal(vfio_bind(dev, 3, NULL, NULL), 0);
	return dev;
}

static void open_errors_have_remedies(void **state)
{
	static const struct {
		int err;
		const char *says;
	} rows[] = {
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
	struct capture c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		open_errno = rows[i].err;
		capture_begin(&c);
		assert_int_equal(vfio_open(&dev, "0000:01:00.0",
					   "/dev/vfio/devices/vfio3", 0, NULL),
				 -rows[i].err);
		assert_non_null(strstr(capture_end(&c), rows[i].says));
		assert_non_null(strstr(c.text, "0000:01:00.0"));
		assert_non_null(strstr(c.text, "/dev/vfio/devices/vfio3"));
	}
	open_errno = 0;
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
static int whole_life(struct stats *stats)
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

static void lives_and_dies(void **state)
{
	unsigned int before = nr_fds();
	struct stats stats = { 0 };

	(void)state;
	assert_int_equal(whole_life(&stats), 0);
	assert_string_equal(fake.order, "BIAD");
	assert_false(fake.attached);
	assert_int_equal(stats.ioctls[STATS_VFIO], fake.nr_ioctls);
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
	fake.fail_at = 0;
	fake.fail_errno = EINVAL;
	capture_begin(&c);
	assert_int_equal(vfio_adopt(dev, 5), -EINVAL);
	assert_non_null(strstr(capture_end(&c), "pass it without devid="));
	assert_int_equal(vfio_state(dev), VFIO_OPENED);
	vfio_close(dev);
}

static void each_ioctl_failed_in_turn(void **state)
{
	unsigned int before = nr_fds();
	struct capture c;
	int nr;

	assert_int_equal(whole_life(NULL), 0);
	nr = fake.nr_ioctls;
	assert_true(nr > 15);
	for (int i = 0; i < nr; i++) {
		int r;

		reset_fake(state);
		fake.fail_at = i;
		fake.fail_errno = ENOMEM;
		capture_begin(&c);
		r = whole_life(NULL);
		assert_non_null(strstr(capture_end(&c), "0000:01:00.0: "));
		assert_ptr_equal(strchr(c.text, '\n') + 1,
				 c.text + strlen(c.text));
		/* The last is DETACH, which closing makes good. */
		assert_int_equal(r, i < nr - 1 ? -ENOMEM : 0);
		assert_int_equal(nr_fds(), before);
	}
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

static void bind_errors_have_remedies(void **state)
{
	static const struct {
		int err;
		const char *says;
	} rows[] = {
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
	struct capture c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		fake.fail_at = fake.nr_ioctls;
		fake.fail_errno = rows[i].err;
		capture_begin(&c);
		assert_int_equal(vfio_bind(dev, 3, NULL, NULL), -rows[i].err);
		assert_non_null(strstr(capture_end(&c), rows[i].says));
		/* Unbound and retryable. */
		assert_int_equal(vfio_state(dev), VFIO_OPENED);
	}
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
	fake.fail_at = 0;
	fake.fail_errno = EINVAL;
	capture_begin(&c);
	assert_int_equal(vfio_bind(dev, 3, NULL, &why), -EINVAL);
	assert_non_null(strstr(capture_end(&c), "held by qemu (pid 12)"));
	assert_int_equal(explained, EINVAL);

	/* Nothing found: the general text. */
	why.opaque = nothing;
	fake.fail_at = fake.nr_ioctls;
	fake.fail_errno = EPERM;
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
	fake.fail_at = fake.nr_ioctls + 1;
	fake.fail_errno = EINVAL;
	capture_begin(&c);
	assert_int_equal(vfio_bind(dev, 3, token, NULL), -EINVAL);
	assert_non_null(strstr(capture_end(&c), "it takes no VF token"));
	fake.fail_at = fake.nr_ioctls + 1;
	fake.fail_errno = EACCES;
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
	assert_int_equal(fake.nr_ioctls, 0);
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

static void attach_errors_have_remedies(void **state)
{
	static const struct {
		int err;
		const char *says;
	} rows[] = {
		{ EADDRINUSE, "reserved_regions" },
		{ ENOMEM, "LimitMEMLOCK" },
		{ EFAULT, "pinned" },
		{ EINVAL, "sibling" },
		{ EBUSY, "being reset" },
		{ ENOENT, "no such address space" },
	};
	struct vfio_device *dev = bound();
	struct capture c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		fake.fail_at = fake.nr_ioctls;
		fake.fail_errno = rows[i].err;
		capture_begin(&c);
		assert_int_equal(vfio_attach(dev, 7, NULL), -rows[i].err);
		assert_non_null(strstr(capture_end(&c), rows[i].says));
		assert_int_equal(vfio_state(dev), VFIO_BOUND);
	}
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

static void more_than_is_known(void **state)
{
	struct vfio_device *dev;

	(void)state;
	fake.num_regions = NR_REGIONS; /* the fake knows no more */
	fake.num_irqs = 1000;
	fake.irqs[VFIO_MSIX].count = UINT32_MAX;
	dev = bound();
	assert_int_equal(vfio_irq(dev, VFIO_MSIX)->count, 2048);
	vfio_close(dev);

	/* A device of few regions and no interrupts, as some mdevs. */
	reset_fake(state);
	fake.num_regions = 1;
	fake.num_irqs = 0;
	dev = bound();
	assert_int_equal(vfio_region(dev, CONFIG)->size, 0);
	assert_int_equal(vfio_irq(dev, VFIO_INTX)->count, 0);
	vfio_close(dev);
}

static void put_caps(unsigned int index, const void *caps, size_t bytes)
{
	memcpy(fake.regions[index].caps, caps, bytes);
	fake.regions[index].caps_bytes = (uint32_t)bytes;
}

struct chain {
	struct vfio_info_cap_header mappable;
	struct {
		struct vfio_info_cap_header header;
		uint32_t nr_areas, reserved;
		struct vfio_region_sparse_mmap_area areas[20];
	} sparse;
};

static void areas_of_sparse_regions(void **state)
{
	struct chain chain = {
		.mappable = { VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, 1,
			      sizeof(struct vfio_region_info) +
				      offsetof(struct chain, sparse) },
		.sparse = { { VFIO_REGION_INFO_CAP_SPARSE_MMAP, 1, 0 },
			    5,
			    0,
			    { { 0, KIB(4) },
			      { KIB(8), KIB(8) },
			      { 100, KIB(4) }, /* not a page */
			      { KIB(16), KIB(4) }, /* beyond the end */
			      { UINT64_MAX - 4095, KIB(8) } } },
	};
	const struct vfio_region *bar;
	struct vfio_device *dev;

	(void)state;
	put_caps(0, &chain, sizeof(chain)); /* does not fit at first */
	dev = bound();
	bar = vfio_region(dev, 0);
	assert_true(bar->msix_mappable);
	assert_int_equal(bar->nr_areas, 2);
	assert_int_equal(bar->areas[0].start, 0);
	assert_int_equal(bar->areas[0].size, KIB(4));
	assert_int_equal(bar->areas[1].start, KIB(8));
	assert_int_equal(bar->areas[1].size, KIB(8));
	vfio_close(dev);

	/* More areas than there is room for, and a count that lies. */
	for (unsigned int i = 0; i < 20; i++)
		chain.sparse.areas[i] =
			(struct vfio_region_sparse_mmap_area){ 0, KIB(4) };
	chain.sparse.nr_areas = UINT32_MAX;
	reset_fake(state);
	put_caps(0, &chain, sizeof(chain));
	dev = bound();
	assert_int_equal(vfio_region(dev, 0)->nr_areas, VFIO_MAX_AREAS);
	vfio_close(dev);
}

static void broken_capability_chains_end(void **state)
{
	static const uint32_t nexts[] = {
		sizeof(struct vfio_region_info), /* itself */
		8, /* into the info */
		sizeof(struct vfio_region_info) + 4, /* unaligned */
		1U << 30,
		UINT32_MAX,
		UINT32_MAX & ~7U,
	};

	for (size_t i = 0; i < ARRAY_SIZE(nexts); i++) {
		struct vfio_info_cap_header cap = {
			VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, 1, nexts[i]
		};
		struct vfio_device *dev;

		reset_fake(state);
		put_caps(0, &cap, sizeof(cap));
		dev = bound();
		assert_true(vfio_region(dev, 0)->msix_mappable);
		vfio_close(dev);
	}
}

static void huge_capability_chains_are_refused(void **state)
{
	struct vfio_device *dev = opened();
	struct capture c;

	(void)state;
	fake.regions[0].caps_bytes = 1 << 20;
	capture_begin(&c);
	assert_int_equal(vfio_bind(dev, 3, NULL, NULL), -E2BIG);
	assert_non_null(strstr(capture_end(&c), "region 0"));
	vfio_close(dev);
}

static void regions_beyond_the_file_are_refused(void **state)
{
	static const struct {
		uint64_t size, offset;
	} rows[] = {
		{ UINT64_MAX, 1 },
		{ KIB(4), UINT64_MAX - KIB(1) },
		{ KIB(4), INT64_MAX },
	};
	struct capture c;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vfio_device *dev = opened();

		reset_fake(state);
		fake.regions[1].flags = RW;
		fake.regions[1].size = rows[i].size;
		fake.regions[1].offset = rows[i].offset;
		capture_begin(&c);
		assert_int_equal(vfio_bind(dev, 3, NULL, NULL), -EPROTO);
		assert_non_null(strstr(capture_end(&c), "out of bounds"));
		vfio_close(dev);
	}
}

static void accesses_are_bounded(void **state)
{
	struct vfio_device *dev = bound();
	uint64_t val = 0x1122334455667788, got = 0;

	(void)state;
	assert_int_equal(vfio_write(dev, 0, KIB(16) - 8, &val, 8), 0);
	assert_int_equal(vfio_read(dev, 0, KIB(16) - 8, &got, 8), 0);
	assert_true(got == val);
	got = 0;
	assert_int_equal(pread(vfio_fd(dev), &got, 8, KIB(16) - 8), 8);
	assert_true(got == val);
	got = 0;
	assert_int_equal(vfio_read(dev, 0, KIB(16) - 8, &got, 2), 0);
	assert_true(got == 0x7788);

	assert_int_equal(vfio_read(dev, 0, KIB(16) - 4, &got, 8), -EINVAL);
	assert_int_equal(vfio_read(dev, 0, KIB(16), &got, 1), -EINVAL);
	assert_int_equal(vfio_read(dev, 0, UINT64_MAX, &got, 8), -EINVAL);
	assert_int_equal(vfio_read(dev, 0, 0, &got, 3), -EINVAL);
	assert_int_equal(vfio_read(dev, 0, 0, &got, 0), -EINVAL);
	assert_int_equal(vfio_read(dev, 0, 0, &got, 16), -EINVAL);
	assert_int_equal(vfio_read_all(dev, 0, KIB(16) - 8, &got, 8), 0);
	assert_true(got == val);
	assert_int_equal(vfio_read_all(dev, 0, KIB(16) - 7, &got, 8), -EINVAL);
	assert_int_equal(vfio_read_all(dev, 1, 0, &got, 8), -EINVAL);
	/* Absent regions would make some drivers misbehave. */
	assert_int_equal(vfio_read(dev, 1, 0, &got, 1), -EINVAL);
	assert_int_equal(vfio_write(dev, 1, 0, &got, 1), -EINVAL);
	assert_int_equal(vfio_write(dev, 99, 0, &got, 1), -EINVAL);
	vfio_close(dev);
}

static void accesses_can_fail(void **state)
{
	struct vfio_device *dev = bound();
	uint32_t val = 0;

	(void)state;
	/* The file ends within the region. */
	assert_int_equal(ftruncate(vfio_fd(dev), 2), 0);
	assert_int_equal(vfio_read(dev, 0, 0, &val, 4), -EIO);
	assert_int_equal(vfio_read_all(dev, 0, 0, &val, 4), -EIO);
	vfio_close(dev);

	reset_fake(state);
	fake.regions[0].flags = VFIO_REGION_INFO_FLAG_READ;
	dev = bound();
	assert_int_equal(vfio_write(dev, 0, 0, &val, 4), -EINVAL);
	vfio_close(dev);
}

/* The permissions of the mapping that holds addr. */
static const char *permissions(const void *addr)
{
	static char perms[8];
	unsigned long start, end;
	char line[512];
	FILE *f = fopen("/proc/self/maps", "re");

	strcpy(perms, "none");
	while (f && fgets(line, sizeof(line), f)) {
		char p[8];

		if (sscanf(line, "%lx-%lx %4s", &start, &end, p) == 3 &&
		    (uintptr_t)addr >= start && (uintptr_t)addr < end)
			strcpy(perms, p);
	}
	if (f)
		fclose(f);
	return perms;
}

static void maps_areas_only(void **state)
{
	const struct range areas[] = { { 0, KIB(4) }, { KIB(12), KIB(4) } };
	struct vfio_device *dev = bound();
	uint32_t val = 0x12345678;
	uint8_t *hva;

	(void)state;
	assert_int_equal(vfio_map_region(dev, 0, areas, 2, (void **)&hva), 0);
	assert_int_equal((uintptr_t)hva % KIB(16), 0);
	assert_string_equal(permissions(hva), "rw-s");
	assert_string_equal(permissions(hva + KIB(4)), "---p");
	assert_string_equal(permissions(hva + KIB(8)), "---p");
	assert_string_equal(permissions(hva + KIB(12)), "rw-s");
	memcpy(hva + KIB(12), &val, 4);
	val = 0;
	assert_int_equal(vfio_read(dev, 0, KIB(12), &val, 4), 0);
	assert_int_equal(val, 0x12345678);
	vfio_unmap_region(dev, 0, hva, false);
	assert_string_equal(permissions(hva), "none");
	vfio_close(dev);
}

static void addresses_can_be_kept(void **state)
{
	const struct range all = { 0, KIB(16) };
	struct vfio_device *dev = bound();
	uint8_t *hva;

	(void)state;
	assert_int_equal(vfio_map_region(dev, 0, &all, 1, (void **)&hva), 0);
	vfio_unmap_region(dev, 0, hva, true);
	assert_string_equal(permissions(hva), "---p");
	assert_string_equal(permissions(hva + KIB(12)), "---p");
	munmap(hva, KIB(16));
	vfio_close(dev);
}

static void exports_an_area(void **state)
{
	const struct range area = { KIB(4), KIB(8) };
	struct vfio_device *dev = bound();
	int fd = -1;

	(void)state;
	assert_int_equal(vfio_dmabuf_probe(dev), 0);
	assert_int_equal(vfio_dmabuf_export(dev, 2, &area, &fd), 0);
	assert_int_equal(fd, 99);
	assert_int_equal(fake.last_export.argsz, 40);
	assert_int_equal(fake.last_export.feature, 1u << 16 | 11);
	assert_int_equal(fake.last_export.region_index, 2);
	assert_int_equal(fake.last_export.open_flags, O_RDWR | O_CLOEXEC);
	assert_int_equal(fake.last_export.flags, 0);
	assert_int_equal(fake.last_export.nr_ranges, 1);
	assert_int_equal(fake.last_export.offset, KIB(4));
	assert_int_equal(fake.last_export.length, KIB(8));
	fake.export_errno = EOPNOTSUPP;
	assert_int_equal(vfio_dmabuf_probe(dev), -EOPNOTSUPP);
	fake.export_errno = ENODEV;
	fd = -1;
	assert_int_equal(vfio_dmabuf_export(dev, 2, &area, &fd), -ENODEV);
	assert_int_equal(fd, -1);
	vfio_close(dev);
}

static void maps_huge_regions_congruently(void **state)
{
	const struct range all = { 0, GIB(128) };
	struct vfio_device *dev;
	uint8_t *hva;

	(void)state;
	fake.regions[0].size = GIB(128);
	dev = bound();
	assert_int_equal(vfio_map_region(dev, 0, &all, 1, (void **)&hva), 0);
	assert_int_equal((uintptr_t)hva % GIB(1), 0);
	hva[GIB(128) - 1] = 1;
	assert_string_equal(permissions(hva + GIB(128) - 1), "rw-s");
	vfio_unmap_region(dev, 0, hva, false);
	assert_string_equal(permissions(hva), "none");
	vfio_close(dev);
}

static void bad_maps_leave_nothing(void **state)
{
	static const struct range bad[] = {
		{ 0, KIB(20) }, { KIB(16), KIB(4) },	       { 100, KIB(4) },
		{ 0, 100 },	{ UINT64_MAX - 4095, KIB(4) },
	};
	struct vfio_device *dev = bound();
	struct capture c;
	void *hva = NULL;

	(void)state;
	capture_begin(&c);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct range areas[] = { { 0, KIB(4) }, bad[i] };

		assert_int_equal(vfio_map_region(dev, 0, areas, 2, &hva),
				 -EINVAL);
		assert_null(hva);
	}
	assert_non_null(strstr(capture_end(&c), "cannot map region 0"));
	/* Not mappable, absent, out of range. */
	assert_int_equal(vfio_map_region(dev, 2, bad, 0, &hva), -EINVAL);
	assert_int_equal(vfio_map_region(dev, 1, bad, 0, &hva), -EINVAL);
	assert_int_equal(vfio_map_region(dev, 77, bad, 0, &hva), -EINVAL);
	vfio_unmap_region(dev, 0, NULL, false);
	vfio_close(dev);
}

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
	fake.nr_ioctls = 0;
	assert_int_equal(vfio_irq_set(dev, VFIO_MSIX, 65, 1, fds), -EINVAL);
	assert_int_equal(vfio_irq_set(dev, VFIO_MSIX, 64, 2, fds), -EINVAL);
	assert_int_equal(vfio_irq_set(dev, VFIO_MSIX, 0, 0, fds), -EINVAL);
	assert_int_equal(vfio_irq_set(dev, VFIO_MSIX, UINT32_MAX, 2, fds),
			 -EINVAL);
	assert_int_equal(vfio_irq_set(dev, VFIO_ERR, 0, 1, fds), -EINVAL);
	assert_int_equal(vfio_irq_set(dev, 9, 0, 1, fds), -EINVAL);
	assert_int_equal(fake.nr_ioctls, 0);

	assert_int_equal(vfio_irq_disable(dev, VFIO_MSIX), 0);
	assert_int_equal(fake.last_set.flags,
			 VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_NONE);
	assert_int_equal(fake.last_set.count, 0);
	vfio_close(dev);
}

static void masks_and_triggers(void **state)
{
	struct vfio_device *dev = bound();

	(void)state;
	assert_int_equal(vfio_irq_mask(dev, VFIO_INTX), 0);
	assert_int_equal(fake.last_set.flags,
			 VFIO_IRQ_SET_ACTION_MASK | VFIO_IRQ_SET_DATA_NONE);
	assert_int_equal(vfio_irq_unmask(dev, VFIO_INTX), 0);
	assert_int_equal(fake.last_set.flags,
			 VFIO_IRQ_SET_ACTION_UNMASK | VFIO_IRQ_SET_DATA_NONE);
	assert_int_equal(vfio_irq_unmask_fd(dev, VFIO_INTX, 9), 0);
	assert_int_equal(fake.last_set.flags,
			 VFIO_IRQ_SET_ACTION_UNMASK |
				 VFIO_IRQ_SET_DATA_EVENTFD);
	assert_int_equal(fake.last_fds[0], 9);
	assert_int_equal(vfio_irq_mask(dev, VFIO_ERR), -EINVAL);
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
	assert_int_equal(vfio_irq_mask(dev, VFIO_INTX), -ENOTTY);
	fake.set_irqs_result = -EIO;
	assert_int_equal(vfio_irq_disable(dev, VFIO_MSI), -EIO);
	assert_int_equal(vfio_irq_mask(dev, VFIO_MSI), -EIO);
	assert_non_null(strstr(capture_end(&c), "0000:01:00.0: cannot"));
	/* A guest can repeat it: the lines have an end. */
	capture_begin(&c);
	for (unsigned int i = 0; i < 1000; i++)
		(void)vfio_irq_mask(dev, VFIO_MSI);
	assert_true(strlen(capture_end(&c)) < 2000);
	vfio_close(dev);
}

static void resets(void **state)
{
	struct vfio_device *dev = bound();
	struct capture c;

	(void)state;
	fake.nr_again = 2;
	assert_int_equal(vfio_reset(dev), 0);
	assert_int_equal(fake.nr_resets, 1);
	assert_int_equal(fake.nr_sleeps, 2);
	fake.fail_at = fake.nr_ioctls;
	fake.fail_errno = EIO;
	capture_begin(&c);
	assert_int_equal(vfio_reset(dev), -EIO);
	assert_non_null(strstr(capture_end(&c), "cannot reset"));
	vfio_close(dev);

	reset_fake(state);
	fake.flags = VFIO_DEVICE_FLAGS_PCI;
	dev = bound();
	fake.nr_ioctls = 0;
	assert_false(vfio_can_reset(dev));
	assert_int_equal(vfio_reset(dev), -ENOTTY);
	assert_int_equal(fake.nr_ioctls, 0);
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
	fake.fail_at = fake.nr_ioctls;
	fake.fail_errno = ENODEV;
	assert_int_equal(vfio_hot_reset_set(dev, devids, 4), -ENODEV);
	fake.fail_at = fake.nr_ioctls;
	fake.fail_errno = ENOTTY; /* a mediated device */
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
	fake.fail_at = fake.nr_ioctls;
	fake.fail_errno = ENOTTY;
	assert_int_equal(vfio_low_power(dev, true), -ENOTTY);
	fake.fail_at = fake.nr_ioctls;
	fake.fail_errno = EIO;
	assert_int_equal(vfio_low_power(dev, true), -EIO);
	assert_string_equal(
		capture_end(&c),
		"wherry: 0000:01:00.0: cannot enter low power: Input/output error\n");
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
		T(more_than_is_known),
		T(areas_of_sparse_regions),
		T(broken_capability_chains_end),
		T(huge_capability_chains_are_refused),
		T(regions_beyond_the_file_are_refused),
		T(accesses_are_bounded),
		T(accesses_can_fail),
		T(maps_areas_only),
		T(addresses_can_be_kept),
		T(exports_an_area),
		T(maps_huge_regions_congruently),
		T(bad_maps_leave_nothing),
		T(sets_interrupts),
		T(masks_and_triggers),
		T(interrupt_errors),
		T(resets),
		T(a_bus_is_whose_it_is),
		T(resets_of_a_bus),
		T(low_power_is_a_feature),
		T(allow_list_has_reasons),
	};

	return run_all(tests);
}
