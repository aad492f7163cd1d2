// SPDX-License-Identifier: BSD-2-Clause
/* test-serial - the UART as a driver sees it, through the bus. */
#include "harness.h"

#include "serial-fixture.h"

static void power_on_values(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(in(f, IER), 0);
	assert_int_equal(in(f, IIR), 0x01);
	assert_int_equal(in(f, LCR), 0);
	assert_int_equal(in(f, MCR), 0);
	assert_int_equal(in(f, LSR), 0x60);
	assert_int_equal(in(f, MSR), 0xb0);
	assert_int_equal(in(f, DATA), 0);
	out(f, SCR, 0x5a);
	assert_int_equal(in(f, SCR), 0x5a);
	serial_reset(f->s);
	assert_int_equal(in(f, SCR), 0);
}

/* The steps by which Linux tells a 16550A from its relatives. */
static void detected_as_16550a(void **state)
{
	struct fixture *f = *state;

	out(f, IER, 0);
	assert_int_equal(in(f, IER), 0);
	out(f, IER, 0xff);
	assert_int_equal(in(f, IER), 0x0f);
	out(f, IER, 0);
	out(f, MCR, 0x1a);
	assert_int_equal(in(f, MSR) & 0xf0, 0x90);
	out(f, MCR, 0xff);
	assert_int_equal(in(f, MCR), 0x1f);
	out(f, MCR, 0);
	out(f, FCR, 0x01);
	assert_int_equal(in(f, IIR) >> 6, 3);
	out(f, LCR, 0x80);
	assert_int_not_equal(in(f, IIR), 0); /* no EFR */
	out(f, LCR, 0xbf);
	assert_int_not_equal(in(f, IIR), 0);
	out(f, FCR, 0x21);
	assert_int_equal(in(f, IIR) >> 5, 6); /* no 64 bytes */
	out(f, LCR, 0);
	out(f, FCR, 0);
	assert_int_equal(in(f, IIR), 0x01);
}

static void divisor_latch(void **state)
{
	struct fixture *f = *state;

	out(f, IER, 0x01);
	out(f, LCR, 0x83);
	out(f, DATA, 0x01);
	out(f, IER, 0x02);
	assert_int_equal(in(f, DATA), 0x01);
	assert_int_equal(in(f, IER), 0x02);
	out(f, LCR, 0x03);
	assert_int_equal(in(f, IER), 0x01);
	assert_int_equal(f->con.len, 0);
	assert_int_equal(in(f, LCR), 0x03);
}

static void lines_go_out_at_once(void **state)
{
	struct fixture *f = *state;

	print(f, "first\r\nsecond\n");
	assert_printed(f, "first\r\nsecond\n");
	assert_int_equal(f->con.writes, 2);
	assert_int_equal(f->loop.sets, 1); /* one timer for both */
}

static void prompt_goes_out_by_timer(void **state)
{
	struct fixture *f = *state;

	print(f, "login: ");
	assert_printed(f, "");
	assert_int_equal(f->loop.sets, 1);
	assert_int_equal(f->loop.ms, 5);
	fire(&f->loop);
	assert_printed(f, "login: ");
	assert_int_equal(f->con.writes, 1);
	print(f, "x");
	fire(&f->loop);
	assert_printed(f, "login: x");
}

static void flush_and_reset_lose_nothing(void **state)
{
	struct fixture *f = *state;

	print(f, "a");
	serial_flush(f->s);
	assert_printed(f, "a");
	print(f, "b");
	serial_reset(f->s);
	assert_printed(f, "ab");
	/* Neither does one that the console cannot take. */
	f->con.room = 0;
	print(f, "c\nd");
	serial_reset(f->s);
	assert_printed(f, "ab");
	f->con.room = 16;
	f->con.ops->writable(f->con.opaque);
	assert_printed(f, "abc\nd");
}

