// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-arm64-vcpu - a vCPU on Arm, on a KVM that is not there: what it can do,
 * how it starts, the exit that it alone has.
 */
#include "arm64-fixture.h"
#include "log.h"

#define PSCI_0_2 (1 << 2)
#define SVE (1 << 4)
#define PTRAUTH (1 << 5 | 1 << 6)
#define POWER_OFF 1

static void vcpus_have_what_the_host_has(void **state)
{
	(void)state;
	assert_int_equal(arch_vcpu_init(NULL, VCPU_FD, 0, 2, 48), 0);
	assert_string_equal(fake.order, "init finalize ");
	assert_int_equal(fake.init.target, 5);
	assert_int_equal(fake.init.features[0], PSCI_0_2 | SVE | PTRAUTH);
	assert_int_equal(fake.finalized, 4);
	assert_int_equal(arch_vcpu_init(NULL, VCPU_FD, 1, 2, 48), 0);
	assert_int_equal(fake.init.features[0],
			 PSCI_0_2 | SVE | PTRAUTH | POWER_OFF);

	setup(NULL);
	fake.missing_cap = KVM_CAP_ARM_SVE;
	assert_int_equal(arch_vcpu_init(NULL, VCPU_FD, 0, 1, 48), 0);
	assert_string_equal(fake.order, "init ");
	assert_int_equal(fake.init.features[0], PSCI_0_2 | PTRAUTH);
	/* One kind of pointer authentication without the other is none. */
	fake.missing_cap = KVM_CAP_ARM_PTRAUTH_GENERIC;
	assert_int_equal(arch_vcpu_init(NULL, VCPU_FD, 0, 1, 48), 0);
	assert_int_equal(fake.init.features[0], PSCI_0_2 | SVE);
}

static const struct boot_entry entry = { .ip = 0x40200000, .arg = 0x44000000 };

static void the_first_vcpu_enters_the_kernel(void **state)
{
	(void)state;
	assert_int_equal(arch_vcpu_reset(NULL, VCPU_FD, 0, &entry), 0);
	assert_string_equal(fake.order, "init reg reg ");
	assert_int_equal(fake.init.features[0], PSCI_0_2 | SVE | PTRAUTH);
	assert_int_equal(fake.regs[0].id, 0x6030000000100000); /* x0 */
	assert_int_equal(fake.values[0], entry.arg);
	assert_int_equal(fake.regs[1].id, 0x6030000000100040); /* pc */
	assert_int_equal(fake.values[1], entry.ip);
}

static void the_others_wait_for_psci(void **state)
{
	(void)state;
	assert_int_equal(arch_vcpu_reset(NULL, VCPU_FD, 1, &entry), 0);
	assert_string_equal(fake.order, "init ");
	assert_true(fake.init.features[0] & POWER_OFF);
}

static int enter_with(uint32_t page_bytes, uint64_t mmfr0)
{
	struct boot_entry e = entry;

	setup(NULL);
	e.page_bytes = page_bytes;
	fake.mmfr0 = mmfr0;
	return arch_vcpu_reset(NULL, VCPU_FD, 0, &e);
}

static void pages_that_the_cpu_has(void **state)
{
	(void)state;
	/* As of a Cortex-A72: all but 16 KiB. */
	assert_int_equal(enter_with(KIB(4), 0x1124), 0);
	assert_int_equal(enter_with(KIB(64), 0x1124), 0);
	assert_int_equal(enter_with(KIB(16), 0x101125), 0);
	/* With 52 bits of address. */
	assert_int_equal(enter_with(KIB(4), 0x10201126), 0);
	assert_int_equal(enter_with(KIB(16), 0x10201126), 0);
	/* It does not say. */
	assert_int_equal(enter_with(0, 0xff000000), 0);
	assert_int_equal(fake.nr_regs, 2);
}

static void refused(uint32_t page_bytes, uint64_t mmfr0, const char *what)
{
	struct capture c;

	capture_begin(&c);
	assert_int_equal(enter_with(page_bytes, mmfr0), -ENOTSUP);
	assert_non_null(strstr(capture_end(&c), what));
	assert_int_equal(fake.nr_regs, 0);
}

static void pages_that_the_cpu_lacks(void **state)
{
	(void)state;
	refused(KIB(16), 0x1124, "--kernel: it is for pages of 16 KiB");
	refused(KIB(16), 0x1124, "give one for pages of 4 KiB");
	refused(KIB(64), 0xf001124, "--kernel: it is for pages of 64 KiB");
	refused(KIB(4), 0xf0001124, "give one for pages of 64 KiB");
}

static int undecodable(struct ratelimit *rl)
{
	const struct kvm_run run = {
		.exit_reason = KVM_EXIT_ARM_NISV,
		.arm_nisv = { .fault_ipa = 0xb000010 },
	};

	return arch_vcpu_exit(NULL, VCPU_FD, 3, &run, rl);
}

/* It is told, but not for ever. */
static void what_cannot_be_decoded_is_an_abort(void **state)
{
	struct ratelimit rl = { 0 };
	unsigned int lines = 0;
	struct capture c;

	(void)state;
	assert_string_equal(arch_exit_name(KVM_EXIT_ARM_NISV), "undecodable");
	assert_string_equal(arch_exit_name(42), "64_bytes");
	assert_null(arch_exit_name(KVM_EXIT_MMIO));
	capture_begin(&c);
	for (unsigned int i = 0; i < 50; i++) {
		memset(&fake.events, 0, sizeof(fake.events));
		assert_int_equal(undecodable(&rl), 0);
		assert_int_equal(fake.events.exception.ext_dabt_pending, 1);
		assert_int_equal(fake.events.exception.serror_pending, 0);
	}
	capture_end(&c);
	assert_non_null(strstr(c.text, "vcpu3: the guest accessed a device at "
				       "0xb000010"));
	for (const char *s = c.text; (s = strchr(s, '\n')); s++)
		lines++;
	assert_true(lines >= 1 && lines <= 10);
}

static void an_abort_that_kvm_refuses(void **state)
{
	struct ratelimit rl = { 0 };
	struct capture c;

	(void)state;
	fake.fail_at = 1;
	capture_begin(&c);
	assert_int_equal(undecodable(&rl), -EIO);
	assert_non_null(strstr(capture_end(&c), "KVM_SET_VCPU_EVENTS"));
}

/* Only where KVM has the exit and what answers it. */
static void the_exit_is_asked_for(void **state)
{
	static const unsigned int both[] = { KVM_CAP_ARM_NISV_TO_USER,
					     KVM_CAP_ARM_INJECT_EXT_DABT };
	const struct arch_vm_params p = { .ram_bytes = MIB(512) };

	(void)state;
	assert_int_equal(arch_vm_create(NULL, &p), 0);
	assert_int_equal(fake.cap.cap, KVM_CAP_ARM_NISV_TO_USER);
	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		setup(NULL);
		fake.missing_cap = both[i];
		assert_int_equal(arch_vm_create(NULL, &p), 0);
		assert_int_equal(fake.cap.cap, 0);
	}
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(vcpus_have_what_the_host_has),
		TEST(the_first_vcpu_enters_the_kernel),
		TEST(the_others_wait_for_psci),
		TEST(pages_that_the_cpu_has),
		TEST(pages_that_the_cpu_lacks),
		TEST(what_cannot_be_decoded_is_an_abort),
		TEST(an_abort_that_kvm_refuses),
		TEST(the_exit_is_asked_for),
	};

	return run_all(tests);
}
