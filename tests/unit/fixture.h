/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A make-believe root directory with what a test wants to see in /sys, /proc
 * and /dev. Include after harness.h. One per program: fixture_setup() before
 * each test, fixture_teardown() after it.
 */
#ifndef TESTS_UNIT_FIXTURE_H
#define TESTS_UNIT_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sysfs.h"

static char fixture_root[PATH_MAX];
static const struct sysfs fixture = { .root = fixture_root };

static inline int fixture_setup(void **state)
{
	char name[] = "/tmp/wherry-test.XXXXXX";

	(void)state;
	return mkdtemp(name) && realpath(name, fixture_root) ? 0 : -1;
}

static inline int fixture_rm(const char *path, const struct stat *st, int type,
			     struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int fixture_teardown(void **state)
{
	(void)state;
	return nftw(fixture_root, fixture_rm, 16, FTW_DEPTH | FTW_PHYS);
}

/* snprintf() into a path; what does not fit fails the test.  Returns buf. */
static inline const char *PRINTF(2, 3)
	fx_fmt(char buf[PATH_MAX], const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, PATH_MAX, fmt, ap);
	va_end(ap);
	assert_in_range(n, 0, PATH_MAX - 1);
	return buf;
}

/* The full path, with every directory above it made. */
static inline const char *fx_path(char full[PATH_MAX], const char *path)
{
	char *slash;

	assert_int_equal(sysfs_path(&fixture, full, PATH_MAX, "%s", path), 0);
	for (slash = strchr(full + strlen(fixture_root) + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		assert_true(!mkdir(full, 0755) || errno == EEXIST);
		*slash = '/';
	}
	return full;
}

static inline void fx_bytes(const char *path, const void *buf, size_t len)
{
	char full[PATH_MAX];
	FILE *f = fopen(fx_path(full, path), "w");

	assert_non_null(f);
	assert_int_equal(fwrite(buf, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static inline void fx_file(const char *path, const char *text)
{
	fx_bytes(path, text, strlen(text));
}

static inline void fx_dir(const char *path)
{
	char full[PATH_MAX];

	assert_true(!mkdir(fx_path(full, path), 0755) || errno == EEXIST);
}

/* A symbolic link to another path of the fixture, or with ":" before it, to
 * one of the real root. */
static inline void fx_link(const char *path, const char *target)
{
	char full[PATH_MAX], to[PATH_MAX];

	fx_path(full, path);
	if (target[0] == ':')
		fx_fmt(to, "%s", target + 1);
	else
		assert_int_equal(
			sysfs_path(&fixture, to, sizeof(to), "%s", target), 0);
	(void)unlink(full);
	assert_int_equal(symlink(to, full), 0);
}

static inline void fx_unlink(const char *path)
{
	char full[PATH_MAX];

	assert_int_equal(remove(fx_path(full, path)), 0);
}

static inline bool fx_exists(const char *path)
{
	char full[PATH_MAX];
	struct stat st;

	return !lstat(fx_path(full, path), &st);
}

/* Attribute of a PCI device that fx_pci() made. */
static inline void fx_attr(const char *bdf, const char *name, const char *val)
{
	char path[PATH_MAX];

	fx_fmt(path, "/sys/devices/pci0000:00/%s/%s", bdf, name);
	fx_file(path, val);
}

static inline void fx_driver(const char *bdf, const char *driver)
{
	char path[PATH_MAX], target[PATH_MAX];

	fx_fmt(path, "/sys/devices/pci0000:00/%s/driver", bdf);
	if (!driver) {
		fx_unlink(path);
		return;
	}
	fx_fmt(target, "/sys/bus/pci/drivers/%s", driver);
	fx_dir(target);
	fx_link(path, target);
}

/* A PCI device on driver (NULL: none) in group (-1: none). */
static inline void fx_pci(const char *bdf, const char *driver, int group)
{
	char dir[PATH_MAX], path[PATH_MAX], target[PATH_MAX];
	char config[64] = { 0 };

	fx_fmt(dir, "/sys/devices/pci0000:00/%s", bdf);
	fx_dir(dir);
	fx_link(fx_fmt(path, "/sys/bus/pci/devices/%s", bdf), dir);
	fx_link(fx_fmt(path, "%s/subsystem", dir), "/sys/bus/pci");
	fx_attr(bdf, "vendor", "0x1b36\n");
	fx_attr(bdf, "device", "0x0010\n");
	fx_attr(bdf, "subsystem_vendor", "0x1af4\n");
	fx_attr(bdf, "subsystem_device", "0x1100\n");
	fx_attr(bdf, "class", "0x010802\n");
	fx_attr(bdf, "numa_node", "1\n");
	fx_attr(bdf, "reset_method", "flr bus\n");
	fx_attr(bdf, "driver_override", "(null)\n");
	fx_attr(bdf, "modalias",
		"pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02\n");
	fx_bytes(fx_fmt(path, "%s/config", dir), config, sizeof(config));
	if (driver)
		fx_driver(bdf, driver);
	if (group < 0)
		return;
	fx_fmt(target, "/sys/kernel/iommu_groups/%d", group);
	fx_dir(target);
	fx_link(fx_fmt(path, "%s/iommu_group", dir), target);
	fx_fmt(path, "/sys/kernel/iommu_groups/%d/devices/%s", group, bdf);
	fx_link(path, dir);
	fx_dir("/sys/class/iommu/dmar0");
}

/* vfio-dev/NAME, and its node, which is /dev/null's: 1:3. */
static inline void fx_vfio(const char *bdf, const char *name)
{
	char path[PATH_MAX];

	fx_fmt(path, "vfio-dev/%s/dev", name);
	fx_attr(bdf, path, "1:3\n");
	fx_link(fx_fmt(path, "/dev/vfio/devices/%s", name), ":/dev/null");
}

/* A device's messages come through such an interrupt controller. */
static inline void fx_interrupts(const char *chip, const char *more)
{
	char text[128];

	snprintf(text, sizeof(text), " 25:  0 0 %s%s 0-edge nvme0q0\n", chip,
		 more);
	fx_file("/proc/interrupts", text);
}

#endif
