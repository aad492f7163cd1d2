// SPDX-License-Identifier: BSD-2-Clause
/*
 * Owns the ACPI tables: RSDP, XSDT, FADT, MADT, MCFG, SPCR, the constant DSDT
 * and the info page that it reads.  Chapters are those of ACPI 6.5.
 */
#include "x86/acpi.h"

#include <errno.h>
#include <string.h>

#include "log.h"
#include "power.h"
#include "x86/map.h"
#include "firmware/dsdt.h"

struct header {
	char signature[4];
	uint32_t length;
	uint8_t revision;
	uint8_t checksum;
	char oem_id[6];
	char oem_table_id[8];
	uint32_t oem_revision;
	char creator_id[4];
	uint32_t creator_revision;
} __attribute__((packed));

/* 5.2.3.2: generic address structure */
struct gas {
	uint8_t space; /* GAS_IO */
	uint8_t width, offset;
	uint8_t access; /* 1: bytes */
	uint64_t address;
} __attribute__((packed));

#define GAS_IO 1

/* 5.2.5.3 */
struct rsdp {
	char signature[8];
	uint8_t checksum; /* of the first 20 bytes */
	char oem_id[6];
	uint8_t revision;
	uint32_t rsdt;
	uint32_t length;
	uint64_t xsdt;
	uint8_t extended_checksum;
	uint8_t reserved[3];
} __attribute__((packed));

/* 5.2.9 */
struct fadt {
	struct header h;
	uint32_t facs, dsdt;
	uint8_t reserved0, profile;
	uint8_t legacy1[62]; /* fixed hardware: none */
	uint8_t century;
	uint16_t boot_arch;
	uint8_t reserved1;
	uint32_t flags;
	struct gas reset_reg;
	uint8_t reset_value;
	uint16_t arm_boot_arch;
	uint8_t minor_revision;
	uint64_t x_facs, x_dsdt;
	struct gas legacy2[8]; /* the same blocks again */
	struct gas sleep_control, sleep_status;
	uint64_t hypervisor;
} __attribute__((packed));

_Static_assert(sizeof(struct fadt) == 276, "FADT of ACPI 6.5");

#define FADT_NO_VGA (1 << 2)
#define FADT_NO_ASPM (1 << 4) /* virtual links have no power states */
#define FADT_NO_CMOS_RTC (1 << 5)

#define FADT_WBINVD (1 << 0)
#define FADT_NO_FIXED_POWER_BUTTON (1 << 4)
#define FADT_NO_FIXED_SLEEP_BUTTON (1 << 5)
#define FADT_RESET_REG_SUP (1 << 10)
#define FADT_HW_REDUCED_ACPI (1 << 20)

/* 5.2.12 */
struct madt {
	struct header h;
	uint32_t lapic_address;
	uint32_t flags; /* PCAT_COMPAT clear: no 8259s */
} __attribute__((packed));

struct madt_lapic {
	uint8_t type, length; /* 0, 8 */
	uint8_t uid, apic_id;
	uint32_t flags; /* 1: enabled */
} __attribute__((packed));

struct madt_ioapic {
	uint8_t type, length; /* 1, 12 */
	uint8_t id, reserved;
	uint32_t address, gsi_base;
} __attribute__((packed));

/* PCI Firmware Specification 3.3, 4.1.2 */
struct mcfg {
	struct header h;
	uint64_t reserved0;
	uint64_t base;
	uint16_t segment;
	uint8_t first_bus, last_bus;
	uint32_t reserved1;
} __attribute__((packed));

/* Serial Port Console Redirection Table, revision 2 */
struct spcr {
	struct header h;
	uint8_t interface; /* 0: 16550 */
	uint8_t reserved0[3];
	struct gas base;
	uint8_t interrupt_type; /* 2: a GSI */
	uint8_t irq;
	uint32_t gsi;
	uint8_t baud; /* 7: 115200 */
	uint8_t parity, stop_bits, flow_control, terminal;
	uint8_t reserved1;
	uint16_t pci_device, pci_vendor; /* 0xffff: not a PCI device */
	uint8_t pci_bus, pci_devfn, pci_function;
	uint32_t pci_flags;
	uint8_t pci_segment;
	uint32_t reserved2;
} __attribute__((packed));

_Static_assert(sizeof(struct spcr) == 80, "SPCR revision 2");

/* Where the next table goes. */
struct area {
	uint8_t *host;
	gpa_t gpa, end;
};

static uint8_t checksum(const void *p, size_t len)
{
	const uint8_t *b = p;
	uint8_t sum = 0;

	while (len--)
		sum -= *b++;
	return sum;
}

