// SPDX-License-Identifier: BSD-2-Clause
/*
 * Owns what CPUID tells a guest: what KVM supports, with the topology of this
 * machine (one package, one thread per core, APIC id = index) and the timers
 * it needs.  Does not choose CPU models.
 */
#include "x86/cpu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/kvm.h"
#include "arch.h"
#include "fd.h"
#include "kvm.h"
#include "log.h"
#include "util.h"

#define MAX_ENTRIES 256

#define KVM_LEAF 0x40000000
#define KVM_LEAF_FEATURES 0x40000001
#define KVM_LEAF_TIMING 0x40000010
#define LAPIC_BUS_KHZ 1000000 /* KVM's local APIC ticks each nanosecond */

#define LEAF1_ECX_X2APIC (1u << 21)
#define LEAF1_ECX_TSC_DEADLINE (1u << 24)
#define LEAF1_ECX_HYPERVISOR (1u << 31)
#define LEAF1_EDX_HTT (1u << 28)
#define LEAF80000001_ECX_CMP_LEGACY (1u << 1)
#define VENDOR_EBX_AMD 0x68747541 /* "Auth" */
#define VENDOR_EBX_HYGON 0x6f677948 /* "Hygo" */

int cpuid_supported(struct kvm *kvm, struct kvm_cpuid2 **out)
{
	struct kvm_cpuid2 *c =
		calloc(1, sizeof(*c) + (MAX_ENTRIES + CPUID_SPARE) *
					       sizeof(c->entries[0]));
	int r;

	if (!c) {
		log_err("/dev/kvm: out of memory");
		return -ENOMEM;
	}
	c->nent = MAX_ENTRIES;
	r = kvm_ioctl(kvm, kvm_sys_fd(kvm), KVM_GET_SUPPORTED_CPUID, c);
	if (r < 0) {
		log_err("/dev/kvm: KVM_GET_SUPPORTED_CPUID: %s", strerror(-r));
		free(c);
		return r;
	}
	*out = c;
	return 0;
}

static struct kvm_cpuid_entry2 *find(const struct kvm_cpuid2 *c,
				     uint32_t function)
{
	for (uint32_t i = 0; i < c->nent; i++)
		if (c->entries[i].function == function)
			return (struct kvm_cpuid_entry2 *)&c->entries[i];
	return NULL;
}

static void drop(struct kvm_cpuid2 *c, uint32_t function)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->nent; i++)
		if (c->entries[i].function != function)
			c->entries[n++] = c->entries[i];
	c->nent = n;
}

static void add(struct kvm_cpuid2 *c, const struct kvm_cpuid_entry2 *e)
{
	c->entries[c->nent++] = *e;
}

uint32_t cpuid_kvm_features(const struct kvm_cpuid2 *cpuid)
{
	const struct kvm_cpuid_entry2 *e = find(cpuid, KVM_LEAF_FEATURES);

	return e ? e->eax : 0;
}

/* Bits of an APIC id that number the cores of the package. */
static unsigned int core_bits(unsigned int nr_cpus)
{
	unsigned int bits = 0;

	while (1u << bits < nr_cpus)
		bits++;
	return bits;
}

/* Leaves 4 and 0x8000001d: one cache of the last level, the rest per core. */
static void adjust_cache(struct kvm_cpuid_entry2 *e,
			 const struct cpuid_params *p)
{
	uint32_t level = e->eax >> 5 & 7;
	uint32_t sharing = level >= 3 ? (1u << core_bits(p->nr_cpus)) - 1 : 0;

	if (!(e->eax & 0x1f))
		return; /* no more caches */
	e->eax &= 0x3fff;
	e->eax |= sharing << 14;
	if (e->function == 4)
		e->eax |= ((1u << core_bits(p->nr_cpus)) - 1) << 26;
}

static void adjust_address_sizes(struct kvm_cpuid_entry2 *e,
				 const struct cpuid_params *p)
{
	e->eax = (e->eax & 0xff00) | p->phys_bits;
	e->ecx &= ~0xf0ffu;
	e->ecx |= core_bits(p->nr_cpus) << 12 | (p->nr_cpus - 1);
}