static void destroy_waits_for_console(void **state)
{
	struct fixture *f = *state;

	f->con.room = 1;
	print(f, "end\n");
	assert_printed(f, "e");
	serial_destroy(f->s);
	f->s = NULL;
	assert_printed(f, "end\n");
	assert_null(f->loop.timer);
}

static void thre_falls_when_console_is_full(void **state)
{
	struct fixture *f = *state;
	unsigned int sent = 0, i;

	f->con.room = 0;
	out(f, IER, 0x02);
	assert_true(f->irq.level);
	assert_int_equal(in(f, IIR), 0x02);
	assert_false(f->irq.level);
	/* A driver sends a FIFO's worth whenever THRE is high. */
	while (in(f, LSR) & 0x20) {
		for (i = 0; i < 16; i++, sent++)
			out(f, DATA, (uint8_t)sent);
		assert_true(sent <= 8192);
	}
	assert_int_equal(in(f, LSR) & 0x60, 0);
	assert_int_equal(in(f, IIR), 0x01);
	assert_false(f->irq.level);

	f->con.room = 100;
	f->con.ops->writable(f->con.opaque);
	assert_true(f->irq.level);
	assert_int_equal(in(f, LSR) & 0x60, 0x60);
	assert_int_equal(in(f, IIR), 0x02);
	f->con.room = sizeof(f->con.out) - f->con.len;
	f->con.ops->writable(f->con.opaque);
	assert_int_equal(f->con.len, sent);
	for (i = 0; i < sent; i++)
		assert_int_equal(f->con.out[i], (uint8_t)i);
}

/* With a console that is another device's, only output goes there. */
static void shared_console(void **state)
{
	struct fixture *f = *state;

	serial_destroy(f->s);
	f->con.ops = NULL;
	assert_int_equal(serial_create(&f->s, f->bus, BUS_PIO, BASE, &f->irq,
				       GSI, &f->con),
			 0);
	assert_int_equal(serial_start(f->s, &f->loop, NULL, NULL), 0);
	assert_null(f->con.ops);
	f->con.len = 0;
	f->con.room = 0;
	out(f, DATA, '\n');
	assert_int_equal(f->con.len, 0);
	f->con.room = sizeof(f->con.out);
	f->con.shared(f->con.opaque);
	assert_int_equal(f->con.len, 1);
}

static void blocked_console_is_not_tried_again(void **state)
{
	struct fixture *f = *state;

	f->con.room = 0;
	print(f, "1\n2\n3\n");
	assert_int_equal(f->con.writes, 1);
	f->con.room = 100;
	f->con.ops->writable(f->con.opaque);
	assert_printed(f, "1\n2\n3\n");
}

static void overflow_is_dropped(void **state)
{
	struct fixture *f = *state;
	unsigned int i;

	f->con.room = 0;
	for (i = 0; i < 10000; i++)
		out(f, DATA, 'x');
	f->con.room = sizeof(f->con.out);
	f->con.ops->writable(f->con.opaque);
	assert_int_equal(f->con.len, 4096);
}

static void thri_interrupts(void **state)
{
	struct fixture *f = *state;

	/* Each enabling with an idle transmitter interrupts (Linux tests it). */
	out(f, IER, 0x02);
	assert_int_equal(in(f, IIR), 0x02);
	assert_int_equal(in(f, IIR), 0x01);
	out(f, IER, 0x02);
	assert_int_equal(in(f, IIR), 0x01);
	out(f, IER, 0x00);
	out(f, IER, 0x02);
	assert_true(f->irq.level);
	assert_int_equal(in(f, IIR), 0x02);
	assert_false(f->irq.level);
	/* And each byte sent. */
	out(f, DATA, 'a');
	assert_true(f->irq.level);
	out(f, IER, 0x00);
	assert_false(f->irq.level);
}

