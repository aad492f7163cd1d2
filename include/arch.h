/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything that differs by architecture, behind one small set of functions.
 * One directory below src/ implements them for each; nothing else knows which
 * it is.  HACKING.md tells how to add one.
 */
#ifndef WHERRY_ARCH_H
#define WHERRY_ARCH_H

#include <stdint.h>

#include "bus.h"
#include "ram.h"
#include "sandbox.h"
#include "util.h"

struct boot_file;
struct kvm;
struct kvm_route;
struct kvm_run;
struct ratelimit;

#define LAYOUT_MAX_KEPT 4

/* Where things are in the guest's physical address space. */
struct layout {
	struct range ram[RAM_MAX_RANGES];
	unsigned int nr_ram;
	struct range ecam; /* PCI configuration, 1 MiB per bus, bus 0 first */
	struct range mmio32; /* non-prefetchable windows, below 4 GiB */
	struct range mmio64; /* prefetchable windows, above RAM */
	struct range pio; /* port window for I/O BARs */
	/* Where the CPU finds ports, from 0 up; empty if it has instructions
	 * for them. */
	struct range pio_mmio;
	/* What no device may be mapped over: the irqchip's and KVM's own pages,
	 * and what the CPU cannot address. */
	struct range kept[LAYOUT_MAX_KEPT];
	unsigned int nr_kept;
	struct bus_place uart, pvpanic;
	struct bus_place power; /* see power.h; base 0: no registers */
	struct bus_place rtc; /* base 0: KVM tells the guest the time */
	uint32_t uart_gsi, power_gsi;
	uint32_t intx_gsi; /* first of 8 */
	uint32_t first_msi_gsi;
};

/*
 * RAM and the fixed windows for a machine of ram_bytes.  -EINVAL, logged,
 * when that much does not fit below 2^phys_bits.
 */
int arch_layout_init(struct layout *l, uint64_t ram_bytes,
		     unsigned int phys_bits);
/* Places the 64-bit window above RAM, as large as phys_bits and the last
 * address devices can reach (iova_last) allow. */
int arch_layout_window(struct layout *l, unsigned int phys_bits,
		       uint64_t iova_last);
/* Leave KVM's habit of dropping every shadow page when a memslot goes.  Where it
 * has no such habit the request is refused, logged. */
#define ARCH_VM_SLOT_ZAP_ALL 1u

/* What is known of a VM before it is there. */
struct arch_vm_params {
	unsigned int flags; /* ARCH_VM_* */
	uint64_t ram_bytes;
	unsigned int nr_devices; /* assigned */
	uint64_t bar_bytes; /* of those whose BARs sysfs tells of */
};

/* Creates the VM with its irqchip, before vCPUs.  Refuses a KVM without what
 * the machine needs, with the reason. */
int arch_vm_create(struct kvm *kvm, const struct arch_vm_params *p);
/* Guest physical address bits that KVM and the CPU can do for such a VM. */
int arch_phys_bits(struct kvm *kvm, const struct arch_vm_params *p,
		   unsigned int *bits);
/* What must wait for vCPUs: after arch_vcpu_init() of all, before anything
 * interrupts the guest. */
int arch_vm_finish(struct kvm *kvm);
/* The irqchip back to power-on.  All vCPUs parked. */
int arch_vm_reset(struct kvm *kvm, unsigned int nr_cpus);
/* For wherry check: what the VM has, as ", this and that"; or "". */
void arch_vm_describe(struct kvm *kvm, char *buf, size_t size);
/* What /proc/cpuinfo tells of virtualization: 1 it has, 0 it does not tell, -1
 * it has not; *what says so in words, and stays as it is with 0. */
int arch_check_cpu(const char *cpuinfo, const char **what);

#define ARCH_MAX_FIXED_ROUTES 64
/* The pins of the irqchip for irq_create(), as GSIs; returns how many. */
unsigned int arch_fixed_routes(struct kvm_route *routes);

/*
 * What the guest enters: images are read from fds that stay open for
 * reboots.  Names are for messages.
 */
struct boot_params_in {
	int kernel_fd;
	const char *kernel_name;
	int initrd_fd; /* -1: none */
	const char *initrd_name;
	const char *cmdline;
	unsigned int nr_cpus;
	/* Bit n: slot n of the root bus holds a port or device, whose INTx the
	 * firmware tables route, and which may have a bus below it.  0: all
	 * of them, at a cost in boot time (32 probes for each bus). */
	uint32_t pci_slots;
};

struct boot_entry {
	uint64_t ip;
	uint64_t arg; /* where the kernel finds what it is told */
	uint64_t page_table; /* 0: paging is off */
	uint32_t page_bytes; /* the pages it must have; 0: it does not say */
};

/*
 * Loads kernel, initrd, command line, firmware tables and the memory map into
 * RAM, every limit checked (image truncated, wrong architecture, initrd too
 * large, command line too long: -EINVAL or -E2BIG with message).  RAM is
 * clear: new, or by ram_clear().
 */
int arch_boot_load(struct ram *ram, const struct layout *l,
		   const struct boot_params_in *in, struct boot_entry *entry);

/* The version of the Linux in an image, as uname -r says it.  0; -ENOENT when it
 * does not tell; -errno, logged. */
int arch_image_version(const struct boot_file *f, char *version, size_t size);

/* What kind of CPU a new vCPU is: once, main thread. */
int arch_vcpu_init(struct kvm *kvm, int vcpu_fd, unsigned int id,
		   unsigned int nr_cpus, unsigned int phys_bits);
/*
 * Power-on (or reboot) state of a vCPU, whatever names guest memory cleared.
 * id 0 gets the entry, others wait until the guest starts them.  -ENOTSUP,
 * logged, when the CPU does not have the pages that the entry wants.
 */
int arch_vcpu_reset(struct kvm *kvm, int vcpu_fd, unsigned int id,
		    const struct boot_entry *entry);

/* Exits that no other architecture has (KVM_EXIT_*): what the statistics call
 * one; NULL: there is no such. */
const char *arch_exit_name(uint32_t reason);
/* Acts on one that has a name.  The vCPU's own thread, no lock; rl is its own.
 * -errno, logged: the VM cannot go on. */
int arch_vcpu_exit(struct kvm *kvm, int vcpu_fd, unsigned int id,
		   const struct kvm_run *run, struct ratelimit *rl);

/* What a reboot, and an exit, need of KVM after confinement. */
extern const struct sandbox_ioctls arch_sandbox_ioctls;

#endif
