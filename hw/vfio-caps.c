// SPDX-License-Identifier: BSD-2-Clause
/*
 * vfio-caps - finds the capabilities of a config space and owns the table that
 * says what a guest sees of each. Does not lay them out (vfio-config.c does).
 *
 * A guest sees what works there: registers of the function itself. What is an
 * agreement with the port, the link or the IOMMU above it is the host's, for
 * the guest has another port, and no IOMMU.
 */
#include "vfio-caps.h"

#include <linux/pci_regs.h>

#include "util.h"

#define CAPS_START 0x40
#define CAPS_END 0x100

#define HIDE(id_, size_, name_, why_)                                         \
	{                                                                     \
		.id = (id_), .size = (size_), .name = (name_), .why = (why_), \
		.treatment = VFIO_CAP_HIDDEN,                                 \
	}

static const char of_bridges[] = "belongs to bridges";
static const char of_port[] = "an agreement with the host's port above it";
static const char of_root[] = "belongs to root ports and root complexes";
static const char of_iommu[] =
	"an agreement with the host's IOMMU; the guest has none";
static const char of_link[] = "the link is the host's";
static const char of_power[] = "power is budgeted by the host";
static const char of_errors[] = "errors of the link go to the host";

/* In the order of their numbers. A number that is not here is hidden. */
static const struct vfio_cap_rule rules[] = {
	HIDE(0x00, 4, "Null", "it is empty"),
	{ .id = PCI_CAP_ID_PM,
	  .size = 8,
	  .treatment = VFIO_CAP_PASSED,
	  .name = "Power Management",
	  .why = "the kernel changes the state; BARs go and come with it",
	  .fields = { { 2, 2, VFIO_FIELD_HW_RO },
		      { PCI_PM_CTRL, 2, VFIO_FIELD_HW_RW },
		      { 6, 2, VFIO_FIELD_HW_RO } } },
	HIDE(PCI_CAP_ID_AGP, 0, "AGP", "its bus is the host's"),
	{ .id = PCI_CAP_ID_VPD,
	  .size = 8,
	  .treatment = VFIO_CAP_PASSED,
	  .name = "Vital Product Data",
	  .why = "the kernel performs each access",
	  .fields = { { PCI_VPD_ADDR, 6, VFIO_FIELD_HW_RW } } },
	HIDE(PCI_CAP_ID_SLOTID, 4, "Slot Identification", of_bridges),
	{ .id = PCI_CAP_ID_MSI,
	  .treatment = VFIO_CAP_EMULATED,
	  .name = "MSI",
	  .why = "interrupts go by irqfd, if its driver offers them" },
	HIDE(PCI_CAP_ID_CHSWP, 4, "CompactPCI Hot Swap",
	     "the slot is the host's"),
	{ .id = PCI_CAP_ID_PCIX,
	  .size = 8,
	  .treatment = VFIO_CAP_PASSED,
	  .name = "PCI-X",
	  .why = "the device's own command register",
	  .fields = { { 2, 2, VFIO_FIELD_HW_RW },
		      { 4, 4, VFIO_FIELD_HW_RO } } },
	HIDE(PCI_CAP_ID_HT, 0, "HyperTransport", "its bus is the host's"),
	{ .id = PCI_CAP_ID_VNDR,
	  .treatment = VFIO_CAP_PASSED,
	  .many = true,
	  .name = "Vendor Specific",
	  .why = "only its driver knows what it is",
	  .fields = { { 2, VFIO_FIELD_END, VFIO_FIELD_HW_RW } } },
	HIDE(PCI_CAP_ID_DBG, 0, "Debug Port", "it is for the host's console"),
	HIDE(PCI_CAP_ID_CCRC, 0, "CompactPCI Resource Control",
	     "the slot is the host's"),
	HIDE(PCI_CAP_ID_SHPC, 8, "Hot-Plug Controller", of_bridges),
	HIDE(PCI_CAP_ID_SSVID, 8, "Bridge Subsystem", of_bridges),
	HIDE(PCI_CAP_ID_AGP3, 0, "AGP 8x", "its bus is the host's"),
	HIDE(PCI_CAP_ID_SECDEV, 0, "Secure Device", of_iommu),
	{ .id = PCI_CAP_ID_EXP,
	  .treatment = VFIO_CAP_PASSED,
	  .name = "PCI Express",
	  .why = "as an endpoint below a root port; the link is read-only",
	  .fields = { { PCI_EXP_DEVCAP, 4, VFIO_FIELD_HW_RO },
		      { PCI_EXP_DEVCTL, 4, VFIO_FIELD_HW_RW }, /* + status */
		      { PCI_EXP_LNKCAP, 8, VFIO_FIELD_HW_RO },
		      { PCI_EXP_DEVCAP2, 4, VFIO_FIELD_HW_RO },
		      { PCI_EXP_DEVCTL2, 4, VFIO_FIELD_HW_RW },
		      { PCI_EXP_LNKCAP2, 8, VFIO_FIELD_HW_RO } } },
	{ .id = PCI_CAP_ID_MSIX,
	  .size = 12,
	  .treatment = VFIO_CAP_EMULATED,
	  .name = "MSI-X",
	  .why = "interrupts go by irqfd, if its driver offers them" },
	{ .id = PCI_CAP_ID_SATA,
	  .size = 8,
	  .treatment = VFIO_CAP_PASSED,
	  .name = "SATA",
	  .why = "says where its registers are",
	  .fields = { { 2, 6, VFIO_FIELD_HW_RO } } },
	{ .id = PCI_CAP_ID_AF,
	  .size = 8,
	  .treatment = VFIO_CAP_PASSED,
	  .name = "Advanced Features",
	  .why = "a function reset goes through the kernel",
	  .fields = { { 2, 2, VFIO_FIELD_HW_RO },
		      { PCI_AF_CTRL, 2, VFIO_FIELD_HW_RW } } },
	HIDE(PCI_CAP_ID_EA, 0, "Enhanced Allocation",
	     "its addresses are the host's; the BARs are offered as such"),
};

