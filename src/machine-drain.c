// SPDX-License-Identifier: BSD-2-Clause
/*
 * machine-drain - owns the wait for what virtio devices have under way, before
 * guest RAM is cleared or gone. The host may never answer, so it is the loop that
 * waits, with an ear for signals.
 */
#include <sys/epoll.h>
#include <unistd.h>

#include "log.h"
#include "machine-priv.h"

#define PATIENCE_MS 1000

static void look(struct machine *m)
{
	void (*then)(struct machine * m) = m->drained;
	const char *busy;

	if (!then || !machine_settle_virtio(m, &busy))
		return;
	m->drained = NULL;
	(void)loop_timer_set(&m->patience, 0);
	then(m);
}

static void on_rested(void *opaque, uint32_t events)
{
	struct machine *m = opaque;
	uint64_t count;

	(void)events;
	(void)!read(m->rested_fd, &count, sizeof(count));
	look(m);
}

/* Who was to be stopped is not waited for, and else for as long as it takes. */
static void on_impatience(void *opaque)
{
	struct machine *m = opaque;
	const char *busy;

	if (!m->drained || machine_settle_virtio(m, &busy))
		return;
	if (m->ending &&
	    (m->result.end == END_KILLED || m->result.end == END_TIMEOUT)) {
		log_notice("%s: the host has not done what the guest had asked"
			   " for; it is left to the kernel",
			   busy);
		m->abandoned = true;
		loop_stop(m->loop);
		return;
	}
	log_notice(
		"%s: waiting for the host to do what the guest had asked for;"
		" %s at once",
		busy,
		m->ending ? "a signal ends this" : "a second signal ends this");
}

int machine_init_drain(struct machine *m)
{
	int r;

	m->rested_src =
		(struct loop_source){ m->rested_fd, EPOLLIN, on_rested, m };
	r = loop_add(m->loop, &m->rested_src);
	return r ? r : loop_timer_init(m->loop, &m->patience, on_impatience, m);
}

void machine_fini_drain(struct machine *m)
{
	loop_timer_fini(m->loop, &m->patience);
}

void machine_drain(struct machine *m, void (*then)(struct machine *m))
{
	m->drained = then;
	machine_stop_virtio(m);
	(void)loop_timer_set(&m->patience, PATIENCE_MS);
	look(m);
}
