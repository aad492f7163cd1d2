/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line of `wherry exec`: that of run, and what a command in the
 * guest needs.  Parsing opens nothing.  Only exec*.c and cmd-*.c read it.
 */
#ifndef WHERRY_CONFIG_EXEC_H
#define WHERRY_CONFIG_EXEC_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"

#define EXEC_MAX_RW 8
#define EXEC_MAX_REPEAT 1000000
/* In run.memory.bytes and run.cpus.nr: as the host has it. */
#define EXEC_MEMORY_DEFAULT UINT64_MAX
#define EXEC_CPUS_DEFAULT 0

struct exec_config {
	/* First: its setters take a pointer to it.  kernel may be NULL: the
	 * running one; no initrd, no console. */
	struct run_config run;
	char *root; /* --root, or NULL: the host's */
	unsigned int root_cache; /* as that of a share */
	char *rw[EXEC_MAX_RW]; /* --rw, as given */
	unsigned int nr_rw;
	char *cwd; /* or NULL: the caller's */
	char *user; /* or NULL: root */
	char **env; /* --env NAME=VALUE, as given */
	unsigned int nr_env;
	char *overlay; /* or NULL: nothing is kept */
	char *guest_log; /* or NULL */
	bool dry_run, verbose;
	uint64_t repeat; /* 1 or more */
	uint64_t watchdog_ms; /* of silence, until it hangs; 0: for ever */
	char **argv; /* of the command, the caller's; empty: a shell */
};

/* As config_parse_run(); argv[0] is "exec" and argv outlives *out. */
int config_parse_exec(struct exec_config **out, int argc, char **argv);
void config_destroy_exec(struct exec_config *cfg);

#endif
