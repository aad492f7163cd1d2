// SPDX-License-Identifier: BSD-2-Clause
/*
 * vfio-quirk - the table of devices that need an exception from what the rest
 * of vfio-*.c does, and what these exceptions do. Owns both; the common code
 * asks the row of its device and never for a vendor. HACKING.md says how a
 * device is added.
 */
#include "vfio-pci-priv.h"

#include <errno.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "log.h"

#define DEVICE(v, d) .id = (v) | (uint32_t)(d) << 16, .id_mask = 0xffffffff
/* The device's upper byte. */
#define FAMILY(v, d) .id = (v) | (uint32_t)(d) << 16, .id_mask = 0xff00ffff
#define VENDOR(v) .id = (v), .id_mask = 0xffff
#define CLASS(c) .class_code = (c), .class_mask = 0xffff00
#define CLASS_BASE(c) .class_code = (c), .class_mask = 0xff0000
#define CLASS_IF(c) .class_code = (c), .class_mask = 0xffffff

/*
 * Display controllers of NVIDIA show their config space a second time, in a
 * page of BAR 0. There the guest must find what config space says, or its
 * driver would take the host's addresses for its own.
 */
static uint64_t mirror_read(struct vfio_pci *v, uint64_t offset,
			    unsigned int len)
{
	uint64_t val = 0;

	if (offset % len || offset + len > PCI_CONFIG_SIZE)
		return all_ones(len);
	for (unsigned int i = 0; i < len; i += 4)
		val |= (uint64_t)pci_dev_read(&v->dev, (unsigned int)offset + i,
					      MIN(len, 4u))
		       << (8 * i);
	return val;
}

static void mirror_write(struct vfio_pci *v, uint64_t offset, unsigned int len,
			 uint64_t val)
{
	if (offset % len || offset + len > PCI_CONFIG_SIZE)
		return;
	for (unsigned int i = 0; i < len; i += 4)
		pci_dev_write(&v->dev, (unsigned int)offset + i, MIN(len, 4u),
			      (uint32_t)(val >> (8 * i)));
	/* By writing to the header of the MSI capability, which config space
	 * itself ignores, the driver says that it has served an interrupt. */
	if (v->irqs.msi_cap &&
	    ranges_overlap(offset, len, v->irqs.msi_cap, PCI_MSI_FLAGS))
		(void)vfio_write(v->vfio, VFIO_REGION_BAR0, 0x88000 + offset,
				 &val, len);
}

static const struct vfio_trap nvidia_mirror[] = {
	{ 0, 0x88000, PCI_CONFIG_SIZE, mirror_read, mirror_write },
	{ .size = 0 },
};

/*
 * NVIDIA's capability for virtual machines: GPUs of the same clique can reach
 * each other's memory, which their driver cannot find out below a virtual
 * root port. A vendor capability of 8 bytes: signature "P2P", then version
 * (3 bits, 0) and clique (4 bits). It is at 0xc8, or at 0xd4 where the
 * device has another there.
 */
static int add_clique(struct vfio_pci *v)
{
	static const uint8_t signature[] = { 8, 'P', '2', 'P' };
	struct pci_config *c = &v->dev.cfg;
	unsigned int at;

	if (v->gpudirect_clique < 0)
		return 0;
	if (pci_config_add_cap(c, PCI_CAP_ID_VNDR, 0xc8, 8, &at) &&
	    pci_config_add_cap(c, PCI_CAP_ID_VNDR, 0xd4, 8, &at)) {
		log_err("%s: gpudirect-clique: no room for its capability at 0xc8 or 0xd4; leave it out",
			v->dev.name);
		return -ENOSPC;
	}
	/* Ours, where a gap was the device's. */
	memset(c->emu + at, 0xff, 8);
	memset(v->fwd + at, 0, 8);
	memcpy(c->data + at + 2, signature, sizeof(signature));
	c->data[at + 6] = (uint8_t)(v->gpudirect_clique << 3);
	c->data[at + 7] = 0;
	return 0;
}

/* The first match wins; the last row matches everything. */
static const struct vfio_quirk quirks[] = {
	{ VENDOR(0x10de), CLASS(0x030000), .gpudirect = true,
	  .setup = add_clique, .traps = nvidia_mirror,
	  .reason = "NVIDIA: config space is mirrored in BAR 0; GPUDirect" },
	{ VENDOR(0x10de), CLASS_BASE(0x030000), .gpudirect = true,
	  .setup = add_clique, .reason = "NVIDIA: GPUDirect" },
	{ FAMILY(0x1425, 0x5800), .pba_offset = 0x1000,
	  .reason = "Chelsio T5 VF: says 0x8000, beyond its BAR of 8 KiB" },
	{ DEVICE(0x1d22, 0x3685), .pba_offset = 0xb400,
	  .reason = "Kunlun VF: says 0x460000, beyond its BAR" },
	{ CLASS_IF(0x0c0320), .raw_gaps = true,
	  .reason = "EHCI hand-over registers lie outside any capability" },
	{ CLASS_IF(0x0c0330), .raw_gaps = true,
	  .reason = "xHCI port routing registers lie outside any capability" },
	{ CLASS(0x040300), .raw_gaps = true,
	  .reason = "HD Audio traffic class and snoop registers" },
	{ .reason = NULL },
};

const struct vfio_quirk *vfio_quirk_find(uint16_t vendor, uint16_t device,
					 uint32_t class_code)
{
	uint32_t id = vendor | (uint32_t)device << 16;
	const struct vfio_quirk *q = quirks;

	while ((id & q->id_mask) != q->id ||
	       (class_code & q->class_mask) != q->class_code)
		q++;
	return q;
}

/* Only where what the device says cannot be: a newer one may be right. */
static void fix_pba(struct vfio_pci *v)
{
	struct pci_config *c = &v->dev.cfg;
	unsigned int reg = v->irqs.msix_cap + PCI_MSIX_PBA;
	uint32_t val, bar;

	if (!v->irqs.msix_cap || !v->quirk->pba_offset)
		return;
	val = pci_config_get(c, reg, 4);
	bar = val & PCI_MSIX_PBA_BIR;
	if (bar < PCI_NR_BARS &&
	    (val & PCI_MSIX_PBA_OFFSET) >= vfio_region(v->vfio, bar)->size)
		pci_config_set(c, reg, 4, v->quirk->pba_offset | bar);
}

int vfio_quirk_setup(struct vfio_pci *v)
{
	if (v->gpudirect_clique >= 0 && !v->quirk->gpudirect) {
		log_err("%s: gpudirect-clique: only for NVIDIA GPUs, which this is not; leave it out",
			v->dev.name);
		return -ENOTSUP;
	}
	fix_pba(v);
	return v->quirk->setup ? v->quirk->setup(v) : 0;
}

const struct vfio_trap *vfio_quirk_trap(const struct vfio_pci *v,
					unsigned int bar, uint64_t offset,
					unsigned int len)
{
	const struct vfio_trap *t = v->quirk->traps;

	for (; t && t->size; t++)
		if (t->bar == bar &&
		    ranges_overlap(t->offset, t->size, offset, len))
			return t;
	return NULL;
}
