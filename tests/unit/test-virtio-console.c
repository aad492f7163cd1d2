// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-virtio-console - the guest's console and channels, from a driver's
 * queues to the host's end of a socket.
 */
#include "harness.h"

#include <linux/virtio_console.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "virtio-console-fixture.h"

static void output(void **state)
{
	struct guest *g = *state;
	int head;

	a_console(g);
	head = say(g, 1, "hello");
	expect(g->host[0], "hello");
	assert_int_equal(driver_used(&g->d[1], NULL), head);
	head = say(g, 1, "again");
	expect(g->host[0], "again");
	assert_int_equal(driver_used(&g->d[1], NULL), head);
}

static void input(void **state)
{
	struct guest *g = *state;
	gpa_t a, b;

	a_console(g);
	a = listen_for(g, 0, 4);
	feed(g->host[0], "sesame");
	run(g->f);
	assert_heard(g, 0, a, "sesa");
	assert_int_equal(driver_used(&g->d[0], NULL), -1);
	/* The rest waits for a buffer. */
	b = listen_for(g, 0, 64);
	kick(g, 0);
	assert_heard(g, 0, b, "me");
	/* Without a driver it waits, too. */
	reset(g);
	feed(g->host[0], "early");
	run(g->f);
	begin(g, ~0ULL);
	a = listen_for(g, 0, 64);
	kick(g, 0);
	assert_heard(g, 0, a, "early");
}

static void read_config(struct guest *g, struct virtio_console_config *config)
{
	assert_int_equal(g->dev->config_bytes, sizeof(*config));
	g->dev->ops->config_read(g->dev, 0, config, sizeof(*config));
}

static void window_size(void **state)
{
	struct guest *g = *state;
	struct console_params p = { .name = "tty", .mode = CONSOLE_TO_STDIO };
	struct winsize ws = { .ws_row = 30, .ws_col = 100 };
	struct virtio_console_config config;
	struct termios t;
	int slave;

	assert_int_equal(openpty(&g->host[0], &slave, NULL, NULL, &ws), 0);
	tcgetattr(slave, &t);
	cfmakeraw(&t);
	tcsetattr(slave, TCSANOW, &t);
	fflush(stdout);
	dup2(slave, 0);
	close(slave);
	assert_int_equal(console_create(&g->con, &p), 0);
	assert_int_equal(virtio_console_create(&g->dev, g->con, on_quit_key, g),
			 0);
	assert_int_equal(g->dev->offered, 1 << VIRTIO_CONSOLE_F_SIZE);
	power_on(g);
	begin(g, ~0ULL);
	read_config(g, &config);
	assert_int_equal(config.cols, 100);
	assert_int_equal(config.rows, 30);
	assert_int_equal(g->config_changes, 0);
	ws.ws_col = 81;
	assert_int_equal(ioctl(g->host[0], TIOCSWINSZ, &ws), 0);
	console_resized(g->con);
	assert_int_equal(g->config_changes, 1);
	read_config(g, &config);
	assert_int_equal(config.cols, 81);
	/* Once more with the first thing typed, for drivers that want it. */
	listen_for(g, 0, 64);
	feed(g->host[0], "a");
	run_till(g->f, g->config_changes == 2);
	feed(g->host[0], "b");
	run(g->f);
	assert_int_equal(g->config_changes, 2);
	feed(g->host[0], "\x01x");
	run_till(g->f, g->f->quits);
	assert_int_equal(g->f->quits, 1);
}

/* Of one kind over and over. */
static void flood(struct guest *g, unsigned int queue, uint32_t len, uint8_t c)
{
	gpa_t at = driver_alloc(&g->mem, len, 1);

	memset(driver_ptr(&g->mem, at, len), c, len);
	driver_add(&g->d[queue], &(struct driver_buf){ at, len, false }, 1);
	kick(g, queue);
}

/* What is there to read; all of it is c. */
static size_t drain(struct guest *g, unsigned int i, uint8_t c)
{
	static uint8_t buf[65536];
	size_t total = 0;
	ssize_t n;

	while ((n = read(g->host[i], buf, sizeof(buf))) > 0) {
		for (ssize_t k = 0; k < n; k++)
			assert_int_equal(buf[k], c);
		total += (size_t)n;
	}
	return total;
}

