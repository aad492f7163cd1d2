/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's console while a command runs: its last lines are kept, all of it
 * may go to a file.  Loop thread.
 */
#ifndef WHERRY_EXEC_LOG_H
#define WHERRY_EXEC_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop.h"

#define EXEC_LOG_TAIL 8192

/* Somebody who may have stopped reading. */
struct exec_log_sink {
	int fd; /* -1: nobody */
	bool deaf; /* had no room for the last */
};

struct exec_log {
	int in; /* what the machine writes; does not block */
	struct exec_log_sink file; /* --guest-log */
	struct exec_log_sink err; /* ours */
	bool verbose; /* to stderr, too */
	struct loop_source src;
	char tail[EXEC_LOG_TAIL + 1]; /* the last bytes */
	size_t len;
	uint64_t taken; /* bytes in all */
};

/* *out: where the machine is to write; the caller's.  path may be NULL.  0 or
 * -errno, logged; exec_log_fini() in any case. */
int exec_log_init(struct exec_log *l, const char *path, bool verbose, int *out);
int exec_log_start(struct exec_log *l, struct loop *loop);
/* Takes what is there: after the loop. */
void exec_log_drain(struct exec_log *l);
/* The text of the guest's panic, or NULL. */
const char *exec_log_panic(struct exec_log *l);
/* The last lines, to stderr. */
void exec_log_print(struct exec_log *l);
void exec_log_fini(struct exec_log *l);

#endif
