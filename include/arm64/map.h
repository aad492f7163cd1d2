/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's physical address map: what is fixed.  All of it lies below RAM,
 * which starts at 1 GiB.  Each thing has pages of its own, whatever page size
 * (4, 16 or 64 KiB) the guest uses.
 */
#ifndef WHERRY_ARM64_MAP_H
#define WHERRY_ARM64_MAP_H

#include "util.h"

/* What the host's SMMU driver takes of every I/O address space for messages:
 * neither RAM nor a BAR may be there. */
#define SMMU_MSI_BASE 0x08000000ULL
#define SMMU_MSI_SIZE 0x00100000ULL

/* GICv3: one distributor, one ITS, a pair of frames for each vCPU. */
#define GICD_BASE 0x09000000ULL
#define GICD_SIZE 0x00010000ULL
#define GITS_BASE 0x09020000ULL
#define GITS_SIZE 0x00020000ULL
#define GICR_BASE 0x09800000ULL
#define GICR_SIZE 0x00020000ULL /* each */
#define GIC_MAX_CPUS 64

#define UART_BASE 0x0b000000ULL /* 16550, a register per byte */
#define UART_SIZE 8
#define PVPANIC_BASE 0x0b020000ULL
#define PVPANIC_SIZE 2
#define RTC_BASE 0x0b040000ULL

/* Port n of PCI I/O space is byte n of this. */
#define PCI_PIO_MMIO_BASE 0x0b100000ULL
#define PCI_PIO_MMIO_SIZE 0x00010000ULL
#define PCI_PIO_BASE 0x1000 /* the first port that a BAR may have */
#define PCI_PIO_SIZE 0xf000

#define PCI_MMIO32_BASE 0x10000000ULL
#define PCI_MMIO32_SIZE 0x20000000ULL
#define PCI_ECAM_BASE 0x30000000ULL /* a multiple of its size: 256 buses */
#define PCI_ECAM_SIZE 0x10000000ULL
#define RAM_BASE 0x40000000ULL

/*
 * GSIs are numbers of SPIs: GSI n is INTID 32 + n.  Messages are routed to the
 * ITS and have GSIs beyond those of the SPIs.
 */
#define GIC_FIRST_SPI 32
#define UART_GSI 0
#define POWER_GSI 1 /* the power button: an edge for each press */
#define INTX_GSI 4 /* 8 of them */
#define NR_SPIS 32
#define MSI_GSI NR_SPIS

/* PPIs, as INTIDs: KVM's defaults for the timers. */
#define PPI_TIMER_SECURE 29
#define PPI_TIMER_PHYS 30
#define PPI_TIMER_VIRT 27
#define PPI_TIMER_HYP 26

#endif
