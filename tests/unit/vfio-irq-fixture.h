/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A function of 65 vectors as the guest sets its interrupts up: MSI-X by its
 * table, and a pin. After harness.h.
 */
#ifndef TESTS_UNIT_VFIO_IRQ_FIXTURE_H
#define TESTS_UNIT_VFIO_IRQ_FIXTURE_H

#include "vfio-fixture.h"

#define BAR 0xd0000000
#define TABLE (BAR + 0x2000)
#define PBA (BAR + 0x3000)
#define MSIX_CTRL (0x40 + PCI_MSIX_FLAGS)
#define ENABLE PCI_MSIX_FLAGS_ENABLE
#define MASKALL PCI_MSIX_FLAGS_MASKALL
#define GSI 17 /* of INTx */

/* A device whose BAR is mapped; INTx is off unless the test wants it. */
static inline void create_mapped(void)
{
	create();
	wr(BAR0, 4, BAR);
	wr(PCI_COMMAND, 2, MEM | MASTER);
}

/* One with a pin, which the loop watches. */
static inline void create_with_pin(void)
{
	params.intx_gsi = GSI;
	create();
	assert_int_equal(vfio_pci_start(v, loop), 0);
}

static inline void message(unsigned int vector, uint64_t addr, uint32_t data)
{
	mmio_write(TABLE + 16 * vector, 8, addr);
	mmio_write(TABLE + 16 * vector + 8, 4, data);
}

static inline void mask(unsigned int vector, bool masked)
{
	mmio_write(TABLE + 16 * vector + 12, 4, masked);
}

/* The GSI whose irqfd is the vector's eventfd; 0: none. */
static inline unsigned int gsi_of(unsigned int vector)
{
	int fd = fake.dev.vector_fds[vector];

	for (unsigned int i = 24; fd >= 0 && i < FAKE_GSIS; i++)
		if (fake.gsis[i].fd == fd)
			return i;
	return 0;
}

#endif
