// SPDX-License-Identifier: BSD-2-Clause
/*
 * vfio-reset - resets of a device, of the bus it is on, and its low-power
 * states. Owns how long a busy bus is waited for. Which reset is due, and
 * what has to be quiet meanwhile, is the caller's to know.
 */
#include "vfio.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "abi/vfio.h"
#include "log.h"
#include "vfio-priv.h"

#define AGAIN_TRIES 100
#define AGAIN_NS 20000000L

/* Repeats a call that is answered EAGAIN, or this error. */
static int insist(struct vfio_device *dev, unsigned long request, void *arg,
		  int err)
{
	const struct timespec pause = { .tv_nsec = AGAIN_NS };
	int r = -EAGAIN;

	for (unsigned int i = 0; i < AGAIN_TRIES; i++) {
		r = vfio_ioctl(dev, request, arg);
		if (r != -EAGAIN && r != -err)
			break;
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
	return r;
}

int vfio_ioctl_again(struct vfio_device *dev, unsigned long request, void *arg)
{
	return insist(dev, request, arg, EAGAIN);
}

int vfio_reset(struct vfio_device *dev)
{
	int r;

	if (!dev->can_reset)
		return -ENOTTY;
	r = vfio_ioctl_again(dev, VFIO_DEVICE_RESET, NULL);
	if (r < 0)
		log_guest(&dev->rl, "%s: cannot reset: %s", dev->name,
			  strerror(-r));
	return r;
}

/* Of what the kernel answers, the ids of the devices that are ours. */
static int read_set(const struct vfio_pci_hot_reset_info *info,
		    const struct abi_vfio_dependent *entries, uint32_t *devids,
		    unsigned int max)
{
	const uint32_t owned = ABI_VFIO_PCI_HOT_RESET_FLAG_DEV_ID |
			       ABI_VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED;
	unsigned int nr = 0;

	if ((info->flags & owned) != owned)
		return -EPERM;
	for (unsigned int i = 0; i < MIN(info->count, VFIO_MAX_RESET_SET);
	     i++) {
		if (!entries[i].devid)
			continue; /* a sibling that nobody has opened */
		if (nr == max)
			return -E2BIG;
		devids[nr++] = entries[i].devid;
	}
	return (int)nr;
}

int vfio_hot_reset_set(struct vfio_device *dev, uint32_t *devids,
		       unsigned int max)
{
	struct {
		struct vfio_pci_hot_reset_info info;
		struct abi_vfio_dependent entries[VFIO_MAX_RESET_SET];
	} u;
	int r;

	memset(&u, 0, sizeof(u));
	u.info.argsz = sizeof(u);
	/* EAGAIN: functions came or went while the kernel listed them. */
	r = vfio_ioctl_again(dev, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &u);
	if (r == -ENOTTY)
		return -ENODEV; /* a driver that knows no such thing */
	return r < 0 ? r : read_set(&u.info, u.entries, devids, max);
}

int vfio_hot_reset(struct vfio_device *dev)
{
	/* No list: what is bound to this iommufd is ours. */
	struct vfio_pci_hot_reset reset = { .argsz = sizeof(reset) };

	return insist(dev, VFIO_DEVICE_PCI_HOT_RESET, &reset, EBUSY);
}

int vfio_low_power(struct vfio_device *dev, bool on)
{
	struct vfio_device_feature feature = {
		.argsz = sizeof(feature),
		.flags = VFIO_DEVICE_FEATURE_SET |
			 (on ? ABI_VFIO_FEATURE_LOW_POWER_ENTRY :
			       ABI_VFIO_FEATURE_LOW_POWER_EXIT),
	};
	int r = vfio_ioctl(dev, VFIO_DEVICE_FEATURE, &feature);

	if (r < 0 && r != -ENOTTY)
		log_guest(&dev->rl, "%s: cannot %s low power: %s", dev->name,
			  on ? "enter" : "leave", strerror(-r));
	return r;
}
