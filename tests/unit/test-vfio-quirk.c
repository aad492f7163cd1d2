// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-vfio-quirk - devices that need an exception, and those beside them
 * that must not get it.
 */
#include "harness.h"

#include "vfio-fixture.h"

#define BAR 0xe0000000U
#define MIRROR (BAR + 0x88000U)

static void nvidia(uint32_t class_rev)
{
	fresh();
	fake_set_config(PCI_VENDOR_ID, 4, 0x2bb310de);
	fake_set_config(PCI_CLASS_REVISION, 4, class_rev);
}

/* The capability byte by byte, and at the end of the list. */
static void clique_at(unsigned int off, unsigned int clique)
{
	const uint8_t want[8] = {
		9, 0, 8, 'P', '2', 'P', (uint8_t)(clique << 3), 0
	};
	unsigned int at = rd(PCI_CAPABILITY_LIST, 1);

	while (rd(at + 1, 1))
		at = rd(at + 1, 1);
	assert_int_equal(at, off);
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(rd(off + i, 1), want[i]);
	/* It exists here only. */
	wr(off + 4, 4, 0);
	assert_int_equal(rd(off + 6, 1), clique << 3);
	assert_int_equal(fake_config(off + 4, 4), 0);
}

static void gpus_of_a_clique(void **state)
{
	(void)state;
	params.gpudirect = true;
	for (uint8_t clique = 0; clique < 16; clique++) {
		nvidia(clique & 1 ? 0x030200a1 : 0x030000a1);
		params.gpudirect_clique = clique;
		create();
		clique_at(0xc8, clique);
	}
	/* Where another is at 0xc8, it is at 0xd4. */
	nvidia(0x030200a1);
	fake_cap(0x60, PCI_CAP_ID_PM, 0xc8);
	fake_cap(0xc8, PCI_CAP_ID_VNDR, 0);
	fake_set_config(0xca, 1, 8);
	create();
	assert_int_equal(rd(0xc8 + 4, 4), 0);
	clique_at(0xd4, 15);
	fake_set_config(0xca, 1, 0x14);
	refused(-ENOSPC, "no room for its capability");
	/* Not asked for, not there. */
	params.gpudirect = false;
	nvidia(0x030200a1);
	create();
	assert_int_equal(rd(0xc8, 4), 0);
}

static void others_have_no_clique(void **state)
{
	(void)state;
	params.gpudirect = true;
	refused(-ENOTSUP, "gpudirect-clique: only for NVIDIA GPUs");
	/* NVIDIA's audio function is no GPU. */
	nvidia(0x040300a1);
	refused(-ENOTSUP, "gpudirect-clique: only for NVIDIA GPUs");
	/* AMD's GPUs are not NVIDIA's. */
	nvidia(0x030000a1);
	fake_set_config(PCI_VENDOR_ID, 2, 0x1002);
	refused(-ENOTSUP, "gpudirect-clique: only for NVIDIA GPUs");
}

static void with_bar(uint64_t size)
{
	fake_bar(0, size, 0, true);
	create();
	wr(PCI_BASE_ADDRESS_0, 4, BAR);
	wr(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
}

static void mirrored_config_space_is_the_guests(void **state)
{
	(void)state;
	nvidia(0x030000a1);
	fake.dev.irqs[VFIO_MSI].count = 1;
	fake_cap(0x60, PCI_CAP_ID_PM, 0x68);
	fake_cap(0x68, PCI_CAP_ID_MSI, 0);
	fake_set_config(0x6a, 2, PCI_MSI_FLAGS_64BIT);
	with_bar(MIB(16));
	/* Its page is the one that is not mapped. */
	assert_true(fake_slot_at(MIRROR - 1) >= 0);
	assert_int_equal(fake_slot_at(MIRROR), -1);
	assert_int_equal(fake_slot_at(MIRROR + 4095), -1);
	assert_true(fake_slot_at(MIRROR + 4096) >= 0);
	assert_int_equal(mmio(MIRROR, 4), 0x2bb310de);
	assert_int_equal(mmio(MIRROR + 8, 8), 0x030000a1);
	assert_int_equal(mmio(MIRROR + PCI_BASE_ADDRESS_0, 4), 0xe0000000);
	assert_int_equal(mmio(MIRROR + PCI_BASE_ADDRESS_0 + 2, 2), 0xe000);
	assert_int_equal(mmio(MIRROR + 0x800, 8), 0);
	/* Askew, or into it from below. */
	assert_int_equal(mmio(MIRROR + 2, 4), UINT32_MAX);
	assert_int_equal(mmio(MIRROR - 2, 4), UINT32_MAX);
	mmio_write(MIRROR + 1, 4, 0);
	mmio_write(MIRROR - 2, 4, 0);
	/* The interrupt is served: that reaches the device. */
	mmio_write(MIRROR + 0x68, 1, 0xff);
	assert_int_equal(fake.dev.last_offset, 0x88068);
	assert_int_equal(rd(0x68, 2), PCI_CAP_ID_MSI);
	/* The BAR moves below the access that moves it. */
	mmio_write(MIRROR + PCI_BASE_ADDRESS_0, 4, 0xd0000000);
	assert_int_equal(rd(PCI_BASE_ADDRESS_0, 4), 0xd0000000);
	assert_int_equal(fake_slot_at(0xe0000000), -1);
	assert_int_equal(mmio(0xd0088000, 2), 0x10de);
}

static void mirrors_only_where_they_are(void **state)
{
	(void)state;
	nvidia(0x030200a1); /* no display */
	with_bar(MIB(16));
	assert_true(fake_slot_at(MIRROR) >= 0);
	fresh();
	with_bar(MIB(16)); /* not NVIDIA's */
	assert_true(fake_slot_at(MIRROR) >= 0);
	nvidia(0x030000a1);
	with_bar(KIB(512)); /* too small to hold one */
	assert_true(fake_slot_at(0xe0000000) >= 0);
}

static void pending_bits_beyond_their_bar(void **state)
{
	static const struct {
		uint32_t id, says, is;
	} devices[] = {
		{ 0x58011425, 0x8000, 0x1000 },
		{ 0x58ff1425, 0x8000, 0x1000 },
		{ 0x36851d22, 0x460000, 0xb400 },
		/* A sane one of the kind, its neighbour, anybody. */
		{ 0x58011425, 0x3000, 0x3000 },
		{ 0x54011425, 0x8000, 0x8000 },
		{ 0x00101b36, 0x8000, 0x8000 },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(devices); i++) {
		fresh();
		fake_set_config(PCI_VENDOR_ID, 4, devices[i].id);
		fake_bar(0, devices[i].is == 0xb400 ? KIB(64) : KIB(16), 0,
			 true);
		fake_msix(0x40, 8, 0x2000, devices[i].says);
		create();
		assert_int_equal(rd(0x40 + PCI_MSIX_PBA, 4), devices[i].is);
		wr(PCI_BASE_ADDRESS_0, 4, BAR);
		wr(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
		/* Found at its place, it is emulated. */
		if (devices[i].is < KIB(64))
			assert_int_equal(fake_slot_at(BAR + devices[i].is), -1);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(gpus_of_a_clique),
		T(others_have_no_clique),
		T(mirrored_config_space_is_the_guests),
		T(mirrors_only_where_they_are),
		T(pending_bits_beyond_their_bar),
	};

	return run_all(tests);
}
