// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-vfio-config - config space of an assigned function: what a guest sees
 * of it, and what of its writes reaches the device.
 */
#include "harness.h"

#include "vfio-fixture.h"

static void header_is_of_a_single_function(void **state)
{
	(void)state;
	fake.dev.config[PCI_HEADER_TYPE] = 0x80;
	fake.dev.config[PCI_BIST] = 0x80;
	create();
	assert_int_equal(rd(PCI_VENDOR_ID, 4), 0x00101b36);
	assert_int_equal(rd(PCI_CLASS_REVISION, 4), 0x01080202);
	assert_int_equal(rd(PCI_SUBSYSTEM_VENDOR_ID, 4), 0x11001af4);
	assert_int_equal(rd(PCI_HEADER_TYPE, 1), 0);
	assert_int_equal(rd(PCI_BIST, 1), 0);
	wr(PCI_VENDOR_ID, 4, 0);
	wr(PCI_CLASS_REVISION, 4, 0);
	wr(PCI_HEADER_TYPE, 1, 1);
	assert_int_equal(rd(PCI_VENDOR_ID, 4), 0x00101b36);
	/* The interrupt line is a note that the guest keeps. */
	wr(PCI_INTERRUPT_LINE, 1, 11);
	assert_int_equal(rd(PCI_INTERRUPT_LINE, 1), 11);
	assert_int_equal(fake.dev.config[PCI_INTERRUPT_LINE], 0);
	/* No INTx was offered. */
	assert_int_equal(rd(PCI_INTERRUPT_PIN, 1), 0);
	/* The host's addresses never show. */
	for (unsigned int i = 0; i < 6; i++)
		assert_int_equal(rd(BAR0 + 4 * i, 4) & ~0xfu, 0);
}

static void bridges_and_dead_devices_are_refused(void **state)
{
	(void)state;
	fake.dev.config[PCI_HEADER_TYPE] = PCI_HEADER_TYPE_BRIDGE;
	refused(-ENOTSUP, "bridge");
	fake_reset();
	fake_set_config(PCI_VENDOR_ID, 4, UINT32_MAX);
	refused(-EIO, "does not answer");
	fake_reset();
	fake.dev.regions[VFIO_REGION_CONFIG].size = 0;
	refused(-ENODEV, "no config space");
}

static void command_keeps_memory_decoded(void **state)
{
	(void)state;
	create();
	/* The fake asserts that every write has both bits. */
	assert_int_equal(fake_config(PCI_COMMAND, 2), 3);
	assert_int_equal(rd(PCI_COMMAND, 2), 0);
	wr(PCI_COMMAND, 2, MEM | MASTER);
	assert_int_equal(rd(PCI_COMMAND, 2), MEM | MASTER);
	assert_int_equal(fake_config(PCI_COMMAND, 2), 3 | MASTER);
	wr(PCI_COMMAND, 2, 0);
	assert_int_equal(rd(PCI_COMMAND, 2), 0);
	assert_int_equal(fake_config(PCI_COMMAND, 2), 3);
	/* Bytes and dwords, too. */
	wr(PCI_COMMAND + 1, 1, PCI_COMMAND_INTX_DISABLE >> 8);
	assert_int_equal(fake_config(PCI_COMMAND, 2),
			 3 | PCI_COMMAND_INTX_DISABLE);
	wr(PCI_COMMAND, 4, 0xffff0000 | MASTER);
	assert_int_equal(fake_config(PCI_COMMAND, 2), 3 | MASTER);
	/* Bits that are none of the guest's. */
	wr(PCI_COMMAND, 2, 0xffff);
	assert_int_equal(rd(PCI_COMMAND, 2), 0x547);
}

static void status_hides_the_hosts_errors(void **state)
{
	(void)state;
	fake_set_config(PCI_STATUS, 2, 0xf918 | PCI_STATUS_66MHZ);
	create();
	assert_int_equal(rd(PCI_STATUS, 2),
			 PCI_STATUS_CAP_LIST | 8 | PCI_STATUS_66MHZ);
	wr(PCI_STATUS, 2, 0xffff);
	assert_int_equal(fake_config(PCI_STATUS, 2), 0xf918 | PCI_STATUS_66MHZ);
}

/* The guest's list as a string of ids in hex. */
static const char *cap_ids(void)
{
	static char text[256];
	unsigned int at = rd(PCI_CAPABILITY_LIST, 1), n = 0;

	text[0] = '\0';
	for (unsigned int i = 0; at && i < 64; i++) {
		n += (unsigned int)snprintf(text + n, sizeof(text) - n, "%02x ",
					    rd(at, 1));
		at = rd(at + 1, 1);
	}
	return text;
}

