// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-machine - how a machine comes up and goes down, against a fake kernel:
 * the order of life of its devices, every step failed in turn without a leak,
 * what a KVM must have.
 */
#include "harness.h"

#include "capture.h"
#include "fake-kernel.h"
#include "fake-machine.h"
#include "fds.h"

static char *kernel;

#define UP                                                             \
	"vm ioas allow "                                               \
	"open0 add0 bind0 attach0 open1 add1 bind1 attach1 allow map " \
	"export0 export1 "
#define DOWN                                         \
	"detach1 del1 close-1 detach0 del0 close-0 " \
	"unmap destroy close-iommu close-kvm-vfio close-vm close-kvm "

static int reset_fake(void **state)
{
	(void)state;
	fake_reset();
	return 0;
}

/* Up and down again; what machine_create() said. */
static int whole_life(const struct run_config *cfg)
{
	struct machine *m = NULL;
	struct stats stats;
	int r;

	stats_init(&stats);
	r = machine_create(&m, cfg, &stats);
	assert_int_equal(!r, !!m);
	machine_destroy(m);
	return r;
}

static void comes_up_and_goes_down_in_order(void **state)
{
	struct run_config cfg = fake_run_config(kernel);
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
	struct run_config cfg = fake_run_config(kernel);
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
	struct run_config cfg = fake_run_config(kernel);

	(void)state;
	cfg.nr_devices = 0;
	assert_int_equal(whole_life(&cfg), 0);
	assert_string_equal(fake.order, "vm close-vm close-kvm ");
}

/* What may fail without a word: answers that have a default. */
static bool may_fail(unsigned long request)
{
	return request == KVM_CHECK_EXTENSION || request == KVM_GET_STATS_FD ||
	       request == KVM_GET_TSC_KHZ || request == KVM_SET_TSC_KHZ;
}

/* A life with something failing, set in fake. */
static void broken_life(const struct run_config *cfg)
{
	unsigned int fds = nr_fds(), maps = nr_mapped();
	struct capture c;
	int r;

	capture_begin(&c);
	r = whole_life(cfg);
	capture_end(&c);
	if (!r && may_fail(fake.failed))
		return;
	if (!r || strncmp(c.text, "wherry: ", 8) ||
	    strchr(c.text, '\n') != c.text + strlen(c.text) - 1)
		fail_msg("ioctl %#lx: %d, '%s'", fake.failed, r, c.text);
	/* Nothing left, nothing half bound. */
	assert_int_equal(nr_fds(), fds);
	assert_int_equal(nr_mapped(), maps);
	for (int i = 0; i < 2; i++)
		assert_false(fake.attached[i] || fake.in_kvm[i]);
}

static void each_ioctl_failed_in_turn(void **state)
{
	struct run_config cfg = fake_run_config(kernel);
	struct machine *m;
	struct stats stats;
	int nr;

	cfg.p2p = P2P_ON; /* nothing may be had by halves */
	stats_init(&stats);
	assert_int_equal(machine_create(&m, &cfg, &stats), 0);
	nr = fake.nr_ioctls;
	machine_destroy(m);
	assert_true(nr > 100);
	for (int i = 0; i < nr; i++) {
		reset_fake(state);
		fake.fail_at = i;
		broken_life(&cfg);
		assert_int_not_equal(fake.failed, 0);
	}
}

