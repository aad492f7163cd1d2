// SPDX-License-Identifier: BSD-2-Clause
/*
 * Builds and runs the tiny VMs of the KVM tests with wherry's own objects.
 */
#include "../unit/harness.h"

#include "vm.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/kvm.h"
#include "arch.h"
#include "bus.h"
#include "irq.h"
#include "kvm.h"
#include "vcpu.h"

bool vm_available(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm = -1;

	if (fd >= 0)
		vm = ioctl(fd, KVM_CREATE_VM, 0);
	if (vm >= 0)
		close(vm);
	if (fd >= 0)
		close(fd);
	return vm >= 0;
}

static void on_event(void *opaque, enum vm_event ev)
{
	struct vm *vm = opaque;
	uint64_t one = 1;

	vm->events |= 1u << ev;
	vcpus_hold(vm->vcpus);
	assert_int_equal(write(vm->event_fd, &one, sizeof(one)), sizeof(one));
}

/* Real mode, flat from 0, at VM_CODE. */
static void set_real_mode(int fd)
{
	struct kvm_regs regs = { .rip = VM_CODE, .rsp = 0x8000, .rflags = 2 };
	struct kvm_sregs sregs;

	assert_int_equal(ioctl(fd, KVM_GET_SREGS, &sregs), 0);
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	assert_int_equal(ioctl(fd, KVM_SET_SREGS, &sregs), 0);
	assert_int_equal(ioctl(fd, KVM_SET_REGS, &regs), 0);
}

void vm_init(struct vm *vm, unsigned int nr_cpus, const void *code,
	     size_t code_bytes)
{
	const struct arch_vm_params vm_params = { .ram_bytes = VM_RAM_BYTES };
	struct kvm_route routes[ARCH_MAX_FIXED_ROUTES];
	struct vcpus_params params = {
		.nr = nr_cpus,
		.events = { on_event, vm },
		.sandbox = SANDBOX_OFF,
	};
	unsigned int slot;

	memset(vm, 0, sizeof(*vm));
	vm->event_fd = eventfd(0, EFD_CLOEXEC);
	stats_init(&vm->stats);
	assert_int_equal(kvm_create(&vm->kvm, -1, &vm->stats), 0);
	assert_int_equal(arch_vm_create(vm->kvm, &vm_params), 0);
	assert_int_equal(bus_create(&vm->bus), 0);
	assert_int_equal(irq_create(&vm->irq, vm->kvm, routes,
				    arch_fixed_routes(routes), 24),
			 0);
	vm->ram = mmap(NULL, VM_RAM_BYTES, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(vm->ram, MAP_FAILED);
	memcpy(vm->ram + VM_CODE, code, code_bytes);
	assert_int_equal(kvm_memslot_add(vm->kvm, 0, VM_RAM_BYTES, vm->ram,
					 false, &slot),
			 0);
	params.kvm = vm->kvm;
	params.bus = vm->bus;
	assert_int_equal(vcpus_create(&vm->vcpus, &params), 0);
	for (unsigned int i = 0; i < nr_cpus; i++)
		set_real_mode(vcpus_fd(vm->vcpus, i));
}

bool vm_run(struct vm *vm)
{
	struct pollfd pfd = { .fd = vm->event_fd, .events = POLLIN };
	bool got;

	vcpus_resume(vm->vcpus);
	got = poll(&pfd, 1, 5000) == 1;
	vcpus_pause(vm->vcpus);
	return got;
}

void vm_fini(struct vm *vm)
{
	vcpus_destroy(vm->vcpus);
	irq_destroy(vm->irq);
	bus_destroy(vm->bus);
	kvm_destroy(vm->kvm);
	munmap(vm->ram, VM_RAM_BYTES);
	close(vm->event_fd);
}
