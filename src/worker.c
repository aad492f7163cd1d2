// SPDX-License-Identifier: BSD-2-Clause
/*
 * Owns a thread that serves when it is told to: its start, its stop, its
 * confinement.  What it serves is the caller's.
 */
#include "worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fd.h"
#include "log.h"

/* What the thread's own confinement needs. */
struct confinement {
	enum sandbox_mode mode;
	const struct sandbox_ioctls *lists;
	size_t nr_lists;
	int (*enter)(void *opaque, enum sandbox_mode mode); /* or NULL */
	bool wanted, done;
	int error;
};

struct worker {
	pthread_t thread;
	bool has_thread;
	enum sandbox_thread kind;
	void (*run)(void *opaque);
	void *opaque;
	int fd; /* readable while told */
	_Atomic bool told;

	pthread_mutex_t lock; /* guards what follows; taken last */
	pthread_cond_t changed;
	bool start, running, quit;
	int rested_fd; /* the caller's, or -1 */
	struct confinement confine;
};

/* lock held. */
static void confine(struct worker *w)
{
	struct confinement *c = &w->confine;
	int r;

	pthread_mutex_unlock(&w->lock);
	r = sandbox_thread(c->mode, w->kind, c->lists, c->nr_lists);
	if (!r && c->enter)
		r = c->enter(w->opaque, c->mode);
	pthread_mutex_lock(&w->lock);
	c->error = r;
	c->done = true;
	pthread_cond_broadcast(&w->changed);
}

/* lock held. */
static void serve(struct worker *w)
{
	uint64_t count, one = 1;

	w->start = false;
	w->running = true;
	atomic_store(&w->told, false);
	(void)!read(w->fd, &count, sizeof(count));
	pthread_mutex_unlock(&w->lock);
	w->run(w->opaque);
	pthread_mutex_lock(&w->lock);
	w->running = false;
	pthread_cond_broadcast(&w->changed);
	if (w->rested_fd >= 0)
		(void)!write(w->rested_fd, &one, sizeof(one));
}

static void *worker_thread(void *opaque)
{
	struct worker *w = opaque;

	pthread_mutex_lock(&w->lock);
	while (!w->quit) {
		if (w->confine.wanted && !w->confine.done)
			confine(w);
		else if (w->start)
			serve(w);
		else
			pthread_cond_wait(&w->changed, &w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static int start_thread(struct worker *w, const char *name)
{
	sigset_t all, old;
	int r;

	/* Signals are the loop's. */
	sigfillset(&all);
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&w->thread, NULL, worker_thread, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r)
		return -r;
	w->has_thread = true;
	pthread_setname_np(w->thread, name);
	return 0;
}

int worker_create(struct worker **out, const char *name,
		  enum sandbox_thread kind, void (*run)(void *opaque),
		  void *opaque)
{
	struct worker *w = calloc(1, sizeof(*w));
	int r = -ENOMEM;

	if (!w)
		goto err;
	w->fd = w->rested_fd = -1;
	w->kind = kind;
	w->run = run;
	w->opaque = opaque;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = w->fd < 0 ? -errno : start_thread(w, name);
	if (r)
		goto err;
	*out = w;
	return 0;
err:
	log_err("%s: cannot start a thread: %s", name, strerror(-r));
	worker_destroy(w);
	return r;
}

void worker_destroy(struct worker *w)
{
	if (!w)
		return;
	if (w->has_thread) {
		worker_stop(w);
		pthread_mutex_lock(&w->lock);
		w->quit = true;
		pthread_cond_broadcast(&w->changed);
		pthread_mutex_unlock(&w->lock);
		pthread_join(w->thread, NULL);
	}
	fd_close(&w->fd);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

int worker_confine(struct worker *w, enum sandbox_mode mode,
		   const struct sandbox_ioctls *lists, size_t nr_lists,
		   int (*enter)(void *opaque, enum sandbox_mode mode))
{
	int r;

	pthread_mutex_lock(&w->lock);
	w->confine = (struct confinement){ .mode = mode,
					   .lists = lists,
					   .nr_lists = nr_lists,
					   .enter = enter,
					   .wanted = true };
	pthread_cond_broadcast(&w->changed);
	while (!w->confine.done)
		pthread_cond_wait(&w->changed, &w->lock);
	r = w->confine.error;
	pthread_mutex_unlock(&w->lock);
	return r;
}

void worker_start(struct worker *w, int rested_fd)
{
	pthread_mutex_lock(&w->lock);
	w->start = true;
	w->rested_fd = rested_fd;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

void worker_stop(struct worker *w)
{
	uint64_t one = 1;

	pthread_mutex_lock(&w->lock);
	w->start = false;
	if (w->running && !atomic_exchange(&w->told, true))
		(void)!write(w->fd, &one, sizeof(one));
	pthread_mutex_unlock(&w->lock);
}

/* lock held. */
static bool idle(const struct worker *w)
{
	return !w->running && !w->start;
}

bool worker_stopped(struct worker *w)
{
	bool r;

	pthread_mutex_lock(&w->lock);
	r = idle(w);
	pthread_mutex_unlock(&w->lock);
	return r;
}

void worker_wait(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	while (!idle(w))
		pthread_cond_wait(&w->changed, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

bool worker_told(struct worker *w)
{
	return atomic_load(&w->told);
}

int worker_fd(const struct worker *w)
{
	return w->fd;
}
