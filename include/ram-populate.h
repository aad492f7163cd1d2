/* SPDX-License-Identifier: BSD-2-Clause */
/* Faulting in all of guest RAM.  For ram.c only. */
#ifndef WHERRY_RAM_POPULATE_H
#define WHERRY_RAM_POPULATE_H

#include <stdint.h>

/*
 * Allocates the first bytes of memfd fd, which is mapped at base, by several
 * threads, which are gone on return.  0, or -errno where the host has too
 * little: -ENOMEM, or -EFAULT and -ENOSPC for huge pages.  -EINTR when a signal
 * is pending that ends the VM: this can take minutes.  Logs nothing, and
 * never raises SIGBUS.
 *
 * With huge_bytes, and base aligned to 2 MiB, ordinary pages become
 * transparent huge ones where the kernel can (MADV_COLLAPSE, Linux 6.1, which
 * obeys only "deny" of shmem_enabled); *huge_bytes is how many bytes did.
 */
int ram_populate(int fd, void *base, uint64_t bytes, uint64_t page_bytes,
		 uint64_t *huge_bytes);

#endif
