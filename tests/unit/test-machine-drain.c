// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-machine-drain - a machine whose virtio device has something under way that
 * the host ends late, or never: reboots and ends wait for it, signals do not.
 */
#include "harness.h"

#include <unistd.h>

#include "machine-run-fixture.h"
#include "src/machine-priv.h"
#include "virtio-pci.h"

bool __wrap_virtio_pci_settle(struct virtio_pci *v);
bool __real_virtio_pci_settle(struct virtio_pci *v);

/* How often the device is found busy, and what happens then. */
static unsigned int nr_busy, nr_looks;
static void (*when_busy)(void);

bool __wrap_virtio_pci_settle(struct virtio_pci *v)
{
	nr_looks++;
	if (!nr_busy)
		return __real_virtio_pci_settle(v);
	nr_busy--;
	when_busy();
	return false;
}

static void comes_to_rest(void)
{
	uint64_t one = 1;

	assert_int_equal(write(machine->rested_fd, &one, sizeof(one)), 8);
}

static void gets_sigterm(void)
{
	kill(getpid(), SIGTERM);
}

static void gets_sighup(void)
{
	kill(getpid(), SIGHUP);
}

static void stays_busy(void)
{
}

/* As a session whose channels were emptied in vain, for the guest had gone. */
static void ends_in_order(void)
{
	machine_stop(machine, END_POWEROFF, "exited");
	comes_to_rest();
}

/* As a note that came too late for the loop, which was ending already. */
static void has_asked_for_a_reset(void)
{
	machine_event(machine, VM_RESET);
	comes_to_rest();
}

static struct run_config with_device(void)
{
	struct run_config cfg = one_cpu();

	cfg.rng = true;
	cfg.grace_ms = 60000;
	return cfg;
}

static int setup(void **state)
{
	nr_looks = 0;
	nr_busy = UINT32_MAX;
	return reset_run(state);
}

/* As run(), of a machine that is not destroyed when it was to be. */
static struct machine_result run_stuck(const struct run_config *cfg,
				       int (*fn)(struct kvm_run *run))
{
	struct machine_result result = { END_FAILED, "" };
	unsigned int fds = nr_fds();
	struct stats stats;

	stats_init(&stats);
	fake.run = fn;
	assert_int_equal(machine_create(&machine, cfg, &stats), 0);
	assert_int_equal(machine_run(machine, &result), 0);
	assert_true(machine->abandoned);
	machine_destroy(machine);
	assert_true(nr_fds() > fds);

	nr_busy = 0;
	machine->abandoned = false;
	machine_destroy(machine);
	assert_int_equal(nr_fds(), fds);
	return result;
}

static void end_waits_for_devices(void **state)
{
	struct run_config cfg = with_device();
	struct machine_result result;

	(void)state;
	nr_busy = 3;
	when_busy = comes_to_rest;
	result = run(&cfg, power_off);
	assert_int_equal(result.end, END_POWEROFF);
	/* And more, where a second passes meanwhile. */
	assert_true(nr_looks >= 4);
	assert_int_equal(nr_busy, 0);
}

/* Who goes in order twice has its devices waited for all the same. */
static void two_ends_are_one(void **state)
{
	struct run_config cfg = with_device();
	struct machine_result result;

	(void)state;
	nr_busy = 3;
	when_busy = ends_in_order;
	result = run(&cfg, power_off);
	assert_int_equal(result.end, END_POWEROFF);
	assert_string_equal(result.reason, "poweroff");
	assert_int_equal(nr_busy, 0);
}

static int counted_power_off(struct kvm_run *run)
{
	atomic_fetch_add(&entries, 1);
	return power_off(run);
}

/* Nor does it begin again where it wanted to, too. */
static void what_ends_is_not_reset(void **state)
{
	struct run_config cfg = with_device();
	struct machine_result result;

	(void)state;
	assert_int_equal(cfg.on_reboot, REBOOT_RESTART);
	nr_busy = 3;
	when_busy = has_asked_for_a_reset;
	result = run(&cfg, counted_power_off);
	assert_int_equal(result.end, END_POWEROFF);
	assert_string_equal(result.reason, "poweroff");
	assert_int_equal(atomic_load(&entries), 1);
}

static int reboots_once(struct kvm_run *run)
{
	return atomic_fetch_add(&entries, 1) ? power_off(run) : reboot(run);
}

static void reboot_waits_for_devices(void **state)
{
	struct run_config cfg = with_device();
	struct machine_result result;

	(void)state;
	nr_busy = 2;
	when_busy = comes_to_rest;
	result = run(&cfg, reboots_once);
	assert_int_equal(result.end, END_POWEROFF);
	assert_string_equal(result.reason, "poweroff");
	assert_int_equal(atomic_load(&entries), 2);
	/* Those, the one that let it go on, and the end's. */
	assert_true(nr_looks >= 4);
	assert_int_equal(nr_busy, 0);
}

static void signal_ends_the_wait(void **state)
{
	static const struct {
		int (*fn)(struct kvm_run *run);
		int status;
		const char *reason;
	} rows[] = {
		{ power_off, END_KILLED, "signal" },
		{ shutdown, END_CRASHED, "crashed" },
	};
	struct run_config cfg = with_device();
	struct machine_result result;
	struct capture c;

	when_busy = gets_sigterm;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(state);
		capture_begin(&c);
		result = run_stuck(&cfg, rows[i].fn);
		capture_end(&c);
		assert_int_equal(result.end, rows[i].status);
		assert_string_equal(result.reason, rows[i].reason);
	}
}

/* The guest is not entered again. */
static void signal_ends_a_reboot(void **state)
{
	struct run_config cfg = with_device();
	struct machine_result result;
	struct capture c;

	(void)state;
	when_busy = gets_sighup;
	capture_begin(&c);
	result = run_stuck(&cfg, reboots_once);
	capture_end(&c);
	assert_int_equal(result.end, END_KILLED);
	assert_int_equal(atomic_load(&entries), 1);
}

static int ends_by_signal(struct kvm_run *run)
{
	if (!atomic_fetch_add(&entries, 1))
		kill(getpid(), SIGTERM);
	return busy(run);
}

static void killed_one_waits_a_second(void **state)
{
	struct run_config cfg = with_device();
	struct machine_result result;
	struct capture c;

	(void)state;
	cfg.grace_ms = 0;
	when_busy = stays_busy;
	capture_begin(&c);
	result = run_stuck(&cfg, ends_by_signal);
	assert_non_null(
		strstr(capture_end(&c),
		       "wherry: notice: rng: the host has not done what the "
		       "guest had asked for; it is left to the kernel"));
	assert_int_equal(result.end, END_KILLED);
	assert_string_equal(result.reason, "signal");
}

#define TEST(fn) cmocka_unit_test_setup(fn, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(end_waits_for_devices),	 TEST(reboot_waits_for_devices),
		TEST(signal_ends_the_wait),	 TEST(signal_ends_a_reboot),
		TEST(killed_one_waits_a_second), TEST(two_ends_are_one),
		TEST(what_ends_is_not_reset),
	};

	kernel = fake_image();
	return run_all(tests);
}
