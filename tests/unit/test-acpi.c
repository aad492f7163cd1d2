// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-acpi - the ACPI tables as a guest walks them: checksums, pointers,
 * what they say, and that the constant DSDT agrees with the rest of the
 * machine.
 */
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "arch.h"
#include "capture.h"
#include "power.h"
#include "ram.h"
#include "x86/acpi.h"
#include "x86/map.h"
#include "firmware/dsdt.h"

struct fixture {
	struct layout l;
	struct ram *ram;
	gpa_t rsdp;
};

static int setup(void **state)
{
	static struct fixture f;
	struct ram_params params = { .thp = -1, .host_node = -1 };

	if (arch_layout_init(&f.l, MIB(16), 40) ||
	    arch_layout_window(&f.l, 40, UINT64_MAX))
		return -1;
	params.ranges = f.l.ram;
	params.nr_ranges = f.l.nr_ram;
	*state = &f;
	return ram_create(&f.ram, &params);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	ram_destroy(f->ram);
	return 0;
}

static const uint8_t *at(const struct fixture *f, gpa_t gpa, size_t len)
{
	const uint8_t *p = ram_ptr(f->ram, gpa, len);

	assert_non_null(p);
	return p;
}

static uint8_t sum(const uint8_t *p, size_t len)
{
	uint8_t s = 0;

	while (len--)
		s += *p++;
	return s;
}

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)load_le(p, 4);
}

/* The XSDT, its checksum and the RSDP's verified. */
static const uint8_t *xsdt(const struct fixture *f)
{
	const uint8_t *rsdp = at(f, f->rsdp, 36);
	const uint8_t *x;
	gpa_t gpa;

	assert_memory_equal(rsdp, "RSD PTR ", 8);
	assert_int_equal(rsdp[15], 2);
	assert_int_equal(le32(rsdp + 20), 36);
	assert_int_equal(sum(rsdp, 20), 0);
	assert_int_equal(sum(rsdp, 36), 0);
	gpa = load_le(rsdp + 24, 8);
	x = at(f, gpa, le32(at(f, gpa, 36) + 4));
	assert_memory_equal(x, "XSDT", 4);
	assert_int_equal(sum(x, le32(x + 4)), 0);
	return x;
}

static const uint8_t *find(const struct fixture *f, const char *signature)
{
	const uint8_t *x = xsdt(f);
	uint32_t len = le32(x + 4);

	for (uint32_t off = 36; off < len; off += 8) {
		gpa_t gpa = load_le(x + off, 8);
		const uint8_t *t = at(f, gpa, 36);

		t = at(f, gpa, le32(t + 4));
		assert_true(gpa >= ACPI_BASE && gpa < INFO_BASE);
		assert_int_equal(sum(t, le32(t + 4)), 0);
		if (!memcmp(t, signature, 4))
			return t;
	}
	fail_msg("no %s", signature);
	return NULL;
}

static void build(struct fixture *f, unsigned int nr_cpus, uint32_t slots)
{
	assert_int_equal(acpi_build(f->ram, &f->l, nr_cpus, slots, &f->rsdp),
			 0);
}

