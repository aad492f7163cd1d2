/* SPDX-License-Identifier: BSD-2-Clause */
/* Walks the list of capabilities, as a driver does. */
#ifndef TESTS_UNIT_FIND_CAP_H
#define TESTS_UNIT_FIND_CAP_H

#include <linux/pci_regs.h>

#include "pci-config.h"

/* Where it is, 0 when absent.  A list of more than fit has a loop. */
static inline unsigned int find_cap(const struct pci_config *c, uint8_t id)
{
	unsigned int at, i;

	if (!(c->data[PCI_STATUS] & PCI_STATUS_CAP_LIST))
		return 0;
	at = c->data[PCI_CAPABILITY_LIST] & ~3u;
	for (i = 0; i < 48 && at >= 0x40; i++) {
		if (c->data[at + PCI_CAP_LIST_ID] == id)
			return at;
		at = c->data[at + PCI_CAP_LIST_NEXT] & ~3u;
	}
	return 0;
}

#endif
