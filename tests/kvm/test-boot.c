// SPDX-License-Identifier: BSD-2-Clause
/*
 * Tiny kernels entered as real ones are, on the real KVM of this machine: by
 * the PVH note and in long mode, at power-on and after a reset.
 */
#include "../unit/harness.h"
#include "../unit/elf-image.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arch.h"
#include "bus.h"
#include "kvm.h"
#include "ram.h"
#include "stats.h"
#include "vcpu.h"
#include "vm.h"

#define OUT_PORT 0x80 /* four bytes are reported */
#define END_PORT 0x88
#define MAX_WORDS 16

struct machine {
	struct stats stats;
	struct kvm *kvm;
	struct bus *bus;
	struct ram *ram;
	struct vcpus *vcpus;
	struct layout l;
	struct boot_entry entry;
	struct bus_range port;
	int kernel_fd, event_fd;
	uint32_t words[MAX_WORDS]; /* what the guest reported */
	unsigned int nr_words;
	unsigned int events; /* bits of enum vm_event */
};

static void ended(struct machine *m)
{
	uint64_t one = 1;

	vcpus_hold(m->vcpus);
	assert_int_equal(write(m->event_fd, &one, sizeof(one)), sizeof(one));
}

static void on_event(void *opaque, enum vm_event ev)
{
	struct machine *m = opaque;

	m->events |= 1u << ev;
	ended(m);
}

static uint64_t port_read(void *opaque, uint64_t offset, unsigned int len)
{
	(void)opaque;
	(void)offset;
	(void)len;
	return 0;
}

static void port_write(void *opaque, uint64_t offset, unsigned int len,
		       uint64_t val)
{
	struct machine *m = opaque;

	(void)len;
	if (offset == END_PORT - OUT_PORT)
		ended(m);
	else if (m->nr_words < MAX_WORDS)
		m->words[m->nr_words++] = (uint32_t)val;
}

static const struct bus_ops port_ops = { port_read, port_write };

static void power_on(struct machine *m)
{
	struct boot_params_in in = {
		.kernel_fd = m->kernel_fd,
		.kernel_name = "kernel",
		.initrd_fd = -1,
		.cmdline = "hello",
		.nr_cpus = vcpus_nr(m->vcpus),
		.pci_slots = 1,
	};

	m->nr_words = 0;
	assert_int_equal(arch_boot_load(m->ram, &m->l, &in, &m->entry), 0);
	for (unsigned int i = 0; i < vcpus_nr(m->vcpus); i++)
		assert_int_equal(arch_vcpu_reset(m->kvm, vcpus_fd(m->vcpus, i),
						 i, &m->entry),
				 0);
}

static void machine_init(struct machine *m, unsigned int nr_cpus, int kernel_fd)
{
	struct ram_params ram = { .nr_ranges = 1, .thp = -1, .host_node = -1 };
	struct vcpus_params params = { .nr = nr_cpus,
				       .events = { on_event, m },
				       .sandbox = SANDBOX_OFF };
	const struct arch_vm_params vm_params = { .ram_bytes = MIB(32) };
	unsigned int slot, bits;

	memset(m, 0, sizeof(*m));
	m->kernel_fd = kernel_fd;
	m->event_fd = eventfd(0, EFD_CLOEXEC);
	stats_init(&m->stats);
	assert_int_equal(kvm_create(&m->kvm, -1, &m->stats), 0);
	assert_int_equal(arch_vm_create(m->kvm, &vm_params), 0);
	assert_int_equal(arch_phys_bits(m->kvm, &vm_params, &bits), 0);
	assert_int_equal(arch_layout_init(&m->l, MIB(32), bits), 0);
	ram.ranges = m->l.ram;
	assert_int_equal(ram_create(&m->ram, &ram), 0);
	assert_int_equal(kvm_memslot_add(m->kvm, 0, MIB(32),
					 ram_range(m->ram, 0)->hva, false,
					 &slot),
			 0);
	assert_int_equal(bus_create(&m->bus), 0);
	m->port = (struct bus_range){ .name = "report",
				      .space = BUS_PIO,
				      .start = OUT_PORT,
				      .size = 16,
				      .ops = &port_ops,
				      .opaque = m };
	assert_int_equal(bus_add(m->bus, &m->port), 0);
	params.kvm = m->kvm;
	params.bus = m->bus;
	assert_int_equal(vcpus_create(&m->vcpus, &params), 0);
	for (unsigned int i = 0; i < nr_cpus; i++)
		assert_int_equal(arch_vcpu_init(m->kvm, vcpus_fd(m->vcpus, i),
						i, nr_cpus, bits),
				 0);
	power_on(m);
}

