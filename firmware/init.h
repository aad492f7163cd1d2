/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of the guest's init, which is process 1 of `wherry exec`.  It has one
 * thread, trusts the host, and ends in init_fail() or in a report: whatever
 * goes wrong is said on the control port, or on the console where there is
 * none yet.
 */
#ifndef FIRMWARE_INIT_H
#define FIRMWARE_INIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "job.h"
#include "log.h"

struct relay_end;

/* --- init-report.c --- */

/* What failed.  Text is cut where there is no room.  Returns -1. */
int why_not(struct job_failed *why, enum job_stage stage, int error,
	    const char *fmt, ...) PRINTF(4, 5);

/* Names what the kernel would not load, each with a space before it, as what may
 * be behind it. */
void why_also(struct job_failed *why, const char *modules);

/* What became of the command, and of the guest's memory. */
struct job_exited exited_of(const struct relay_end *end);
/* A whole message; what the host no longer takes is lost. */
void port_send(int control, const struct job_msg *msg);

/* --- init-mount.c: all return 0, or -1 and why. --- */

/* What init itself needs: /dev and /sys of the initramfs. */
int mount_early(struct job_failed *why);
/* The root becomes the process's own. */
int mount_root(const struct job *job, struct job_failed *why);
/* The kernel's file systems in it, and the job's directories. */
int mount_rest(const struct job *job, struct job_failed *why);

/* --- init-port.c --- */

enum { PORT_CONTROL, PORT_STDIN, PORT_STDOUT, PORT_STDERR, NR_PORTS };

/* Opens the ports that the job uses once they are there; others become -1. */
void ports_open(int ports[NR_PORTS], const struct job *job);

/* --- init-user.c --- */

struct user {
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	size_t nr_groups;
	char *name, *home, *shell; /* "" where nobody knows */
};

/*
 * spec as in struct job, "" is root.  A number needs no line in the file.  0, or
 * -1 and why.
 */
int user_find(struct user *u, const char *spec, const char *passwd,
	      const char *group, struct job_failed *why);
/* Takes what a failed search left. */
void user_fini(struct user *u);

/* --- init-command.c --- */

struct command {
	pid_t pid;
	int in; /* our ends: -1 where there is none */
	int out, err;
	int tty; /* the master, or -1 */
};

/*
 * Starts the job's command, with a longer environment.  0 when execve() has
 * succeeded, or -1 and why.
 */
int command_start(struct command *c, struct job *job, struct job_failed *why);

/* --- init-relay.c --- */

struct relay_end {
	int status; /* as of wait(2) */
	struct rusage usage;
	uint64_t out_bytes, err_bytes;
};

/*
 * Carries bytes between ports and command, and obeys messages, until the command
 * has ended and all it wrote is on its way.  Reaps every child.  Closes all
 * descriptors of c, and all ports but PORT_CONTROL.  0, or -1: the host is gone.
 */
int relay_run(struct command *c, const int ports[NR_PORTS],
	      struct relay_end *end);

#endif
