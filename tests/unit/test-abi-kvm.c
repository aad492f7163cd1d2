// SPDX-License-Identifier: BSD-2-Clause
/*
 * The numbers that abi/kvm.h and its like add to older headers. With newer ones these are
 * the system's own: the same literals must hold.
 */
#include "harness.h"

#include "abi/kvm.h"
#include "x86/abi.h"

static void kvm_numbers(void **state)
{
	(void)state;
	/* From a header of Linux 7.2. */
	assert_int_equal(KVM_DEV_VFIO_FILE, 1);
	assert_int_equal(KVM_DEV_VFIO_FILE_ADD, 1);
	assert_int_equal(KVM_DEV_VFIO_FILE_DEL, 2);
	assert_int_equal(KVM_X86_QUIRK_SLOT_ZAP_ALL, 1 << 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kvm_numbers),
	};

	return run_all(tests);
}
