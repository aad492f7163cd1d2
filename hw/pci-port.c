// SPDX-License-Identifier: BSD-2-Clause
/*
 * Owns a root port: a type 1 header with the capabilities PM, PCI Express and
 * MSI, and the slot behind it.  The plugged function belongs to its creator.
 * Raises no interrupt, because nothing here changes by itself: no hot-plug,
 * no power management events, no errors.
 */
#include "pci.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <linux/pci.h>
#include <linux/pci_regs.h>

#include "log.h"
#include "pci-tree.h"

/* Red Hat's generic PCIe root port of virtual machines, see pci-host.c. */
#define PORT_VENDOR 0x1b36
#define PORT_DEVICE 0x000c

#define PM_SIZE 8
#define PCIE_SIZE 60
#define MSI_SIZE 24 /* 64-bit address, per-vector mask */

/*
 * The virtual link.  Above 5 GT/s a guest waits for the link to come up
 * after a reset in other ways and expects equalisation registers.
 */
#define LINK_SPEEDS (PCI_EXP_LNKCAP2_SLS_2_5GB | PCI_EXP_LNKCAP2_SLS_5_0GB)
#define LINK_SPEED PCI_EXP_LNKCAP_SLS_5_0GB
#define LINK_WIDTH 16

uint8_t pci_port_secondary(const struct pci_port *port)
{
	return port->dev.cfg.data[PCI_SECONDARY_BUS];
}

static uint16_t bridge_control(const struct pci_port *port)
{
	return (uint16_t)pci_config_get(&port->dev.cfg, PCI_BRIDGE_CONTROL, 2);
}

static uint16_t link_control(const struct pci_port *port)
{
	return (uint16_t)pci_config_get(&port->dev.cfg,
					port->pcie + PCI_EXP_LNKCTL, 2);
}

struct pci_dev *pci_port_below(const struct pci_port *port)
{
	if (bridge_control(port) & PCI_BRIDGE_CTL_BUS_RESET ||
	    link_control(port) & PCI_EXP_LNKCTL_LD)
		return NULL;
	return port->child;
}

static bool has_io(const struct pci_dev *dev)
{
	unsigned int i;

	for (i = 0; dev && i < PCI_NR_BARS; i++)
		if (dev->bars.bar[i].type == PCI_BAR_IO)
			return true;
	return false;
}

/* What the registers tell about the slot and the link. */
static void update_slot(struct pci_port *port)
{
	struct pci_config *c = &port->dev.cfg;
	unsigned int up = pci_port_below(port) ? PCI_EXP_LNKSTA_DLLLA : 0;
	unsigned int present = port->child ? PCI_EXP_SLTSTA_PDS : 0;
	bool io = has_io(port->child);

	pci_config_set(c, port->pcie + PCI_EXP_LNKSTA, 2,
		       LINK_SPEED | LINK_WIDTH << PCI_EXP_LNKSTA_NLW_SHIFT |
			       PCI_EXP_LNKSTA_SLC | up);
	pci_config_set(c, port->pcie + PCI_EXP_SLTSTA, 2, present);
	/*
	 * Only ports that need an I/O window have one, else guests would
	 * divide 60 KiB among all: base and limit are wired to 0 elsewhere.
	 */
	pci_config_set_wmask(c, PCI_IO_BASE, 2, io ? 0xf0f0 : 0);
	if (!io)
		pci_config_set(c, PCI_IO_BASE, 2, 0);
}

