// SPDX-License-Identifier: BSD-2-Clause
/*
 * vfio - drives one host device through its cdev: open, bind, attach, reset.
 * Owns the device fd and cached facts about the device; vfio-region.c reads
 * and maps its regions, vfio-signal.c sets up its interrupts. Knows neither sysfs (the caller
 * explains BIND's errors) nor the guest.
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
	return device_create(out, name, fd, stats);
}

static void log_bind_error(struct vfio_device *dev, int err,
			   const struct vfio_why *why)
{
	char text[512] = "";
	const char *guess;

	switch (err) {
	case EPERM:
		guess = "its IOMMU group is not free: a sibling is on a host driver or belongs to another VM, or the host has no interrupt remapping; see 'wherry devices' and dmesg";
		break;
	case EINVAL:
		guess = "it is bound already by another process, or the IOMMU cannot serve it (not cache coherent, or firmware wants a fixed mapping: see dmesg); stop the process that holds it";
		break;
	case EBADF:
	case EBADFD:
		guess = "the iommufd is none; pass an open /dev/iommu";
		break;
	case EACCES:
		guess = "this virtual function needs its physical function's VF token, which wherry cannot give";
		break;
	case EBUSY:
		guess = "its IOMMU group is in use through /dev/vfio/GROUP; stop that user";
		break;
	case ENODEV:
		guess = "it has no IOMMU group, or its driver is going away; see 'wherry check'";
		break;
	case EAGAIN:
		guess = "it is being reset without end; reset or reboot it";
		break;
	case ENOTTY:
		guess = "the descriptor is not a VFIO device's";
		break;
	default:
		guess = "see dmesg";
	}
	if (why && why->fn)
		why->fn(why->opaque, err, text, sizeof(text));
	log_err("%s: cannot bind to iommufd: %s: %s", dev->name, strerror(err),
		text[0] ? text : guess);
}

static int read_irq(struct vfio_device *dev, unsigned int index)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = index };
	struct vfio_irq *irq = &dev->irqs[index];
	int r = vfio_ioctl(dev, VFIO_DEVICE_GET_IRQ_INFO, &info);

	if (r == -EINVAL)
		return 0; /* absent */
	if (r < 0) {
		log_err("%s: cannot read what interrupt index %u is: %s",
			dev->name, index, strerror(-r));
		return r;
	}
	irq->count = MIN(info.count, VFIO_MAX_VECTORS);
	irq->eventfd = info.flags & VFIO_IRQ_INFO_EVENTFD;
	irq->maskable = info.flags & VFIO_IRQ_INFO_MASKABLE;
	irq->automasked = info.flags & VFIO_IRQ_INFO_AUTOMASKED;
	irq->noresize = info.flags & VFIO_IRQ_INFO_NORESIZE;
	return 0;
}

static int read_facts(struct vfio_device *dev)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int r = vfio_ioctl(dev, VFIO_DEVICE_GET_INFO, &info);

	if (r < 0) {
		log_err("%s: cannot read what it is: %s%s", dev->name,
			strerror(-r),
			r == -EINVAL ?
				"; it is not bound: pass it without devid=" :
				"");
		return r;
	}
	if (!(info.flags & VFIO_DEVICE_FLAGS_PCI)) {
		log_err("%s: not a PCI device: its driver speaks another VFIO API; only PCI can be assigned",
			dev->name);
		return -ENODEV;
	}
	dev->can_reset = info.flags & VFIO_DEVICE_FLAGS_RESET;
	for (unsigned int i = 0; i < MIN(info.num_regions, VFIO_MAX_REGIONS);
	     i++) {
		r = vfio_region_read_info(dev, i);
		if (r < 0)
			return r;
	}
	for (unsigned int i = 0; i < MIN(info.num_irqs, VFIO_NR_IRQS); i++) {
		r = read_irq(dev, i);
		if (r < 0)
			return r;
	}
	return 0;
}

int vfio_bind(struct vfio_device *dev, int iommufd, const struct vfio_why *why)
{
	struct abi_vfio_bind bind = {
		.argsz = sizeof(bind),
		.iommufd = iommufd,
	};
	int r;

	if (dev->state != VFIO_OPENED)
		return -EALREADY;
	r = vfio_ioctl_again(dev, ABI_VFIO_DEVICE_BIND_IOMMUFD, &bind);
	if (r < 0) {
		log_bind_error(dev, -r, why);
		return r;
	}
	dev->state = VFIO_BOUND;
	dev->devid = bind.out_devid;
	return read_facts(dev);
}

int vfio_adopt(struct vfio_device *dev, uint32_t devid)
{
	int r;

	if (dev->state != VFIO_OPENED)
		return -EALREADY;
	r = read_facts(dev);
	for (unsigned int i = VFIO_INTX; !r && i <= VFIO_MSIX; i++)
		r = vfio_irq_disable(dev, i);
	if (!r && dev->can_reset)
		r = vfio_reset(dev);
	if (r)
		return r;
	dev->state = VFIO_BOUND;
	dev->devid = devid;
	return 0;
}

static const char *attach_remedy(int err)
{
	switch (err) {
	case EADDRINUSE:
		return "its IOMMU reserves addresses that the guest's memory uses; use less --memory, and see iommu_group/reserved_regions in sysfs";
	case ENOMEM:
		return "guest memory cannot be pinned; raise LimitMEMLOCK= (ulimit -l)";
	case EFAULT:
		return "guest memory cannot be pinned for DMA";
	case EINVAL:
		return "it, or a sibling in its IOMMU group, uses another address space or an incompatible IOMMU";
	case EBUSY:
		return "it or a sibling is being reset; try again";
	case ENOENT:
		return "the iommufd has no such address space";
	default:
		return "see dmesg";
	}
}

int vfio_attach(struct vfio_device *dev, uint32_t ioas)
{
	struct abi_vfio_attach attach = {
		.argsz = ABI_VFIO_ATTACH_ARGSZ,
		.pt_id = ioas,
	};
	int r;

	if (dev->state == VFIO_OPENED)
		return -EINVAL;
	r = vfio_ioctl(dev, ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);
	if (r < 0) {
		log_err("%s: cannot attach to the guest's memory: %s: %s",
			dev->name, strerror(-r), attach_remedy(-r));
		return r;
	}
	dev->state = VFIO_ATTACHED;
	return 0;
}

int vfio_detach(struct vfio_device *dev)
{
	struct abi_vfio_detach detach = { .argsz = ABI_VFIO_DETACH_ARGSZ };
	int r;

	if (dev->state != VFIO_ATTACHED)
		return 0;
	r = vfio_ioctl(dev, ABI_VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach);
	if (r < 0) {
		log_err("%s: cannot detach: %s", dev->name, strerror(-r));
		return r;
	}
	dev->state = VFIO_BOUND;
	return 0;
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
