// SPDX-License-Identifier: BSD-2-Clause
/*
 * ram-populate - faults in guest RAM by several threads: zeroing a terabyte
 * takes one of them minutes. Owns the threads, which end before it returns.
 */
#include "ram-populate.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "util.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

#define MAX_THREADS 16
#define CHUNK MIB(64)
#define MAX_TRIES 100

struct work {
	int fd;
	uint8_t *base;
	uint64_t bytes, chunk;
	_Atomic uint64_t next; /* first byte that nobody has taken */
	_Atomic int error; /* the first -errno, or 0 */
};

/* One chunk. fallocate() does the same without page tables, for old kernels. */
static int populate(struct work *w, uint64_t start, uint64_t size)
{
	int tries = 0;

	while (madvise(w->base + start, size, MADV_POPULATE_WRITE)) {
		if (errno == EINVAL) {
			if (!fallocate(w->fd, 0, (off_t)start, (off_t)size))
				return 0;
			if (errno == EINTR && tries++ < MAX_TRIES)
				continue;
			return -errno;
		}
		/* EAGAIN: a race with reclaim or migration. */
		if ((errno != EAGAIN && errno != EINTR) || tries++ >= MAX_TRIES)
			return -errno;
	}
	return 0;
}

static void *worker(void *opaque)
{
	struct work *w = opaque;

	while (!atomic_load(&w->error)) {
		uint64_t start = atomic_fetch_add(&w->next, w->chunk);
		int none = 0;
		int r;

		if (start >= w->bytes)
			break;
		r = populate(w, start, MIN(w->chunk, w->bytes - start));
		if (r)
			atomic_compare_exchange_strong(&w->error, &none, r);
	}
	return NULL;
}

/* How many threads are worth having. */
static unsigned int nr_threads(const struct work *w)
{
	uint64_t chunks = (w->bytes + w->chunk - 1) / w->chunk;
	unsigned int cpus = 1;
	cpu_set_t set;

	if (!sched_getaffinity(0, sizeof(set), &set))
		cpus = (unsigned int)CPU_COUNT(&set);
	return (unsigned int)MIN(chunks, MIN(cpus, MAX_THREADS));
}

int ram_populate(int fd, void *base, uint64_t bytes, uint64_t page_bytes)
{
	struct work w = {
		.fd = fd,
		.base = base,
		.bytes = bytes,
		.chunk = MAX(CHUNK, page_bytes),
	};
	pthread_t threads[MAX_THREADS];
	unsigned int want = nr_threads(&w), nr;
	sigset_t all, old;

	/* Signals are for the main thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (nr = 0; nr + 1 < want; nr++)
		if (pthread_create(&threads[nr], NULL, worker, &w))
			break;
	pthread_sigmask(SIG_SETMASK, &old, NULL);

	/* This thread works, too; alone, when no other could be had. */
	worker(&w);
	while (nr)
		pthread_join(threads[--nr], NULL);
	return atomic_load(&w.error);
}
