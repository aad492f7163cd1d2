// SPDX-License-Identifier: BSD-2-Clause
/*
 * sysfs-why - says why a device cannot be assigned, and what to do about it.
 * Owns the texts of these reasons. Reads only; what keeps a device from being
 * bound to another driver is bind-users.c's.
 */
#include "sysfs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "arch-text.h"
#include "util.h"

#define CLASS_HOST_BRIDGE 0x0600
#define CLASS_ISA_BRIDGE 0x0601

static bool say(char *why, size_t size, const char *fmt, ...) PRINTF(3, 4);

/* Fills why; returns true, so that a reason is one statement. */
static bool say(char *why, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, size, fmt, ap);
	va_end(ap);
	return true;
}

static bool dir_is_empty(const char *path)
{
	struct dirent *de;
	bool empty = true;
	DIR *d = opendir(path);

	if (!d)
		return true;
	while (empty && (de = readdir(d)))
		empty = de->d_name[0] == '.';
	closedir(d);
	return empty;
}

bool sysfs_has_iommu(const struct sysfs *sysfs)
{
	char path[PATH_MAX];

	return !sysfs_path(sysfs, path, sizeof(path), "/sys/class/iommu") &&
	       !dir_is_empty(path);
}

bool sysfs_lacks_iommu(const struct sysfs *sysfs,
		       const struct sysfs_device *dev)
{
	char path[PATH_MAX];

	if (!dev->bdf[0] || dev->iommu_group >= 0)
		return false;
	if (dev->driver[0] || !sysfs_has_iommu(sysfs))
		return true;
	/* Where a devicetree tells of it, Linux before 6.15 does not look
	 * before a driver is bound. */
	return sysfs_path(sysfs, path, sizeof(path),
			  "/sys/firmware/devicetree/base") ||
	       dir_is_empty(path);
}

bool sysfs_is_bridge(const struct sysfs_device *dev)
{
	/* Others of class 06 can be real endpoints, NVSwitch for one. */
	return dev->bdf[0] &&
	       (dev->header_type || dev->class_code >> 8 == CLASS_HOST_BRIDGE ||
		dev->class_code >> 8 == CLASS_ISA_BRIDGE);
}

static bool why_no_vfio(const struct sysfs *sysfs,
			const struct sysfs_device *dev, char *why, size_t size)
{
	const char *drv = dev->driver;

	/* An mdev needs no IOMMU, and has no group where VFIO has none. */
	if (sysfs_lacks_iommu(sysfs, dev)) {
		if (sysfs_has_iommu(sysfs))
			return say(why, size,
				   "no IOMMU stands before it; assign another");
		return say(why, size, "the host has no IOMMU in use; %s",
			   arch_text.iommu_on);
	}
	if (!dev->bdf[0] && !drv[0])
		return say(why, size,
			   "it has no driver; load vfio-mdev or the"
			   " driver of its parent");
	if (!drv[0])
		return say(why, size, "it has no driver; run: wherry bind %s",
			   dev->name);
	if (strstr(drv, "vfio"))
		return say(why, size,
			   "driver %s offers no VFIO device; use Linux 6.6 or"
			   " newer",
			   drv);
	return say(why, size,
		   "it is on the host driver %s; run: wherry bind %s", drv,
		   dev->name);
}

static bool why_sibling(const struct sysfs_device *dev, char *why, size_t size)
{
	unsigned int i;

	for (i = 0; i < dev->nr_siblings; i++)
		if (dev->siblings[i].blocks)
			return say(why, size,
				   "%s in the same IOMMU group %d is on the"
				   " host driver %s; run: wherry bind --group"
				   " %s",
				   dev->siblings[i].bdf, dev->iommu_group,
				   dev->siblings[i].driver, dev->name);
	return false;
}

static void user_name(uid_t uid, char buf[32])
{
	const struct passwd *pw = getpwuid(uid);

	if (pw)
		snprintf(buf, 32, "%s", pw->pw_name);
	else
		snprintf(buf, 32, "%u", uid);
}

static bool why_node(const struct sysfs *sysfs, const struct sysfs_device *dev,
		     char *why, size_t size)
{
	char path[PATH_MAX], owner[32], me[32];
	struct stat st;

	if (sysfs_path(sysfs, path, sizeof(path), "%s", dev->node))
		return say(why, size, "its node's path is too long");
	if (stat(path, &st)) {
		if (errno == EACCES)
			return say(why, size,
				   "%s cannot be reached: %s; make"
				   " /dev/vfio/devices searchable",
				   dev->node, strerror(errno));
		return say(why, size,
			   "%s is missing here; mount devtmpfs or run: mknod -m"
			   " 600 %s c %u %u",
			   dev->node, dev->node, major(dev->rdev),
			   minor(dev->rdev));
	}
	if (!S_ISCHR(st.st_mode) || st.st_rdev != dev->rdev)
		return say(why, size,
			   "%s is not its node (that is character device"
			   " %u:%u); remove it and let udev make it again",
			   dev->node, major(dev->rdev), minor(dev->rdev));
	if (!faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS))
		return false;
	user_name(st.st_uid, owner);
	user_name(geteuid(), me);
	return say(why, size,
		   "%s belongs to %s (mode %04o) and is not permitted; run:"
		   " wherry bind --owner %s %s",
		   dev->node, owner, st.st_mode & 07777, me, dev->name);
}

