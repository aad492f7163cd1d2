/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Confinement.  Order of life: parse, open, build, confine, run.  The process
 * half (rlimits, not dumpable) is applied once by the main thread after
 * everything is open and all threads exist; then each thread drops its
 * capabilities and arms its own seccomp filter (no TSYNC), meets the others
 * at a barrier, and only then the first KVM_RUN happens.
 *
 * The ioctl allow-lists live beside the code that issues the ioctls (kvm.c,
 * vfio.c, iommufd.c): each module exports a const table.
 */
#ifndef WHERRY_SANDBOX_H
#define WHERRY_SANDBOX_H

#include <stddef.h>

enum sandbox_mode {
	SANDBOX_ON, /* kill on a forbidden call */
	SANDBOX_STRICT, /* like ON, and what ON can do without is required */
	SANDBOX_LOG, /* allow and audit forbidden calls (SCMP_ACT_LOG) */
	SANDBOX_OFF, /* nothing; said on stderr */
};

/* Kinds of thread, as bits. */
enum sandbox_thread {
	SANDBOX_LOOP = 1, /* the main thread and its event loop */
	SANDBOX_VCPU = 2,
	SANDBOX_PARENT = 4, /* the terminal's guardian */
	SANDBOX_DISK = 8, /* one of a disk's queues */
	SANDBOX_SHARE = 16, /* one of a shared directory */
};

struct sandbox_ioctl {
	unsigned long request; /* full 32-bit command */
	unsigned int threads; /* SANDBOX_* bits */
	const char *reason;
};

struct sandbox_ioctls {
	const struct sandbox_ioctl *table;
	size_t nr;
};

/*
 * Process-wide half: RLIMIT_CORE 0, RLIMIT_NOFILE to what is open plus what
 * the guest's interrupt vectors can need (never above the hard limit), not
 * dumpable, so that /proc/self is closed: what is read there later (smaps) is
 * opened before.  A failure is fatal: 0 or -errno, logged.
 */
int sandbox_process(enum sandbox_mode mode);

/*
 * Confines the calling thread for its kind: drops every capability from all
 * sets (libcap-ng; these are per thread), sets no-new-privileges and arms a
 * filter of system calls by kind plus the ioctls of every table entry with
 * that bit.  The default action kills the process (SANDBOX_LOG: logs).  0 or
 * -errno, logged.  Nothing may be undone.
 *
 * A confined thread ends by returning: pthread_exit() loads a library.
 */
int sandbox_thread(enum sandbox_mode mode, enum sandbox_thread kind,
		   const struct sandbox_ioctls *lists, size_t nr_lists);

#endif
