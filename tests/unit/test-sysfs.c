// SPDX-License-Identifier: BSD-2-Clause
/* Devices as sysfs shows them, and why one cannot be assigned. */
#include "harness.h"

#include <sys/sysmacros.h>

#include "arch-text.h"
#include "fixture.h"
#include "sysfs.h"
#include "util.h"

#define NVME "0000:01:00.0"
#define OTHER "0000:01:00.1"
#define UUID "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"

static struct sysfs_device dev;
static char why[SYSFS_WHY_SIZE];

int __real_faccessat(int dirfd, const char *path, int mode, int flags);
int __wrap_faccessat(int dirfd, const char *path, int mode, int flags);
static bool refuse_access;

int __wrap_faccessat(int dirfd, const char *path, int mode, int flags)
{
	if (refuse_access) {
		errno = EACCES;
		return -1;
	}
	return __real_faccessat(dirfd, path, mode, flags);
}

static int setup(void **state)
{
	refuse_access = false;
	return fixture_setup(state);
}

static void read_nvme(void)
{
	assert_int_equal(sysfs_read_pci(&fixture, NVME, &dev), 0);
}

static void assert_why(const char *text)
{
	read_nvme();
	assert_true(sysfs_why_not(&fixture, &dev, why, sizeof(why)));
	if (!strstr(why, text))
		fail_msg("no '%s' in: %s", text, why);
	/* What is wrong; what to do. */
	assert_non_null(strstr(why, "; "));
}

static void reads_pci(void **state)
{
	char expect[PATH_MAX];

	(void)state;
	fx_pci(NVME, "nvme", 5);
	read_nvme();
	assert_string_equal(dev.name, NVME);
	assert_string_equal(dev.bdf, NVME);
	assert_int_equal(sysfs_path(&fixture, expect, sizeof(expect),
				    "/sys/devices/pci0000:00/" NVME),
			 0);
	assert_string_equal(dev.dir, expect);
	assert_int_equal(dev.vendor, 0x1b36);
	assert_int_equal(dev.device, 0x0010);
	assert_int_equal(dev.subsys_vendor, 0x1af4);
	assert_int_equal(dev.subsys_device, 0x1100);
	assert_int_equal(dev.class_code, 0x010802);
	assert_int_equal(dev.header_type, 0);
	assert_string_equal(dev.driver, "nvme");
	assert_int_equal(dev.numa_node, 1);
	assert_int_equal(dev.iommu_group, 5);
	assert_string_equal(dev.reset_methods, "flr bus");
	assert_false(dev.has_vfio_dev);
	assert_string_equal(dev.node, "");
	assert_int_equal(dev.rdev, 0);
	assert_int_equal(dev.nr_siblings, 0);
}

static void reads_sparse_pci(void **state)
{
	(void)state;
	fx_pci(NVME, NULL, -1);
	fx_unlink("/sys/devices/pci0000:00/" NVME "/numa_node");
	fx_unlink("/sys/devices/pci0000:00/" NVME "/reset_method");
	fx_unlink("/sys/devices/pci0000:00/" NVME "/config");
	read_nvme();
	assert_string_equal(dev.driver, "");
	assert_int_equal(dev.numa_node, -1);
	assert_int_equal(dev.iommu_group, -1);
	assert_string_equal(dev.reset_methods, "");
}

static void absent_pci(void **state)
{
	(void)state;
	fx_dir("/sys/bus/pci/devices");
	assert_int_equal(sysfs_read_pci(&fixture, NVME, &dev), -ENODEV);
}

static void reads_node(void **state)
{
	(void)state;
	fx_pci(NVME, "vfio-pci", 5);
	fx_vfio(NVME, "vfio12");
	read_nvme();
	assert_true(dev.has_vfio_dev);
	assert_string_equal(dev.node, "/dev/vfio/devices/vfio12");
	assert_true(dev.rdev == makedev(1, 3));
}

