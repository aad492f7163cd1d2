// SPDX-License-Identifier: BSD-2-Clause
/*
 * Owns /dev/kvm, the VM fd, the VM's in-kernel devices and the numbering of
 * memslots.  Does not know vCPU state (vcpu.c, the architecture), which GSI
 * is whose (irq.c), or what lies behind a memslot.
 */
#include "kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "abi/kvm.h"
#include "arch-text.h"
#include "fd.h"
#include "log.h"

#define KVM_NODE "/dev/kvm"
/* More than RAM ranges and all BARs of 31 devices in pieces can need. */
#define MAX_SLOTS 1024
/* Of KVM_DEV_TYPE_*, which are never reused. */
#define MAX_DEVICE_TYPES 32

struct kvm {
	int sys_fd;
	int vm_fd;
	int device_fds[MAX_DEVICE_TYPES]; /* -1: not made */
	struct stats *stats;
	unsigned int max_slots;
	bool any_length; /* an ioeventfd may take writes of any length */
	unsigned int nr_slots; /* dev_lock */
	uint64_t slots_used[MAX_SLOTS / 64]; /* dev_lock */
	_Atomic uint64_t generation;
	struct ratelimit rl; /* dev_lock; a guest moves BARs as it likes */
};

#define WHY "this KVM has no full in-kernel interrupt controller"

static const struct kvm_cap required[] = {
	{ KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY", WHY },
	{ KVM_CAP_DEVICE_CTRL, "KVM_CAP_DEVICE_CTRL", WHY },
	{ KVM_CAP_IRQ_ROUTING, "KVM_CAP_IRQ_ROUTING", WHY },
	{ KVM_CAP_IRQFD, "KVM_CAP_IRQFD", WHY },
	{ KVM_CAP_IOEVENTFD, "KVM_CAP_IOEVENTFD", WHY },
	{ KVM_CAP_IRQFD_RESAMPLE, "KVM_CAP_IRQFD_RESAMPLE", WHY },
	{ KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT", WHY },
	{ KVM_CAP_MP_STATE, "KVM_CAP_MP_STATE", WHY },
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
		log_err("%s: cannot open: %s; %s ('wherry check' tells more)",
			KVM_NODE, strerror(err), arch_text.kvm_on);
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
	char remedy[128];

	snprintf(remedy, sizeof(remedy), "%s and CONFIG_HAVE_KVM_IRQCHIP",
		 arch_text.kvm_kernel);
	return kvm_require(kvm, required, ARRAY_SIZE(required), remedy);
}

int kvm_create_vm(struct kvm *kvm, unsigned long type)
{
	int r, slots;

	do {
		r = kvm_ioctl(kvm, kvm->sys_fd, KVM_CREATE_VM, (void *)type);
	} while (r == -EINTR);
	if (r < 0) {
		log_err("%s: cannot create a VM: %s%s", KVM_NODE, strerror(-r),
			r == -EBUSY ? "; another hypervisor uses the CPU's "
				      "virtualization" :
				      "");
		return r;
	}
	kvm->vm_fd = r;
	r = check_required(kvm);
	if (r)
		return r;
	slots = kvm_extension(kvm, KVM_CAP_NR_MEMSLOTS);
	kvm->any_length = kvm_extension(kvm, KVM_CAP_IOEVENTFD_ANY_LENGTH) > 0;
	kvm->max_slots = slots > 0 ? MIN((unsigned int)slots, MAX_SLOTS) : 32;
	return 0;
}

int kvm_create(struct kvm **out, int sys_fd, struct stats *stats)
{
	struct kvm *kvm = calloc(1, sizeof(*kvm));
	int r;

	if (!kvm) {
		fd_close(&sys_fd);
		log_err("%s: out of memory", KVM_NODE);
		return -ENOMEM;
	}
	kvm->sys_fd = sys_fd;
	kvm->vm_fd = -1;
	for (size_t i = 0; i < ARRAY_SIZE(kvm->device_fds); i++)
		kvm->device_fds[i] = -1;
	kvm->stats = stats;

	if (sys_fd < 0) {
		r = open_node(&kvm->sys_fd);
		if (r)
			goto err;
	}
	r = check_api(kvm);
	if (r)
		goto err;
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
	for (size_t i = 0; i < ARRAY_SIZE(kvm->device_fds); i++)
		fd_close(&kvm->device_fds[i]);
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

int kvm_ioeventfd(struct kvm *kvm, int fd, gpa_t addr, bool assign)
{
	struct kvm_ioeventfd arg = {
		.addr = addr,
		/* Without a length KVM need not decode the instruction. */
		.len = kvm->any_length ? 0 : 2,
		.fd = fd,
		.flags = assign ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN,
	};

	return kvm_ioctl(kvm, kvm->vm_fd, KVM_IOEVENTFD, &arg);
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

int kvm_device_create(struct kvm *kvm, unsigned int type)
{
	struct kvm_create_device cd = { .type = type };
	int r;

	if (kvm->device_fds[type] >= 0)
		return 0;
	r = kvm_ioctl(kvm, kvm->vm_fd, KVM_CREATE_DEVICE, &cd);
	if (!r)
		kvm->device_fds[type] = (int)cd.fd;
	return r;
}

static int device_attr(struct kvm *kvm, unsigned long request,
		       unsigned int type, uint32_t group, uint64_t attr,
		       const void *value)
{
	struct kvm_device_attr a = {
		.group = group,
		.attr = attr,
		.addr = (uintptr_t)value,
	};

	return kvm_ioctl(kvm, kvm->device_fds[type], request, &a);
}

int kvm_device_set(struct kvm *kvm, unsigned int type, uint32_t group,
		   uint64_t attr, const void *value)
{
	return device_attr(kvm, KVM_SET_DEVICE_ATTR, type, group, attr, value);
}

int kvm_device_get(struct kvm *kvm, unsigned int type, uint32_t group,
		   uint64_t attr, void *value)
{
	return device_attr(kvm, KVM_GET_DEVICE_ATTR, type, group, attr, value);
}

static int vfio_attr(struct kvm *kvm, uint64_t attr, int device_fd)
{
	int32_t fd = device_fd;

	return kvm_device_set(kvm, KVM_DEV_TYPE_VFIO, KVM_DEV_VFIO_FILE, attr,
			      &fd);
}

int kvm_vfio_add(struct kvm *kvm, int device_fd, const char *name)
{
	int r = kvm_device_create(kvm, KVM_DEV_TYPE_VFIO);

	if (r) {
		log_err("%s: cannot create the KVM-VFIO device: %s; the kernel "
			"needs CONFIG_KVM_VFIO",
			KVM_NODE, strerror(-r));
		return r;
	}
	r = vfio_attr(kvm, KVM_DEV_VFIO_FILE_ADD, device_fd);
	if (r)
		log_err("%s: KVM does not take the device: %s%s", name,
			strerror(-r),
			r == -EEXIST ? "; the same device file is given twice" :
			r == -EINVAL ? "; the descriptor is no VFIO device's" :
				       "");
	return r;
}

int kvm_vfio_del(struct kvm *kvm, int device_fd, const char *name)
{
	int r = vfio_attr(kvm, KVM_DEV_VFIO_FILE_DEL, device_fd);

	if (r)
		log_err("%s: KVM does not let go of the device: %s", name,
			strerror(-r));
	return r;
}
