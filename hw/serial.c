// SPDX-License-Identifier: BSD-2-Clause
/*
 * serial - a 16550A UART. Owns its registers, the receive FIFO and the bytes
 * on their way to the console, which it does not own. There is no line and no
 * baud rate: a byte is sent as soon as it is written.
 *
 * Every access to a register is an exit, so nothing here costs a system call
 * that can be saved: output goes to the console by the line, or after 5 ms,
 * and the interrupt is touched only when its level changes.
 *
 * Everything is guarded by dev_lock.
 */
#include "serial.h"

#include <errno.h>
#include <stdlib.h>

#include "console.h"
#include "irq.h"
#include "log.h"
#include "loop.h"
#include "util.h"

#define REG_DATA 0 /* receive, transmit; divisor's low byte under DLAB */
#define REG_IER 1 /* divisor's high byte under DLAB */
#define REG_IIR_FCR 2
#define REG_LCR 3
#define REG_MCR 4
#define REG_LSR 5
#define REG_MSR 6
#define REG_SCR 7

#define IER_RDI 0x01 /* received data available */
#define IER_THRI 0x02 /* transmitter holding register empty */
#define IER_RLSI 0x04 /* receiver line status */
#define IER_MSI 0x08 /* modem status */

#define IIR_NONE 0x01
#define IIR_MSI 0x00
#define IIR_THRI 0x02
#define IIR_RDI 0x04
#define IIR_RLSI 0x06
#define IIR_TIMEOUT 0x0c
#define IIR_FIFOS 0xc0

#define FCR_ENABLE 0x01
#define FCR_CLEAR_RX 0x02

#define LCR_DLAB 0x80

#define MCR_RTS 0x02
#define MCR_LOOP 0x10
#define MCR_MASK 0x1f

#define LSR_DR 0x01
#define LSR_OE 0x02
#define LSR_IDLE 0x60 /* THRE and TEMT */

#define MSR_TERI 0x04 /* the only delta that tells one edge */
#define MSR_CONNECTED 0xb0 /* DCD, DSR and CTS: somebody is there */

#define FIFO_BYTES 16
#define FLUSH_MS 5
#define DRAIN_MS 2000

struct serial {
	struct bus_range range;
	struct bus *bus;
	struct irq *irq;
	uint32_t gsi;
	struct console *con;
	struct loop *loop;
	struct loop_timer flush_timer;
	void (*quit)(void *opaque);
	void *opaque;

	uint8_t ier, fcr, lcr, mcr, scr, dll, dlm;
	uint8_t msr_deltas, overrun;
	bool thr_empty; /* THRE interrupt not yet acknowledged */
	bool line; /* level last given to the irqchip */
	uint8_t rx[FIFO_BYTES];
	unsigned int rx_head, nr_rx;

	/* Sent by the guest, not yet taken by the console. */
	uint8_t tx[4096];
	unsigned int nr_tx;
	bool timer_set; /* flush_timer will come */
	bool blocked; /* the console will call writable */
};

/* The transmit FIFO's sixteen bytes must fit whenever THRE is seen. */
static bool tx_has_room(const struct serial *s)
{
	return sizeof(s->tx) - s->nr_tx >= FIFO_BYTES;
}

static unsigned int rx_room(const struct serial *s)
{
	return (s->fcr & FCR_ENABLE ? FIFO_BYTES : 1) - s->nr_rx;
}

static uint8_t interrupt_id(const struct serial *s)
{
	static const uint8_t trigger[] = { 1, 4, 8, 14 };

	if ((s->ier & IER_RLSI) && s->overrun)
		return IIR_RLSI;
	/* Below the trigger level a UART waits four characters' time; without
	 * a baud rate that time is over. */
	if ((s->ier & IER_RDI) && s->nr_rx)
		return s->fcr & FCR_ENABLE && s->nr_rx < trigger[s->fcr >> 6] ?
			       IIR_TIMEOUT :
			       IIR_RDI;
	if ((s->ier & IER_THRI) && s->thr_empty)
		return IIR_THRI;
	if ((s->ier & IER_MSI) && s->msr_deltas)
		return IIR_MSI;
	return IIR_NONE;
}

static void update_irq(struct serial *s)
{
	bool line = interrupt_id(s) != IIR_NONE;

	if (line == s->line)
		return;
	s->line = line;
	irq_set_level(s->irq, s->gsi, line);
}

static void rx_put(struct serial *s, uint8_t c)
{
	if (!rx_room(s)) {
		s->overrun = LSR_OE;
		return;
	}
	s->rx[(s->rx_head + s->nr_rx++) % FIFO_BYTES] = c;
}

