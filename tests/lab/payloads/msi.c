// SPDX-License-Identifier: BSD-2-Clause
/*
 * msi - a guest without a kernel that uses MSI as Linux never does. On what
 * bare.h gives, it looks at the function behind the first root port and, by
 * what it is, either
 *
 *  - nec-usb-xhci (with any USB device): enables 8 messages, then 16, and lets
 *    the controller raise each of its 16 interrupters by a control transfer
 *    whose last TRB names it (xHCI 1.2, 4.17 and 6.4.1.2.3); or
 *  - igb: masks its message, raises an interrupt, looks at the pending bit and
 *    unmasks (PCI 3.0, 6.8.1.7).
 *
 * Prints what came, as "vector 0xN: COUNT", and powers off.
 */
#include <stdint.h>

#include "bare.h"

#define PATIENCE 3000000
#define NR NR_VECTORS

/* Configuration space of the one function, and its BAR 0. */
static volatile uint8_t *const cfg = (uint8_t *)(uintptr_t)(ECAM + (1 << 20));
static volatile uint8_t *bar;
static unsigned int msi; /* offset of the capability */

static volatile unsigned int counts[NR];

static void put(const char *s)
{
	while (*s)
		put_char(*s++);
}

static void put_number(unsigned int n)
{
	if (n > 9)
		put_number(n / 10);
	put_char((char)('0' + n % 10));
}

static void say(const char *what, unsigned int n)
{
	put(what);
	put_char(' ');
	put_number(n);
	put_char('\n');
}

static _Noreturn void end(const char *why)
{
	put(why);
	put_char('\n');
	power_off();
}

static uint32_t rd32(volatile uint8_t *base, unsigned int off)
{
	return load32(base + off);
}

static void wr32(volatile uint8_t *base, unsigned int off, uint32_t val)
{
	store32(base + off, val);
}

static void wr64(volatile uint8_t *base, unsigned int off, uint64_t val)
{
	wr32(base, off, (uint32_t)val);
	wr32(base, off + 4, (uint32_t)(val >> 32));
}

static uint16_t cfg16(unsigned int off)
{
	return load16(cfg + off);
}

static void set_cfg16(unsigned int off, uint16_t val)
{
	store16(cfg + off, val);
}

/* From bare.h, by an interrupt or in relax(). */
static void take(unsigned int vector)
{
	counts[vector]++;
}

/* What is on its way still comes before. */
static void forget(void)
{
	for (unsigned int i = 0; i < PATIENCE / 5; i++)
		relax();
	for (unsigned int i = 0; i < NR; i++)
		counts[i] = 0;
}

static unsigned int total(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < NR; i++)
		n += counts[i];
	return n;
}

static void show(void)
{
	for (unsigned int i = 0; i < NR; i++)
		if (counts[i]) {
			put("vector ");
			put_number(i);
			say(":", counts[i]);
		}
}

/* Until n interrupts have come, or long enough. */
static void wait_for(unsigned int n)
{
	for (unsigned int i = 0; i < PATIENCE && total() < n; i++)
		relax();
}

/* MSI. */

static void find_msi(void)
{
	msi = load8(cfg + 0x34);
	while (msi && load8(cfg + msi) != 5)
		msi = load8(cfg + msi + 1);
	if (!msi)
		end("no MSI capability");
	say("messages offered", 1u << ((cfg16(msi + 2) >> 1) & 7));
}

/* 1 << log2_nr messages; the capability is of 64 bits. */
static void enable_msi(unsigned int log2_nr)
{
	set_cfg16(msi + 2, 0);
	wr64(cfg, msi + 4, MSI_ADDRESS);
	set_cfg16(msi + 12, MSI_DATA);
	set_cfg16(msi + 2, (uint16_t)(log2_nr << 4 | 1));
	say("messages enabled", 1u << ((cfg16(msi + 2) >> 4) & 7));
}

/* xHCI. */

struct trb {
	uint64_t param;
	uint32_t status, control;
};

#define RING 64
#define ALIGNED __attribute__((aligned(4096)))

