// SPDX-License-Identifier: BSD-2-Clause
/* test-x86-vcpu - the state that vCPUs are put into, whatever they were in. */
#include "harness.h"

#include "x86-kvm.h"

static void first_cpu_enters_the_kernel(void **state)
{
	(void)state;
	assert_int_equal(arch_vcpu_reset(NULL, VCPU_FD, 0, &pvh), 0);
	assert_int_equal(fake.mp_state, KVM_MP_STATE_RUNNABLE);
	assert_int_equal(fake.sregs.apic_base, 0xfee00900);
	assert_int_equal(fake.sregs.cr0, 0x11);
	assert_int_equal(fake.sregs.efer, 0);
	assert_int_equal(fake.regs.rip, pvh.ip);
	assert_int_equal(fake.regs.rbx, pvh.arg);
	assert_int_equal(fake.regs.rflags, 2);

	assert_int_equal(arch_vcpu_reset(NULL, VCPU_FD, 0, &long_mode), 0);
	assert_int_equal(fake.sregs.cr0, 0x80000011);
	assert_int_equal(fake.sregs.cr3, 0x10000);
	assert_int_equal(fake.sregs.cr4, 0x20);
	assert_int_equal(fake.sregs.efer, 0x500);
	assert_int_equal(fake.sregs.cs.l, 1);
	assert_int_equal(fake.sregs.cs.db, 0);
	assert_int_equal(fake.sregs.cs.selector, 0x10);
	assert_int_equal(fake.regs.rsi, 0x7000);
}

static void other_cpus_wait(void **state)
{
	(void)state;
	assert_int_equal(arch_vcpu_reset(NULL, VCPU_FD, 3, &pvh), 0);
	assert_int_equal(fake.mp_state, KVM_MP_STATE_UNINITIALIZED);
	assert_int_equal(fake.sregs.apic_base, 0xfee00800);
	assert_int_equal(fake.sregs.cr0 & 1, 0);
	assert_int_equal(load_le(fake.lapic.regs + 0x20, 4), 3 << 24);
}

static void lapic_is_reset(void **state)
{
	(void)state;
	assert_int_equal(arch_vcpu_reset(NULL, VCPU_FD, 0, &pvh), 0);
	/* The version stays; requests, service and the timer are gone. */
	assert_int_equal(load_le(fake.lapic.regs + 0x30, 4), 0xa5a5a5a5);
	for (size_t reg = 0x100; reg < 0x280; reg += 0x10)
		assert_int_equal(load_le(fake.lapic.regs + reg, 4), 0);
	assert_int_equal(load_le(fake.lapic.regs + 0x380, 4), 0);
	assert_int_equal(load_le(fake.lapic.regs + 0xf0, 4), 0xff);
	for (size_t reg = 0x320; reg <= 0x370; reg += 0x10)
		assert_int_equal(load_le(fake.lapic.regs + reg, 4), 0x10000);
}

static void nested_guest_is_left(void **state)
{
	(void)state;
	assert_int_equal(arch_vcpu_reset(NULL, VCPU_FD, 0, &pvh), 0);
	assert_int_equal(fake.nested.flags, 0);
	assert_int_equal(fake.nested.size, sizeof(fake.nested));
	assert_int_equal(fake.nested.hdr.vmx.vmxon_pa, UINT64_MAX);
	assert_int_equal(fake.nested.hdr.vmx.vmcs12_pa, UINT64_MAX);
}

static void smm_is_left(void **state)
{
	(void)state;
	assert_int_equal(arch_vcpu_reset(NULL, VCPU_FD, 1, &pvh), 0);
	assert_true(fake.events.flags & KVM_VCPUEVENT_VALID_SMM);
	assert_int_equal(fake.events.smi.smm, 0);
	assert_int_equal(fake.events.smi.pending, 0);
	fake.missing_cap = KVM_CAP_X86_SMM;
	assert_int_equal(arch_vcpu_reset(NULL, VCPU_FD, 1, &pvh), 0);
	assert_false(fake.events.flags & KVM_VCPUEVENT_VALID_SMM);
}

static bool was_set(uint32_t msr)
{
	for (unsigned int i = 0; i < fake.nr_msrs; i++)
		if (fake.msrs[i] == msr)
			return true;
	return false;
}

static void msrs_that_name_memory_are_cleared(void **state)
{
	(void)state;
	assert_int_equal(msr_reset(NULL, VCPU_FD, 0), 0);
	assert_true(was_set(MSR_KVM_SYSTEM_TIME_NEW));
	assert_true(was_set(MSR_KVM_ASYNC_PF_EN));
	assert_true(was_set(MSR_KVM_STEAL_TIME));
	assert_true(was_set(MSR_KVM_PV_EOI_EN));
	assert_true(was_set(MSR_KVM_POLL_CONTROL));
	assert_true(was_set(0x2ff));
	assert_false(was_set(0x10)); /* the TSC goes on */
}

static void unknown_msrs_are_passed_over(void **state)
{
	struct capture c;

	(void)state;
	fake.unknown_msr = 0xda0;
	assert_int_equal(msr_reset(NULL, VCPU_FD, 0), 0);
	assert_true(was_set(MSR_KVM_POLL_CONTROL));
	fake.unknown_msr = MSR_KVM_POLL_CONTROL; /* the last of them */
	assert_int_equal(msr_reset(NULL, VCPU_FD, 0), 0);
	fake.unknown_msr = MSR_KVM_SYSTEM_TIME_NEW;
	capture_begin(&c);
	assert_int_equal(msr_reset(NULL, VCPU_FD, 0), -EINVAL);
	assert_non_null(strstr(capture_end(&c), "0x4b564d01"));
}

/* KVM started before the host had measured its TSC well. */
static void tsc_rate_is_that_of_now(void **state)
{
	(void)state;
	fake.tsc_host_khz = 2002000;
	assert_int_equal(init_vcpu(), 0);
	assert_int_equal(fake.tsc_khz, 2002000);
}

static void no_tsc_rate_is_refused(void **state)
{
	struct capture c;

	(void)state;
	fake.tsc_host_khz = 0;
	capture_begin(&c);
	assert_int_equal(init_vcpu(), -ENOTSUP);
	assert_non_null(strstr(capture_end(&c), "timer would never fire"));
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup(fn, setup)
	const struct CMUnitTest tests[] = {
		TEST(first_cpu_enters_the_kernel),
		TEST(other_cpus_wait),
		TEST(tsc_rate_is_that_of_now),
		TEST(no_tsc_rate_is_refused),
		TEST(lapic_is_reset),
		TEST(nested_guest_is_left),
		TEST(smm_is_left),
		TEST(msrs_that_name_memory_are_cleared),
		TEST(unknown_msrs_are_passed_over),
	};

	return run_all(tests);
}
