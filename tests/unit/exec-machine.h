/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A session of exec-session.c without a machine: what it asks of one is counted,
 * and what a guest says comes by a socket.
 */
#ifndef TESTS_UNIT_EXEC_MACHINE_H
#define TESTS_UNIT_EXEC_MACHINE_H

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exec-session.h"

/* What the machine was asked for. */
struct exec_machine {
	struct exec_session s;
	struct stats stats;
	struct loop *loop;
	int guest; /* its end of the port */
	unsigned int stops, drains;
	const char *reason;
	void (*drained)(void *opaque);
	void *drained_opaque;
};

static struct exec_machine *exec_machine;

void machine_stop(struct machine *m, enum machine_end how, const char *reason)
{
	(void)m;
	(void)how;
	exec_machine->stops++;
	exec_machine->reason = reason;
}

void machine_drain_ports(struct machine *m, void (*drained)(void *opaque),
			 void *opaque)
{
	(void)m;
	exec_machine->drains++;
	exec_machine->drained = drained;
	exec_machine->drained_opaque = opaque;
}

static inline void exec_machine_init(struct exec_machine *em)
{
	int fds[2];

	memset(em, 0, sizeof(*em));
	exec_machine = em;
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	stats_init(&em->stats);
	em->s.stats = &em->stats;
	em->s.control = fds[0];
	em->s.machine.initrd_fd = em->s.log.in = em->s.log.file.fd = -1;
	em->guest = fds[1];
	/* A pipe of nothing stands for the guest's console. */
	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	em->s.log.in = fds[0];
	close(fds[1]);
	assert_int_equal(loop_create(&em->loop), 0);
	assert_int_equal(start(&em->s, NULL, em->loop), 0);
}

/* What the guest says, all of it, as the loop would take it. */
static inline void exec_machine_says(struct exec_machine *em, const void *buf,
				     size_t len)
{
	assert_int_equal(write(em->guest, buf, len), len);
	on_control(&em->s, 0);
}

static inline void exec_machine_fini(struct exec_machine *em)
{
	loop_timer_fini(em->loop, &em->s.patience);
	loop_destroy(em->loop);
	exec_session_fini(&em->s);
	close(em->guest);
}

#endif
