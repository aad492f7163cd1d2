// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-vfio-caps - the table of capabilities against what the overlay makes
 * of it: each is treated as the table says, whatever the device claims.
 */
#include "harness.h"

#include "vfio-caps.h"
#include "vfio-fixture.h"

static struct vfio_caps caps;

static uint32_t read_config(void *opaque, unsigned int off, unsigned int len)
{
	(void)opaque;
	assert_true(off % len == 0 && off + len <= 4096);
	return fake_config(off, len);
}

static void find(void)
{
	vfio_caps_find(&caps, 4096, read_config, NULL);
}

static bool listed(unsigned int off, bool ext)
{
	unsigned int at = ext ? 0x100 : rd(PCI_CAPABILITY_LIST, 1);
	unsigned int i;

	for (i = 0; i < 1000 && at; i++) {
		if (at == off)
			return ext ? rd(at, 2) : true;
		at = ext ? PCI_EXT_CAP_NEXT(rd(at, 4)) : rd(at + 1, 1);
	}
	assert_true(i < 1000);
	return false;
}

/* What the device has behind a capability's header, all ones. */
static void fill(unsigned int off, unsigned int size)
{
	memset(fake.dev.config + off, 0xff, size);
}

/* One capability of each kind, alone: the guest sees it or not, reads the
 * device there or not, and never writes what the table does not pass. */
static void one(unsigned int off, uint16_t id, bool ext)
{
	const struct vfio_cap *cap = &caps.cap[0];
	bool passed = false;

	find();
	assert_int_equal(caps.nr, 1);
	assert_int_equal(cap->id, id);
	assert_int_equal(cap->off, off);
	assert_true(cap->rule->name[0] && cap->rule->why[0]);
	params.ats = ext && cap->rule->on_request && id == PCI_EXT_CAP_ID_ATS;
	if (cap->rule->on_request && !params.ats)
		return; /* of its own, below */
	create();
	assert_int_equal(listed(off, ext),
			 cap->rule->treatment != VFIO_CAP_HIDDEN);
	if (cap->rule->treatment == VFIO_CAP_HIDDEN)
		assert_int_equal(rd(off, 4), 0);
	for (unsigned int i = off + (ext ? 4 : 2); i < off + cap->size; i++) {
		uint8_t was = fake.dev.config[i];

		fake.dev.config[i] = 0x5a;
		passed |= rd(i, 1) == 0x5a;
		fake.dev.config[i] = was;
	}
	assert_int_equal(passed, cap->rule->treatment == VFIO_CAP_PASSED);
	/* Links and numbers are nobody's to write. */
	wr(off, 2, 0xffff);
	assert_int_equal(fake_config(off, 2),
			 ext ? id : id | fake.dev.config[off + 1] << 8);
}

static void standard_ones_as_the_table_says(void **state)
{
	(void)state;
	for (unsigned int id = 0; id <= 0xff; id++) {
		fresh();
		fill(0x44, 0x3c);
		fake_cap(0x40, (uint8_t)id, 0);
		fake_set_config(0x42, 2, 0x10);
		fake.dev.irqs[VFIO_MSI].count = 1;
		if (id == PCI_CAP_ID_MSIX)
			fake_msix(0x40, 4, 0x2000, 0x3000);
		else
			fake.dev.irqs[VFIO_MSIX].count = 0;
		fake.dev.pm_ctrl = 0;
		one(0x40, (uint16_t)id, false);
	}
}

static void extended_ones_as_the_table_says(void **state)
{
	(void)state;
	for (unsigned int id = 1; id <= 0x100; id++) {
		fresh();
		fake_set_config(PCI_STATUS, 2, 0);
		fill(0x104, 0x3c);
		fake_ext_cap(0x100, (uint16_t)id, 0);
		fake_set_config(0x104, 4, 0x04000000 | id);
		one(0x100, (uint16_t)id, true);
	}
	params.ats = false;
}

/* Each number that the specification gives has its row; what has none says
 * that it is unknown. */
static void each_number_has_a_row(void **state)
{
	unsigned int id;

	(void)state;
	fake_set_config(PCI_STATUS, 2, 0);
	for (id = 1; id <= 0x37; id++) {
		fake_ext_cap(0x100, (uint16_t)id, 0);
		find();
		assert_int_equal(strcmp(caps.cap[0].rule->name, "unknown") == 0,
				 id > 0x36);
	}
	fresh();
	for (id = 0; id <= 0x15; id++) {
		fake_cap(0x40, (uint8_t)id, 0);
		find();
		assert_int_equal(strcmp(caps.cap[0].rule->name, "unknown") == 0,
				 id > PCI_CAP_ID_MAX);
	}
}