static void reads_device_without_cdev(void **state)
{
	(void)state;
	fx_pci(NVME, "vfio-pci", 5);
	fx_dir("/sys/devices/pci0000:00/" NVME "/vfio-dev/vfio0");
	read_nvme();
	assert_true(dev.has_vfio_dev);
	assert_string_equal(dev.node, "");
	assert_int_equal(dev.rdev, 0);
}

static void reads_siblings(void **state)
{
	(void)state;
	fx_pci(NVME, "vfio-pci", 5);
	fx_pci("0000:00:02.0", "pcieport", 5);
	fx_pci(OTHER, "e1000e", 5);
	fx_pci("0000:01:00.2", NULL, 5);
	fx_pci("0000:01:00.3", "some-variant", 5);
	fx_vfio("0000:01:00.3", "vfio3");
	fx_pci("0000:01:00.4", "pci-stub", 5);
	fx_pci("0000:09:00.0", "e1000e", 6);
	read_nvme();
	assert_int_equal(dev.nr_siblings, 5);
	assert_string_equal(dev.siblings[0].bdf, "0000:00:02.0");
	assert_false(dev.siblings[0].blocks);
	assert_string_equal(dev.siblings[1].bdf, OTHER);
	assert_string_equal(dev.siblings[1].driver, "e1000e");
	assert_true(dev.siblings[1].blocks);
	assert_string_equal(dev.siblings[2].driver, "");
	assert_false(dev.siblings[2].blocks);
	assert_false(dev.siblings[3].blocks);
	assert_false(dev.siblings[4].blocks);
}

/* A group larger than the table still shows the one that blocks. */
static void keeps_blocking_sibling(void **state)
{
	unsigned int i, blocking = 0;
	char bdf[BDF_SIZE];

	(void)state;
	fx_pci(NVME, "vfio-pci", 5);
	for (i = 0; i < SYSFS_MAX_SIBLINGS + 4; i++) {
		snprintf(bdf, sizeof(bdf), "0000:02:%02x.0", i);
		fx_pci(bdf, NULL, 5);
	}
	fx_pci("0000:03:00.0", "e1000e", 5);
	read_nvme();
	assert_int_equal(dev.nr_siblings, SYSFS_MAX_SIBLINGS);
	for (i = 0; i < dev.nr_siblings; i++)
		blocking += dev.siblings[i].blocks;
	assert_int_equal(blocking, 1);
}

static void fx_mdev(const char *api)
{
	const char *dir = "/sys/devices/virtual/mtty/mtty/" UUID;
	char path[PATH_MAX];

	fx_dir(dir);
	fx_link("/sys/bus/mdev/devices/" UUID, dir);
	fx_link(fx_fmt(path, "%s/subsystem", dir), "/sys/bus/mdev");
	fx_dir("/sys/devices/virtual/mtty/mtty/mdev_supported_types/mtty-2");
	fx_link(fx_fmt(path, "%s/mdev_type", dir),
		"/sys/devices/virtual/mtty/mtty/mdev_supported_types/mtty-2");
	fx_file("/sys/devices/virtual/mtty/mtty/mdev_supported_types/mtty-2/"
		"device_api",
		api);
	fx_file(fx_fmt(path, "%s/vfio-dev/vfio7/dev", dir), "1:3\n");
	fx_link("/dev/vfio/devices/vfio7", ":/dev/null");
}

static void reads_mdev(void **state)
{
	(void)state;
	fx_mdev("vfio-pci\n");
	assert_int_equal(sysfs_read_mdev(&fixture, UUID, &dev), 0);
	assert_string_equal(dev.name, UUID);
	assert_string_equal(dev.bdf, "");
	assert_string_equal(dev.mdev_api, "vfio-pci");
	assert_string_equal(dev.node, "/dev/vfio/devices/vfio7");
	assert_int_equal(dev.iommu_group, -1);
	assert_false(sysfs_why_not(&fixture, &dev, why, sizeof(why)));
	assert_string_equal(why, "");
}

