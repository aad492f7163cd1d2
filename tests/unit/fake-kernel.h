/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel as a whole machine sees it: /dev/kvm, /dev/iommu and the cdevs of
 * two NVMe controllers, behind wrapped open(), close() and ioctl(). Every
 * file is a memfd, so mapping and reading them is real. It refuses what the
 * kernel refuses, notes what was done in which order, and fails on demand.
 *
 * For programs that wrap open, close, ioctl, memlock_warn, sysfs_read_pci,
 * sysfs_read_mdev, sysfs_why_not, sysfs_unsafe_interrupts, sandbox_process and
 * sandbox_thread. After harness.h. An ioctl that the machine does by itself is counted, so the n-th
 * of a start is always the same one.
 */
#ifndef TESTS_UNIT_FAKE_KERNEL_H
#define TESTS_UNIT_FAKE_KERNEL_H

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <asm/kvm_para.h>
#include <linux/pci_regs.h>

#include "abi/iommufd.h"
#include "abi/kvm.h"
#include "abi/vfio.h"
#include "fake-ioctl.h"
#include "sandbox.h"
#include "sysfs.h"
#include "util.h"
#include "vfio.h"

#define FAKE_FDS 256
#define FAKE_RUN_BYTES 12288
#define FAKE_REGION(i) ((uint64_t)(i) << 40)
#define FAKE_NODE "/dev/vfio/devices/vfio"
#define FAKE_IOAS 7
#define FAKE_SCRATCH 8 /* a second IOAS */
#define FAKE_HWPT 9

enum fake_kind {
	FAKE_OTHER, /* not ours */
	FAKE_KVM,
	FAKE_VM,
	FAKE_VCPU,
	FAKE_KVM_VFIO,
	FAKE_STATS,
	FAKE_IOMMU,
	FAKE_DEVICE, /* and the ones after it */
};

static const char *const fake_names[] = { "",	   "kvm",      "vm",
					  "vcpu",  "kvm-vfio", "stats",
					  "iommu", "0",	       "1" };

struct fake_state {
	int kinds[FAKE_FDS];
	int nr_opens, fail_open_at, fail_open_errno; /* as of ioctls */
	unsigned int missing_cap, max_vcpus;
	bool cap_is_missing, unsafe, no_kvm_clock;
	bool in_kvm[2], bound[2], attached[2];
	/* PASIDs: what the device has (log2), or why there are none. */
	uint8_t pasid_log2;
	int pasid_errno, hwpt_errno;
	/* What a device reaches; it must not cut what was allowed. */
	struct abi_iommu_iova_range reach[3];
	unsigned int nr_reach;
	struct abi_iommu_iova_range allowed[8]; /* of the last call */
	unsigned int nr_allowed;
	bool has_ioas;
	int no_dmabuf[2]; /* errno of a device that cannot export its BARs */
	int confine_errno;
	int event_fds[VFIO_NR_IRQS]; /* of the last that set one */
	/* KVM_RUN, in a vCPU's thread; 0 or an errno. */
	int (*run)(struct kvm_run *run);
	char order[4096]; /* what was done, in order, a word each */
};

static struct fake_state fake;

int __wrap_open(const char *path, int flags, ...);
int __real_open(const char *path, int flags, ...);
int __wrap_close(int fd);
int __real_close(int fd);
int __wrap_sysfs_read_pci(const struct sysfs *sysfs, const char *bdf,
			  struct sysfs_device *out);
int __wrap_sysfs_read_mdev(const struct sysfs *sysfs, const char *uuid,
			   struct sysfs_device *out);
bool __wrap_sysfs_why_not(const struct sysfs *sysfs,
			  const struct sysfs_device *dev, char *why,
			  size_t size);
bool __wrap_sysfs_unsafe_interrupts(const struct sysfs *sysfs, char *why,
				    size_t size);
int __wrap_sandbox_process(enum sandbox_mode mode);
void __wrap_memlock_warn(const char *proc, uint64_t need_bytes);
int __wrap_sandbox_thread(enum sandbox_mode mode, enum sandbox_thread kind,
			  const struct sandbox_ioctls *lists, size_t nr_lists);

static inline void fake_reset(void)
{
	memset(&fake, 0, sizeof(fake));
	ioctls_reset();
	fake.fail_open_at = -1;
	fake.fail_open_errno = EIO;
	fake.max_vcpus = 64;
	fake.nr_reach = 2;
	fake.reach[0] = (struct abi_iommu_iova_range){ 0, 0xfedfffff };
	fake.reach[1] =
		(struct abi_iommu_iova_range){ 0xfef00000, (1ULL << 39) - 1 };
}

