/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * File descriptors: "no fd" is -1, never 0.  Every descriptor wherry makes is
 * close-on-exec.
 */
#ifndef WHERRY_FD_H
#define WHERRY_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Closes *fd if it is >= 0 and sets it to -1.  Preserves errno. */
void fd_close(int *fd);

/* int fd cleanup_fd = -1; closes at the end of the scope. */
#define cleanup_fd __attribute__((cleanup(fd_close)))

void cleanup_free_fn(void *pp);
/* char *s cleanup_free = NULL; frees at the end of the scope. */
#define cleanup_free __attribute__((cleanup(cleanup_free_fn)))

/* Takes *fd: returns it and leaves -1 behind. */
static inline int fd_steal(int *fd)
{
	int r = *fd;

	*fd = -1;
	return r;
}

/* Whether fd is the regular file that path names. */
bool fd_is_file(int fd, const char *path);

/* Reads or writes exactly len bytes, over EINTR.  0 or -errno; -ENODATA at
 * an early end of file. */
int fd_pread_all(int fd, void *buf, size_t len, off_t offset);
int fd_write_all(int fd, const void *buf, size_t len);

/* Waits up to ms milliseconds, over EINTR, until fd takes bytes: a pipe half of
 * what it holds at most, by poll(2).  True, too, for what poll() knows nothing
 * of, as a descriptor that is closed: writing there tells why. */
bool fd_has_room(int fd, int ms);

#endif
