/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread of a device model: exists before confinement, arms its own filter,
 * and then serves whenever it is told to.
 */
#ifndef WHERRY_WORKER_H
#define WHERRY_WORKER_H

#include <stdbool.h>

#include "sandbox.h"

struct worker;

/*
 * Starts a thread called name (15 characters), which waits.  Each
 * worker_start() makes it call run() once; run() is to return soon after
 * worker_told() is true, having waited on worker_fd() besides its own business.
 * 0 or -errno, logged.
 */
int worker_create(struct worker **out, const char *name,
		  enum sandbox_thread kind, void (*run)(void *opaque),
		  void *opaque);
/* Once, before the first worker_start(): the thread confines itself, and then by
 * enter(), unless that is NULL, in ways of its own; returns when it has.  enter() is
 * called in every mode, and told which.  0 or -errno, logged. */
int worker_confine(struct worker *w, enum sandbox_mode mode,
		   const struct sandbox_ioctls *lists, size_t nr_lists,
		   int (*enter)(void *opaque, enum sandbox_mode mode));
/* Stops, waits, joins.  Takes NULL. */
void worker_destroy(struct worker *w);

/* Any thread, any lock; neither waits.  A start after a stop that is still
 * under way is begun when that has ended.  rested_fd, unless -1, is an eventfd
 * that is told each time that run() has returned and the worker has stopped. */
void worker_start(struct worker *w, int rested_fd);
void worker_stop(struct worker *w);
/* run() is not being called, and will not be before the next start. */
bool worker_stopped(struct worker *w);
/* Waits for that.  Any thread but its own, no lock that run() takes. */
void worker_wait(struct worker *w);

/* For run(): was it told to stop?  The descriptor is readable from then on, and
 * is not to be read. */
bool worker_told(struct worker *w);
int worker_fd(const struct worker *w);

#endif
