// SPDX-License-Identifier: BSD-2-Clause
/* test-pci-port - a root port: its registers, and the resets it gives. */
#include "harness.h"

#include "pci-host-fixture.h"

static void port_registers(void **state)
{
	struct rig *rig = *state;
	unsigned int at = cap(rig, PCI_CAP_ID_EXP);

	assert_true(at);
	assert_int_equal(rd(rig, PORT(at + PCI_EXP_FLAGS), 2), 0x142);
	assert_int_equal(rd(rig, PORT(at + PCI_EXP_SLTCAP), 4),
			 5 << 19 | PCI_EXP_SLTCAP_NCCS);
	assert_int_equal(rd(rig, PORT(at + PCI_EXP_LNKCAP), 4) & 0xff10000f,
			 0x05100002);
	/* Empty. */
	assert_int_equal(rd(rig, PORT(at + PCI_EXP_SLTSTA), 2), 0);
	assert_false(rd(rig, PORT(at + PCI_EXP_LNKSTA), 2) &
		     PCI_EXP_LNKSTA_DLLLA);
	plug_at_9(rig);
	assert_int_equal(rd(rig, PORT(at + PCI_EXP_SLTSTA), 2),
			 PCI_EXP_SLTSTA_PDS);
	assert_true(rd(rig, PORT(at + PCI_EXP_LNKSTA), 2) &
		    PCI_EXP_LNKSTA_DLLLA);
	assert_int_equal(rd(rig, PORT(at + PCI_EXP_LNKSTA), 2) & 0xf, 2);
	/* Retraining is over before it can be seen. */
	wr(rig, PORT(at + PCI_EXP_LNKCTL), 2, PCI_EXP_LNKCTL_RL);
	assert_int_equal(rd(rig, PORT(at + PCI_EXP_LNKCTL), 2), 0);
	assert_false(rd(rig, PORT(at + PCI_EXP_LNKSTA), 2) & PCI_EXP_LNKSTA_LT);
	pci_port_unplug(rig->port);
	assert_int_equal(rd(rig, PORT(at + PCI_EXP_SLTSTA), 2), 0);
	assert_int_equal(rd(rig, FAKE(0), 4), UINT32_MAX);
}

static void port_windows_are_writable(void **state)
{
	struct rig *rig = *state;

	wr(rig, PORT(PCI_MEMORY_BASE), 4, UINT32_MAX);
	assert_int_equal(rd(rig, PORT(PCI_MEMORY_BASE), 4), 0xfff0fff0);
	wr(rig, PORT(PCI_PREF_MEMORY_BASE), 4, UINT32_MAX);
	assert_int_equal(rd(rig, PORT(PCI_PREF_MEMORY_BASE), 4), 0xfff1fff1);
	wr(rig, PORT(PCI_PREF_BASE_UPPER32), 4, 0x12345678);
	assert_int_equal(rd(rig, PORT(PCI_PREF_BASE_UPPER32), 4), 0x12345678);
	wr(rig, PORT(PCI_PREF_LIMIT_UPPER32), 4, 0x87654321);
	assert_int_equal(rd(rig, PORT(PCI_PREF_LIMIT_UPPER32), 4), 0x87654321);
	/* No I/O below, no I/O window: the registers are wired to 0. */
	wr(rig, PORT(PCI_IO_BASE), 2, UINT16_MAX);
	assert_int_equal(rd(rig, PORT(PCI_IO_BASE), 2), 0);
	plug_at_9(rig);
	wr(rig, PORT(PCI_IO_BASE), 2, UINT16_MAX);
	assert_int_equal(rd(rig, PORT(PCI_IO_BASE), 2), 0xf0f0);
	pci_port_unplug(rig->port);
	assert_int_equal(rd(rig, PORT(PCI_IO_BASE), 2), 0);
	/* Neither BARs nor a ROM of its own. */
	wr(rig, PORT(PCI_BASE_ADDRESS_0), 4, UINT32_MAX);
	wr(rig, PORT(PCI_BASE_ADDRESS_1), 4, UINT32_MAX);
	wr(rig, PORT(PCI_ROM_ADDRESS1), 4, UINT32_MAX);
	assert_int_equal(rd(rig, PORT(PCI_BASE_ADDRESS_0), 4), 0);
	assert_int_equal(rd(rig, PORT(PCI_BASE_ADDRESS_1), 4), 0);
	assert_int_equal(rd(rig, PORT(PCI_ROM_ADDRESS1), 4), 0);
	wr(rig, PORT(PCI_INTERRUPT_LINE), 2, UINT16_MAX);
	assert_int_equal(rd(rig, PORT(PCI_INTERRUPT_LINE), 2), 0xff);
}