static ALIGNED uint64_t dcbaa[256];
static ALIGNED struct trb commands[RING], ep0[RING * 4], events[NR][RING];
static ALIGNED struct {
	uint64_t addr;
	uint32_t size, zero;
} erst[NR];
static ALIGNED uint32_t input[1024], output[1024];
static ALIGNED uint8_t descriptor[64];
static unsigned int nr_commands, nr_ep0, nr_events[NR];
static volatile uint8_t *op, *rt, *db;

#define XHCI_RUN 1u
#define XHCI_RESET 2u
#define XHCI_INTE 4u
#define XHCI_NOT_READY 0x800u
#define PORT_CONNECTED 1u
#define PORT_ENABLED 2u
#define PORT_RESET 0x10u
#define PORT_POWER 0x200u

static void queue(struct trb *ring, unsigned int *n, uint64_t param,
		  uint32_t status, uint32_t control)
{
	struct trb *trb = &ring[(*n)++];

	trb->param = param;
	trb->status = status;
	asm volatile("" : : : "memory");
	*(volatile uint32_t *)&trb->control = control | 1; /* cycle */
}

/* The next event of an interrupter; makes it ready for another. */
static struct trb next_event(unsigned int i)
{
	volatile struct trb *e = &events[i][nr_events[i]];
	struct trb copy;

	for (unsigned int n = 0; n < PATIENCE && !(e->control & 1); n++)
		relax();
	if (!(e->control & 1))
		end("no event");
	copy = *(struct trb *)e;
	nr_events[i]++;
	wr64(rt, 0x38 + 32 * i, (uintptr_t)(e + 1) | 8);
	return copy;
}

/* A command's completion; those of port changes come in between. */
static struct trb command(uint64_t param, uint32_t control)
{
	struct trb e;

	queue(commands, &nr_commands, param, 0, control);
	wr32(db, 0, 0);
	do
		e = next_event(0);
	while ((e.control >> 10 & 63) != 33);
	if (e.status >> 24 != 1)
		end("a command failed");
	return e;
}

static void start_controller(void)
{
	unsigned int patience = PATIENCE;

	op = bar + load8(bar);
	db = bar + (rd32(bar, 0x14) & ~3u);
	rt = bar + (rd32(bar, 0x18) & ~31u);
	wr32(op, 0, XHCI_RESET);
	while (patience-- &&
	       (rd32(op, 0) & XHCI_RESET || rd32(op, 4) & XHCI_NOT_READY))
		;
	wr32(op, 0x38, rd32(bar, 4) & 0xff); /* slots */
	wr64(op, 0x30, (uintptr_t)dcbaa);
	wr64(op, 0x18, (uintptr_t)commands | 1);
	for (unsigned int i = 0; i < NR; i++) {
		erst[i].addr = (uintptr_t)events[i];
		erst[i].size = RING;
		wr32(rt, 0x28 + 32 * i, 1);
		wr64(rt, 0x38 + 32 * i, (uintptr_t)events[i]);
		wr64(rt, 0x30 + 32 * i, (uintptr_t)&erst[i]);
		wr32(rt, 0x24 + 32 * i, 0); /* no moderation */
		wr32(rt, 0x20 + 32 * i, 3); /* enabled, not pending */
	}
	say("interrupters", rd32(bar, 4) >> 8 & 0x7ff);
	wr32(op, 0, XHCI_RUN | XHCI_INTE);
}

/* The first port with a device, enabled; from 1 up. */
static unsigned int find_port(uint32_t *speed)
{
	unsigned int nr = rd32(bar, 4) >> 24;

	for (unsigned int i = 0; i < nr; i++) {
		unsigned int reg = 0x400 + 16 * i, patience = PATIENCE;

		if (!(rd32(op, reg) & PORT_CONNECTED))
			continue;
		wr32(op, reg, PORT_POWER | PORT_RESET);
		while (patience-- && !(rd32(op, reg) & PORT_ENABLED))
			;
		*speed = rd32(op, reg) >> 10 & 15;
		return i + 1;
	}
	end("no USB device");
}

