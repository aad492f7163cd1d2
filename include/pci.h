/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PCI hierarchy: a host bridge with ECAM, root ports, one function behind
 * each.  A function embeds struct pci_dev.  All under dev_lock once the VM
 * runs.  PCI Express Base Specification 6.0, chapter 7.
 */
#ifndef WHERRY_PCI_H
#define WHERRY_PCI_H

#include <stdbool.h>
#include <stdint.h>

#include "pci-bar.h"
#include "pci-config.h"
#include "util.h"

struct bus;
struct layout;
struct pci_dev;
struct pci_host;
struct pci_port;

struct pci_dev_ops {
	/*
	 * Guest access: naturally aligned, len 1, 2 or 4, within 4 KiB.  NULL
	 * means pci_dev_config_read/write, which serve cfg and bars and call
	 * decode_changed.
	 */
	uint32_t (*config_read)(struct pci_dev *dev, unsigned int off,
				unsigned int len);
	void (*config_write)(struct pci_dev *dev, unsigned int off,
			     unsigned int len, uint32_t val);
	/* A BAR moved or COMMAND's MEM/IO bits changed: map what is now
	 * decoded, unmap what is not. */
	void (*decode_changed)(struct pci_dev *dev);
	/* Power-on state (reboot, secondary bus reset). */
	void (*reset)(struct pci_dev *dev);
};

struct pci_dev {
	const struct pci_dev_ops *ops;
	const char *name;
	uint8_t devfn;
	struct pci_config cfg;
	struct pci_bars bars;
};

/* The default config accessors, for ops that wrap them. */
uint32_t pci_dev_config_read(struct pci_dev *dev, unsigned int off,
			     unsigned int len);
void pci_dev_config_write(struct pci_dev *dev, unsigned int off,
			  unsigned int len, uint32_t val);
/* COMMAND as the guest set it. */
bool pci_dev_mem_enabled(const struct pci_dev *dev);
bool pci_dev_io_enabled(const struct pci_dev *dev);

/* Claims ecam on the bus; function 00:00.0 is a host bridge. */
int pci_host_create(struct pci_host **out, struct bus *bus,
		    const struct range *ecam);
void pci_host_destroy(struct pci_host *host);
/* Puts dev at devfn of the root bus; -EEXIST when taken. */
int pci_host_add(struct pci_host *host, uint8_t devfn, struct pci_dev *dev);
void pci_host_remove(struct pci_host *host, uint8_t devfn);

/* A root port at device slot (1..31), function 0, of the root bus. */
int pci_port_create(struct pci_port **out, struct pci_host *host,
		    unsigned int slot);
/* Also unplugs. */
void pci_port_destroy(struct pci_port *port);
/* dev becomes device 0, function 0 of the port's secondary bus. */
int pci_port_plug(struct pci_port *port, struct pci_dev *dev);
void pci_port_unplug(struct pci_port *port);
unsigned int pci_port_slot(const struct pci_port *port);

/* The windows that the whole hierarchy shares. */
struct pci_windows {
	struct range mmio32, mmio64, pio;
};

/*
 * Programs bus numbers, bridge windows, BARs and COMMAND of every bridge, as
 * firmware would; a guest may redo it.  Logs and returns -ENOSPC with the
 * name of the device whose BAR does not fit.  At start and at each reboot.
 */
int pci_host_assign(struct pci_host *host, const struct pci_windows *w);
/* Power-on state of host bridge, ports and (by their ops) functions. */
void pci_host_reset(struct pci_host *host);

#endif
