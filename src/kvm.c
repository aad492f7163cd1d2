// SPDX-License-Identifier: BSD-2-Clause
/*
 * Owns /dev/kvm, the VM fd, the KVM-VFIO pseudo-device and the numbering of
 * memslots.  Does not know vCPU state (vcpu.c, the architecture), which GSI
 * is whose (irq.c), or what lies behind a memslot.
 */
#include "kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "abi/kvm.h"
#include "fd.h"
#include "log.h"

#define KVM_NODE "/dev/kvm"
/* More than RAM ranges and all BARs of 31 devices in pieces can need. */
#define MAX_SLOTS 1024

struct kvm {
	int sys_fd;
	int vm_fd;
	int vfio_fd; /* the KVM-VFIO device; -1 until the first add */
	struct stats *stats;
	unsigned int max_slots;
	unsigned int nr_slots; /* dev_lock */
	uint64_t slots_used[MAX_SLOTS / 64]; /* dev_lock */
	_Atomic uint64_t generation;
	struct ratelimit rl; /* dev_lock; a guest moves BARs as it likes */
};

static const struct {
	unsigned int cap;
	const char *name;
} required[] = {
	{ KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY" },
	{ KVM_CAP_DEVICE_CTRL, "KVM_CAP_DEVICE_CTRL" },
	{ KVM_CAP_IRQ_ROUTING, "KVM_CAP_IRQ_ROUTING" },
	{ KVM_CAP_IRQFD, "KVM_CAP_IRQFD" },
	{ KVM_CAP_IRQFD_RESAMPLE, "KVM_CAP_IRQFD_RESAMPLE" },
	{ KVM_CAP_IOEVENTFD, "KVM_CAP_IOEVENTFD" },
	{ KVM_CAP_SIGNAL_MSI, "KVM_CAP_SIGNAL_MSI" },
	{ KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT" },
	{ KVM_CAP_MP_STATE, "KVM_CAP_MP_STATE" },
};

int kvm_ioctl(struct kvm *kvm, int fd, unsigned long request, void *arg)
{
	int r;

	stats_ioctl(kvm->stats, STATS_KVM);
	r = ioctl(fd, request, arg);
	return r < 0 ? -errno : r;
}

static int open_node(int *fd)
{
	int err;

	*fd = open(KVM_NODE, O_RDWR | O_CLOEXEC);
	if (*fd >= 0)
		return 0;

	err = errno;
	if (err == ENOENT || err == ENXIO || err == ENODEV)
		log_err("%s: cannot open: %s; enable virtualization in the "
			"firmware and load kvm_intel or kvm_amd ('wherry "
			"check' tells more)",
			KVM_NODE, strerror(err));
	else if (err == EACCES || err == EPERM)
		log_err("%s: cannot open: %s; add this user to the group that "
			"owns it, or pass an open one with --kvm fd=N",
			KVM_NODE, strerror(err));
	else
		log_err("%s: cannot open: %s", KVM_NODE, strerror(err));
	return -err;
}

static int check_api(struct kvm *kvm)
{
	int version = kvm_ioctl(kvm, kvm->sys_fd, KVM_GET_API_VERSION, NULL);

	if (version == KVM_API_VERSION)
		return 0;
	if (version < 0)
		log_err("%s: KVM_GET_API_VERSION: %s; this is not a KVM "
			"device (--kvm takes an open /dev/kvm, not a VM)",
			KVM_NODE, strerror(-version));
	else
		log_err("%s: API version %d, need %d; update the kernel",
			KVM_NODE, version, KVM_API_VERSION);
	return version < 0 ? version : -EINVAL;
}

static int check_required(struct kvm *kvm)
{
	for (size_t i = 0; i < ARRAY_SIZE(required); i++) {
		if (kvm_extension(kvm, required[i].cap) > 0)
			continue;
		log_err("%s: %s is missing: this KVM has no full in-kernel "
			"interrupt controller; use a kernel with kvm_intel or "
			"kvm_amd and CONFIG_HAVE_KVM_IRQCHIP",
			KVM_NODE, required[i].name);
		return -ENOTSUP;
	}
	return 0;
}

static int create_vm(struct kvm *kvm)
{
	int r;

	do {
		r = kvm_ioctl(kvm, kvm->sys_fd, KVM_CREATE_VM, NULL);
	} while (r == -EINTR);
	if (r < 0) {
		log_err("%s: cannot create a VM: %s%s", KVM_NODE, strerror(-r),
			r == -EBUSY ? "; another hypervisor uses the CPU's "
				      "virtualization" :
				      "");
		return r;
	}
	kvm->vm_fd = r;
	return 0;
}

int kvm_create(struct kvm **out, int sys_fd, struct stats *stats)
{
	struct kvm *kvm = calloc(1, sizeof(*kvm));
	int r, slots;

	if (!kvm) {
		fd_close(&sys_fd);
		log_err("%s: out of memory", KVM_NODE);
		return -ENOMEM;
	}
	kvm->sys_fd = sys_fd;
	kvm->vm_fd = -1;
	kvm->vfio_fd = -1;
	kvm->stats = stats;

	if (sys_fd < 0) {
		r = open_node(&kvm->sys_fd);
		if (r)
			goto err;
	}
	r = check_api(kvm);
	if (r)
		goto err;
	r = create_vm(kvm);
	if (r)
		goto err;
	r = check_required(kvm);
	if (r)
		goto err;

	slots = kvm_extension(kvm, KVM_CAP_NR_MEMSLOTS);
	kvm->max_slots = slots > 0 ? MIN((unsigned int)slots, MAX_SLOTS) : 32;
	*out = kvm;
	return 0;
err:
	kvm_destroy(kvm);
	return r;
}

void kvm_destroy(struct kvm *kvm)
{
	if (!kvm)
		return;
	fd_close(&kvm->vfio_fd);
	fd_close(&kvm->vm_fd);
	fd_close(&kvm->sys_fd);
	free(kvm);
}

int kvm_sys_fd(const struct kvm *kvm)
{
	return kvm->sys_fd;
}

int kvm_vm_fd(const struct kvm *kvm)
{
	return kvm->vm_fd;
}

int kvm_extension(struct kvm *kvm, unsigned int cap)
{
	int r = kvm_ioctl(kvm, kvm->vm_fd, KVM_CHECK_EXTENSION,
			  (void *)(uintptr_t)cap);

	return r > 0 ? r : 0;
}

unsigned int kvm_max_vcpus(struct kvm *kvm)
{
	int r = kvm_extension(kvm, KVM_CAP_MAX_VCPUS);

	/* The API's rule for kernels that do not answer. */
	return r ? (unsigned int)r : 4;
}

static int take_slot(struct kvm *kvm, unsigned int *slot)
{
	for (unsigned int i = 0; i < kvm->max_slots; i++) {
		uint64_t bit = 1ULL << (i % 64);

		if (kvm->slots_used[i / 64] & bit)
			continue;
		kvm->slots_used[i / 64] |= bit;
		kvm->nr_slots++;
		*slot = i;
		return 0;
	}
	log_guest(&kvm->rl, "%s: all %u memslots are in use", KVM_NODE,
		  kvm->max_slots);
	return -ENOSPC;
}

static void give_slot(struct kvm *kvm, unsigned int slot)
{
	kvm->slots_used[slot / 64] &= ~(1ULL << (slot % 64));
	kvm->nr_slots--;
}

static int set_region(struct kvm *kvm, unsigned int slot, gpa_t gpa,
		      uint64_t size, void *hva, bool readonly)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.flags = readonly ? KVM_MEM_READONLY : 0,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)hva,
	};
	int r = kvm_ioctl(kvm, kvm->vm_fd, KVM_SET_USER_MEMORY_REGION, &region);

	/* Counted after the change: a vCPU that faulted on the old table sees
	 * a new generation only once a retry can succeed. */
	atomic_fetch_add(&kvm->generation, 1);
	return r;
}

