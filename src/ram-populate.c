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
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif

#define MAX_THREADS 16
#define CHUNK MIB(64)
#define MAX_TRIES 100
#define HUGE_PAGE MIB(2)

struct work {
	int fd;
	uint8_t *base;
	uint64_t bytes, chunk;
	_Atomic uint64_t next; /* first byte that nobody has taken */
	_Atomic uint64_t huge; /* bytes that have become huge pages */
	atomic_bool collapse; /* still worth trying */
	_Atomic int error; /* the first -errno, or 0 */
};

/* Some bytes. fallocate() does the same without page tables, for old kernels. */
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

/*
 * Makes huge pages of a chunk, where the kernel can. It does so only where
 * there is a first page already. Whatever fails leaves ordinary pages, or none.
 */
static void make_huge(struct work *w, uint64_t start, uint64_t size)
{
	size -= size % HUGE_PAGE;
	for (uint64_t at = 0; at < size; at += HUGE_PAGE)
		if (populate(w, start + at, KIB(4)))
			return;
	if (!size)
		return;
	if (!madvise(w->base + start, size, MADV_COLLAPSE))
		atomic_fetch_add(&w->huge, size);
	else if (errno != EAGAIN)
		/* Not this kernel, or no such page free: each more would be
		 * searched for in vain. */
		atomic_store(&w->collapse, false);
}

/* Whether somebody waits for us to end.  Such signals are blocked by now. */
static bool is_told(void)
{
	sigset_t set;

	return !sigpending(&set) &&
	       (sigismember(&set, SIGTERM) || sigismember(&set, SIGINT) ||
		sigismember(&set, SIGHUP) || sigismember(&set, SIGQUIT));
}

static void *worker(void *opaque)
{
	struct work *w = opaque;

	while (!atomic_load(&w->error)) {
		uint64_t start = atomic_fetch_add(&w->next, w->chunk);
		uint64_t size;
		int none = 0;
		int r;

		if (start >= w->bytes)
			break;
		size = MIN(w->chunk, w->bytes - start);
		if (atomic_load(&w->collapse))
			make_huge(w, start, size);
		r = is_told() ? -EINTR : populate(w, start, size);
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

int ram_populate(int fd, void *base, uint64_t bytes, uint64_t page_bytes,
		 uint64_t *huge_bytes)
{
	struct work w = {
		.fd = fd,
		.base = base,
		.bytes = bytes,
		.chunk = MAX(CHUNK, page_bytes),
		.collapse = huge_bytes,
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
	if (huge_bytes)
		*huge_bytes = atomic_load(&w.huge);
	return atomic_load(&w.error);
}
