/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A UART on a bus. Console, interrupt line and timers are stand-ins, which a
 * test that includes this links instead of the real ones. After harness.h.
 */
#ifndef TESTS_UNIT_SERIAL_FIXTURE_H
#define TESTS_UNIT_SERIAL_FIXTURE_H

#include <errno.h>
#include <string.h>

#include "bus.h"
#include "console.h"
#include "irq.h"
#include "loop.h"
#include "serial.h"
#include "util.h"

#define BASE 0x3f8
#define GSI 4

#define DATA (BASE + 0)
#define IER (BASE + 1)
#define IIR (BASE + 2)
#define FCR (BASE + 2)
#define LCR (BASE + 3)
#define MCR (BASE + 4)
#define LSR (BASE + 5)
#define MSR (BASE + 6)
#define SCR (BASE + 7)

struct irq {
	bool level;
	unsigned int calls;
};

struct console {
	const struct console_ops *ops;
	void (*shared)(void *opaque);
	void *opaque;
	uint8_t out[16384];
	size_t len, room;
	unsigned int writes, kicks;
};

struct loop {
	struct loop_timer *timer;
	uint64_t ms;
	unsigned int sets;
};

struct fixture {
	struct bus *bus;
	struct irq irq;
	struct console con;
	struct loop loop;
	struct serial *s;
	bool quit;
};

void irq_set_level(struct irq *irq, uint32_t gsi, bool level)
{
	assert_int_equal(gsi, GSI);
	assert_int_not_equal(irq->level, level);
	irq->level = level;
	irq->calls++;
}

size_t console_write(struct console *con, const uint8_t *buf, size_t len)
{
	size_t n = MIN(len, con->room);

	con->writes++;
	assert_true(con->len + n <= sizeof(con->out));
	memcpy(con->out + con->len, buf, n);
	con->len += n;
	con->room -= n;
	return n;
}

size_t console_write_wait(struct console *con, const uint8_t *buf, size_t len,
			  unsigned int ms)
{
	assert_true(ms > 0);
	con->room = sizeof(con->out);
	return console_write(con, buf, len);
}

void console_kick_input(struct console *con)
{
	con->kicks++;
}

void console_share(struct console *con, void (*writable)(void *opaque),
		   void *opaque)
{
	con->shared = writable;
	con->opaque = opaque;
}

int console_start(struct console *con, struct loop *loop,
		  const struct console_ops *ops, void *opaque)
{
	(void)loop;
	con->ops = ops;
	con->opaque = opaque;
	return 0;
}

int loop_timer_init(struct loop *loop, struct loop_timer *t,
		    void (*fn)(void *opaque), void *opaque)
{
	t->fn = fn;
	t->opaque = opaque;
	t->src.opaque = loop;
	loop->timer = t;
	return 0;
}

int loop_timer_set(struct loop_timer *t, uint64_t ms)
{
	struct loop *loop = t->src.opaque;

	loop->ms = ms;
	loop->sets++;
	return 0;
}

void loop_timer_fini(struct loop *loop, struct loop_timer *t)
{
	assert_ptr_equal(loop->timer, t);
	loop->timer = NULL;
}

static inline void fire(struct loop *loop)
{
	assert_true(loop->ms > 0);
	loop->ms = 0;
	loop->timer->fn(loop->timer->opaque);
}

static inline void on_quit(void *opaque)
{
	*(bool *)opaque = true;
}

static inline int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	*state = f;
	f->con.room = sizeof(f->con.out);
	return bus_create(&f->bus) ||
	       serial_create(&f->s, f->bus, BUS_PIO, BASE, &f->irq, GSI,
			     &f->con) ||
	       serial_start(f->s, &f->loop, on_quit, &f->quit);
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	serial_destroy(f->s);
	bus_destroy(f->bus);
	test_free(f);
	return 0;
}

static inline uint8_t in(struct fixture *f, uint64_t port)
{
	uint8_t val = 0;

	bus_access(f->bus, BUS_PIO, port, &val, 1, false);
	return val;
}

static inline void out(struct fixture *f, uint64_t port, uint8_t val)
{
	bus_access(f->bus, BUS_PIO, port, &val, 1, true);
}

static inline void print(struct fixture *f, const char *text)
{
	for (; *text; text++)
		out(f, DATA, (uint8_t)*text);
}

static inline size_t type(struct fixture *f, const char *text)
{
	return f->con.ops->input(f->con.opaque, (const uint8_t *)text,
				 strlen(text));
}

/* What a driver does when its port is opened. */
static inline void open_port(struct fixture *f)
{
	out(f, FCR, 0x01);
	out(f, FCR, 0x07);
	out(f, LCR, 0x03);
	out(f, IER, 0x05);
	out(f, FCR, 0x81); /* interrupt at 8 bytes */
	out(f, MCR, 0x0b);
}

static inline void assert_printed(struct fixture *f, const char *text)
{
	assert_int_equal(f->con.len, strlen(text));
	assert_memory_equal(f->con.out, text, strlen(text));
}

#endif
