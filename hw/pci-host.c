// SPDX-License-Identifier: BSD-2-Clause
/*
 * Owns the root bus: the ECAM window, the host bridge at 00:00.0, and which
 * function answers a configuration access.  Root ports and functions belong
 * to whoever added them.
 */
#include "pci.h"

#include <errno.h>
#include <stdlib.h>

#include <linux/pci.h>
#include <linux/pci_regs.h>

#include "log.h"
#include "pci-tree.h"

/* ECAM, PCI Express 7.2.2: bus, device and function, 4 KiB each. */
#define ECAM_BUS_SHIFT 20
#define ECAM_DEVFN_SHIFT 12

/*
 * The id that Red Hat keeps for a generic PCIe host bridge of virtual
 * machines: pci.ids names it, and no driver binds to it or works around it.
 */
#define HOST_VENDOR 0x1b36
#define HOST_DEVICE 0x0008

/* The function at an offset of the ECAM; NULL when there is none. */
static struct pci_dev *route(const struct pci_host *host, uint64_t offset)
{
	uint8_t devfn = (uint8_t)(offset >> ECAM_DEVFN_SHIFT);
	uint64_t bus = offset >> ECAM_BUS_SHIFT;
	unsigned int i;

	if (!bus)
		return host->root[devfn];
	for (i = 0; i < PCI_NR_SLOTS; i++) {
		const struct pci_port *port = host->ports[i];

		/* A link has one device at its end, number 0. */
		if (port && pci_port_secondary(port) == bus)
			return devfn ? NULL : pci_port_below(port);
	}
	return NULL;
}

static bool access_valid(uint64_t offset, unsigned int len)
{
	return (len == 1 || len == 2 || len == 4) && offset % len == 0;
}

static uint64_t ecam_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct pci_dev *dev = route(opaque, offset);

	if (!dev || !access_valid(offset, len))
		return all_ones(len);
	return pci_dev_read(dev, offset % PCI_CONFIG_SIZE, len) & all_ones(len);
}

static void ecam_write(void *opaque, uint64_t offset, unsigned int len,
		       uint64_t val)
{
	struct pci_dev *dev = route(opaque, offset);

	if (dev && access_valid(offset, len))
		pci_dev_write(dev, offset % PCI_CONFIG_SIZE, len,
			      (uint32_t)(val & all_ones(len)));
}

static const struct bus_ops ecam_ops = {
	.read = ecam_read,
	.write = ecam_write,
};

static void bridge_reset(struct pci_dev *dev)
{
	struct pci_config *c = &dev->cfg;

	pci_config_init(c);
	pci_bars_init(&dev->bars);
	pci_config_set(c, PCI_VENDOR_ID, 2, HOST_VENDOR);
	pci_config_set(c, PCI_DEVICE_ID, 2, HOST_DEVICE);
	pci_config_set(c, PCI_CLASS_DEVICE, 2, 0x0600); /* host bridge */
	pci_config_set(c, PCI_SUBSYSTEM_VENDOR_ID, 2, HOST_VENDOR);
	pci_config_set(c, PCI_SUBSYSTEM_ID, 2, HOST_DEVICE);
	pci_config_set_wmask(c, PCI_COMMAND, 2,
			     PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
				     PCI_COMMAND_SERR);
}

static const struct pci_dev_ops bridge_ops = {
	.reset = bridge_reset,
};

int pci_host_create(struct pci_host **out, struct bus *bus,
		    const struct range *ecam)
{
	struct pci_host *host = calloc(1, sizeof(*host));
	int r = -ENOMEM;

	if (!host)
		goto err;
	host->bus = bus;
	host->bridge.ops = &bridge_ops;
	host->bridge.name = "host bridge";
	bridge_reset(&host->bridge);
	host->root[0] = &host->bridge;
	host->ecam = (struct bus_range){
		.name = "pci config",
		.space = BUS_MMIO,
		.start = ecam->start,
		.size = ecam->size,
		.ops = &ecam_ops,
		.opaque = host,
	};
	r = bus_add(bus, &host->ecam);
	if (r)
		goto err;
	*out = host;
	return 0;
err:
	log_err("pci: no host bridge: %s", strerror(-r));
	free(host);
	return r;
}

void pci_host_destroy(struct pci_host *host)
{
	if (!host)
		return;
	bus_forget(host->bus, &host->ecam);
	free(host);
}

int pci_host_add(struct pci_host *host, uint8_t devfn, struct pci_dev *dev)
{
	if (host->root[devfn]) {
		log_err("%s: not added at 00:%02x.%u: %s is there; choose "
			"another port",
			dev->name, PCI_SLOT(devfn), PCI_FUNC(devfn),
			host->root[devfn]->name);
		return -EEXIST;
	}
	dev->devfn = devfn;
	host->root[devfn] = dev;
	return 0;
}

void pci_host_remove(struct pci_host *host, uint8_t devfn)
{
	host->root[devfn] = NULL;
}

static void reset(struct pci_dev *dev)
{
	if (dev && dev->ops && dev->ops->reset)
		dev->ops->reset(dev);
}

void pci_host_reset(struct pci_host *host)
{
	unsigned int i;

	for (i = 0; i < PCI_NR_SLOTS; i++)
		if (host->ports[i])
			reset(host->ports[i]->child);
	for (i = 0; i < PCI_NR_DEVFN; i++)
		reset(host->root[i]);
}