static void malformed_mdev(void **state)
{
	(void)state;
	assert_int_equal(sysfs_read_mdev(&fixture, "", &dev), -EINVAL);
	assert_int_equal(sysfs_read_mdev(&fixture, "../../pci/devices", &dev),
			 -EINVAL);
	assert_int_equal(sysfs_read_mdev(&fixture, UUID "0", &dev), -EINVAL);
	assert_int_equal(sysfs_read_mdev(&fixture, UUID, &dev), -ENODEV);
}

static void mdev_of_another_api(void **state)
{
	(void)state;
	fx_mdev("vfio-ccw\n");
	assert_int_equal(sysfs_read_mdev(&fixture, UUID, &dev), 0);
	assert_true(sysfs_why_not(&fixture, &dev, why, sizeof(why)));
	assert_non_null(strstr(why, "vfio-ccw"));
}

static void reads_path(void **state)
{
	(void)state;
	fx_pci(NVME, "vfio-pci", 5);
	fx_vfio(NVME, "vfio0");
	assert_int_equal(sysfs_read_path(&fixture, "/sys/bus/pci/devices/" NVME,
					 &dev),
			 0);
	assert_string_equal(dev.bdf, NVME);
	fx_link("/sys/class/vfio-dev/vfio0",
		"/sys/devices/pci0000:00/" NVME "/vfio-dev/vfio0");
	assert_int_equal(sysfs_read_path(&fixture, "/sys/class/vfio-dev/vfio0",
					 &dev),
			 0);
	assert_string_equal(dev.bdf, NVME);
}

static void refuses_path(void **state)
{
	(void)state;
	fx_dir("/sys/kernel");
	fx_dir("/etc");
	fx_link("/sys/out", "/etc");
	assert_int_equal(sysfs_read_path(&fixture, "/etc", &dev), -EINVAL);
	assert_int_equal(sysfs_read_path(&fixture, "/sys/../etc", &dev),
			 -EINVAL);
	assert_int_equal(sysfs_read_path(&fixture, "/sys/out", &dev), -EINVAL);
	assert_int_equal(sysfs_read_path(&fixture, "/sys/nowhere", &dev),
			 -ENODEV);
	assert_int_equal(sysfs_read_path(&fixture, "/sys/kernel", &dev),
			 -ENODEV);
	/* A device, but nothing that VFIO would know. */
	fx_link("/sys/kernel/subsystem", "/sys/kernel");
	assert_int_equal(sysfs_read_path(&fixture, "/sys/kernel", &dev),
			 -ENODEV);
}

static void why_bridge(void **state)
{
	char config[64] = { [0x0e] = (char)0x81 };

	(void)state;
	fx_pci(NVME, "pcieport", 5);
	fx_bytes("/sys/devices/pci0000:00/" NVME "/config", config,
		 sizeof(config));
	assert_why("bridge");
	assert_int_equal(dev.header_type, 1);
}

static void why_chipset_bridge(void **state)
{
	(void)state;
	fx_pci(NVME, NULL, 5);
	fx_attr(NVME, "class", "0x060100\n");
	assert_why("bridge");
	/* "Other" bridges are endpoints. */
	fx_attr(NVME, "class", "0x068000\n");
	assert_why("no driver");
}

static void why_host_driver(void **state)
{
	(void)state;
	fx_pci(NVME, "nvme", 5);
	assert_why("host driver nvme; run: wherry bind " NVME);
}

static void why_no_driver(void **state)
{
	(void)state;
	fx_pci(NVME, NULL, 5);
	assert_why("no driver; run: wherry bind " NVME);
}