static void port_msi_behaves(void **state)
{
	struct rig *rig = *state;
	unsigned int at = cap(rig, PCI_CAP_ID_MSI);
	unsigned int pm = cap(rig, PCI_CAP_ID_PM);

	assert_true(at);
	assert_true(pm);
	assert_int_equal(rd(rig, PORT(at + PCI_MSI_FLAGS), 2),
			 PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT);
	wr(rig, PORT(at + PCI_MSI_FLAGS), 2, UINT16_MAX);
	assert_int_equal(rd(rig, PORT(at + PCI_MSI_FLAGS), 2),
			 PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT |
				 PCI_MSI_FLAGS_ENABLE);
	wr(rig, PORT(at + PCI_MSI_ADDRESS_LO), 4, 0xfee01003);
	wr(rig, PORT(at + PCI_MSI_ADDRESS_HI), 4, 1);
	wr(rig, PORT(at + PCI_MSI_DATA_64), 4, 0xffff4021);
	wr(rig, PORT(at + PCI_MSI_MASK_64), 4, UINT32_MAX);
	wr(rig, PORT(at + PCI_MSI_PENDING_64), 4, UINT32_MAX);
	assert_int_equal(rd(rig, PORT(at + PCI_MSI_ADDRESS_LO), 4), 0xfee01000);
	assert_int_equal(rd(rig, PORT(at + PCI_MSI_ADDRESS_HI), 4), 1);
	assert_int_equal(rd(rig, PORT(at + PCI_MSI_DATA_64), 4), 0x4021);
	assert_int_equal(rd(rig, PORT(at + PCI_MSI_MASK_64), 4), 1);
	assert_int_equal(rd(rig, PORT(at + PCI_MSI_PENDING_64), 4), 0);
	wr(rig, PORT(pm + PCI_PM_CTRL), 2, UINT16_MAX);
	assert_int_equal(rd(rig, PORT(pm + PCI_PM_CTRL), 2), 0xb);
	pci_host_reset(rig->host);
	assert_int_equal(rd(rig, PORT(at + PCI_MSI_ADDRESS_LO), 4), 0);
	assert_int_equal(rd(rig, PORT(pm + PCI_PM_CTRL), 2), 8);
}

static void secondary_bus_reset(void **state)
{
	struct rig *rig = *state;
	unsigned int at = cap(rig, PCI_CAP_ID_EXP);

	plug_at_9(rig);
	wr(rig, FAKE(PCI_COMMAND), 2, 7);
	wr(rig, PORT(PCI_BRIDGE_CONTROL), 2, PCI_BRIDGE_CTL_BUS_RESET);
	assert_int_equal(rig->fake.nr_reset, 1);
	assert_int_equal(rd(rig, FAKE(0), 4), UINT32_MAX);
	assert_false(rd(rig, PORT(at + PCI_EXP_LNKSTA), 2) &
		     PCI_EXP_LNKSTA_DLLLA);
	/* Held is no second reset, released none either. */
	wr(rig, PORT(PCI_BRIDGE_CONTROL), 2, PCI_BRIDGE_CTL_BUS_RESET);
	wr(rig, PORT(PCI_BRIDGE_CONTROL), 2, 0);
	assert_int_equal(rig->fake.nr_reset, 1);
	assert_int_equal(rd(rig, FAKE(0), 4), 0x56781234);
	assert_int_equal(rd(rig, FAKE(PCI_COMMAND), 2), 0);
	assert_true(rd(rig, PORT(at + PCI_EXP_LNKSTA), 2) &
		    PCI_EXP_LNKSTA_DLLLA);
	/* A wider write reaches the same bit. */
	wr(rig, PORT(PCI_INTERRUPT_LINE), 4, 0x00400000);
	assert_int_equal(rig->fake.nr_reset, 2);
	/* An empty port, and one whose reset is held, survive. */
	pci_port_unplug(rig->port);
	wr(rig, PORT(PCI_BRIDGE_CONTROL), 2, 0);
	wr(rig, PORT(PCI_BRIDGE_CONTROL), 2, PCI_BRIDGE_CTL_BUS_RESET);
	assert_int_equal(rig->fake.nr_reset, 2);
}