/* len zeroed bytes, or NULL. */
static void *take(struct area *a, size_t len, gpa_t *gpa)
{
	void *p = a->host;

	len = align_up(len, 16);
	if (len > a->end - a->gpa)
		return NULL;
	memset(p, 0, len);
	*gpa = a->gpa;
	a->host += len;
	a->gpa += len;
	return p;
}

/* A table with its header filled; seal() when its content is. */
static void *table(struct area *a, const char *signature, uint8_t revision,
		   size_t len, gpa_t *gpa)
{
	struct header *h = take(a, len, gpa);

	if (!h)
		return NULL;
	memcpy(h->signature, signature, sizeof(h->signature));
	h->length = (uint32_t)len;
	h->revision = revision;
	memcpy(h->oem_id, "WHERRY", sizeof(h->oem_id));
	memcpy(h->oem_table_id, "WHERRY  ", sizeof(h->oem_table_id));
	h->oem_revision = 1;
	memcpy(h->creator_id, "WHRY", sizeof(h->creator_id));
	h->creator_revision = 1;
	return h;
}

static void seal(void *p)
{
	struct header *h = p;

	h->checksum = checksum(h, h->length);
}

static struct gas port(uint16_t address)
{
	return (struct gas){ GAS_IO, 8, 0, 1, address };
}

static int add_dsdt(struct area *a, gpa_t *gpa)
{
	void *p = take(a, sizeof(dsdt_aml), gpa);

	if (!p)
		return -ENOMEM;
	memcpy(p, dsdt_aml, sizeof(dsdt_aml)); /* iasl made its checksum */
	return 0;
}

static int add_fadt(struct area *a, gpa_t dsdt, gpa_t *gpa)
{
	struct fadt *t = table(a, "FACP", 6, sizeof(*t), gpa);

	if (!t)
		return -ENOMEM;
	t->minor_revision = 5;
	t->dsdt = (uint32_t)dsdt;
	t->x_dsdt = dsdt;
	t->boot_arch = FADT_NO_VGA | FADT_NO_ASPM | FADT_NO_CMOS_RTC;
	t->flags = FADT_WBINVD | FADT_NO_FIXED_POWER_BUTTON |
		   FADT_NO_FIXED_SLEEP_BUTTON | FADT_RESET_REG_SUP |
		   FADT_HW_REDUCED_ACPI;
	t->sleep_control = port(POWER_BASE + POWER_REG_SLEEP_CONTROL);
	t->sleep_status = port(POWER_BASE + POWER_REG_SLEEP_STATUS);
	t->reset_reg = port(POWER_BASE + POWER_REG_RESET);
	t->reset_value = POWER_RESET_VALUE;
	seal(t);
	return 0;
}

static int add_madt(struct area *a, unsigned int nr_cpus, gpa_t *gpa)
{
	size_t len = sizeof(struct madt) + sizeof(struct madt_ioapic) +
		     nr_cpus * sizeof(struct madt_lapic);
	struct madt *t = table(a, "APIC", 5, len, gpa);
	struct madt_ioapic *io;
	struct madt_lapic *cpu;

	if (!t)
		return -ENOMEM;
	t->lapic_address = LAPIC_BASE;
	cpu = (struct madt_lapic *)(t + 1);
	for (unsigned int i = 0; i < nr_cpus; i++)
		*cpu++ = (struct madt_lapic){
			.type = 0,
			.length = sizeof(*cpu),
			.uid = (uint8_t)i,
			.apic_id = (uint8_t)i,
			.flags = 1,
		};
	io = (struct madt_ioapic *)cpu;
	*io = (struct madt_ioapic){
		.type = 1,
		.length = sizeof(*io),
		.address = IOAPIC_BASE,
	};
	seal(t);
	return 0;
}

/*
 * Bus 0 and one for each port: Linux probes 32 slots of every bus that ECAM
 * has and no bridge leads to.
 */
static unsigned int nr_buses(const struct layout *l, uint32_t slots)
{
	unsigned int n = 1 + (unsigned int)__builtin_popcount(slots);

	return MIN(n, (unsigned int)(l->ecam.size >> 20));
}

static int add_mcfg(struct area *a, const struct layout *l, uint32_t slots,
		    gpa_t *gpa)
{
	struct mcfg *t = table(a, "MCFG", 1, sizeof(*t), gpa);

	if (!t)
		return -ENOMEM;
	t->base = l->ecam.start;
	t->last_bus = (uint8_t)(nr_buses(l, slots) - 1);
	seal(t);
	return 0;
}

