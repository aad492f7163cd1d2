// SPDX-License-Identifier: BSD-2-Clause
/*
 * The default configuration accessors of a function: its pci_config and
 * pci_bars behind one address space.  Owns nothing; the function does.
 */
#include "pci-tree.h"

#include <linux/pci_regs.h>

/* The BAR register at off, or -1. */
static int bar_reg(const struct pci_dev *dev, unsigned int off)
{
	bool bridge = (dev->cfg.data[PCI_HEADER_TYPE] & PCI_HEADER_TYPE_MASK) ==
		      PCI_HEADER_TYPE_BRIDGE;
	unsigned int nr = bridge ? 2 : PCI_NR_BARS;
	unsigned int rom = bridge ? PCI_ROM_ADDRESS1 : PCI_ROM_ADDRESS;

	if (off >= PCI_BASE_ADDRESS_0 && off < PCI_BASE_ADDRESS_0 + 4 * nr)
		return (int)(off - PCI_BASE_ADDRESS_0) / 4;
	if (off >= rom && off < rom + 4)
		return PCI_BAR_ROM;
	return -1;
}

uint32_t pci_dev_config_read(struct pci_dev *dev, unsigned int off,
			     unsigned int len)
{
	int reg = bar_reg(dev, off);

	if (reg < 0)
		return pci_config_get(&dev->cfg, off, len);
	return pci_bars_read(&dev->bars, (unsigned int)reg) >> off % 4 * 8 &
	       (uint32_t)all_ones(len);
}

static uint8_t decode_bits(const struct pci_dev *dev)
{
	return dev->cfg.data[PCI_COMMAND] &
	       (PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
}

void pci_dev_config_write(struct pci_dev *dev, unsigned int off,
			  unsigned int len, uint32_t val)
{
	unsigned int shift = off % 4 * 8;
	uint8_t decode = decode_bits(dev);
	int reg = bar_reg(dev, off);
	bool moved = false;

	if (reg < 0)
		pci_config_write(&dev->cfg, off, len, val);
	else
		moved = pci_bars_write(&dev->bars, (unsigned int)reg,
				       val << shift,
				       (uint32_t)all_ones(len) << shift);
	if (decode_bits(dev) == decode && !(moved && decode))
		return;
	if (dev->ops && dev->ops->decode_changed)
		dev->ops->decode_changed(dev);
}

uint32_t pci_dev_read(struct pci_dev *dev, unsigned int off, unsigned int len)
{
	if (dev->ops && dev->ops->config_read)
		return dev->ops->config_read(dev, off, len);
	return pci_dev_config_read(dev, off, len);
}

void pci_dev_write(struct pci_dev *dev, unsigned int off, unsigned int len,
		   uint32_t val)
{
	if (dev->ops && dev->ops->config_write)
		dev->ops->config_write(dev, off, len, val);
	else
		pci_dev_config_write(dev, off, len, val);
}

uint16_t pci_dev_requester(const struct pci_dev *dev)
{
	unsigned int bus = dev->above ? pci_port_secondary(dev->above) : 0;

	return (uint16_t)(bus << 8 | dev->devfn);
}

bool pci_dev_mem_enabled(const struct pci_dev *dev)
{
	return dev->cfg.data[PCI_COMMAND] & PCI_COMMAND_MEMORY;
}

bool pci_dev_io_enabled(const struct pci_dev *dev)
{
	return dev->cfg.data[PCI_COMMAND] & PCI_COMMAND_IO;
}