static void why_no_iommu(void **state)
{
	(void)state;
	fx_pci(NVME, "nvme", -1);
	assert_false(sysfs_has_iommu(&fixture));
	assert_why("the host has no IOMMU");
	fx_dir("/sys/class/iommu/dmar0");
	assert_true(sysfs_has_iommu(&fixture));
	assert_why("no IOMMU stands before it");
	/* A devicetree is asked when a driver is bound. */
	fx_file("/sys/firmware/devicetree/base/model", "virt");
	assert_why("no IOMMU stands before it");
	fx_unlink("/sys/devices/pci0000:00/" NVME "/driver");
	assert_why("it has no driver; run: wherry bind " NVME);
}

static void why_old_kernel(void **state)
{
	(void)state;
	fx_pci(NVME, "vfio-pci", 5);
	assert_why("offers no VFIO device");
}

static void why_no_cdev(void **state)
{
	(void)state;
	fx_pci(NVME, "vfio-pci", 5);
	fx_dir("/sys/devices/pci0000:00/" NVME "/vfio-dev/vfio0");
	assert_why("CONFIG_VFIO_DEVICE_CDEV");
}

static void why_sibling(void **state)
{
	(void)state;
	fx_pci(NVME, "vfio-pci", 5);
	fx_vfio(NVME, "vfio0");
	fx_pci(OTHER, "e1000e", 5);
	assert_why(OTHER " in the same IOMMU group 5 is on the host driver"
			 " e1000e");
	fx_driver(OTHER, NULL);
	read_nvme();
	assert_false(sysfs_why_not(&fixture, &dev, why, sizeof(why)));
}

static void why_node(void **state)
{
	(void)state;
	fx_pci(NVME, "vfio-pci", 5);
	fx_vfio(NVME, "vfio0");
	read_nvme();
	assert_false(sysfs_why_not(&fixture, &dev, why, sizeof(why)));
	refuse_access = true;
	assert_why("not permitted; run: wherry bind --owner");
	/* A node of another number is somebody else's device. */
	fx_link("/dev/vfio/devices/vfio0", ":/dev/zero");
	assert_why("not its node");
	fx_unlink("/dev/vfio/devices/vfio0");
	assert_why("missing here");
}

/* Six lines of BARs, then the ROM and those of virtual functions. */
static void adds_up_bars(void **state)
{
	(void)state;
	fx_pci(NVME, "nvme", 5);
	read_nvme();
	assert_int_equal(sysfs_bar_bytes(&dev), 0);
	fx_attr(NVME, "resource",
		"0x0000000010000000 0x0000000010003fff 0x0000000000140204\n"
		"0x0000000000001000 0x000000000000103f 0x0000000000040101\n"
		"0x0000080000000000 0x00000fffffffffff 0x000000000014220c\n"
		"0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		"0x0000000000000000 0x0000000000000fff 0x0000000000040200\n"
		"0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		"0x0000000020000000 0x00000000200fffff 0x0000000000046200\n"
		"0x0000000030000000 0x0000000030ffffff 0x000000000014220c\n");
	assert_int_equal(sysfs_bar_bytes(&dev), KIB(16) + GIB(8192) + KIB(4));
	fx_attr(NVME, "resource",
		"0x0000000000000000 0xffffffffffffffff 0x000000000014220c\n");
	assert_int_equal(sysfs_bar_bytes(&dev), 0);
	fx_attr(NVME, "resource",
		"0x0 0xfffffffffffffffe 0x14220c\n0x0 0xfff 0x40200\n");
	assert_int_equal(sysfs_bar_bytes(&dev), UINT64_MAX);
	fx_attr(NVME, "resource", "nonsense\n\n0x1\n");
	assert_int_equal(sysfs_bar_bytes(&dev), 0);
}