static void adjust_leaf1(struct kvm_cpuid_entry2 *e,
			 const struct cpuid_params *p)
{
	e->ebx &= 0x0000ffff;
	e->ebx |= p->id << 24 | (1u << core_bits(p->nr_cpus)) << 16;
	e->ecx |= LEAF1_ECX_HYPERVISOR | LEAF1_ECX_X2APIC;
	if (p->tsc_deadline)
		e->ecx |= LEAF1_ECX_TSC_DEADLINE;
	e->edx &= ~LEAF1_EDX_HTT;
	if (p->nr_cpus > 1)
		e->edx |= LEAF1_EDX_HTT;
}

static void adjust_entry(struct kvm_cpuid_entry2 *e,
			 const struct cpuid_params *p, bool amd)
{
	switch (e->function) {
	case 1:
		adjust_leaf1(e, p);
		break;
	case 4:
	case 0x8000001d:
		adjust_cache(e, p);
		break;
	case 0x80000001:
		e->ecx &= ~LEAF80000001_ECX_CMP_LEGACY;
		if (amd && p->nr_cpus > 1)
			e->ecx |= LEAF80000001_ECX_CMP_LEGACY;
		break;
	case 0x80000008:
		adjust_address_sizes(e, p);
		break;
	case 0x8000001e: /* one thread per core, one node */
		e->eax = p->id;
		e->ebx = p->id & 0xff;
		e->ecx = 0;
		break;
	default:
		break;
	}
}

/* Leaf 0xb: threads, then cores, then the end. */
static void add_topology(struct kvm_cpuid2 *c, const struct cpuid_params *p)
{
	struct kvm_cpuid_entry2 e = {
		.function = 0xb,
		.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		.ebx = 1,
		.ecx = 1 << 8,
		.edx = p->id,
	};

	add(c, &e);
	e.index = 1;
	e.eax = core_bits(p->nr_cpus);
	e.ebx = p->nr_cpus;
	e.ecx = 2 << 8 | 1;
	add(c, &e);
	e.index = 2;
	e.eax = 0;
	e.ebx = 0;
	e.ecx = 2;
	add(c, &e);
}

/* The TSC's frequency, for guests that would measure it otherwise. */
static void add_timing(struct kvm_cpuid2 *c, const struct cpuid_params *p)
{
	struct kvm_cpuid_entry2 *kvm = find(c, KVM_LEAF);
	struct kvm_cpuid_entry2 e = {
		.function = KVM_LEAF_TIMING,
		.eax = p->tsc_khz,
		.ebx = LAPIC_BUS_KHZ,
	};

	if (!kvm || !p->tsc_khz || find(c, KVM_LEAF_TIMING))
		return;
	kvm->eax = MAX(kvm->eax, KVM_LEAF_TIMING);
	add(c, &e);
}

void cpuid_adjust(struct kvm_cpuid2 *cpuid, const struct cpuid_params *p)
{
	const struct kvm_cpuid_entry2 *leaf0 = find(cpuid, 0);
	bool amd = leaf0 && (leaf0->ebx == VENDOR_EBX_AMD ||
			     leaf0->ebx == VENDOR_EBX_HYGON);

	/* Other descriptions of a topology, which is the host's. */
	drop(cpuid, 0xb);
	drop(cpuid, 0x1f);
	drop(cpuid, 0x80000026);
	for (uint32_t i = 0; i < cpuid->nent; i++)
		adjust_entry(&cpuid->entries[i], p, amd);
	leaf0 = find(cpuid, 0);
	if (leaf0 && leaf0->eax >= 0xb)
		add_topology(cpuid, p);
	add_timing(cpuid, p);
}

int arch_phys_bits(struct kvm *kvm, const struct arch_vm_params *p,
		   unsigned int *bits)
{
	struct kvm_cpuid2 *cpuid cleanup_free = NULL;
	const struct kvm_cpuid_entry2 *e;
	int r = cpuid_supported(kvm, &cpuid);
	unsigned int guest_bits;

	(void)p; /* the CPU's: nothing is saved by fewer */
	if (r)
		return r;
	e = find(cpuid, 0x80000008);
	*bits = e ? e->eax & 0xff : 36;
	/* What nested paging can map, where that is less. */
	guest_bits = e ? e->eax >> 16 & 0xff : 0;
	if (guest_bits)
		*bits = MIN(*bits, guest_bits);
	if (*bits < 32 || *bits > 52) {
		log_err("/dev/kvm: %u bits of guest physical address are not "
			"believable",
			*bits);
		return -EINVAL;
	}
	return 0;
}
