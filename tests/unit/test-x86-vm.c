// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-x86-vm - a VM and its vCPUs on a KVM that is not there: what is asked
 * of it, what it must offer, and each ioctl failed in turn.
 */
#include "harness.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <asm/kvm_para.h>

#include "abi/kvm.h"
#include "arch.h"
#include "capture.h"
#include "kvm.h"
#include "x86/cpu.h"

enum { SYS_FD = 100, VM_FD, VCPU_FD };

/* What the KVM of a test offers, and what it was told. */
static struct {
	unsigned int missing_cap;
	int quirks;
	uint32_t features; /* of leaf 0x40000001 */
	uint32_t address_sizes; /* EAX of leaf 0x80000008 */
	uint32_t unknown_msr;
	unsigned int nr_ioctls, fail_at; /* the fail_at-th fails */
	uint64_t quirks_disabled;
	bool irqchip;
	struct kvm_irqchip chips[3]; /* as set */
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	struct kvm_lapic_state lapic;
	uint32_t mp_state;
	uint32_t msrs[256];
	unsigned int nr_msrs;
	struct kvm_nested_state nested;
	struct kvm_vcpu_events events;
	int tsc_khz, tsc_host_khz; /* the vCPU's, and what it is now */
} fake;

static int setup(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	fake.tsc_khz = fake.tsc_host_khz = 2000000;
	fake.missing_cap = UINT_MAX;
	fake.quirks = KVM_X86_QUIRK_SLOT_ZAP_ALL | 1;
	fake.features = 1 << KVM_FEATURE_CLOCKSOURCE2;
	fake.address_sizes = 0x3028;
	return 0;
}

int kvm_sys_fd(const struct kvm *kvm)
{
	(void)kvm;
	return SYS_FD;
}

int kvm_vm_fd(const struct kvm *kvm)
{
	(void)kvm;
	return VM_FD;
}

int kvm_create_vm(struct kvm *kvm, unsigned long type)
{
	(void)kvm;
	assert_int_equal(type, 0);
	return 0;
}

int kvm_extension(struct kvm *kvm, unsigned int cap)
{
	(void)kvm;
	if (cap == fake.missing_cap)
		return 0;
	if (cap == KVM_CAP_DISABLE_QUIRKS2)
		return fake.quirks;
	if (cap == KVM_CAP_NESTED_STATE || cap == KVM_CAP_XSAVE2)
		return 5000;
	return 1;
}

static int supported_cpuid(struct kvm_cpuid2 *c)
{
	const struct kvm_cpuid_entry2 e[] = {
		{ .function = 0, .eax = 0x10, .ebx = 0x756e6547 },
		{ .function = 1 },
		{ .function = 0x40000000, .eax = 0x40000001 },
		{ .function = 0x40000001, .eax = fake.features },
		{ .function = 0x80000008, .eax = fake.address_sizes },
	};

	assert_true(c->nent >= ARRAY_SIZE(e) + CPUID_SPARE);
	memcpy(c->entries, e, sizeof(e));
	c->nent = ARRAY_SIZE(e);
	return 0;
}

static int set_msrs(const struct kvm_msrs *m)
{
	for (unsigned int i = 0; i < m->nmsrs; i++) {
		if (m->entries[i].index == fake.unknown_msr)
			return (int)i;
		assert_true(fake.nr_msrs < ARRAY_SIZE(fake.msrs));
		fake.msrs[fake.nr_msrs++] = m->entries[i].index;
	}
	return (int)m->nmsrs;
}

static int get_irqchip(struct kvm_irqchip *chip)
{
	uint32_t id = chip->chip_id;

	/* As a guest left it. */
	memset(chip, 0xa5, sizeof(*chip));
	chip->chip_id = id;
	if (id != KVM_IRQCHIP_IOAPIC)
		chip->chip.pic.elcr_mask = 0xde;
	return 0;
}

static int vm_ioctl(unsigned long request, void *arg)
{
	switch (request) {
	case KVM_CREATE_IRQCHIP:
		fake.irqchip = true;
		return 0;
	case KVM_ENABLE_CAP:
		fake.quirks_disabled |= ((struct kvm_enable_cap *)arg)->args[0];
		return 0;
	case KVM_GET_IRQCHIP:
		return get_irqchip(arg);
	case KVM_SET_IRQCHIP:
		fake.chips[((struct kvm_irqchip *)arg)->chip_id] =
			*(struct kvm_irqchip *)arg;
		return 0;
	default:
		return 0;
	}
}