/* Numbers by value where headers of Linux 6.1 have no name. */
static const struct vfio_cap_rule ext_rules[] = {
	HIDE(0x0000, 4, "Null", "it is empty"),
	HIDE(PCI_EXT_CAP_ID_ERR, 0, "Advanced Error Reporting", of_errors),
	HIDE(PCI_EXT_CAP_ID_VC, 0, "Virtual Channel", of_port),
	{ .id = PCI_EXT_CAP_ID_DSN,
	  .size = 12,
	  .treatment = VFIO_CAP_PASSED,
	  .name = "Device Serial Number",
	  .why = "identifies the device",
	  .fields = { { 4, 8, VFIO_FIELD_HW_RO } } },
	HIDE(PCI_EXT_CAP_ID_PWR, 0, "Power Budgeting", of_power),
	HIDE(PCI_EXT_CAP_ID_RCLD, 0, "Root Complex Link Declaration", of_root),
	HIDE(PCI_EXT_CAP_ID_RCILC, 0, "Root Complex Internal Link", of_root),
	HIDE(PCI_EXT_CAP_ID_RCEC, 0, "Root Complex Event Collector", of_root),
	HIDE(PCI_EXT_CAP_ID_MFVC, 0, "Multi-Function Virtual Channel", of_port),
	HIDE(PCI_EXT_CAP_ID_VC9, 0, "Virtual Channel", of_port),
	HIDE(PCI_EXT_CAP_ID_RCRB, 0, "Root Complex Register Block", of_root),
	{ .id = PCI_EXT_CAP_ID_VNDR,
	  .treatment = VFIO_CAP_PASSED,
	  .many = true,
	  .name = "Vendor Specific",
	  .why = "only its driver knows what it is",
	  .fields = { { 4, 4, VFIO_FIELD_HW_RO },
		      { 8, VFIO_FIELD_END, VFIO_FIELD_HW_RW } } },
	HIDE(PCI_EXT_CAP_ID_CAC, 0, "Configuration Access Correlation",
	     of_root),
	HIDE(PCI_EXT_CAP_ID_ACS, 0, "Access Control Services",
	     "isolation is the host's"),
	HIDE(PCI_EXT_CAP_ID_ARI, 0, "Alternative Routing-ID",
	     "it is the only function of its port in the guest"),
	{ .id = PCI_EXT_CAP_ID_ATS,
	  .size = 8,
	  .treatment = VFIO_CAP_PASSED,
	  .on_request = true,
	  .name = "Address Translation Services",
	  .why = of_iommu,
	  .fields = { { 4, 4, VFIO_FIELD_HW_RO } } },
	HIDE(PCI_EXT_CAP_ID_SRIOV, 0, "SR-IOV",
	     "virtual functions are made by the host"),
	HIDE(PCI_EXT_CAP_ID_MRIOV, 0, "MR-IOV", of_port),
	HIDE(PCI_EXT_CAP_ID_MCAST, 0, "Multicast", of_port),
	{ .id = PCI_EXT_CAP_ID_PRI,
	  .size = 16,
	  .treatment = VFIO_CAP_PASSED,
	  .on_request = true,
	  .name = "Page Request Interface",
	  .why = of_iommu,
	  .fields = { { 4, 12, VFIO_FIELD_HW_RO } } },
	HIDE(PCI_EXT_CAP_ID_AMD_XXX, 0, "AMD Reserved", "it is undocumented"),
	HIDE(PCI_EXT_CAP_ID_REBAR, 0, "Resizable BAR",
	     "the kernel lets no BAR be resized while it is assigned"),
	HIDE(PCI_EXT_CAP_ID_DPA, 0, "Dynamic Power Allocation", of_power),
	HIDE(PCI_EXT_CAP_ID_TPH, 0, "TPH Requester",
	     "steering tags name the host's CPUs"),
	HIDE(PCI_EXT_CAP_ID_LTR, 0, "Latency Tolerance Reporting", of_port),
	HIDE(PCI_EXT_CAP_ID_SECPCI, 0, "Secondary PCI Express", of_link),
	HIDE(PCI_EXT_CAP_ID_PMUX, 0, "Protocol Multiplexing", of_link),
	HIDE(PCI_EXT_CAP_ID_PASID, 0, "PASID", of_iommu),
	HIDE(0x001c, 0, "LN Requester", of_port),
	HIDE(PCI_EXT_CAP_ID_DPC, 0, "Downstream Port Containment", of_bridges),
	HIDE(PCI_EXT_CAP_ID_L1SS, 0, "L1 PM Substates", of_link),
	HIDE(PCI_EXT_CAP_ID_PTM, 0, "Precision Time Measurement", of_port),
	HIDE(0x0020, 0, "PCI Express over M-PHY", of_link),
	HIDE(0x0021, 0, "FRS Queueing", of_root),
	HIDE(0x0022, 0, "Readiness Time Reporting",
	     "resets go through the kernel, which waits"),
	{ .id = PCI_EXT_CAP_ID_DVSEC,
	  .treatment = VFIO_CAP_PASSED,
	  .many = true,
	  .name = "Designated Vendor-Specific",
	  .why = "only its driver knows what it is",
	  .fields = { { 4, 6, VFIO_FIELD_HW_RO },
		      { 10, VFIO_FIELD_END, VFIO_FIELD_HW_RW } } },
	HIDE(0x0024, 0, "VF Resizable BAR",
	     "virtual functions are made by the host"),
	HIDE(0x0025, 0, "Data Link Feature", of_link),
	HIDE(0x0026, 0, "Physical Layer 16.0 GT/s", of_link),
	HIDE(0x0027, 0, "Lane Margining", of_link),
	HIDE(0x0028, 0, "Hierarchy ID", of_root),
	HIDE(0x0029, 0, "Native PCIe Enclosure Management", of_bridges),
	HIDE(0x002a, 0, "Physical Layer 32.0 GT/s", of_link),
	HIDE(0x002b, 0, "Alternate Protocol", of_link),
	HIDE(0x002c, 0, "System Firmware Intermediary", of_bridges),
	HIDE(0x002d, 0, "Shadow Functions", of_port),
	HIDE(0x002e, 0, "Data Object Exchange",
	     "its objects speak for the host's link and its keys"),
	HIDE(0x002f, 0, "Device 3", of_link),
	HIDE(0x0030, 0, "Integrity and Data Encryption", of_link),
	HIDE(0x0031, 0, "Physical Layer 64.0 GT/s", of_link),
	HIDE(0x0032, 0, "Flit Logging", of_errors),
	HIDE(0x0033, 0, "Flit Performance", of_link),
	HIDE(0x0034, 0, "Flit Error Injection", of_errors),
	HIDE(0x0035, 0, "Streamlined Virtual Channel", of_port),
	HIDE(0x0036, 0, "MMIO Register Block Locator",
	     "its block is for the host's drivers"),
};

