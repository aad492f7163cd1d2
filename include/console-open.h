/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What console.c connects to.  Each returns a descriptor that does not block,
 * or the inherited one where such a thing cannot be had.
 */
#ifndef WHERRY_CONSOLE_OPEN_H
#define WHERRY_CONSOLE_OPEN_H

#include <stdbool.h>
#include <stddef.h>

/* Of a descriptor that was inherited; -1 when it is closed.  *may_block: poll
 * before each read. */
int console_open_reader(int fd, bool *may_block);
/* The same.  *chunk: poll before each write, and write at most so many bytes at
 * a time; 0: write freely. */
int console_open_writer(int fd, size_t *chunk);
/* The fd or -errno, logged. */
int console_open_file(const char *path);
/* A listening socket or -errno, logged. */
int console_open_unix(const char *path);

#endif