static void each_open_failed_in_turn(void **state)
{
	struct run_config cfg = fake_run_config(kernel);

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
	struct run_config cfg = fake_run_config(kernel);
	unsigned int fds = nr_fds(), maps = nr_mapped();
	struct machine *m;
	struct stats stats;
	struct capture c;
	int up, all;

	stats_init(&stats);
	assert_int_equal(machine_create(&m, &cfg, &stats), 0);
	up = fake.nr_ioctls;
	machine_destroy(m);
	all = fake.nr_ioctls;
	for (int i = up; i < all; i++) {
		reset_fake(state);
		fake.fail_at = i;
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

static void fails_with(const struct run_config *cfg, const char *says)
{
	struct capture c;

	capture_begin(&c);
	assert_true(whole_life(cfg) < 0);
	capture_end(&c);
	if (!strstr(c.text, says))
		fail_msg("no '%s' in '%s'", says, c.text);
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
		{ KVM_CAP_SIGNAL_MSI, "KVM_CAP_SIGNAL_MSI" },
		{ KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT" },
		{ KVM_CAP_TSC_DEADLINE_TIMER, "KVM_CAP_TSC_DEADLINE_TIMER" },
	};
	struct run_config cfg = fake_run_config(kernel);

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
	struct run_config cfg = fake_run_config(kernel);

	(void)state;
	fake.cap_is_missing = true;
	fake.missing_cap = KVM_CAP_IRQCHIP;
	fails_with(&cfg, "no full in-kernel interrupt controller; use a "
			 "kernel with kvm_intel or kvm_amd");
}

static void more_vcpus_than_kvm_allows(void **state)
{
	struct run_config cfg = fake_run_config(kernel);

	(void)state;
	cfg.cpus.nr = 5;
	fake.max_vcpus = 4;
	fails_with(&cfg, "--cpus 5: KVM allows at most 4 vCPUs on this host");
}

static void kvm_that_cannot_be_opened(void **state)
{
	static const struct {
		int err;
		const char *says;
	} rows[] = {
		{ ENOENT, "/dev/kvm: cannot open: No such file" },
		{ ENOENT, "load kvm_intel or kvm_amd" },
		{ EACCES, "add this user to the group" },
		{ EMFILE, "Too many open files" },
	};
	struct run_config cfg = fake_run_config(kernel);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		reset_fake(state);
		fake.fail_open_at = 1;
		fake.fail_errno = rows[i].err;
		fails_with(&cfg, rows[i].says);
	}
	/* A VM's descriptor, or anything else. */
	reset_fake(state);
	cfg.kvm = fake_fd(FAKE_VM, 0);
	fails_with(&cfg, "--kvm takes an open /dev/kvm, not a VM");
}

static void unsafe_interrupts_are_refused(void **state)
{
	struct run_config cfg = fake_run_config(kernel);

	(void)state;
	fake.unsafe = true;
	fails_with(&cfg, "0000:01:00.0: cannot be assigned: no interrupt "
			 "remapping");
	assert_null(strstr(fake.order, "open0"));
	cfg.nr_devices = 0;
	assert_int_equal(whole_life(&cfg), 0);
}

/* Whether devices reach each other's BARs, and what is said of it. */
static bool p2p(const struct run_config *cfg, const char *says)
{
	struct capture c;
	int r;

	capture_begin(&c);
	r = whole_life(cfg);
	capture_end(&c);
	if (says ? !strstr(c.text, says) : c.text[0] != '\0')
		fail_msg("no '%s' in '%s'", says, c.text);
	assert_int_equal(r < 0, !strncmp(c.text, "wherry: --p2p on", 16));
	return strstr(fake.order, "export0 ");
}

static void p2p_on_auto_and_off(void **state)
{
	struct run_config cfg = fake_run_config(kernel);

	assert_true(p2p(&cfg, NULL));
	assert_int_equal(fake.nr_allowed, 3); /* RAM and two windows */
	reset_fake(state);
	cfg.p2p = P2P_OFF;
	assert_false(p2p(&cfg, NULL));
	assert_int_equal(fake.nr_allowed, 1);
	/* One device has no peer, unless it is to have one later. */
	reset_fake(state);
	cfg.nr_devices = 1;
	cfg.p2p = P2P_AUTO;
	assert_false(p2p(&cfg, NULL));
	reset_fake(state);
	cfg.p2p = P2P_ON;
	assert_true(p2p(&cfg, NULL));
}

static void p2p_that_cannot_be(void **state)
{
	struct run_config cfg = fake_run_config(kernel);

	/* The kernel knows no such thing. */
	fake.no_dmabuf[0] = fake.no_dmabuf[1] = ENOTTY;
	assert_false(p2p(&cfg, "p2p: off, devices cannot reach each other's "
			       "BARs: this kernel exports no BARs"));
	reset_fake(state);
	fake.no_dmabuf[0] = fake.no_dmabuf[1] = ENOTTY;
	cfg.p2p = P2P_ON;
	assert_false(p2p(&cfg, "--p2p on: 0000:01:00.0: cannot be reached by "
			       "other devices: this kernel exports no BARs"));
	reset_fake(state);
	fake.no_dmabuf[0] = fake.no_dmabuf[1] = ENOTTY;
	cfg.p2p = P2P_OFF;
	assert_false(p2p(&cfg, NULL));
	/* The driver of one does not. */
	reset_fake(state);
	fake.no_dmabuf[1] = ENOTTY;
	cfg.p2p = P2P_ON;
	assert_false(p2p(&cfg, "--p2p on: 0000:02:00.0: cannot be reached by "
			       "other devices: its driver exports no BARs"));
	reset_fake(state);
	fake.no_dmabuf[1] = EOPNOTSUPP;
	cfg.p2p = P2P_AUTO;
	assert_true(p2p(&cfg, "0000:02:00.0 bar0: cannot be exported to other "
			      "devices: its driver cannot"));
}

static void reaches_up_to(uint64_t last)
{
	fake.nr_reach = 1;
	fake.reach[0] = (struct abi_iommu_iova_range){ 0, last };
}

static void p2p_out_of_reach(void **state)
{
	struct run_config cfg = fake_run_config(kernel);

	reaches_up_to(0xcfffffff);
	assert_false(p2p(&cfg, "p2p: off: not every device can reach "
			       "0xc0000000 to 0xdfffffff"));
	reset_fake(state);
	reaches_up_to(0xcfffffff);
	cfg.p2p = P2P_ON;
	assert_false(p2p(&cfg, "--p2p on: not every device can reach "
			       "0xc0000000 to 0xdfffffff"));
}

/* Both what bears the number and what bears none go by one page table that
 * can serve it; it is gone before the IOAS is. */
static void pasids_need_a_page_table(void **state)
{
	struct run_config cfg = fake_run_config(kernel);
	unsigned int fds = nr_fds();

	(void)state;
	cfg.p2p = P2P_OFF;
	cfg.devices[0].pasid = 5;
	fake.pasid_log2 = 3;
	assert_int_equal(whole_life(&cfg), 0);
	assert_string_equal(
		fake.order,
		"vm ioas allow open0 add0 bind0 hwpt0 attach-hwpt0 pasid5-0 "
		"open1 add1 bind1 attach1 map "
		"detach1 del1 close-1 unpasid5-0 detach0 del0 close-0 "
		"free-hwpt unmap destroy "
		"close-iommu close-kvm-vfio close-vm close-kvm ");
	assert_int_equal(nr_fds(), fds);
}

static void pasids_that_are_not_there(void **state)
{
	static const struct {
		int pasid_errno, hwpt_errno;
		uint8_t log2;
		const char *says;
	} rows[] = {
		{ EINVAL, 0, 3,
		  "pasid=8: this kernel attaches no device by "
		  "PASID; use Linux 6.15" },
		{ EOPNOTSUPP, 0, 3, "pasid=8: the device's driver cannot" },
		{ 0, 0, 0,
		  "pasid=8: the device, or the IOMMU before it, has "
		  "no PASIDs" },
		{ 0, 0, 3, "pasid=8: its PASIDs go up to 7" },
		{ 0, EOPNOTSUPP, 4,
		  "pasid=8: its IOMMU offers no page table "
		  "for PASIDs: Operation not supported" },
	};
	struct run_config cfg = fake_run_config(kernel);

	cfg.devices[0].pasid = 8;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		reset_fake(state);
		fake.pasid_errno = rows[i].pasid_errno;
		fake.hwpt_errno = rows[i].hwpt_errno;
		fake.pasid_log2 = rows[i].log2;
		fails_with(&cfg, rows[i].says);
		assert_null(strstr(fake.order, "attach"));
		assert_non_null(strstr(fake.order, "close-0 "));
	}
}

