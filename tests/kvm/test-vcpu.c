// SPDX-License-Identifier: BSD-2-Clause
/*
 * vCPU threads on the real KVM of this machine, with payloads of a few bytes:
 * exits reach the bus, events end the run, kicks interrupt a busy guest.
 */
#include "../unit/harness.h"
#include "../unit/capture.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "abi/kvm.h"
#include "bus.h"
#include "irq.h"
#include "kvm.h"
#include "util.h"
#include "vcpu.h"
#include "vm.h"

struct probe {
	struct bus_range range;
	uint64_t offset, val;
	unsigned int len, reads, writes;
	enum vm_event ev; /* sent on a write */
};

/* The VM of a test, and what is in its way. */
static struct vm vm;
static struct probe p;

static int set_up(void **state)
{
	(void)state;
	memset(&vm, 0, sizeof(vm));
	p = (struct probe){ .ev = VM_POWEROFF };
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (vm.kvm)
		vm_fini(&vm);
	return 0;
}

/* A VM that is to run code; the test is skipped where there can be none. */
static void start(unsigned int nr_cpus, const void *code, size_t len)
{
	if (!vm_available())
		skip_because("no VM can be created on /dev/kvm");
	vm_init(&vm, nr_cpus, code, len);
}

static uint64_t probe_read(void *opaque, uint64_t offset, unsigned int len)
{
	(void)opaque;
	p.reads++;
	p.offset = offset;
	p.len = len;
	return 0x5a;
}

static void probe_write(void *opaque, uint64_t offset, unsigned int len,
			uint64_t val)
{
	uint64_t one = 1;

	(void)opaque;
	p.writes++;
	p.offset = offset;
	p.len = len;
	p.val = val;
	vm.events |= 1u << p.ev;
	vcpus_hold(vm.vcpus);
	assert_int_equal(write(vm.event_fd, &one, sizeof(one)), sizeof(one));
}

static const struct bus_ops probe_ops = { probe_read, probe_write };

/* One of one vCPU, with p in its way. */
static void start_probe(const void *code, size_t len, enum bus_space space,
			uint64_t first, uint64_t size)
{
	start(1, code, len);
	p.range = (struct bus_range){ .name = "probe",
				      .space = space,
				      .start = first,
				      .size = size,
				      .ops = &probe_ops };
	assert_int_equal(bus_add(vm.bus, &p.range), 0);
}

static void port_in_and_out(void **state)
{
	/* in al, 0x10; add al, 1; out 0x11, al; hlt */
	static const uint8_t code[] = {
		0xe4, 0x10, 0x04, 0x01, 0xe6, 0x11, 0xf4
	};

	(void)state;
	start_probe(code, sizeof(code), BUS_PIO, 0x10, 2);
	assert_true(vm_run(&vm));
	assert_int_equal(p.reads, 1);
	assert_int_equal(p.writes, 1);
	assert_int_equal(p.offset, 1);
	assert_int_equal(p.val, 0x5b);
	assert_int_equal(vm.events, 1u << VM_POWEROFF);
}

static void unclaimed_port_reads_ones(void **state)
{
	/* in ax, 0x40; out 0x10, ax; hlt */
	static const uint8_t code[] = { 0xe5, 0x40, 0xe7, 0x10, 0xf4 };

	(void)state;
	start_probe(code, sizeof(code), BUS_PIO, 0x10, 2);
	assert_true(vm_run(&vm));
	assert_int_equal(p.val, 0xffff);
	assert_int_equal(bus_unclaimed(vm.bus), 1);
}

static void mmio_read_and_write(void **state)
{
	/* mov ax, 0x2000; mov ds, ax; mov al, [0]; mov [4], al; hlt */
	static const uint8_t code[] = { 0xb8, 0x00, 0x20, 0x8e, 0xd8, 0xa0,
					0x00, 0x00, 0xa2, 0x04, 0x00, 0xf4 };

	(void)state;
	p.ev = VM_RESET;
	start_probe(code, sizeof(code), BUS_MMIO, 0x20000, 0x1000);
	assert_true(vm_run(&vm));
	assert_int_equal(p.offset, 4);
	assert_int_equal(p.len, 1);
	assert_int_equal(p.val, 0x5a);
	assert_int_equal(vm.events, 1u << VM_RESET);
}

