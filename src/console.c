// SPDX-License-Identifier: BSD-2-Clause
/*
 * console - the host end of the guest's console. Owns what it opened, the
 * escape character and the input that the guest has not taken. It does not own the
 * terminal's mode (tty.c).
 */
#include "console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "console-open.h"
#include "fd.h"
#include "log.h"
#include "loop.h"
#include "stats.h"
#include "util.h"

#define ESCAPE 0x01 /* Ctrl-a */

struct console {
	enum console_mode mode;
	char *path; /* UNIX: what to unlink */
	struct loop *loop;
	const struct console_ops *ops;
	void *opaque;

	/* Loop thread. */
	struct loop_source in, listener, wake;
	bool reading; /* in is watched for input */
	bool direct; /* in is a regular file: read without the loop */
	bool may_block; /* in is inherited: poll before each read */
	bool tty, escaped;
	uint8_t buf[4096];
	size_t start, len; /* what the guest has not taken */
	_Atomic bool stalled; /* input is left over; a kick clears it */

	/* A leaf: nothing is called with it held. */
	pthread_mutex_t lock;
	struct loop_source out; /* .fd: lock; -1 drops */
	size_t chunk; /* lock: what one write after a poll may take; 0: all */
	bool want_room; /* lock: loop, watch out and call writable */
	bool told; /* lock: a failure of out was logged */
	bool watching_out; /* loop thread */
};

static void wake_loop(struct console *con)
{
	/* Fails only when the counter is full, and then it is awake. */
	(void)!eventfd_write(con->wake.fd, 1);
}

static int open_ends(struct console *con, const char *path)
{
	switch (con->mode) {
	case CONSOLE_TO_STDIO:
		con->tty = isatty(STDIN_FILENO);
		con->in.fd = console_open_stdin(&con->may_block);
		con->out.fd = console_open_stdout(&con->chunk);
		return 0;
	case CONSOLE_TO_FILE:
		con->out.fd = console_open_file(path);
		return MIN(con->out.fd, 0);
	case CONSOLE_TO_UNIX:
		con->path = strdup(path);
		if (!con->path) {
			log_err("console: out of memory");
			return -ENOMEM;
		}
		con->listener.fd = console_open_unix(path);
		return MIN(con->listener.fd, 0);
	case CONSOLE_TO_NOTHING:
		break;
	}
	return 0;
}

int console_create(struct console **out, enum console_mode mode,
		   const char *path)
{
	struct console *con = calloc(1, sizeof(*con));
	int r;

	if (!con) {
		log_err("console: out of memory");
		return -ENOMEM;
	}
	con->mode = mode;
	con->in.fd = con->out.fd = -1;
	con->wake.fd = con->listener.fd = -1;
	pthread_mutex_init(&con->lock, NULL);
	/* A reader that goes away shall not take the guest with it. */
	signal(SIGPIPE, SIG_IGN);
	r = open_ends(con, path);
	if (r)
		goto err;
	con->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (con->wake.fd < 0) {
		r = -errno;
		log_err("console: eventfd: %s; raise the limit of open files "
			"(ulimit -n)",
			strerror(-r));
		goto err;
	}
	*out = con;
	return 0;
err:
	console_destroy(con);
	return r;
}

/* A failed write: only what may be tried again is not dropped. */
static void write_failed(struct console *con, int err)
{
	/* A reader that left is no error; the loop sees it too. */
	if (con->told || err == EPIPE || err == EIO || err == ECONNRESET)
		return;
	con->told = true;
	log_err("console: output is lost: %s", strerror(err));
}

static size_t write_locked(struct console *con, const uint8_t *buf, size_t len)
{
	struct pollfd pfd = { .fd = con->out.fd, .events = POLLOUT };
	size_t done = 0, n;
	ssize_t r;

	while (con->out.fd >= 0 && done < len) {
		n = len - done;
		if (con->chunk) {
			if (poll(&pfd, 1, 0) <= 0)
				return done;
			n = MIN(n, con->chunk);
		}
		r = write(con->out.fd, buf + done, n);
		if (r >= 0) {
			done += (size_t)r;
		} else if (errno == EAGAIN) {
			return done;
		} else if (errno != EINTR) {
			write_failed(con, errno);
			return len;
		}
	}
	return len;
}

