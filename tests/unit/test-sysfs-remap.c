// SPDX-License-Identifier: BSD-2-Clause
/* Whether a host keeps devices from forging interrupts. */
#include "harness.h"

#include "arch-text.h"
#include "fixture.h"
#include "sysfs.h"

static char why[SYSFS_WHY_SIZE];

static void sees_remapping(void **state)
{
	(void)state;
	/* Nothing known: not called unsafe. */
	assert_false(sysfs_unsafe_interrupts(&fixture, why, sizeof(why)));
	fx_interrupts(arch_text.irq_isolated, "PCI-MSIX-0000:01:00.0");
	assert_false(sysfs_unsafe_interrupts(&fixture, why, sizeof(why)));
	fx_interrupts(arch_text.irq_plain[0], "-0000:01:00.0");
	assert_true(sysfs_unsafe_interrupts(&fixture, why, sizeof(why)));
	assert_non_null(strstr(why, "no interrupt remapping"));
	/* Unknown ones. */
	fx_interrupts("XICS", "");
	assert_false(sysfs_unsafe_interrupts(&fixture, why, sizeof(why)));
}

/* Words of an architecture whose firmware lists what isolates messages. */
static const struct arch_text listed = {
	.irq_isolated = "ITS-",
	.irq_plain = { "GICv2m" },
	.isolator_node = "arm,gic-v3-its",
	.madt = "/sys/firmware/acpi/tables/APIC",
	.isolator_madt = 15,
};

#define TREE "/sys/firmware/devicetree/base"
#define ITS TREE "/intc@8000000/its@8080000/compatible"

/* With no message in use the chips do not tell. */
static void devicetree_tells_of_remapping(void **state)
{
	(void)state;
	fx_interrupts("GICv3", "");
	/* Of a machine that started with ACPI. */
	fx_dir(TREE "/chosen");
	assert_false(sysfs_remapping_missing(&fixture, &listed));
	fx_file(TREE "/compatible", "linux,dummy-virt");
	fx_bytes(TREE "/intc@8000000/compatible", "arm,gic-v3", 11);
	assert_true(sysfs_remapping_missing(&fixture, &listed));
	fx_bytes(ITS, "arm,gic-v3-its-not", 19);
	assert_true(sysfs_remapping_missing(&fixture, &listed));
	fx_bytes(ITS, "some,its\0arm,gic-v3-its", 24);
	assert_false(sysfs_remapping_missing(&fixture, &listed));
	/* There is one, and yet messages go elsewhere. */
	fx_interrupts("GICv2m-PCI-MSIX", "-0000:01:00.0");
	assert_true(sysfs_remapping_missing(&fixture, &listed));
	fx_unlink(ITS);
	fx_interrupts("ITS-PCI-MSIX", "-0000:01:00.0");
	assert_false(sysfs_remapping_missing(&fixture, &listed));
}

static void madt_tells_of_remapping(void **state)
{
	uint8_t madt[44 + 8 + 20] = { 0 };

	(void)state;
	madt[44] = 12; /* a distributor */
	madt[45] = 8;
	madt[52] = 15;
	madt[53] = 20;
	fx_bytes(listed.madt, madt, sizeof(madt));
	assert_false(sysfs_remapping_missing(&fixture, &listed));
	fx_bytes(listed.madt, madt, 52);
	assert_true(sysfs_remapping_missing(&fixture, &listed));
	/* Broken tables tell nothing: cut short, of no length, not there. */
	fx_bytes(listed.madt, madt, 51);
	assert_false(sysfs_remapping_missing(&fixture, &listed));
	madt[45] = 0;
	fx_bytes(listed.madt, madt, 52);
	assert_false(sysfs_remapping_missing(&fixture, &listed));
	fx_bytes(listed.madt, madt, 43);
	assert_false(sysfs_remapping_missing(&fixture, &listed));
	fx_bytes(listed.madt, madt, 44);
	assert_true(sysfs_remapping_missing(&fixture, &listed));
	fx_unlink(listed.madt);
	assert_false(sysfs_remapping_missing(&fixture, &listed));
}

static void sees_unsafe_parameter(void **state)
{
	static const char param[] =
		"/sys/module/iommufd/parameters/allow_unsafe_interrupts";

	(void)state;
	fx_file(param, "N\n");
	assert_false(sysfs_unsafe_interrupts(&fixture, why, sizeof(why)));
	fx_file(param, "Y\n");
	assert_true(sysfs_unsafe_interrupts(&fixture, why, sizeof(why)));
	assert_non_null(strstr(why, "allow_unsafe_interrupts"));
}

#define TEST(f) \
	cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sees_remapping),
		TEST(devicetree_tells_of_remapping),
		TEST(madt_tells_of_remapping),
		TEST(sees_unsafe_parameter),
	};

	return run_all(tests);
}