static void triple_fault_is_a_crash(void **state)
{
	/* lidt [limit 0]; int3 */
	static const uint8_t code[] = { 0x0f, 0x01, 0x1e, 0x00, 0x20, 0xcc };

	(void)state;
	start(1, code, sizeof(code));
	if (!vm_run(&vm))
		skip_because("this KVM does not report a triple fault");
	assert_int_equal(vm.events, 1u << VM_CRASHED);
}

static void pause_interrupts_a_busy_guest(void **state)
{
	/* jmp $ */
	static const uint8_t code[] = { 0xeb, 0xfe };

	(void)state;
	start(2, code, sizeof(code));
	for (int i = 0; i < 50; i++) {
		vcpus_resume(vm.vcpus);
		usleep(i * 37 % 1000);
		vcpus_pause(vm.vcpus);
	}
	assert_int_equal(vm.events, 0);
}

#define SHARERS 3

static void note_part(void *opaque, unsigned int part, unsigned int nr)
{
	pthread_t *who = opaque;

	who[part] = nr == SHARERS ? pthread_self() : 0;
}

static void parked_threads_share_work(void **state)
{
	/* jmp $ */
	static const uint8_t code[] = { 0xeb, 0xfe };

	(void)state;
	start(SHARERS, code, sizeof(code));
	for (int i = 0; i < 20; i++) {
		pthread_t who[SHARERS] = { 0 };

		vcpus_share(vm.vcpus, note_part, who);
		for (int k = 0; k < SHARERS; k++) {
			assert_true(who[k]);
			assert_false(pthread_equal(who[k], pthread_self()));
			assert_false(
				pthread_equal(who[k], who[(k + 1) % SHARERS]));
		}
		vcpus_resume(vm.vcpus);
		usleep(i * 37 % 500);
		vcpus_pause(vm.vcpus);
	}
}

/* It sleeps in the kernel, and no interrupt will come. */
static void pause_interrupts_a_halted_guest(void **state)
{
	/* 1: hlt; jmp 1b */
	static const uint8_t code[] = { 0xf4, 0xeb, 0xfd };

	(void)state;
	start(2, code, sizeof(code));
	for (int i = 0; i < 20; i++) {
		vcpus_resume(vm.vcpus);
		usleep(i * 137 % 2000);
		vcpus_pause(vm.vcpus);
	}
	assert_int_equal(vm.events, 0);
}

static void memslot_changes_under_a_running_guest(void **state)
{
	/* mov ax, 0x2000; mov ds, ax; 1: mov al, [0]; jmp 1b */
	static const uint8_t code[] = { 0xb8, 0x00, 0x20, 0x8e, 0xd8,
					0xa0, 0x00, 0x00, 0xeb, 0xfb };
	unsigned int slot;

	(void)state;
	start(1, code, sizeof(code));
	vcpus_resume(vm.vcpus);
	for (int i = 0; i < 100; i++) {
		bus_lock(vm.bus);
		assert_int_equal(kvm_memslot_add(vm.kvm, 0x20000, 0x1000,
						 vm.ram + 0x2000, false, &slot),
				 0);
		bus_unlock(vm.bus);
		usleep(100);
		bus_lock(vm.bus);
		assert_int_equal(kvm_memslot_del(vm.kvm, slot), 0);
		bus_unlock(vm.bus);
	}
	vcpus_pause(vm.vcpus);
	assert_int_equal(vm.events, 0);
	assert_int_equal(kvm_nr_memslots(vm.kvm), 1);
}

/* The bytes of a string count up: none is lost, none comes twice. */
static void string_write(void *opaque, uint64_t offset, unsigned int len,
			 uint64_t val)
{
	if (offset) {
		probe_write(opaque, offset, len, val);
		return;
	}
	assert_int_equal(val, p.reads);
	if (p.reads++ == 2)
		probe_write(opaque, offset, len, val);
}

static const struct bus_ops string_ops = { probe_read, string_write };

