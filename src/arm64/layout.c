// SPDX-License-Identifier: BSD-2-Clause
/*
 * Owns the choice of where RAM and the windows of PCI lie.  Pure: knows
 * numbers only.
 */
#include "arch.h"

#include <errno.h>

#include "arm64/map.h"
#include "log.h"

/* The 64-bit window starts at a multiple of this: room for the largest page
 * there is. */
#define WINDOW_ALIGN GIB(1)

/* Translations of 4 KiB pages end here, on both sides. */
#define MAX_ADDRESS_BITS 52

int arch_layout_init(struct layout *l, uint64_t ram_bytes,
		     unsigned int phys_bits)
{
	uint64_t end = 1ULL << MIN(phys_bits, MAX_ADDRESS_BITS);

	*l = (struct layout){
		.ram = { { RAM_BASE, ram_bytes } },
		.nr_ram = 1,
		.ecam = { PCI_ECAM_BASE, PCI_ECAM_SIZE },
		.mmio32 = { PCI_MMIO32_BASE, PCI_MMIO32_SIZE },
		.pio = { PCI_PIO_BASE, PCI_PIO_SIZE },
		.pio_mmio = { PCI_PIO_MMIO_BASE, PCI_PIO_MMIO_SIZE },
		.uart = { BUS_MMIO, UART_BASE },
		.pvpanic = { BUS_MMIO, PVPANIC_BASE },
		.power = { BUS_MMIO, 0 },
		.rtc = { BUS_MMIO, RTC_BASE },
		.uart_gsi = UART_GSI,
		.power_gsi = POWER_GSI,
		.intx_gsi = INTX_GSI,
		.first_msi_gsi = MSI_GSI,
		.kept = { { GICD_BASE,
			    GICR_BASE + GICR_SIZE * GIC_MAX_CPUS - GICD_BASE },
			  { end, -end } },
		.nr_kept = 2,
	};

	if (ram_bytes < MIB(2)) {
		log_err("--memory: %llu bytes are too few for a guest",
			(unsigned long long)ram_bytes);
		return -EINVAL;
	}
	if (!range_contains(0, end, RAM_BASE, ram_bytes)) {
		log_err("--memory: %llu MiB do not fit into the %u bits of "
			"guest physical address of this host; give less",
			(unsigned long long)(ram_bytes >> 20), phys_bits);
		return -EINVAL;
	}
	return 0;
}

int arch_layout_window(struct layout *l, unsigned int phys_bits,
		       uint64_t iova_last)
{
	uint64_t ram_end = l->ram[0].start + l->ram[0].size;
	uint64_t start = align_up(MAX(ram_end, GIB(4)), WINDOW_ALIGN);
	uint64_t end = 1ULL << MIN(phys_bits, MAX_ADDRESS_BITS);

	if (iova_last < end)
		end = align_down(iova_last + 1, WINDOW_ALIGN);
	l->mmio64 = (struct range){ 0, 0 };
	if (end > start)
		l->mmio64 = (struct range){ start, end - start };
	return 0;
}
