// SPDX-License-Identifier: BSD-2-Clause
/*
 * Interrupts of a VM, one ioctl each: irqfds, lines, routes; and the list of
 * ioctls that confined threads may use.  Does not decide which GSI is whose,
 * nor log: irq.c does.
 */
#include "kvm.h"

#include <errno.h>
#include <stdlib.h>

#include "abi/kvm.h"
#include "fd.h"

int kvm_irqfd(struct kvm *kvm, int fd, uint32_t gsi, int resamplefd,
	      bool assign)
{
	struct kvm_irqfd irqfd = {
		.fd = (uint32_t)fd,
		.gsi = gsi,
		.flags = assign ? 0 : KVM_IRQFD_FLAG_DEASSIGN,
	};

	if (assign && resamplefd >= 0) {
		irqfd.flags |= KVM_IRQFD_FLAG_RESAMPLE;
		irqfd.resamplefd = (uint32_t)resamplefd;
	}
	return kvm_ioctl(kvm, kvm_vm_fd(kvm), KVM_IRQFD, &irqfd);
}

int kvm_irq_line(struct kvm *kvm, uint32_t line, bool level)
{
	struct kvm_irq_level arg = { .irq = line, .level = level };

	return kvm_ioctl(kvm, kvm_vm_fd(kvm), KVM_IRQ_LINE, &arg);
}

bool kvm_msi_by_device(struct kvm *kvm)
{
	return kvm_extension(kvm, KVM_CAP_MSI_DEVID);
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

	table = calloc(1, sizeof(*table) + nr * sizeof(table->entries[0]));
	if (!table)
		return -ENOMEM;
	table->nr = nr;
	for (unsigned int i = 0; i < nr; i++)
		fill_route(&table->entries[i], &routes[i]);
	return kvm_ioctl(kvm, kvm_vm_fd(kvm), KVM_SET_GSI_ROUTING, table);
}

#define BOTH (SANDBOX_LOOP | SANDBOX_VCPU)

static const struct sandbox_ioctl allowed[] = {
	{ KVM_RUN, SANDBOX_VCPU,
	  "enter the guest; complete an exit before a reset" },
	{ KVM_IRQ_LINE, BOTH, "serial port, power button, INTx of virtio" },
	{ KVM_IRQFD, BOTH, "a guest unmasks or masks a vector" },
	{ KVM_IOEVENTFD, BOTH, "a guest moves the BAR of a virtio device" },
	{ KVM_SET_GSI_ROUTING, BOTH, "a guest writes an MSI message" },
	{ KVM_SET_USER_MEMORY_REGION, BOTH, "a guest moves a BAR" },
	{ KVM_SET_DEVICE_ATTR, SANDBOX_LOOP, "take a device from the VM" },
};

const struct sandbox_ioctls kvm_sandbox_ioctls = {
	.table = allowed,
	.nr = ARRAY_SIZE(allowed),
};
