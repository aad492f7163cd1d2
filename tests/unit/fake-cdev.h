/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cdev of one device, as src/vfio*.c meets it: ioctls are a fake kernel's,
 * which checks what it is given and answers as the test has set; a sparse
 * memfd stands for the device, so that reading, writing and mapping its regions
 * are real. For programs that wrap clock_nanosleep, ioctl and open. After
 * harness.h.
 */
#ifndef TESTS_UNIT_FAKE_CDEV_H
#define TESTS_UNIT_FAKE_CDEV_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "abi/vfio.h"
#include "fake-ioctl.h"
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

int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *t,
			   struct timespec *left);
int __wrap_open(const char *path, int flags, ...);
int __real_open(const char *path, int flags, ...);
static int open_errno; /* 0: it is the real one */

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

static inline int again(void)
{
	if (!fake.nr_again)
		return 0;
	fake.nr_again--;
	return fake_no(fake.busy_errno ? fake.busy_errno : EAGAIN);
}

static inline int fake_hot_reset_info(struct vfio_pci_hot_reset_info *info)
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

static inline int fake_hot_reset(const struct vfio_pci_hot_reset *reset)
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

static inline int fake_bind(struct abi_vfio_bind *bind)
{
	/* How the kernel is asked whether it knows tokens: a tail that is not
	 * zero. Older ones know 16 bytes and see the iommufd. */
	if (bind->argsz > sizeof(*bind)) {
		assert_int_equal(bind->iommufd, -1);
		assert_int_equal(*(uint64_t *)(bind + 1), 1);
		return fake_no(fake.old ? EINVAL : E2BIG);
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

static inline int fake_region_info(struct vfio_region_info *info)
{
	const struct fake_region *r = &fake.regions[info->index];
	uint32_t room = info->argsz, need;

	assert_true(info->index < NR_REGIONS);
	if (r->err)
		return fake_no(r->err);
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

static inline int fake_set_irqs(const struct vfio_irq_set *set)
{
	assert_true(set->argsz >= sizeof(*set));
	fake.last_set = *set;
	if (set->flags & VFIO_IRQ_SET_DATA_EVENTFD) {
		assert_int_equal(set->argsz, sizeof(*set) + 4 * set->count);
		memcpy(fake.last_fds, set->data, 4 * set->count);
	}
	if (fake.set_irqs_result < 0)
		return fake_no(-fake.set_irqs_result);
	return fake.set_irqs_result;
}

static inline int fake_attach(const struct abi_vfio_attach *attach)
{
	assert_int_equal(attach->argsz, 12);
	assert_int_equal(attach->pt_id, 7);
	fake.attached = true;
	return 0;
}

static inline int fake_info(struct vfio_device_info *info)
{
	info->flags = fake.flags;
	info->num_regions = fake.num_regions;
	info->num_irqs = fake.num_irqs;
	return 0;
}

static inline int fake_irq_info(struct vfio_irq_info *info)
{
	const struct vfio_irq_info *irq = &fake.irqs[info->index];

	assert_true(info->index < VFIO_NR_IRQS);
	if (irq->argsz == 1) /* marks an absent one */
		return fake_no(EINVAL);
	info->flags = irq->flags;
	info->count = irq->count;
	return 0;
}

/* The answer of an export is a descriptor. */
static inline int fake_feature(const struct abi_vfio_feature_dma_buf *f)
{
	fake.feature = f->feature;
	if (f->feature & VFIO_DEVICE_FEATURE_SET)
		return 0; /* low power */
	if (fake.export_errno)
		return fake_no(fake.export_errno);
	if (f->feature & VFIO_DEVICE_FEATURE_PROBE) {
		assert_int_equal(f->argsz, 8);
		return 0;
	}
	fake.last_export = *f;
	return 99;
}

static inline int note(char c)
{
	size_t n = strlen(fake.order);

	if (n + 1 < sizeof(fake.order))
		fake.order[n] = c;
	return 0;
}

static int fake_ioctl(int fd, unsigned long request, void *arg)
{
	(void)fd;
	if (ioctl_fails(request))
		return -1;
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
		return fake_no(ENOTTY);
	}
}

#define RW (VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE)
#define RWM (RW | VFIO_REGION_INFO_FLAG_MMAP)

static inline int reset_fake(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	open_errno = 0;
	ioctls_reset();
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
static inline int device_file(void)
{
	int fd = memfd_create("device", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)OFFSET(NR_REGIONS)), 0);
	return fd;
}

static inline struct vfio_device *opened(void)
{
	struct vfio_device *dev;

	assert_int_equal(
		vfio_open_fd(&dev, "0000:01:00.0", device_file(), NULL), 0);
	return dev;
}

static inline struct vfio_device *bound(void)
{
	struct vfio_device *dev = opened();

	assert_int_equal(vfio_bind(dev, 3, NULL, NULL), 0);
	return dev;
}

#endif
