/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The insides of the hierarchy, shared by pci-host.c, pci-port.c and
 * pci-assign.c only.  All fields are under dev_lock once the VM runs.
 */
#ifndef WHERRY_PCI_TREE_H
#define WHERRY_PCI_TREE_H

#include "bus.h"
#include "pci.h"

#define PCI_NR_DEVFN 256
#define PCI_NR_SLOTS 32

struct pci_host {
	struct bus *bus;
	struct bus_range ecam;
	struct pci_dev bridge; /* 00:00.0 */
	struct pci_dev *root[PCI_NR_DEVFN]; /* bus 0, ports included */
	struct pci_port *ports[PCI_NR_SLOTS]; /* by slot */
};

struct pci_port {
	struct pci_dev dev; /* the port's own function, on bus 0 */
	struct pci_host *host;
	unsigned int slot;
	unsigned int pcie; /* offset of its PCI Express capability */
	struct pci_dev *child; /* NULL: empty */
	char name[16];
};

/* What answers on the secondary bus: NULL when empty or the link is down. */
struct pci_dev *pci_port_below(const struct pci_port *port);
/* The number that the guest gave the secondary bus. */
uint8_t pci_port_secondary(const struct pci_port *port);

#endif
