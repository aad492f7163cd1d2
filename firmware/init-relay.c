// SPDX-License-Identifier: BSD-2-Clause
/*
 * init-relay - while the command runs: three flows of bytes, the host's messages,
 * and children that end.
 */
#include "firmware/init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd.h"
#include "util.h"

#define END_OF_FILE 4 /* what a terminal takes for it: Ctrl-D */

/* What was read waits in buf until it is written; only then more is read. */
struct flow {
	int from, to; /* -1: no more */
	uint8_t buf[KIB(64)];
	size_t start, end;
	uint64_t taken, given; /* bytes in all */
	uint64_t limit; /* of taken; all that there is */
};

enum { F_IN, F_OUT, F_ERR, NR_FLOWS };

struct relay {
	struct flow flow[NR_FLOWS];
	struct command *c;
	int control; /* the caller's */
	int children; /* SIGCHLD */
	uint8_t buf[JOB_MSG_MAX]; /* of messages */
	size_t len;
	bool ended, host_gone;
	bool said_end; /* of input, to a terminal */
	struct relay_end *end;
};

static bool flow_empty(const struct flow *f)
{
	return f->start == f->end;
}

static void flow_close(struct flow *f)
{
	fd_close(&f->from);
	fd_close(&f->to);
	f->start = f->end = 0;
}

static bool again(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* Takes what there is.  False: nothing now. */
static bool flow_fill(struct flow *f)
{
	size_t most = MIN(sizeof(f->buf), f->limit - f->taken);
	ssize_t n = most ? read(f->from, f->buf, most) : 0;

	if (n < 0 && again())
		return false;
	if (n <= 0) { /* a terminal that nobody has open reads EIO */
		fd_close(&f->from);
		return false;
	}
	f->start = 0;
	f->end = (size_t)n;
	f->taken += (uint64_t)n;
	return true;
}

static void flow_drain(struct flow *f)
{
	ssize_t n = write(f->to, f->buf + f->start, f->end - f->start);

	if (n < 0 && again())
		return;
	if (n < 0) {
		flow_close(f); /* nobody reads it any more */
		return;
	}
	f->start += (size_t)n;
	f->given += (uint64_t)n;
}

/* Two entries: what it waits for, if anything. */
static void flow_poll(const struct flow *f, struct pollfd *p)
{
	p[0] = (struct pollfd){ .fd = flow_empty(f) ? f->from : -1,
				.events = POLLIN };
	p[1] = (struct pollfd){ .fd = flow_empty(f) ? -1 : f->to,
				.events = POLLOUT };
}

static void flow_serve(struct flow *f, const struct pollfd *p)
{
	if (p[0].revents && f->from >= 0 && flow_empty(f))
		flow_fill(f);
	if (p[1].revents & POLLHUP) /* nobody is there */
		flow_close(f);
	/* Mostly there is room: a try is cheaper than asking first. */
	if (!flow_empty(f) && f->to >= 0)
		flow_drain(f);
}

/* Input has an end, and the command is to see it. */
static void end_input(struct relay *r)
{
	struct flow *f = &r->flow[F_IN];

	if (f->to < 0 || !flow_empty(f) ||
	    (f->from >= 0 && f->taken < f->limit))
		return;
	fd_close(&f->from);
	if (r->c->tty < 0 || r->said_end) {
		flow_close(f);
		return;
	}
	r->said_end = true;
	f->buf[0] = END_OF_FILE;
	f->start = 0;
	f->end = 1;
}

static void window(const struct relay *r, const struct job_msg *m)
{
	struct winsize size = { .ws_row = m->winch.rows,
				.ws_col = m->winch.cols };

	if (r->c->tty >= 0)
		ioctl(r->c->tty, TIOCSWINSZ, &size);
}

/* All of the command's session that is in its group. */
static void send_signal(const struct relay *r, int sig)
{
	if (!r->ended)
		kill(-r->c->pid, sig);
}

static void obey(struct relay *r, const struct job_msg *m)
{
	switch (m->type) {
	case JOB_SIGNAL:
		send_signal(r, (int)m->signal);
		break;
	case JOB_WINCH:
		window(r, m);
		break;
	case JOB_STDIN_END:
		r->flow[F_IN].limit = MAX(m->stdin_bytes, r->flow[F_IN].taken);
		break;
	case JOB_PING:
		port_send(r->control, &(struct job_msg){ .type = JOB_PONG });
		break;
	case JOB_OUT_CLOSED:
		flow_close(&r->flow[m->stream]);
		break;
	default:
		break;
	}
}

static void take_messages(struct relay *r)
{
	struct job_msg m;
	size_t at = 0;
	int used;
	ssize_t n = read(r->control, r->buf + r->len, sizeof(r->buf) - r->len);

	if (n < 0 && again())
		return;
	if (n <= 0) {
		r->host_gone = true;
		return;
	}
	r->len += (size_t)n;
	while ((used = job_msg_decode(&m, r->buf + at, r->len - at)) > 0) {
		obey(r, &m);
		at += (size_t)used;
	}
	if (used < 0)
		r->host_gone = true; /* another one than we know */
	r->len -= at;
	memmove(r->buf, r->buf + at, r->len);
}

static void reap(struct relay *r)
{
	struct signalfd_siginfo info;
	struct rusage usage;
	int status;
	pid_t pid;

	(void)!read(r->children, &info, sizeof(info));
	while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
		if (pid != r->c->pid)
			continue;
		r->ended = true;
		r->end->status = status;
		r->end->usage = usage;
		/* What it left behind could write for ever. */
		if (getpid() == 1)
			kill(-1, SIGKILL);
		flow_close(&r->flow[F_IN]);
	}
}