static const struct vfio_cap_rule unknown =
	HIDE(0, 0, "unknown", "nobody knows whether it can work in a guest");

static const struct vfio_cap_rule again =
	HIDE(0, 0, "duplicate", "the list has one of this kind before it");

static const struct vfio_cap_rule cut_short =
	HIDE(0, 0, "cut short", "it reaches into the next or past the end");

static const struct vfio_cap_rule *find_rule(uint16_t id, bool ext)
{
	const struct vfio_cap_rule *r = ext ? ext_rules : rules;
	size_t nr = ext ? ARRAY_SIZE(ext_rules) : ARRAY_SIZE(rules);

	for (size_t i = 0; i < nr; i++)
		if (r[i].id == id)
			return &r[i];
	return &unknown;
}

struct space {
	unsigned int bytes;
	vfio_caps_read_fn read;
	void *opaque;
};

static uint32_t rd(const struct space *s, unsigned int off, unsigned int len)
{
	return off + len <= s->bytes ? s->read(s->opaque, off, len) : 0;
}

/* Drivers take the first of a kind; there must not be one unlike it. */
static const struct vfio_cap_rule *rule_for(const struct vfio_caps *caps,
					    uint16_t id, bool ext)
{
	const struct vfio_cap_rule *rule = find_rule(id, ext);

	if (rule->treatment == VFIO_CAP_HIDDEN || rule->many)
		return rule;
	for (unsigned int i = 0; i < caps->nr; i++)
		if (caps->cap[i].rule == rule)
			return &again;
	return rule;
}

