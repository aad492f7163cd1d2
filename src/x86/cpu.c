// SPDX-License-Identifier: BSD-2-Clause
/*
 * Owns the state in which a vCPU starts, at power-on and after a reboot alike:
 * registers, FPU, local APIC, pending events.  CPUID is cpuid.c's, MSRs are
 * msr.c's.
 */
#include "arch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/kvm.h"
#include "fd.h"
#include "kvm.h"
#include "log.h"
#include "x86/cpu.h"
#include "x86/map.h"

#define CR0_PE (1u << 0)
#define CR0_ET (1u << 4)
#define CR0_NW (1u << 29)
#define CR0_CD (1u << 30)
#define CR0_PG (1u << 31)
#define CR4_PAE (1u << 5)
#define EFER_LME (1u << 8)
#define EFER_LMA (1u << 10)
#define RFLAGS_FIXED 2

#define APIC_BASE_ENABLE (1u << 11)
#define APIC_BASE_BSP (1u << 8)

#define LAPIC_ID 0x20
#define LAPIC_VERSION 0x30
#define LAPIC_DFR 0xe0
#define LAPIC_SVR 0xf0
#define LAPIC_LVT_CMCI 0x2f0
#define LAPIC_LVT 0x320 /* timer; six registers, 0x10 apart */
#define LAPIC_LVT_LAST 0x370
#define LVT_MASKED 0x10000

#define FCW_DEFAULT 0x37f
#define MXCSR_DEFAULT 0x1f80

/* One ioctl of a vCPU that is expected to work. */
struct vcpu_ref {
	struct kvm *kvm;
	int fd;
	unsigned int id;
};

static int set(const struct vcpu_ref *v, unsigned long request, void *arg,
	       const char *name)
{
	int r = kvm_ioctl(v->kvm, v->fd, request, arg);

	if (r >= 0)
		return 0;
	log_err("vcpu%u: %s: %s", v->id, name, strerror(-r));
	return r;
}

#define SET(v, request, arg) set(v, request, arg, #request)

/*
 * KVM gives a new vCPU the TSC rate that it measured when it was started.
 * Where the host has corrected its measure by more than 250 ppm since and the
 * CPU cannot scale, that fails without a word: the vCPU's TSC stands still in
 * KVM's eyes (though KVM_GET_TSC_KHZ names a rate), and no deadline of the
 * guest's timer is ever met.  0 asks for the host's rate of now, which needs
 * no scaling.
 */
static int tsc_rate(const struct vcpu_ref *v, uint32_t *khz)
{
	int r;

	/* Refused where the host knows no rate; what follows tells. */
	(void)kvm_ioctl(v->kvm, v->fd, KVM_SET_TSC_KHZ, NULL);
	r = kvm_ioctl(v->kvm, v->fd, KVM_GET_TSC_KHZ, NULL);
	if (!r) {
		log_err("vcpu%u: KVM has no TSC rate, so the guest's timer "
			"would never fire; load kvm_intel or kvm_amd anew",
			v->id);
		return -ENOTSUP;
	}
	*khz = r > 0 ? (uint32_t)r : 0;
	return 0;
}

int arch_vcpu_init(struct kvm *kvm, int vcpu_fd, unsigned int id,
		   unsigned int nr_cpus, unsigned int phys_bits)
{
	struct vcpu_ref v = { kvm, vcpu_fd, id };
	struct cpuid_params p = {
		.id = id,
		.nr_cpus = nr_cpus,
		.phys_bits = phys_bits,
		.tsc_deadline = kvm_extension(kvm, KVM_CAP_TSC_DEADLINE_TIMER),
	};
	struct kvm_cpuid2 *cpuid cleanup_free = NULL;
	int r = cpuid_supported(kvm, &cpuid);

	if (r)
		return r;
	r = tsc_rate(&v, &p.tsc_khz);
	if (r)
		return r;
	cpuid_adjust(cpuid, &p);
	return SET(&v, KVM_SET_CPUID2, cpuid);
}

static struct kvm_segment segment(uint16_t selector, uint8_t type)
{
	return (struct kvm_segment){
		.limit = 0xffffffff,
		.selector = selector,
		.type = type, /* 0xb: code; 3: data */
		.present = 1,
		.s = 1,
		.g = 1,
		.db = 1,
	};
}

