// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-machine-end - how the run of a machine ends, against a fake kernel in
 * which each entry into the guest is a function here: by the guest, by a
 * signal or a time-out, by a device.
 */
#include "harness.h"

#include <pthread.h>

#include "machine-run-fixture.h"

static unsigned int nr_errors;

static int delivery_errors(struct kvm_run *run)
{
	if (!nr_errors)
		return power_off(run);
	nr_errors--;
	run->internal.suberror = KVM_INTERNAL_ERROR_DELIVERY_EV;
	return exits_with(run, KVM_EXIT_INTERNAL_ERROR);
}

static void some_errors_pass(void **state)
{
	struct run_config cfg = one_cpu();
	struct machine_result result;
	struct capture c;

	(void)state;
	nr_errors = 8;
	result = run(&cfg, delivery_errors);
	assert_int_equal(result.end, 0);
	/* For ever is another thing. */
	reset_run(state);
	nr_errors = 1000;
	capture_begin(&c);
	result = run(&cfg, delivery_errors);
	assert_non_null(strstr(capture_end(&c), "internal error 3, data"));
	assert_int_equal(result.end, 1);
	assert_int_equal(nr_errors, 1000 - 9);
}

static int unknown_exit(struct kvm_run *run)
{
	return exits_with(run, KVM_EXIT_DEBUG);
}

static int no_entry(struct kvm_run *run)
{
	(void)run;
	return EINVAL;
}

static void each_end_has_its_status(void **state)
{
	static const struct {
		int (*fn)(struct kvm_run *run);
		int status;
		const char *reason;
	} rows[] = {
		{ power_off, 0, "poweroff" },  { reboot, 0, "reset" },
		{ shutdown, 3, "crashed" },    { internal_error, 1, "failed" },
		{ unknown_exit, 1, "failed" }, { no_entry, 1, "failed" },
	};
	struct run_config cfg = one_cpu();
	struct machine_result result;
	struct capture c;

	cfg.on_reboot = REBOOT_EXIT;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		reset_run(state);
		capture_begin(&c);
		result = run(&cfg, rows[i].fn);
		capture_end(&c);
		assert_int_equal(result.end, rows[i].status);
		assert_string_equal(result.reason, rows[i].reason);
	}
}

static void a_timeout_ends_it(void **state)
{
	struct run_config cfg = fake_run_config();
	struct machine_result result;
	struct capture c;

	(void)state;
	cfg.timeout_ms = 50;
	capture_begin(&c);
	result = run(&cfg, busy);
	assert_non_null(strstr(capture_end(&c),
			       "--timeout expired: the guest was "
			       "stopped; give it a longer one"));
	assert_int_equal(result.end, 4);
	assert_false(missed);
}

static int busy_and_told(struct kvm_run *run)
{
	if (atomic_fetch_add(&entries, 1) == 0)
		kill(getpid(), SIGTERM);
	return busy(run);
}

/* The power button first; this guest does not listen. */
static void a_signal_then_grace(void **state)
{
	struct run_config cfg = one_cpu();
	struct machine_result result;
	struct capture c;

	cfg.grace_ms = 50;
	capture_begin(&c);
	result = run(&cfg, busy_and_told);
	assert_non_null(strstr(capture_end(&c), "within --grace"));
	assert_int_equal(result.end, 5);
	assert_string_equal(result.reason, "grace");

	reset_run(state);
	cfg.grace_ms = 0;
	result = run(&cfg, busy_and_told);
	assert_int_equal(result.end, 5);
	assert_string_equal(result.reason, "signal");
}

static atomic_int presses;

/* Reads what the button says, again and again: port 0x600. */
static int reads_the_button(struct kvm_run *run)
{
	const size_t at = offsetof(struct kvm_run, s) + 64;
	uint32_t *word = (uint32_t *)((uint8_t *)run + at);

	if (*(volatile uint8_t *)&run->immediate_exit)
		return EINTR;
	if (*word == 1 && atomic_fetch_add(&presses, 1) == 1)
		return power_off(run);
	if (atomic_fetch_add(&entries, 1) == 0)
		kill(getpid(), SIGTERM);
	usleep(1000);
	*word = 0;
	run->io.direction = KVM_EXIT_IO_IN;
	run->io.port = 0x600;
	run->io.size = 4;
	run->io.count = 1;
	run->io.data_offset = at;
	return exits_with(run, KVM_EXIT_IO);
}

/* One that nobody acted on is not the last. */
static void the_button_is_pressed_again(void **state)
{
	struct run_config cfg = one_cpu();

	(void)state;
	cfg.grace_ms = 60000;
	atomic_store(&presses, 0);
	assert_string_equal(run(&cfg, reads_the_button).reason, "poweroff");
	assert_int_equal(presses, 2);
}

static int busy_and_told_twice(struct kvm_run *run)
{
	if (atomic_fetch_add(&entries, 1) == 0) {
		kill(getpid(), SIGTERM);
		kill(getpid(), SIGINT);
	}
	return busy(run);
}

/* Two signals: of one request, as timeout(1) sends them, and of two. */
static void a_doubled_signal_is_one(void **state)
{
	struct run_config cfg = one_cpu();
	struct capture c;

	(void)state;
	cfg.grace_ms = 50;
	capture_begin(&c);
	assert_string_equal(run(&cfg, busy_and_told_twice).reason, "grace");
	capture_end(&c);
}

static int busy_and_told_again(struct kvm_run *run)
{
	if (atomic_fetch_add(&entries, 1) == 0) {
		kill(getpid(), SIGTERM);
		usleep(300000);
		kill(getpid(), SIGTERM);
	}
	return busy(run);
}

