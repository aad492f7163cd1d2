// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-machine - how a machine comes up and goes down, against a fake kernel:
 * the order of life of its devices, every step failed in turn without a leak,
 * what a KVM must have.
 */
#include "harness.h"

#include "fake-kernel.h"
#include "fake-machine.h"

#define UP                                                             \
	"vm ioas allow "                                               \
	"open0 add0 bind0 attach0 open1 add1 bind1 attach1 allow map " \
	"export0 export1 "
#define DOWN                                         \
	"detach1 del1 close-1 detach0 del0 close-0 " \
	"unmap destroy close-iommu close-kvm-vfio close-vm close-kvm "

static void comes_up_and_goes_down_in_order(void **state)
{
	struct run_config cfg = fake_run_config();
	unsigned int fds = nr_fds(), maps = nr_mapped();

	(void)state;
	assert_int_equal(whole_life(&cfg), 0);
	assert_string_equal(fake.order, UP DOWN);
	assert_int_equal(nr_fds(), fds);
	assert_int_equal(nr_mapped(), maps);
}

/* The same by descriptors of a launcher, which are used up. */
static struct run_config passed_config(void)
{
	struct run_config cfg = fake_run_config();
	static char specs[2][16];

	cfg.kvm = fake_fd(FAKE_KVM, 0);
	cfg.iommufd = fake_fd(FAKE_IOMMU, 0);
	for (int i = 0; i < 2; i++) {
		struct device_config *d = &cfg.devices[i];

		d->kind = DEVICE_FD;
		d->fd = fake_open_device(i);
		d->spec = specs[i];
		snprintf(d->spec, sizeof(specs[i]), "fd=%d", d->fd);
	}
	return cfg;
}

static void passed_descriptors_are_used_up(void **state)
{
	unsigned int fds = nr_fds();
	struct run_config cfg = passed_config();

	(void)state;
	assert_int_equal(whole_life(&cfg), 0);
	assert_string_equal(fake.order, "vm ioas allow add0 bind0 attach0 "
					"add1 bind1 attach1 allow map "
					"export0 export1 " DOWN);
	assert_int_equal(nr_fds(), fds);
}

/* Whose driver it is cannot be told of a device that sysfs does not show. */
static void bound_and_unknown_is_refused(void **state)
{
	unsigned int fds = nr_fds();
	struct run_config cfg = passed_config();
	struct capture c;

	(void)state;
	cfg.devices[1].devid = 2;
	capture_begin(&c);
	assert_int_equal(whole_life(&cfg), -ENOTSUP);
	assert_non_null(strstr(capture_end(&c), ": devid=2: only for a PCI"));
	assert_string_equal(fake.order,
			    "vm ioas allow add0 bind0 attach0 add1 "
			    "del1 close-1 detach0 del0 close-0 unmap destroy "
			    "close-iommu close-kvm-vfio close-vm close-kvm ");
	assert_int_equal(nr_fds(), fds);
}

static void without_devices_there_is_no_iommu(void **state)
{
	struct run_config cfg = fake_run_config();

	(void)state;
	cfg.nr_devices = 0;
	assert_int_equal(whole_life(&cfg), 0);
	assert_string_equal(fake.order, "vm close-vm close-kvm ");
}

static void each_ioctl_failed_in_turn(void **state)
{
	struct run_config cfg = fake_run_config();
	int nr;

	cfg.p2p = P2P_ON; /* nothing may be had by halves */
	nr = ioctls_to_start(&cfg);
	assert_true(nr > 100);
	for (int i = 0; i < nr; i++) {
		reset_fake(state);
		ioctls.fail_at = i;
		broken_life(&cfg);
		assert_int_not_equal(ioctls.failed, 0);
	}
}

static void each_open_failed_in_turn(void **state)
{
	struct run_config cfg = fake_run_config();

	for (int i = 0; i < 5; i++) {
		reset_fake(state);
		fake.fail_open_at = i;
		broken_life(&cfg);
	}
	/* Kernel, KVM, iommufd, two devices; then what may be absent. */
	reset_fake(state);
	fake.fail_open_at = 5;
	assert_int_equal(whole_life(&cfg), 0);
}

/* Whatever fails at the end, the rest is still taken down. */
static void each_ioctl_of_the_end_failed(void **state)
{
	struct run_config cfg = fake_run_config();
	unsigned int fds = nr_fds(), maps = nr_mapped();
	struct machine *m;
	struct stats stats;
	struct capture c;
	int up, all;

	stats_init(&stats);
	assert_int_equal(machine_create(&m, &cfg, &stats), 0);
	up = ioctls.nr;
	machine_destroy(m);
	all = ioctls.nr;
	for (int i = up; i < all; i++) {
		reset_fake(state);
		ioctls.fail_at = i;
		capture_begin(&c);
		assert_int_equal(whole_life(&cfg), 0);
		capture_end(&c);
		assert_int_equal(nr_fds(), fds);
		assert_int_equal(nr_mapped(), maps);
		assert_non_null(strstr(fake.order, "close-1 "));
		assert_non_null(strstr(fake.order, "close-0 "));
		assert_non_null(strstr(fake.order, "close-kvm "));
	}
}

