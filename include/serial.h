/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A 16550A UART (National Semiconductor PC16550D data sheet) at any eight
 * ports or bytes.  Emulation under dev_lock.
 */
#ifndef WHERRY_SERIAL_H
#define WHERRY_SERIAL_H

#include <stddef.h>
#include <stdint.h>

#include "bus.h"

struct console;
struct irq;
struct loop;
struct serial;

/* Claims [base, base + 8) of space; gsi is its level interrupt. */
int serial_create(struct serial **out, struct bus *bus, enum bus_space space,
		  uint64_t base, struct irq *irq, uint32_t gsi,
		  struct console *con);
/* Connects the console's input; quit is called on Ctrl-a x.  NULL: the input is
 * another device's, and only what the guest sends goes there. */
int serial_start(struct serial *s, struct loop *loop,
		 void (*quit)(void *opaque), void *opaque);
/* Power-on state; what the guest has sent still goes out.  dev_lock held. */
void serial_reset(struct serial *s);
/* Hands to the console what is buffered (a line, 5 ms at most), without
 * blocking.  dev_lock held. */
void serial_flush(struct serial *s);
/* Waits up to two seconds for the console to take the rest. */
void serial_destroy(struct serial *s);

#endif
