// SPDX-License-Identifier: BSD-2-Clause
/*
 * vfio-config - builds the guest's view of a device's config space: which
 * bytes come from here, which from the device, which written bits reach it,
 * and which capabilities exist at all. Owns the tables that say so. Does not
 * act on what the guest writes (vfio-pci.c does).
 *
 * The kernel protects what it must; this view decides what makes sense in a
 * guest, where the device is a single-function endpoint below a root port.
 */
#include "vfio-pci-priv.h"

#include <errno.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "log.h"

#define CAPS_START 0x40
#define CAPS_END 0x100
#define MAX_CAPS ((CAPS_END - CAPS_START) / 4)
#define MAX_EXT_CAPS ((PCI_CONFIG_SIZE - CAPS_END) / 8)

enum kind {
	EMU_RO, /* the value at start, for ever */
	EMU_RW, /* ours, all bits writable */
	HW_RO, /* the device's, writes dropped */
	HW_RW, /* the device's */
};

struct field {
	uint8_t off, len; /* len END: to the end of the capability */
	enum kind kind;
};

#define END 0xff
#define MAX_FIELDS 8

/* What a guest sees of a capability; a field not listed is EMU_RO, a
 * capability not listed does not exist. */
struct cap_rule {
	uint16_t id;
	uint16_t size; /* 0: cap_size() */
	struct field fields[MAX_FIELDS]; /* ends with len 0 */
};

static const struct field header_fields[] = {
	/* Read from the device: vfio-pci writes neither, nor do we. */
	{ PCI_STATUS, 2, HW_RO },
	{ PCI_CACHE_LINE_SIZE, 2, HW_RW }, /* and latency timer */
	{ PCI_INTERRUPT_LINE, 1, EMU_RW },
	{ 0, 0, EMU_RO },
};

static const struct cap_rule rules[] = {
	{ PCI_CAP_ID_PM,
	  8,
	  { { 2, 2, HW_RO }, { PCI_PM_CTRL, 2, HW_RW }, { 6, 2, HW_RO } } },
	{ PCI_CAP_ID_VPD, 8, { { PCI_VPD_ADDR, 6, HW_RW } } },
	{ PCI_CAP_ID_MSI, 0, { { 0 } } },
	{ PCI_CAP_ID_PCIX, 8, { { 2, 2, HW_RW }, { 4, 4, HW_RO } } },
	{ PCI_CAP_ID_VNDR, 0, { { 2, END, HW_RW } } },
	{ PCI_CAP_ID_EXP,
	  0,
	  { { PCI_EXP_DEVCAP, 4, HW_RO },
	    { PCI_EXP_DEVCTL, 4, HW_RW }, /* and status */
	    { PCI_EXP_LNKCAP, 8, HW_RO }, /* link registers are the port's */
	    { PCI_EXP_DEVCAP2, 4, HW_RO },
	    { PCI_EXP_DEVCTL2, 4, HW_RW },
	    { PCI_EXP_LNKCAP2, 8, HW_RO } } },
	{ PCI_CAP_ID_MSIX, 12, { { 0 } } },
	{ PCI_CAP_ID_SATA, 8, { { 2, 6, HW_RO } } },
	{ PCI_CAP_ID_AF, 8, { { 2, 2, HW_RO }, { PCI_AF_CTRL, 2, HW_RW } } },
};

/*
 * SR-IOV, ARI, ATS, PRI, PASID, ReBAR, ACS, VC, LTR, L1SS, PTM, AER and the
 * like are agreements with the port or the IOMMU above, which are the host's:
 * no guest sees them.
 */
