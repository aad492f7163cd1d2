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
	/* COMMAND's MEM/IO bits changed, or a BAR moved while one of them was
	 * set: map what is now decoded, unmap what is not.  May be NULL. */
	void (*decode_changed)(struct pci_dev *dev);
	/* Power-on state (reboot, secondary bus reset).  May be NULL. */
	void (*reset)(struct pci_dev *dev);
};

struct pci_dev {
	const struct pci_dev_ops *ops;
	const char *name;
	uint8_t devfn;
	const struct pci_port *above; /* NULL: on the root bus, or nowhere */
	struct pci_config cfg;
	struct pci_bars bars;
};

/* The default config accessors, for ops that wrap them. */
uint32_t pci_dev_config_read(struct pci_dev *dev, unsigned int off,
			     unsigned int len);
void pci_dev_config_write(struct pci_dev *dev, unsigned int off,
			  unsigned int len, uint32_t val);
/* An access as a guest makes it: by ops, or by the defaults where NULL. */
uint32_t pci_dev_read(struct pci_dev *dev, unsigned int off, unsigned int len);
void pci_dev_write(struct pci_dev *dev, unsigned int off, unsigned int len,
		   uint32_t val);
/* COMMAND as the guest set it. */
bool pci_dev_mem_enabled(const struct pci_dev *dev);
bool pci_dev_io_enabled(const struct pci_dev *dev);
/* Whose messages its are: bus << 8 | devfn, as the guest has numbered buses. */
uint16_t pci_dev_requester(const struct pci_dev *dev);

/*
 * Claims ecam on the bus (1 MiB per bus, 32 are enough for every port);
 * function 00:00.0 is a host bridge.  What is absent reads ones, as do
 * accesses that are not 1, 2 or 4 bytes, aligned.
 */
int pci_host_create(struct pci_host **out, struct bus *bus,
		    const struct range *ecam);
/* Ports are destroyed and functions removed before.  Takes NULL. */
void pci_host_destroy(struct pci_host *host);
/* Puts dev at devfn of the root bus; -EEXIST when taken. */
int pci_host_add(struct pci_host *host, uint8_t devfn, struct pci_dev *dev);
void pci_host_remove(struct pci_host *host, uint8_t devfn);

/*
 * A root port at device slot (1..31), function 0, of the root bus.  Its
 * windows hold back nothing: a function is decoded wherever its BARs are,
 * whatever the guest writes to the bridge above it.  -EINVAL, -EEXIST.
 */
int pci_port_create(struct pci_port **out, struct pci_host *host,
		    unsigned int slot);
/* Also unplugs.  Takes NULL. */
void pci_port_destroy(struct pci_port *port);
/*
 * dev becomes device 0, function 0 of the port's secondary bus; its BARs are
 * set before.  -EEXIST when the port is taken.
 */
int pci_port_plug(struct pci_port *port, struct pci_dev *dev);
void pci_port_unplug(struct pci_port *port);

/* The windows that the whole hierarchy shares. */
struct pci_windows {
	struct range mmio32, mmio64, pio;
};

/*
 * Programs bus numbers, bridge windows, BARs and COMMAND of every bridge, as
 * firmware would; a guest may redo it.  Functions keep COMMAND 0.  64-bit
 * prefetchable BARs go to mmio64 (to mmio32 if that is empty), the others to
 * mmio32; a 64-bit BAR that mmio32 cannot hold is made prefetchable.  Logs
 * and returns -ENOSPC with the name of the device whose BAR does not fit.  At
 * start and at each reboot, everything in power-on state.
 */
int pci_host_assign(struct pci_host *host, const struct pci_windows *w);
/* Power-on state of host bridge, ports and (by their ops) functions. */
void pci_host_reset(struct pci_host *host);

/*
 * The fixed routing of INTA..INTD (pin 1..4) to the 8 GSIs from intx_gsi up,
 * which the guest learns from its _PRT or interrupt-map.  slot is the device
 * number on the root bus; a function behind a root port comes out at the
 * port's slot with its own pin, because device 0 swizzles by nothing.
 */
static inline uint32_t pci_host_intx_gsi(uint32_t intx_gsi, unsigned int slot,
					 unsigned int pin)
{
	return intx_gsi + ((slot + pin - 1) & 7);
}

#endif