size_t console_write(struct console *con, const uint8_t *buf, size_t len)
{
	bool wake;
	size_t n;

	pthread_mutex_lock(&con->lock);
	n = write_locked(con, buf, len);
	wake = n < len && !con->want_room;
	if (wake)
		con->want_room = true;
	pthread_mutex_unlock(&con->lock);
	if (wake)
		wake_loop(con);
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

void console_kick_input(struct console *con)
{
	if (atomic_load_explicit(&con->stalled, memory_order_acquire) &&
	    atomic_exchange(&con->stalled, false))
		wake_loop(con);
}

/* Starts or stops watching for input, as there is room for it. */
static void watch_input(struct console *con)
{
	/* A terminal is always read: the escape must work when the guest
	 * hangs. */
	bool want = con->tty || !con->len;

	if (con->in.fd < 0 || con->direct || want == con->reading)
		return;
	con->reading = want;
	/* A client's hang-up is worth knowing at any time; that of a pipe
	 * would be reported again and again while input is left over. */
	if (con->mode == CONSOLE_TO_UNIX)
		(void)loop_modify(con->loop, &con->in, want ? EPOLLIN : 0);
	else if (!want)
		loop_remove(con->loop, &con->in);
	else if (loop_add(con->loop, &con->in) == -EPERM)
		con->direct = true;
}

/* Offers what is buffered to the guest. */
static void offer_input(struct console *con)
{
	size_t n, len;

	while (con->len) {
		len = con->len;
		/* Before the offer: a kick in between must not be missed. */
		atomic_store(&con->stalled, true);
		n = con->ops->input(con->opaque, con->buf + con->start, len);
		con->start += n;
		con->len -= n;
		if (n < len)
			break;
		atomic_store(&con->stalled, false);
	}
	watch_input(con);
}

/* Appends to the buffer; what has no room is lost. */
static void keep(struct console *con, uint8_t c)
{
	if (con->start && con->start + con->len == sizeof(con->buf)) {
		memmove(con->buf, con->buf + con->start, con->len);
		con->start = 0;
	}
	if (con->start + con->len < sizeof(con->buf))
		con->buf[con->start + con->len++] = c;
}

/* Takes what was typed; true when it asks to quit. */
static bool take_typed(struct console *con, const uint8_t *in, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (!con->tty) {
			keep(con, in[i]);
		} else if (con->escaped) {
			con->escaped = false;
			if (in[i] == 'x')
				return true;
			keep(con, ESCAPE);
			if (in[i] != 'a')
				keep(con, in[i]);
		} else if (in[i] == ESCAPE) {
			con->escaped = true;
		} else {
			keep(con, in[i]);
		}
	}
	return false;
}

/* Output can go on, or is dropped from now on. */
static void room_again(struct console *con)
{
	bool wanted;

	if (con->watching_out)
		loop_remove(con->loop, &con->out);
	con->watching_out = false;
	pthread_mutex_lock(&con->lock);
	wanted = con->want_room;
	con->want_room = false;
	pthread_mutex_unlock(&con->lock);
	if (wanted)
		con->ops->writable(con->opaque);
}

static void out_ready(void *opaque, uint32_t events)
{
	(void)events;
	room_again(opaque);
}

/* No more input from here. A client's leaving makes way for the next. */
static void input_ended(struct console *con)
{
	if (con->reading || con->mode == CONSOLE_TO_UNIX)
		loop_remove(con->loop, &con->in);
	con->reading = false;
	if (con->mode != CONSOLE_TO_UNIX) {
		if (con->in.fd != STDIN_FILENO)
			fd_close(&con->in.fd);
		con->in.fd = -1;
		return;
	}
	fd_close(&con->in.fd);
	if (con->watching_out)
		loop_remove(con->loop, &con->out);
	con->watching_out = false;
	pthread_mutex_lock(&con->lock);
	fd_close(&con->out.fd);
	pthread_mutex_unlock(&con->lock);
	room_again(con);
	(void)loop_add(con->loop, &con->listener);
}