static void capabilities_without_meaning_are_hidden(void **state)
{
	(void)state;
	fake.dev.config[PCI_CAPABILITY_LIST] = 0xb8;
	fake_cap(0xb8, PCI_CAP_ID_SHPC, 0xc0);
	fake_cap(0xc0, PCI_CAP_ID_VNDR, 0xd0);
	fake.dev.config[0xc2] = 0x10;
	fake_cap(0xd0, PCI_CAP_ID_EA, 0x40);
	create();
	assert_string_equal(cap_ids(), "09 11 10 01 ");
	/* The links are the guest's own: it cannot write them. */
	wr(0xc0, 4, UINT32_MAX);
	assert_int_equal(rd(0xc0, 2), 0x4009);
	/* What the vendor put there, it can. */
	assert_int_equal(fake_config(0xc2, 2), 0xffff);
	assert_int_equal(fake_config(0xc0, 2), 0xd009);
}

static void capability_walks_are_bounded(void **state)
{
	(void)state;
	fake_cap(0x60, PCI_CAP_ID_PM, 0x40); /* back to the first */
	create();
	assert_string_equal(cap_ids(), "11 10 01 ");
	fresh();
	fake_cap(0x60, PCI_CAP_ID_PM, 0x60); /* itself */
	create();
	assert_string_equal(cap_ids(), "11 10 01 ");
	fresh();
	fake_cap(0x60, PCI_CAP_ID_PM, 0x10); /* into the header */
	create();
	assert_string_equal(cap_ids(), "11 10 01 ");
	fresh();
	/* A vendor capability that claims more than there is. */
	fake_cap(0x60, PCI_CAP_ID_VNDR, 0xf8);
	fake.dev.config[0x62] = 0xff;
	fake_cap(0xf8, PCI_CAP_ID_VNDR, 0);
	fake.dev.config[0xfa] = 0xff;
	create();
	assert_string_equal(cap_ids(), "11 10 09 09 ");
	/* It ends where the next begins: PCIe stays as it was. */
	wr(0x80, 2, 0);
	assert_int_equal(rd(0x80, 2), 0x6010);
	fresh();
	/* No list at all. */
	fake_set_config(PCI_STATUS, 2, 0);
	create();
	assert_int_equal(rd(PCI_STATUS, 2), 0);
	assert_int_equal(rd(PCI_CAPABILITY_LIST, 1), 0);
}

static void pcie_stays_an_endpoint(void **state)
{
	(void)state;
	fake_set_config(0x82, 2, 2 | PCI_EXP_TYPE_LEG_END << 4);
	fake_set_config(0x80 + PCI_EXP_LNKCAP, 4, 0x43);
	create();
	assert_int_equal(rd(0x82, 2), 2 | PCI_EXP_TYPE_LEG_END << 4);
	assert_int_equal(rd(0x80 + PCI_EXP_LNKCAP, 4), 0x43);
	/* DEVCTL is forwarded, LNKCTL belongs to the port. */
	wr(0x80 + PCI_EXP_DEVCTL, 2, 0x2810);
	assert_int_equal(fake_config(0x80 + PCI_EXP_DEVCTL, 2), 0x2810);
	wr(0x80 + PCI_EXP_LNKCTL, 2, 3);
	assert_int_equal(fake_config(0x80 + PCI_EXP_LNKCTL, 2), 0);
}

static void integrated_endpoints_get_a_link(void **state)
{
	(void)state;
	fake_set_config(0x82, 2, 2 | PCI_EXP_TYPE_RC_END << 4);
	create();
	assert_int_equal(rd(0x82, 2), 2 | PCI_EXP_TYPE_ENDPOINT << 4);
	assert_int_equal(rd(0x80 + PCI_EXP_LNKCAP, 4), 0x11);
	assert_int_equal(rd(0x80 + PCI_EXP_LNKSTA, 2), 0x11);
}

/* The guest's extended list as ids. */
static const char *ext_ids(void)
{
	static char text[256];
	unsigned int at = 0x100, n = 0;

	text[0] = '\0';
	for (unsigned int i = 0; at && i < 64; i++) {
		uint32_t head = rd(at, 4);

		if (!head)
			break;
		n += (unsigned int)snprintf(text + n, sizeof(text) - n, "%04x ",
					    PCI_EXT_CAP_ID(head));
		at = PCI_EXT_CAP_NEXT(head);
	}
	return text;
}