static int add_spcr(struct area *a, const struct layout *l, gpa_t *gpa)
{
	struct spcr *t = table(a, "SPCR", 2, sizeof(*t), gpa);

	if (!t)
		return -ENOMEM;
	t->base = port((uint16_t)l->uart.base);
	t->interrupt_type = 2;
	t->gsi = l->uart_gsi;
	t->baud = 7;
	t->stop_bits = 1;
	t->pci_device = 0xffff;
	t->pci_vendor = 0xffff;
	seal(t);
	return 0;
}

static int add_xsdt(struct area *a, const gpa_t *tables, size_t nr, gpa_t *gpa)
{
	struct header *t =
		table(a, "XSDT", 1, sizeof(*t) + nr * sizeof(*tables), gpa);

	if (!t)
		return -ENOMEM;
	memcpy(t + 1, tables, nr * sizeof(*tables));
	seal(t);
	return 0;
}

static void fill_rsdp(struct rsdp *t, gpa_t xsdt)
{
	memcpy(t->signature, "RSD PTR ", sizeof(t->signature));
	memcpy(t->oem_id, "WHERRY", sizeof(t->oem_id));
	t->revision = 2;
	t->length = sizeof(*t);
	t->xsdt = xsdt;
	t->checksum = checksum(t, 20);
	t->extended_checksum = checksum(t, sizeof(*t));
}

/*
 * Resource descriptors of the host bridge (6.4.3.5): the DSDT's _CRS returns
 * these bytes as they are, so that a guest interprets next to nothing.
 */
#define CRS_MEMORY 0
#define CRS_IO 1
#define CRS_BUS 2
#define CRS_FIXED 0x0c /* producer; minimum and maximum are fixed */
#define CRS_RW 1 /* not prefetchable: then it may hold either kind of BAR */
#define CRS_ENTIRE_RANGE 3
#define CRS_END_TAG 0x79

/* An address space descriptor whose numbers have width bytes. */
static uint8_t *crs_window(uint8_t *p, unsigned int width, uint8_t type,
			   uint8_t specific, const struct range *r)
{
	uint8_t tag = width == 2 ? 0x88 : width == 4 ? 0x87 : 0x8a;
	uint64_t n[5] = { 0, r->start, r->start + r->size - 1, 0, r->size };

	*p++ = tag;
	store_le(p, 2, 3 + 5 * width);
	p += 2;
	*p++ = type;
	*p++ = CRS_FIXED;
	*p++ = specific;
	for (size_t i = 0; i < ARRAY_SIZE(n); i++, p += width)
		store_le(p, width, n[i]);
	return p;
}

static void fill_info(struct acpi_info *info, const struct layout *l,
		      uint32_t slots)
{
	const struct range buses = { 0, nr_buses(l, slots) };
	uint8_t *p = info->crs;

	memset(info, 0, sizeof(*info));
	info->slots = slots;
	info->nr_prt = 4 * (uint32_t)__builtin_popcount(slots);

	p = crs_window(p, 2, CRS_BUS, 0, &buses);
	p = crs_window(p, 2, CRS_IO, CRS_ENTIRE_RANGE, &l->pio);
	p = crs_window(p, 4, CRS_MEMORY, CRS_RW, &l->mmio32);
	if (l->mmio64.size)
		p = crs_window(p, 8, CRS_MEMORY, CRS_RW, &l->mmio64);
	*p++ = CRS_END_TAG;
	*p = 0; /* no checksum */
}

int acpi_build(struct ram *ram, const struct layout *l, unsigned int nr_cpus,
	       uint32_t pci_slots, gpa_t *rsdp)
{
	struct area a = { ram_ptr(ram, ACPI_BASE, INFO_BASE - ACPI_BASE),
			  ACPI_BASE, INFO_BASE };
	struct acpi_info *info = ram_ptr(ram, INFO_BASE, sizeof(*info));
	gpa_t dsdt, xsdt, tables[4];
	/* Slot 0 is the host bridge's. */
	uint32_t slots = (pci_slots ? pci_slots : UINT32_MAX) & ~1u;
	struct rsdp *root;
	int r = -ENOMEM;

	if (!a.host || !info)
		goto err;
	root = take(&a, sizeof(*root), rsdp);
	r = root ? add_dsdt(&a, &dsdt) : -ENOMEM;
	if (!r)
		r = add_fadt(&a, dsdt, &tables[0]);
	if (!r)
		r = add_madt(&a, nr_cpus, &tables[1]);
	if (!r)
		r = add_mcfg(&a, l, slots, &tables[2]);
	if (!r)
		r = add_spcr(&a, l, &tables[3]);
	if (!r)
		r = add_xsdt(&a, tables, ARRAY_SIZE(tables), &xsdt);
	if (r)
		goto err;
	fill_rsdp(root, xsdt);
	fill_info(info, l, slots);
	return 0;
err:
	log_err("--memory: no room for the ACPI tables below 1 MiB");
	return r;
}
