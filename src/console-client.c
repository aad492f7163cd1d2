// SPDX-License-Identifier: BSD-2-Clause
/*
 * console-client - who is at the host's end: clients of a socket, one after
 * the other, and those that are there from the start. Loop thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "console-priv.h"
#include "fd.h"
#include "log.h"

#define RETRY_MS 1000

void console_set_connected(struct console *con, bool connected)
{
	if (con->connected == connected)
		return;
	con->connected = connected;
	if (con->ops->connected)
		con->ops->connected(con->opaque, connected);
}

/* Whoever was there has left, both ways. */
static void client_left(struct console *con)
{
	bool lost;

	fd_close(&con->in.fd);
	if (con->watching_out)
		loop_remove(con->loop, &con->out);
	con->watching_out = false;
	pthread_mutex_lock(&con->lock);
	fd_close(&con->out.fd);
	con->gone = false;
	lost = con->told || con->unread;
	pthread_mutex_unlock(&con->lock);
	if (con->left)
		con->left(con->left_opaque, con->nr_read, lost);
	/* Who only reads hears of the end by left, with how much there was. */
	if (!con->left || con->way != CONSOLE_IN)
		console_set_connected(con, false);
	/* What waits for room is dropped now, or kept for the next one. */
	if (!con->keep)
		console_room_again(con);
	if (con->listener.fd >= 0)
		(void)loop_add(con->loop, &con->listener);
}

void console_input_ended(struct console *con)
{
	if (con->reading || con->mode == CONSOLE_TO_UNIX)
		loop_remove(con->loop, &con->in);
	con->reading = con->direct = false;
	if (con->mode == CONSOLE_TO_UNIX || con->mode == CONSOLE_TO_FD) {
		client_left(con);
		return;
	}
	if (con->in.fd != STDIN_FILENO)
		fd_close(&con->in.fd);
	con->in.fd = -1;
}

/* A client that cannot be had now would be reported again at once, for ever. */
static void accept_later(struct console *con)
{
	if (errno != EMFILE && errno != ENFILE)
		return;
	if (!con->told_full)
		log_err("%s: clients have to wait: %s; raise the limit of open "
			"files (ulimit -n)",
			con->name, strerror(errno));
	con->told_full = true;
	loop_remove(con->loop, &con->listener);
	(void)loop_timer_set(&con->again, RETRY_MS);
}

void console_accept_again(void *opaque)
{
	struct console *con = opaque;

	(void)loop_add(con->loop, &con->listener);
}

void console_accept(void *opaque, uint32_t events)
{
	struct console *con = opaque;
	int in cleanup_fd = -1, out cleanup_fd = -1;

	(void)events;
	in = accept4(con->listener.fd, NULL, NULL,
		     SOCK_NONBLOCK | SOCK_CLOEXEC);
	/* epoll tells sources apart by descriptor, so each way has its own. */
	if (in >= 0)
		out = fcntl(in, F_DUPFD_CLOEXEC, 0);
	if (out < 0) {
		accept_later(con);
		return;
	}
	con->in.fd = in;
	con->in.events = con->len ? 0 : EPOLLIN;
	con->reading = !con->len || !con->keep;
	if (con->reading && loop_add(con->loop, &con->in)) {
		con->in.fd = -1;
		con->reading = false;
		return;
	}
	con->reading = !con->len;
	con->in.events = EPOLLIN;
	loop_remove(con->loop, &con->listener);
	(void)fd_steal(&in);
	pthread_mutex_lock(&con->lock);
	con->out.fd = fd_steal(&out);
	pthread_mutex_unlock(&con->lock);
	console_set_connected(con, true);
	console_room_again(con);
}