static void extended_capabilities_of_the_host_are_hidden(void **state)
{
	(void)state;
	fake_ext_cap(0x100, PCI_EXT_CAP_ID_SRIOV, 0x148);
	fake_ext_cap(0x148, PCI_EXT_CAP_ID_DSN, 0x158);
	fake_set_config(0x14c, 4, 0x11223344);
	fake_ext_cap(0x158, PCI_EXT_CAP_ID_ARI, 0x168);
	fake_ext_cap(0x168, PCI_EXT_CAP_ID_VNDR, 0x200);
	fake_set_config(0x16c, 4, 0x02000001); /* 32 bytes */
	fake_ext_cap(0x200, PCI_EXT_CAP_ID_REBAR, 0x220);
	fake_ext_cap(0x220, PCI_EXT_CAP_ID_ATS, 0);
	fake_set_config(0x208, 4, 0x5555);
	create();
	/* An empty one stands where the list must start. */
	assert_string_equal(ext_ids(), "0000 0003 000b ");
	assert_int_equal(rd(0x14c, 4), 0x11223344);
	assert_int_equal(rd(0x208, 4), 0);
	wr(0x208, 4, 1);
	assert_int_equal(fake_config(0x208, 4), 0x5555);
	/* Vendor registers pass, their header does not. */
	wr(0x16c, 4, 0);
	assert_int_equal(fake_config(0x16c, 4), 0x02000001);
	wr(0x170, 4, 77);
	assert_int_equal(fake_config(0x170, 4), 77);
	wr(0x188, 4, 77); /* behind its end */
	assert_int_equal(fake_config(0x188, 4), 0);
}

static void extended_lists_of_any_kind(void **state)
{
	(void)state;
	create(); /* none */
	assert_string_equal(ext_ids(), "");
	fresh();
	fake_ext_cap(0x100, PCI_EXT_CAP_ID_SRIOV, 0);
	create(); /* none that is shown */
	assert_string_equal(ext_ids(), "");
	fresh();
	fake_ext_cap(0x100, PCI_EXT_CAP_ID_DSN, 0x100);
	create(); /* a loop */
	assert_string_equal(ext_ids(), "0003 ");
	fresh();
	fake_ext_cap(0x100, PCI_EXT_CAP_ID_DSN, 0xff0);
	fake_ext_cap(0xff0, PCI_EXT_CAP_ID_DVSEC, 0);
	fake_set_config(0xff4, 4, 0xfff00000);
	create(); /* up to the end and claiming more */
	assert_string_equal(ext_ids(), "0003 0023 ");
	fresh();
	fake_ext_cap(0x100, PCI_EXT_CAP_ID_DSN, 0);
	fake.dev.regions[VFIO_REGION_CONFIG].size = 255;
	create(); /* a conventional device, of a sloppy driver */
	assert_string_equal(ext_ids(), "");
	assert_int_equal(rd(0xfc, 4), 0);
}

static void gaps_are_read_only(void **state)
{
	(void)state;
	fake_set_config(0xe0, 4, 0xabcd);
	create();
	assert_int_equal(rd(0xe0, 4), 0xabcd);
	wr(0xe0, 4, 1);
	assert_int_equal(fake_config(0xe0, 4), 0xabcd);
	fresh();
	/* But by the table of exceptions. */
	fake_set_config(PCI_CLASS_REVISION, 4, 0x0c033001);
	create();
	wr(0xe0, 4, 1);
	assert_int_equal(fake_config(0xe0, 4), 1);
}

static void failed_reads_are_ones(void **state)
{
	struct capture c;

	(void)state;
	create();
	fake.dev.read_errno = EIO;
	capture_begin(&c);
	assert_int_equal(rd(0xe0, 4), UINT32_MAX);
	assert_non_null(strstr(capture_end(&c), "cannot read config space"));
	capture_begin(&c);
	for (unsigned int i = 0; i < 1000; i++)
		(void)rd(0xe0, 4);
	assert_true(strlen(capture_end(&c)) < 2000);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(header_is_of_a_single_function),
		T(bridges_and_dead_devices_are_refused),
		T(command_keeps_memory_decoded),
		T(status_hides_the_hosts_errors),
		T(capabilities_without_meaning_are_hidden),
		T(capability_walks_are_bounded),
		T(pcie_stays_an_endpoint),
		T(integrated_endpoints_get_a_link),
		T(extended_capabilities_of_the_host_are_hidden),
		T(extended_lists_of_any_kind),
		T(gaps_are_read_only),
		T(failed_reads_are_ones),
	};

	return run_all(tests);
}
