// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-machine-run - a machine that runs, against a fake kernel in which each
 * entry into the guest is a function here: how runs end, reboots, kicks,
 * faults on memslots that change.
 */
#include "harness.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>

#include "capture.h"
#include "fake-kernel.h"
#include "fake-machine.h"
#include "fds.h"
#include "kvm.h"
#include "../../src/machine-priv.h"
#include "ram.h"
#include "vcpu.h"

static char *kernel;
static struct machine *machine;
static atomic_int entries;
static atomic_bool missed; /* a kick */

static int reset_fake(void **state)
{
	(void)state;
	fake_reset();
	atomic_store(&entries, 0);
	atomic_store(&missed, false);
	return 0;
}

/* Builds and runs it; the other vCPUs wait as if for a SIPI. */
static bool told_early; /* a signal comes before the first instruction */

static struct machine_result run(const struct run_config *cfg,
				 int (*fn)(struct kvm_run *run))
{
	struct machine_result result = { END_FAILED, "" };
	struct stats stats;
	unsigned int fds = nr_fds();

	stats_init(&stats);
	fake.run = fn;
	assert_int_equal(machine_create(&machine, cfg, &stats), 0);
	if (told_early)
		kill(getpid(), SIGTERM);
	(void)machine_run(machine, &result);
	machine_destroy(machine);
	assert_int_equal(nr_fds(), fds);
	return result;
}

static struct run_config one_cpu(void)
{
	struct run_config cfg = fake_run_config(kernel);

	cfg.cpus.nr = 1;
	return cfg;
}

/*
 * A guest that never exits. The signal of a kick may come just before KVM_RUN
 * begins, so it alone must not matter: only immediate_exit does.
 */
static int busy(struct kvm_run *run)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; i < 3000; i++) {
		if (*(volatile uint8_t *)&run->immediate_exit)
			return EINTR;
		nanosleep(&pause, NULL);
	}
	atomic_store(&missed, true);
	return EINTR;
}

static int exits_with(struct kvm_run *run, uint32_t reason)
{
	run->exit_reason = reason;
	return 0;
}

static int shutdown(struct kvm_run *run)
{
	return exits_with(run, KVM_EXIT_SHUTDOWN);
}

static int power_off(struct kvm_run *run)
{
	run->system_event.type = KVM_SYSTEM_EVENT_SHUTDOWN;
	return exits_with(run, KVM_EXIT_SYSTEM_EVENT);
}

static int reboot(struct kvm_run *run)
{
	run->system_event.type = KVM_SYSTEM_EVENT_RESET;
	return exits_with(run, KVM_EXIT_SYSTEM_EVENT);
}

static int internal_error(struct kvm_run *run)
{
	return exits_with(run, KVM_EXIT_INTERNAL_ERROR);
}

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
	reset_fake(state);
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
		reset_fake(state);
		capture_begin(&c);
		result = run(&cfg, rows[i].fn);
		capture_end(&c);
		assert_int_equal(result.end, rows[i].status);
		assert_string_equal(result.reason, rows[i].reason);
	}
}

