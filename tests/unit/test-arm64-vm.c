// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-arm64-vm - an Arm VM and its vCPUs on a KVM that is not there: what is
 * asked of it, in which order, and each ioctl failed in turn.  Numbers are
 * those of the kernel's ABI, not their names: see arm64-kvm.h.
 */
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "abi/kvm.h"
#include "arch.h"
#include "arm64/map.h"
#include "capture.h"
#include "fake-kvm.h"

enum { VGIC = 7, ITS = 8 };

struct attr {
	unsigned int type, group;
	uint64_t attr, value;
};

/* What the KVM of a test offers, and what it was told. */
static struct {
	unsigned int missing_cap, missing_device;
	int ipa_bits;
	uint64_t icc_ctlr;
	unsigned int nr_calls, fail_at; /* the fail_at-th fails */
	unsigned long vm_type;
	struct attr attrs[2048]; /* as set */
	unsigned int nr_attrs;
	struct kvm_vcpu_init init;
	int finalized; /* a feature; 0: none */
	struct kvm_one_reg regs[8];
	uint64_t values[8];
	unsigned int nr_regs;
	char order[256];
} fake;

static int setup(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	fake.missing_cap = fake.missing_device = UINT32_MAX;
	fake.ipa_bits = 44;
	fake.icc_ctlr = 4 << 8 | 3; /* five bits of priority */
	return 0;
}

static void note(const char *what)
{
	size_t n = strlen(fake.order);

	snprintf(fake.order + n, sizeof(fake.order) - n, "%s ", what);
}

static bool fails(void)
{
	return ++fake.nr_calls == fake.fail_at;
}

int kvm_extension(struct kvm *kvm, unsigned int cap)
{
	(void)kvm;
	return cap != fake.missing_cap;
}

int kvm_create_vm(struct kvm *kvm, unsigned long type)
{
	(void)kvm;
	fake.vm_type = type;
	note("vm");
	return fails() ? -EIO : 0;
}

int kvm_device_create(struct kvm *kvm, unsigned int type)
{
	(void)kvm;
	if (type == fake.missing_device)
		return -ENODEV;
	note(type == VGIC ? "vgic" : "its");
	return fails() ? -EIO : 0;
}

static unsigned int value_bytes(unsigned int group)
{
	switch (group) {
	case 0: /* addresses */
	case 6: /* registers of a CPU interface */
		return 8;
	case 4: /* control */
		return 0;
	default:
		return 4;
	}
}

int kvm_device_set(struct kvm *kvm, unsigned int type, uint32_t group,
		   uint64_t attr, const void *value)
{
	struct attr *a = &fake.attrs[fake.nr_attrs];

	(void)kvm;
	assert_true(fake.nr_attrs < ARRAY_SIZE(fake.attrs));
	assert_int_equal(!value, !value_bytes(group));
	*a = (struct attr){ type, group, attr, 0 };
	if (value)
		memcpy(&a->value, value, value_bytes(group));
	fake.nr_attrs++;
	return fails() ? -EIO : 0;
}

int kvm_device_get(struct kvm *kvm, unsigned int type, uint32_t group,
		   uint64_t attr, void *value)
{
	(void)kvm;
	assert_int_equal(type, VGIC);
	assert_int_equal(group, 6);
	assert_int_equal(attr & UINT32_MAX, 0xc664); /* ICC_CTLR_EL1 */
	memcpy(value, &fake.icc_ctlr, 8);
	return fails() ? -EIO : 0;
}

int kvm_ioctl(struct kvm *kvm, int fd, unsigned long request, void *arg)
{
	const struct kvm_one_reg *reg = arg;

	(void)kvm;
	if (fd == SYS_FD) {
		assert_int_equal(request, KVM_CHECK_EXTENSION);
		assert_int_equal((uintptr_t)arg, KVM_CAP_ARM_VM_IPA_SIZE);
		return fake.ipa_bits;
	}
	if (fails())
		return -EIO;
	switch (request) {
	case KVM_ARM_PREFERRED_TARGET:
		assert_int_equal(fd, VM_FD);
		((struct kvm_vcpu_init *)arg)->target = 5;
		return 0;
	case KVM_ARM_VCPU_INIT:
		note("init");
		fake.init = *(struct kvm_vcpu_init *)arg;
		return 0;
	case KVM_ARM_VCPU_FINALIZE:
		note("finalize");
		fake.finalized = *(int *)arg;
		return 0;
	case KVM_SET_ONE_REG:
		note("reg");
		fake.regs[fake.nr_regs] = *reg;
		memcpy(&fake.values[fake.nr_regs++],
		       (void *)(uintptr_t)reg->addr, 8);
		return 0;
	default:
		fail_msg("unexpected request %#lx", request);
		return -ENOTTY;
	}
}

static void assert_attr(unsigned int i, unsigned int type, unsigned int group,
			uint64_t attr, uint64_t value)
{
	const struct attr *a = &fake.attrs[i];

	assert_true(i < fake.nr_attrs);
	assert_int_equal(a->type, type);
	assert_int_equal(a->group, group);
	assert_int_equal(a->attr, attr);
	assert_int_equal(a->value, value);
}

