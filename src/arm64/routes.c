// SPDX-License-Identifier: BSD-2-Clause
/*
 * The GIC's shared peripheral interrupts as GSIs: GSI n is SPI n.
 */
#include "arch.h"

#include "abi/kvm.h"
#include "arm64/map.h"
#include "kvm.h"

_Static_assert(NR_SPIS <= ARCH_MAX_FIXED_ROUTES, "room for a route of each");

unsigned int arch_fixed_routes(struct kvm_route *routes)
{
	for (unsigned int spi = 0; spi < NR_SPIS; spi++)
		routes[spi] = (struct kvm_route){
			.gsi = spi,
			.pin = spi,
			.line = (uint32_t)KVM_ARM_IRQ_TYPE_SPI
					<< KVM_ARM_IRQ_TYPE_SHIFT |
				(GIC_FIRST_SPI + spi),
		};
	return NR_SPIS;
}
