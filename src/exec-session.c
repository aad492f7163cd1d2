// SPDX-License-Identifier: BSD-2-Clause
/*
 * exec-session - the host's end of the ports of a command's guest. Owns the
 * control port's other end, and what the guest has reported.
 */
#include "exec-session.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fd.h"
#include "log.h"
#include "util.h"

static void send_msg(struct exec_session *s, const struct job_msg *msg)
{
	uint8_t buf[JOB_MSG_MAX];
	size_t len = job_msg_encode(msg, buf);

	/* Few and short: they fit, unless the guest takes none. */
	(void)!write(s->control, buf, len);
}

static void on_stdin_end(void *opaque, uint64_t bytes, bool lost)
{
	struct job_msg msg = { .type = JOB_STDIN_END, .stdin_bytes = bytes };
	struct exec_session *s = opaque;

	s->lost_input = lost;
	send_msg(s, &msg);
}

static void out_closed(struct exec_session *s, uint32_t stream, bool lost)
{
	struct job_msg msg = { .type = JOB_OUT_CLOSED, .stream = stream };

	s->lost |= lost;
	send_msg(s, &msg);
}

static void on_stdout_closed(void *opaque, uint64_t bytes, bool lost)
{
	(void)bytes;
	out_closed(opaque, STDOUT_FILENO, lost);
}

static void on_stderr_closed(void *opaque, uint64_t bytes, bool lost)
{
	(void)bytes;
	out_closed(opaque, STDERR_FILENO, lost);
}

static bool window_size(uint16_t *rows, uint16_t *cols)
{
	struct winsize ws;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &ws))
		return false;
	*rows = ws.ws_row;
	*cols = ws.ws_col;
	return true;
}

static void on_resized(void *opaque)
{
	struct job_msg msg = { .type = JOB_WINCH };

	if (window_size(&msg.winch.rows, &msg.winch.cols))
		send_msg(opaque, &msg);
}

/* When the guest's kernel started, by our clock: about now, less its age. */
static void note_moments(struct exec_session *s, const struct job_msg *msg,
			 enum job_moment newest)
{
	static const char *const names[JOB_NR_MOMENTS] = {
		"guest-init", "guest-modules", "guest-ports",
		"guest-root", "guest-start",   "guest-end",
	};
	uint64_t age = msg->at_us[newest] * 1000, now = now_ns();
	uint64_t born = now > age ? now - age : 0;
	enum job_moment first = newest == JOB_AT_PORTS ? JOB_AT_INIT : newest;

	if (newest == JOB_AT_START)
		first = JOB_AT_ROOT;
	if (newest == JOB_AT_PORTS)
		stats_stage_at(s->stats, "guest-kernel", born);
	for (enum job_moment i = first; i <= newest; i++)
		stats_stage_at(s->stats, names[i], born + msg->at_us[i] * 1000);
}

static void on_drained(void *opaque)
{
	struct exec_session *s = opaque;

	stats_stage(s->stats, "drained", NULL);
	machine_stop(s->m, END_POWEROFF, "exited");
}

static void take_report(struct exec_session *s, const struct job_msg *msg)
{
	s->report = msg->type;
	s->last = *msg;
	if (msg->type == JOB_EXITED)
		note_moments(s, msg, JOB_AT_END);
	(void)loop_timer_set(&s->patience, 0);
	machine_drain_ports(s->m, on_drained, s);
}

/*
 * Half of the time has passed again.  Before the command runs what the kernel says
 * is a sign of life, too; later init is asked for one, whatever the command does.
 */
static void on_patience(void *opaque)
{
	struct exec_session *s = opaque;
	const struct job_msg ping = { .type = JOB_PING };

	if (s->heard || (!s->started && s->log.taken != s->log_seen))
		s->silent = 0;
	else
		s->silent++;
	if (s->silent == 2) {
		s->hung = true;
		machine_stop(s->m, END_FAILED, "hang");
		return;
	}
	s->heard = false;
	s->log_seen = s->log.taken;
	if (s->started)
		send_msg(s, &ping);
	(void)loop_timer_set(&s->patience, s->watchdog_ms / 2);
}

/* Whether it is its time: once each, and what starts a command ends it. */
static bool in_turn(const struct exec_session *s, const struct job_msg *msg)
{
	switch (msg->type) {
	case JOB_HELLO:
		return !s->hello && msg->version == JOB_VERSION;
	case JOB_STARTED:
	case JOB_FAILED:
		return s->hello && !s->started;
	case JOB_EXITED:
	case JOB_PONG:
		return s->started;
	default:
		return false;
	}
}

static void obey(struct exec_session *s, const struct job_msg *msg)
{
	if (!in_turn(s, msg)) {
		s->broken = true;
	} else if (msg->type == JOB_HELLO) {
		s->hello = true;
		note_moments(s, msg, JOB_AT_PORTS);
	} else if (msg->type == JOB_STARTED) {
		s->started = true;
		note_moments(s, msg, JOB_AT_START);
	} else if (msg->type != JOB_PONG) {
		take_report(s, msg);
	}
}

