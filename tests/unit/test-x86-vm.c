// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-x86-vm - a VM: what is asked of KVM for it, what KVM must offer, and
 * each ioctl failed in turn, those of vCPUs, too.
 */
#include "harness.h"

#include "x86-kvm.h"

static const struct arch_vm_params plain,
	zap_all = { .flags = ARCH_VM_SLOT_ZAP_ALL };

static void vm_gets_its_irqchip(void **state)
{
	(void)state;
	assert_int_equal(arch_vm_create(NULL, &plain), 0);
	assert_true(fake.irqchip);
	/* This quirk, no other. */
	assert_int_equal(fake.quirks_disabled, KVM_X86_QUIRK_SLOT_ZAP_ALL);
}

static void quirk_is_left_alone(void **state)
{
	(void)state;
	assert_int_equal(arch_vm_create(NULL, &zap_all), 0);
	assert_int_equal(fake.quirks_disabled, 0);
	fake.quirks = 1; /* an older KVM */
	assert_int_equal(arch_vm_create(NULL, &plain), 0);
	assert_int_equal(fake.quirks_disabled, 0);
}

static void kvm_without_what_is_needed(void **state)
{
	static const struct {
		unsigned int cap;
		const char *why;
	} rows[] = {
		{ KVM_CAP_IRQCHIP, "no full in-kernel interrupt controller" },
		{ KVM_CAP_TSC_DEADLINE_TIMER, "no other timer" },
		{ KVM_CAP_SET_TSS_ADDR, "KVM_CAP_SET_TSS_ADDR" },
		{ KVM_CAP_VCPU_EVENTS, "KVM_CAP_VCPU_EVENTS" },
	};
	struct capture c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		fake.missing_cap = rows[i].cap;
		capture_begin(&c);
		assert_int_equal(arch_vm_create(NULL, &plain), -ENOTSUP);
		assert_non_null(strstr(capture_end(&c), rows[i].why));
		assert_false(fake.irqchip);
	}
	fake.missing_cap = UINT_MAX;
	fake.features = ~(1u << KVM_FEATURE_CLOCKSOURCE2);
	capture_begin(&c);
	assert_int_equal(arch_vm_create(NULL, &plain), -ENOTSUP);
	assert_non_null(strstr(capture_end(&c), "kvm-clock is missing"));
}

static void physical_address_bits(void **state)
{
	static const struct {
		uint32_t eax;
		unsigned int bits;
	} rows[] = {
		{ 0x3028, 40 },
		{ 0x302e, 46 },
		{ 0x3034, 52 },
		{ 45 << 16 | 0x3034, 45 }, /* nested paging has less */
	};
	struct capture c;
	unsigned int bits;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		fake.address_sizes = rows[i].eax;
		assert_int_equal(arch_phys_bits(NULL, &plain, &bits), 0);
		assert_int_equal(bits, rows[i].bits);
	}
	fake.address_sizes = 0;
	capture_begin(&c);
	assert_int_equal(arch_phys_bits(NULL, &plain, &bits), -EINVAL);
	capture_end(&c);
}

static void irqchip_is_reset(void **state)
{
	const struct kvm_ioapic_state *io = &fake.chips[2].chip.ioapic;
	const struct kvm_pic_state *pic = &fake.chips[1].chip.pic;

	(void)state;
	assert_int_equal(arch_vm_reset(NULL, 1), 0);
	assert_int_equal(io->base_address, 0xfec00000);
	assert_int_equal(io->irr, 0);
	for (size_t i = 0; i < KVM_IOAPIC_NUM_PINS; i++)
		assert_int_equal(io->redirtbl[i].bits, 0x10000);
	assert_int_equal(pic->elcr_mask, 0xde);
	assert_int_equal(pic->elcr, 0);
	assert_int_equal(pic->isr, 0);
}

static int init_vm(void)
{
	return arch_vm_create(NULL, &plain);
}

static int reset_vm(void)
{
	return arch_vm_reset(NULL, 1);
}

static int reset_vcpu(void)
{
	return arch_vcpu_reset(NULL, VCPU_FD, 0, &pvh);
}

/* A failure is returned and told, in one line; nothing goes on after it. */
static void each_ioctl_failed_in_turn(void **state)
{
	static int (*const fn[])(void) = { init_vm, reset_vm, init_vcpu,
					   reset_vcpu };
	struct capture c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fn); i++) {
		unsigned int total;

		setup(NULL);
		assert_int_equal(fn[i](), 0);
		total = fake.nr_ioctls;
		for (unsigned int k = 1; k <= total; k++) {
			const char *text;
			int r;

			setup(NULL);
			fake.fail_at = k;
			capture_begin(&c);
			r = fn[i]();
			text = capture_end(&c);
			/* Only the TSC's frequency may be unknown. */
			if (!r) {
				assert_ptr_equal(fn[i], init_vcpu);
				assert_string_equal(text, "");
				continue;
			}
			assert_int_equal(r, -EIO);
			assert_int_equal(fake.nr_ioctls, k);
			assert_ptr_equal(strchr(text, '\n') + 1,
					 text + strlen(text));
		}
	}
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup(fn, setup)
	const struct CMUnitTest tests[] = {
		TEST(vm_gets_its_irqchip),
		TEST(quirk_is_left_alone),
		TEST(kvm_without_what_is_needed),
		TEST(physical_address_bits),
		TEST(irqchip_is_reset),
		TEST(each_ioctl_failed_in_turn),
	};

	return run_all(tests);
}