static void missing_capabilities_are_named(void **state)
{
	static const struct {
		unsigned int cap;
		const char *name;
	} rows[] = {
		{ KVM_CAP_IRQCHIP, "KVM_CAP_IRQCHIP" },
		{ KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY" },
		{ KVM_CAP_IRQFD, "KVM_CAP_IRQFD" },
		{ KVM_CAP_IRQFD_RESAMPLE, "KVM_CAP_IRQFD_RESAMPLE" },
		{ KVM_CAP_IRQ_ROUTING, "KVM_CAP_IRQ_ROUTING" },
		{ KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT" },
		{ KVM_CAP_TSC_DEADLINE_TIMER, "KVM_CAP_TSC_DEADLINE_TIMER" },
	};
	struct run_config cfg = fake_run_config();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		reset_fake(state);
		fake.cap_is_missing = true;
		fake.missing_cap = rows[i].cap;
		fails_with(&cfg, rows[i].name);
	}
	reset_fake(state);
	fake.no_kvm_clock = true;
	fails_with(&cfg, "kvm-clock is missing");
}

static void no_irqchip_is_refused(void **state)
{
	struct run_config cfg = fake_run_config();

	(void)state;
	fake.cap_is_missing = true;
	fake.missing_cap = KVM_CAP_IRQCHIP;
	fails_with(&cfg, "no full in-kernel interrupt controller; use a "
			 "kernel with kvm_intel or kvm_amd");
}

static void more_vcpus_than_kvm_allows(void **state)
{
	struct run_config cfg = fake_run_config();

	(void)state;
	cfg.cpus.nr = 5;
	fake.max_vcpus = 4;
	fails_with(&cfg, "--cpus 5: KVM allows at most 4 vCPUs on this host");
}

/* The open of this number, for each of these reasons. */
static void opening_fails(void **state, int at, const struct remedy *rows,
			  size_t nr)
{
	struct run_config cfg = fake_run_config();

	for (size_t i = 0; i < nr; i++) {
		reset_fake(state);
		fake.fail_open_at = at;
		fake.fail_open_errno = rows[i].err;
		fails_with(&cfg, rows[i].says);
	}
}

static void kvm_that_cannot_be_opened(void **state)
{
	static const struct remedy rows[] = {
		{ ENOENT, "/dev/kvm: cannot open: No such file" },
		{ ENOENT, "load kvm_intel or kvm_amd" },
		{ EACCES, "add this user to the group" },
		{ EMFILE, "Too many open files" },
	};
	struct run_config cfg = fake_run_config();

	opening_fails(state, 1, rows, ARRAY_SIZE(rows));
	/* A VM's descriptor, or anything else. */
	reset_fake(state);
	cfg.kvm = fake_fd(FAKE_VM, 0);
	fails_with(&cfg, "--kvm takes an open /dev/kvm, not a VM");
}

/* In Ubuntu, /boot has kernels that only root may read. */
static void images_that_cannot_be_opened(void **state)
{
	static const struct remedy rows[] = {
		{ ENOENT, "cannot open the kernel: No such file or directory; "
			  "name a file that is there" },
		{ EACCES, "let this user read it, or name a copy" },
		{ EMFILE, "cannot open the kernel: Too many open files" },
	};

	opening_fails(state, 0, rows, ARRAY_SIZE(rows));
}

static void unsafe_interrupts_are_refused(void **state)
{
	struct run_config cfg = fake_run_config();

	(void)state;
	fake.unsafe = true;
	fails_with(&cfg, "0000:01:00.0: cannot be assigned: no interrupt "
			 "remapping");
	assert_null(strstr(fake.order, "open0"));
	cfg.nr_devices = 0;
	assert_int_equal(whole_life(&cfg), 0);
}

/* No hardware of the host's is theirs, so there is nothing to forge with. */
static void mediated_devices_forge_no_interrupts(void **state)
{
	static char uuids[][40] = { "11111111-83f1-4c2f-a9d6-f1eb8cc1ae92",
				    "22222222-83f1-4c2f-a9d6-f1eb8cc1ae92" };
	struct run_config cfg = fake_run_config();
	struct device_config pci = cfg.devices[1];

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		cfg.devices[i].kind = DEVICE_MDEV;
		cfg.devices[i].spec = uuids[i];
	}
	fake.unsafe = true;
	assert_int_equal(whole_life(&cfg), 0);
	assert_non_null(strstr(fake.order, "bind1"));
	fake_reset();
	fake.unsafe = true;
	cfg.devices[1] = pci;
	fails_with(&cfg, "0000:02:00.0: cannot be assigned: no interrupt "
			 "remapping");
	assert_null(strstr(fake.order, "open0"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, reset_fake)
	const struct CMUnitTest tests[] = {
		T(comes_up_and_goes_down_in_order),
		T(passed_descriptors_are_used_up),
		T(bound_and_unknown_is_refused),
		T(without_devices_there_is_no_iommu),
		T(each_ioctl_failed_in_turn),
		T(each_open_failed_in_turn),
		T(each_ioctl_of_the_end_failed),
		T(missing_capabilities_are_named),
		T(no_irqchip_is_refused),
		T(more_vcpus_than_kvm_allows),
		T(kvm_that_cannot_be_opened),
		T(images_that_cannot_be_opened),
		T(unsafe_interrupts_are_refused),
		T(mediated_devices_forge_no_interrupts),
	};

	kernel = fake_image();
	return run_all(tests);
}
