// SPDX-License-Identifier: BSD-2-Clause
/*
 * vfio-config - builds the guest's view of a device's config space: which
 * bytes come from here, which from the device, and which written bits reach
 * it. What becomes of each capability is in the table of vfio-caps.c; what the
 * guest writes is acted on by vfio-pci.c.
 *
 * The kernel protects what it must; this view decides what makes sense in a
 * guest, where the device is a single-function endpoint below a root port.
 */
#include "vfio-pci-priv.h"

#include <errno.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "log.h"
#include "vfio-caps.h"

#define CAPS_START 0x40
#define CAPS_END 0x100

static const struct vfio_field header_fields[] = {
	/* Read from the device: vfio-pci writes neither, nor do we. */
	{ PCI_STATUS, 2, VFIO_FIELD_HW_RO },
	{ PCI_CACHE_LINE_SIZE, 2, VFIO_FIELD_HW_RW }, /* and latency timer */
	{ PCI_INTERRUPT_LINE, 1, VFIO_FIELD_EMU_RW },
	{ 0, 0, VFIO_FIELD_EMU_RO },
};

uint32_t vfio_config_hw_read(struct vfio_pci *v, unsigned int off,
			     unsigned int len)
{
	uint32_t val = 0;
	int r = vfio_read(v->vfio, VFIO_REGION_CONFIG, off, &val, len);

	v->nr_config_reads++;
	if (!r)
		return val;
	log_guest(&v->rl, "%s: cannot read config space at 0x%x: %s",
		  v->dev.name, off, strerror(-r));
	return (uint32_t)all_ones(len);
}

void vfio_config_hw_write(struct vfio_pci *v, unsigned int off,
			  unsigned int len, uint32_t val)
{
	int r = vfio_write(v->vfio, VFIO_REGION_CONFIG, off, &val, len);

	v->nr_config_writes++;
	if (r < 0)
		log_guest(&v->rl, "%s: cannot write config space at 0x%x: %s",
			  v->dev.name, off, strerror(-r));
}

void vfio_config_forward(struct vfio_pci *v, unsigned int off, unsigned int len,
			 uint32_t val)
{
	uint32_t fwd = (uint32_t)load_le(v->fwd + off, len);

	if (!fwd)
		return;
	/* The kernel acts on what an access covers, so the guest's width is
	 * kept wherever all of it may pass. */
	if (fwd == (uint32_t)all_ones(len)) {
		v->touched = true;
		vfio_config_hw_write(v, off, len, val);
	} else if (len > 1) {
		vfio_config_forward(v, off, len / 2, val);
		vfio_config_forward(v, off + len / 2, len / 2,
				    val >> (len / 2 * 8));
	}
}

/* One byte's kind; masks are whole bytes here, bits are set apart below. */
static void set_kind(struct vfio_pci *v, unsigned int off,
		     enum vfio_field_kind kind)
{
	struct pci_config *c = &v->dev.cfg;
	bool hw = (kind == VFIO_FIELD_HW_RO || kind == VFIO_FIELD_HW_RW) &&
		  off < v->config_bytes;

	c->emu[off] = hw ? 0 : 0xff;
	c->wmask[off] = kind == VFIO_FIELD_EMU_RW ? 0xff : 0;
	v->fwd[off] = hw && kind == VFIO_FIELD_HW_RW ? 0xff : 0;
}

/* Fields of a structure of size bytes at base, which lies within 4 KiB. */
static void set_fields(struct vfio_pci *v, unsigned int base, unsigned int size,
		       const struct vfio_field *f)
{
	for (; f->len; f++) {
		unsigned int end = f->len == VFIO_FIELD_END ?
					   size :
					   MIN(size, f->off + f->len);

		for (unsigned int i = f->off; i < end; i++)
			set_kind(v, base + i, f->kind);
	}
}

/* Fills the emulated bytes of [base, base + size) with the device's. */
static void snapshot(struct vfio_pci *v, unsigned int base, unsigned int size)
{
	struct pci_config *c = &v->dev.cfg;

	for (unsigned int i = base; i < base + size; i += 4) {
		if (!load_le(c->emu + i, 4) || i >= v->config_bytes)
			continue;
		store_le(c->data + i, 4, vfio_config_hw_read(v, i, 4));
	}
}

