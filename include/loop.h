/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One epoll loop on the main thread: signals, timers, console, device events.
 * Callbacks run on that thread without any lock held; they take dev_lock
 * themselves where they touch a device.
 */
#ifndef WHERRY_LOOP_H
#define WHERRY_LOOP_H

#include <stdint.h>

struct loop;

struct loop_source {
	int fd;
	uint32_t events; /* EPOLLIN ... */
	void (*fn)(void *opaque, uint32_t events);
	void *opaque;
};

int loop_create(struct loop **out);
void loop_destroy(struct loop *loop);

/* The source stays the caller's and outlives its registration; fd is not
 * closed by the loop.  Regular files, which epoll refuses, are -EPERM. */
int loop_add(struct loop *loop, struct loop_source *src);
int loop_modify(struct loop *loop, struct loop_source *src, uint32_t events);
/*
 * Arms a source with EPOLLONESHOT once more: the loop disarms it when it calls
 * fn.  Any thread; the call may then come at any time, and a former one may
 * still be under way.
 */
int loop_rearm(struct loop *loop, struct loop_source *src);
/* Safe from within any callback, also for sources with events pending. */
void loop_remove(struct loop *loop, struct loop_source *src);

/* A one-shot timer (timerfd), embedded in its owner; all zero until init. */
struct loop_timer {
	struct loop_source src;
	void (*fn)(void *opaque);
	void *opaque;
};

int loop_timer_init(struct loop *loop, struct loop_timer *t,
		    void (*fn)(void *opaque), void *opaque);
/* ms from now; 0 disarms.  Any thread. */
int loop_timer_set(struct loop_timer *t, uint64_t ms);
/* Also of one that was never initialised. */
void loop_timer_fini(struct loop *loop, struct loop_timer *t);

/* Runs until loop_stop().  0 or -errno. */
int loop_run(struct loop *loop);
/* Only from callbacks. */
void loop_stop(struct loop *loop);

#endif
