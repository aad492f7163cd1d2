// SPDX-License-Identifier: BSD-2-Clause
/*
 * Owns the guest's GICv3 and ITS, which are KVM's, from creation to reset.
 * KVM has no reset of the GIC: each register gets its power-on value by the
 * interface that is meant for migration.
 */
#include "arm64/gic.h"

#include <errno.h>
#include <string.h>

#include "abi/kvm.h"
#include "arm64/map.h"
#include "kvm.h"
#include "log.h"
#include "util.h"

#define VGIC KVM_DEV_TYPE_ARM_VGIC_V3
#define VITS KVM_DEV_TYPE_ARM_VGIC_ITS

/* The base of a region in KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, with the number
 * of redistributors in it. */
#define REDIST_REGION(base, nr) ((base) | (uint64_t)(nr) << 52)

/* Of the distributor, for SPIs only: what comes before is the CPUs'. */
#define FIRST_WORD(bits) (GIC_FIRST_SPI * (bits) / 8)
#define NR_WORDS(bits) (NR_SPIS * (bits) / 32)

/* A run of 32-bit registers with the same power-on value. */
struct regs {
	uint32_t offset;
	unsigned int nr;
	uint32_t value;
};

/* Enables and active states are cleared by ones; to userspace ISPENDR is what
 * it says, so that zeros clear. */
static const struct regs distributor[] = {
	{ 0x0000, 1, 0 }, /* GICD_CTLR */
	{ 0x0180 + FIRST_WORD(1), NR_WORDS(1), UINT32_MAX }, /* ICENABLER */
	{ 0x0380 + FIRST_WORD(1), NR_WORDS(1), UINT32_MAX }, /* ICACTIVER */
	{ 0x0200 + FIRST_WORD(1), NR_WORDS(1), 0 }, /* ISPENDR */
	{ 0x0080 + FIRST_WORD(1), NR_WORDS(1), UINT32_MAX }, /* IGROUPR */
	{ 0x0400 + FIRST_WORD(8), NR_WORDS(8), 0 }, /* IPRIORITYR */
	{ 0x0c00 + FIRST_WORD(2), NR_WORDS(2), 0 }, /* ICFGR: level */
	{ 0x6000 + FIRST_WORD(64), NR_WORDS(64), 0 }, /* IROUTER: CPU 0 */
};

/* SGIs are enabled from the start: KVM's choice. */
static const struct regs redistributor[] = {
	{ 0x0000, 1, 0 }, /* GICR_CTLR: before the tables of LPIs */
	{ 0x0070, 4, 0 }, /* PROPBASER, PENDBASER */
	{ 0x10180, 1, 0xffff0000 }, /* ICENABLER0 */
	{ 0x10100, 1, 0x0000ffff }, /* ISENABLER0 */
	{ 0x10380, 1, UINT32_MAX }, /* ICACTIVER0 */
	{ 0x10200, 1, 0 }, /* ISPENDR0 */
	{ 0x10080, 1, UINT32_MAX }, /* IGROUPR0 */
	{ 0x10400, 8, 0 }, /* IPRIORITYR */
	{ 0x10c04, 1, 0 }, /* ICFGR1 */
};

#define SYSREG(op0, op1, crn, crm, op2) \
	((op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))
#define ICC_PMR_EL1 SYSREG(3, 0, 4, 6, 0)
#define ICC_BPR0_EL1 SYSREG(3, 0, 12, 8, 3)
#define ICC_AP0R_EL1(n) SYSREG(3, 0, 12, 8, 4 | (n))
#define ICC_AP1R_EL1(n) SYSREG(3, 0, 12, 9, n)
#define ICC_BPR1_EL1 SYSREG(3, 0, 12, 12, 3)
#define ICC_CTLR_EL1 SYSREG(3, 0, 12, 12, 4)
#define ICC_IGRPEN0_EL1 SYSREG(3, 0, 12, 12, 6)
#define ICC_IGRPEN1_EL1 SYSREG(3, 0, 12, 12, 7)

#define ICC_CTLR_CBPR_EOIMODE 3u
#define ICC_CTLR_PRI_BITS(val) (((val) >> 8 & 7) + 1)

static int failed(const char *what, int r)
{
	log_err("/dev/kvm: GICv3: %s: %s", what, strerror(-r));
	return r;
}

static int set_u64(struct kvm *kvm, unsigned int type, uint64_t attr,
		   uint64_t value, const char *what)
{
	int r = kvm_device_set(kvm, type, KVM_DEV_ARM_VGIC_GRP_ADDR, attr,
			       &value);

	return r ? failed(what, r) : 0;
}

static int create(struct kvm *kvm, unsigned int type, const char *name)
{
	int r = kvm_device_create(kvm, type);

	if (!r)
		return 0;
	log_err("/dev/kvm: cannot create a %s: %s; the host needs a GICv3 "
		"with an ITS, and a kernel with KVM's models of both",
		name, strerror(-r));
	return r == -ENODEV || r == -EINVAL ? -ENOTSUP : r;
}

