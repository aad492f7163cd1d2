// SPDX-License-Identifier: BSD-2-Clause
/*
 * Owns the choice of where RAM and the windows of PCI lie.  Pure: knows
 * numbers only.
 */
#include "arch.h"

#include <errno.h>

#include "log.h"
#include "x86/map.h"

/* The windows of BARs start at a multiple of this above RAM: room for the
 * largest page there is. */
#define WINDOW_ALIGN GIB(1)

/* Where RAM may be, in the order in which it is used. */
static const struct range ram_space[] = {
	{ 0, PCI_MMIO32_BASE },
	{ GIB(4), AMD_HOLE_START - GIB(4) },
	{ AMD_HOLE_END, (1ULL << 52) - AMD_HOLE_END },
};

static uint64_t ram_end(const struct layout *l)
{
	const struct range *last = &l->ram[l->nr_ram - 1];

	return last->start + last->size;
}

int arch_layout_init(struct layout *l, uint64_t ram_bytes,
		     unsigned int phys_bits)
{
	uint64_t left = ram_bytes;

	*l = (struct layout){
		.ecam = { PCI_ECAM_BASE, PCI_ECAM_SIZE },
		.mmio32 = { PCI_MMIO32_BASE, PCI_MMIO32_SIZE },
		.pio = { PCI_PIO_BASE, PCI_PIO_SIZE },
		.uart = { BUS_PIO, UART_BASE },
		.pvpanic = { BUS_PIO, PVPANIC_PORT },
		.power = { BUS_PIO, POWER_BASE },
		.uart_gsi = UART_GSI,
		.power_gsi = GED_GSI,
		.intx_gsi = INTX_GSI,
		.first_msi_gsi = MSI_GSI,
		.kept = { { IOAPIC_BASE, KIB(4) },
			  { LAPIC_BASE, MIB(1) }, /* all that is for messages */
			  { KVM_IDENTITY_MAP_BASE, KIB(16) } },
		.nr_kept = 3,
	};

	if (phys_bits < 64)
		l->kept[l->nr_kept++] = (struct range){ 1ULL << phys_bits,
							-(1ULL << phys_bits) };
	for (size_t i = 0; left && i < ARRAY_SIZE(ram_space); i++) {
		uint64_t n = MIN(left, ram_space[i].size);

		l->ram[l->nr_ram++] = (struct range){ ram_space[i].start, n };
		left -= n;
	}
	if (ram_bytes < MIB(2)) {
		log_err("--memory: %llu bytes are too few for a guest",
			(unsigned long long)ram_bytes);
		return -EINVAL;
	}
	if (left || (phys_bits < 64 && ram_end(l) > 1ULL << phys_bits)) {
		log_err("--memory: %llu MiB do not fit into the %u bits of "
			"guest physical address of this CPU; give less",
			(unsigned long long)(ram_bytes >> 20), phys_bits);
		return -EINVAL;
	}
	return 0;
}

/* The part of [start, end) that avoids AMD's hole; the larger of two. */
static struct range outside_hole(uint64_t start, uint64_t end)
{
	uint64_t low_end = MIN(end, AMD_HOLE_START);
	uint64_t high = MAX(start, AMD_HOLE_END);
	uint64_t below = low_end > start ? low_end - start : 0;
	uint64_t above = end > high ? end - high : 0;

	return below >= above ? (struct range){ start, below } :
				(struct range){ high, above };
}

int arch_layout_window(struct layout *l, unsigned int phys_bits,
		       uint64_t iova_last)
{
	uint64_t start = align_up(MAX(ram_end(l), GIB(4)), WINDOW_ALIGN);
	uint64_t last = MIN((1ULL << MIN(phys_bits, 52U)) - 1, iova_last);
	uint64_t end = align_down(last + 1, WINDOW_ALIGN);

	/* last + 1 cannot wrap: last has 52 bits. */
	l->mmio64 = (struct range){ 0, 0 };
	if (end > start)
		l->mmio64 = outside_hole(start, end);
	if (!l->mmio64.size)
		l->mmio64.start = 0;
	return 0;
}