static bool seen(const struct vfio_caps *caps, unsigned int off)
{
	for (unsigned int i = 0; i < caps->nr; i++)
		if (caps->cap[i].off == off)
			return true;
	return false;
}

static void add(struct vfio_caps *caps, unsigned int off, uint16_t id, bool ext)
{
	caps->cap[caps->nr] = (struct vfio_cap){
		.id = id,
		.off = (uint16_t)off,
		.ext = ext,
		.rule = rule_for(caps, id, ext),
	};
	caps->nr++;
}

static void walk(struct vfio_caps *caps, const struct space *s)
{
	unsigned int end = MIN(s->bytes, CAPS_END);
	unsigned int at = rd(s, PCI_CAPABILITY_LIST, 1) & ~3u;

	if (!(rd(s, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST))
		return;
	while (at >= CAPS_START && at + 4 <= end && !seen(caps, at)) {
		uint32_t head = rd(s, at, 2);

		add(caps, at, head & 0xff, false);
		at = head >> 8 & ~3u;
	}
}

static void walk_ext(struct vfio_caps *caps, const struct space *s)
{
	unsigned int at = CAPS_END;

	/* Four bytes each, so there is room for all. */
	while (at >= CAPS_END && at + 4 <= s->bytes && !seen(caps, at)) {
		uint32_t head = rd(s, at, 4);

		if (!head || head == UINT32_MAX)
			return;
		add(caps, at, PCI_EXT_CAP_ID(head), true);
		at = PCI_EXT_CAP_NEXT(head);
	}
}

/* Of a capability that is hidden and has no size: its header. */
static unsigned int claimed_size(const struct space *s,
				 const struct vfio_cap *cap)
{
	uint32_t val;

	if (cap->rule->size)
		return cap->rule->size;
	if (cap->rule->treatment == VFIO_CAP_HIDDEN)
		return 4;
	if (cap->ext) {
		val = rd(s, cap->off + 4u, 4) >> 20;
		return MAX(val, 12u);
	}
	val = rd(s, cap->off + 2u, 2);
	switch (cap->id) {
	case PCI_CAP_ID_MSI:
		return (val & PCI_MSI_FLAGS_64BIT ? 14 : 10) +
		       (val & PCI_MSI_FLAGS_MASKBIT ? 10 : 0);
	case PCI_CAP_ID_EXP:
		return (val & PCI_EXP_FLAGS_VERS) >= 2 ? 60 : 20;
	default: /* vendor: the byte after the pointer */
		return MAX(val & 0xff, 4u);
	}
}

/* Less than this is no such capability: what follows would be taken for a
 * part of it. */
static unsigned int least_size(const struct vfio_cap *cap, unsigned int claimed)
{
	if (cap->rule->many || cap->rule->treatment == VFIO_CAP_HIDDEN)
		return 0;
	/* Integrated endpoints may leave out what is of links. */
	return !cap->ext && cap->id == PCI_CAP_ID_EXP ? 12 : claimed;
}

static unsigned int clip(const struct vfio_caps *caps, unsigned int off,
			 unsigned int size, unsigned int end)
{
	size = MIN(size, end - off);
	for (unsigned int i = 0; i < caps->nr; i++)
		if (caps->cap[i].off > off)
			size = MIN(size, caps->cap[i].off - off);
	return size;
}

void vfio_caps_find(struct vfio_caps *caps, unsigned int config_bytes,
		    vfio_caps_read_fn read, void *opaque)
{
	const struct space s = { config_bytes, read, opaque };

	caps->nr = 0;
	walk(caps, &s);
	walk_ext(caps, &s);
	for (unsigned int i = 0; i < caps->nr; i++) {
		struct vfio_cap *cap = &caps->cap[i];
		unsigned int end = cap->ext ? s.bytes : MIN(s.bytes, CAPS_END);

		unsigned int claimed = claimed_size(&s, cap);

		cap->size = (uint16_t)clip(caps, cap->off, claimed, end);
		if (cap->size < least_size(cap, claimed))
			cap->rule = &cut_short;
	}
}

const char *vfio_treatment_name(enum vfio_treatment t)
{
	static const char *const names[] = { "hidden", "emulated", "passed" };

	return names[t];
}
