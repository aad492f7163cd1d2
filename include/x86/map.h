/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's physical address map: what is fixed.  firmware/dsdt.asl repeats
 * INFO_BASE, the ECAM and the ports; tests/unit/test-acpi.c compares them.
 */
#ifndef WHERRY_X86_MAP_H
#define WHERRY_X86_MAP_H

#include "util.h"

/* What the kernel is given at its entry; its own memory from then on. */
#define BOOT_GDT 0x500
#define BOOT_START_INFO 0x6000
#define BOOT_ZERO_PAGE 0x7000
#define BOOT_PAGE_TABLE 0x10000 /* 6 pages: identity map of 4 GiB */
#define BOOT_CMDLINE 0x20000
#define BOOT_CMDLINE_MAX 0x10000 /* with the final NUL */

/* RAM that E820 offers below 1 MiB ends here; ACPI has the rest. */
#define LOW_RAM_END 0xa0000
#define ACPI_BASE 0xe0000
#define INFO_BASE 0xef000 /* read by the DSDT at run time: never reclaimed */
#define BOOT_RESET_VECTOR 0xffff0 /* f000:fff0; 16 bytes */
#define HIGH_RAM_BASE 0x100000

#define PCI_MMIO32_BASE 0xc0000000ULL
#define PCI_MMIO32_SIZE 0x20000000ULL
#define PCI_ECAM_BASE 0xe0000000ULL
#define PCI_ECAM_SIZE 0x10000000ULL
#define PCI_PIO_BASE 0x1000
#define PCI_PIO_SIZE 0xf000
#define IOAPIC_BASE 0xfec00000
#define LAPIC_BASE 0xfee00000
/* Pages of KVM's own, for CPUs that need them: a hole in every map. */
#define KVM_IDENTITY_MAP_BASE 0xfffbc000
#define KVM_TSS_BASE 0xfffbd000 /* 3 pages */

/* AMD keeps this for HyperTransport: no device can reach memory there. */
#define AMD_HOLE_START 0xfd00000000ULL
#define AMD_HOLE_END 0x10000000000ULL

#define UART_BASE 0x3f8
#define PVPANIC_PORT 0x505
#define POWER_BASE 0x600 /* registers: power.h */
#define UART_GSI 4
#define GED_GSI 9
#define INTX_GSI 16 /* 8 of them */
#define MSI_GSI 24

#endif
