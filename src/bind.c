// SPDX-License-Identifier: BSD-2-Clause
/*
 * bind - moves one PCI device from driver to driver, and back when the new one
 * does not take it. Owns the order of the writes to sysfs. Asks nobody whether
 * the device is in use.
 */
#include "bind.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "arch-text.h"
#include "log.h"
#include "util.h"

static int attr_path(const struct sysfs_device *dev, char path[PATH_MAX],
		     const char *name)
{
	const struct sysfs at = { .root = dev->dir };

	return sysfs_path(&at, path, PATH_MAX, "/%s", name);
}

int bind_read_state(const struct sysfs_device *dev, struct bind_state *out)
{
	char path[PATH_MAX];
	int r;

	memset(out, 0, sizeof(*out));
	r = sysfs_link_name(dev->dir, "driver", out->driver,
			    sizeof(out->driver));
	if (!r || r == -ENOENT)
		r = attr_path(dev, path, "driver_override");
	if (!r)
		r = read_attr(path, out->override, sizeof(out->override));
	if (r) {
		log_err("%s: cannot read its driver_override: %s; is it a PCI"
			" device of this host?",
			dev->name, strerror(-r));
		return r;
	}
	if (!strcmp(out->override, "(null)"))
		out->override[0] = '\0';
	return 0;
}

static bool is_on(const struct sysfs_device *dev, const char *driver)
{
	char now[BIND_DRIVER_SIZE];

	return !sysfs_link_name(dev->dir, "driver", now, sizeof(now)) ?
		       !strcmp(now, driver) :
		       !driver[0];
}

static int write_in(const struct sysfs_device *dev, const char *name,
		    const char *val)
{
	char path[PATH_MAX];

	return attr_path(dev, path, name) ?: write_attr(path, val);
}

/* Makes driver ("": none) take dev, which has none. */
static int attach(const struct sysfs *sysfs, const struct sysfs_device *dev,
		  const char *driver)
{
	char path[PATH_MAX];
	int r;

	if (!driver[0])
		return 0;
	/* This succeeds even when the driver refuses the device. */
	r = sysfs_path(sysfs, path, sizeof(path), "/sys/bus/pci/drivers_probe");
	if (r)
		return r;
	r = write_attr(path, dev->name);
	if (is_on(dev, driver))
		return 0;
	if (r)
		return r;
	/* This one tells why. */
	r = sysfs_path(sysfs, path, sizeof(path),
		       "/sys/bus/pci/drivers/%s/bind", driver);
	if (r)
		return r;
	r = write_attr(path, dev->name);
	if (is_on(dev, driver))
		return 0;
	return r ?: -ENODEV;
}

static int move(const struct sysfs *sysfs, const struct sysfs_device *dev,
		const char *override, const char *driver)
{
	int r;

	/* A lone newline clears the override. */
	r = write_in(dev, "driver_override", override[0] ? override : "\n");
	if (r)
		return r;
	if (is_on(dev, driver))
		return 0;
	r = write_in(dev, "driver/unbind", dev->name);
	if (r && !is_on(dev, ""))
		return r;
	return attach(sysfs, dev, driver);
}

static void log_failure(const struct sysfs *sysfs,
			const struct sysfs_device *dev, const char *driver,
			int r)
{
	char why[SYSFS_WHY_SIZE];

	if (r == -EACCES || r == -EPERM)
		snprintf(why, sizeof(why), "%s; run as root", strerror(-r));
	else if (r == -ENODEV)
		snprintf(why, sizeof(why),
			 "that driver does not know this device; choose"
			 " another with --driver");
	else if (r == -EBUSY)
		snprintf(why, sizeof(why),
			 "%s; another driver took it, or it has virtual"
			 " functions: remove those first",
			 strerror(-r));
	else if (strstr(driver, "vfio") && dev->iommu_group < 0)
		snprintf(why, sizeof(why), "%s, and %s; %s", strerror(-r),
			 sysfs_has_iommu(sysfs) ?
				 "no IOMMU stands before it" :
				 "this host has no IOMMU in use",
			 arch_text.iommu_on);
	else
		snprintf(why, sizeof(why), "%s; see dmesg", strerror(-r));
	log_err("%s: cannot be bound to %s: %s", dev->name, driver, why);
}

int bind_restore(const struct sysfs *sysfs, const struct sysfs_device *dev,
		 const struct bind_state *to)
{
	int r;

	if (to->driver[0]) {
		r = bind_load_driver(sysfs, dev->name, to->driver);
		if (r)
			return r;
	}
	r = move(sysfs, dev, to->override, to->driver);
	if (r)
		log_failure(sysfs, dev, to->driver[0] ? to->driver : "nothing",
			    r);
	return r;
}

int bind_release(const struct sysfs *sysfs, const struct sysfs_device *dev)
{
	char path[PATH_MAX];
	int r;

	r = move(sysfs, dev, "", "");
	if (!r)
		r = sysfs_path(sysfs, path, sizeof(path),
			       "/sys/bus/pci/drivers_probe");
	if (!r)
		r = write_attr(path, dev->name);
	if (r)
		log_failure(sysfs, dev, "its host driver", r);
	else
		log_notice("%s: nothing is known of its former driver; the"
			   " kernel has chosen",
			   dev->name);
	return r;
}

int bind_move(const struct sysfs *sysfs, const struct sysfs_device *dev,
	      const struct bind_state *from, const char *driver)
{
	int r = move(sysfs, dev, driver, driver);

	if (!r)
		return 0;
	log_failure(sysfs, dev, driver, r);
	if (is_on(dev, from->driver))
		(void)write_in(dev, "driver_override",
			       from->override[0] ? from->override : "\n");
	else
		/* It says so itself if even this fails. */
		(void)bind_restore(sysfs, dev, from);
	return r;
}