static void console_does_not_wait_for_ever(void **state)
{
	struct guest *g = *state;
	size_t n;

	a_console(g);
	flood(g, 1, MIB(1), 'x');
	assert_int_equal(driver_used(&g->d[1], NULL), -1);
	for (int i = 0; i < 100 && driver_used(&g->d[1], NULL) < 0; i++)
		run(g->f);
	assert_int_equal(g->d[1].last_used, 1);
	n = drain(g, 0, 'x');
	assert_true(n > 0 && n < MIB(1));
	/* Somebody has read, so it goes on. */
	run(g->f);
	say(g, 1, "live");
	expect(g->host[0], "live");
}

static void channel_waits(void **state)
{
	struct guest *g = *state;
	size_t n = 0;

	two_channels(g);
	flood(g, 1, MIB(1), 'y');
	for (int i = 0; i < 60; i++)
		run(g->f);
	assert_int_equal(driver_used(&g->d[1], NULL), -1);
	for (int i = 0; i < 1000 && n < MIB(1); i++) {
		n += drain(g, 0, 'y');
		run(g->f);
	}
	assert_int_equal(n, MIB(1));
	assert_true(driver_used(&g->d[1], NULL) >= 0);
	/* The other one is not concerned. */
	say(g, 5, "two");
	expect(g->host[1], "two");
}

static void control(struct guest *g, uint32_t id, uint16_t event,
		    uint16_t value)
{
	struct virtio_console_control m = { id, event, value };
	gpa_t at = driver_alloc(&g->mem, sizeof(m), 1);

	memcpy(driver_ptr(&g->mem, at, sizeof(m)), &m, sizeof(m));
	driver_add(&g->d[3], &(struct driver_buf){ at, sizeof(m), false }, 1);
	kick(g, 3);
	assert_true(driver_used(&g->d[3], NULL) >= 0);
}

static void assert_told(struct guest *g, gpa_t at, uint32_t id, uint16_t event,
			uint16_t value, const char *name)
{
	struct virtio_console_control m;
	uint32_t len = 0;

	assert_true(driver_used(&g->d[2], &len) >= 0);
	assert_int_equal(len, sizeof(m) + strlen(name));
	memcpy(&m, driver_ptr(&g->mem, at, sizeof(m)), sizeof(m));
	assert_int_equal(m.id, id);
	assert_int_equal(m.event, event);
	assert_int_equal(m.value, value);
	assert_memory_equal(driver_ptr(&g->mem, at + sizeof(m), len), name,
			    strlen(name));
}

static void ports_are_announced(void **state)
{
	struct guest *g = *state;
	struct virtio_console_config config;
	gpa_t at[5];

	two_channels(g);
	read_config(g, &config);
	assert_int_equal(config.max_nr_ports, 2);
	at[0] = listen_for(g, 2, 32);
	control(g, ~0U, VIRTIO_CONSOLE_DEVICE_READY, 1);
	assert_told(g, at[0], 0, VIRTIO_CONSOLE_PORT_ADD, 1, "");
	/* The second waits for a buffer. */
	assert_int_equal(driver_used(&g->d[2], NULL), -1);
	for (int i = 0; i < 5; i++)
		at[i] = listen_for(g, 2, 32);
	kick(g, 2);
	assert_told(g, at[0], 1, VIRTIO_CONSOLE_PORT_ADD, 1, "");
	control(g, 1, VIRTIO_CONSOLE_PORT_READY, 1);
	assert_told(g, at[1], 1, VIRTIO_CONSOLE_PORT_OPEN, 1, "");
	assert_told(g, at[2], 1, VIRTIO_CONSOLE_PORT_NAME, 1, "two");
	close(g->host[1]);
	g->host[1] = -1;
	run(g->f);
	assert_told(g, at[3], 1, VIRTIO_CONSOLE_PORT_OPEN, 0, "");
	/* One that is not open is not said to be. */
	control(g, 1, VIRTIO_CONSOLE_PORT_READY, 1);
	assert_told(g, at[4], 1, VIRTIO_CONSOLE_PORT_NAME, 1, "two");
	assert_int_equal(driver_used(&g->d[2], NULL), -1);
}

