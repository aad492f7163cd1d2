// SPDX-License-Identifier: BSD-2-Clause
/*
 * The irqchip's pins as GSIs: GSI n is pin n of the one IOAPIC.  There is no
 * PIC for the guest to use (MADT without PCAT_COMPAT), so no route leads to
 * it.
 */
#include "arch.h"

#include "abi/kvm.h"
#include "kvm.h"

unsigned int arch_fixed_routes(struct kvm_route *routes)
{
	for (unsigned int pin = 0; pin < KVM_IOAPIC_NUM_PINS; pin++)
		routes[pin] = (struct kvm_route){
			.gsi = pin,
			.chip = KVM_IRQCHIP_IOAPIC,
			.pin = pin,
			.line = pin,
		};
	return KVM_IOAPIC_NUM_PINS;
}
