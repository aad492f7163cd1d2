// SPDX-License-Identifier: BSD-2-Clause
/*
 * console - the host end of a console or a channel: its life, and what goes
 * out. Owns what it opened; what goes in is console-input.c's, who is there
 * console-client.c's. It does not own the terminal's mode (tty.c).
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "console-open.h"
#include "console-priv.h"
#include "fd.h"
#include "log.h"
#include "stats.h"
#include "util.h"

static const struct sandbox_ioctl ioctls[] = {
	{ TIOCGWINSZ, SANDBOX_LOOP, "the size of the terminal's window" },
};
const struct sandbox_ioctls console_sandbox_ioctls = { ioctls,
						       ARRAY_SIZE(ioctls) };

void console_wake(struct console *con)
{
	/* Fails only when the counter is full, and then it is awake. */
	(void)!eventfd_write(con->wake.fd, 1);
}

static int out_of_memory(const char *name)
{
	log_err("%s: out of memory", name);
	return -ENOMEM;
}

/* A descriptor that was passed: a stream, or a socket that listens. */
static int open_fd(struct console *con, int fd, enum console_way way)
{
	int listens = 0, flags = fcntl(fd, F_GETFL), r;
	socklen_t len = sizeof(listens);

	if (!getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) &&
	    listens) {
		con->mode = CONSOLE_TO_UNIX;
		con->listener.fd = fd;
		/* A client that left meanwhile is not waited for. */
		if (!fcntl(fd, F_SETFL, flags | O_NONBLOCK))
			return 0;
		goto err;
	}
	if (flags < 0)
		goto err;
	if ((flags & O_ACCMODE) != O_WRONLY && way != CONSOLE_OUT)
		con->in.fd = console_open_reader(fd, &con->may_block);
	if ((flags & O_ACCMODE) != O_RDONLY && way != CONSOLE_IN)
		con->out.fd = console_open_writer(fd, &con->chunk);
	/* Opened anew, or of no use: nobody closes this one else. */
	if (con->in.fd != fd && con->out.fd != fd)
		fd_close(&fd);
	/* epoll tells sources apart by descriptor. */
	if (con->out.fd == con->in.fd)
		con->out.fd = fcntl(con->in.fd, F_DUPFD_CLOEXEC, 0);
	if (con->in.fd >= 0 || con->out.fd >= 0)
		return 0;
err:
	r = -errno;
	log_err("%s: cannot be used: %s", con->name, strerror(-r));
	return r;
}

static int open_ends(struct console *con, const struct console_params *params)
{
	switch (con->mode) {
	case CONSOLE_TO_STDIO:
		con->tty = isatty(STDIN_FILENO);
		con->in.fd = console_open_reader(STDIN_FILENO, &con->may_block);
		con->out.fd = console_open_writer(STDOUT_FILENO, &con->chunk);
		return 0;
	case CONSOLE_TO_FILE:
		con->out.fd = console_open_file(params->path);
		return MIN(con->out.fd, 0);
	case CONSOLE_TO_UNIX:
		con->path = strdup(params->path);
		if (!con->path)
			return out_of_memory(params->name);
		con->listener.fd = console_open_unix(con->path);
		return MIN(con->listener.fd, 0);
	case CONSOLE_TO_FD:
		con->tty = params->typed;
		return open_fd(con, params->fd, params->way);
	case CONSOLE_TO_NOTHING:
		break;
	}
	return 0;
}

int console_create(struct console **out, const struct console_params *params)
{
	struct console *con = calloc(1, sizeof(*con));
	int r;

	if (!con)
		return out_of_memory(params->name);
	con->mode = params->mode;
	con->way = params->way;
	con->keep = params->keep;
	con->left = params->left;
	con->left_opaque = params->opaque;
	con->in.fd = con->out.fd = -1;
	con->wake.fd = con->listener.fd = -1;
	pthread_mutex_init(&con->lock, NULL);
	/* A reader that goes away shall not take the guest with it. */
	signal(SIGPIPE, SIG_IGN);
	con->name = strdup(params->name);
	r = con->name ? open_ends(con, params) : out_of_memory(params->name);
	if (r)
		goto err;
	con->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (con->wake.fd < 0) {
		r = -errno;
		log_err("%s: eventfd: %s; raise the limit of open files "
			"(ulimit -n)",
			con->name, strerror(-r));
		goto err;
	}
	*out = con;
	return 0;
err:
	console_destroy(con);
	return r;
}

/* A failed write: only what may be tried again, or by another, is not dropped.
 * How much is to count as written. */
static size_t write_failed(struct console *con, int err, size_t done,
			   size_t len)
{
	bool left = err == EPIPE || err == EIO || err == ECONNRESET;

	/* A reader that left is no error; the loop sees it too. */
	if (!left && !con->told) {
		con->told = true;
		log_err("%s: output is lost: %s", con->name, strerror(err));
	}
	/* Who asks to hear of the end hears of this one. */
	if (con->keep && (left || con->left)) {
		con->gone = true;
		return done;
	}
	return len;
}

static size_t write_locked(struct console *con, const uint8_t *buf, size_t len)
{
	struct pollfd pfd = { .fd = con->out.fd, .events = POLLOUT };
	size_t done = 0, n;
	ssize_t r;

	while (con->out.fd >= 0 && done < len && !con->gone) {
		n = len - done;
		if (con->chunk) {
			if (poll(&pfd, 1, 0) <= 0)
				return done;
			n = MIN(n, con->chunk);
		}
		r = write(con->out.fd, buf + done, n);
		if (r >= 0)
			done += (size_t)r;
		else if (errno == EAGAIN)
			return done;
		else if (errno != EINTR)
			return write_failed(con, errno, done, len);
	}
	return con->keep ? done : len;
}