static int set_nr_irqs(struct kvm *kvm)
{
	uint32_t nr = GIC_FIRST_SPI + NR_SPIS;
	int r = kvm_device_set(kvm, VGIC, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &nr);

	return r ? failed("number of interrupts", r) : 0;
}

int gic_create(struct kvm *kvm)
{
	int r = create(kvm, VGIC, "GICv3");

	if (!r)
		r = set_u64(kvm, VGIC, KVM_VGIC_V3_ADDR_TYPE_DIST, GICD_BASE,
			    "address of the distributor");
	if (!r)
		r = set_u64(kvm, VGIC, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION,
			    REDIST_REGION(GICR_BASE, GIC_MAX_CPUS),
			    "address of the redistributors");
	if (!r)
		r = set_nr_irqs(kvm);
	if (!r)
		r = create(kvm, VITS, "GIC ITS");
	if (!r)
		r = set_u64(kvm, VITS, KVM_VGIC_ITS_ADDR_TYPE, GITS_BASE,
			    "address of the ITS");
	return r;
}

static int control(struct kvm *kvm, unsigned int type, uint64_t attr,
		   const char *what)
{
	int r = kvm_device_set(kvm, type, KVM_DEV_ARM_VGIC_GRP_CTRL, attr,
			       NULL);

	return r ? failed(what, r) : 0;
}

int gic_init(struct kvm *kvm)
{
	int r = control(kvm, VGIC, KVM_DEV_ARM_VGIC_CTRL_INIT, "start");

	if (!r)
		r = control(kvm, VITS, KVM_DEV_ARM_VGIC_CTRL_INIT,
			    "start of the ITS");
	return r;
}

/* mpidr is that of a CPU, or 0 for the distributor. */
static int set_regs(struct kvm *kvm, uint32_t group, uint64_t mpidr,
		    const struct regs *regs, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		for (unsigned int k = 0; k < regs[i].nr; k++) {
			uint32_t offset = regs[i].offset + 4 * k;
			uint32_t value = regs[i].value;
			int r = kvm_device_set(kvm, VGIC, group,
					       mpidr << 32 | offset, &value);

			if (!r)
				continue;
			log_err("/dev/kvm: GICv3: cannot reset register %#x: "
				"%s",
				offset, strerror(-r));
			return r;
		}
	return 0;
}

static int set_icc(struct kvm *kvm, uint64_t mpidr, unsigned int reg,
		   uint64_t value)
{
	return kvm_device_set(kvm, VGIC, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS,
			      mpidr << 32 | reg, &value);
}

/* ICC_CTLR_EL1 tells what the CPU can do, besides: that must stay. */
static int reset_interface(struct kvm *kvm, uint64_t mpidr)
{
	static const unsigned int zero[] = { ICC_IGRPEN0_EL1, ICC_IGRPEN1_EL1,
					     ICC_PMR_EL1, ICC_BPR0_EL1,
					     ICC_BPR1_EL1 };
	uint64_t ctlr = 0;
	unsigned int nr_ap;
	int r = kvm_device_get(kvm, VGIC, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS,
			       mpidr << 32 | ICC_CTLR_EL1, &ctlr);

	if (!r)
		r = set_icc(kvm, mpidr, ICC_CTLR_EL1,
			    ctlr & ~(uint64_t)ICC_CTLR_CBPR_EOIMODE);
	for (size_t i = 0; !r && i < ARRAY_SIZE(zero); i++)
		r = set_icc(kvm, mpidr, zero[i], 0);
	/* 32 priorities to a register, with five bits at least. */
	nr_ap = 1u << (MAX(ICC_CTLR_PRI_BITS(ctlr), 5U) - 5);
	for (unsigned int i = 0; !r && i < MIN(nr_ap, 4U); i++) {
		r = set_icc(kvm, mpidr, ICC_AP0R_EL1(i), 0);
		if (!r)
			r = set_icc(kvm, mpidr, ICC_AP1R_EL1(i), 0);
	}
	return r ? failed("cannot reset a CPU interface", r) : 0;
}

int gic_reset(struct kvm *kvm, unsigned int nr_cpus)
{
	int r = set_regs(kvm, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, 0, distributor,
			 ARRAY_SIZE(distributor));

	for (unsigned int i = 0; !r && i < nr_cpus; i++) {
		r = set_regs(kvm, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS,
			     cpu_mpidr(i), redistributor,
			     ARRAY_SIZE(redistributor));
		if (!r)
			r = reset_interface(kvm, cpu_mpidr(i));
	}
	if (!r)
		r = control(kvm, VITS, KVM_DEV_ARM_ITS_CTRL_RESET,
			    "reset of the ITS");
	return r;
}
