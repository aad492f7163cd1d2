/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel as a whole machine sees it: /dev/kvm, /dev/iommu and the cdevs of
 * two NVMe controllers, behind wrapped open(), close() and ioctl(). Every
 * file is a memfd, so mapping and reading them is real. It refuses what the
 * kernel refuses, notes what was done in which order, and fails on demand.
 *
 * For programs that wrap open, close, ioctl, memlock_warn, sysfs_read_pci, sysfs_why_not,
 * sysfs_unsafe_interrupts, sandbox_process and sandbox_thread. After
 * harness.h. An ioctl that the machine does by itself is counted, so the n-th
 * of a start is always the same one.
 */
#ifndef TESTS_UNIT_FAKE_KERNEL_H
#define TESTS_UNIT_FAKE_KERNEL_H

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <asm/kvm_para.h>
#include <linux/pci_regs.h>

#include "abi/iommufd.h"
#include "abi/kvm.h"
#include "abi/vfio.h"
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
	/* The n-th ioctl, or the n-th open, fails; -1: none. */
	int fail_at, fail_open_at, fail_errno;
	atomic_int nr_ioctls;
	int nr_opens;
	unsigned long failed; /* the request that failed_at hit */
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
int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_sysfs_read_pci(const struct sysfs *sysfs, const char *bdf,
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
	fake.fail_at = fake.fail_open_at = -1;
	fake.fail_errno = EIO;
	fake.max_vcpus = 64;
	fake.nr_reach = 2;
	fake.reach[0] = (struct abi_iommu_iova_range){ 0, 0xfedfffff };
	fake.reach[1] =
		(struct abi_iommu_iova_range){ 0xfef00000, (1ULL << 39) - 1 };
}

