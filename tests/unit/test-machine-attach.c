// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-machine-attach - what a machine asks of the IOMMU for its devices,
 * against a fake kernel: that they reach all RAM, each other, and by PASID.
 */
#include "harness.h"

#include "fake-kernel.h"
#include "fake-machine.h"

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
	struct run_config cfg = fake_run_config();

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
	struct run_config cfg = fake_run_config();

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
	struct run_config cfg = fake_run_config();

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
	struct run_config cfg = fake_run_config();
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
	struct run_config cfg = fake_run_config();

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
	struct run_config cfg = fake_run_config();
	int nr;

	cfg.p2p = P2P_OFF;
	cfg.devices[0].pasid = 5;
	fake.pasid_log2 = 3;
	nr = ioctls_to_start(&cfg);
	for (int i = 0; i < nr; i++) {
		reset_fake(state);
		fake.pasid_log2 = 3;
		ioctls.fail_at = i;
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
	struct run_config cfg = fake_run_config();

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
#define T(f) cmocka_unit_test_setup(f, reset_fake)
	const struct CMUnitTest tests[] = {
		T(pasids_need_a_page_table),
		T(pasids_that_are_not_there),
		T(each_ioctl_failed_with_a_pasid),
		T(layouts_out_of_reach_are_named),
		T(p2p_on_auto_and_off),
		T(p2p_that_cannot_be),
		T(p2p_out_of_reach),
	};

	kernel = fake_image();
	return run_all(tests);
}