static void input_waits_for_rts(void **state)
{
	struct fixture *f = *state;
	unsigned int kicks;

	assert_int_equal(type(f, "ls\n"), 0);
	out(f, FCR, 0x01);
	out(f, IER, 0x05);
	assert_int_equal(type(f, "ls\n"), 0);
	assert_int_equal(in(f, LSR), 0x60);
	kicks = f->con.kicks;
	out(f, MCR, 0x0b);
	assert_int_equal(f->con.kicks, kicks + 1);
	assert_int_equal(type(f, "ls\n"), 3);
	assert_true(f->irq.level);
	assert_int_equal(in(f, LSR), 0x61);
}

static void input_fills_fifo(void **state)
{
	struct fixture *f = *state;
	const char *text = "0123456789abcdefgh";
	unsigned int i, kicks;

	open_port(f);
	assert_int_equal(type(f, text), 16);
	assert_int_equal(type(f, text + 16), 0);
	assert_true(f->irq.level);
	assert_int_equal(f->irq.calls, 1);
	assert_int_equal(in(f, IIR), 0xc4);
	kicks = f->con.kicks;
	for (i = 0; i < 16; i++) {
		assert_int_equal(in(f, IIR), i > 8 ? 0xcc : 0xc4);
		assert_int_equal(in(f, LSR) & 1, 1);
		assert_int_equal(f->con.kicks, kicks);
		assert_int_equal(in(f, DATA), text[i]);
	}
	assert_int_equal(f->con.kicks, kicks + 1);
	assert_false(f->irq.level);
	assert_int_equal(f->irq.calls, 2);
	assert_int_equal(in(f, IIR), 0xc1);
	assert_int_equal(in(f, LSR), 0x60);
	/* Around the end of the ring. */
	assert_int_equal(type(f, "xyz"), 3);
	assert_int_equal(in(f, DATA), 'x');
	assert_int_equal(type(f, text), 14);
	assert_int_equal(in(f, DATA), 'y');
	assert_int_equal(in(f, DATA), 'z');
	assert_int_equal(in(f, DATA), '0');
}

static void without_fifo_one_byte(void **state)
{
	struct fixture *f = *state;

	out(f, MCR, 0x02);
	out(f, IER, 0x01);
	assert_int_equal(type(f, "ab"), 1);
	assert_int_equal(in(f, IIR), 0x04);
	/* Switching the FIFO on empties it. */
	out(f, FCR, 0x01);
	assert_false(f->irq.level);
	assert_int_equal(in(f, LSR), 0x60);
	assert_int_equal(type(f, "ab"), 2);
	out(f, FCR, 0x03);
	assert_int_equal(in(f, LSR), 0x60);
	assert_int_equal(in(f, FCR), 0xc1);
}

static void loopback(void **state)
{
	struct fixture *f = *state;
	unsigned int i;

	open_port(f);
	out(f, MCR, 0x12); /* as if by a test program: RTS, LOOP */
	assert_int_equal(type(f, "typed"), 0);
	for (i = 0; i < 17; i++)
		out(f, DATA, (uint8_t)i);
	assert_int_equal(f->con.len, 0);
	/* The seventeenth overran; reading LSR clears that. */
	assert_int_equal(in(f, IIR), 0xc6);
	assert_int_equal(in(f, LSR), 0x63);
	assert_int_equal(in(f, LSR), 0x61);
	assert_int_equal(in(f, IIR), 0xc4);
	for (i = 0; i < 16; i++)
		assert_int_equal(in(f, DATA), i);
	i = f->con.kicks;
	out(f, MCR, 0x02);
	assert_int_equal(f->con.kicks, i + 1);
	assert_int_equal(type(f, "typed"), 5);
}

