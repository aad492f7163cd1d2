/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One run of a command in a VM of its own: from the configuration to the
 * command's end.
 */
#ifndef WHERRY_EXEC_H
#define WHERRY_EXEC_H

#include "config-exec.h"
#include "job.h"
#include "stats.h"

/* Exit statuses that are not the command's own. */
enum exec_status {
	EXEC_OUT_OF_MEMORY = 120, /* the guest's kernel killed the command */
	EXEC_HANG = 121, /* the guest did nothing any more */
	EXEC_BOOT_FAILED = 122, /* it ended before it could run a command */
	EXEC_CRASHED = 123, /* it ended before the command did */
	EXEC_TIMEOUT = 124,
	EXEC_FAILED = 125, /* wherry did */
	EXEC_CANNOT_RUN = 126, /* as env(1) */
	EXEC_NOT_FOUND = 127,
};

struct exec_result {
	int status; /* to exit with */
	const char *reason; /* a word, which tells equal numbers apart */
	bool exited; /* the command ran to its end: job is about it */
	struct job_exited job;
};

/*
 * Runs it once, or, as cfg->dry_run says, only tells what it would do.
 * Completes cfg->run by what the host has.  Everything is logged.
 */
void exec_run(struct exec_config *cfg, struct stats *stats,
	      struct exec_result *out);

#endif