static void each_ioctl_failed_with_a_pasid(void **state)
{
	struct run_config cfg = fake_run_config(kernel);
	struct machine *m;
	struct stats stats;
	int nr;

	cfg.p2p = P2P_OFF;
	cfg.devices[0].pasid = 5;
	fake.pasid_log2 = 3;
	stats_init(&stats);
	assert_int_equal(machine_create(&m, &cfg, &stats), 0);
	nr = fake.nr_ioctls;
	machine_destroy(m);
	for (int i = 0; i < nr; i++) {
		reset_fake(state);
		fake.pasid_log2 = 3;
		fake.fail_at = i;
		broken_life(&cfg);
	}
}

static void layouts_out_of_reach_are_named(void **state)
{
	static const struct {
		uint64_t memory;
		unsigned int nr;
		struct abi_iommu_iova_range reach[3];
		const char *says;
	} rows[] = {
		/* 39 bits, of which one GiB at 3 GiB is for devices. */
		{ GIB(600),
		  2,
		  { { 0, 0xfedfffff }, { 0xfef00000, (1ULL << 39) - 1 } },
		  "its IOMMU's addresses end at 0x7fffffffff, and the guest's "
		  "memory at 0x963fffffff; use --memory 523264M or less" },
		{ GIB(1),
		  3,
		  { { 0, 0xfffffff },
		    { 0x10100000, 0xfedfffff },
		    { 0xfef00000, (1ULL << 48) - 1 } },
		  "its IOMMU reserves 0x10000000-0x100fffff, where the guest's "
		  "memory is; use --memory 256M or less" },
		{ GIB(8),
		  3,
		  { { 0, 0xfedfffff },
		    { 0xfef00000, 0x13fffffff },
		    { 0x180000000, (1ULL << 48) - 1 } },
		  "its IOMMU reserves 0x140000000-0x17fffffff, where" },
		/* Not even the first page. */
		{ GIB(1),
		  1,
		  { { 0x1000, (1ULL << 48) - 1 } },
		  "its IOMMU reserves 0x0-0xfff, where" },
	};
	struct run_config cfg = fake_run_config(kernel);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		reset_fake(state);
		cfg.memory.bytes = rows[i].memory;
		fake.nr_reach = rows[i].nr;
		memcpy(fake.reach, rows[i].reach, sizeof(fake.reach));
		fails_with(&cfg, rows[i].says);
		assert_non_null(strstr(fake.order, "scratch look0 away0 "
						   "free-scratch "));
	}
	/* A VM whose memory fits, to the byte. */
	reset_fake(state);
	cfg.memory.bytes = MIB(32);
	fake.nr_reach = 1;
	fake.reach[0] = (struct abi_iommu_iova_range){ 0, MIB(32) - 1 };
	assert_int_equal(whole_life(&cfg), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(comes_up_and_goes_down_in_order,
				       reset_fake),
		cmocka_unit_test_setup(passed_descriptors_are_used_up,
				       reset_fake),
		cmocka_unit_test_setup(bound_and_unknown_is_refused,
				       reset_fake),
		cmocka_unit_test_setup(without_devices_there_is_no_iommu,
				       reset_fake),
		cmocka_unit_test_setup(each_ioctl_failed_in_turn, reset_fake),
		cmocka_unit_test_setup(each_open_failed_in_turn, reset_fake),
		cmocka_unit_test_setup(each_ioctl_of_the_end_failed,
				       reset_fake),
		cmocka_unit_test_setup(missing_capabilities_are_named,
				       reset_fake),
		cmocka_unit_test_setup(no_irqchip_is_refused, reset_fake),
		cmocka_unit_test_setup(more_vcpus_than_kvm_allows, reset_fake),
		cmocka_unit_test_setup(kvm_that_cannot_be_opened, reset_fake),
		cmocka_unit_test_setup(unsafe_interrupts_are_refused,
				       reset_fake),
		cmocka_unit_test_setup(pasids_need_a_page_table, reset_fake),
		cmocka_unit_test_setup(pasids_that_are_not_there, reset_fake),
		cmocka_unit_test_setup(each_ioctl_failed_with_a_pasid,
				       reset_fake),
		cmocka_unit_test_setup(layouts_out_of_reach_are_named,
				       reset_fake),
		cmocka_unit_test_setup(p2p_on_auto_and_off, reset_fake),
		cmocka_unit_test_setup(p2p_that_cannot_be, reset_fake),
		cmocka_unit_test_setup(p2p_out_of_reach, reset_fake),
	};

	kernel = fake_image();
	return run_all(tests);
}