int kvm_memslot_add(struct kvm *kvm, gpa_t gpa, uint64_t size, void *hva,
		    bool readonly, unsigned int *slot)
{
	int r = take_slot(kvm, slot);

	if (r)
		return r;
	r = set_region(kvm, *slot, gpa, size, hva, readonly);
	if (!r)
		return 0;
	give_slot(kvm, *slot);
	log_guest(&kvm->rl,
		  "%s: cannot map %#llx bytes at guest address %#llx: %s",
		  KVM_NODE, (unsigned long long)size, (unsigned long long)gpa,
		  strerror(-r));
	return r;
}

int kvm_memslot_del(struct kvm *kvm, unsigned int slot)
{
	int r = set_region(kvm, slot, 0, 0, NULL, false);

	if (r) {
		log_guest(&kvm->rl, "%s: cannot remove memslot %u: %s",
			  KVM_NODE, slot, strerror(-r));
		return r;
	}
	give_slot(kvm, slot);
	return 0;
}

unsigned int kvm_nr_memslots(const struct kvm *kvm)
{
	return kvm->nr_slots;
}

uint64_t kvm_memslot_generation(const struct kvm *kvm)
{
	return atomic_load(&kvm->generation);
}

static int vfio_attr(struct kvm *kvm, uint64_t attr, int device_fd)
{
	int32_t fd = device_fd;
	struct kvm_device_attr a = {
		.group = KVM_DEV_VFIO_FILE,
		.attr = attr,
		.addr = (uintptr_t)&fd,
	};

	return kvm_ioctl(kvm, kvm->vfio_fd, KVM_SET_DEVICE_ATTR, &a);
}

static int create_vfio_device(struct kvm *kvm)
{
	struct kvm_create_device cd = { .type = KVM_DEV_TYPE_VFIO };
	int r = kvm_ioctl(kvm, kvm->vm_fd, KVM_CREATE_DEVICE, &cd);

	if (r) {
		log_err("%s: cannot create the KVM-VFIO device: %s; the kernel "
			"needs CONFIG_KVM_VFIO",
			KVM_NODE, strerror(-r));
		return r;
	}
	kvm->vfio_fd = (int)cd.fd;
	return 0;
}

int kvm_vfio_add(struct kvm *kvm, int device_fd)
{
	int r = 0;

	if (kvm->vfio_fd < 0)
		r = create_vfio_device(kvm);
	if (r)
		return r;
	r = vfio_attr(kvm, KVM_DEV_VFIO_FILE_ADD, device_fd);
	if (r)
		log_err("%s: KVM_DEV_VFIO_FILE_ADD of descriptor %d: %s%s",
			KVM_NODE, device_fd, strerror(-r),
			r == -EEXIST ? "; the same device file is given twice" :
			r == -EINVAL ? "; it is no VFIO device's" :
				       "");
	return r;
}

int kvm_vfio_del(struct kvm *kvm, int device_fd)
{
	int r = vfio_attr(kvm, KVM_DEV_VFIO_FILE_DEL, device_fd);

	if (r)
		log_err("%s: KVM_DEV_VFIO_FILE_DEL: %s", KVM_NODE,
			strerror(-r));
	return r;
}
