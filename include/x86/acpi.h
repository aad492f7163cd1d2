/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ACPI tables of a hardware-reduced machine (ACPI 6.5), and the page that
 * tells the constant DSDT what differs between machines.
 */
#ifndef WHERRY_X86_ACPI_H
#define WHERRY_X86_ACPI_H

#include <stdint.h>

#include "arch.h"

/*
 * What the DSDT reads at INFO_BASE.  Little-endian, packed, the same as the
 * Field () in firmware/dsdt.asl.
 */
#define INFO_CRS_BYTES 128
struct acpi_info {
	uint32_t slots; /* bit n: slot n of bus 0 has interrupts to route */
	uint32_t nr_prt; /* entries that _PRT gives: 4 per slot */
	uint8_t crs[INFO_CRS_BYTES]; /* of the host bridge, to the end tag */
} __attribute__((packed));

/*
 * Writes the tables at ACPI_BASE and the info page.  -ENOMEM, logged, when
 * they do not fit.
 */
int acpi_build(struct ram *ram, const struct layout *l, unsigned int nr_cpus,
	       uint32_t pci_slots, gpa_t *rsdp);

#endif