static unsigned int address_device(void)
{
	unsigned int size = rd32(bar, 0x10) & 4 ? 16 : 8; /* of a context */
	uint32_t speed = 0;
	unsigned int port = find_port(&speed);
	unsigned int slot = command(0, 9 << 10).control >> 24;

	dcbaa[slot] = (uintptr_t)output;
	input[1] = 3; /* slot context and endpoint 0 */
	input[size] = 1u << 27 | speed << 20;
	input[size + 1] = port << 16;
	input[2 * size + 1] = (speed == 4 ? 512u :
			       speed == 3 ? 64u :
					    8u)
				      << 16 |
			      4 << 3 | 3 << 1;
	input[2 * size + 2] = (uint32_t)(uintptr_t)ep0 | 1;
	(void)command((uintptr_t)input, slot << 24 | 11 << 10);
	return slot;
}

/* Reads the start of the device's descriptor; interrupter i is told. */
static void transfer(unsigned int slot, unsigned int i)
{
	struct trb e;

	queue(ep0, &nr_ep0, 0x0008000001000680, 8,
	      2 << 10 | 3 << 16 | 1 << 6); /* setup, immediate, IN */
	queue(ep0, &nr_ep0, (uintptr_t)descriptor, 8, 3 << 10 | 1 << 16);
	queue(ep0, &nr_ep0, 0, i << 22, 4 << 10 | 1 << 5); /* status, IOC */
	wr32(db, 4 * slot, 1);
	e = next_event(i);
	if (e.status >> 24 != 1 || descriptor[1] != 1)
		end("a transfer failed");
}

static void many_messages(void)
{
	unsigned int slot;

	enable_msi(3);
	start_controller();
	slot = address_device();
	for (unsigned int log2_nr = 3; log2_nr <= 4; log2_nr++) {
		if (log2_nr == 4)
			enable_msi(4); /* after 8, and a moment of none */
		forget();
		for (unsigned int i = 0; i < NR; i++) {
			transfer(slot, i);
			wait_for(i + 1);
		}
		show();
	}
}

/* igb. */

#define IGB_ICR 0xc0
#define IGB_ICS 0xc8
#define IGB_IMS 0xd0
#define IGB_LSC 4u

static void raise_igb(void)
{
	(void)rd32(bar, IGB_ICR); /* clears */
	wr32(bar, IGB_ICS, IGB_LSC);
}

static void masks(void)
{
	unsigned int bits = msi + 16, pending = msi + 20;

	if (!(cfg16(msi + 2) & 0x100))
		end("no mask bits");
	enable_msi(0);
	wr32(bar, IGB_IMS, IGB_LSC);
	raise_igb();
	wait_for(1);
	say("unmasked:", total());
	say("pending", rd32(cfg, pending) & 1);
	forget();
	wr32(cfg, bits, 1);
	raise_igb();
	wait_for(1);
	say("masked:", total());
	for (unsigned int i = 0; i < PATIENCE / 100; i++)
		if (rd32(cfg, pending) & 1)
			break;
	say("pending", rd32(cfg, pending) & 1);
	/* The message that counts is that of the unmasking. */
	set_cfg16(msi + 12, MSI_DATA + 5);
	wr32(cfg, bits, 0);
	wait_for(1);
	show();
	say("pending", rd32(cfg, pending) & 1);
	/* Masked and unmasked with nothing in between: nothing comes. */
	wr32(cfg, bits, 1);
	wr32(cfg, bits, 0);
	wait_for(2);
	say("once:", total());
}

static __attribute__((used)) void payload(void)
{
	uint32_t id = rd32(cfg, 0);

	set_up_interrupts();
	set_cfg16(4, 0x406); /* memory, bus master, no INTx */
	bar = (uint8_t *)(uintptr_t)(rd32(cfg, 0x10) & ~15u);
	find_msi();
	if (id == 0x01941033)
		many_messages();
	else if (id == 0x10c98086)
		masks();
	else
		end("unknown device");
	end("done");
}