static void vm_has_a_gic_and_an_its(void **state)
{
	(void)state;
	assert_int_equal(arch_vm_create(NULL, 0), 0);
	assert_int_equal(fake.vm_type, 44);
	assert_string_equal(fake.order, "vm vgic its ");
	assert_attr(0, VGIC, 0, 2, GICD_BASE);
	assert_attr(1, VGIC, 0, 5, GICR_BASE | 64ULL << 52);
	assert_attr(2, VGIC, 3, 0, 64);
	assert_attr(3, ITS, 0, 4, GITS_BASE);
	assert_int_equal(fake.nr_attrs, 4);
	/* Only with all vCPUs there it can start. */
	assert_int_equal(arch_vm_finish(NULL), 0);
	assert_attr(4, VGIC, 4, 0, 0);
	assert_attr(5, ITS, 4, 0, 0);
	assert_int_equal(fake.nr_attrs, 6);
}

static void addresses_are_as_wide_as_kvm_has_them(void **state)
{
	unsigned int bits;

	(void)state;
	assert_int_equal(arch_phys_bits(NULL, &bits), 0);
	assert_int_equal(bits, 44);
	fake.ipa_bits = 52; /* guests without LPA2 must reach all */
	assert_int_equal(arch_phys_bits(NULL, &bits), 0);
	assert_int_equal(bits, 48);
	assert_int_equal(arch_vm_create(NULL, 0), 0);
	assert_int_equal(fake.vm_type, 48);
	fake.ipa_bits = 0; /* one cannot choose */
	assert_int_equal(arch_phys_bits(NULL, &bits), 0);
	assert_int_equal(bits, 40);
	assert_int_equal(arch_vm_create(NULL, 0), 0);
	assert_int_equal(fake.vm_type, 0);
}

static void create_refused(const char *text, unsigned int flags)
{
	struct capture c;

	capture_begin(&c);
	assert_int_equal(arch_vm_create(NULL, flags), -ENOTSUP);
	assert_non_null(strstr(capture_end(&c), text));
}

static void a_quirk_of_x86_is_refused(void **state)
{
	(void)state;
	create_refused("--kvm: slot-zap-all: ", ARCH_VM_SLOT_ZAP_ALL);
}