/* Of what the command wrote nothing is left but what is on its way. */
static bool finished(struct relay *r)
{
	bool all = true;

	if (!r->ended)
		return false;
	for (int i = F_OUT; i <= F_ERR; i++) {
		struct flow *f = &r->flow[i];

		if (flow_empty(f) && f->from >= 0 && !flow_fill(f))
			fd_close(&f->from);
		all = all && flow_empty(f);
	}
	return all;
}

static void serve(struct relay *r)
{
	enum { CONTROL, CHILDREN, FLOWS };
	struct pollfd p[FLOWS + 2 * NR_FLOWS] = {
		[CONTROL] = { .fd = r->control, .events = POLLIN },
		[CHILDREN] = { .fd = r->children, .events = POLLIN },
	};

	for (int i = 0; i < NR_FLOWS; i++)
		flow_poll(&r->flow[i], p + FLOWS + 2 * i);
	if (poll(p, FLOWS + 2 * NR_FLOWS, -1) < 0)
		return;
	if (p[CONTROL].revents)
		take_messages(r);
	if (p[CHILDREN].revents)
		reap(r);
	for (int i = 0; i < NR_FLOWS; i++)
		flow_serve(&r->flow[i], p + FLOWS + 2 * i);
	end_input(r);
}

static int watch_children(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* -1, which is no flow, where there is none. */
static int copy_of(int fd)
{
	return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

/*
 * What the terminal says goes to one port: the first that is open and has no
 * pipe.  The master stays the command's: each flow has its own.
 */
static void connect(struct relay *r, const int ports[NR_PORTS])
{
	struct command *c = r->c;
	int from[NR_FLOWS] = { ports[PORT_STDIN], c->out, c->err };
	int to[NR_FLOWS] = { c->in, ports[PORT_STDOUT], ports[PORT_STDERR] };

	if (to[F_IN] < 0 && from[F_IN] >= 0)
		to[F_IN] = copy_of(c->tty);
	if (from[F_OUT] < 0 && to[F_OUT] >= 0)
		from[F_OUT] = copy_of(c->tty);
	else if (from[F_ERR] < 0 && to[F_ERR] >= 0)
		from[F_ERR] = copy_of(c->tty);
	for (int i = 0; i < NR_FLOWS; i++) {
		r->flow[i].from = from[i];
		r->flow[i].to = to[i];
		r->flow[i].limit = UINT64_MAX;
	}
	c->in = c->out = c->err = -1;
}

int relay_run(struct command *c, const int ports[NR_PORTS],
	      struct relay_end *end)
{
	struct relay *r = calloc(1, sizeof(*r));
	bool gone;

	if (!r)
		return -1;
	r->c = c;
	r->end = end;
	r->control = ports[PORT_CONTROL];
	connect(r, ports);
	r->children = watch_children();
	/* It may have ended before anybody watched. */
	reap(r);
	while (!finished(r) && !r->host_gone)
		serve(r);
	gone = r->host_gone;
	end->out_bytes = r->flow[F_OUT].given;
	end->err_bytes = r->flow[F_ERR].given;
	for (int i = 0; i < NR_FLOWS; i++)
		flow_close(&r->flow[i]);
	fd_close(&r->children);
	fd_close(&c->tty);
	free(r);
	return gone ? -1 : 0;
}
