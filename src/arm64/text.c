// SPDX-License-Identifier: BSD-2-Clause
/*
 * The words of arch-text.h.
 */
#include "arch-text.h"

#define KERNEL "a kernel with CONFIG_KVM, started by firmware in EL2"

const struct arch_text arch_text = {
	.kvm_on = "boot " KERNEL,
	.kvm_load = "boot " KERNEL "; in a virtual machine, turn on nesting in "
		    "its host",
	.kvm_kernel = "use " KERNEL,
	.iommu_on = "switch the SMMU on in the firmware and boot a kernel with "
		    "CONFIG_ARM_SMMU_V3",
	.remapping_on = "use a host whose devices send their messages through "
			"a GICv3 ITS",
	.irq_isolated = "ITS-", /* ITS-MSI, ITS-PCI-MSIX */
	.irq_plain = { "GICv2m" },
	.isolator_node = "arm,gic-v3-its",
	.madt = "/sys/firmware/acpi/tables/APIC",
	.isolator_madt = 15, /* ACPI 6.5, 5.2.12.18: GIC ITS */
	.tree_image = "arch/arm64/boot/Image",
};