static uint8_t rx_get(struct serial *s)
{
	uint8_t c;

	if (!s->nr_rx)
		return 0;
	c = s->rx[s->rx_head];
	s->rx_head = (s->rx_head + 1) % FIFO_BYTES;
	/* Once per FIFO, not per byte: the kick wakes the loop. */
	if (!--s->nr_rx)
		console_kick_input(s->con);
	return c;
}

static void rx_clear(struct serial *s)
{
	s->nr_rx = 0;
	s->rx_head = 0;
	console_kick_input(s->con);
}

void serial_flush(struct serial *s)
{
	size_t n;

	if (!s->nr_tx)
		return;
	n = console_write(s->con, s->tx, s->nr_tx);
	s->nr_tx -= n;
	memmove(s->tx, s->tx + n, s->nr_tx);
	s->blocked = s->nr_tx;
}

static void tx_put(struct serial *s, uint8_t c)
{
	s->thr_empty = false;
	if (s->mcr & MCR_LOOP) {
		rx_put(s, c);
	} else if (s->nr_tx < sizeof(s->tx)) {
		s->tx[s->nr_tx++] = c;
		if (s->blocked)
			goto out;
		/* A timer that comes too early is cheaper than one per line. */
		if (c == '\n' || !tx_has_room(s))
			serial_flush(s);
		else if (s->loop && !s->timer_set)
			s->timer_set =
				!loop_timer_set(&s->flush_timer, FLUSH_MS);
	}
out:
	/* Full and not taken: THRE comes with the console's writable. */
	s->thr_empty = tx_has_room(s);
}

static uint8_t modem_lines(const struct serial *s)
{
	if (!(s->mcr & MCR_LOOP))
		return MSR_CONNECTED;
	/* DTR, RTS, OUT1, OUT2 come back as DSR, CTS, RI, DCD. */
	return (uint8_t)((s->mcr & 0x0c) << 4 | (s->mcr & 0x02) << 3 |
			 (s->mcr & 0x01) << 5);
}

static void write_mcr(struct serial *s, uint8_t val)
{
	uint8_t before = modem_lines(s), old = s->mcr, after;

	s->mcr = val & MCR_MASK;
	after = modem_lines(s);
	s->msr_deltas |= (before ^ after) >> 4 & ~MSR_TERI;
	s->msr_deltas |= (before & ~after) >> 4 & MSR_TERI;
	if ((s->mcr & ~old & MCR_RTS) || (old & ~s->mcr & MCR_LOOP))
		console_kick_input(s->con);
}

static void write_ier(struct serial *s, uint8_t val)
{
	/* Enabling THRI while the transmitter is idle interrupts at once. */
	if (val & ~s->ier & IER_THRI)
		s->thr_empty = tx_has_room(s);
	s->ier = val & 0x0f;
}

static void write_fcr(struct serial *s, uint8_t val)
{
	/* Clearing the transmit FIFO is nothing: what was written is sent. */
	if (((val ^ s->fcr) & FCR_ENABLE) || (val & FCR_CLEAR_RX))
		rx_clear(s);
	s->fcr = val & FCR_ENABLE ? val & 0xc1 : 0;
}

static void write_byte(struct serial *s, unsigned int reg, uint8_t val)
{
	bool dlab = s->lcr & LCR_DLAB;

	switch (reg) {
	case REG_DATA:
		if (dlab)
			s->dll = val;
		else
			tx_put(s, val);
		break;
	case REG_IER:
		if (dlab)
			s->dlm = val;
		else
			write_ier(s, val);
		break;
	case REG_IIR_FCR:
		write_fcr(s, val);
		break;
	case REG_LCR:
		s->lcr = val;
		break;
	case REG_MCR:
		write_mcr(s, val);
		break;
	case REG_SCR:
		s->scr = val;
		break;
	default: /* LSR and MSR are read only */
		break;
	}
}

static uint8_t read_iir(struct serial *s)
{
	uint8_t id = interrupt_id(s);

	if (id == IIR_THRI)
		s->thr_empty = false;
	return id | (s->fcr & FCR_ENABLE ? IIR_FIFOS : 0);
}

static uint8_t read_lsr(struct serial *s)
{
	uint8_t val = s->overrun;

	s->overrun = 0;
	if (s->nr_rx)
		val |= LSR_DR;
	if (tx_has_room(s))
		val |= LSR_IDLE;
	return val;
}

static uint8_t read_msr(struct serial *s)
{
	uint8_t val = modem_lines(s) | s->msr_deltas;

	s->msr_deltas = 0;
	return val;
}

