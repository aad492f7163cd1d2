// SPDX-License-Identifier: BSD-2-Clause
/*
 * Owns the power-on values of MSRs: what firmware would have set, and what a
 * reboot must not inherit.  The TSC keeps counting.
 */
#include "x86/cpu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <asm/kvm_para.h>

#include "abi/kvm.h"
#include "fd.h"
#include "kvm.h"
#include "log.h"
#include "util.h"

#define MAX_MSRS 64
#define MTRR_DEF_TYPE_WB 0x806 /* enabled; write-back unless said otherwise */
#define PAT_DEFAULT 0x0007040600070406

struct msrs {
	uint32_t first;
	unsigned int nr;
	uint64_t value;
	bool optional; /* some CPUs or KVMs have it not */
};

/* Names and numbers: Intel SDM volume 4, AMD APM volume 2 appendix A. */
static const struct msrs power_on[] = {
	{ 0x2ff, 1, MTRR_DEF_TYPE_WB, false },
	{ 0x200, 16, 0, true }, /* variable MTRRs */
	{ 0x250, 1, 0, true }, /* fixed MTRRs */
	{ 0x258, 2, 0, true },
	{ 0x268, 8, 0, true },
	{ 0x1a0, 1, 1, true }, /* IA32_MISC_ENABLE: fast strings */
	{ 0x277, 1, PAT_DEFAULT, false },
	{ 0x174, 3, 0, false }, /* IA32_SYSENTER_CS, ESP, EIP */
	{ 0xc0000081, 4, 0, false }, /* STAR, LSTAR, CSTAR, FMASK */
	{ 0xc0000102, 1, 0, false }, /* KERNEL_GS_BASE */
	{ 0xc0000103, 1, 0, true }, /* TSC_AUX */
	{ 0x6e0, 1, 0, true }, /* IA32_TSC_DEADLINE */
	{ 0x48, 1, 0, true }, /* IA32_SPEC_CTRL */
	{ 0x140, 1, 0, true }, /* MISC_FEATURES_ENABLES: CPUID faulting */
	{ 0x1d9, 1, 0, true }, /* IA32_DEBUGCTL */
	{ 0x38f, 1, 0, true }, /* IA32_PERF_GLOBAL_CTRL */
	{ 0xda0, 1, 0, true }, /* IA32_XSS */
	{ 0x1c4, 1, 0, true }, /* IA32_XFD */
	/* KVM must stop writing into guest memory before that is reused. */
	{ MSR_KVM_SYSTEM_TIME, 1, 0, true },
	{ MSR_KVM_SYSTEM_TIME_NEW, 1, 0, false },
	{ MSR_KVM_ASYNC_PF_EN, 1, 0, true },
	{ MSR_KVM_ASYNC_PF_INT, 1, 0, true },
	{ MSR_KVM_STEAL_TIME, 1, 0, true },
	{ MSR_KVM_PV_EOI_EN, 1, 0, true },
	{ MSR_KVM_POLL_CONTROL, 1, 1, true }, /* KVM polls before it halts */
};

struct msr_list {
	struct kvm_msr_entry entry[MAX_MSRS];
	bool optional[MAX_MSRS];
	unsigned int nr;
};

static void expand(struct msr_list *list)
{
	for (size_t i = 0; i < ARRAY_SIZE(power_on); i++) {
		const struct msrs *m = &power_on[i];

		for (unsigned int k = 0; k < m->nr; k++) {
			list->optional[list->nr] = m->optional;
			list->entry[list->nr++] =
				(struct kvm_msr_entry){ .index = m->first + k,
							.data = m->value };
		}
	}
}

int msr_reset(struct kvm *kvm, int vcpu_fd, unsigned int id)
{
	struct kvm_msrs *req cleanup_free = NULL;
	struct msr_list list = { .nr = 0 };
	unsigned int done = 0;
	int r;

	req = calloc(1, sizeof(*req) + MAX_MSRS * sizeof(req->entries[0]));
	if (!req) {
		log_err("vcpu%u: out of memory", id);
		return -ENOMEM;
	}
	expand(&list);
	/* KVM takes as many as it can and stops at one that it has not. */
	while (done < list.nr) {
		req->nmsrs = list.nr - done;
		memcpy(req->entries, &list.entry[done],
		       req->nmsrs * sizeof(req->entries[0]));
		r = kvm_ioctl(kvm, vcpu_fd, KVM_SET_MSRS, req);
		if (r < 0)
			goto err;
		done += (unsigned int)r;
		r = -EINVAL;
		if (done < list.nr && !list.optional[done])
			goto err;
		done++; /* past it */
	}
	return 0;
err:
	log_err("vcpu%u: cannot set MSR %#x: %s", id, list.entry[done].index,
		strerror(-r));
	return r;
}