static void the_second_signal_is_not_polite(void **state)
{
	struct run_config cfg = one_cpu();

	(void)state;
	cfg.grace_ms = 60000;
	assert_string_equal(run(&cfg, busy_and_told_again).reason, "signal");
}

/* The host tells something of a device. */
static void tell(unsigned int index)
{
	uint64_t one = 1;

	if (write(fake.event_fds[index], &one, sizeof(one)) != sizeof(one))
		abort();
}

static int busy_and_wanted(struct kvm_run *run)
{
	if (atomic_fetch_add(&entries, 1) == 0)
		tell(VFIO_REQ);
	return busy(run);
}

static int wanted_and_off(struct kvm_run *run)
{
	if (atomic_fetch_add(&entries, 1) == 0)
		tell(VFIO_REQ);
	usleep(100000); /* the loop has seen it */
	return power_off(run);
}

static int wanted_and_reset(struct kvm_run *run)
{
	(void)wanted_and_off(run);
	return reboot(run);
}

static int wanted_and_told(struct kvm_run *run)
{
	if (atomic_fetch_add(&entries, 1) == 0) {
		tell(VFIO_REQ);
		usleep(50000);
		tell(VFIO_REQ); /* the kernel repeats it */
		kill(getpid(), SIGTERM);
	}
	return busy(run);
}

static void a_device_that_is_wanted_back_ends_it(void **state)
{
	static const struct {
		int (*fn)(struct kvm_run *run);
		uint64_t grace_ms;
		int status;
	} rows[] = {
		{ wanted_and_off, 5000, END_POWEROFF },
		{ wanted_and_reset, 5000, END_POWEROFF }, /* not again */
		{ busy_and_wanted, 50, END_KILLED },
		{ busy_and_wanted, 0, END_KILLED },
		{ wanted_and_told, 300, END_KILLED },
	};
	struct run_config cfg = one_cpu();
	struct machine_result result;
	struct capture c;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		reset_run(state);
		cfg.grace_ms = rows[i].grace_ms;
		capture_begin(&c);
		result = run(&cfg, rows[i].fn);
		assert_non_null(strstr(capture_end(&c), "wants the device"));
		assert_int_equal(result.end, rows[i].status);
		assert_string_equal(result.reason, "device-wanted");
	}
}

static int fails_and_off(struct kvm_run *run)
{
	if (atomic_fetch_add(&entries, 1) == 0)
		tell(VFIO_ERR);
	usleep(100000);
	return power_off(run);
}

static void a_device_that_fails(void **state)
{
	static const struct {
		enum device_error_action action;
		int status;
		const char *reason, *text;
	} rows[] = {
		{ DEVICE_ERROR_STOP, END_FAILED, "device-error",
		  "the guest was stopped: a device failed" },
		{ DEVICE_ERROR_REPORT, END_POWEROFF, "poweroff",
		  "uncorrectable PCIe error" },
		{ DEVICE_ERROR_IGNORE, END_POWEROFF, "poweroff", "" },
	};
	struct run_config cfg = one_cpu();
	struct machine_result result;
	struct capture c;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		reset_run(state);
		fake.event_fds[VFIO_ERR] = -1;
		cfg.on_device_error = rows[i].action;
		capture_begin(&c);
		result = run(&cfg, rows[i].action == DEVICE_ERROR_IGNORE ?
					   power_off :
					   fails_and_off);
		assert_non_null(strstr(capture_end(&c), rows[i].text));
		assert_int_equal(result.end, rows[i].status);
		assert_string_equal(result.reason, rows[i].reason);
	}
	/* Not even listened to. */
	assert_int_equal(strlen(c.text), 0);
	assert_int_equal(fake.event_fds[VFIO_ERR], -1);
}

static void a_signal_during_the_build(void **state)
{
	struct run_config cfg = one_cpu();
	struct machine_result result;
	int sig;
	sigset_t set;

	(void)state;
	told_early = true;
	result = run(&cfg, busy);
	told_early = false;
	/* It is still there: not for the next machine of this process. */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	assert_int_equal(sigwait(&set, &sig), 0);
	assert_int_equal(result.end, END_POWEROFF);
	assert_string_equal(result.reason, "signal");
}

/* Between two steps: pinning memory can take minutes. */
static void a_signal_ends_the_build(void **state)
{
	struct run_config cfg = one_cpu();
	unsigned int fds = nr_fds();
	struct stats stats;
	struct capture c;
	sigset_t set;
	int sig;

	(void)state;
	stats_init(&stats);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	kill(getpid(), SIGTERM);
	capture_begin(&c);
	assert_int_equal(machine_create(&machine, &cfg, &stats), -EINTR);
	assert_string_equal(capture_end(&c), "");
	assert_null(strstr(fake.order, "bind"));
	assert_int_equal(nr_fds(), fds);
	assert_int_equal(sigwait(&set, &sig), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, reset_run)
	const struct CMUnitTest tests[] = {
		T(each_end_has_its_status),
		T(some_errors_pass),
		T(a_timeout_ends_it),
		T(a_signal_then_grace),
		T(the_button_is_pressed_again),
		T(a_doubled_signal_is_one),
		T(the_second_signal_is_not_polite),
		T(a_device_that_is_wanted_back_ends_it),
		T(a_device_that_fails),
		T(a_signal_during_the_build),
		T(a_signal_ends_the_build),
	};

	kernel = fake_image();
	return run_all(tests);
}