static void tables_are_found_and_sound(void **state)
{
	static const char *const names[] = { "FACP", "APIC", "MCFG", "SPCR" };
	struct fixture *f = *state;

	build(f, 1, 2);
	assert_int_equal(f->rsdp % 16, 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		find(f, names[i]);
}

/* A generic address structure of one byte-wide port. */
static void check_port(const uint8_t *gas, uint64_t port)
{
	assert_int_equal(gas[0], 1);
	assert_int_equal(gas[1], 8);
	assert_int_equal(gas[2], 0);
	assert_int_equal(gas[3], 1);
	assert_int_equal(load_le(gas + 4, 8), port);
}

static void fadt_is_hardware_reduced(void **state)
{
	struct fixture *f = *state;
	const uint8_t *t, *dsdt;
	uint32_t flags;

	build(f, 1, 2);
	t = find(f, "FACP");
	flags = le32(t + 112);
	assert_int_equal(le32(t + 4), 276);
	assert_int_equal(t[8], 6);
	assert_int_equal(t[131], 5);
	assert_true(flags & 1 << 20 && flags & 1 << 10);
	/* No VGA, no CMOS clock; no 8042 (bit 1), MSI allowed (bit 3). */
	assert_int_equal(load_le(t + 109, 2) & 0x2e, 0x24);
	check_port(t + 116, POWER_BASE + 6);
	assert_int_equal(t[128], POWER_RESET_VALUE);
	check_port(t + 244, POWER_BASE + 4);
	check_port(t + 256, POWER_BASE + 5);

	dsdt = at(f, load_le(t + 140, 8), sizeof(dsdt_aml));
	assert_int_equal(le32(t + 40), load_le(t + 140, 8));
	assert_memory_equal(dsdt, dsdt_aml, sizeof(dsdt_aml));
	assert_int_equal(sum(dsdt, le32(dsdt + 4)), 0);
}

static void madt_lists_every_cpu(void **state)
{
	static const unsigned int nr[] = { 1, 4, 64 };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(nr); i++) {
		unsigned int cpus = 0, ioapics = 0;
		const uint8_t *t, *e;

		build(f, nr[i], 2);
		t = find(f, "APIC");
		assert_int_equal(le32(t + 36), 0xfee00000);
		assert_int_equal(le32(t + 40), 0); /* no 8259s */
		for (e = t + 44; e < t + le32(t + 4); e += e[1]) {
			if (e[0] == 0) {
				assert_int_equal(e[3], cpus++);
				assert_int_equal(le32(e + 4), 1);
			} else {
				assert_int_equal(e[0], 1);
				assert_int_equal(le32(e + 4), 0xfec00000);
				assert_int_equal(le32(e + 8), 0);
				ioapics++;
			}
		}
		assert_int_equal(cpus, nr[i]);
		assert_int_equal(ioapics, 1);
	}
}

/* A guest probes every bus that ECAM has and that nothing leads to. */
static void mcfg_ends_with_the_last_bus(void **state)
{
	static const struct {
		uint32_t slots;
		unsigned int last;
	} rows[] = {
		{ 0x1, 0 }, { 0x3, 1 }, { 0x2, 1 }, { 0x80000006, 3 }, { 0, 31 }
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const uint8_t *t;

		build(f, 1, rows[i].slots);
		t = find(f, "MCFG");
		assert_int_equal(le32(t + 4), 60);
		assert_int_equal(load_le(t + 44, 8), f->l.ecam.start);
		assert_int_equal(t[54], 0);
		assert_int_equal(t[55], rows[i].last);
	}
}

static void spcr_names_the_serial_port(void **state)
{
	struct fixture *f = *state;
	const uint8_t *t;

	build(f, 1, 2);
	t = find(f, "SPCR");
	check_port(t + 40, 0x3f8);
	assert_int_equal(le32(t + 54), 4);
	assert_int_equal(t[58], 7);
	assert_int_equal(load_le(t + 64, 2), 0xffff);
}

static const struct acpi_info *info(const struct fixture *f)
{
	return (const void *)at(f, INFO_BASE, sizeof(struct acpi_info));
}

/* Walks the host bridge's resources as an interpreter does. */
static void crs_has_every_window(void **state)
{
	struct fixture *f = *state;
	const uint8_t *p;
	struct layout l = f->l;

	build(f, 1, 0xe);
	p = info(f)->crs;
	/* word: bus numbers */
	assert_int_equal(p[0], 0x88);
	assert_int_equal(load_le(p + 1, 2), 13);
	assert_int_equal(p[3], 2);
	assert_int_equal(load_le(p + 8, 2), 0);
	assert_int_equal(load_le(p + 10, 2), 3);
	assert_int_equal(load_le(p + 14, 2), 4);
	p += 16;
	/* word: ports */
	assert_int_equal(p[0], 0x88);
	assert_int_equal(p[3], 1);
	assert_int_equal(load_le(p + 8, 2), 0x1000);
	assert_int_equal(load_le(p + 10, 2), 0xffff);
	assert_int_equal(load_le(p + 14, 2), 0xf000);
	p += 16;
	/* double word: memory below 4 GiB */
	assert_int_equal(p[0], 0x87);
	assert_int_equal(load_le(p + 1, 2), 23);
	assert_int_equal(p[3], 0);
	assert_int_equal(le32(p + 10), l.mmio32.start);
	assert_int_equal(le32(p + 14), l.mmio32.start + l.mmio32.size - 1);
	assert_int_equal(le32(p + 22), l.mmio32.size);
	p += 26;
	/* quad word: memory above */
	assert_int_equal(p[0], 0x8a);
	assert_int_equal(load_le(p + 1, 2), 43);
	assert_int_equal(load_le(p + 14, 8), l.mmio64.start);
	assert_int_equal(load_le(p + 22, 8),
			 l.mmio64.start + l.mmio64.size - 1);
	assert_int_equal(load_le(p + 38, 8), l.mmio64.size);
	p += 46;
	assert_int_equal(p[0], 0x79);
	assert_true(p + 2 <= info(f)->crs + INFO_CRS_BYTES);

	/* Without a 64-bit window there is no descriptor of one. */
	f->l.mmio64.size = 0;
	build(f, 1, 0xe);
	f->l = l;
	assert_int_equal(info(f)->crs[16 + 16 + 26], 0x79);
}

