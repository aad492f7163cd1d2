// SPDX-License-Identifier: BSD-2-Clause
/*
 * vfio - one host device's cdev: opens and closes it. Owns the device fd and
 * the cached facts; vfio-bind.c binds and attaches it, vfio-region.c reads and
 * maps its regions, vfio-signal.c sets up its interrupts, vfio-reset.c resets
 * it. Knows no guest.
 */
#include "vfio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/vfio.h"
#include "fd.h"
#include "log.h"
#include "vfio-priv.h"

static const struct sandbox_ioctl ioctls[] = {
	{ VFIO_DEVICE_SET_IRQS, SANDBOX_VCPU | SANDBOX_LOOP,
	  "interrupts follow the guest's MSI-X and INTx set-up" },
	{ VFIO_DEVICE_RESET, SANDBOX_VCPU | SANDBOX_LOOP,
	  "reboot, and a guest's secondary bus reset" },
	{ VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, SANDBOX_VCPU | SANDBOX_LOOP,
	  "which functions a reset of the bus would reach" },
	{ VFIO_DEVICE_PCI_HOT_RESET, SANDBOX_VCPU | SANDBOX_LOOP,
	  "reset of a device that has none of its own" },
	{ VFIO_DEVICE_FEATURE, SANDBOX_VCPU | SANDBOX_LOOP,
	  "low power while the guest keeps a device in D3hot" },
	{ ABI_VFIO_DEVICE_DETACH_IOMMUFD_PT, SANDBOX_LOOP,
	  "teardown: stop DMA before the address space goes" },
};

const struct sandbox_ioctls vfio_sandbox_ioctls = {
	.table = ioctls,
	.nr = ARRAY_SIZE(ioctls),
};

int vfio_ioctl(struct vfio_device *dev, unsigned long request, void *arg)
{
	int r;

	stats_ioctl(dev->stats, STATS_VFIO);
	r = ioctl(dev->fd, request, arg);
	return r < 0 ? -errno : r;
}

static void log_open_error(const char *name, const char *node, int err)
{
	const char *remedy;

	switch (err) {
	case ENOENT:
		remedy =
			"; the node is missing: is the device still bound to its vfio driver, and does udev or devtmpfs serve this /dev?";
		break;
	case EACCES:
	case EPERM:
		remedy =
			"; give the node to this user ('wherry bind --owner USER BDF'), or hand in a descriptor with --device fd=N";
		break;
	case ENXIO:
	case ENODEV:
		remedy =
			"; nothing serves this node: the device was unbound or removed, or the node is stale";
		break;
	case EMFILE:
		remedy = "; raise the limit with 'ulimit -n'";
		break;
	default:
		remedy = "";
	}
	log_err("%s: cannot open %s: %s%s", name, node, strerror(err), remedy);
}

/* Takes over fd, also when it fails. */
static int device_create(struct vfio_device **out, const char *name, int fd,
			 struct stats *stats)
{
	struct vfio_device *dev = calloc(1, sizeof(*dev));

	if (dev) {
		dev->fd = fd;
		dev->stats = stats;
		dev->name = strdup(name);
	}
	if (!dev || !dev->name) {
		log_err("%s: cannot open: out of memory", name);
		fd_close(&fd);
		free(dev);
		return -ENOMEM;
	}
	*out = dev;
	return 0;
}

int vfio_open(struct vfio_device **out, const char *name, const char *node,
	      dev_t rdev, struct stats *stats)
{
	int fd cleanup_fd = open(node, O_RDWR | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0) {
		r = -errno;
		log_open_error(name, node, -r);
		return r;
	}
	if (rdev) {
		if (fstat(fd, &st) < 0) {
			r = -errno;
			log_err("%s: cannot stat %s: %s", name, node,
				strerror(-r));
			return r;
		}
		if (!S_ISCHR(st.st_mode) || st.st_rdev != rdev) {
			log_err("%s: cannot use %s: it is not this device's node (its number differs from sysfs); remove the stale node and let udev make it",
				name, node);
			return -ENODEV;
		}
	}
	return device_create(out, name, fd_steal(&fd), stats);
}

int vfio_open_fd(struct vfio_device **out, const char *name, int fd,
		 struct stats *stats)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0 && (flags & O_ACCMODE) != O_RDWR) {
		log_err("%s: open for reading or for writing only; a device's node is opened O_RDWR",
			name);
		fd_close(&fd);
		return -EBADF;
	}
	return device_create(out, name, fd, stats);
}

void vfio_close(struct vfio_device *dev)
{
	if (!dev)
		return;
	(void)vfio_detach(dev); /* logged; closing detaches as well */
	fd_close(&dev->fd);
	free(dev->name);
	free(dev);
}

const char *vfio_name(const struct vfio_device *dev)
{
	return dev->name;
}

int vfio_fd(const struct vfio_device *dev)
{
	return dev->fd;
}

enum vfio_state vfio_state(const struct vfio_device *dev)
{
	return dev->state;
}

uint32_t vfio_devid(const struct vfio_device *dev)
{
	return dev->devid;
}

bool vfio_can_reset(const struct vfio_device *dev)
{
	return dev->can_reset;
}