static void run(struct machine *m)
{
	struct pollfd pfd = { .fd = m->event_fd, .events = POLLIN };
	uint64_t count;

	vcpus_resume(m->vcpus);
	assert_int_equal(poll(&pfd, 1, 5000), 1);
	vcpus_pause(m->vcpus);
	assert_int_equal(read(m->event_fd, &count, sizeof(count)),
			 sizeof(count));
	assert_int_equal(m->events, 0);
}

static void machine_fini(struct machine *m)
{
	vcpus_destroy(m->vcpus);
	bus_destroy(m->bus);
	kvm_destroy(m->kvm);
	ram_destroy(m->ram);
	close(m->event_fd);
	close(m->kernel_fd);
}

#define NEED_KVM()                                                        \
	do {                                                              \
		if (!vm_available())                                      \
			skip_because("no VM can be created on /dev/kvm"); \
	} while (0)

/* 32-bit: reports start_info's magic, its version, and CR0. */
static const uint8_t pvh_code[] = {
	0x8b, 0x03, /* mov eax, [ebx] */
	0xe7, 0x80, /* out 0x80, eax */
	0x8b, 0x43, 0x04, /* mov eax, [ebx + 4] */
	0xe7, 0x80, /* out 0x80, eax */
	0x0f, 0x20, 0xc0, /* mov eax, cr0 */
	0xe7, 0x80, /* out 0x80, eax */
	0xe6, 0x88, /* out 0x88, al */
	0xf4, /* hlt */
};

static void pvh_kernel_finds_its_start_info(void **state)
{
	struct machine m;

	(void)state;
	NEED_KVM();
	machine_init(&m, 1, elf_image(pvh_code, sizeof(pvh_code), true));
	run(&m);
	assert_int_equal(m.nr_words, 3);
	assert_int_equal(m.words[0], 0x336ec578);
	assert_int_equal(m.words[1], 1);
	assert_int_equal(m.words[2] & 0x80000001, 1); /* PE, no PG */
	machine_fini(&m);
}

/* 64-bit: reports the zero page's "HdrS", then reloads its segments. */
static const uint8_t long_code[] = {
	0x8b, 0x86, 0x02, 0x02, 0x00, 0x00, /* mov eax, [rsi + 0x202] */
	0xe7, 0x80, /* out 0x80, eax */
	0xb8, 0x18, 0x00, 0x00, 0x00, /* mov eax, 0x18 */
	0x8e, 0xd8, /* mov ds, eax */
	0x89, 0xf0, /* mov eax, esi */
	0x48, 0xff, 0xc0, /* inc rax; dec eax, inc eax in 32-bit mode */
	0xe7, 0x80, /* out 0x80, eax */
	0xe6, 0x88, /* out 0x88, al */
	0xf4, /* hlt */
};

static void long_mode_kernel_finds_its_zero_page(void **state)
{
	struct machine m;

	(void)state;
	NEED_KVM();
	machine_init(&m, 1, elf_image(long_code, sizeof(long_code), false));
	run(&m);
	assert_int_equal(m.nr_words, 2);
	assert_int_equal(m.words[0], 0x53726448);
	assert_int_equal(m.words[1], m.entry.arg + 1);
	machine_fini(&m);
}

/* Reports CPUID: leaf 1, KVM's signature, KVM's features. */
static const uint8_t cpuid_code[] = {
	0xb8, 0x01, 0x00, 0x00, 0x00, /* mov eax, 1 */
	0x0f, 0xa2, /* cpuid */
	0x89, 0xd8, 0xe7, 0x80, /* ebx */
	0x89, 0xc8, 0xe7, 0x80, /* ecx */
	0xb8, 0x00, 0x00, 0x00, 0x40, /* mov eax, 0x40000000 */
	0x0f, 0xa2, /* cpuid */
	0x89, 0xd8, 0xe7, 0x80, /* ebx */
	0xb8, 0x01, 0x00, 0x00, 0x40, /* mov eax, 0x40000001 */
	0x0f, 0xa2, /* cpuid */
	0xe7, 0x80, /* eax */
	0xe6, 0x88, /* out 0x88, al */
	0xf4, /* hlt */
};

static void guest_sees_what_cpuid_promises(void **state)
{
	struct machine m;

	(void)state;
	NEED_KVM();
	machine_init(&m, 4, elf_image(cpuid_code, sizeof(cpuid_code), true));
	run(&m);
	assert_int_equal(m.nr_words, 4);
	assert_int_equal(m.words[0] >> 16, 4); /* id 0 of 4 */
	/* Hypervisor, TSC deadline, x2APIC. */
	assert_int_equal(m.words[1] & 0x81200000, 0x81200000);
	assert_int_equal(m.words[2], 0x4b4d564b);
	assert_true(m.words[3] & 1 << 3); /* kvm-clock */
	machine_fini(&m);
}