static int vcpu_ioctl(unsigned long request, void *arg)
{
	struct kvm_nested_state *n = arg;

	switch (request) {
	case KVM_GET_TSC_KHZ:
		return fake.tsc_khz;
	case KVM_SET_TSC_KHZ:
		assert_null(arg);
		fake.tsc_khz = fake.tsc_host_khz;
		return 0;
	case KVM_SET_MSRS:
		return set_msrs(arg);
	case KVM_SET_SREGS:
		fake.sregs = *(struct kvm_sregs *)arg;
		return 0;
	case KVM_SET_REGS:
		fake.regs = *(struct kvm_regs *)arg;
		return 0;
	case KVM_SET_MP_STATE:
		fake.mp_state = ((struct kvm_mp_state *)arg)->mp_state;
		return 0;
	case KVM_GET_LAPIC:
		memset(arg, 0xa5, sizeof(fake.lapic));
		return 0;
	case KVM_SET_LAPIC:
		fake.lapic = *(struct kvm_lapic_state *)arg;
		return 0;
	case KVM_GET_NESTED_STATE:
		assert_int_equal(n->size, 5000);
		n->flags = KVM_STATE_NESTED_GUEST_MODE;
		n->format = KVM_STATE_NESTED_FORMAT_VMX;
		n->hdr.vmx.vmxon_pa = 0x1000;
		return 0;
	case KVM_SET_NESTED_STATE:
		fake.nested = *n;
		return 0;
	case KVM_SET_VCPU_EVENTS:
		fake.events = *(struct kvm_vcpu_events *)arg;
		return 0;
	default:
		return 0;
	}
}

int kvm_ioctl(struct kvm *kvm, int fd, unsigned long request, void *arg)
{
	(void)kvm;
	if (++fake.nr_ioctls == fake.fail_at)
		return -EIO;
	if (fd == SYS_FD) {
		assert_int_equal(request, KVM_GET_SUPPORTED_CPUID);
		return supported_cpuid(arg);
	}
	return fd == VM_FD ? vm_ioctl(request, arg) : vcpu_ioctl(request, arg);
}

static const struct boot_entry pvh = { .ip = 0x1000100, .arg = 0x6000 };
static const struct boot_entry long_mode = { .ip = 0x1000200,
					     .arg = 0x7000,
					     .page_table = 0x10000 };

static void vm_gets_its_irqchip(void **state)
{
	(void)state;
	assert_int_equal(arch_vm_create(NULL, 0), 0);
	assert_true(fake.irqchip);
	/* This quirk, no other. */
	assert_int_equal(fake.quirks_disabled, KVM_X86_QUIRK_SLOT_ZAP_ALL);
}

static void quirk_is_left_alone(void **state)
{
	(void)state;
	assert_int_equal(arch_vm_create(NULL, ARCH_VM_SLOT_ZAP_ALL), 0);
	assert_int_equal(fake.quirks_disabled, 0);
	fake.quirks = 1; /* an older KVM */
	assert_int_equal(arch_vm_create(NULL, 0), 0);
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
		assert_int_equal(arch_vm_create(NULL, 0), -ENOTSUP);
		assert_non_null(strstr(capture_end(&c), rows[i].why));
		assert_false(fake.irqchip);
	}
	fake.missing_cap = UINT_MAX;
	fake.features = ~(1u << KVM_FEATURE_CLOCKSOURCE2);
	capture_begin(&c);
	assert_int_equal(arch_vm_create(NULL, 0), -ENOTSUP);
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
		assert_int_equal(arch_phys_bits(NULL, &bits), 0);
		assert_int_equal(bits, rows[i].bits);
	}
	fake.address_sizes = 0;
	capture_begin(&c);
	assert_int_equal(arch_phys_bits(NULL, &bits), -EINVAL);
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

static int init_vm(void)
{
	return arch_vm_create(NULL, 0);
}

static int reset_vm(void)
{
	return arch_vm_reset(NULL, 1);
}

static int init_vcpu(void)
{
	return arch_vcpu_init(NULL, VCPU_FD, 0, 1, 40);
}

static int reset_vcpu(void)
{
	return arch_vcpu_reset(NULL, VCPU_FD, 0, &pvh);
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
		TEST(first_cpu_enters_the_kernel),
		TEST(other_cpus_wait),
		TEST(tsc_rate_is_that_of_now),
		TEST(no_tsc_rate_is_refused),
		TEST(lapic_is_reset),
		TEST(nested_guest_is_left),
		TEST(smm_is_left),
		TEST(msrs_that_name_memory_are_cleared),
		TEST(unknown_msrs_are_passed_over),
		TEST(each_ioctl_failed_in_turn),
	};

	return run_all(tests);
}
