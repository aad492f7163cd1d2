/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a command's VM is made of: kernel and modules, the job, the directories
 * that the guest sees, its initramfs.  Nothing runs yet.
 */
#ifndef WHERRY_EXEC_PLAN_H
#define WHERRY_EXEC_PLAN_H

#include <stdio.h>

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
	char *root; /* absolute, of a directory or an image */
	int overlay_fd; /* of --overlay, locked; or -1 */
	const char *image_type; /* of the image's file system, or NULL */
	struct job job; /* everything is its own, for job_fini() */
};

/*
 * Completes cfg->run: kernel, memory, CPUs, command line, shares.  0 or -errno,
 * logged; exec_plan_fini() in any case.
 */
int exec_plan_init(struct exec_plan *p, struct exec_config *cfg);
/* The initramfs as a memfd; or -errno, logged. */
int exec_plan_initramfs(const struct exec_plan *p);
/* What --dry-run says: words as a shell takes them. */
void exec_plan_print(const struct exec_plan *p, FILE *out);
void exec_plan_fini(struct exec_plan *p);

/* exec-root.c: p->root, and the disk that it is if it is an image. */
int exec_plan_root(struct exec_plan *p);
/*
 * By the first bytes of an image: the name of its file system, a constant; or
 * NULL, and in *remedy what it is instead, and what to do.
 */
const char *exec_root_type(const void *head, size_t len, const char **remedy);
/*
 * exec-memory.c: bytes of memory that the host has available, or less where a
 * control group sets a limit.  prefix: "", or what is before /proc and /sys.  0 or
 * -EINVAL, logged.
 */
int exec_memory_available(const char *prefix, uint64_t *bytes);
/* exec-mounts.c: p->job's mounts, and the shares and disks they are of. */
int exec_plan_mounts(struct exec_plan *p);

#endif