static void info_counts_interrupt_routes(void **state)
{
	struct fixture *f = *state;

	build(f, 1, 0x80000003);
	assert_int_equal(info(f)->slots, 0x80000002);
	assert_int_equal(info(f)->nr_prt, 8);
	build(f, 1, 0);
	assert_int_equal(info(f)->nr_prt, 4 * 31);
}

static void dsdt_has(const void *bytes, size_t len)
{
	for (size_t i = 0; i + len <= sizeof(dsdt_aml); i++)
		if (!memcmp(dsdt_aml + i, bytes, len))
			return;
	fail_msg("the DSDT does not have what the machine has");
}

/* The addresses that ASL repeats, as AML encodes them. */
static void dsdt_agrees_with_the_machine(void **state)
{
	uint8_t info_region[] = { 0x00, 0x0c, 0, 0, 0, 0, 0x0a, 0 };
	uint8_t ecam[] = { 0x86, 9, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0 };
	uint8_t power[] = { 0x01, 0x0b, 0, 0, 0x0a, 4 };
	uint8_t uart[] = { 0x47, 1, 0xf8, 3, 0xf8, 3, 0, 8 };
	uint8_t pvpanic[] = { 0x47, 1, 0, 0, 0, 0, 0, 1 };
	uint8_t irq[] = { 0x89, 6, 0, 1, 1, 0, 0, 0, 0 };
	uint8_t s5[] = { '_', 'S', '5', '_', 0x12, 7, 4, 0x0a, 0 };
	struct fixture *f = *state;

	store_le(info_region + 2, 4, INFO_BASE);
	info_region[7] = sizeof(struct acpi_info);
	dsdt_has(info_region, sizeof(info_region));
	store_le(ecam + 4, 4, f->l.ecam.start);
	store_le(ecam + 8, 4, f->l.ecam.size);
	dsdt_has(ecam, sizeof(ecam));
	store_le(power + 2, 2, POWER_BASE);
	dsdt_has(power, sizeof(power));
	assert_int_equal(f->l.uart.base, 0x3f8);
	dsdt_has(uart, sizeof(uart));
	store_le(pvpanic + 2, 2, PVPANIC_PORT);
	store_le(pvpanic + 4, 2, PVPANIC_PORT);
	dsdt_has(pvpanic, sizeof(pvpanic));
	store_le(irq + 5, 4, f->l.uart_gsi);
	dsdt_has(irq, sizeof(irq));
	store_le(irq + 5, 4, f->l.power_gsi);
	dsdt_has(irq, sizeof(irq));
	s5[8] = POWER_SLP_TYP_S5;
	dsdt_has(s5, sizeof(s5));
	assert_int_equal(f->l.intx_gsi, 16);
	assert_true(sizeof(dsdt_aml) < KIB(1));
}

static void tables_leave_nothing_of_older_ones(void **state)
{
	const size_t bytes = HIGH_RAM_BASE - ACPI_BASE;
	struct fixture *f = *state;
	uint8_t *area = ram_ptr(f->ram, ACPI_BASE, bytes);
	static uint8_t first[HIGH_RAM_BASE - ACPI_BASE];

	build(f, 4, 6);
	memcpy(first, area, bytes);
	memset(area, 0x55, bytes);
	build(f, 4, 6);
	/* A reboot writes the same tables, whatever the guest left there. */
	assert_memory_equal(area, first, sizeof(dsdt_aml));
	xsdt(f);
	find(f, "SPCR");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_are_found_and_sound),
		cmocka_unit_test(fadt_is_hardware_reduced),
		cmocka_unit_test(madt_lists_every_cpu),
		cmocka_unit_test(mcfg_ends_with_the_last_bus),
		cmocka_unit_test(spcr_names_the_serial_port),
		cmocka_unit_test(crs_has_every_window),
		cmocka_unit_test(info_counts_interrupt_routes),
		cmocka_unit_test(dsdt_agrees_with_the_machine),
		cmocka_unit_test(tables_leave_nothing_of_older_ones),
	};

	return run_all_with(tests, setup, teardown);
}