static void modem_status_deltas(void **state)
{
	struct fixture *f = *state;

	out(f, MCR, 0x10);
	assert_int_equal(in(f, MSR), 0x0b); /* DCD, DSR, CTS fell */
	assert_int_equal(in(f, MSR), 0x00);
	out(f, IER, 0x08);
	assert_false(f->irq.level);
	out(f, MCR, 0x14); /* OUT1 is RI: rising tells nothing */
	assert_int_equal(in(f, IIR), 0x01);
	assert_int_equal(in(f, MSR), 0x40);
	out(f, MCR, 0x10);
	assert_true(f->irq.level);
	assert_int_equal(in(f, IIR), 0x00);
	assert_int_equal(in(f, MSR), 0x04); /* TERI */
	assert_false(f->irq.level);
	out(f, MCR, 0x1f);
	assert_int_equal(in(f, MSR), 0xfb);
}

static void reset_lowers_line(void **state)
{
	struct fixture *f = *state;

	open_port(f);
	assert_int_equal(type(f, "x"), 1);
	assert_true(f->irq.level);
	serial_reset(f->s);
	assert_false(f->irq.level);
	assert_int_equal(type(f, "x"), 0);
}

static void wide_access_is_bytes(void **state)
{
	struct fixture *f = *state;
	uint32_t val = 0x03020100;

	out(f, LCR, 0x80);
	bus_access(f->bus, BUS_PIO, DATA, &val, 2, true);
	val = 0;
	bus_access(f->bus, BUS_PIO, DATA, &val, 2, false);
	assert_int_equal(val, 0x0100);
	val = 0;
	bus_access(f->bus, BUS_PIO, LCR, &val, 4, false);
	assert_int_equal(val, 0xb0600080);
}

static void quit_is_passed_on(void **state)
{
	struct fixture *f = *state;

	f->con.ops->quit(f->con.opaque);
	assert_true(f->quit);
}

static void ports_taken(void **state)
{
	struct fixture *f = *state;
	struct serial *other = NULL;

	assert_int_equal(serial_create(&other, f->bus, BUS_PIO, BASE + 7,
				       &f->irq, GSI, &f->con),
			 -EEXIST);
	assert_null(other);
	serial_destroy(NULL);
}

/* A hostile driver, a hostile typist and a console that comes and goes. */
static void random_accesses(void **state)
{
	struct fixture *f = *state;
	uint64_t x = 88172645463325252ull, val;
	unsigned int i, len;
	bool level;

	for (i = 0; i < 300000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		val = x >> 32;
		len = 1u << (x >> 8 & 3);
		bus_access(f->bus, BUS_PIO, BASE + (x & 7), &val,
			   x & 0x100000 ? 1 : len, x & 0x40);
		if (f->con.len > sizeof(f->con.out) / 2)
			f->con.len = 0;
		if (!(x >> 20 & 63))
			f->con.room = x >> 26 & 4095;
		if (!(x >> 20 & 255))
			f->con.ops->writable(f->con.opaque);
		if (!(x >> 20 & 127))
			assert_true(type(f, "0123456789abcdefg") <= 16);
		if (f->loop.ms && !(x >> 20 & 31))
			fire(&f->loop);
		if (!(x >> 20 & 4095))
			serial_reset(f->s);
		/* The line is what the identification register says, until
		 * reading that acknowledges it. */
		level = f->irq.level;
		assert_int_equal(level, !(in(f, IIR) & 1));
	}
	f->con.len = 0;
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(power_on_values),
		T(detected_as_16550a),
		T(divisor_latch),
		T(lines_go_out_at_once),
		T(prompt_goes_out_by_timer),
		T(flush_and_reset_lose_nothing),
		T(destroy_waits_for_console),
		T(thre_falls_when_console_is_full),
		T(blocked_console_is_not_tried_again),
		T(shared_console),
		T(overflow_is_dropped),
		T(thri_interrupts),
		T(input_waits_for_rts),
		T(input_fills_fifo),
		T(without_fifo_one_byte),
		T(loopback),
		T(modem_status_deltas),
		T(reset_lowers_line),
		T(wide_access_is_bytes),
		T(quit_is_passed_on),
		T(ports_taken),
		T(random_accesses),
	};

	return run_all(tests);
}
