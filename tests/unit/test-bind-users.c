// SPDX-License-Identifier: BSD-2-Clause
/* What of the host uses a device. */
#include "harness.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>

#include "bind.h"
#include "fixture.h"

#define NVME "0000:01:00.0"
#define DIR_NVME "/sys/devices/pci0000:00/" NVME
#define DISK DIR_NVME "/nvme/nvme0/nvme0n1"

static struct sysfs_device dev;
static char who[256];

static const char *addresses; /* name:address of getifaddrs(), or NULL */

int __wrap_getifaddrs(struct ifaddrs **out);
void __wrap_freeifaddrs(struct ifaddrs *list);

int __wrap_getifaddrs(struct ifaddrs **out)
{
	static struct ifaddrs list;
	static struct sockaddr_in sa;
	static char name[IF_NAMESIZE];
	const char *colon = addresses ? strchr(addresses, ':') : NULL;

	*out = NULL;
	if (!colon)
		return 0;
	memset(&list, 0, sizeof(list));
	snprintf(name, sizeof(name), "%.*s", (int)(colon - addresses),
		 addresses);
	sa.sin_family = AF_INET;
	assert_int_equal(inet_pton(AF_INET, colon + 1, &sa.sin_addr), 1);
	list.ifa_name = name;
	list.ifa_addr = (struct sockaddr *)&sa;
	*out = &list;
	return 0;
}

void __wrap_freeifaddrs(struct ifaddrs *list)
{
	(void)list;
}

static int setup(void **state)
{
	addresses = NULL;
	return fixture_setup(state);
}

static void read_nvme(void)
{
	assert_int_equal(sysfs_read_pci(&fixture, NVME, &dev), 0);
}

static bool used(void)
{
	read_nvme();
	return bind_user(&fixture, &dev, true, who, sizeof(who));
}

static void assert_user(const char *text)
{
	assert_true(used());
	if (!strstr(who, text))
		fail_msg("no '%s' in: %s", text, who);
}

static void fx_disk(void)
{
	fx_pci(NVME, "nvme", 5);
	fx_file(DISK "/dev", "259:0\n");
	fx_file(DISK "/nvme0n1p1/dev", "259:1\n");
	fx_link("/sys/class/block/nvme0n1", DISK);
	fx_link("/sys/class/block/nvme0n1p1", DISK "/nvme0n1p1");
	/* Another device's disk, mounted. */
	fx_pci("0000:01:00.1", "nvme", 6);
	fx_file("/sys/devices/pci0000:00/0000:01:00.1/sda/dev", "8:0\n");
	fx_link("/sys/class/block/sda",
		"/sys/devices/pci0000:00/0000:01:00.1/sda");
	fx_file("/proc/self/mountinfo",
		"20 1 8:0 / / rw,relatime shared:1 - ext4 /dev/sda rw\n");
}

static void unused_disk(void **state)
{
	(void)state;
	fx_disk();
	assert_false(used());
	assert_string_equal(who, "");
}

static void user_mount(void **state)
{
	(void)state;
	fx_disk();
	fx_file("/proc/self/mountinfo",
		"20 1 8:0 / / rw,relatime shared:1 - ext4 /dev/sda rw\n"
		"nonsense\n"
		"21 1 259:1 / /with\\040space rw - xfs /dev/root rw\n");
	assert_user("nvme0n1p1 is mounted at /with space");
}

/* btrfs gives mountinfo a device number of its own. */
static void user_btrfs(void **state)
{
	(void)state;
	fx_disk();
	fx_file("/proc/self/mountinfo",
		"21 1 0:40 / /data rw - btrfs /dev/nvme0n1p1 rw\n");
	assert_user("nvme0n1p1 is mounted at /data");
	fx_file("/proc/self/mountinfo",
		"21 1 0:40 / /data rw - btrfs /dev/nvme0n1p11 rw\n");
	assert_false(used());
}

static void user_swap(void **state)
{
	(void)state;
	fx_disk();
	fx_file("/proc/swaps", "Filename Type Size Used Priority\n"
			       "/dev/nvme0n1p1 partition 1 0 -2\n");
	assert_user("nvme0n1p1 is swap space");
}

static void user_holder(void **state)
{
	(void)state;
	fx_disk();
	fx_file("/sys/devices/virtual/block/dm-0/dm/name", "vg-root\n");
	fx_link(DISK "/nvme0n1p1/holders/dm-0",
		"/sys/devices/virtual/block/dm-0");
	assert_user("nvme0n1p1 is part of dm-0 (vg-root)");
	fx_unlink(DISK "/nvme0n1p1/holders/dm-0");
	fx_dir("/sys/devices/virtual/block/md127");
	fx_link(DISK "/holders/md127", "/sys/devices/virtual/block/md127");
	assert_user("nvme0n1 is part of md127");
}

