// SPDX-License-Identifier: BSD-2-Clause
/*
 * sysfs - reads what the kernel says about one device. Owns the way from a
 * BDF, an mdev's UUID or a path to struct sysfs_device. Judges nothing (that
 * is sysfs-why.c) and writes nothing.
 */
#include "sysfs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "util.h"
#include "uuid.h"

#define RESOURCE_MEMORY 0x200 /* of Linux, IORESOURCE_MEM */

int sysfs_path(const struct sysfs *sysfs, char *buf, size_t size,
	       const char *fmt, ...)
{
	size_t len = strlen(sysfs->root);
	va_list ap;
	int n;

	if (len >= size)
		return -ENAMETOOLONG;
	memcpy(buf, sysfs->root, len);
	va_start(ap, fmt);
	n = vsnprintf(buf + len, size - len, fmt, ap);
	va_end(ap);
	return n < 0 || (size_t)n >= size - len ? -ENAMETOOLONG : 0;
}

/* Joins dir and name; sysfs paths are far shorter than PATH_MAX. */
static int join(char buf[PATH_MAX], const char *dir, const char *name)
{
	const struct sysfs at = { .root = dir };

	return sysfs_path(&at, buf, PATH_MAX, "/%s", name);
}

/* Copies as much as fits: the kernel's names are bounded, ours are larger. */
static void copy(char *dst, size_t size, const char *src)
{
	size_t len = strnlen(src, size - 1);

	memcpy(dst, src, len);
	dst[len] = '\0';
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int sysfs_link_name(const char *dir, const char *link, char *buf, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t n;
	int r;

	buf[0] = '\0';
	r = join(path, dir, link);
	if (r)
		return r;
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	copy(buf, size, last_part(target));
	return 0;
}

static int attr(const char *dir, const char *name, char *buf, size_t size)
{
	char path[PATH_MAX];
	int r = join(path, dir, name);

	buf[0] = '\0';
	return r ?: read_attr(path, buf, size);
}

/* A number of any base, or def when the attribute is missing. */
static long attr_number(const char *dir, const char *name, long def)
{
	char buf[32], *end;
	long v;

	if (attr(dir, name, buf, sizeof(buf)))
		return def;
	errno = 0;
	v = strtol(buf, &end, 0);
	return errno || end == buf ? def : v;
}

/* The node of DIR/vfio-dev/vfioN.  A name like noiommu-vfioN is a device
 * without an IOMMU, for which the kernel makes no cdev. */
static void read_node(struct sysfs_device *dev)
{
	char path[PATH_MAX], name[64] = "", number[32];
	unsigned int maj, min;
	struct dirent *de;
	DIR *d;

	if (join(path, dev->dir, "vfio-dev"))
		return;
	d = opendir(path);
	if (!d)
		return;
	while ((de = readdir(d)))
		if (de->d_name[0] != '.')
			copy(name, sizeof(name), de->d_name);
	closedir(d);
	if (!name[0])
		return;
	dev->has_vfio_dev = true;
	if (join(path, path, name) || attr(path, "dev", number, sizeof(number)))
		return;
	if (sscanf(number, "%u:%u", &maj, &min) != 2)
		return;
	dev->rdev = makedev(maj, min);
	if (snprintf(dev->node, sizeof(dev->node), "/dev/vfio/devices/%s",
		     name) >= (int)sizeof(dev->node))
		dev->node[0] = '\0';
}

/*
 * True when a driver leaves DMA ownership to others (driver_managed_dma in
 * the kernel), so that its devices do not keep their group from being
 * assigned.  sysfs does not show that flag; these are the drivers that set it
 * beside those of VFIO, which are known by their vfio-dev directory.
 */
static bool shares_group(const char *dir, const char *driver)
{
	static const char *const names[] = { "pcieport", "pci-stub" };
	char path[PATH_MAX];
	unsigned int i;

	if (!driver[0])
		return true;
	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(driver, names[i]))
			return true;
	return !join(path, dir, "vfio-dev") && !access(path, F_OK);
}

static void add_sibling(struct sysfs_device *dev, const char *group,
			const char *name)
{
	struct sysfs_sibling s = { .blocks = false };
	unsigned int i = dev->nr_siblings;
	char dir[PATH_MAX];

	if (join(dir, group, name))
		return;
	copy(s.bdf, sizeof(s.bdf), name);
	(void)sysfs_link_name(dir, "driver", s.driver, sizeof(s.driver));
	s.blocks = !shares_group(dir, s.driver);
	if (i < SYSFS_MAX_SIBLINGS) {
		dev->siblings[dev->nr_siblings++] = s;
		return;
	}
	/* No room: those that block are the ones worth knowing. */
	while (s.blocks && i-- > 0) {
		if (!dev->siblings[i].blocks) {
			dev->siblings[i] = s;
			return;
		}
	}
}