static uint8_t read_byte(struct serial *s, unsigned int reg)
{
	bool dlab = s->lcr & LCR_DLAB;

	switch (reg) {
	case REG_DATA:
		return dlab ? s->dll : rx_get(s);
	case REG_IER:
		return dlab ? s->dlm : s->ier;
	case REG_IIR_FCR:
		return read_iir(s);
	case REG_LCR:
		return s->lcr;
	case REG_MCR:
		return s->mcr;
	case REG_LSR:
		return read_lsr(s);
	case REG_MSR:
		return read_msr(s);
	default:
		return s->scr;
	}
}

/* A wide access reaches one byte-wide register after the other. */
static uint64_t bus_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct serial *s = opaque;
	uint64_t val = 0;
	unsigned int i;

	for (i = 0; i < len; i++)
		val |= (uint64_t)read_byte(s, (offset + i) & 7) << (8 * i);
	update_irq(s);
	return val;
}

static void bus_write(void *opaque, uint64_t offset, unsigned int len,
		      uint64_t val)
{
	struct serial *s = opaque;
	unsigned int i;

	for (i = 0; i < len; i++)
		write_byte(s, (offset + i) & 7, (uint8_t)(val >> (8 * i)));
	update_irq(s);
}

static const struct bus_ops serial_ops = {
	.read = bus_read,
	.write = bus_write,
};

static size_t on_input(void *opaque, const uint8_t *buf, size_t len)
{
	struct serial *s = opaque;
	size_t i, n = 0;

	bus_lock(s->bus);
	/* The sender honours RTS: a guest that has not opened its port yet
	 * would clear, or lose, what is sent to it. */
	if ((s->mcr & MCR_RTS) && !(s->mcr & MCR_LOOP))
		n = MIN(len, rx_room(s));
	for (i = 0; i < n; i++)
		rx_put(s, buf[i]);
	update_irq(s);
	bus_unlock(s->bus);
	return n;
}

static void on_writable(void *opaque)
{
	struct serial *s = opaque;
	bool had_room;

	bus_lock(s->bus);
	had_room = tx_has_room(s);
	serial_flush(s);
	s->blocked = s->nr_tx;
	if (!had_room)
		s->thr_empty = tx_has_room(s);
	update_irq(s);
	bus_unlock(s->bus);
}

static void on_quit(void *opaque)
{
	struct serial *s = opaque;

	s->quit(s->opaque);
}

static void on_flush_timer(void *opaque)
{
	struct serial *s = opaque;

	bus_lock(s->bus);
	s->timer_set = false;
	if (!s->blocked)
		serial_flush(s);
	bus_unlock(s->bus);
}

static const struct console_ops con_ops = {
	.input = on_input,
	.writable = on_writable,
	.quit = on_quit,
};

/* Everything but tx, which is on its way already. */
static void power_on_state(struct serial *s)
{
	s->ier = s->fcr = s->lcr = s->mcr = s->scr = 0;
	s->msr_deltas = s->overrun = 0;
	s->dll = 12; /* 9600 baud */
	s->dlm = 0;
	s->thr_empty = false;
	s->nr_rx = s->rx_head = 0;
}

void serial_reset(struct serial *s)
{
	power_on_state(s);
	if (!s->blocked)
		serial_flush(s);
	update_irq(s);
}

int serial_create(struct serial **out, struct bus *bus, enum bus_space space,
		  uint64_t base, struct irq *irq, uint32_t gsi,
		  struct console *con)
{
	struct serial *s = calloc(1, sizeof(*s));
	int r;

	if (!s) {
		log_err("serial: out of memory");
		return -ENOMEM;
	}
	s->bus = bus;
	s->irq = irq;
	s->gsi = gsi;
	s->con = con;
	s->range = (struct bus_range){
		.name = "serial",
		.space = space,
		.start = base,
		.size = 8,
		.ops = &serial_ops,
		.opaque = s,
	};
	power_on_state(s);
	r = bus_claim(bus, &s->range);
	if (r) {
		free(s);
		return r;
	}
	*out = s;
	return 0;
}

int serial_start(struct serial *s, struct loop *loop,
		 void (*quit)(void *opaque), void *opaque)
{
	int r;

	s->quit = quit;
	s->opaque = opaque;
	r = loop_timer_init(loop, &s->flush_timer, on_flush_timer, s);
	if (r)
		return r;
	s->loop = loop;
	if (quit)
		return console_start(s->con, loop, &con_ops, s);
	console_share(s->con, on_writable, s);
	return 0;
}

void serial_destroy(struct serial *s)
{
	if (!s)
		return;
	(void)console_write_wait(s->con, s->tx, s->nr_tx, DRAIN_MS);
	if (s->loop)
		loop_timer_fini(s->loop, &s->flush_timer);
	bus_forget(s->bus, &s->range);
	free(s);
}
