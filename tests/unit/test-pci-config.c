// SPDX-License-Identifier: BSD-2-Clause
/* test-pci-config - the bit rules of configuration space. */
#include "harness.h"

#include <errno.h>
#include <linux/pci_regs.h>

#include "find-cap.h"
#include "pci-config.h"

static void starts_empty_and_emulated(void **state)
{
	struct pci_config c;
	unsigned int off;

	(void)state;
	pci_config_init(&c);
	for (off = 0; off < PCI_CONFIG_SIZE; off += 4) {
		assert_int_equal(pci_config_get(&c, off, 4), 0);
		assert_int_equal(pci_config_merge(&c, off, 4, 0x12345678), 0);
		assert_int_equal(pci_config_write(&c, off, 4, UINT32_MAX), 0);
		assert_int_equal(pci_config_get(&c, off, 4), 0);
	}
}

static void widths_are_little_endian(void **state)
{
	struct pci_config c;

	(void)state;
	pci_config_init(&c);
	pci_config_set(&c, 0x40, 4, 0x44332211);
	assert_int_equal(pci_config_get(&c, 0x40, 1), 0x11);
	assert_int_equal(pci_config_get(&c, 0x43, 1), 0x44);
	assert_int_equal(pci_config_get(&c, 0x42, 2), 0x4433);
	pci_config_set(&c, 0x42, 2, 0xbeef);
	assert_int_equal(pci_config_get(&c, 0x40, 4), 0xbeef2211);
	pci_config_set(&c, 0xffc, 4, 0xcafef00d);
	assert_int_equal(pci_config_get(&c, 0xfff, 1), 0xca);
}

static void merge_takes_emulated_bits(void **state)
{
	struct pci_config c;

	(void)state;
	pci_config_init(&c);
	pci_config_set(&c, 4, 4, 0xa5a5a5a5);
	pci_config_set_emu(&c, 4, 4, 0x00ffff0f);
	assert_int_equal(pci_config_merge(&c, 4, 4, 0x11223344), 0x11a5a545);
	assert_int_equal(pci_config_merge(&c, 4, 1, 0x44), 0x45);
	/* Whatever a caller passes above the width stays out. */
	assert_int_equal(pci_config_merge(&c, 7, 1, 0xffffff77), 0x77);
	assert_int_equal(pci_config_merge(&c, 4, 2, 0xffff3344), 0xa545);
}

static void write_obeys_masks(void **state)
{
	struct pci_config c;

	(void)state;
	pci_config_init(&c);
	pci_config_set(&c, 4, 4, 0xf9000006);
	pci_config_set_wmask(&c, 4, 2, 0x0407);
	/* The rest is read-only. */
	assert_int_equal(pci_config_write(&c, 4, 4, 0x8100ffff), 0x401);
	assert_int_equal(pci_config_get(&c, 4, 4), 0xf9000407);
	assert_int_equal(pci_config_write(&c, 4, 4, 0), 0x407);
	assert_int_equal(pci_config_get(&c, 4, 4), 0xf9000000);
	assert_int_equal(pci_config_write(&c, 7, 1, 0xff), 0);
	/* Of one byte, only what is its own. */
	assert_int_equal(pci_config_write(&c, 5, 1, 0xff), 4);
	assert_int_equal(pci_config_get(&c, 4, 4), 0xf9000400);
}

static void caps_are_appended(void **state)
{
	struct pci_config c;
	unsigned int at;

	(void)state;
	pci_config_init(&c);
	assert_int_equal(find_cap(&c, PCI_CAP_ID_PM), 0);
	assert_int_equal(pci_config_add_cap(&c, PCI_CAP_ID_PM, 0, 8, &at), 0);
	assert_int_equal(at, 0x40);
	assert_int_equal(pci_config_add_cap(&c, PCI_CAP_ID_EXP, 0x70, 60, &at),
			 0);
	assert_int_equal(at, 0x70);
	assert_int_equal(pci_config_add_cap(&c, PCI_CAP_ID_MSI, 0, 24, NULL),
			 0);
	/* 0x60 has 16 bytes before the one at 0x70. */
	assert_int_equal(pci_config_add_cap(&c, PCI_CAP_ID_MSIX, 0, 12, &at),
			 0);
	assert_int_equal(at, 0x60);

	assert_int_equal(pci_config_get(&c, PCI_STATUS, 2),
			 PCI_STATUS_CAP_LIST);
	assert_int_equal(pci_config_get(&c, PCI_CAPABILITY_LIST, 1), 0x40);
	assert_int_equal(pci_config_get(&c, 0x40, 2), 0x7001);
	assert_int_equal(pci_config_get(&c, 0x70, 2), 0x4810);
	assert_int_equal(pci_config_get(&c, 0x48, 2), 0x6005);
	assert_int_equal(pci_config_get(&c, 0x60, 2), 0x0011);
	assert_int_equal(find_cap(&c, PCI_CAP_ID_MSIX), 0x60);
	assert_int_equal(find_cap(&c, PCI_CAP_ID_EXP), 0x70);
	assert_int_equal(find_cap(&c, PCI_CAP_ID_VPD), 0);
}