static void init_header(struct pci_config *c)
{
	pci_config_set(c, PCI_VENDOR_ID, 2, PORT_VENDOR);
	pci_config_set(c, PCI_DEVICE_ID, 2, PORT_DEVICE);
	pci_config_set(c, PCI_CLASS_DEVICE, 2, 0x0604); /* PCI bridge */
	pci_config_set(c, PCI_HEADER_TYPE, 1, PCI_HEADER_TYPE_BRIDGE);
	pci_config_set_wmask(c, PCI_COMMAND, 2,
			     PCI_COMMAND_IO | PCI_COMMAND_MEMORY |
				     PCI_COMMAND_MASTER | PCI_COMMAND_PARITY |
				     PCI_COMMAND_SERR |
				     PCI_COMMAND_INTX_DISABLE);
	pci_config_set_wmask(c, PCI_CACHE_LINE_SIZE, 1, 0xff);
	pci_config_set_wmask(c, PCI_PRIMARY_BUS, 4, 0x00ffffff);
	pci_config_set_wmask(c, PCI_MEMORY_BASE, 4, 0xfff0fff0);
	pci_config_set(c, PCI_PREF_MEMORY_BASE, 4,
		       PCI_PREF_RANGE_TYPE_64 | PCI_PREF_RANGE_TYPE_64 << 16);
	pci_config_set_wmask(c, PCI_PREF_MEMORY_BASE, 4, 0xfff0fff0);
	pci_config_set_wmask(c, PCI_PREF_BASE_UPPER32, 4, UINT32_MAX);
	pci_config_set_wmask(c, PCI_PREF_LIMIT_UPPER32, 4, UINT32_MAX);
	pci_config_set_wmask(c, PCI_INTERRUPT_LINE, 1, 0xff);
	/* No VGA: nothing here would forward its addresses. */
	pci_config_set_wmask(c, PCI_BRIDGE_CONTROL, 2,
			     PCI_BRIDGE_CTL_PARITY | PCI_BRIDGE_CTL_SERR |
				     PCI_BRIDGE_CTL_ISA |
				     PCI_BRIDGE_CTL_BUS_RESET);
}

/* Capabilities are added to an empty list that has room for all three. */
static unsigned int add_cap(struct pci_config *c, uint8_t id, unsigned int size)
{
	unsigned int at = 0;

	(void)pci_config_add_cap(c, id, 0, size, &at);
	return at;
}

static void init_pm(struct pci_config *c)
{
	unsigned int at = add_cap(c, PCI_CAP_ID_PM, PM_SIZE);

	pci_config_set(c, at + PCI_PM_PMC, 2, 3); /* version 1.2, no PME */
	pci_config_set(c, at + PCI_PM_CTRL, 2, PCI_PM_CTRL_NO_SOFT_RESET);
	pci_config_set_wmask(c, at + PCI_PM_CTRL, 2, PCI_PM_CTRL_STATE_MASK);
}

static void init_msi(struct pci_config *c)
{
	unsigned int at = add_cap(c, PCI_CAP_ID_MSI, MSI_SIZE);

	pci_config_set(c, at + PCI_MSI_FLAGS, 2,
		       PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT);
	/* Multiple Message Enable stays 0: there is one vector. */
	pci_config_set_wmask(c, at + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE);
	pci_config_set_wmask(c, at + PCI_MSI_ADDRESS_LO, 4, ~3u);
	pci_config_set_wmask(c, at + PCI_MSI_ADDRESS_HI, 4, UINT32_MAX);
	pci_config_set_wmask(c, at + PCI_MSI_DATA_64, 2, 0xffff);
	pci_config_set_wmask(c, at + PCI_MSI_MASK_64, 4, 1);
}

/* Link, PCI Express 7.5.3.6 to 7.5.3.8 and 7.5.3.18 to 7.5.3.20. */
static void init_link(struct pci_config *c, unsigned int at, unsigned int slot)
{
	/*
	 * No bandwidth notification: the link never changes, and guests
	 * would take an interrupt for it.
	 */
	pci_config_set(c, at + PCI_EXP_LNKCAP, 4,
		       LINK_SPEED | LINK_WIDTH << 4 | PCI_EXP_LNKCAP_DLLLARC |
			       1u << 22 /* ASPM optionality compliance */ |
			       slot << 24);
	/* Retrain Link is done at once and reads 0. */
	pci_config_set_wmask(c, at + PCI_EXP_LNKCTL, 2,
			     PCI_EXP_LNKCTL_ASPMC | PCI_EXP_LNKCTL_RCB |
				     PCI_EXP_LNKCTL_LD | PCI_EXP_LNKCTL_CCC |
				     PCI_EXP_LNKCTL_ES);
	pci_config_set(c, at + PCI_EXP_LNKCAP2, 4, LINK_SPEEDS);
	pci_config_set(c, at + PCI_EXP_LNKCTL2, 2, LINK_SPEED);
	pci_config_set_wmask(c, at + PCI_EXP_LNKCTL2, 2, PCI_EXP_LNKCTL2_TLS);
}

