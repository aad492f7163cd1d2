/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What differs by architecture and is only words: remedies, and names that the
 * host's kernel gives.  Constants, for all floors; the functions are arch.h's.
 */
#ifndef WHERRY_ARCH_TEXT_H
#define WHERRY_ARCH_TEXT_H

#include <stdint.h>

struct arch_text {
	/* Remedies, as the end of a sentence. */
	const char *kvm_on; /* there is no /dev/kvm */
	const char *kvm_load; /* the same for wherry check */
	const char *kvm_kernel; /* it lacks something */
	const char *iommu_on;
	const char *remapping_on;
	/* How the names of interrupt chips in /proc/interrupts begin that do
	 * isolate devices' messages, and that do not. */
	const char *irq_isolated;
	const char *irq_plain[2];
	/* What does isolate them, where firmware lists it: as "compatible" in a
	 * devicetree and as a structure of ACPI's MADT, by its file in sysfs.
	 * NULL: it does not. */
	const char *isolator_node;
	const char *madt;
	uint8_t isolator_madt;
	/* The kernel that boot loaders take, in its build tree. */
	const char *tree_image;
};

extern const struct arch_text arch_text;

#endif