static inline int fake_no(int err)
{
	errno = err;
	return -1;
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

/* ----- the two devices: config space in region 7, BAR 0 of 16 KiB ----- */

static inline void fake_config(int fd, unsigned int off, unsigned int len,
			       uint32_t val)
{
	uint8_t bytes[4];

	store_le(bytes, len, val);
	assert_int_equal(pwrite(fd, bytes, len,
				(off_t)(FAKE_REGION(VFIO_REGION_CONFIG) + off)),
			 len);
}

static inline int fake_open_device(int i)
{
	int fd = fake_fd(FAKE_DEVICE + i, FAKE_REGION(VFIO_MAX_REGIONS));

	fake_config(fd, PCI_VENDOR_ID, 4, 0x00101b36);
	fake_config(fd, PCI_COMMAND, 4, 0x00100103);
	fake_config(fd, PCI_CLASS_REVISION, 4, 0x01080202);
	fake_config(fd, PCI_CAPABILITY_LIST, 1, 0x40);
	fake_config(fd, PCI_INTERRUPT_PIN, 1, 1);
	fake_config(fd, PCI_BASE_ADDRESS_0, 4,
		    0xfe000000u | PCI_BASE_ADDRESS_MEM_TYPE_64);
	fake_config(fd, 0x40, 4, PCI_CAP_ID_MSIX | 0x80 << 8 | 64u << 16);
	fake_config(fd, 0x44, 4, 0x2000);
	fake_config(fd, 0x48, 4, 0x3000);
	fake_config(fd, 0x80, 4, PCI_CAP_ID_EXP | 2u << 16);
	fake_config(fd, 0x84, 4, PCI_EXP_DEVCAP_FLR);
	return fd;
}

static inline int fake_region_info(struct vfio_region_info *info)
{
	uint64_t size = info->index == 0		  ? KIB(16) :
			info->index == VFIO_REGION_CONFIG ? 4096 :
							    0;

	info->size = size;
	info->offset = FAKE_REGION(info->index);
	info->flags = size ? VFIO_REGION_INFO_FLAG_READ |
				      VFIO_REGION_INFO_FLAG_WRITE :
			     0;
	if (size == KIB(16))
		info->flags |= VFIO_REGION_INFO_FLAG_MMAP;
	return 0;
}

static inline int fake_irq_info(struct vfio_irq_info *info)
{
	static const uint32_t counts[VFIO_NR_IRQS] = { 1, 1, 65, 1, 1 };

	info->flags = VFIO_IRQ_INFO_EVENTFD;
	info->count = counts[info->index];
	return 0;
}

static inline int fake_set_irqs(const struct vfio_irq_set *set)
{
	if (set->count == 1 && set->flags & VFIO_IRQ_SET_DATA_EVENTFD)
		memcpy(&fake.event_fds[set->index], set->data, sizeof(int));
	return 0;
}

static inline int fake_bind(int i, struct abi_vfio_bind *bind)
{
	if (fake.bound[i] || fake.kinds[bind->iommufd] != FAKE_IOMMU)
		return fake_no(EINVAL);
	fake_note("bind", fake_names[FAKE_DEVICE + i]);
	fake.bound[i] = true;
	bind->out_devid = (uint32_t)i + 1;
	return 0;
}

static inline int fake_feature(int i, const struct abi_vfio_feature_dma_buf *f)
{
	if ((f->feature & VFIO_DEVICE_FEATURE_MASK) != ABI_VFIO_FEATURE_DMA_BUF)
		return fake_no(ENOTTY);
	if (fake.no_dmabuf[i])
		return fake_no(fake.no_dmabuf[i]);
	if (f->feature & VFIO_DEVICE_FEATURE_PROBE)
		return 0;
	assert_int_equal(f->argsz, sizeof(*f));
	fake_note("export", fake_names[FAKE_DEVICE + i]);
	return fake_fd(FAKE_OTHER, f->length);
}

/* Each allowed range lies within one that the device reaches. */
static inline bool fake_reaches_all(void)
{
	for (unsigned int i = 0; i < fake.nr_allowed; i++) {
		unsigned int k = 0;

		while (k < fake.nr_reach &&
		       (fake.allowed[i].start < fake.reach[k].start ||
			fake.allowed[i].last > fake.reach[k].last))
			k++;
		if (k == fake.nr_reach)
			return false;
	}
	return true;
}

static inline int fake_attach_pasid(int i, const struct abi_vfio_attach *a)
{
	char what[32];

	assert_int_equal(a->argsz, 16);
	assert_int_equal(a->flags, ABI_VFIO_DEVICE_ATTACH_PASID);
	if (fake.pasid_errno)
		return fake_no(fake.pasid_errno);
	if (a->pt_id != FAKE_HWPT)
		return fake_no(ENOENT);
	assert_true(fake.attached[i]);
	snprintf(what, sizeof(what), "pasid%u-", a->pasid);
	fake_note(what, fake_names[FAKE_DEVICE + i]);
	return 0;
}

static inline int fake_attach(int i, const struct abi_vfio_attach *a)
{
	if (a->flags)
		return fake_attach_pasid(i, a);
	assert_int_equal(a->argsz, 12);
	if (a->pt_id == FAKE_SCRATCH) {
		fake_note("look", fake_names[FAKE_DEVICE + i]);
		return 0;
	}
	if (a->pt_id != FAKE_IOAS && a->pt_id != FAKE_HWPT)
		return fake_no(ENOENT);
	if (!fake_reaches_all())
		return fake_no(EADDRINUSE);
	fake_note(a->pt_id == FAKE_HWPT ? "attach-hwpt" : "attach",
		  fake_names[FAKE_DEVICE + i]);
	fake.attached[i] = true;
	return 0;
}

static inline int fake_detach(int i, const struct abi_vfio_detach *d)
{
	const char *name = fake_names[FAKE_DEVICE + i];
	char what[32];

	assert_int_equal(d->argsz, d->flags ? 12 : 8);
	if (d->flags) {
		assert_int_equal(d->flags, ABI_VFIO_DEVICE_DETACH_PASID);
		snprintf(what, sizeof(what), "unpasid%u-", d->pasid);
		fake_note(what, name);
		return 0;
	}
	fake_note(fake.attached[i] ? "detach" : "away", name);
	fake.attached[i] = false;
	return 0;
}

static inline int fake_vfio(int i, unsigned long request, void *arg)
{
	const char *name = fake_names[FAKE_DEVICE + i];

	/* A fresh device can do nothing but bind. */
	if (!fake.bound[i] && request != ABI_VFIO_DEVICE_BIND_IOMMUFD)
		return fake_no(EINVAL);
	switch (request) {
	case ABI_VFIO_DEVICE_BIND_IOMMUFD:
		return fake_bind(i, arg);
	case ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT:
		return fake_attach(i, arg);
	case ABI_VFIO_DEVICE_DETACH_IOMMUFD_PT:
		return fake_detach(i, arg);
	case VFIO_DEVICE_GET_INFO:
		((struct vfio_device_info *)arg)->flags =
			VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
		((struct vfio_device_info *)arg)->num_regions = 9;
		((struct vfio_device_info *)arg)->num_irqs = 5;
		return 0;
	case VFIO_DEVICE_GET_REGION_INFO:
		return fake_region_info(arg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return fake_irq_info(arg);
	case VFIO_DEVICE_SET_IRQS:
		return fake_set_irqs(arg);
	case VFIO_DEVICE_FEATURE:
		return fake_feature(i, arg);
	case VFIO_DEVICE_RESET:
		fake_note("reset", name);
		return 0;
	default:
		return fake_no(ENOTTY);
	}
}

/* ----- iommufd ----- */

static inline int fake_ioas(struct abi_iommu_ioas_alloc *alloc)
{
	alloc->out_ioas_id = fake.has_ioas ? FAKE_SCRATCH : FAKE_IOAS;
	fake_note(fake.has_ioas ? "scratch" : "ioas", "");
	fake.has_ioas = true;
	return 0;
}

static inline int fake_allow(const struct abi_iommu_ioas_allow_iovas *a)
{
	assert_true(a->num_iovas <= ARRAY_SIZE(fake.allowed));
	memcpy(fake.allowed, (void *)(uintptr_t)a->allowed_iovas,
	       a->num_iovas * sizeof(fake.allowed[0]));
	fake.nr_allowed = a->num_iovas;
	fake_note("allow", "");
	return 0;
}

static inline int fake_ranges(struct abi_iommu_ioas_iova_ranges *get)
{
	assert_true(get->num_iovas >= fake.nr_reach);
	get->num_iovas = fake.nr_reach;
	memcpy((void *)(uintptr_t)get->allowed_iovas, fake.reach,
	       fake.nr_reach * sizeof(fake.reach[0]));
	return 0;
}

static inline int fake_hwpt(struct abi_iommu_hwpt_alloc *alloc)
{
	struct abi_iommu_hwpt_alloc want = {
		.size = 48,
		.flags = ABI_IOMMU_HWPT_ALLOC_PASID,
		.dev_id = alloc->dev_id,
		.pt_id = FAKE_IOAS,
	};

	assert_memory_equal(alloc, &want, sizeof(want));
	assert_in_range(alloc->dev_id, 1, 2);
	if (fake.hwpt_errno)
		return fake_no(fake.hwpt_errno);
	fake_note("hwpt", fake_names[FAKE_DEVICE + alloc->dev_id - 1]);
	alloc->out_hwpt_id = FAKE_HWPT;
	return 0;
}

static inline int fake_destroy(const struct abi_iommu_destroy *d)
{
	if (d->id != FAKE_SCRATCH && (fake.attached[0] || fake.attached[1]))
		return fake_no(EBUSY);
	fake_note(d->id == FAKE_IOAS ? "destroy" :
		  d->id == FAKE_HWPT ? "free-hwpt" :
				       "free-scratch",
		  "");
	return 0;
}

static inline int fake_iommu(unsigned long request, void *arg)
{
	switch (request) {
	case ABI_IOMMU_IOAS_ALLOC:
		return fake_ioas(arg);
	case ABI_IOMMU_IOAS_ALLOW_IOVAS:
		return fake_allow(arg);
	case ABI_IOMMU_IOAS_IOVA_RANGES:
		return fake_ranges(arg);
	case ABI_IOMMU_GET_HW_INFO:
		((struct abi_iommu_hw_info *)arg)->out_max_pasid_log2 =
			fake.pasid_log2;
		return 0;
	case ABI_IOMMU_HWPT_ALLOC:
		return fake_hwpt(arg);
	case ABI_IOMMU_IOAS_MAP_FILE:
		fake_note("map", "");
		return 0;
	case ABI_IOMMU_IOAS_UNMAP:
		fake_note("unmap", "");
		return 0;
	case ABI_IOMMU_DESTROY:
		return fake_destroy(arg);
	default:
		return fake_no(ENOTTY);
	}
}

/* ----- KVM ----- */

static inline int fake_capability(unsigned int cap)
{
	if (fake.cap_is_missing && cap == fake.missing_cap)
		return 0;
	switch (cap) {
	case KVM_CAP_NR_MEMSLOTS:
	case KVM_CAP_IRQ_ROUTING:
	case KVM_CAP_XSAVE2:
	case KVM_CAP_NESTED_STATE:
		return 4096;
	case KVM_CAP_MAX_VCPUS:
		return (int)fake.max_vcpus;
	case KVM_CAP_DISABLE_QUIRKS2:
		return 0xff;
	default:
		return 1;
	}
}

static inline int fake_cpuid(struct kvm_cpuid2 *c)
{
	static const struct kvm_cpuid_entry2 leaves[] = {
		{ .function = 0, .eax = 0xd },
		{ .function = 1 },
		{ .function = 0x40000000, .eax = 0x40000001 },
		{ .function = 0x40000001,
		  .eax = 1u << KVM_FEATURE_CLOCKSOURCE2 },
		{ .function = 0x80000008, .eax = 40 },
	};

	assert_true(c->nent >= ARRAY_SIZE(leaves));
	c->nent = ARRAY_SIZE(leaves);
	memcpy(c->entries, leaves, sizeof(leaves));
	if (fake.no_kvm_clock)
		c->entries[3].eax = 0;
	return 0;
}

static inline int fake_kvm_vfio(const struct kvm_device_attr *a)
{
	int i = fake.kinds[*(int32_t *)(uintptr_t)a->addr] - FAKE_DEVICE;
	bool add = a->attr == KVM_DEV_VFIO_FILE_ADD;

	assert_int_equal(a->group, KVM_DEV_VFIO_FILE);
	assert_in_range(i, 0, 1);
	if (fake.in_kvm[i] == add)
		return fake_no(add ? EEXIST : ENOENT);
	fake.in_kvm[i] = add;
	fake_note(add ? "add" : "del", fake_names[FAKE_DEVICE + i]);
	return 0;
}

static inline int fake_run(int fd)
{
	struct kvm_run *run = mmap(NULL, FAKE_RUN_BYTES, PROT_READ | PROT_WRITE,
				   MAP_SHARED, fd, 0);
	int err;

	if (run == MAP_FAILED)
		abort();
	err = run->immediate_exit ? EINTR : fake.run(run);
	munmap(run, FAKE_RUN_BYTES);
	return err ? fake_no(err) : 0;
}

static inline int fake_kvm(int fd, unsigned long request, void *arg)
{
	struct kvm_create_device *cd = arg;

	switch (request) {
	case KVM_GET_API_VERSION:
		return fake.kinds[fd] == FAKE_KVM ? 12 : fake_no(ENOTTY);
	case KVM_CREATE_VM:
		fake_note("vm", "");
		return fake_fd(FAKE_VM, 0);
	case KVM_CHECK_EXTENSION:
		return fake_capability((unsigned int)(uintptr_t)arg);
	case KVM_GET_SUPPORTED_CPUID:
		return fake_cpuid(arg);
	case KVM_GET_VCPU_MMAP_SIZE:
		return FAKE_RUN_BYTES;
	case KVM_CREATE_VCPU:
		return fake_fd(FAKE_VCPU, FAKE_RUN_BYTES);
	case KVM_GET_STATS_FD:
		return fake_fd(FAKE_STATS, 0);
	case KVM_CREATE_DEVICE:
		cd->fd = (uint32_t)fake_fd(FAKE_KVM_VFIO, 0);
		return 0;
	case KVM_SET_DEVICE_ATTR:
		return fake_kvm_vfio(arg);
	case KVM_SET_MSRS:
		return (int)((struct kvm_msrs *)arg)->nmsrs;
	case KVM_GET_TSC_KHZ:
		return 2000000;
	case KVM_RUN:
		return fake_run(fd);
	default:
		return 0; /* sets something, or gives zeros */
	}
}

/* ----- the wrapped functions ----- */

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	assert_true(fd >= 0 && fd < FAKE_FDS);
	if (request != KVM_RUN &&
	    atomic_fetch_add(&fake.nr_ioctls, 1) == fake.fail_at) {
		fake.failed = request;
		return fake_no(fake.fail_errno);
	}
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
		return fake_no(fake.fail_errno);
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