static int init_header(struct vfio_pci *v)
{
	struct pci_config *c = &v->dev.cfg;
	uint32_t class_code;

	set_fields(v, 0, 0x40, header_fields);
	snapshot(v, 0, 0x40);
	if (pci_config_get(c, PCI_VENDOR_ID, 2) == 0xffff) {
		log_err("%s: cannot be assigned: its config space reads ones, so it does not answer; reset it or power-cycle the host",
			v->dev.name);
		return -EIO;
	}
	if (c->data[PCI_HEADER_TYPE] & PCI_HEADER_TYPE_MASK) {
		log_err("%s: cannot be assigned: it is a bridge; assign the devices below it",
			v->dev.name);
		return -ENOTSUP;
	}
	class_code = pci_config_get(c, PCI_CLASS_REVISION, 4) >> 8;
	v->quirk = vfio_quirk_find(
		(uint16_t)pci_config_get(c, PCI_VENDOR_ID, 2),
		(uint16_t)pci_config_get(c, PCI_DEVICE_ID, 2), class_code);

	/* What errors the host has seen is no business of the guest, and it
	 * could not clear them. */
	pci_config_set(c, PCI_STATUS, 2, 0);
	pci_config_set_emu(c, PCI_STATUS, 2, 0xf900 | PCI_STATUS_CAP_LIST);
	pci_config_set(c, PCI_COMMAND, 2, 0);
	pci_config_set_wmask(c, PCI_COMMAND, 2,
			     PCI_COMMAND_IO | PCI_COMMAND_MEMORY |
				     PCI_COMMAND_MASTER | PCI_COMMAND_PARITY |
				     PCI_COMMAND_SERR |
				     PCI_COMMAND_INTX_DISABLE);
	c->data[PCI_HEADER_TYPE] = PCI_HEADER_TYPE_NORMAL; /* one function */
	c->data[PCI_BIST] = 0;
	memset(c->data + PCI_BASE_ADDRESS_0, 0, 4 * PCI_NR_BARS + 4);
	pci_config_set(c, PCI_ROM_ADDRESS, 4, 0);
	c->data[PCI_CAPABILITY_LIST] = 0;
	c->data[PCI_INTERRUPT_LINE] = 0;
	if (!v->intx_gsi || !vfio_irq(v->vfio, VFIO_INTX)->count)
		c->data[PCI_INTERRUPT_PIN] = 0;
	else if (c->data[PCI_INTERRUPT_PIN])
		c->data[PCI_INTERRUPT_PIN] = 1;
	return 0;
}

/*
 * Endpoints and event collectors of the root complex have no link. Below a
 * root port they need to be plain endpoints with one, at its slowest; so does
 * what says it is a port.
 */
static void place_below_port(struct vfio_pci *v)
{
	struct pci_config *c = &v->dev.cfg;
	unsigned int flags = v->exp_cap + PCI_EXP_FLAGS;
	uint32_t val = pci_config_get(c, flags, 2);
	unsigned int type = (val & PCI_EXP_FLAGS_TYPE) >> 4;

	if (type == PCI_EXP_TYPE_ENDPOINT || type == PCI_EXP_TYPE_LEG_END)
		return;
	pci_config_set(c, flags, 2, val & ~(uint32_t)PCI_EXP_FLAGS_TYPE);
	for (unsigned int i = PCI_EXP_LNKCAP; i < PCI_EXP_LNKCAP + 8; i++)
		set_kind(v, v->exp_cap + i, VFIO_FIELD_EMU_RO);
	pci_config_set(c, v->exp_cap + PCI_EXP_LNKCAP, 4,
		       PCI_EXP_LNKCAP_SLS_2_5GB | 1 << 4);
	pci_config_set(
		c, v->exp_cap + PCI_EXP_LNKCTL, 4,
		(uint32_t)(PCI_EXP_LNKSTA_CLS_2_5GB | PCI_EXP_LNKSTA_NLW_X1)
			<< 16);
}

static void remember(struct vfio_pci *v, const struct vfio_cap *cap)
{
	if (cap->ext)
		return;
	switch (cap->id) {
	case PCI_CAP_ID_PM:
		v->pm_cap = cap->off;
		break;
	case PCI_CAP_ID_MSI:
		v->irqs.msi_cap = cap->off;
		break;
	case PCI_CAP_ID_MSIX:
		v->irqs.msix_cap = cap->off;
		break;
	case PCI_CAP_ID_EXP:
		v->exp_cap = cap->off;
		if (cap->size >= PCI_EXP_LNKSTA + 2)
			place_below_port(v);
		break;
	case PCI_CAP_ID_AF:
		v->af_cap = cap->off;
		break;
	default:
		break;
	}
}