bool sysfs_why_not(const struct sysfs *sysfs, const struct sysfs_device *dev,
		   char *why, size_t size)
{
	why[0] = '\0';
	if (sysfs_is_bridge(dev))
		return say(why, size,
			   "it is a bridge, which VFIO does not"
			   " take; assign the devices behind it");
	if (dev->mdev_api[0] && strcmp(dev->mdev_api, "vfio-pci"))
		return say(why, size,
			   "it is a mediated device of type %s; only vfio-pci"
			   " ones are PCI devices",
			   dev->mdev_api);
	if (!dev->has_vfio_dev)
		return why_no_vfio(sysfs, dev, why, size);
	if (!dev->rdev)
		return say(why, size,
			   "this kernel makes no device nodes for VFIO; use"
			   " Linux 6.6 or newer with CONFIG_VFIO_DEVICE_CDEV=y"
			   " and an IOMMU");
	return why_sibling(dev, why, size) || why_node(sysfs, dev, why, size);
}

/* ----- interrupt remapping ----- */

bool sysfs_unsafe_interrupts(const struct sysfs *sysfs, char *why, size_t size)
{
	char path[PATH_MAX], val[16];

	why[0] = '\0';
	if (sysfs_remapping_missing(sysfs, &arch_text))
		return say(why, size,
			   "the host has no interrupt remapping, so a device"
			   " could forge interrupts; %s",
			   arch_text.remapping_on);
	if (sysfs_path(sysfs, path, sizeof(path),
		       "/sys/module/iommufd/parameters/allow_unsafe_interrupts"))
		return false;
	if (!read_attr(path, val, sizeof(val)) && val[0] == 'Y')
		return say(why, size,
			   "iommufd.allow_unsafe_interrupts is set; run: echo N"
			   " >/sys/module/iommufd/parameters/"
			   "allow_unsafe_interrupts");
	return false;
}

/* ----- who holds a device ----- */

/* Does process pid have the character or block device rdev open? */
static bool holds(const char *proc, const char *pid, dev_t rdev)
{
	char path[PATH_MAX];
	struct dirent *de;
	bool found = false;
	DIR *d;

	if (snprintf(path, sizeof(path), "%s/%s/fd", proc, pid) >=
	    (int)sizeof(path))
		return false;
	d = opendir(path);
	if (!d)
		return false;
	while (!found && (de = readdir(d))) {
		struct statx stx;

		/* An fd may be of a network file system whose server is gone:
		 * do not ask it. */
		if (statx(dirfd(d), de->d_name, AT_STATX_DONT_SYNC, STATX_TYPE,
			  &stx))
			continue;
		found = (S_ISCHR(stx.stx_mode) || S_ISBLK(stx.stx_mode)) &&
			makedev(stx.stx_rdev_major, stx.stx_rdev_minor) == rdev;
	}
	closedir(d);
	return found;
}

bool sysfs_node_holder(const struct sysfs *sysfs, dev_t rdev, char *who,
		       size_t size)
{
	char proc[PATH_MAX], path[PATH_MAX], comm[64];
	struct dirent *de;
	size_t len = 0;
	DIR *d;

	who[0] = '\0';
	if (!rdev || sysfs_path(sysfs, proc, sizeof(proc), "/proc"))
		return false;
	d = opendir(proc);
	if (!d)
		return false;
	while ((de = readdir(d)) && len + 1 < size) {
		if (!isdigit((unsigned char)de->d_name[0]) ||
		    strtol(de->d_name, NULL, 10) == getpid() ||
		    !holds(proc, de->d_name, rdev))
			continue;
		if (snprintf(path, sizeof(path), "%s/%s/comm", proc,
			     de->d_name) >= (int)sizeof(path) ||
		    read_attr(path, comm, sizeof(comm)))
			strcpy(comm, "?");
		len += (size_t)snprintf(who + len, size - len, "%s%s (pid %s)",
					len ? ", " : "", comm, de->d_name);
	}
	closedir(d);
	return len > 0;
}

/* The group is claimed as a whole, so a sibling's holder holds it too. */
static bool group_holder(const struct sysfs *sysfs,
			 const struct sysfs_device *dev, char *who, size_t size)
{
	struct sysfs_device *sibling;
	bool found;
	unsigned int i;

	if (sysfs_node_holder(sysfs, dev->rdev, who, size))
		return true;
	sibling = malloc(sizeof(*sibling));
	if (!sibling)
		return false;
	for (i = 0, found = false; i < dev->nr_siblings && !found; i++)
		found = !sysfs_read_pci(sysfs, dev->siblings[i].bdf, sibling) &&
			sysfs_node_holder(sysfs, sibling->rdev, who, size);
	free(sibling);
	return found;
}

void sysfs_explain_eperm(const struct sysfs *sysfs,
			 const struct sysfs_device *dev, char *why, size_t size)
{
	struct sysfs_device *now = malloc(sizeof(*now));
	char who[128];

	why[0] = '\0';
	/* What was read at the start may have changed since. */
	if (now && !sysfs_read_path(sysfs, dev->dir + strlen(sysfs->root), now))
		dev = now;
	if (why_sibling(dev, why, size) ||
	    sysfs_unsafe_interrupts(sysfs, why, size))
		goto out;
	if (group_holder(sysfs, dev, who, sizeof(who)))
		say(why, size,
		    "its IOMMU group %d is held by %s; stop that first",
		    dev->iommu_group, who);
	else
		say(why, size,
		    "another process may hold its IOMMU group %d, or"
		    " interrupts are not remapped; see dmesg",
		    dev->iommu_group);
out:
	free(now);
}
