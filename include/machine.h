/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One VM, built from a const config in visible order and destroyed in
 * reverse.
 */
#ifndef WHERRY_MACHINE_H
#define WHERRY_MACHINE_H

#include "config.h"
#include "console.h"
#include "stats.h"

struct loop;
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
	const char *reason; /* "poweroff", "reset", "signal", "crashed" ... */
	int signal; /* that ended it at once; 0: none did */
};

#define MACHINE_MAX_PORTS 4

/* A channel, before those of the configuration. */
struct machine_port {
	const char *name; /* in the guest */
	int fd; /* the machine's from here on */
	enum console_way way;
	bool typed; /* see console.h */
	void (*left)(void *opaque, uint64_t bytes, bool lost);
};

/*
 * What a command in the guest needs beyond a configuration.  It outlives the
 * machine.  Callbacks run on the loop thread and have opaque.
 */
struct machine_session {
	int initrd_fd; /* instead of cfg->initrd; the session's */
	int console_fd; /* instead of cfg->console; the machine's */
	struct machine_port ports[MACHINE_MAX_PORTS];
	unsigned int nr_ports;
	/* Before confinement.  0 or -errno, logged. */
	int (*start)(void *opaque, struct machine *m, struct loop *loop);
	void (*resized)(void *opaque); /* SIGWINCH */
	void *opaque;
};

/* 0; -EINTR when a signal ended it, not logged; -errno, logged. */
int machine_create(struct machine **out, const struct run_config *cfg,
		   struct stats *stats);
/* The same; session may be NULL.  It owns its descriptors until then, and the
 * machine those of ports and console even if it fails. */
int machine_create_session(struct machine **out, const struct run_config *cfg,
			   const struct machine_session *session,
			   struct stats *stats);
/* From callbacks of the session: ends it now; calls drained once the host has
 * what the guest wrote to its channels. */
void machine_stop(struct machine *m, enum machine_end how, const char *reason);
void machine_drain_ports(struct machine *m, void (*drained)(void *opaque),
			 void *opaque);
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