static void on_control(void *opaque, uint32_t events)
{
	struct exec_session *s = opaque;
	struct job_msg msg;
	size_t at = 0;
	int used = 0;
	ssize_t n = read(s->control, s->buf + s->len, sizeof(s->buf) - s->len);

	(void)events;
	if (n <= 0)
		return;
	s->heard = true;
	s->len += (size_t)n;
	/* Nothing counts after the report. */
	while (!s->report && !s->broken &&
	       (used = job_msg_decode(&msg, s->buf + at, s->len - at)) > 0) {
		obey(s, &msg);
		at += (size_t)used;
	}
	s->len -= at;
	memmove(s->buf, s->buf + at, s->len);
	if (s->report)
		s->len = 0;
	else if (used < 0 || s->broken || s->len == sizeof(s->buf)) {
		s->broken = true;
		machine_stop(s->m, END_FAILED, "protocol");
	}
}

static int start(void *opaque, struct machine *m, struct loop *loop)
{
	struct exec_session *s = opaque;
	int r;

	s->m = m;
	s->loop = loop;
	s->src = (struct loop_source){ s->control, EPOLLIN, on_control, s };
	r = loop_add(loop, &s->src);
	if (!r)
		r = exec_log_start(&s->log, loop);
	if (!r)
		r = loop_timer_init(loop, &s->patience, on_patience, s);
	if (!r && s->watchdog_ms)
		r = loop_timer_set(&s->patience, s->watchdog_ms / 2);
	return r;
}

/* What a stream of ours is for the command. */
static enum job_stream kind_of(int fd, bool tty)
{
	int flags = fcntl(fd, F_GETFL);
	struct stat st;

	if (flags < 0 || fstat(fd, &st))
		return JOB_CLOSED;
	/* main() put /dev/null, the wrong way, where nothing was open. */
	if ((flags & O_ACCMODE) == (fd == STDIN_FILENO ? O_WRONLY : O_RDONLY))
		return JOB_CLOSED;
	if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))
		return JOB_NULL;
	return tty && isatty(fd) ? JOB_TTY : JOB_PIPE;
}

/* Where what is written to both comes out in the order in which it was. */
static bool same_file(int a, int b)
{
	struct stat sa, sb;

	return !fstat(a, &sa) && !fstat(b, &sb) && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino && fcntl(a, F_GETFL) == fcntl(b, F_GETFL);
}

static int add_port(struct exec_session *s, const struct machine_port *port)
{
	struct machine_port *p = &s->machine.ports[s->machine.nr_ports];

	*p = *port;
	p->fd = fcntl(port->fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (p->fd < 0) {
		int r = -errno;

		log_err("%s: %s; raise the limit of open files (ulimit -n)",
			port->name, strerror(-r));
		return r;
	}
	s->machine.nr_ports++;
	return 0;
}

static int add_control(struct exec_session *s)
{
	struct machine_port port = { .name = JOB_PORT_CONTROL };
	int fds[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		       fds)) {
		r = -errno;
		log_err("socketpair: %s", strerror(-r));
		return r;
	}
	s->control = fds[0];
	port.fd = fds[1];
	r = add_port(s, &port);
	fd_close(&fds[1]);
	return r;
}

static int add_streams(struct exec_session *s, struct job *job, bool tty)
{
	const struct machine_port ports[JOB_NR_STREAMS] = {
		{ JOB_PORT_STDIN, STDIN_FILENO, CONSOLE_IN, tty, on_stdin_end },
		{ JOB_PORT_STDOUT, STDOUT_FILENO, CONSOLE_OUT, false,
		  on_stdout_closed },
		{ JOB_PORT_STDERR, STDERR_FILENO, CONSOLE_OUT, false,
		  on_stderr_closed },
	};
	int r = 0;

	for (int i = 0; !r && i < JOB_NR_STREAMS; i++) {
		job->stream[i] = (uint32_t)kind_of(i, tty);
		if (i == STDERR_FILENO && job->stream[i] == JOB_PIPE &&
		    job->stream[STDOUT_FILENO] == JOB_PIPE &&
		    same_file(STDOUT_FILENO, i))
			job->stream[i] = JOB_AS_OUT;
		if (job->stream[i] == JOB_PIPE || job->stream[i] == JOB_TTY)
			r = add_port(s, &ports[i]);
	}
	/* The terminal says all on one port. */
	if (tty)
		(void)window_size(&job->rows, &job->cols);
	return r;
}

int exec_session_init(struct exec_session *s, struct job *job, bool tty,
		      struct stats *stats)
{
	int r;

	s->stats = stats;
	s->control = -1;
	s->machine.initrd_fd = -1;
	s->machine.opaque = s;
	s->machine.start = start;
	s->machine.resized = on_resized;
	r = add_control(s);
	return r ? r : add_streams(s, job, tty);
}

void exec_session_fini(struct exec_session *s)
{
	fd_close(&s->control);
	fd_close(&s->machine.initrd_fd);
	exec_log_fini(&s->log);
}
