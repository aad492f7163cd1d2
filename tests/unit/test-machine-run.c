// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-machine-run - a machine that runs, against a fake kernel in which each
 * entry into the guest is a function here: confinement, reboots, kicks, faults
 * on memslots that change.
 */
#include "harness.h"

#include <pthread.h>
#include <sched.h>

#include "kvm.h"
#include "../../src/machine-priv.h"
#include "machine-run-fixture.h"
#include "ram.h"
#include "vcpu.h"

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

	reset_run(state);
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
	struct run_config cfg = fake_run_config();

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
	ioctls.fail_at = ioctls.nr + 20;
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
	reset_run(state);
	cfg.devices[0].port = -1;
	cfg.devices[1].port = 31;
	assert_int_equal(run(&cfg, ports_seen).end, 0);
	assert_int_equal((unsigned int)entries, 1u | 1u << 1 | 1u << 31);
}

static void a_kick_needs_no_luck(void **state)
{
	struct run_config cfg = fake_run_config();
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

	reset_run(state);
	capture_begin(&c);
	assert_int_equal(run(&cfg, faults_for_good).end, 1);
	assert_non_null(strstr(capture_end(&c), "KVM_RUN: Bad address"));
}

static int cannot_be_decoded(struct kvm_run *run)
{
	(void)run;
	return ENOSYS;
}

static void accesses_that_kvm_cannot_decode(void **state)
{
	struct run_config cfg = one_cpu();
	struct capture c;

	(void)state;
	capture_begin(&c);
	assert_int_equal(run(&cfg, cannot_be_decoded).end, 1);
	assert_non_null(strstr(capture_end(&c), "cannot decode"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, reset_run)
	const struct CMUnitTest tests[] = {
		T(confined_before_the_first_instruction),
		T(reboots_keep_everything_open),
		T(a_reboot_that_fails_is_told),
		T(devices_get_their_ports),
		T(a_kick_needs_no_luck),
		T(threads_are_named_and_bound),
		T(stale_faults_are_tried_again),
		T(accesses_that_kvm_cannot_decode),
	};

	kernel = fake_image();
	return run_all(tests);
}