static void ats_is_shown_when_asked_for(void **state)
{
	struct capture c;

	(void)state;
	fake_ext_cap(0x100, PCI_EXT_CAP_ID_ATS, 0x110);
	fake_set_config(0x104, 4, 0x8020);
	fake_ext_cap(0x110, PCI_EXT_CAP_ID_PRI, 0);
	create();
	assert_int_equal(rd(0x100, 4), 0);
	params.ats = true;
	create();
	assert_true(listed(0x100, true) && listed(0x110, true));
	assert_int_equal(rd(0x104, 4), 0x8020);
	/* The IOMMU's driver on the host enables it, not the guest. */
	wr(0x106, 2, 0);
	assert_int_equal(fake_config(0x104, 4), 0x8020);
	/* Asked for where there is none. */
	fresh();
	capture_begin(&c);
	assert_int_equal(vfio_pci_create(&v, &params), -ENOTSUP);
	v = NULL;
	assert_non_null(strstr(capture_end(&c), "ats=on: the device has no"));
}

static void the_first_of_a_kind_counts(void **state)
{
	(void)state;
	/* Two of PM: sleep by the second would pass us by. */
	fake_cap(0x60, PCI_CAP_ID_PM, 0xe0);
	fake_cap(0xe0, PCI_CAP_ID_PM, 0xe8);
	fake_cap(0xe8, PCI_CAP_ID_VNDR, 0xf0);
	fake_set_config(0xea, 1, 8);
	fake_cap(0xf0, PCI_CAP_ID_VNDR, 0);
	fake_set_config(0xf2, 1, 8);
	create();
	assert_true(listed(0x60, false));
	assert_false(listed(0xe0, false));
	assert_true(listed(0xe8, false) && listed(0xf0, false));
	wr(0xe4, 2, 3);
	assert_int_equal(fake_config(0xe4, 2), 0);
	find();
	assert_string_equal(caps.cap[3].rule->name, "duplicate");
}

static void those_cut_short_are_hidden(void **state)
{
	(void)state;
	fake.dev.irqs[VFIO_MSI].count = 1;
	fake_cap(0x60, PCI_CAP_ID_MSI, 0x6c);
	fake_set_config(0x62, 2, PCI_MSI_FLAGS_64BIT); /* 14 bytes */
	fake_cap(0x6c, PCI_CAP_ID_PM, 0xfc);
	fake_cap(0xfc, PCI_CAP_ID_AF, 0);
	fake.dev.pm_ctrl = 0x70;
	create();
	assert_false(listed(0x60, false));
	assert_true(listed(0x6c, false));
	assert_false(listed(0xfc, false));
	wr(0x6e, 2, 0xffff); /* what would be MSI's data */
	assert_int_equal(fake_config(0x6e, 2), 0);
	/* An integrated endpoint without link registers keeps its type: what
	 * follows is another's. */
	fresh();
	fake_cap(0x80, PCI_CAP_ID_EXP, 0x90);
	fake_set_config(0x82, 2, 1 | PCI_EXP_TYPE_RC_END << 4);
	fake_cap(0x90, PCI_CAP_ID_VNDR, 0);
	fake_set_config(0x92, 2, 0x10);
	create();
	assert_true(listed(0x80, false) && listed(0x90, false));
	assert_int_equal(rd(0x82, 2), 1 | PCI_EXP_TYPE_RC_END << 4);
	assert_int_equal(rd(0x92, 2), 0x10);
}

static void ports_become_endpoints(void **state)
{
	(void)state;
	for (unsigned int type = 0; type < 16; type++) {
		bool plain = type == PCI_EXP_TYPE_ENDPOINT ||
			     type == PCI_EXP_TYPE_LEG_END;

		fresh();
		fake_set_config(0x82, 2, 2 | type << 4);
		create();
		assert_int_equal(rd(0x82, 2), 2 | (plain ? type << 4 : 0));
		assert_int_equal(rd(0x80 + PCI_EXP_LNKCAP, 4),
				 plain ? 0 : 0x11);
	}
}

static void spaces_of_ones_and_of_any_size(void **state)
{
	(void)state;
	/* All ones behind the header, as of a device that falls off. */
	fill(0x34, 1);
	fill(0x40, 0xfc0);
	create();
	assert_int_equal(rd(PCI_STATUS, 2) & PCI_STATUS_CAP_LIST, 0);
	assert_int_equal(rd(0x100, 4), 0);
	for (unsigned int size = 64; size <= 4096;
	     size += size < 300 ? 1 : 97) {
		fake.dev.regions[VFIO_REGION_CONFIG].size = size;
		create();
		for (unsigned int at = 0; at < 4096; at += 4)
			(void)rd(at, 4);
	}
	/* As many as there can be, in both lists. */
	fresh();
	fake_set_config(PCI_CAPABILITY_LIST, 1, 0x40);
	for (unsigned int at = 0x40; at < 0x100; at += 4)
		fake_cap(at, PCI_CAP_ID_VNDR, (uint8_t)(at + 4));
	for (unsigned int at = 0x100; at < 0x1000; at += 4)
		fake_ext_cap(at, PCI_EXT_CAP_ID_VNDR, (at + 4) & 0xfff);
	find();
	assert_int_equal(caps.nr, VFIO_MAX_CAPS);
	create();
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(standard_ones_as_the_table_says),
		T(extended_ones_as_the_table_says),
		T(each_number_has_a_row),
		T(ats_is_shown_when_asked_for),
		T(the_first_of_a_kind_counts),
		T(those_cut_short_are_hidden),
		T(ports_become_endpoints),
		T(spaces_of_ones_and_of_any_size),
	};

	return run_all(tests);
}
