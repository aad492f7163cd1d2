// SPDX-License-Identifier: BSD-2-Clause
/*
 * exec-log - takes what the guest's kernel says: to a file, and as much of its end
 * as explains a failure. The guest is hostile: what goes to the terminal is made
 * printable.
 */
#include "exec-log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "fd.h"
#include "log.h"
#include "util.h"

#define PRINT_LINES 20
#define LINES_BEFORE_PANIC 8
#define PREFIX "guest: "
#define PATIENCE_MS 1000
#define TURN_BYTES 4096
#define PANIC "Kernel panic - not syncing"

int exec_log_init(struct exec_log *l, const char *path, bool verbose, int *out)
{
	int fds[2], r;

	*l = (struct exec_log){ .in = -1,
				.file.fd = -1,
				.err.fd = STDERR_FILENO,
				.verbose = verbose };
	if (path) {
		l->file.fd = open(path,
				  O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC |
					  O_NOCTTY,
				  0666);
		if (l->file.fd < 0) {
			r = -errno;
			log_err("--guest-log: %s: %s", path, strerror(-r));
			return r;
		}
	}
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK)) {
		r = -errno;
		log_err("pipe: %s; raise the limit of open files (ulimit -n)",
			strerror(-r));
		return r;
	}
	l->in = fds[0];
	*out = fds[1];
	return 0;
}

/*
 * A pipe that is full, with nobody who reads it, must not hold up the loop: it is
 * waited for once, and gets nothing before it has room again.  What polls as
 * writable takes a page.  0 or -errno.
 */
static int tell(struct exec_log_sink *sink, const char *buf, size_t len)
{
	int r = 0;

	while (len && !r) {
		size_t n = MIN(len, TURN_BYTES);

		sink->deaf =
			!fd_has_room(sink->fd, sink->deaf ? 0 : PATIENCE_MS);
		if (sink->deaf)
			return 0;
		r = fd_write_all(sink->fd, buf, n);
		buf += n;
		len -= n;
	}
	return r;
}

static void keep(struct exec_log *l, const char *buf, size_t n)
{
	size_t drop;

	if (n > EXEC_LOG_TAIL) {
		buf += n - EXEC_LOG_TAIL;
		n = EXEC_LOG_TAIL;
	}
	drop = l->len + n > EXEC_LOG_TAIL ? l->len + n - EXEC_LOG_TAIL : 0;
	memmove(l->tail, l->tail + drop, l->len - drop);
	l->len -= drop;
	memcpy(l->tail + l->len, buf, n);
	l->len += n;
}

/* False: there is nothing more now. */
static bool take(struct exec_log *l)
{
	char buf[TURN_BYTES];
	ssize_t n = read(l->in, buf, sizeof(buf));
	int r;

	if (n <= 0)
		return false;
	l->taken += (uint64_t)n;
	keep(l, buf, (size_t)n);
	/* A full disk is no reason to stop the command. */
	r = l->file.fd < 0 ? 0 : tell(&l->file, buf, (size_t)n);
	if (r) {
		log_err("--guest-log: %s; the rest is lost", strerror(-r));
		fd_close(&l->file.fd);
	}
	if (l->verbose)
		(void)tell(&l->err, buf, (size_t)n);
	return true;
}

static void on_output(void *opaque, uint32_t events)
{
	(void)events;
	(void)take(opaque);
}

int exec_log_start(struct exec_log *l, struct loop *loop)
{
	l->src = (struct loop_source){ l->in, EPOLLIN, on_output, l };
	return loop_add(loop, &l->src);
}

void exec_log_drain(struct exec_log *l)
{
	size_t len = 0, n;

	while (l->in >= 0 && take(l))
		;
	for (size_t i = 0; i < l->len; i += MAX(n, 1)) {
		char c = l->tail[i];

		n = printable_bytes(l->tail + i, l->len - i);
		memmove(l->tail + len, l->tail + i, n);
		len += n;
		/* A console ends its lines by two characters. */
		if (!n && c != '\r')
			l->tail[len++] = c == '\n' || c == '\t' ? c : ' ';
	}
	l->len = len;
	l->tail[len] = '\0';
}

const char *exec_log_panic(struct exec_log *l)
{
	char *at = l->verbose ? NULL : strstr(l->tail, PANIC);

	return at;
}

/* The line that begins so many lines before the one of at. */
static const char *lines_before(const struct exec_log *l, const char *at,
				unsigned int nr)
{
	unsigned int seen = 0;

	while (at > l->tail && seen <= nr)
		seen += *--at == '\n';
	return at + (*at == '\n');
}

void exec_log_print(struct exec_log *l)
{
	const char *at = lines_before(l, l->tail + l->len, PRINT_LINES);
	const char *panic = exec_log_panic(l);

	if (l->verbose)
		return;
	/* What led to it tells more than the registers that follow. */
	if (panic && panic < at)
		at = lines_before(l, panic, LINES_BEFORE_PANIC);
	for (unsigned int i = 0; *at && i <= PRINT_LINES; i++) {
		size_t n = strcspn(at, "\n");

		/* As long as it is, for the kernel's lines are. */
		if (n) {
			(void)tell(&l->err, PREFIX, strlen(PREFIX));
			(void)tell(&l->err, at, n);
			(void)tell(&l->err, "\n", 1);
		}
		at += n;
		at += *at == '\n';
	}
}

void exec_log_fini(struct exec_log *l)
{
	fd_close(&l->in);
	fd_close(&l->file.fd);
}
