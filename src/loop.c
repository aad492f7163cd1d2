// SPDX-License-Identifier: BSD-2-Clause
/*
 * loop - the event loop of the main thread. Owns the epoll descriptor and the
 * timers' descriptors; the sources, and what they watch, are their owners'.
 * Takes no lock, so callbacks may take any.
 */
#include "loop.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "fd.h"
#include "log.h"
#include "util.h"

#define LOOP_BATCH 32

struct loop {
	int fd;
	bool stopped;
	/* What the last epoll_wait() returned and has not been dispatched:
	 * removing a source wipes it out of here. */
	struct epoll_event ready[LOOP_BATCH];
	unsigned int nr_ready;
};

int loop_create(struct loop **out)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	int r;

	if (!loop) {
		log_err("event loop: out of memory");
		return -ENOMEM;
	}
	loop->fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->fd < 0) {
		r = -errno;
		log_err("event loop: epoll_create1: %s; raise the limit of "
			"open files (ulimit -n)",
			strerror(-r));
		free(loop);
		return r;
	}
	*out = loop;
	return 0;
}

void loop_destroy(struct loop *loop)
{
	if (!loop)
		return;
	fd_close(&loop->fd);
	free(loop);
}

static int control(struct loop *loop, int op, struct loop_source *src)
{
	struct epoll_event ev = { .events = src->events, .data.ptr = src };
	int r;

	if (!epoll_ctl(loop->fd, op, src->fd, &ev))
		return 0;
	r = -errno;
	/* -EPERM is an answer: the caller reads a regular file without us. */
	if (r != -EPERM)
		log_err("event loop: cannot watch fd %d: %s", src->fd,
			strerror(-r));
	return r;
}

int loop_add(struct loop *loop, struct loop_source *src)
{
	return control(loop, EPOLL_CTL_ADD, src);
}

/* What is told of a source and not dispatched yet, or NULL. */
static struct epoll_event *pending(struct loop *loop, struct loop_source *src)
{
	for (unsigned int i = 0; i < loop->nr_ready; i++)
		if (loop->ready[i].data.ptr == src)
			return &loop->ready[i];
	return NULL;
}

int loop_modify(struct loop *loop, struct loop_source *src, uint32_t events)
{
	struct epoll_event *ev = pending(loop, src);

	src->events = events;
	if (ev)
		ev->events &= events | EPOLLERR | EPOLLHUP;
	return control(loop, EPOLL_CTL_MOD, src);
}

int loop_rearm(struct loop *loop, struct loop_source *src)
{
	return control(loop, EPOLL_CTL_MOD, src);
}

void loop_remove(struct loop *loop, struct loop_source *src)
{
	struct epoll_event *ev = pending(loop, src);

	if (ev)
		ev->data.ptr = NULL;
	/* Fails only for what was not added, or is closed already. */
	(void)epoll_ctl(loop->fd, EPOLL_CTL_DEL, src->fd, NULL);
}

static void timer_fired(void *opaque, uint32_t events)
{
	struct loop_timer *t = opaque;
	uint64_t expirations;

	(void)events;
	/* Nothing to read: it was set anew or disarmed since it fired. */
	if (read(t->src.fd, &expirations, sizeof(expirations)) ==
	    sizeof(expirations))
		t->fn(t->opaque);
}

int loop_timer_init(struct loop *loop, struct loop_timer *t,
		    void (*fn)(void *opaque), void *opaque)
{
	int r;

	t->fn = fn;
	t->opaque = opaque;
	t->src = (struct loop_source){
		.fd = timerfd_create(CLOCK_MONOTONIC,
				     TFD_NONBLOCK | TFD_CLOEXEC),
		.events = EPOLLIN,
		.fn = timer_fired,
		.opaque = t,
	};
	if (t->src.fd < 0) {
		r = -errno;
		log_err("event loop: timerfd_create: %s; raise the limit of "
			"open files (ulimit -n)",
			strerror(-r));
		return r;
	}
	r = loop_add(loop, &t->src);
	if (r)
		fd_close(&t->src.fd);
	return r;
}

int loop_timer_set(struct loop_timer *t, uint64_t ms)
{
	/* A thousand years, so that no sum in the kernel can overflow. */
	uint64_t capped = MIN(ms, 1000ULL * 365 * 86400 * 1000);
	struct itimerspec its = {
		.it_value.tv_sec = (time_t)(capped / 1000),
		.it_value.tv_nsec = (long)(capped % 1000) * 1000000,
	};

	/* EINVAL and EBADF would be our own mistake; there is no other. */
	return timerfd_settime(t->src.fd, 0, &its, NULL) ? -errno : 0;
}

void loop_timer_fini(struct loop *loop, struct loop_timer *t)
{
	if (!t->fn || t->src.fd < 0)
		return;
	loop_remove(loop, &t->src);
	fd_close(&t->src.fd);
	t->fn = NULL;
}

static void dispatch(struct loop *loop)
{
	struct loop_source *src;
	uint32_t events;
	unsigned int i;

	for (i = 0; i < loop->nr_ready && !loop->stopped; i++) {
		src = loop->ready[i].data.ptr;
		events = loop->ready[i].events;
		loop->ready[i].data.ptr = NULL;
		if (src && events)
			src->fn(src->opaque, events);
	}
	loop->nr_ready = 0;
}

int loop_run(struct loop *loop)
{
	int n, r;

	loop->stopped = false;
	while (!loop->stopped) {
		n = epoll_wait(loop->fd, loop->ready, LOOP_BATCH, -1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			r = -errno;
			log_err("event loop: epoll_wait: %s", strerror(-r));
			return r;
		}
		loop->nr_ready = (unsigned int)n;
		dispatch(loop);
	}
	return 0;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}
