/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host end of a console or a channel of the guest's: stdin/stdout, a file,
 * a UNIX socket, a descriptor that was passed, or nothing.  Owns its fds and
 * the escape character; the terminal's mode is the guardian's (tty.h).  The
 * guest end is a device, which pushes bytes out by console_write() and is
 * called back with input.
 */
#ifndef WHERRY_CONSOLE_H
#define WHERRY_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox.h"

struct console;
struct loop;

enum console_mode {
	CONSOLE_TO_STDIO,
	CONSOLE_TO_FILE,
	CONSOLE_TO_UNIX,
	CONSOLE_TO_FD,
	CONSOLE_TO_NOTHING
};

enum console_way { CONSOLE_BOTH, CONSOLE_IN, CONSOLE_OUT };

struct console_params {
	const char *name; /* in messages; copied */
	enum console_mode mode;
	const char *path; /* FILE, UNIX */
	int fd; /* FD: a stream of any kind, or a socket that listens.  It is
		 * the console's from here on. */
	enum console_way way; /* FD: IN, it is only read; OUT, only written */
	bool typed; /* FD: a terminal in raw mode; the escape is heeded */
	/* FD: called when the other end is gone, or there is no more of it, with
	 * how many bytes came from there.  The guest's end of an IN stays open
	 * then.  lost: it takes, or gives, no more though it is there, as a full
	 * disk, or a bad one; that is logged.  Loop thread.  May be NULL. */
	void (*left)(void *opaque, uint64_t bytes, bool lost);
	void *opaque; /* left's */
	/* What nobody is there to read waits for the next client, as does what
	 * a client sent before it left; else both are dropped. */
	bool keep;
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
	/* Somebody is, or is no more, at the host's end: nobody is until the
	 * first call, which may come from console_start().  May be NULL. */
	void (*connected)(void *opaque, bool on);
	/* As console_resized().  May be NULL. */
	void (*resized)(void *opaque);
};

/* The ioctl of console_size(). */
extern const struct sandbox_ioctls console_sandbox_ioctls;

/*
 * Opens it (FILE: created or truncated, mode 0600; UNIX: listens, one
 * client at a time, others wait; a socket that nobody listens on is replaced,
 * ours is unlinked at the end unless confinement forbids it).  SIGPIPE is
 * ignored from here on.  0 or -errno, logged.
 */
int console_create(struct console **out, const struct console_params *params);
/* A second device writes there, too, and is called back, as by ops->writable,
 * when there is room.  Before console_start(). */
void console_share(struct console *con, void (*writable)(void *opaque),
		   void *opaque);
/* Starts delivering input on the loop. */
int console_start(struct console *con, struct loop *loop,
		  const struct console_ops *ops, void *opaque);
void console_destroy(struct console *con);

/*
 * Writes what can be written now without blocking and returns that many bytes
 * (dropping all, and claiming len, when nobody is connected and nothing is
 * kept).  Any thread, under dev_lock.
 */
size_t console_write(struct console *con, const uint8_t *buf, size_t len);
/* Writes all, waiting up to ms for the reader.  For the end, when the loop no
 * longer runs: returns how much it took. */
size_t console_write_wait(struct console *con, const uint8_t *buf, size_t len,
			  unsigned int ms);
/* The guest has read: offer the input that was left over. Any thread. */
void console_kick_input(struct console *con);

/* The size of the terminal's window in characters; false: there is none that
 * knows it.  Any thread that may make the ioctl. */
bool console_size(const struct console *con, uint16_t *cols, uint16_t *rows);
/* The terminal's window has another size (SIGWINCH).  Loop thread. */
void console_resized(struct console *con);

#endif