static const struct cap_rule ext_rules[] = {
	{ PCI_EXT_CAP_ID_DSN, 12, { { 4, 8, HW_RO } } },
	{ PCI_EXT_CAP_ID_VNDR, 0, { { 4, 4, HW_RO }, { 8, END, HW_RW } } },
	{ PCI_EXT_CAP_ID_DVSEC, 0, { { 4, 6, HW_RO }, { 10, END, HW_RW } } },
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
static void set_kind(struct vfio_pci *v, unsigned int off, enum kind kind)
{
	struct pci_config *c = &v->dev.cfg;
	bool hw = (kind == HW_RO || kind == HW_RW) && off < v->config_bytes;

	c->emu[off] = hw ? 0 : 0xff;
	c->wmask[off] = kind == EMU_RW ? 0xff : 0;
	v->fwd[off] = hw && kind == HW_RW ? 0xff : 0;
}

/* Fields of a structure of size bytes at base, which lies within 4 KiB. */
static void set_fields(struct vfio_pci *v, unsigned int base, unsigned int size,
		       const struct field *f)
{
	for (; f->len; f++) {
		unsigned int end = f->len == END ? size :
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

struct cap {
	uint16_t off, id;
};

struct cap_list {
	unsigned int nr;
	struct cap caps[MAX_EXT_CAPS];
};

static bool seen(const struct cap_list *l, unsigned int off)
{
	for (unsigned int i = 0; i < l->nr; i++)
		if (l->caps[i].off == off)
			return true;
	return false;
}

/* Both walks end at the first pointer that is out of bounds or was seen. */
static void walk(struct vfio_pci *v, struct cap_list *l)
{
	unsigned int at = vfio_config_hw_read(v, PCI_CAPABILITY_LIST, 1) & ~3u;

	l->nr = 0;
	if (!(vfio_config_hw_read(v, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST))
		return;
	while (at >= CAPS_START && at + 4 <= v->config_bytes &&
	       l->nr < MAX_CAPS && !seen(l, at)) {
		uint32_t head = vfio_config_hw_read(v, at, 2);

		l->caps[l->nr++] = (struct cap){ (uint16_t)at, head & 0xff };
		at = head >> 8 & ~3u;
	}
}

static void walk_ext(struct vfio_pci *v, struct cap_list *l)
{
	unsigned int at = CAPS_END;

	l->nr = 0;
	while (at >= CAPS_END && at + 4 <= v->config_bytes &&
	       l->nr < MAX_EXT_CAPS && !seen(l, at)) {
		uint32_t head = vfio_config_hw_read(v, at, 4);

		if (!head || head == UINT32_MAX)
			return;
		l->caps[l->nr++] =
			(struct cap){ (uint16_t)at, PCI_EXT_CAP_ID(head) };
		at = PCI_EXT_CAP_NEXT(head);
	}
}

/* Size of a capability whose rule does not tell. */
static unsigned int cap_size(struct vfio_pci *v, const struct cap *cap,
			     bool ext)
{
	uint32_t val;

	if (ext) {
		val = vfio_config_hw_read(v, cap->off + 4, 4) >> 20;
		return val < 12 ? 12 : val;
	}
	val = vfio_config_hw_read(v, cap->off + 2, 2);
	switch (cap->id) {
	case PCI_CAP_ID_MSI:
		return (val & PCI_MSI_FLAGS_64BIT ? 14 : 10) +
		       (val & PCI_MSI_FLAGS_MASKBIT ? 10 : 0);
	case PCI_CAP_ID_EXP:
		return (val & PCI_EXP_FLAGS_VERS) >= 2 ? 60 : 20;
	default: /* vendor: the byte after the pointer */
		return MAX(val & 0xff, 4);
	}
}

/* Cut short so that no capability reaches into the next or past the end. */
static unsigned int clip(const struct cap_list *l, unsigned int off,
			 unsigned int size, unsigned int end)
{
	size = MIN(size, end - off);
	for (unsigned int i = 0; i < l->nr; i++)
		if (l->caps[i].off > off)
			size = MIN(size, l->caps[i].off - off);
	return size;
}

static bool wanted(const struct vfio_pci *v, uint16_t id)
{
	if (id == PCI_CAP_ID_MSI)
		return vfio_irq(v->vfio, VFIO_MSI)->count;
	if (id == PCI_CAP_ID_MSIX)
		return vfio_irq(v->vfio, VFIO_MSIX)->count;
	return true;
}

static const struct cap_rule *find_rule(const struct cap_rule *r, size_t nr,
					uint16_t id)
{
	for (size_t i = 0; i < nr; i++)
		if (r[i].id == id)
			return &r[i];
	return NULL;
}

/* Hides what is behind a capability until its rule says more. */
static void lay_out(struct vfio_pci *v, const struct cap_list *l,
		    const struct cap *cap, const struct cap_rule *rule)
{
	bool ext = cap->off >= CAPS_END;
	unsigned int size = rule->size ? rule->size : cap_size(v, cap, ext);

	size = clip(l, cap->off, size, ext ? PCI_CONFIG_SIZE : CAPS_END);
	for (unsigned int i = 0; i < size; i++)
		set_kind(v, cap->off + i, EMU_RO);
	set_fields(v, cap->off, size, rule->fields);
	snapshot(v, cap->off, align_up(size, 4));
}

/*
 * Integrated endpoints have no link. Below a root port they need to be plain
 * endpoints with one, at its slowest.
 */
static void place_below_port(struct vfio_pci *v)
{
	struct pci_config *c = &v->dev.cfg;
	unsigned int flags = v->exp_cap + PCI_EXP_FLAGS;
	uint32_t val = pci_config_get(c, flags, 2);

	if ((val & PCI_EXP_FLAGS_TYPE) >> 4 != PCI_EXP_TYPE_RC_END)
		return;
	pci_config_set(c, flags, 2, val & ~(uint32_t)PCI_EXP_FLAGS_TYPE);
	for (unsigned int i = PCI_EXP_LNKCAP; i < PCI_EXP_LNKCAP + 8; i++)
		set_kind(v, v->exp_cap + i, EMU_RO);
	pci_config_set(c, v->exp_cap + PCI_EXP_LNKCAP, 4,
		       PCI_EXP_LNKCAP_SLS_2_5GB | 1 << 4);
	pci_config_set(
		c, v->exp_cap + PCI_EXP_LNKCTL, 4,
		(uint32_t)(PCI_EXP_LNKSTA_CLS_2_5GB | PCI_EXP_LNKSTA_NLW_X1)
			<< 16);
}

static void remember(struct vfio_pci *v, const struct cap *cap)
{
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
		place_below_port(v);
		break;
	case PCI_CAP_ID_AF:
		v->af_cap = cap->off;
		break;
	default:
		break;
	}
}

static void init_caps(struct vfio_pci *v)
{
	struct pci_config *c = &v->dev.cfg;
	unsigned int link = PCI_CAPABILITY_LIST;
	struct cap_list list;

	/* Drivers read their device's registers between capabilities; only
	 * a quirk lets them write there, where the kernel filters nothing. */
	for (unsigned int i = CAPS_START; i < CAPS_END; i++)
		set_kind(v, i, v->quirk->raw_gaps ? HW_RW : HW_RO);
	walk(v, &list);
	for (unsigned int i = 0; i < list.nr; i++) {
		const struct cap *cap = &list.caps[i];
		const struct cap_rule *rule =
			find_rule(rules, ARRAY_SIZE(rules), cap->id);

		if (!rule || !wanted(v, cap->id))
			continue;
		lay_out(v, &list, cap, rule);
		c->data[link] = (uint8_t)cap->off;
		link = cap->off + PCI_CAP_LIST_NEXT;
		c->data[link] = 0;
		c->data[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
		remember(v, cap);
	}
}

static void init_ext_caps(struct vfio_pci *v)
{
	struct pci_config *c = &v->dev.cfg;
	unsigned int link = 0;
	struct cap_list list;

	walk_ext(v, &list);
	for (unsigned int i = 0; i < list.nr; i++) {
		const struct cap *cap = &list.caps[i];
		const struct cap_rule *rule =
			find_rule(ext_rules, ARRAY_SIZE(ext_rules), cap->id);
		uint32_t head;

		if (!rule)
			continue;
		lay_out(v, &list, cap, rule);
		head = pci_config_get(c, cap->off, 4) & 0xfffff;
		pci_config_set(c, cap->off, 4, head);
		/* The list starts at 0x100 whatever is there: an empty
		 * capability stands in for a hidden one. */
		if (cap->off != CAPS_END) {
			if (!link)
				link = CAPS_END;
			head = pci_config_get(c, link, 4) & 0xfffff;
			pci_config_set(c, link, 4,
				       head | (uint32_t)cap->off << 20);
		}
		link = cap->off;
	}
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
	if (v->config_bytes > CAPS_END)
		init_ext_caps(v);
	return 0;
}