size_t console_write(struct console *con, const uint8_t *buf, size_t len)
{
	bool wake, gone;
	size_t n;

	pthread_mutex_lock(&con->lock);
	gone = con->gone;
	n = write_locked(con, buf, len);
	/* Where nobody is, the next to come is room enough. */
	wake = n < len && !con->want_room && con->out.fd >= 0;
	wake |= con->gone && !gone;
	if (n < len)
		con->want_room = true;
	pthread_mutex_unlock(&con->lock);
	if (wake)
		console_wake(con);
	return n;
}

size_t console_write_wait(struct console *con, const uint8_t *buf, size_t len,
			  unsigned int ms)
{
	struct pollfd pfd = { .fd = con->out.fd, .events = POLLOUT };
	uint64_t now, end = now_ns() + ms * 1000000ULL;
	size_t done = 0;

	for (;;) {
		done += console_write(con, buf + done, len - done);
		now = now_ns();
		if (done == len || now >= end)
			return done;
		(void)poll(&pfd, 1, (int)((end - now) / 1000000) + 1);
	}
}

void console_room_again(struct console *con)
{
	bool wanted;

	if (con->watching_out)
		loop_remove(con->loop, &con->out);
	con->watching_out = false;
	pthread_mutex_lock(&con->lock);
	wanted = con->want_room;
	con->want_room = false;
	pthread_mutex_unlock(&con->lock);
	if (!wanted)
		return;
	con->ops->writable(con->opaque);
	if (con->shared)
		con->shared(con->shared_opaque);
}

static void out_ready(void *opaque, uint32_t events)
{
	(void)events;
	console_room_again(opaque);
}

/* Somebody waits for room. */
static void watch_output(struct console *con)
{
	if (con->watching_out || (con->out.fd < 0 && con->keep))
		return;
	con->watching_out = true;
	if (con->out.fd < 0 || loop_add(con->loop, &con->out)) {
		con->watching_out = false;
		console_room_again(con);
	}
}

/* Another thread has left something to do. */
static void woken(void *opaque, uint32_t events)
{
	struct console *con = opaque;
	eventfd_t count;
	bool want, gone;

	(void)events;
	(void)!eventfd_read(con->wake.fd, &count);
	pthread_mutex_lock(&con->lock);
	want = con->want_room;
	gone = con->gone;
	pthread_mutex_unlock(&con->lock);
	/* What it had sent before it left is the guest's. */
	if (gone && con->in.fd < 0)
		console_input_ended(con);
	else if (want && !gone)
		watch_output(con);
	console_offer_input(con);
	console_read_direct(con);
}

void console_share(struct console *con, void (*writable)(void *opaque),
		   void *opaque)
{
	con->shared = writable;
	con->shared_opaque = opaque;
}

int console_start(struct console *con, struct loop *loop,
		  const struct console_ops *ops, void *opaque)
{
	int r;

	con->loop = loop;
	con->ops = ops;
	con->opaque = opaque;
	con->in.events = con->listener.events = con->wake.events = EPOLLIN;
	con->out.events = EPOLLOUT;
	con->in.fn = console_in_ready;
	con->out.fn = out_ready;
	con->wake.fn = woken;
	con->listener.fn = console_accept;
	con->in.opaque = con->out.opaque = con;
	con->wake.opaque = con->listener.opaque = con;

	r = loop_add(loop, &con->wake);
	if (!r && con->listener.fd >= 0)
		r = loop_timer_init(loop, &con->again, console_accept_again,
				    con);
	if (!r && con->listener.fd >= 0)
		r = loop_add(loop, &con->listener);
	if (r)
		return r;
	console_set_connected(con, con->listener.fd < 0);
	console_watch_input(con);
	console_read_direct(con);
	return 0;
}

bool console_size(const struct console *con, uint16_t *cols, uint16_t *rows)
{
	struct winsize ws;

	if (con->mode != CONSOLE_TO_STDIO || !con->tty ||
	    ioctl(STDIN_FILENO, TIOCGWINSZ, &ws) || !ws.ws_col || !ws.ws_row)
		return false;
	*cols = ws.ws_col;
	*rows = ws.ws_row;
	return true;
}

void console_resized(struct console *con)
{
	if (con->ops && con->ops->resized)
		con->ops->resized(con->opaque);
}

void console_destroy(struct console *con)
{
	if (!con)
		return;
	if (con->loop) {
		loop_remove(con->loop, &con->in);
		loop_remove(con->loop, &con->out);
		loop_remove(con->loop, &con->wake);
		loop_remove(con->loop, &con->listener);
		loop_timer_fini(con->loop, &con->again);
	}
	if (con->in.fd != STDIN_FILENO)
		fd_close(&con->in.fd);
	if (con->out.fd != STDOUT_FILENO)
		fd_close(&con->out.fd);
	fd_close(&con->wake.fd);
	/* Under seccomp this is refused, and the next console replaces it. */
	if (con->listener.fd >= 0 && con->path)
		(void)unlink(con->path);
	fd_close(&con->listener.fd);
	free(con->path);
	free(con->name);
	pthread_mutex_destroy(&con->lock);
	free(con);
}
