/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host end of the guest's console: stdin/stdout, a file, a UNIX socket,
 * or nothing.  Owns its fds and the escape character; the terminal's mode is
 * the guardian's (tty.h).  The guest end is a serial device, which pushes
 * bytes out by console_write() and is called back with input.
 */
#ifndef WHERRY_CONSOLE_H
#define WHERRY_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct console;
struct loop;

enum console_mode {
	CONSOLE_TO_STDIO,
	CONSOLE_TO_FILE,
	CONSOLE_TO_UNIX,
	CONSOLE_TO_NOTHING
};

/* Where input goes.  Both run on the loop thread, no lock held. */
struct console_ops {
	/* Takes up to len bytes, returns how many; the rest is offered again
	 * after console_kick_input().  What is typed on a terminal meanwhile
	 * waits in 4 KiB, then is lost: the escape must stay readable. */
	size_t (*input)(void *opaque, const uint8_t *buf, size_t len);
	/* Output has room again after console_write() took less than all. */
	void (*writable)(void *opaque);
	/* Ctrl-a x. */
	void (*quit)(void *opaque);
};

/*
 * Opens path (FILE: created or truncated, mode 0600; UNIX: listens, one
 * client at a time, others wait; a socket that nobody listens on is replaced,
 * ours is unlinked at the end unless confinement forbids it).  SIGPIPE is
 * ignored from here on.  0 or -errno, logged.
 */
int console_create(struct console **out, enum console_mode mode,
		   const char *path);
/* Starts delivering input on the loop. */
int console_start(struct console *con, struct loop *loop,
		  const struct console_ops *ops, void *opaque);
void console_destroy(struct console *con);

/*
 * Writes what can be written now without blocking and returns that many bytes
 * (dropping all, and claiming len, when nobody is connected).  Any thread,
 * under dev_lock.
 */
size_t console_write(struct console *con, const uint8_t *buf, size_t len);
/* Writes all, waiting up to ms for the reader.  For the end, when the loop no
 * longer runs: returns how much it took. */
size_t console_write_wait(struct console *con, const uint8_t *buf, size_t len,
			  unsigned int ms);
/* The guest has read: offer the input that was left over. Any thread. */
void console_kick_input(struct console *con);

#endif
