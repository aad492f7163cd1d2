// SPDX-License-Identifier: BSD-2-Clause
/*
 * What wherry cannot do without of a KVM.  Owns no table: each is its user's.
 */
#include "kvm.h"

#include <errno.h>

#include "log.h"

int kvm_require(struct kvm *kvm, const struct kvm_cap *caps, size_t nr,
		const char *remedy)
{
	for (size_t i = 0; i < nr; i++) {
		if (kvm_extension(kvm, caps[i].cap))
			continue;
		log_err("/dev/kvm: %s is missing: %s; %s", caps[i].name,
			caps[i].why, remedy);
		return -ENOTSUP;
	}
	return 0;
}