/* PVH: 32-bit protected mode, flat, no paging.  64-bit protocol: long mode
 * on our page table.  Both find flat segments. */
static void enter_kernel(struct kvm_sregs *s, const struct boot_entry *entry)
{
	s->cs = segment(0x10, 0xb);
	s->ds = segment(0x18, 3);
	s->es = s->fs = s->gs = s->ss = s->ds;
	s->tr = (struct kvm_segment){ .limit = 0x67,
				      .type = 0xb,
				      .present = 1 };
	s->ldt = (struct kvm_segment){ .type = 2, .unusable = 1 };
	s->gdt = (struct kvm_dtable){ .base = BOOT_GDT, .limit = 31 };
	s->idt = (struct kvm_dtable){ 0 };
	s->cr0 = CR0_PE | CR0_ET;
	if (!entry->page_table)
		return;
	s->cs.l = 1;
	s->cs.db = 0;
	s->cr0 |= CR0_PG;
	s->cr3 = entry->page_table;
	s->cr4 = CR4_PAE;
	s->efer = EFER_LME | EFER_LMA;
}

/* As after RESET (Intel SDM volume 3, 10.1.1); SIPI sets CS. */
static void enter_reset(struct kvm_sregs *s)
{
	struct kvm_segment data = {
		.limit = 0xffff, .type = 3, .present = 1, .s = 1
	};

	s->ds = s->es = s->fs = s->gs = s->ss = data;
	s->cs = data;
	s->cs.type = 0xb;
	s->cs.selector = 0xf000;
	s->cs.base = 0xffff0000;
	s->tr = (struct kvm_segment){ .limit = 0xffff,
				      .type = 0xb,
				      .present = 1 };
	s->ldt = (struct kvm_segment){ .limit = 0xffff,
				       .type = 2,
				       .present = 1 };
	s->gdt = (struct kvm_dtable){ .limit = 0xffff };
	s->idt = s->gdt;
	s->cr0 = CR0_ET | CR0_NW | CR0_CD;
}

static int reset_registers(const struct vcpu_ref *v,
			   const struct boot_entry *entry)
{
	struct kvm_regs regs = { .rflags = RFLAGS_FIXED };
	struct kvm_sregs s = { .apic_base = LAPIC_BASE | APIC_BASE_ENABLE };
	int r;

	if (v->id == 0) {
		s.apic_base |= APIC_BASE_BSP;
		enter_kernel(&s, entry);
		regs.rip = entry->ip;
		if (entry->page_table)
			regs.rsi = entry->arg;
		else
			regs.rbx = entry->arg;
	} else {
		enter_reset(&s);
		regs.rip = 0xfff0;
	}
	r = SET(v, KVM_SET_SREGS, &s);
	if (!r)
		r = SET(v, KVM_SET_REGS, &regs);
	return r;
}

/* Everything in its initial state: what KVM_SET_FPU does not know, too. */
static int reset_xsave(const struct vcpu_ref *v)
{
	int size = kvm_extension(v->kvm, KVM_CAP_XSAVE2);
	uint32_t *xsave cleanup_free = NULL;
	struct kvm_xcrs xcrs = { .nr_xcrs = 1,
				 .xcrs = { { .xcr = 0, .value = 1 } } };
	int r = 0;

	xsave = calloc(1, MAX((size_t)size, sizeof(struct kvm_xsave)));
	if (!xsave) {
		log_err("vcpu%u: out of memory", v->id);
		return -ENOMEM;
	}
	xsave[0] = FCW_DEFAULT;
	xsave[6] = MXCSR_DEFAULT;
	if (kvm_extension(v->kvm, KVM_CAP_XSAVE))
		r = SET(v, KVM_SET_XSAVE, xsave);
	if (!r && kvm_extension(v->kvm, KVM_CAP_XCRS))
		r = SET(v, KVM_SET_XCRS, &xcrs);
	return r;
}

static int reset_fpu(const struct vcpu_ref *v)
{
	struct kvm_fpu fpu = { .fcw = FCW_DEFAULT, .mxcsr = MXCSR_DEFAULT };
	int r = reset_xsave(v);

	if (!r)
		r = SET(v, KVM_SET_FPU, &fpu);
	return r;
}