/* The disk is a child of the subsystem, not of the PCI device. */
static void user_nvme_multipath(void **state)
{
	static const char sub[] =
		"/sys/devices/virtual/nvme-subsystem/nvme-subsys0";

	(void)state;
	fx_pci(NVME, "nvme", 5);
	fx_dir(DIR_NVME "/nvme/nvme0");
	fx_link("/sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0",
		DIR_NVME "/nvme/nvme0");
	fx_link("/sys/class/nvme-subsystem/nvme-subsys0", sub);
	fx_file("/sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1/dev",
		"259:0\n");
	fx_link("/sys/class/block/nvme0n1",
		"/sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1");
	assert_false(used());
	fx_file("/proc/self/mountinfo",
		"21 1 259:0 / /mnt rw - ext4 /dev/nvme0n1 rw\n");
	assert_user("nvme0n1 is mounted at /mnt");
}

static void fx_virtio(const char *driver)
{
	fx_pci(NVME, "virtio-pci", 5);
	fx_dir(DIR_NVME "/virtio0");
	fx_link("/sys/bus/virtio/devices/virtio0", DIR_NVME "/virtio0");
	fx_link(DIR_NVME "/virtio0/driver", driver);
}

static void user_9p(void **state)
{
	(void)state;
	fx_virtio("/sys/bus/virtio/drivers/9pnet_virtio");
	/* The kernel gives the NUL, too. */
	fx_bytes(DIR_NVME "/virtio0/mount_tag", "lab", 4);
	fx_file("/proc/self/mountinfo", "19 1 0:18 / / ro - 9p other ro\n");
	assert_false(used());
	fx_file("/proc/self/mountinfo", "19 1 0:18 / / ro - 9p lab ro\n");
	assert_user("the 9p share 'lab' is mounted at /");
}

static void user_virtiofs(void **state)
{
	(void)state;
	fx_virtio("/sys/bus/virtio/drivers/virtiofs");
	assert_false(used());
	fx_file("/proc/self/mountinfo",
		"19 1 0:18 / /home ro - virtiofs home ro\n");
	assert_user("the virtiofs share 'home' is mounted at /home");
}

static void user_network(void **state)
{
	(void)state;
	fx_pci(NVME, "e1000e", 5);
	fx_file(DIR_NVME "/net/eth7/flags", "0x1002\n");
	fx_link("/sys/class/net/eth7", DIR_NVME "/net/eth7");
	addresses = "eth8:192.0.2.1";
	assert_false(used());
	addresses = "eth7:192.0.2.1";
	assert_user("eth7 has the address 192.0.2.1");
	fx_link(DIR_NVME "/net/eth7/master", "/sys/devices/virtual/net/br0");
	assert_user("eth7 is part of br0");
	fx_file(DIR_NVME "/net/eth7/flags", "0x1003\n");
	assert_user("eth7 is up");
}

static void user_console(void **state)
{
	(void)state;
	fx_pci(NVME, "serial", 5);
	fx_dir(DIR_NVME "/tty/ttyS4");
	fx_link("/sys/class/tty/ttyS4", DIR_NVME "/tty/ttyS4");
	fx_file("/sys/class/tty/console/active", "tty0 ttyS0\n");
	assert_false(used());
	fx_file("/sys/class/tty/console/active", "tty0 ttyS4\n");
	assert_user("it carries the console ttyS4");
	fx_dir(DIR_NVME "/graphics/fb0");
	fx_link("/sys/class/graphics/fb0", DIR_NVME "/graphics/fb0");
	assert_user("it shows the console (fb0)");
	fx_attr(NVME, "boot_vga", "1\n");
	assert_user("boot display");
}

static void user_virtual_functions(void **state)
{
	(void)state;
	fx_pci(NVME, "igb", 5);
	fx_attr(NVME, "sriov_numvfs", "0\n");
	assert_false(used());
	fx_attr(NVME, "sriov_numvfs", "2\n");
	assert_user("2 virtual functions");
}

static void user_mdev(void **state)
{
	(void)state;
	fx_pci(NVME, "i915", 5);
	fx_dir(DIR_NVME "/83b8f4f2-509f-382f-3c1e-e6bfe0fa1001");
	fx_link("/sys/bus/mdev/devices/83b8f4f2-509f-382f-3c1e-e6bfe0fa1001",
		DIR_NVME "/83b8f4f2-509f-382f-3c1e-e6bfe0fa1001");
	assert_user("mediated device 83b8f4f2");
}

static void user_open_node(void **state)
{
	(void)state;
	fx_pci(NVME, "i915", 5);
	fx_dir(DIR_NVME "/drm/card0");
	fx_link("/sys/dev/char/1:3", DIR_NVME "/drm/card0");
	assert_false(used());
	fx_file("/proc/4242/comm", "Xorg\n");
	fx_link("/proc/4242/fd/9", ":/dev/null");
	assert_user("card0 is held open by Xorg (pid 4242)");
	assert_false(bind_user(&fixture, &dev, false, who, sizeof(who)));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(unused_disk),
		TEST(user_mount),
		TEST(user_btrfs),
		TEST(user_swap),
		TEST(user_holder),
		TEST(user_nvme_multipath),
		TEST(user_9p),
		TEST(user_virtiofs),
		TEST(user_network),
		TEST(user_console),
		TEST(user_virtual_functions),
		TEST(user_mdev),
		TEST(user_open_node),
	};

	return run_all(tests);
}