static void read_group(struct sysfs_device *dev)
{
	char path[PATH_MAX], number[32];
	struct dirent **list;
	int n, i;

	dev->iommu_group = -1;
	if (sysfs_link_name(dev->dir, "iommu_group", number, sizeof(number)) ||
	    !isdigit((unsigned char)number[0]))
		return;
	dev->iommu_group = (int)strtol(number, NULL, 10);
	if (join(path, dev->dir, "iommu_group/devices"))
		return;
	n = scandir(path, &list, NULL, alphasort);
	for (i = 0; i < n; i++) {
		const char *name = list[i]->d_name;

		if (name[0] != '.' && strcmp(name, last_part(dev->dir)))
			add_sibling(dev, path, name);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

/* The first 64 bytes of config space are readable by everybody. */
static uint8_t read_header_type(const struct sysfs_device *dev)
{
	char path[PATH_MAX];
	uint8_t type = 0;
	FILE *f;

	if (join(path, dev->dir, "config"))
		return 0;
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fseek(f, PCI_HEADER_TYPE, SEEK_SET) || fread(&type, 1, 1, f) != 1)
		type = 0;
	fclose(f);
	return type & 0x7f;
}

static void read_pci_attrs(struct sysfs_device *dev)
{
	const char *dir = dev->dir;

	copy(dev->bdf, sizeof(dev->bdf), last_part(dir));
	dev->vendor = (uint16_t)attr_number(dir, "vendor", 0);
	dev->device = (uint16_t)attr_number(dir, "device", 0);
	dev->subsys_vendor = (uint16_t)attr_number(dir, "subsystem_vendor", 0);
	dev->subsys_device = (uint16_t)attr_number(dir, "subsystem_device", 0);
	dev->class_code = (uint32_t)attr_number(dir, "class", 0) & 0xffffff;
	dev->header_type = read_header_type(dev);
	(void)attr(dir, "reset_method", dev->reset_methods,
		   sizeof(dev->reset_methods));
}

/* DIR/resource is a line "FIRST LAST FLAGS" for each region, BARs first. */
uint64_t sysfs_bar_bytes(const struct sysfs_device *dev)
{
	uint64_t sum = 0, first, last, flags;
	char text[4096], *line, *save = NULL;

	if (!dev->bdf[0] || attr(dev->dir, "resource", text, sizeof(text)))
		return 0;
	line = strtok_r(text, "\n", &save);
	for (int i = 0; i < PCI_STD_NUM_BARS && line; i++) {
		if (sscanf(line, "%" SCNx64 "%" SCNx64 "%" SCNx64, &first,
			   &last, &flags) == 3 &&
		    flags & RESOURCE_MEMORY && last > first &&
		    __builtin_add_overflow(sum, last - first + 1, &sum))
			return UINT64_MAX;
		line = strtok_r(NULL, "\n", &save);
	}
	return sum;
}

/* dev->dir is canonical. */
static int read_device(struct sysfs_device *dev)
{
	char bus[32];

	if (sysfs_link_name(dev->dir, "subsystem", bus, sizeof(bus)))
		return -ENODEV;
	copy(dev->name, sizeof(dev->name), last_part(dev->dir));
	if (!strcmp(bus, "pci"))
		read_pci_attrs(dev);
	if (!strcmp(bus, "mdev"))
		(void)attr(dev->dir, "mdev_type/device_api", dev->mdev_api,
			   sizeof(dev->mdev_api));
	(void)sysfs_link_name(dev->dir, "driver", dev->driver,
			      sizeof(dev->driver));
	dev->numa_node = (int)attr_number(dev->dir, "numa_node", -1);
	read_group(dev);
	read_node(dev);
	/* Of another bus only what VFIO has taken is of interest. */
	return dev->bdf[0] || dev->mdev_api[0] || dev->has_vfio_dev ? 0 :
								      -ENODEV;
}

/* .../DEVICE/vfio-dev/vfioN stands for DEVICE. */
static void strip_vfio_dev(char *dir)
{
	char *at = strstr(dir, "/vfio-dev/");

	if (at && !strchr(at + strlen("/vfio-dev/"), '/'))
		*at = '\0';
}

int sysfs_read_path(const struct sysfs *sysfs, const char *path,
		    struct sysfs_device *out)
{
	char full[PATH_MAX], sys[PATH_MAX];
	int r;

	memset(out, 0, sizeof(*out));
	out->iommu_group = -1;
	out->numa_node = -1;
	r = sysfs_path(sysfs, full, sizeof(full), "%s", path);
	if (r)
		return r;
	if (strncmp(path, "/sys/", 5))
		return -EINVAL;
	if (!realpath(full, out->dir))
		return errno == ENOENT || errno == ENOTDIR ? -ENODEV : -errno;
	/* The link may lead out of sysfs, where nothing is a device. */
	r = sysfs_path(sysfs, full, sizeof(full), "/sys");
	if (r)
		return r;
	if (!realpath(full, sys))
		return -ENODEV;
	if (strncmp(out->dir, sys, strlen(sys)) || out->dir[strlen(sys)] != '/')
		return -EINVAL;
	strip_vfio_dev(out->dir);
	return read_device(out);
}

int sysfs_read_pci(const struct sysfs *sysfs, const char *bdf,
		   struct sysfs_device *out)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", bdf);
	return sysfs_read_path(sysfs, path, out);
}

int sysfs_read_mdev(const struct sysfs *sysfs, const char *uuid,
		    struct sysfs_device *out)
{
	char path[PATH_MAX], name[UUID_SIZE];

	if (!uuid_parse(uuid, name))
		return -EINVAL;
	snprintf(path, sizeof(path), "/sys/bus/mdev/devices/%s", name);
	return sysfs_read_path(sysfs, path, out);
}
