// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-rtc - the clock through the bus, as a driver reads and sets it.
 */
#include "harness.h"

#include <errno.h>
#include <time.h>

#include "bus.h"
#include "rtc.h"

#define BASE 0xb040000

struct fixture {
	struct bus *bus;
	struct rtc *rtc;
};

static const struct bus_place place = { BUS_MMIO, BASE };

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	*state = f;
	return bus_create(&f->bus) || rtc_create(&f->rtc, f->bus, &place);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	rtc_destroy(f->rtc);
	bus_destroy(f->bus);
	test_free(f);
	return 0;
}

static uint64_t in(struct fixture *f, uint64_t reg, unsigned int len)
{
	uint64_t val = 0;

	bus_access(f->bus, BUS_MMIO, BASE + reg, &val, len, false);
	return val;
}

static void out(struct fixture *f, uint64_t reg, uint32_t val)
{
	bus_access(f->bus, BUS_MMIO, BASE + reg, &val, 4, true);
}

/* Whether the clock is so much ahead of the host's. */
static void ahead(struct fixture *f, uint32_t seconds)
{
	uint32_t before = (uint32_t)time(NULL);
	uint32_t val = (uint32_t)in(f, 0, 4);

	assert_in_range((uint32_t)(val - before - seconds + 1), 0, 2);
}

static void hosts_time(void **state)
{
	struct fixture *f = *state;

	ahead(f, 0);
	out(f, 0, 5); /* the data register is for reading */
	ahead(f, 0);
	assert_int_equal(in(f, 0xc, 4), 1);
	out(f, 0xc, 0); /* and there is no stopping it */
	ahead(f, 0);
	assert_int_equal(in(f, 0xc, 4), 1);
}

static void set_by_the_guest(void **state)
{
	struct fixture *f = *state;
	uint32_t now = (uint32_t)time(NULL);

	out(f, 8, now + 3600);
	assert_int_equal(in(f, 8, 4), now + 3600);
	ahead(f, 3600);
	out(f, 8, now - 86400);
	ahead(f, (uint32_t)-86400);
	/* A reboot is not the guest's to remember. */
	rtc_reset(f->rtc);
	ahead(f, 0);
	assert_int_equal(in(f, 8, 4), 0);
}

/* Linux looks for these before it binds a driver. */
static void identity(void **state)
{
	static const uint8_t ids[] = { 0x31, 0x10, 0x14, 0x00,
				       0x0d, 0xf0, 0x05, 0xb1 };
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(in(f, 0xfe0 + 4 * i, 4), ids[i]);
	assert_int_equal(in(f, 0xfdc, 4), 0);
}

/* It is kept, and never goes off. */
static void no_alarm(void **state)
{
	struct fixture *f = *state;
	uint32_t now = (uint32_t)time(NULL);

	out(f, 4, now);
	out(f, 0x10, 0xffffffff);
	out(f, 8, now);
	assert_int_equal(in(f, 4, 4), now);
	assert_int_equal(in(f, 0x10, 4), 1);
	assert_int_equal(in(f, 0x14, 4), 0);
	assert_int_equal(in(f, 0x18, 4), 0);
	out(f, 0x1c, 1);
	assert_int_equal(in(f, 0x1c, 4), 0);
	rtc_reset(f->rtc);
	assert_int_equal(in(f, 4, 4), 0);
	assert_int_equal(in(f, 0x10, 4), 0);
}

static void odd_accesses(void **state)
{
	struct fixture *f = *state;
	uint8_t byte = 0;

	assert_int_equal(in(f, 0, 1), 0xff);
	assert_int_equal(in(f, 0, 2), 0xffff);
	assert_true(in(f, 0, 8) == UINT64_MAX);
	assert_int_equal(in(f, 2, 4), 0xffffffff);
	assert_int_equal(in(f, 0xffc, 4), 0xb1);
	/* Across the end. */
	assert_int_equal(in(f, 0xffe, 4), 0xffffffff);
	out(f, 4, 7);
	bus_access(f->bus, BUS_MMIO, BASE + 4, &byte, 1, true);
	assert_int_equal(in(f, 4, 4), 7);
}

static void none_and_taken(void **state)
{
	static const struct bus_place nowhere = { BUS_MMIO, 0 };
	struct fixture *f = *state;
	struct rtc *other = NULL;

	assert_int_equal(rtc_create(&other, f->bus, &nowhere), 0);
	assert_null(other);
	assert_int_equal(rtc_create(&other, f->bus, &place), -EEXIST);
	assert_null(other);
	rtc_reset(NULL);
	rtc_destroy(NULL);
}

#define WITH_RTC(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_RTC(hosts_time),	WITH_RTC(set_by_the_guest),
		WITH_RTC(identity),	WITH_RTC(no_alarm),
		WITH_RTC(odd_accesses), WITH_RTC(none_and_taken),
	};

	return run_all(tests);
}
