/* SPDX-License-Identifier: BSD-2-Clause */
/* What a device is called, and how a guest would see its capabilities.  For
 * cmd-devices*.c only. */
#ifndef WHERRY_CMD_DEVICES_H
#define WHERRY_CMD_DEVICES_H

struct json;
struct sysfs_device;

/*
 * A line for each capability in the device's config space: where it is, how
 * it is treated and why, by the table that a VM goes by.  Without privilege
 * the kernel shows 64 bytes, in which there are none: that is said.  Nothing
 * for what is not PCI or a bridge.
 */
void devices_print_caps(const struct sysfs_device *dev);
/* The same as members of the object that is open: "config_bytes", how many
 * could be read, and "capabilities". */
void devices_json_caps(struct json *j, const struct sysfs_device *dev);

struct device_name {
	char vendor[96], device[96], class[96]; /* or "" */
};

/* NULL: names are not to be had; where that has a remedy, it is logged. */
struct devices_names *devices_names_open(void);
/* Leaves "" of what has no name, and *out as it is without names. */
void devices_names_find(struct devices_names *n, const struct sysfs_device *dev,
			struct device_name *out);
/* Takes NULL. */
void devices_names_close(struct devices_names *n);

#endif
