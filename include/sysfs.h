/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finds devices, drivers, siblings, reserved regions and kernel options in
 * sysfs and procfs.  Reads only; binding is bind.h's, which uses the paths
 * found here.  Any thread; errors 0 or -errno; nothing here logs.  The root
 * can be moved for tests (struct sysfs).
 */
#ifndef WHERRY_SYSFS_H
#define WHERRY_SYSFS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bdf.h"
#include "log.h"

struct arch_text;

#define SYSFS_MAX_SIBLINGS 64
#define SYSFS_WHY_SIZE 512 /* room for any reason below */

struct sysfs_device {
	char name[64]; /* for messages: BDF, UUID or last part of dir */
	char bdf[BDF_SIZE]; /* "" for a device that is not PCI */
	char dir[PATH_MAX]; /* canonical sysfs directory */
	uint16_t vendor, device, subsys_vendor, subsys_device;
	uint32_t class_code; /* 24 bits */
	uint8_t header_type; /* without the multifunction bit */
	char driver[64]; /* "" when none */
	char mdev_api[32]; /* "vfio-pci" etc., "" when not an mdev */
	int numa_node; /* -1: unknown */
	int iommu_group; /* -1: none */
	char reset_methods[64];
	bool has_vfio_dev; /* vfio-dev/vfioN exists */
	char node[64]; /* /dev/vfio/devices/vfioN, "" when none */
	dev_t rdev; /* 0 when the kernel offers no cdev for it */
	/* Other members of the IOMMU group, and which of them are on a driver
	 * that keeps the group from being assigned. */
	unsigned int nr_siblings;
	struct sysfs_sibling {
		char bdf[BDF_SIZE]; /* or another bus's name, cut short */
		char driver[64];
		bool blocks;
	} siblings[SYSFS_MAX_SIBLINGS];
};

/* Directory that stands for "/": "" in production, in tests a fixture by its
 * canonical path. */
struct sysfs {
	const char *root;
};

/* Root and format in one path; -ENAMETOOLONG. */
int sysfs_path(const struct sysfs *sysfs, char *buf, size_t size,
	       const char *fmt, ...) PRINTF(4, 5);
/* The last part of what a symbolic link below the root points to, as in
 * DEVICE/driver.  -errno; -ENOENT leaves "". */
int sysfs_link_name(const char *dir, const char *link, char *buf, size_t size);

/*
 * Reads everything about a PCI device by canonical BDF; -ENODEV when absent.
 * None of these logs.
 */
int sysfs_read_pci(const struct sysfs *sysfs, const char *bdf,
		   struct sysfs_device *out);
/* The same from an mdev UUID (-EINVAL when malformed), or from the sysfs path
 * of a PCI device, of an mdev, of anything else on a VFIO driver, or of its
 * vfio-dev/vfioN (-EINVAL when it is not below /sys). */
int sysfs_read_path(const struct sysfs *sysfs, const char *path,
		    struct sysfs_device *out);
int sysfs_read_mdev(const struct sysfs *sysfs, const char *uuid,
		    struct sysfs_device *out);

/* What the memory BARs of a PCI function add up to; 0 where sysfs does not tell,
 * and for a device that is not PCI. */
uint64_t sysfs_bar_bytes(const struct sysfs_device *dev);

/* A PCI bridge, or the host or ISA bridge of the chipset: VFIO takes none. */
bool sysfs_is_bridge(const struct sysfs_device *dev);

/*
 * Explains in one line why a device cannot be assigned now, and what to do.
 * Returns true and fills why when there is a reason; false when it can.
 * Covers: a bridge, no driver or a host driver, no cdev in this kernel, node
 * missing, node not permitted, a sibling on a host driver, mdev of another
 * API.
 */
bool sysfs_why_not(const struct sysfs *sysfs, const struct sysfs_device *dev,
		   char *why, size_t size);

/*
 * After a BIND that failed with EPERM: the likeliest of sibling, foreign
 * owner, or missing interrupt remapping, as text for the message.
 */
void sysfs_explain_eperm(const struct sysfs *sysfs,
			 const struct sysfs_device *dev, char *why,
			 size_t size);

/*
 * True when interrupt remapping is known to be missing, that is, messages of
 * devices are not isolated: there is an interrupt chip that does not and none that
 * does, or the firmware lists nothing that could.  Where neither can be told, the
 * kernel's own check at BIND stands.
 */
bool sysfs_remapping_missing(const struct sysfs *sysfs,
			     const struct arch_text *words);
/* True when interrupt remapping is known to be missing or
 * iommufd/vfio allow_unsafe_interrupts is set: such hosts are refused. */
bool sysfs_unsafe_interrupts(const struct sysfs *sysfs, char *why, size_t size);

/* True when the kernel runs an IOMMU. */
bool sysfs_has_iommu(const struct sysfs *sysfs);
/* True when a PCI function is known to have none before it. */
bool sysfs_lacks_iommu(const struct sysfs *sysfs,
		       const struct sysfs_device *dev);

/* Other processes that hold the device of this number open (also a block
 * device), as "name (pid N), ..."; false when none is visible to this user. */
bool sysfs_node_holder(const struct sysfs *sysfs, dev_t rdev, char *who,
		       size_t size);

#endif