/*
 * Spoils what it can: MSRs, control registers, memory; reports how it found
 * SYSENTER_ESP, PAT's low half and a word of memory.
 */
static const uint8_t spoil_code[] = {
	0xb9, 0x75, 0x01, 0x00, 0x00, /* mov ecx, 0x175 */
	0x0f, 0x32, 0xe7, 0x80, /* rdmsr; out */
	0xb8, 0x78, 0x56, 0x34, 0x12, /* mov eax, 0x12345678 */
	0x31, 0xd2, 0x0f, 0x30, /* xor edx, edx; wrmsr */
	0xb9, 0x77, 0x02, 0x00, 0x00, /* mov ecx, 0x277 */
	0x0f, 0x32, 0xe7, 0x80, /* rdmsr; out */
	0x31, 0xc0, 0x31, 0xd2, 0x0f, 0x30, /* xor eax, edx; wrmsr */
	0xa1, 0x00, 0x00, 0x10, 0x01, /* mov eax, [0x1100000] */
	0xe7, 0x80, /* out */
	0xc7, 0x05, 0x00, 0x00, 0x10, 0x01, 1,	  2,	3, 4, /* mov [..], .. */
	0x0f, 0x20, 0xe0, 0x0c, 0x10, 0x0f, 0x22, 0xe0, /* CR4.PSE */
	0xe6, 0x88, /* out 0x88, al */
	0xf4, /* hlt */
};

static void reset_leaves_nothing_behind(void **state)
{
	struct machine m;

	(void)state;
	NEED_KVM();
	machine_init(&m, 2, elf_image(spoil_code, sizeof(spoil_code), true));
	for (unsigned int i = 0; i < 3; i++) {
		run(&m);
		assert_int_equal(m.nr_words, 3);
		assert_int_equal(m.words[0], 0);
		assert_int_equal(m.words[1], 0x00070406);
		assert_int_equal(m.words[2], 0);
		assert_int_equal(arch_vm_reset(m.kvm, 1), 0);
		ram_clear(m.ram, 0, 1);
		power_on(&m);
	}
	machine_fini(&m);
}

/* Copies what follows it to 0x10000 and starts CPU 1 there. */
static const uint8_t sipi_code[] = {
	0xbe, 0x35, 0x00, 0x00, 0x01, /* mov esi, ap */
	0xbf, 0x00, 0x00, 0x01, 0x00, /* mov edi, 0x10000 */
	0xb9, 0x20, 0x00, 0x00, 0x00, /* mov ecx, 32 */
	0xf3, 0xa4, /* rep movsb */
	0xbb, 0x00, 0x03, 0xe0, 0xfe, /* mov ebx, 0xfee00300 */
	0xc7, 0x43, 0x10, 0, 0, 0, 1, /* ICR: to APIC id 1 */
	0xc7, 0x03, 0x00, 0x45, 0, 0, /* INIT */
	0xc7, 0x43, 0x10, 0, 0, 0, 1, 0xc7, 0x03, 0x10, 0x46, 0,
	0, /* SIPI, vector 0x10 */
	0xf4, 0xeb, 0xfd, 0, 0, /* hlt, again */
	/* ap: real mode; reports CPUID leaf 1 */
	0x66, 0xb8, 1, 0, 0, 0, /* mov eax, 1 */
	0x0f, 0xa2, /* cpuid */
	0x66, 0x89, 0xd8, /* mov eax, ebx */
	0x66, 0xe7, 0x80, /* out 0x80, eax */
	0xe6, 0x88, /* out 0x88, al */
	0xf4, /* hlt */
};

static void other_cpus_wait_for_a_sipi(void **state)
{
	struct machine m;

	(void)state;
	NEED_KVM();
	machine_init(&m, 2, elf_image(sipi_code, sizeof(sipi_code), true));
	for (unsigned int i = 0; i < 2; i++) {
		run(&m);
		assert_int_equal(m.nr_words, 1);
		assert_int_equal(m.words[0] >> 24, 1);
		assert_int_equal(arch_vm_reset(m.kvm, 1), 0);
		ram_clear(m.ram, 0, 1);
		power_on(&m);
	}
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pvh_kernel_finds_its_start_info),
		cmocka_unit_test(long_mode_kernel_finds_its_zero_page),
		cmocka_unit_test(guest_sees_what_cpuid_promises),
		cmocka_unit_test(reset_leaves_nothing_behind),
		cmocka_unit_test(other_cpus_wait_for_a_sipi),
	};

	return run_all(tests);
}
