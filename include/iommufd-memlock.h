/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tells whether memory can be pinned, and why it could not: reads limits and procfs, changes
 * nothing.
 */
#ifndef WHERRY_IOMMUFD_MEMLOCK_H
#define WHERRY_IOMMUFD_MEMLOCK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Sum of VmPin over the processes of uid that proc (normally "/proc") shows,
 * without process except.
 */
uint64_t memlock_pinned(const char *proc, uid_t uid, pid_t except);

/*
 * Fills why with "reason; remedy" for an ENOMEM of a map, for a VM that needs
 * need_bytes pinned in all.
 */
void memlock_explain(const char *proc, uint64_t need_bytes, char *why,
		     size_t size);

/* A notice with the numbers if a VM that needs need_bytes pinned will meet
 * the limit: before its memory is taken, which can take long. */
void memlock_warn(const char *proc, uint64_t need_bytes);

#endif