static void input_waits_for_a_reader(void **state)
{
	struct guest *g = *state;
	gpa_t at;

	two_channels(g);
	at = listen_for(g, 4, 64);
	feed(g->host[1], "to two");
	kick(g, 4);
	assert_int_equal(driver_used(&g->d[4], NULL), -1);
	control(g, 1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	run(g->f);
	assert_heard(g, 4, at, "to two");
	control(g, 1, VIRTIO_CONSOLE_PORT_OPEN, 0);
	(void)listen_for(g, 4, 64);
	feed(g->host[1], "later");
	kick(g, 4);
	assert_int_equal(driver_used(&g->d[4], NULL), -1);
	/* Nor does a new driver get it before it asks. */
	reset(g);
	begin(g, ~0ULL);
	at = listen_for(g, 4, 64);
	kick(g, 4);
	assert_int_equal(driver_used(&g->d[4], NULL), -1);
	control(g, 1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	run(g->f);
	assert_heard(g, 4, at, "later");
}

static void nonsense_is_ignored(void **state)
{
	struct guest *g = *state;
	gpa_t at;

	two_channels(g);
	at = listen_for(g, 2, 32);
	control(g, 2, VIRTIO_CONSOLE_PORT_READY, 1);
	control(g, 0x80000000, VIRTIO_CONSOLE_PORT_OPEN, 1);
	control(g, 0, 77, 1);
	control(g, 0, VIRTIO_CONSOLE_PORT_READY, 0);
	control(g, ~0U, VIRTIO_CONSOLE_DEVICE_READY, 0);
	/* Too short for a message. */
	driver_add(&g->d[3], &(struct driver_buf){ at, 7, false }, 1);
	kick(g, 3);
	assert_true(driver_used(&g->d[3], NULL) >= 0);
	assert_int_equal(driver_used(&g->d[2], NULL), -1);
	assert_false(g->dev->failed);
	control(g, ~0U, VIRTIO_CONSOLE_DEVICE_READY, 1);
	assert_told(g, at, 0, VIRTIO_CONSOLE_PORT_ADD, 1, "");
}

static void bad_buffers(void **state)
{
	struct guest *g = *state;

	two_channels(g);
	listen_for(g, 2, 7);
	control(g, ~0U, VIRTIO_CONSOLE_DEVICE_READY, 1);
	assert_true(g->dev->failed);
	/* Nothing is served, nothing spins. */
	say(g, 1, "dead");
	assert_int_equal(drain(g, 0, 0), 0);
	reset(g);
	begin(g, ~0ULL);
	say(g, 1, "alive");
	expect(g->host[0], "alive");
	/* An input buffer that cannot be written. */
	control(g, 0, VIRTIO_CONSOLE_PORT_OPEN, 1);
	driver_add(&g->d[0],
		   &(struct driver_buf){ driver_alloc(&g->mem, 8, 1), 8,
					 false },
		   1);
	feed(g->host[0], "x");
	run(g->f);
	assert_true(g->dev->failed);
	/* A loop of descriptors. */
	reset(g);
	begin(g, ~0ULL);
	g->d[1].desc[0] =
		(struct vring_desc){ 0x1000, 1, VRING_DESC_F_NEXT, 0 };
	driver_publish(&g->d[1], 0);
	kick(g, 1);
	assert_true(g->dev->failed);
}

static void reset_with_output_stuck(void **state)
{
	struct guest *g = *state;

	two_channels(g);
	flood(g, 1, MIB(1), 'z');
	assert_int_equal(driver_used(&g->d[1], NULL), -1);
	reset(g);
	assert_true(drain(g, 0, 'z') > 0);
	run(g->f);
	begin(g, ~0ULL);
	/* From its first byte on. */
	say(g, 1, "new");
	expect(g->host[0], "new");
}

static void was_drained(void *opaque)
{
	++*(unsigned int *)opaque;
}

/* Whoever waits for the host to take everything is told that there will be no
 * more, when the driver lets go of the device. */
static void reset_while_drained(void **state)
{
	struct guest *g = *state;
	unsigned int told = 0;

	two_channels(g);
	flood(g, 1, MIB(1), 'w');
	virtio_channels_drain(g->dev, was_drained, &told);
	run(g->f);
	assert_int_equal(told, 0);
	reset(g);
	assert_int_equal(told, 1);
	assert_true(drain(g, 0, 'w') > 0);
	run(g->f);
	assert_int_equal(told, 1);
}

int main(void)
{
#define G(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		G(output),
		G(input),
		G(window_size),
		G(console_does_not_wait_for_ever),
		G(channel_waits),
		G(ports_are_announced),
		G(input_waits_for_a_reader),
		G(nonsense_is_ignored),
		G(bad_buffers),
		G(reset_with_output_stuck),
		G(reset_while_drained),
	};

	return run_all(tests);
}
