/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns /dev/kvm, the VM fd and the KVM-VFIO pseudo-device: memslots, irqfds,
 * ioeventfds, GSI routes, interrupt lines.  vCPU state is vcpu.h's and the
 * architecture's.  Follows Documentation/virt/kvm/api.rst.
 *
 * Thread: creation and destruction on the main thread; memslots under
 * dev_lock; the rest on any thread.  Errors: 0 or -errno, logged once here
 * unless said otherwise.
 */
#ifndef WHERRY_KVM_H
#define WHERRY_KVM_H

#include <stdbool.h>
#include <stdint.h>

#include "sandbox.h"
#include "stats.h"
#include "util.h"

struct kvm;

/*
 * Opens /dev/kvm (or takes over sys_fd >= 0, a /dev/kvm fd) and checks the API
 * version.  There is no VM before kvm_create_vm().
 */
int kvm_create(struct kvm **out, int sys_fd, struct stats *stats);
/* Creates the VM, of the type that the architecture gives (KVM_CREATE_VM), and
 * checks the capabilities that wherry cannot do without. */
int kvm_create_vm(struct kvm *kvm, unsigned long type);
void kvm_destroy(struct kvm *kvm);

int kvm_sys_fd(const struct kvm *kvm);
int kvm_vm_fd(const struct kvm *kvm);
/* KVM_CHECK_EXTENSION on the VM; 0 when absent.  Does not log. */
int kvm_extension(struct kvm *kvm, unsigned int cap);

struct kvm_cap {
	unsigned int cap; /* KVM_CAP_* */
	const char *name;
	const char *why; /* it must be there */
};

/* -ENOTSUP, logged with remedy, unless the VM has them all. */
int kvm_require(struct kvm *kvm, const struct kvm_cap *caps, size_t nr,
		const char *remedy);
/* What KVM allows (KVM_CAP_MAX_VCPUS). */
unsigned int kvm_max_vcpus(struct kvm *kvm);

/*
 * The VM's one in-kernel device of a type (KVM_DEV_TYPE_*), made at the first
 * call; and an attribute of it.  -errno, never logged.
 */
int kvm_device_create(struct kvm *kvm, unsigned int type);
int kvm_device_set(struct kvm *kvm, unsigned int type, uint32_t group,
		   uint64_t attr, const void *value);
int kvm_device_get(struct kvm *kvm, unsigned int type, uint32_t group,
		   uint64_t attr, void *value);

/* One ioctl on the VM (vm) or a vCPU fd; counted; -errno, never logged. */
int kvm_ioctl(struct kvm *kvm, int fd, unsigned long request, void *arg);

/*
 * Maps size bytes at host address hva into the guest at gpa and gives the
 * slot's number.  Page-aligned throughout.  -ENOSPC when no slot is free.
 */
int kvm_memslot_add(struct kvm *kvm, gpa_t gpa, uint64_t size, void *hva,
		    bool readonly, unsigned int *slot);
/* Removes a slot; vCPUs no longer reach it on return.  When it fails (the
 * kernel is out of memory) they do, and the number stays in use. */
int kvm_memslot_del(struct kvm *kvm, unsigned int slot);
/* Number of slots in use. */
unsigned int kvm_nr_memslots(const struct kvm *kvm);
/* Counts every change of a memslot: see the EFAULT rule in vcpu.c. */
uint64_t kvm_memslot_generation(const struct kvm *kvm);

/*
 * Connects eventfd fd to gsi; resamplefd -1 for edge and MSI.  Deassign is
 * synchronous: no injection follows its return.  Of this and the next two no
 * failure is logged here: a guest can cause it as often as it likes.
 */
int kvm_irqfd(struct kvm *kvm, int fd, uint32_t gsi, int resamplefd,
	      bool assign);
/* Level of a pin of the irqchip, by its name in KVM_IRQ_LINE. */
int kvm_irq_line(struct kvm *kvm, uint32_t line, bool level);

/*
 * Makes fd readable when the guest writes at addr, in place of an exit
 * (KVM_IOEVENTFD); or no longer.  Not logged, as the two above.
 */
int kvm_ioeventfd(struct kvm *kvm, int fd, gpa_t addr, bool assign);

struct kvm_route {
	uint32_t gsi;
	bool is_msi;
	uint32_t chip, pin; /* !is_msi */
	uint32_t line; /* !is_msi: what KVM_IRQ_LINE calls it */
	uint64_t addr; /* is_msi */
	uint32_t data;
	/* is_msi: who sends it, where the irqchip must know. */
	bool has_device;
	uint32_t device;
};

/* Does the irqchip tell messages apart by who sends them?  It exists. */
bool kvm_msi_by_device(struct kvm *kvm);

/* The size of KVM's table of routes (KVM_CAP_IRQ_ROUTING). */
unsigned int kvm_max_routes(struct kvm *kvm);
/* Replaces the whole table (KVM_SET_GSI_ROUTING). */
int kvm_set_routes(struct kvm *kvm, const struct kvm_route *routes,
		   unsigned int nr);

/*
 * KVM_DEV_VFIO_FILE_ADD and _DEL on the VM's one KVM-VFIO device, made at the
 * first add.  Must come after the device's open and before its BIND; DEL
 * before its close.  name is the device's, for messages.
 */
int kvm_vfio_add(struct kvm *kvm, int device_fd, const char *name);
int kvm_vfio_del(struct kvm *kvm, int device_fd, const char *name);

extern const struct sandbox_ioctls kvm_sandbox_ioctls;

#endif