static unsigned int init_pcie(struct pci_config *c, unsigned int slot)
{
	unsigned int at = add_cap(c, PCI_CAP_ID_EXP, PCIE_SIZE);

	pci_config_set(c, at + PCI_EXP_FLAGS, 2,
		       2 | PCI_EXP_TYPE_ROOT_PORT << 4 | PCI_EXP_FLAGS_SLOT);
	pci_config_set(c, at + PCI_EXP_DEVCAP, 4, PCI_EXP_DEVCAP_RBER);
	pci_config_set(c, at + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_READRQ_512B);
	pci_config_set_wmask(
		c, at + PCI_EXP_DEVCTL, 2,
		PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE |
			PCI_EXP_DEVCTL_FERE | PCI_EXP_DEVCTL_URRE |
			PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_PAYLOAD |
			PCI_EXP_DEVCTL_NOSNOOP_EN | PCI_EXP_DEVCTL_READRQ);
	init_link(c, at, slot);
	/* Not hot-pluggable yet.  No completed events, as nothing completes. */
	pci_config_set(c, at + PCI_EXP_SLTCAP, 4,
		       PCI_EXP_SLTCAP_NCCS | slot << 19);
	pci_config_set_wmask(c, at + PCI_EXP_SLTCTL, 2,
			     PCI_EXP_SLTCTL_PDCE | PCI_EXP_SLTCTL_DLLSCE);
	pci_config_set_wmask(c, at + PCI_EXP_RTCTL, 2,
			     PCI_EXP_RTCTL_SECEE | PCI_EXP_RTCTL_SENFEE |
				     PCI_EXP_RTCTL_SEFEE | PCI_EXP_RTCTL_PMEIE);
	pci_config_set(c, at + PCI_EXP_DEVCAP2, 4,
		       PCI_EXP_DEVCAP2_COMP_TMOUT_DIS);
	pci_config_set_wmask(c, at + PCI_EXP_DEVCTL2, 2,
			     PCI_EXP_DEVCTL2_COMP_TMOUT_DIS);
	return at;
}

static void port_reset(struct pci_dev *dev)
{
	struct pci_port *port = container_of(dev, struct pci_port, dev);

	pci_config_init(&dev->cfg);
	pci_bars_init(&dev->bars);
	init_header(&dev->cfg);
	init_pm(&dev->cfg);
	port->pcie = init_pcie(&dev->cfg, port->slot);
	init_msi(&dev->cfg);
	update_slot(port);
}

/* Both a secondary bus reset and a disabled link reset what is below. */
static void port_write(struct pci_dev *dev, unsigned int off, unsigned int len,
		       uint32_t val)
{
	struct pci_port *port = container_of(dev, struct pci_port, dev);
	bool was_up = pci_port_below(port), up;

	pci_dev_config_write(dev, off, len, val);
	up = pci_port_below(port);
	if (up == was_up)
		return;
	update_slot(port);
	if (!up && port->child->ops && port->child->ops->reset)
		port->child->ops->reset(port->child);
}

static const struct pci_dev_ops port_ops = {
	.config_write = port_write,
	.reset = port_reset,
};

int pci_port_create(struct pci_port **out, struct pci_host *host,
		    unsigned int slot)
{
	struct pci_port *port;
	int r;

	if (!slot || slot >= PCI_NR_SLOTS) {
		log_err("port %u: not created: there are ports 1 to %u; choose "
			"one of them",
			slot, PCI_NR_SLOTS - 1);
		return -EINVAL;
	}
	port = calloc(1, sizeof(*port));
	if (!port) {
		log_err("port %u: not created: %s", slot, strerror(ENOMEM));
		return -ENOMEM;
	}
	snprintf(port->name, sizeof(port->name), "port %u", slot);
	port->slot = slot;
	port->dev.ops = &port_ops;
	port->dev.name = port->name;
	port_reset(&port->dev);
	r = pci_host_add(host, (uint8_t)PCI_DEVFN(slot, 0), &port->dev);
	if (r) {
		free(port);
		return r;
	}
	port->host = host;
	host->ports[slot] = port;
	*out = port;
	return 0;
}

void pci_port_destroy(struct pci_port *port)
{
	if (!port)
		return;
	if (port->child)
		port->child->above = NULL;
	port->host->ports[port->slot] = NULL;
	pci_host_remove(port->host, port->dev.devfn);
	free(port);
}

int pci_port_plug(struct pci_port *port, struct pci_dev *dev)
{
	if (port->child) {
		log_err("%s: not plugged into %s: %s is there; choose another "
			"port",
			dev->name, port->name, port->child->name);
		return -EEXIST;
	}
	dev->devfn = 0;
	port->child = dev;
	dev->above = port;
	update_slot(port);
	return 0;
}

void pci_port_unplug(struct pci_port *port)
{
	if (port->child)
		port->child->above = NULL;
	port->child = NULL;
	update_slot(port);
}
