// SPDX-License-Identifier: BSD-2-Clause
/* What wherry check finds missing, and that it says what to do. */
#include "harness.h"

#include "fixture.h"

/* Its checks are its own: reached by including it. */
#include "src/cmd-check.c"

static struct host host = { .sysfs = { .root = fixture_root } };
static struct finding f;

static void run_check(const char *id)
{
	size_t i;

	memset(&f, 0, sizeof(f));
	for (i = 0; i < ARRAY_SIZE(checks); i++) {
		if (strcmp(checks[i].id, id))
			continue;
		checks[i].fn(&host, &f);
		assert_true(f.detail[0]);
		/* Everything that is missing can be mended. */
		assert_int_equal(f.status == MISSING, f.remedy[0] != '\0');
		return;
	}
	fail_msg("no check %s", id);
}

static void assert_check(const char *id, enum status status, const char *detail)
{
	run_check(id);
	assert_int_equal(f.status, status);
	if (!strstr(f.detail, detail))
		fail_msg("no '%s' in: %s", detail, f.detail);
}

static void cpu(void **state)
{
	(void)state;
	assert_check("cpu", INFO, "does not tell");
	fx_file("/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu vmx sse\n");
	assert_check("cpu", READY, "VT-x");
	fx_file("/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu svm sse\n");
	assert_check("cpu", READY, "AMD-V");
	fx_file("/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu sse\n"
				 "vmx flags\t: vnmi svm\n");
	assert_check("cpu", MISSING, "neither");
}

static void kvm_absent(void **state)
{
	(void)state;
	fx_dir("/dev");
	assert_check("kvm", MISSING, "No such file");
	assert_non_null(strstr(f.remedy, "modprobe"));
}

/* A node that is no KVM. */
static void kvm_unfit(void **state)
{
	(void)state;
	fx_link("/dev/kvm", ":/dev/null");
	assert_check("kvm", MISSING, "lacks something");
}

static void release(void **state)
{
	(void)state;
	assert_check("kernel", INFO, "does not tell");
	fx_file("/proc/sys/kernel/osrelease", "6.5.13-generic\n");
	assert_check("kernel", MISSING, "6.5.13-generic is too old");
	fx_file("/proc/sys/kernel/osrelease", "5.15.0\n");
	assert_check("kernel", MISSING, "too old");
	fx_file("/proc/sys/kernel/osrelease", "6.6.0\n");
	assert_check("kernel", READY, "6.6.0");
	fx_file("/proc/sys/kernel/osrelease", "7.0.0-rc1\n");
	assert_check("kernel", READY, "7.0.0-rc1");
}

static void options(void **state)
{
	(void)state;
	assert_check("options", INFO, "unknown");
	assert_check("cdev", INFO, "unknown");
	fx_file("/proc/sys/kernel/osrelease", "6.12.0\n");
	fx_file("/boot/config-6.12.0",
		"CONFIG_KVM=m\nCONFIG_VFIO=m\nCONFIG_VFIO_PCI=m\n"
		"CONFIG_EVENTFD=y\nCONFIG_MEMFD_CREATE=y\n"
		"# CONFIG_IOMMUFD is not set\n");
	assert_int_equal(kconfig_create(&host.kconfig, fixture_root), 0);
	assert_check("options", MISSING,
		     ": CONFIG_IOMMUFD CONFIG_VFIO_DEVICE_CDEV");
	assert_check("cdev", MISSING, "no nodes");
	kconfig_destroy(host.kconfig);
	fx_file("/boot/config-6.12.0",
		"CONFIG_KVM=m\nCONFIG_VFIO=m\nCONFIG_VFIO_PCI=m\n"
		"CONFIG_EVENTFD=y\nCONFIG_MEMFD_CREATE=y\n"
		"CONFIG_IOMMUFD=m\nCONFIG_VFIO_DEVICE_CDEV=y\n");
	assert_int_equal(kconfig_create(&host.kconfig, fixture_root), 0);
	assert_check("options", READY, "all there");
	assert_check("cdev", READY, "the kernel makes them");
	kconfig_destroy(host.kconfig);
	host.kconfig = NULL;
}

static void cdev(void **state)
{
	(void)state;
	fx_dir("/sys/class/vfio-dev/vfio0");
	assert_check("cdev", MISSING, "no nodes");
	fx_file("/sys/class/vfio-dev/vfio0/dev", "242:0\n");
	assert_check("cdev", READY, "in use now");
}

static void iommu(void **state)
{
	(void)state;
	assert_check("iommu", MISSING, "none");
	fx_dir("/sys/class/iommu/dmar0");
	assert_check("iommu", READY, "1 unit");
	fx_dir("/sys/class/iommu/dmar1");
	assert_check("iommu", READY, "2 units");
}

static void interrupts(void **state)
{
	(void)state;
	fx_file("/proc/interrupts", "0: 1 IO-APIC 2-edge timer\n");
	assert_check("interrupts", MISSING, "no interrupt remapping");
	assert_non_null(strstr(f.remedy, "firmware"));
	fx_file("/proc/interrupts", "0: 1 IR-IO-APIC 2-edge timer\n");
	assert_check("interrupts", READY, "remapped");
	fx_file("/sys/module/iommufd/parameters/allow_unsafe_interrupts",
		"Y\n");
	assert_check("interrupts", MISSING, "allow_unsafe_interrupts");
	assert_non_null(strstr(f.remedy, "echo N"));
}

static void iommufd(void **state)
{
	(void)state;
	assert_check("iommufd", MISSING, "No such file");
	fx_link("/dev/iommu", ":/dev/null");
	assert_check("iommufd", READY, "may be opened");
}

static void memlock(void **state)
{
	struct rlimit lim, old;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &old), 0);
	lim = old;
	lim.rlim_cur = MIB(8);
	if (lim.rlim_max < lim.rlim_cur)
		skip_because("RLIMIT_MEMLOCK is below 8 MiB");
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &lim), 0);
	fx_file("/proc/self/status", "Name:\tx\nCapEff:\t0000000000000000\n");
	assert_check("memlock", MISSING, "8 MiB may be locked");
	/* CAP_IPC_LOCK */
	fx_file("/proc/self/status", "Name:\tx\nCapEff:\t0000000000004000\n");
	assert_check("memlock", READY, "no limit");
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &old), 0);
}

static void hugepages(void **state)
{
	(void)state;
	assert_check("hugepages", INFO, "not supported");
	fx_file("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages",
		"8\n");
	fx_file("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages",
		"3\n");
	assert_check("hugepages", INFO, "2M: 3 of 8 free");
}

#define TEST(fn) \
	cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(cpu),     TEST(kvm_absent), TEST(kvm_unfit),
		TEST(release), TEST(options),	 TEST(cdev),
		TEST(iommu),   TEST(interrupts), TEST(iommufd),
		TEST(memlock), TEST(hugepages),
	};

	return run_all(tests);
}