/* Main thread, or a vCPU's while the main thread waits. */
static inline void fake_note(const char *what, const char *whose)
{
	size_t n = strlen(fake.order);

	snprintf(fake.order + n, sizeof(fake.order) - n, "%s%s ", what, whose);
}

static inline int fake_fd(int kind, uint64_t size)
{
	int fd = memfd_create("fake", MFD_CLOEXEC);

	assert_true(fd >= 0 && fd < FAKE_FDS);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	fake.kinds[fd] = kind;
	return fd;
}

#include "fake-kernel-kvm.h"
#include "fake-kernel-vfio.h"

static int fake_ioctl(int fd, unsigned long request, void *arg)
{
	assert_true(fd >= 0 && fd < FAKE_FDS);
	if (request != KVM_RUN && ioctl_fails(request))
		return -1;
	switch (fake.kinds[fd]) {
	case FAKE_OTHER:
		return fake_no(ENOTTY);
	case FAKE_IOMMU:
		return fake_iommu(request, arg);
	case FAKE_DEVICE:
	case FAKE_DEVICE + 1:
		return fake_vfio(fake.kinds[fd] - FAKE_DEVICE, request, arg);
	default:
		return fake_kvm(fd, request, arg);
	}
}

int __wrap_open(const char *path, int flags, ...)
{
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, int) : 0;
	va_end(ap);
	if (fake.nr_opens++ == fake.fail_open_at)
		return fake_no(fake.fail_open_errno);
	if (!strcmp(path, "/dev/kvm"))
		return fake_fd(FAKE_KVM, 0);
	if (!strcmp(path, "/dev/iommu"))
		return fake_fd(FAKE_IOMMU, 0);
	if (!strncmp(path, FAKE_NODE, strlen(FAKE_NODE))) {
		fake_note("open", path + strlen(FAKE_NODE));
		return fake_open_device(path[strlen(FAKE_NODE)] - '0');
	}
	return __real_open(path, flags, mode);
}

int __wrap_close(int fd)
{
	if (fd >= 0 && fd < FAKE_FDS && fake.kinds[fd]) {
		if (fake.kinds[fd] != FAKE_STATS && fake.kinds[fd] != FAKE_VCPU)
			fake_note("close-", fake_names[fake.kinds[fd]]);
		fake.kinds[fd] = FAKE_OTHER;
	}
	return __real_close(fd);
}

int __wrap_sysfs_read_pci(const struct sysfs *sysfs, const char *bdf,
			  struct sysfs_device *out)
{
	(void)sysfs;
	memset(out, 0, sizeof(*out));
	/* 0000:01:00.0 is vfio0, 0000:02:00.0 is vfio1. */
	snprintf(out->name, sizeof(out->name), "%s", bdf);
	snprintf(out->node, sizeof(out->node), FAKE_NODE "%d", bdf[6] - '1');
	return 0;
}

/* The same two, made by a driver: 1... is vfio0, 2... is vfio1. */
int __wrap_sysfs_read_mdev(const struct sysfs *sysfs, const char *uuid,
			   struct sysfs_device *out)
{
	(void)sysfs;
	memset(out, 0, sizeof(*out));
	snprintf(out->name, sizeof(out->name), "%s", uuid);
	snprintf(out->mdev_api, sizeof(out->mdev_api), "vfio-pci");
	snprintf(out->node, sizeof(out->node), FAKE_NODE "%d", uuid[0] - '1');
	return 0;
}

bool __wrap_sysfs_why_not(const struct sysfs *sysfs,
			  const struct sysfs_device *dev, char *why,
			  size_t size)
{
	(void)sysfs;
	(void)dev;
	(void)why;
	(void)size;
	return false;
}

bool __wrap_sysfs_unsafe_interrupts(const struct sysfs *sysfs, char *why,
				    size_t size)
{
	(void)sysfs;
	snprintf(why, size, "no interrupt remapping");
	return fake.unsafe;
}

/* It reads files of every process there is. */
void __wrap_memlock_warn(const char *proc, uint64_t need_bytes)
{
	(void)proc;
	assert_true(need_bytes > 0);
}

int __wrap_sandbox_process(enum sandbox_mode mode)
{
	(void)mode;
	fake_note("confine", "");
	return -fake.confine_errno;
}

int __wrap_sandbox_thread(enum sandbox_mode mode, enum sandbox_thread kind,
			  const struct sandbox_ioctls *lists, size_t nr_lists)
{
	(void)mode;
	assert_non_null(lists);
	assert_true(nr_lists >= 3);
	/* vCPUs are waited for, one after the other. */
	fake_note("filter-", kind == SANDBOX_LOOP ? "loop" : "vcpu");
	return 0;
}

#endif
