/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The talk with the guest's init while a command runs, and where the command's
 * streams go on the host.  What comes from the guest is not trusted: it can end
 * its own run, with any status, and no more.
 */
#ifndef WHERRY_EXEC_SESSION_H
#define WHERRY_EXEC_SESSION_H

#include <stdbool.h>

#include "exec-log.h"
#include "job.h"
#include "loop.h"
#include "machine.h"
#include "stats.h"

struct exec_session {
	struct machine_session machine; /* what the machine needs of it */
	struct machine *m;
	struct stats *stats;
	struct exec_log log;

	int control; /* the other end is the port's */
	struct loop_source src;
	uint8_t buf[JOB_MSG_MAX]; /* an incomplete message */
	size_t len;
	struct loop *loop;
	struct loop_timer patience; /* with a guest that says nothing */
	uint64_t watchdog_ms; /* of silence; 0: for ever */
	bool heard; /* of it, since the timer was set */
	unsigned int silent; /* times in a row that it was not */
	uint64_t log_seen; /* log.taken when the timer was set */

	bool hello, started; /* it said so */
	bool hung; /* it says nothing any more */
	bool broken; /* what it said was none of job.h's */
	bool lost; /* what the command wrote, by a full disk, say; logged */
	bool lost_input; /* what it was to read, by a bad disk, say; logged */
	uint32_t report; /* JOB_EXITED or JOB_FAILED, or 0 */
	struct job_msg last; /* of which that is */
};

/*
 * Decides about the streams of job and opens what they need; tty: the terminal is
 * in raw mode, and the command gets one.  0 or -errno, logged;
 * exec_session_fini() in any case.
 */
int exec_session_init(struct exec_session *s, struct job *job, bool tty,
		      struct stats *stats);
void exec_session_fini(struct exec_session *s);

#endif
