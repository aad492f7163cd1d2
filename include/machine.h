/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One VM, built from a const config in visible order and destroyed in
 * reverse.
 */
#ifndef WHERRY_MACHINE_H
#define WHERRY_MACHINE_H

#include "config.h"
#include "stats.h"

struct machine;

/* Why the VM ended; also the exit status of `wherry run`. */
enum machine_end {
	END_POWEROFF = 0,
	END_FAILED = 1,
	END_CRASHED = 3,
	END_TIMEOUT = 4,
	END_KILLED = 5,
};

struct machine_result {
	enum machine_end end;
	const char *reason; /* "poweroff", "reset", "sigterm", "panic" ... */
};

/* 0; -EINTR when a signal ended it, not logged; -errno, logged. */
int machine_create(struct machine **out, const struct run_config *cfg,
		   struct stats *stats);
/* Confines, runs until the end, leaves the vCPUs parked. */
int machine_run(struct machine *m, struct machine_result *result);
/* After machine_run, before destroy: writes the object of --stats to the file
 * that machine_create opened.  Nothing without --stats. */
int machine_write_stats(struct machine *m);
/*
 * Frees it all, but for one whose devices the host did not answer in time: of
 * that nothing, for its threads go on, and the process is to end.
 */
void machine_destroy(struct machine *m);

#endif