static void link_disable_resets_too(void **state)
{
	struct rig *rig = *state;
	unsigned int at = cap(rig, PCI_CAP_ID_EXP);

	plug_at_9(rig);
	wr(rig, PORT(at + PCI_EXP_LNKCTL), 2, PCI_EXP_LNKCTL_LD);
	assert_int_equal(rig->fake.nr_reset, 1);
	assert_int_equal(rd(rig, FAKE(0), 4), UINT32_MAX);
	assert_int_equal(rd(rig, PORT(at + PCI_EXP_SLTSTA), 2),
			 PCI_EXP_SLTSTA_PDS);
	/* The link is down already. */
	wr(rig, PORT(PCI_BRIDGE_CONTROL), 2, PCI_BRIDGE_CTL_BUS_RESET);
	assert_int_equal(rig->fake.nr_reset, 1);
	wr(rig, PORT(PCI_BRIDGE_CONTROL), 2, 0);
	wr(rig, PORT(at + PCI_EXP_LNKCTL), 2, 0);
	assert_int_equal(rd(rig, FAKE(0), 4), 0x56781234);
	assert_int_equal(rig->fake.nr_reset, 1);
}

static void decode_is_told(void **state)
{
	struct rig *rig = *state;

	plug_at_9(rig);
	/* Sizing and placing with decoding off concern nobody. */
	wr(rig, FAKE(PCI_BASE_ADDRESS_0), 4, UINT32_MAX);
	assert_int_equal(rd(rig, FAKE(PCI_BASE_ADDRESS_0), 4), 0xfffff000);
	wr(rig, FAKE(PCI_BASE_ADDRESS_0), 4, 0xc0000000);
	wr(rig, FAKE(PCI_COMMAND), 2, PCI_COMMAND_MASTER);
	assert_int_equal(rig->fake.nr_decode, 0);
	wr(rig, FAKE(PCI_COMMAND), 2, PCI_COMMAND_MEMORY);
	assert_int_equal(rig->fake.nr_decode, 1);
	assert_true(pci_dev_mem_enabled(&rig->fake.dev));
	assert_false(pci_dev_io_enabled(&rig->fake.dev));
	/* Bytes of a BAR. */
	wr(rig, FAKE(PCI_BASE_ADDRESS_0 + 3), 1, 0xd0);
	assert_int_equal(rig->fake.nr_decode, 2);
	assert_int_equal(rig->fake.dev.bars.bar[0].addr, 0xd0000000);
	wr(rig, FAKE(PCI_BASE_ADDRESS_0 + 2), 2, 0xd000);
	wr(rig, FAKE(PCI_BASE_ADDRESS_0), 1, 0xff);
	assert_int_equal(rig->fake.nr_decode, 2);
	assert_int_equal(rd(rig, FAKE(PCI_BASE_ADDRESS_0 + 3), 1), 0xd0);
	assert_int_equal(rd(rig, FAKE(PCI_BASE_ADDRESS_0 + 2), 2), 0xd000);
	assert_int_equal(rd(rig, FAKE(PCI_BASE_ADDRESS_1), 1), 1);
	wr(rig, FAKE(PCI_COMMAND), 2, PCI_COMMAND_IO);
	assert_int_equal(rig->fake.nr_decode, 3);
	assert_true(pci_dev_io_enabled(&rig->fake.dev));
	assert_false(pci_dev_mem_enabled(&rig->fake.dev));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(port_registers),	    T(port_windows_are_writable),
		T(port_msi_behaves),	    T(secondary_bus_reset),
		T(link_disable_resets_too), T(decode_is_told),
	};

	return run_all(tests);
}
