/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The object behind console.h, shared by console.c (output, life),
 * console-input.c (what goes to the guest) and console-client.c (who comes and
 * goes).
 */
#ifndef WHERRY_CONSOLE_PRIV_H
#define WHERRY_CONSOLE_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "console.h"
#include "loop.h"

struct console {
	enum console_mode mode;
	enum console_way way;
	char *name; /* in messages */
	char *path; /* UNIX: what to unlink */
	bool keep; /* what nobody is there to read waits */
	struct loop *loop;
	const struct console_ops *ops;
	void *opaque;
	/* A second device that writes, and is told of room. */
	void (*shared)(void *opaque);
	void *shared_opaque;

	/* Loop thread. */
	struct loop_source in, listener, wake;
	struct loop_timer again; /* then the listener is watched again */
	bool told_full;
	bool connected; /* as ops->connected() was told */
	bool reading; /* in is watched for input */
	bool direct; /* in is a regular file: read without the loop */
	bool may_block; /* in is inherited: poll before each read */
	bool tty, escaped;
	bool unread; /* there was more, which could not be read; logged */
	void (*left)(void *opaque, uint64_t bytes, bool lost); /* or NULL */
	void *left_opaque;
	uint64_t nr_read; /* bytes */
	uint8_t buf[4096];
	size_t start, len; /* what the guest has not taken */
	_Atomic bool stalled; /* input is left over; a kick clears it */

	/* A leaf: nothing is called with it held. */
	pthread_mutex_t lock;
	struct loop_source out; /* .fd: lock; -1: drops, or keeps waiting */
	size_t chunk; /* lock: what one write after a poll may take; 0: all */
	bool want_room; /* lock: loop, watch out and call writable */
	bool gone; /* lock: with keep: a write found the reader gone */
	bool told; /* lock: a failure of out was logged */
	bool watching_out; /* loop thread */
};

/* console.c: output can go on, or is dropped from now on. */
void console_room_again(struct console *con);
/* Has the loop look at what another thread left. */
void console_wake(struct console *con);

/* console-input.c: offers what is buffered to the guest. */
void console_offer_input(struct console *con);
/* Starts or stops watching for input, as there is room for it. */
void console_watch_input(struct console *con);
/* Reads a regular file as far as the guest takes it. */
void console_read_direct(struct console *con);
/* The source con->in is ready. */
void console_in_ready(void *opaque, uint32_t events);

/* console-client.c: no more input from here; a client's leaving makes way for
 * the next. */
void console_input_ended(struct console *con);
/* The source con->listener is ready. */
void console_accept(void *opaque, uint32_t events);
/* After a while in which there were no descriptors for a client. */
void console_accept_again(void *opaque);
/* Tells the guest's end, if that is news. */
void console_set_connected(struct console *con, bool connected);

#endif