/* Intel SDM volume 3, 11.4.7.1: the local APIC after power-up. */
static int reset_lapic(const struct vcpu_ref *v)
{
	struct kvm_lapic_state old, l = { 0 };
	int r = SET(v, KVM_GET_LAPIC, &old);

	if (r)
		return r;
	memcpy(l.regs + LAPIC_VERSION, old.regs + LAPIC_VERSION, 4);
	store_le(l.regs + LAPIC_ID, 4, v->id << 24);
	store_le(l.regs + LAPIC_DFR, 4, 0xffffffff);
	store_le(l.regs + LAPIC_SVR, 4, 0xff);
	for (unsigned int reg = LAPIC_LVT; reg <= LAPIC_LVT_LAST; reg += 0x10)
		store_le(l.regs + reg, 4, LVT_MASKED);
	store_le(l.regs + LAPIC_LVT_CMCI, 4, LVT_MASKED);
	return SET(v, KVM_SET_LAPIC, &l);
}

/*
 * A guest that runs guests of its own may reset in the midst of it; Intel's
 * KVM takes no register that does not suit VMX operation then.
 */
static int reset_nested(const struct vcpu_ref *v)
{
	size_t size = (size_t)kvm_extension(v->kvm, KVM_CAP_NESTED_STATE);
	struct kvm_nested_state *n cleanup_free = NULL;
	int r;

	if (!size)
		return 0;
	size = MAX(size, sizeof(*n));
	n = calloc(1, size);
	if (!n) {
		log_err("vcpu%u: out of memory", v->id);
		return -ENOMEM;
	}
	n->size = (uint32_t)size;
	r = SET(v, KVM_GET_NESTED_STATE, n);
	if (r)
		return r;
	n->size = sizeof(*n);
	memset(&n->hdr, 0, sizeof(n->hdr));
	n->flags = KVM_STATE_NESTED_GIF_SET;
	if (n->format == KVM_STATE_NESTED_FORMAT_VMX) {
		n->flags = 0;
		n->hdr.vmx.vmxon_pa = UINT64_MAX;
		n->hdr.vmx.vmcs12_pa = UINT64_MAX;
	}
	return SET(v, KVM_SET_NESTED_STATE, n);
}

static int reset_events(const struct vcpu_ref *v)
{
	struct kvm_vcpu_events events = {
		.flags = KVM_VCPUEVENT_VALID_NMI_PENDING |
			 KVM_VCPUEVENT_VALID_SHADOW,
	};
	struct kvm_debugregs debug = { .dr6 = 0xffff0ff0, .dr7 = 0x400 };
	struct kvm_mp_state mp = {
		.mp_state = v->id ? KVM_MP_STATE_UNINITIALIZED :
				    KVM_MP_STATE_RUNNABLE,
	};
	int r;

	/* A guest can send itself an SMI: there it would stay, deaf to INIT.
	 * This drops an INIT that waits, too. */
	if (kvm_extension(v->kvm, KVM_CAP_X86_SMM))
		events.flags |= KVM_VCPUEVENT_VALID_SMM;
	r = SET(v, KVM_SET_VCPU_EVENTS, &events);
	if (!r && kvm_extension(v->kvm, KVM_CAP_DEBUGREGS))
		r = SET(v, KVM_SET_DEBUGREGS, &debug);
	if (!r)
		r = SET(v, KVM_SET_MP_STATE, &mp);
	return r;
}

int arch_vcpu_reset(struct kvm *kvm, int vcpu_fd, unsigned int id,
		    const struct boot_entry *entry)
{
	struct vcpu_ref v = { kvm, vcpu_fd, id };
	int r = reset_nested(&v);

	if (!r)
		r = reset_events(&v);
	/* MSRs before registers: EFER and the APIC base follow the latter.
	 * The APIC base before the APIC: it chooses the format. */
	if (!r)
		r = msr_reset(kvm, vcpu_fd, id);
	if (!r)
		r = reset_fpu(&v);
	if (!r)
		r = reset_registers(&v, entry);
	if (!r)
		r = reset_lapic(&v);
	return r;
}

/* All exits there are have their place in the common table. */
const char *arch_exit_name(uint32_t reason)
{
	(void)reason;
	return NULL;
}

int arch_vcpu_exit(struct kvm *kvm, int vcpu_fd, unsigned int id,
		   const struct kvm_run *run, struct ratelimit *rl)
{
	(void)kvm;
	(void)vcpu_fd;
	(void)id;
	(void)run;
	(void)rl;
	return -ENOTSUP;
}