static void a_pause_finishes_the_instruction(void **state)
{
	/* mov dx, 0x10; mov si, 0x100f; mov cx, 8; cld; rep outsb;
	 * out 0x11, al; hlt; db 0 .. 7 */
	static const uint8_t code[] = { 0xba, 0x10, 0x00, 0xbe, 0x0f, 0x10,
					0xb9, 0x08, 0x00, 0xfc, 0xf3, 0x6e,
					0xe6, 0x11, 0xf4, 0,	1,    2,
					3,    4,    5,	  6,	7 };
	eventfd_t count;

	(void)state;
	p.ev = VM_RESET;
	start_probe(code, sizeof(code), BUS_PIO, 0x10, 2);
	p.range.ops = &string_ops;
	assert_true(vm_run(&vm)); /* stopped by the third byte */
	assert_int_equal(eventfd_read(vm.event_fd, &count), 0);
	if (p.writes == 1)
		assert_true(vm_run(&vm));
	assert_int_equal(p.reads, 8);
	assert_int_equal(p.writes, 2);
}

static void ioeventfd_takes_a_write_without_an_exit(void **state)
{
	/* mov ax, 0x2000; mov ds, ax; mov [0], ax; out 0x10, al; hlt */
	static const uint8_t code[] = { 0xb8, 0x00, 0x20, 0x8e, 0xd8, 0xa3,
					0x00, 0x00, 0xe6, 0x10, 0xf4 };
	uint64_t count = 0;
	int fd = eventfd(0, EFD_NONBLOCK);
	struct kvm_ioeventfd io = { .addr = 0x20000, .len = 2, .fd = fd };

	(void)state;
	start_probe(code, sizeof(code), BUS_PIO, 0x10, 1);
	assert_int_equal(
		kvm_ioctl(vm.kvm, kvm_vm_fd(vm.kvm), KVM_IOEVENTFD, &io), 0);
	assert_true(vm_run(&vm));
	assert_int_equal(read(fd, &count, sizeof(count)), sizeof(count));
	assert_int_equal(count, 1);
	assert_int_equal(bus_unclaimed(vm.bus), 0);
	close(fd);
}

/* A guest can put a BAR over RAM again and again: the lines have an end. */
static void refused_memslots_are_not_told_for_ever(void **state)
{
	static const uint8_t code[] = { 0xf4 };
	unsigned int slot, before;
	struct capture c;

	(void)state;
	start(1, code, sizeof(code));
	before = kvm_nr_memslots(vm.kvm);
	capture_begin(&c);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(kvm_memslot_add(vm.kvm, 0x1000, 0x1000, vm.ram,
						 false, &slot),
				 -EEXIST);
	assert_true(strlen(capture_end(&c)) < 2000);
	assert_int_equal(kvm_nr_memslots(vm.kvm), before);
}

static void irqfd_needs_a_route_and_can_be_taken_back(void **state)
{
	static const uint8_t code[] = { 0xf4 };
	int fd = eventfd(0, EFD_NONBLOCK);
	const struct irq_message msg = { 0xfee00000, 0x4041, 0 };
	uint32_t gsi, again;

	(void)state;
	start(1, code, sizeof(code));
	assert_int_equal(irq_msi_alloc(vm.irq, &gsi), 0);
	assert_int_equal(gsi, 24);
	irq_msi_set(vm.irq, gsi, &msg);
	assert_int_equal(irq_commit(vm.irq), 0);
	assert_int_equal(irq_fd_assign(vm.irq, gsi, fd, -1), 0);
	/* The same eventfd a second time. */
	assert_int_equal(irq_fd_assign(vm.irq, gsi, fd, -1), -EBUSY);
	assert_int_equal(irq_nr_irqfds(vm.irq), 1);
	assert_int_equal(irq_fd_deassign(vm.irq, gsi, fd), 0);
	assert_int_equal(irq_nr_irqfds(vm.irq), 0);
	irq_msi_free(vm.irq, gsi);
	assert_int_equal(irq_msi_alloc(vm.irq, &again), 0);
	assert_int_equal(again, gsi);
	close(fd);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(port_in_and_out),
		T(unclaimed_port_reads_ones),
		T(mmio_read_and_write),
		T(triple_fault_is_a_crash),
		T(pause_interrupts_a_busy_guest),
		T(parked_threads_share_work),
		T(pause_interrupts_a_halted_guest),
		T(memslot_changes_under_a_running_guest),
		T(a_pause_finishes_the_instruction),
		T(ioeventfd_takes_a_write_without_an_exit),
		T(refused_memslots_are_not_told_for_ever),
		T(irqfd_needs_a_route_and_can_be_taken_back),
	};

	return run_all(tests);
}
