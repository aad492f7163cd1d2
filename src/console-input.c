// SPDX-License-Identifier: BSD-2-Clause
/*
 * console-input - what goes to the guest: the escape character, and the input
 * that the guest has not taken. Loop thread.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "console-priv.h"
#include "log.h"
#include "util.h"

#define ESCAPE 0x01 /* Ctrl-a */
/* Reads of a file in a row; then it is another source's turn. */
#define TURN_READS 64

void console_kick_input(struct console *con)
{
	if (atomic_load_explicit(&con->stalled, memory_order_acquire) &&
	    atomic_exchange(&con->stalled, false))
		console_wake(con);
}

void console_watch_input(struct console *con)
{
	/* A terminal is always read: the escape must work when the guest
	 * hangs. */
	bool want = con->tty || !con->len;

	if (con->in.fd < 0 || con->direct || want == con->reading)
		return;
	con->reading = want;
	/* A console's client that hangs up makes way at any time. Of a pipe
	 * that would be reported again and again while input is left over,
	 * and what a channel's client has sent is the guest's. */
	if (con->mode == CONSOLE_TO_UNIX && !con->keep)
		(void)loop_modify(con->loop, &con->in, want ? EPOLLIN : 0);
	else if (!want)
		loop_remove(con->loop, &con->in);
	else if (loop_add(con->loop, &con->in) == -EPERM)
		con->direct = true;
}

void console_offer_input(struct console *con)
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
	console_watch_input(con);
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
		if (con->escaped) {
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

/* Who hangs up has no more to say; a directory, or a bad disk, has. */
static void tell_lost(struct console *con, int err)
{
	if (err == ECONNRESET || (con->tty && err == EIO))
		return;
	con->unread = true;
	log_err("%s: input is lost: %s", con->name, strerror(err));
}

static void read_input(struct console *con)
{
	struct pollfd pfd = { .fd = con->in.fd, .events = POLLIN };
	uint8_t typed[256];
	bool tty = con->tty;
	ssize_t n;

	if (con->may_block && poll(&pfd, 1, 0) <= 0)
		return;
	/* But for a terminal, it is read when the buffer is empty. */
	if (tty)
		n = read(con->in.fd, typed, sizeof(typed));
	else
		n = read(con->in.fd, con->buf, sizeof(con->buf));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		if (n < 0)
			tell_lost(con, errno);
		console_input_ended(con);
		return;
	}
	con->nr_read += (uint64_t)n;
	if (!tty) {
		con->start = 0;
		con->len = (size_t)n;
	} else if (take_typed(con, typed, (size_t)n)) {
		con->ops->quit(con->opaque);
		return;
	}
	console_offer_input(con);
}

void console_read_direct(struct console *con)
{
	for (int i = 0; con->direct && con->in.fd >= 0 && !con->len; i++) {
		if (i == TURN_READS) {
			console_wake(con);
			return;
		}
		read_input(con);
	}
}

void console_in_ready(void *opaque, uint32_t events)
{
	struct console *con = opaque;

	if (con->reading)
		read_input(con);
	else if (events & (EPOLLHUP | EPOLLERR))
		console_input_ended(con);
}
