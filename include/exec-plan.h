/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a command's VM is made of: kernel and modules, the job, the directories
 * that the guest sees, its initramfs.  Nothing runs yet.
 */
#ifndef WHERRY_EXEC_PLAN_H
#define WHERRY_EXEC_PLAN_H

#include "config-exec.h"
#include "job.h"
#include "kernel-find.h"
#include "modules.h"

/* The root, its upper layer, the modules, and each --rw; and /tmp. */
#define EXEC_MAX_MOUNTS (EXEC_MAX_RW + 4)

struct exec_plan {
	struct exec_config *cfg;
	struct kernel kernel;
	struct modules modules;
	struct job job; /* everything is its own, for job_fini() */
};

/*
 * Completes cfg->run: kernel, memory, CPUs, command line, shares.  0 or -errno,
 * logged; exec_plan_fini() in any case.
 */
int exec_plan_init(struct exec_plan *p, struct exec_config *cfg);
/* The initramfs as a memfd; or -errno, logged. */
int exec_plan_initramfs(const struct exec_plan *p);
/* What --dry-run says, to stdout. */
void exec_plan_print(const struct exec_plan *p);
void exec_plan_fini(struct exec_plan *p);

/* exec-mounts.c: p->job's mounts, and the shares and disks they are of. */
int exec_plan_mounts(struct exec_plan *p);

#endif
