// SPDX-License-Identifier: BSD-2-Clause
/*
 * The words of arch-text.h.
 */
#include "arch-text.h"

const struct arch_text arch_text = {
	.kvm_on = "enable virtualization in the firmware and load kvm_intel or "
		  "kvm_amd",
	.kvm_load = "run: modprobe -a kvm_intel kvm_amd; if that fails, switch "
		    "virtualization on in the firmware",
	.kvm_kernel = "use a kernel with kvm_intel or kvm_amd",
	.iommu_on = "switch VT-d or AMD-Vi on in the firmware and boot with "
		    "intel_iommu=on",
	.remapping_on = "switch it on in the firmware (x2APIC, VT-d, AMD-Vi) "
			"and boot without intremap=off",
	.irq_isolated = "IR-", /* IR-PCI-MSI, IR-IO-APIC */
	.irq_plain = { "PCI-MSI", "IO-APIC" },
	.tree_image = "arch/x86/boot/bzImage",
};