static void a_timeout_ends_it(void **state)
{
	struct run_config cfg = fake_run_config(kernel);
	struct machine_result result;
	struct capture c;

	(void)state;
	cfg.timeout_ms = 50;
	capture_begin(&c);
	result = run(&cfg, busy);
	assert_non_null(strstr(capture_end(&c), "--timeout expired"));
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

	reset_fake(state);
	cfg.grace_ms = 0;
	result = run(&cfg, busy_and_told);
	assert_int_equal(result.end, 5);
	assert_string_equal(result.reason, "signal");
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
		reset_fake(state);
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
		reset_fake(state);
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

static int confined_first(struct kvm_run *run)
{
	if (!strstr(fake.order, "confine filter-vcpu filter-loop "))
		atomic_store(&missed, true);
	return power_off(run);
}

static void confined_before_the_first_instruction(void **state)
{
	struct run_config cfg = one_cpu();

	assert_int_equal(run(&cfg, confined_first).end, 0);
	assert_false(missed);
	/* All is open before. */
	assert_true(strstr(fake.order, "map ") <
		    strstr(fake.order, "confine "));

	reset_fake(state);
	fake.confine_errno = EPERM;
	assert_int_equal(run(&cfg, power_off).end, 1);
	assert_null(strstr(fake.order, "filter-"));
}

/* Each time it finds clear memory, and leaves something there. */
static int reboots_twice(struct kvm_run *run)
{
	uint8_t *mem = ram_range(machine->ram, 0)->hva;

	if (mem[MIB(24)])
		atomic_store(&missed, true);
	mem[MIB(24)] = 1;
	if (atomic_fetch_add(&entries, 1) == 2)
		return power_off(run);
	return reboot(run);
}

static unsigned int times(const char *word)
{
	unsigned int n = 0;

	for (const char *s = fake.order; (s = strstr(s, word)); s++)
		n++;
	return n;
}

/* VM, devices and mappings stay. */
static void reboots_keep_everything_open(void **state)
{
	struct run_config cfg = fake_run_config(kernel);

	(void)state;
	cfg.cpus.nr = 1;
	assert_int_equal(run(&cfg, reboots_twice).end, 0);
	assert_false(missed);
	assert_int_equal(times("vm ioas"), 1);
	assert_int_equal(times("bind0"), 1);
	assert_int_equal(times(" map "), 1);
	assert_int_equal(times("unmap "), 1);
	assert_non_null(strstr(fake.order, "detach1 del1 close-1 detach0"));
}

static int fails_to_reboot(struct kvm_run *run)
{
	if (atomic_fetch_add(&entries, 1))
		return power_off(run);
	fake.fail_at = fake.nr_ioctls + 20;
	return reboot(run);
}

static void a_reboot_that_fails_is_told(void **state)
{
	struct run_config cfg = one_cpu();
	struct machine_result result;
	struct capture c;

	(void)state;
	capture_begin(&c);
	result = run(&cfg, fails_to_reboot);
	assert_non_null(strstr(capture_end(&c), "cannot reboot the guest"));
	assert_int_equal(result.end, 1);
	assert_string_equal(result.reason, "reboot-failed");
}

static int ports_seen(struct kvm_run *run)
{
	atomic_store(&entries, (int)machine->pci_slots);
	return power_off(run);
}

/* In their order, around those that are fixed. */
static void devices_get_their_ports(void **state)
{
	struct run_config cfg = one_cpu();

	cfg.devices[0].port = 2;
	assert_int_equal(run(&cfg, ports_seen).end, 0);
	assert_int_equal(entries, 1 << 0 | 1 << 2 | 1 << 1);
	reset_fake(state);
	cfg.devices[0].port = -1;
	cfg.devices[1].port = 31;
	assert_int_equal(run(&cfg, ports_seen).end, 0);
	assert_int_equal((unsigned int)entries, 1u | 1u << 1 | 1u << 31);
}

static void a_kick_needs_no_luck(void **state)
{
	struct run_config cfg = fake_run_config(kernel);
	const struct timespec pause = { .tv_nsec = 5000000 };
	struct stats stats;

	(void)state;
	stats_init(&stats);
	fake.run = busy;
	assert_int_equal(machine_create(&machine, &cfg, &stats), 0);
	for (int i = 0; i < 10; i++) {
		vcpus_resume(machine->vcpus);
		nanosleep(&pause, NULL);
		vcpus_pause(machine->vcpus);
	}
	machine_destroy(machine);
	assert_false(missed);
}

/* Says as which thread, and where, a vCPU runs. */
static int where_it_should(struct kvm_run *run)
{
	char name[16] = "";
	cpu_set_t set;

	pthread_getname_np(pthread_self(), name, sizeof(name));
	CPU_ZERO(&set);
	pthread_getaffinity_np(pthread_self(), sizeof(set), &set);
	if (strcmp(name, "vcpu0") || CPU_COUNT(&set) != 1 ||
	    !CPU_ISSET(machine->cfg->cpus.affinity[0], &set))
		atomic_store(&missed, true);
	return power_off(run);
}

static void threads_are_named_and_bound(void **state)
{
	struct run_config cfg = one_cpu();
	cpu_set_t all;

	(void)state;
	/* The last that this process may use. */
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	for (uint16_t i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &all))
			cfg.cpus.affinity[0] = i;
	cfg.cpus.nr_affinity = 1;
	assert_int_equal(run(&cfg, where_it_should).end, 0);
	assert_false(missed);
}

/* Another vCPU changes the memslots while this one faults on them. */
static int faults_on_the_old_table(struct kvm_run *run)
{
	int n = atomic_fetch_add(&entries, 1);
	static unsigned int slot;

	if (n == 2)
		return power_off(run);
	if (n == 0)
		(void)kvm_memslot_add(machine->kvm, GIB(8), 4096,
				      (void *)0x1000, false, &slot);
	else
		(void)kvm_memslot_del(machine->kvm, slot);
	return EFAULT;
}

static int faults_for_good(struct kvm_run *run)
{
	(void)run;
	if (atomic_fetch_add(&entries, 1) > 10)
		return power_off(run);
	return EFAULT;
}

static void stale_faults_are_tried_again(void **state)
{
	struct run_config cfg = one_cpu();
	struct capture c;

	assert_int_equal(run(&cfg, faults_on_the_old_table).end, 0);

	reset_fake(state);
	capture_begin(&c);
	assert_int_equal(run(&cfg, faults_for_good).end, 1);
	assert_non_null(strstr(capture_end(&c), "KVM_RUN: Bad address"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_end_has_its_status, reset_fake),
		cmocka_unit_test_setup(some_errors_pass, reset_fake),
		cmocka_unit_test_setup(a_timeout_ends_it, reset_fake),
		cmocka_unit_test_setup(a_signal_then_grace, reset_fake),
		cmocka_unit_test_setup(a_doubled_signal_is_one, reset_fake),
		cmocka_unit_test_setup(the_second_signal_is_not_polite,
				       reset_fake),
		cmocka_unit_test_setup(a_device_that_is_wanted_back_ends_it,
				       reset_fake),
		cmocka_unit_test_setup(a_device_that_fails, reset_fake),
		cmocka_unit_test_setup(a_signal_during_the_build, reset_fake),
		cmocka_unit_test_setup(a_signal_ends_the_build, reset_fake),
		cmocka_unit_test_setup(confined_before_the_first_instruction,
				       reset_fake),
		cmocka_unit_test_setup(reboots_keep_everything_open,
				       reset_fake),
		cmocka_unit_test_setup(a_reboot_that_fails_is_told, reset_fake),
		cmocka_unit_test_setup(devices_get_their_ports, reset_fake),
		cmocka_unit_test_setup(a_kick_needs_no_luck, reset_fake),
		cmocka_unit_test_setup(threads_are_named_and_bound, reset_fake),
		cmocka_unit_test_setup(stale_faults_are_tried_again,
				       reset_fake),
	};

	kernel = fake_image();
	return run_all(tests);
}
