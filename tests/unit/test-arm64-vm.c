// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-arm64-vm - an Arm VM and its vCPUs on a KVM that is not there: what is
 * asked of it, in which order, and each ioctl failed in turn.  Numbers are
 * those of the kernel's ABI, not their names: see arm64-kvm.h.
 */
#include "arm64-fixture.h"
#include "arm64/map.h"

/* Of RAM that lies below 4 GiB. */
static const struct arch_vm_params small = { .ram_bytes = MIB(512) };

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
	assert_int_equal(arch_vm_create(NULL, &small), 0);
	assert_int_equal(fake.vm_type, 33);
	assert_string_equal(fake.order, "vm vgic its cap ");
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

static void assert_bits_with(uint64_t ram_bytes, unsigned int nr_devices,
			     uint64_t bar_bytes, unsigned int bits)
{
	const struct arch_vm_params p = { .ram_bytes = ram_bytes,
					  .nr_devices = nr_devices,
					  .bar_bytes = bar_bytes };
	unsigned int phys_bits;

	assert_int_equal(arch_phys_bits(NULL, &p, &phys_bits), 0);
	assert_int_equal(phys_bits, bits);
	assert_int_equal(arch_vm_create(NULL, &p), 0);
	assert_int_equal(fake.vm_type, bits);
}

static void assert_bits(uint64_t ram_bytes, unsigned int nr_devices,
			unsigned int bits)
{
	assert_bits_with(ram_bytes, nr_devices, 0, bits);
}

/* The fewest bits that hold RAM and, above it, what BARs may need. */
static void addresses_are_as_wide_as_the_layout_needs(void **state)
{
	(void)state;
	fake.ipa_bits = 48;
	assert_bits(MIB(16), 0, 33);
	assert_bits(GIB(3), 0, 33);
	assert_bits(GIB(3) + MIB(2), 0, 34);
	assert_bits(GIB(11), 0, 34);
	assert_bits(GIB(11) + MIB(2), 0, 35);
	assert_bits(MIB(512), 1, 43);
	assert_bits(GIB(4095), 4, 43);
	assert_bits(GIB(4095) + MIB(2), 4, 44);
	assert_bits(GIB(512), 7, 43);
	assert_bits(GIB(512), 8, 44);
	assert_bits(GIB(512), 31, 45);
	assert_bits(GIB(1024) * 255, 31, 48);
	/* Devices with more than a TiB, at a multiple of their size. */
	assert_bits_with(MIB(512), 1, GIB(1024), 43);
	assert_bits_with(MIB(512), 1, GIB(4096), 44);
	assert_bits_with(MIB(512), 2, GIB(8192) + MIB(1), 45);
	assert_bits_with(MIB(512), 1, GIB(1024) * 100, 48);
	assert_bits_with(MIB(512), 1, GIB(1024) * 128, 48);
	assert_bits_with(MIB(512), 1, UINT64_MAX, 48);
}

static void addresses_are_no_wider_than_kvm_has_them(void **state)
{
	unsigned int bits;

	(void)state;
	fake.ipa_bits = 40;
	assert_bits(MIB(512), 31, 40);
	assert_bits(UINT64_MAX - 4095, 0, 40); /* refused by the layout */
	fake.ipa_bits = 52; /* guests without LPA2 must reach all */
	assert_bits(UINT64_MAX - 4095, 31, 48);
	assert_bits(GIB(1024) * 255, 31, 48);
	fake.ipa_bits = 0; /* one cannot choose */
	assert_int_equal(arch_phys_bits(NULL, &small, &bits), 0);
	assert_int_equal(bits, 40);
	assert_int_equal(arch_vm_create(NULL, &small), 0);
	assert_int_equal(fake.vm_type, 0);
}

static void create_refused(const char *text, const struct arch_vm_params *p)
{
	struct capture c;

	capture_begin(&c);
	assert_int_equal(arch_vm_create(NULL, p), -ENOTSUP);
	assert_non_null(strstr(capture_end(&c), text));
}

static void a_quirk_of_x86_is_refused(void **state)
{
	const struct arch_vm_params p = { .flags = ARCH_VM_SLOT_ZAP_ALL };

	(void)state;
	create_refused("--kvm: slot-zap-all: ", &p);
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
		create_refused("is missing", &small);
	}
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		setup(NULL);
		fake.missing_device = devices[i].device;
		create_refused(devices[i].text, &small);
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

static const struct boot_entry entry = { .ip = 0x40200000,
					 .arg = 0x44000000,
					 .page_bytes = KIB(4) };

static int whole_life(void)
{
	int r = arch_vm_create(NULL, &small);

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
		TEST(addresses_are_as_wide_as_the_layout_needs),
		TEST(addresses_are_no_wider_than_kvm_has_them),
		TEST(a_quirk_of_x86_is_refused),
		TEST(what_is_missing_is_told),
		TEST(reset_of_the_distributor),
		TEST(reset_of_each_cpu),
		TEST(active_priorities_by_what_the_cpu_has),
		TEST(pins_are_spis),
		TEST(every_failure_is_reported),
		TEST(wherry_check_tells_of_it),
	};

	return run_all(tests);
}