static void finds_holder(void **state)
{
	char who[64], path[PATH_MAX];

	(void)state;
	assert_false(sysfs_node_holder(&fixture, makedev(1, 3), who, 64));
	fx_file("/proc/4242/comm", "qemu\n");
	fx_link("/proc/4242/fd/0", ":/dev/zero");
	fx_link("/proc/4242/fd/1", ":/nowhere");
	assert_false(sysfs_node_holder(&fixture, makedev(1, 3), who, 64));
	fx_link("/proc/4242/fd/7", ":/dev/null");
	assert_true(sysfs_node_holder(&fixture, makedev(1, 3), who, 64));
	assert_string_equal(who, "qemu (pid 4242)");
	assert_false(sysfs_node_holder(&fixture, 0, who, 64));
	/* Oneself is no holder. */
	fx_fmt(path, "/proc/%d/fd/7", getpid());
	fx_unlink("/proc/4242/fd/7");
	fx_link(path, ":/dev/null");
	assert_false(sysfs_node_holder(&fixture, makedev(1, 3), who, 64));
	assert_string_equal(who, "");
}

/* Many holders: the text is cut, nothing is written past it. */
static void bounds_holders(void **state)
{
	char path[PATH_MAX], who[40] = "";
	int i;

	(void)state;
	for (i = 0; i < 5; i++) {
		fx_fmt(path, "/proc/99999%d/comm", i);
		fx_file(path, "a-long-program\n");
		fx_fmt(path, "/proc/99999%d/fd/3", i);
		fx_link(path, ":/dev/null");
	}
	assert_true(
		sysfs_node_holder(&fixture, makedev(1, 3), who, sizeof(who)));
	assert_true(strlen(who) < sizeof(who));
}

static void explains_eperm(void **state)
{
	(void)state;
	fx_pci(NVME, "vfio-pci", 5);
	fx_vfio(NVME, "vfio0");
	fx_pci(OTHER, "vfio-pci", 5);
	fx_attr(OTHER, "vfio-dev/vfio1/dev", "1:5\n");
	read_nvme();
	sysfs_explain_eperm(&fixture, &dev, why, sizeof(why));
	assert_non_null(strstr(why, "another process may hold"));
	/* The holder of a sibling holds the group. */
	fx_file("/proc/4242/comm", "other-vmm\n");
	fx_link("/proc/4242/fd/7", ":/dev/zero");
	sysfs_explain_eperm(&fixture, &dev, why, sizeof(why));
	assert_non_null(strstr(why, "group 5 is held by other-vmm (pid 4242)"));
	fx_interrupts(arch_text.irq_plain[0], "");
	sysfs_explain_eperm(&fixture, &dev, why, sizeof(why));
	assert_non_null(strstr(why, "no interrupt remapping"));
	/* dev was read before the sibling went back to its driver. */
	fx_unlink("/sys/devices/pci0000:00/" OTHER "/vfio-dev/vfio1/dev");
	fx_unlink("/sys/devices/pci0000:00/" OTHER "/vfio-dev/vfio1");
	fx_unlink("/sys/devices/pci0000:00/" OTHER "/vfio-dev");
	fx_driver(OTHER, "e1000e");
	sysfs_explain_eperm(&fixture, &dev, why, sizeof(why));
	assert_non_null(strstr(why, OTHER));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reads_pci),
		TEST(reads_sparse_pci),
		TEST(absent_pci),
		TEST(reads_node),
		TEST(reads_device_without_cdev),
		TEST(reads_siblings),
		TEST(keeps_blocking_sibling),
		TEST(reads_mdev),
		TEST(malformed_mdev),
		TEST(mdev_of_another_api),
		TEST(reads_path),
		TEST(refuses_path),
		TEST(why_bridge),
		TEST(why_chipset_bridge),
		TEST(why_host_driver),
		TEST(why_no_driver),
		TEST(why_no_iommu),
		TEST(why_old_kernel),
		TEST(why_no_cdev),
		TEST(why_sibling),
		TEST(why_node),
		TEST(adds_up_bars),
		TEST(finds_holder),
		TEST(bounds_holders),
		TEST(explains_eperm),
	};

	return run_all(tests);
}
