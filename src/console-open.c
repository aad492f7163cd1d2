// SPDX-License-Identifier: BSD-2-Clause
/*
 * console-open - opens the host ends of a console. Owns nothing after it
 * returned. It never sets O_NONBLOCK on an inherited descriptor: the shell and
 * others share that open file.
 */
#include "console-open.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "fd.h"
#include "log.h"

/*
 * Opens what an inherited descriptor refers to once more, without blocking.
 * Only terminals and pipes are asked for it: nothing else can block for long,
 * and files would lose their shared offset. -1: use the original.
 */
static int reopen(int fd, int flags)
{
	char path[32];
	struct stat st;

	if (fstat(fd, &st))
		return -1;
	/* Opening a pseudo-terminal's master makes a new one. */
	if (!S_ISFIFO(st.st_mode) &&
	    (!isatty(fd) || st.st_rdev == makedev(5, 2)))
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

int console_open_reader(int fd, bool *may_block)
{
	int anew = reopen(fd, O_RDONLY);

	*may_block = anew < 0;
	if (anew < 0 && fcntl(fd, F_GETFD) >= 0)
		return fd;
	return anew;
}

int console_open_writer(int fd, size_t *chunk)
{
	int anew = reopen(fd, O_WRONLY);
	struct stat st;

	*chunk = 0;
	if (anew >= 0 || fstat(fd, &st))
		return anew;
	/* A pipe or socket that polls writable has a page of room; a terminal
	 * promises less. */
	if (!S_ISREG(st.st_mode))
		*chunk = isatty(fd) ? 64 : 4096;
	return fd;
}

int console_open_file(const char *path)
{
	int fd, r;

	/* O_NONBLOCK: a FIFO without a reader is an error, not a wait. */
	fd = open(path,
		  O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_NOCTTY |
			  O_CLOEXEC,
		  0600);
	if (fd >= 0)
		return fd;
	r = -errno;
	log_err("%s: cannot write the console there: %s", path, strerror(-r));
	return r;
}

/* True when path is a socket on which nobody listens any more. */
static bool socket_is_stale(const struct sockaddr_un *addr)
{
	int fd cleanup_fd = -1;
	struct stat st;

	if (lstat(addr->sun_path, &st) || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fd >= 0 &&
	       connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) &&
	       errno == ECONNREFUSED;
}

int console_open_unix(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd cleanup_fd = -1;
	int r;

	if (strlen(path) >= sizeof(addr.sun_path)) {
		log_err("%s: cannot listen there: a socket's path has at most "
			"%zu bytes; choose a shorter one",
			path, sizeof(addr.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	strcpy(addr.sun_path, path);
	if (socket_is_stale(&addr))
		(void)unlink(path); /* bind() tells what it still is */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* The node takes its mode from the unbound socket. */
	if (fd < 0 || fchmod(fd, 0600) ||
	    bind(fd, (const struct sockaddr *)&addr, sizeof(addr)))
		goto err;
	if (!listen(fd, 1))
		return fd_steal(&fd);
	r = -errno;
	(void)unlink(path);
	errno = -r;
err:
	r = -errno;
	log_err("%s: cannot listen there: %s%s", path, strerror(-r),
		r == -EADDRINUSE ?
			"; another process does, or it is no socket" :
			"");
	return r;
}
