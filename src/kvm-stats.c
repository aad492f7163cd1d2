// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reads KVM's binary statistics and sums them over vCPUs.  All vCPUs of a VM
 * have the same descriptors; the first one's are used.
 */
#include "kvm-stats.h"

#include <stdint.h>
#include <stdlib.h>

#include "abi/kvm.h"
#include "fd.h"
#include "json.h"
#include "kvm.h"

/* KVM has some 60 of them; more than this is not what we know. */
#define MAX_DESCS 512
#define MAX_NAME 256

int kvm_stats_open(struct kvm *kvm, int vcpu_fd)
{
	int r = kvm_ioctl(kvm, vcpu_fd, KVM_GET_STATS_FD, NULL);

	return r < 0 ? -1 : r;
}

static uint64_t sum_of(const int *fds, unsigned int nr, off_t at)
{
	uint64_t sum = 0, value;

	for (unsigned int i = 0; i < nr; i++)
		if (fds[i] >= 0 &&
		    !fd_pread_all(fds[i], &value, sizeof(value), at))
			sum += value;
	return sum;
}

static void write_all(const int *fds, unsigned int nr, struct json *j)
{
	char *desc cleanup_free = NULL;
	struct kvm_stats_header h;
	size_t step;

	if (!nr || fds[0] < 0 || fd_pread_all(fds[0], &h, sizeof(h), 0) ||
	    !h.name_size || h.name_size > MAX_NAME || h.num_desc > MAX_DESCS)
		return;
	step = sizeof(struct kvm_stats_desc) + h.name_size;
	desc = calloc(h.num_desc, step);
	if (!desc ||
	    fd_pread_all(fds[0], desc, h.num_desc * step, h.desc_offset))
		return;
	for (uint32_t i = 0; i < h.num_desc; i++) {
		struct kvm_stats_desc *d = (void *)(desc + i * step);

		desc[i * step + step - 1] = '\0';
		if (d->size == 1)
			json_u64(j, d->name,
				 sum_of(fds, nr,
					(off_t)h.data_offset + d->offset));
	}
}

void kvm_stats_write(const int *fds, unsigned int nr, struct json *j)
{
	json_object(j, "kvm");
	write_all(fds, nr, j);
	json_object_end(j);
}