static bool shown(const struct vfio_pci *v, const struct vfio_cap *cap)
{
	if (cap->rule->treatment == VFIO_CAP_HIDDEN ||
	    (cap->rule->on_request && !v->ats))
		return false;
	if (!cap->ext && cap->id == PCI_CAP_ID_MSI)
		return vfio_irq(v->vfio, VFIO_MSI)->count;
	if (!cap->ext && cap->id == PCI_CAP_ID_MSIX)
		return vfio_irq(v->vfio, VFIO_MSIX)->count;
	return true;
}

/* Ours alone from here on, zero if it is hidden. */
static void lay_out(struct vfio_pci *v, const struct vfio_cap *cap, bool show)
{
	for (unsigned int i = 0; i < cap->size; i++)
		set_kind(v, cap->off + i, VFIO_FIELD_EMU_RO);
	if (!show)
		return;
	set_fields(v, cap->off, cap->size, cap->rule->fields);
	snapshot(v, cap->off, (unsigned int)align_up(cap->size, 4));
}

/* Appends to the extended list. It starts at 0x100 whatever is there: an
 * empty capability stands in for a hidden one. */
static void link_ext(struct pci_config *c, unsigned int off, unsigned int *last)
{
	uint32_t head;

	pci_config_set(c, off, 4, pci_config_get(c, off, 4) & 0xfffff);
	if (off != CAPS_END) {
		head = pci_config_get(c, *last, 4) & 0xfffff;
		pci_config_set(c, *last, 4, head | (uint32_t)off << 20);
	}
	*last = off;
}

static uint32_t read_hw(void *opaque, unsigned int off, unsigned int len)
{
	return vfio_config_hw_read(opaque, off, len);
}

static void init_caps(struct vfio_pci *v)
{
	struct pci_config *c = &v->dev.cfg;
	unsigned int last = CAPS_END;
	struct vfio_caps caps;

	/* Drivers read their device's registers between capabilities; only
	 * a quirk lets them write there, where the kernel filters nothing. */
	for (unsigned int i = CAPS_START; i < CAPS_END; i++)
		set_kind(v, i,
			 v->quirk->raw_gaps ? VFIO_FIELD_HW_RW :
					      VFIO_FIELD_HW_RO);
	vfio_caps_find(&caps, v->config_bytes, read_hw, v);
	for (unsigned int i = 0; i < caps.nr; i++) {
		const struct vfio_cap *cap = &caps.cap[i];
		bool show = shown(v, cap);

		lay_out(v, cap, show);
		if (!show)
			continue;
		if (cap->ext)
			link_ext(c, cap->off, &last);
		else
			(void)pci_config_add_cap(
				c, (uint8_t)cap->id, cap->off,
				(unsigned int)align_up(cap->size, 4), NULL);
		remember(v, cap);
	}
}

void vfio_config_hide(struct vfio_pci *v, unsigned int off, unsigned int size)
{
	struct pci_config *c = &v->dev.cfg;
	unsigned int link = PCI_CAPABILITY_LIST;

	/* The list is ours: it has an end. */
	while (c->data[link] && c->data[link] != off)
		link = c->data[link] + PCI_CAP_LIST_NEXT;
	c->data[link] = c->data[off + PCI_CAP_LIST_NEXT];
	if (!c->data[PCI_CAPABILITY_LIST])
		c->data[PCI_STATUS] &= (uint8_t)~PCI_STATUS_CAP_LIST;
	for (unsigned int i = off; i < off + size; i++) {
		set_kind(v, i, VFIO_FIELD_EMU_RO);
		c->data[i] = 0;
	}
}

static bool has_ext_cap(const struct pci_config *c, uint16_t id)
{
	unsigned int at = CAPS_END;
	uint32_t head;

	do {
		head = pci_config_get(c, at, 4);
		if (PCI_EXT_CAP_ID(head) == id)
			return true;
		at = PCI_EXT_CAP_NEXT(head);
	} while (at);
	return false;
}

int vfio_config_init(struct vfio_pci *v)
{
	const struct vfio_region *region =
		vfio_region(v->vfio, VFIO_REGION_CONFIG);
	int r;

	pci_config_init(&v->dev.cfg);
	v->config_bytes =
		(unsigned int)align_down(MIN(region->size, PCI_CONFIG_SIZE), 4);
	if (v->config_bytes < CAPS_START) {
		log_err("%s: cannot be assigned: its driver offers no config space",
			v->dev.name);
		return -ENODEV;
	}
	r = init_header(v);
	if (r < 0)
		return r;
	init_caps(v);
	if (v->ats && !has_ext_cap(&v->dev.cfg, PCI_EXT_CAP_ID_ATS)) {
		log_err("%s: ats=on: the device has no Address Translation Services; leave it out",
			v->dev.name);
		return -ENOTSUP;
	}
	return vfio_quirk_setup(v);
}