static void what_is_missing_is_told(void **state)
{
	static const unsigned int caps[] = { KVM_CAP_ARM_PSCI_0_2,
					     KVM_CAP_ONE_REG,
					     KVM_CAP_MSI_DEVID };
	static const struct {
		unsigned int device;
		const char *text;
	} devices[] = { { VGIC, "a GICv3:" }, { ITS, "a GIC ITS:" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(caps); i++) {
		setup(NULL);
		fake.missing_cap = caps[i];
		create_refused("is missing", 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		setup(NULL);
		fake.missing_device = devices[i].device;
		create_refused(devices[i].text, 0);
	}
}

/* The value last set of a register of the GIC, which must have been set. */
static uint64_t last(unsigned int group, uint64_t attr)
{
	for (unsigned int i = fake.nr_attrs; i-- > 0;)
		if (fake.attrs[i].type == VGIC &&
		    fake.attrs[i].group == group && fake.attrs[i].attr == attr)
			return fake.attrs[i].value;
	fail_msg("register %#llx of group %u is not reset",
		 (unsigned long long)attr, group);
	return 0;
}

static void reset_of_the_distributor(void **state)
{
	(void)state;
	assert_int_equal(arch_vm_reset(NULL, 1), 0);
	/* Off before anything else changes. */
	assert_attr(0, VGIC, 1, 0, 0);
	assert_int_equal(last(1, 0x184), UINT32_MAX); /* disabled, */
	assert_int_equal(last(1, 0x384), UINT32_MAX); /* inactive, */
	assert_int_equal(last(1, 0x204), 0); /* not pending, */
	assert_int_equal(last(1, 0x084), UINT32_MAX); /* in group 1 */
	for (unsigned int spi = 32; spi < 64; spi++) {
		assert_int_equal(last(1, 0x400 + (spi & ~3u)), 0);
		assert_int_equal(last(1, 0xc00 + spi / 16 * 4), 0);
		assert_int_equal(last(1, 0x6000 + 8 * spi), 0);
		assert_int_equal(last(1, 0x6004 + 8 * spi), 0);
	}
	/* Last of all what the messages go through. */
	assert_attr(fake.nr_attrs - 1, ITS, 4, 4, 0);
}

static unsigned int index_of(unsigned int group, uint64_t attr)
{
	unsigned int i = 0;

	while (i < fake.nr_attrs &&
	       (fake.attrs[i].group != group || fake.attrs[i].attr != attr))
		i++;
	return i;
}

static void reset_of_each_cpu(void **state)
{
	/* MPIDR: sixteen to a cluster. */
	static const uint64_t mpidr[] = { 0, 0x00f, 0x100, 0x302 };
	static const unsigned int ids[] = { 0, 15, 16, 50 };

	(void)state;
	assert_int_equal(arch_vm_reset(NULL, 51), 0);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		uint64_t cpu = mpidr[i] << 32;

		assert_int_equal(last(5, cpu | 0), 0); /* LPIs off */
		assert_int_equal(last(5, cpu | 0x70), 0);
		assert_int_equal(last(5, cpu | 0x7c), 0);
		/* The tables' addresses cannot be set while LPIs are on. */
		assert_true(index_of(5, cpu | 0) < index_of(5, cpu | 0x70));
		assert_int_equal(last(5, cpu | 0x10180), 0xffff0000);
		assert_int_equal(last(5, cpu | 0x10100), 0xffff);
		assert_int_equal(last(5, cpu | 0x10380), UINT32_MAX);
		assert_int_equal(last(5, cpu | 0x10200), 0);
		assert_int_equal(last(5, cpu | 0x1041c), 0);
		assert_int_equal(last(6, cpu | 0xc230), 0); /* ICC_PMR */
		assert_int_equal(last(6, cpu | 0xc666), 0); /* IGRPEN0 */
		assert_int_equal(last(6, cpu | 0xc667), 0); /* IGRPEN1 */
		assert_int_equal(last(6, cpu | 0xc643), 0); /* BPR0 */
		assert_int_equal(last(6, cpu | 0xc663), 0); /* BPR1 */
		assert_int_equal(last(6, cpu | 0xc664), 4 << 8);
		assert_int_equal(last(6, cpu | 0xc644), 0); /* AP0R0 */
		assert_int_equal(last(6, cpu | 0xc648), 0); /* AP1R0 */
	}
	assert_int_equal(index_of(5, 0x303ULL << 32), fake.nr_attrs);
}

/* Touching one that the CPU has not is an error to KVM. */
static void active_priorities_by_what_the_cpu_has(void **state)
{
	static const struct {
		unsigned int bits, nr;
	} cases[] = { { 4, 1 }, { 5, 1 }, { 6, 2 }, { 7, 4 }, { 8, 4 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		setup(NULL);
		fake.icc_ctlr = (cases[i].bits - 1) << 8;
		assert_int_equal(arch_vm_reset(NULL, 1), 0);
		for (unsigned int n = 0; n < 4; n++) {
			bool set = index_of(6, 0xc644 + n) < fake.nr_attrs;

			assert_int_equal(set, n < cases[i].nr);
			set = index_of(6, 0xc648 + n) < fake.nr_attrs;
			assert_int_equal(set, n < cases[i].nr);
		}
	}
}

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

static void pins_are_spis(void **state)
{
	struct kvm_route routes[ARCH_MAX_FIXED_ROUTES];

	(void)state;
	assert_int_equal(arch_fixed_routes(routes), 32);
	for (uint32_t i = 0; i < 32; i++) {
		assert_int_equal(routes[i].gsi, i);
		assert_int_equal(routes[i].chip, 0);
		assert_int_equal(routes[i].pin, i);
		assert_false(routes[i].is_msi);
		assert_int_equal(routes[i].line, 1 << 24 | (32 + i));
	}
}

static int whole_life(void)
{
	int r = arch_vm_create(NULL, 0);

	for (unsigned int i = 0; !r && i < 2; i++)
		r = arch_vcpu_init(NULL, VCPU_FD, i, 2, 48);
	if (!r)
		r = arch_vm_finish(NULL);
	if (!r)
		r = arch_vm_reset(NULL, 2);
	for (unsigned int i = 0; !r && i < 2; i++)
		r = arch_vcpu_reset(NULL, VCPU_FD, i, &entry);
	return r;
}

static void every_failure_is_reported(void **state)
{
	struct capture c;
	unsigned int nr;

	(void)state;
	assert_int_equal(whole_life(), 0);
	nr = fake.nr_calls;
	assert_true(nr > 100);
	for (unsigned int i = 1; i <= nr; i++) {
		setup(NULL);
		fake.fail_at = i;
		capture_begin(&c);
		assert_int_equal(whole_life(), -EIO);
		capture_end(&c);
		/* kvm_create_vm() says so itself. */
		if (i > 1)
			assert_non_null(strstr(c.text, strerror(EIO)));
	}
}

static void wherry_check_tells_of_it(void **state)
{
	const char *what = "nothing";
	char buf[128];

	(void)state;
	arch_vm_describe(NULL, buf, sizeof(buf));
	assert_string_equal(buf, ", GICv3 with ITS, 44-bit guest addresses");
	assert_int_equal(arch_check_cpu("Features\t: fp asimd\n", &what), 0);
	assert_string_equal(what, "nothing");
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(vm_has_a_gic_and_an_its),
		TEST(addresses_are_as_wide_as_kvm_has_them),
		TEST(a_quirk_of_x86_is_refused),
		TEST(what_is_missing_is_told),
		TEST(reset_of_the_distributor),
		TEST(reset_of_each_cpu),
		TEST(active_priorities_by_what_the_cpu_has),
		TEST(vcpus_have_what_the_host_has),
		TEST(the_first_vcpu_enters_the_kernel),
		TEST(the_others_wait_for_psci),
		TEST(pins_are_spis),
		TEST(every_failure_is_reported),
		TEST(wherry_check_tells_of_it),
	};

	return run_all(tests);
}