static void caps_that_do_not_fit(void **state)
{
	struct pci_config c;
	unsigned int at = 7, i;

	(void)state;
	pci_config_init(&c);
	assert_int_equal(pci_config_add_cap(&c, 1, 0, 0, &at), -ENOSPC);
	assert_int_equal(pci_config_add_cap(&c, 1, 0, 6, &at), -ENOSPC);
	assert_int_equal(pci_config_add_cap(&c, 1, 0, 196, &at), -ENOSPC);
	assert_int_equal(pci_config_add_cap(&c, 1, 0, UINT32_MAX - 3, &at),
			 -ENOSPC);
	assert_int_equal(pci_config_add_cap(&c, 1, 0x3c, 4, &at), -ENOSPC);
	assert_int_equal(pci_config_add_cap(&c, 1, 0x42, 4, &at), -ENOSPC);
	assert_int_equal(pci_config_add_cap(&c, 1, 0xfc, 8, &at), -ENOSPC);
	assert_int_equal(pci_config_add_cap(&c, 1, 0x100, 4, &at), -ENOSPC);
	assert_int_equal(pci_config_add_cap(&c, 1, 0xfffffffc, 8, &at),
			 -ENOSPC);
	assert_int_equal(at, 7);
	assert_int_equal(pci_config_get(&c, PCI_STATUS, 2), 0);

	assert_int_equal(pci_config_add_cap(&c, 1, 0x80, 16, &at), 0);
	assert_int_equal(pci_config_add_cap(&c, 1, 0x8c, 8, &at), -ENOSPC);
	assert_int_equal(pci_config_add_cap(&c, 1, 0x7c, 8, &at), -ENOSPC);
	/* The smallest ones fill all of the space. */
	for (i = 0; i < 44; i++)
		assert_int_equal(pci_config_add_cap(&c, (uint8_t)(i + 0x20), 0,
						    4, &at),
				 0);
	assert_int_equal(pci_config_add_cap(&c, 1, 0, 4, &at), -ENOSPC);
	assert_int_equal(find_cap(&c, 0x20 + 43), 0xfc);

	pci_config_init(&c);
	assert_int_equal(pci_config_add_cap(&c, 1, 0, 192, &at), 0);
	assert_int_equal(at, 0x40);
}

static void looping_lists_end(void **state)
{
	struct pci_config c;

	(void)state;
	pci_config_init(&c);
	/* As a hostile device would have it. */
	pci_config_set(&c, PCI_STATUS, 2, PCI_STATUS_CAP_LIST);
	pci_config_set(&c, PCI_CAPABILITY_LIST, 1, 0x40);
	pci_config_set(&c, 0x40, 2, 0x5001);
	pci_config_set(&c, 0x50, 2, 0x4005);
	assert_int_equal(pci_config_add_cap(&c, 9, 0, 8, NULL), -ENOSPC);

	/* A pointer into the header ends the list, its low bits are void. */
	pci_config_set(&c, 0x50, 2, 0x3c05);
	pci_config_set(&c, PCI_CAPABILITY_LIST, 1, 0x43);
	assert_int_equal(pci_config_add_cap(&c, 9, 0x60, 8, NULL), 0);
	assert_int_equal(pci_config_get(&c, 0x50, 2), 0x6005);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_empty_and_emulated),
		cmocka_unit_test(widths_are_little_endian),
		cmocka_unit_test(merge_takes_emulated_bits),
		cmocka_unit_test(write_obeys_masks),
		cmocka_unit_test(caps_are_appended),
		cmocka_unit_test(caps_that_do_not_fit),
		cmocka_unit_test(looping_lists_end),
	};

	return run_all(tests);
}