static void read_input(struct console *con)
{
	struct pollfd pfd = { .fd = con->in.fd, .events = POLLIN };
	uint8_t in[256];
	ssize_t n;

	if (con->may_block && poll(&pfd, 1, 0) <= 0)
		return;
	n = read(con->in.fd, in, sizeof(in));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		input_ended(con);
	} else if (take_typed(con, in, (size_t)n)) {
		con->ops->quit(con->opaque);
	} else {
		offer_input(con);
	}
}

static void read_direct(struct console *con)
{
	while (con->direct && con->in.fd >= 0 && !con->len)
		read_input(con);
}

static void in_ready(void *opaque, uint32_t events)
{
	struct console *con = opaque;

	if (con->reading)
		read_input(con);
	else if (events & (EPOLLHUP | EPOLLERR))
		input_ended(con);
}

static void accept_client(void *opaque, uint32_t events)
{
	struct console *con = opaque;
	int in cleanup_fd = -1, out cleanup_fd = -1;

	(void)events;
	in = accept4(con->listener.fd, NULL, NULL,
		     SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (in < 0 && (errno == EMFILE || errno == ENFILE)) {
		/* It would be reported again at once, for ever. */
		log_err("%s: no more clients: %s", con->path, strerror(errno));
		loop_remove(con->loop, &con->listener);
	}
	if (in < 0)
		return;
	/* epoll tells sources apart by descriptor, so each way has its own. */
	out = fcntl(in, F_DUPFD_CLOEXEC, 0);
	if (out < 0)
		return;
	con->in.fd = in;
	con->in.events = con->len ? 0 : EPOLLIN;
	con->reading = !con->len;
	if (loop_add(con->loop, &con->in)) {
		con->in.fd = -1;
		return;
	}
	loop_remove(con->loop, &con->listener);
	(void)fd_steal(&in);
	pthread_mutex_lock(&con->lock);
	con->out.fd = fd_steal(&out);
	pthread_mutex_unlock(&con->lock);
}

/* Another thread has left something to do. */
static void woken(void *opaque, uint32_t events)
{
	struct console *con = opaque;
	eventfd_t count;
	bool want;

	(void)events;
	(void)!eventfd_read(con->wake.fd, &count);
	pthread_mutex_lock(&con->lock);
	want = con->want_room;
	pthread_mutex_unlock(&con->lock);
	if (want && !con->watching_out) {
		con->watching_out = true;
		if (con->out.fd < 0 || loop_add(con->loop, &con->out)) {
			con->watching_out = false;
			room_again(con);
		}
	}
	offer_input(con);
	read_direct(con);
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
	con->in.fn = in_ready;
	con->out.fn = out_ready;
	con->wake.fn = woken;
	con->listener.fn = accept_client;
	con->in.opaque = con->out.opaque = con;
	con->wake.opaque = con->listener.opaque = con;

	r = loop_add(loop, &con->wake);
	if (!r && con->listener.fd >= 0)
		r = loop_add(loop, &con->listener);
	if (r)
		return r;
	watch_input(con);
	read_direct(con);
	return 0;
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
	}
	if (con->in.fd != STDIN_FILENO)
		fd_close(&con->in.fd);
	if (con->out.fd != STDOUT_FILENO)
		fd_close(&con->out.fd);
	fd_close(&con->wake.fd);
	/* Under seccomp this is refused, and the next console replaces it. */
	if (con->listener.fd >= 0)
		(void)unlink(con->path);
	fd_close(&con->listener.fd);
	free(con->path);
	pthread_mutex_destroy(&con->lock);
	free(con);
}
