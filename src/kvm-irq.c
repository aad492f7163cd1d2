// SPDX-License-Identifier: BSD-2-Clause
/*
 * Interrupts and doorbells of a VM, one ioctl each: irqfds, lines, messages,
 * routes, ioeventfds; and the list of ioctls that confined threads may use.
 * Does not decide which GSI is whose: irq.c does.
 */
#include "kvm.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "abi/kvm.h"
#include "fd.h"
#include "log.h"

int kvm_irqfd(struct kvm *kvm, int fd, uint32_t gsi, int resamplefd,
	      bool assign)
{
	struct kvm_irqfd irqfd = {
		.fd = (uint32_t)fd,
		.gsi = gsi,
		.flags = assign ? 0 : KVM_IRQFD_FLAG_DEASSIGN,
	};
	int r;

	if (assign && resamplefd >= 0) {
		irqfd.flags |= KVM_IRQFD_FLAG_RESAMPLE;
		irqfd.resamplefd = (uint32_t)resamplefd;
	}
	r = kvm_ioctl(kvm, kvm_vm_fd(kvm), KVM_IRQFD, &irqfd);
	if (r)
		log_err("/dev/kvm: cannot %s the irqfd of GSI %u: %s",
			assign ? "assign" : "deassign", gsi, strerror(-r));
	return r;
}

int kvm_irq_line(struct kvm *kvm, uint32_t line, bool level)
{
	struct kvm_irq_level arg = { .irq = line, .level = level };
	int r = kvm_ioctl(kvm, kvm_vm_fd(kvm), KVM_IRQ_LINE, &arg);

	if (r < 0)
		log_err("/dev/kvm: cannot set interrupt line %#x: %s", line,
			strerror(-r));
	return r < 0 ? r : 0;
}

bool kvm_msi_by_device(struct kvm *kvm)
{
	return kvm_extension(kvm, KVM_CAP_MSI_DEVID);
}

int kvm_signal_msi(struct kvm *kvm, const struct kvm_route *msi)
{
	struct kvm_msi arg = {
		.address_lo = (uint32_t)msi->addr,
		.address_hi = (uint32_t)(msi->addr >> 32),
		.data = msi->data,
		.flags = msi->has_device ? KVM_MSI_VALID_DEVID : 0,
		.devid = msi->device,
	};
	/* 0 means the guest blocked it: its own business. */
	int r = kvm_ioctl(kvm, kvm_vm_fd(kvm), KVM_SIGNAL_MSI, &arg);

	return r < 0 ? r : 0;
}

unsigned int kvm_max_routes(struct kvm *kvm)
{
	return (unsigned int)kvm_extension(kvm, KVM_CAP_IRQ_ROUTING);
}

static void fill_route(struct kvm_irq_routing_entry *e,
		       const struct kvm_route *route)
{
	e->gsi = route->gsi;
	if (!route->is_msi) {
		e->type = KVM_IRQ_ROUTING_IRQCHIP;
		e->u.irqchip.irqchip = route->chip;
		e->u.irqchip.pin = route->pin;
		return;
	}
	e->type = KVM_IRQ_ROUTING_MSI;
	e->u.msi.address_lo = (uint32_t)route->addr;
	e->u.msi.address_hi = (uint32_t)(route->addr >> 32);
	e->u.msi.data = route->data;
	if (route->has_device) {
		e->flags = KVM_MSI_VALID_DEVID;
		e->u.msi.devid = route->device;
	}
}

int kvm_set_routes(struct kvm *kvm, const struct kvm_route *routes,
		   unsigned int nr)
{
	struct kvm_irq_routing *table cleanup_free = NULL;
	int r;

	table = calloc(1, sizeof(*table) + nr * sizeof(table->entries[0]));
	if (!table) {
		log_err("/dev/kvm: out of memory for %u routes", nr);
		return -ENOMEM;
	}
	table->nr = nr;
	for (unsigned int i = 0; i < nr; i++)
		fill_route(&table->entries[i], &routes[i]);
	r = kvm_ioctl(kvm, kvm_vm_fd(kvm), KVM_SET_GSI_ROUTING, table);
	if (r)
		log_err("/dev/kvm: cannot set %u interrupt routes: %s", nr,
			strerror(-r));
	return r;
}

int kvm_ioeventfd(struct kvm *kvm, bool pio, uint64_t addr, unsigned int len,
		  int fd, bool assign)
{
	struct kvm_ioeventfd io = {
		.addr = addr,
		.len = len,
		.fd = fd,
		.flags = (pio ? KVM_IOEVENTFD_FLAG_PIO : 0) |
			 (assign ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN),
	};
	int r = kvm_ioctl(kvm, kvm_vm_fd(kvm), KVM_IOEVENTFD, &io);

	if (r)
		log_err("/dev/kvm: cannot %s an ioeventfd at %#llx: %s",
			assign ? "assign" : "deassign",
			(unsigned long long)addr, strerror(-r));
	return r;
}

#define BOTH (SANDBOX_LOOP | SANDBOX_VCPU)

static const struct sandbox_ioctl allowed[] = {
	{ KVM_RUN, SANDBOX_VCPU,
	  "enter the guest; complete an exit before a reset" },
	{ KVM_IRQ_LINE, BOTH, "serial port and power button" },
	{ KVM_IRQFD, BOTH, "a guest unmasks or masks a vector" },
	{ KVM_SIGNAL_MSI, BOTH, "messages of emulated functions" },
	{ KVM_SET_GSI_ROUTING, BOTH, "a guest writes an MSI message" },
	{ KVM_SET_USER_MEMORY_REGION, BOTH, "a guest moves a BAR" },
	{ KVM_IOEVENTFD, BOTH, "a guest moves a doorbell" },
	{ KVM_SET_DEVICE_ATTR, SANDBOX_LOOP, "take a device from the VM" },
};

const struct sandbox_ioctls kvm_sandbox_ioctls = {
	.table = allowed,
	.nr = ARRAY_SIZE(allowed),
};
