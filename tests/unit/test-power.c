// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-power - power button, sleep, reset and pvpanic through the bus, with
 * registers that are ports. The interrupt line is a stand-in.
 */
#include "harness.h"

#include <errno.h>

#include "bus.h"
#include "irq.h"
#include "power.h"
#include "pvpanic.h"

#define GED_GSI 9
#define POWER_BASE 0x600
#define PVPANIC_PORT 0x505

struct irq {
	bool level;
	unsigned int calls;
};

void irq_set_level(struct irq *irq, uint32_t gsi, bool level)
{
	assert_int_equal(gsi, GED_GSI);
	irq->level = level;
	irq->calls++;
}

struct fixture {
	struct bus *bus;
	struct irq irq;
	struct power *power;
	struct pvpanic *pvpanic;
	int events[4]; /* how often each was told */
};

static const struct bus_place registers = { BUS_PIO, POWER_BASE };
static const struct bus_place pvpanic_place = { BUS_PIO, PVPANIC_PORT };

static void on_event(void *opaque, enum vm_event ev)
{
	struct fixture *f = opaque;

	f->events[ev]++;
}

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));
	struct vm_events events = { on_event, f };

	*state = f;
	return bus_create(&f->bus) ||
	       power_create(&f->power, f->bus, &registers, &f->irq, GED_GSI,
			    events) ||
	       pvpanic_create(&f->pvpanic, f->bus, &pvpanic_place, events);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	pvpanic_destroy(f->pvpanic);
	power_destroy(f->power);
	bus_destroy(f->bus);
	test_free(f);
	return 0;
}

static uint64_t in(struct fixture *f, uint64_t port, unsigned int len)
{
	uint64_t val = 0;

	bus_access(f->bus, BUS_PIO, port, &val, len, false);
	return val;
}

static void out(struct fixture *f, uint64_t port, unsigned int len,
		uint64_t val)
{
	bus_access(f->bus, BUS_PIO, port, &val, len, true);
}

static void button_raises_ged(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(in(f, POWER_BASE, 4), 0);
	assert_int_equal(f->irq.calls, 0);
	power_button(f->power);
	power_button(f->power);
	assert_true(f->irq.level);
	assert_int_equal(f->irq.calls, 1);
	assert_int_equal(in(f, POWER_BASE, 4), POWER_EVENT_BUTTON);
	assert_false(f->irq.level);
	assert_int_equal(in(f, POWER_BASE, 4), 0);
	assert_int_equal(f->irq.calls, 2);
}

/* An edge for each press: nothing has to be read to lower the line. */
static void button_without_registers(void **state)
{
	static const struct bus_place nowhere = { BUS_MMIO, 0 };
	struct vm_events events = { on_event, *state };
	struct fixture *f = *state;
	struct power *key = NULL;

	assert_int_equal(power_create(&key, f->bus, &nowhere, &f->irq, GED_GSI,
				      events),
			 0);
	power_button(key);
	assert_int_equal(f->irq.calls, 2);
	assert_false(f->irq.level);
	power_button(key);
	assert_int_equal(f->irq.calls, 4);
	power_reset(key);
	assert_int_equal(f->irq.calls, 4);
	power_destroy(key);
}

static void odd_widths_clear_nothing(void **state)
{
	struct fixture *f = *state;

	power_button(f->power);
	assert_int_equal(in(f, POWER_BASE, 1), 0xff);
	assert_int_equal(in(f, POWER_BASE, 2), 0xffff);
	assert_int_equal(in(f, POWER_BASE + 2, 4), 0xffffffff);
	assert_int_equal(in(f, POWER_BASE, 8), UINT64_MAX);
	assert_true(f->irq.level);
	out(f, POWER_BASE, 4, 0xffffffff);
	assert_int_equal(in(f, POWER_BASE, 4), POWER_EVENT_BUTTON);
}

static void sleep_powers_off(void **state)
{
	struct fixture *f = *state;

	out(f, POWER_BASE + 4, 1, 5 << 2); /* no SLP_EN */
	out(f, POWER_BASE + 4, 1, 0x20 | 3 << 2); /* S3 is not offered */
	out(f, POWER_BASE + 4, 2, 0x20 | 5 << 2); /* not a byte */
	assert_int_equal(f->events[VM_POWEROFF], 0);
	out(f, POWER_BASE + 4, 1, 0x20 | 5 << 2);
	assert_int_equal(f->events[VM_POWEROFF], 1);
	/* WAK_STS: never set, clearing it is harmless. */
	out(f, POWER_BASE + 5, 1, 0x80);
	assert_int_equal(in(f, POWER_BASE + 5, 1), 0);
}

static void reset_register(void **state)
{
	struct fixture *f = *state;

	out(f, POWER_BASE + 6, 1, 0);
	out(f, POWER_BASE + 6, 1, 2);
	assert_int_equal(f->events[VM_RESET], 0);
	out(f, POWER_BASE + 6, 1, POWER_RESET_VALUE);
	assert_int_equal(f->events[VM_RESET], 1);
	assert_int_equal(in(f, POWER_BASE + 6, 1), 0);
}

static void pvpanic_tells(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(in(f, PVPANIC_PORT, 1), 5);
	out(f, PVPANIC_PORT, 1, 2); /* a crash kernel takes over */
	assert_int_equal(f->events[VM_CRASHED], 0);
	out(f, PVPANIC_PORT, 1, 1);
	assert_int_equal(f->events[VM_CRASHED], 1);
	out(f, PVPANIC_PORT, 1, 4);
	assert_int_equal(f->events[VM_POWEROFF], 1);
	assert_int_equal(f->events[VM_FAILED], 0);
}

static void reset_lowers_line(void **state)
{
	struct fixture *f = *state;

	power_button(f->power);
	power_reset(f->power);
	assert_false(f->irq.level);
	assert_int_equal(in(f, POWER_BASE, 4), 0);
	power_reset(f->power);
	assert_int_equal(f->irq.calls, 2);
}

static void ports_taken(void **state)
{
	struct fixture *f = *state;
	struct vm_events events = { on_event, f };
	struct power *other = NULL;
	struct pvpanic *another = NULL;

	assert_int_equal(power_create(&other, f->bus, &registers, &f->irq, 9,
				      events),
			 -EEXIST);
	assert_null(other);
	assert_int_equal(pvpanic_create(&another, f->bus, &pvpanic_place,
					events),
			 -EEXIST);
	assert_null(another);
	power_destroy(NULL);
	pvpanic_destroy(NULL);
}

#define WITH_POWER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_POWER(button_raises_ged),
		WITH_POWER(odd_widths_clear_nothing),
		WITH_POWER(sleep_powers_off),
		WITH_POWER(reset_register),
		WITH_POWER(button_without_registers),
		WITH_POWER(pvpanic_tells),
		WITH_POWER(reset_lowers_line),
		WITH_POWER(ports_taken),
	};

	return run_all(tests);
}
