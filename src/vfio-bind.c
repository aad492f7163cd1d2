// SPDX-License-Identifier: BSD-2-Clause
/*
 * vfio-bind - takes one host device from OPENED to BOUND to ATTACHED and back,
 * and reads on the way what it is. Knows neither sysfs (the caller explains
 * what an errno does not) nor what is mapped.
 */
#include <errno.h>
#include <string.h>

#include "abi/vfio.h"
#include "log.h"
#include "vfio-priv.h"
#include "vfio.h"

static void log_bind_error(struct vfio_device *dev, int err, bool token,
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
		guess = "a physical function on vfio-pci shares its VF token with its virtual functions, and that is another one or was not given; add vf-token=UUID, the same for all of them";
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
	if (token && err == EINVAL && !text[0])
		guess = "it takes no VF token: only physical functions with SR-IOV and their virtual functions do; leave vf-token out";
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

/*
 * A kernel that knows tokens refuses a longer structure whose tail is not
 * zero; an older one never looks at it and finds the iommufd wrong.
 */
static bool kernel_takes_tokens(struct vfio_device *dev)
{
	struct {
		struct abi_vfio_bind bind;
		uint64_t tail;
	} probe = {
		.bind = { .argsz = sizeof(probe), .iommufd = -1 },
		.tail = 1,
	};

	return vfio_ioctl(dev, ABI_VFIO_DEVICE_BIND_IOMMUFD, &probe) == -E2BIG;
}

int vfio_bind(struct vfio_device *dev, int iommufd, const uint8_t *vf_token,
	      const struct vfio_why *why)
{
	struct abi_vfio_bind bind = {
		.argsz = sizeof(bind),
		.flags = vf_token ? ABI_VFIO_DEVICE_BIND_FLAG_TOKEN : 0,
		.iommufd = iommufd,
		.token_uuid_ptr = (uintptr_t)vf_token,
	};
	int r;

	if (dev->state != VFIO_OPENED)
		return -EALREADY;
	if (vf_token && !kernel_takes_tokens(dev)) {
		log_err("%s: vf-token: this kernel takes none for device nodes; use Linux 6.17 or newer, or leave it out",
			dev->name);
		return -ENOTSUP;
	}
	r = vfio_ioctl_again(dev, ABI_VFIO_DEVICE_BIND_IOMMUFD, &bind);
	if (r < 0) {
		log_bind_error(dev, -r, vf_token, why);
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

static int attach_pt(struct vfio_device *dev, uint32_t pt)
{
	struct abi_vfio_attach attach = {
		.argsz = ABI_VFIO_ATTACH_ARGSZ,
		.pt_id = pt,
	};

	return vfio_ioctl(dev, ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);
}

static int detach_pt(struct vfio_device *dev)
{
	struct abi_vfio_detach detach = { .argsz = ABI_VFIO_DETACH_ARGSZ };

	return vfio_ioctl(dev, ABI_VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach);
}

int vfio_attach(struct vfio_device *dev, uint32_t pt,
		const struct vfio_why *why)
{
	char text[512] = "";
	int r;

	if (dev->state == VFIO_OPENED)
		return -EINVAL;
	r = attach_pt(dev, pt);
	if (r < 0) {
		if (why && why->fn)
			why->fn(why->opaque, -r, text, sizeof(text));
		log_err("%s: cannot attach to the guest's memory: %s: %s",
			dev->name, strerror(-r),
			text[0] ? text : attach_remedy(-r));
		return r;
	}
	dev->state = VFIO_ATTACHED;
	return 0;
}

int vfio_attach_briefly(struct vfio_device *dev, uint32_t ioas,
			void (*fn)(void *opaque), void *opaque)
{
	int r;

	if (dev->state != VFIO_BOUND)
		return -EINVAL;
	r = attach_pt(dev, ioas);
	if (r < 0)
		return r;
	fn(opaque);
	return detach_pt(dev);
}

static int attach_pasid(struct vfio_device *dev, uint32_t hwpt, uint32_t pasid)
{
	struct abi_vfio_attach attach = {
		.argsz = sizeof(attach),
		.flags = ABI_VFIO_DEVICE_ATTACH_PASID,
		.pt_id = hwpt,
		.pasid = pasid,
	};

	return vfio_ioctl(dev, ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);
}

int vfio_check_pasid(struct vfio_device *dev, uint32_t pasid)
{
	/* No object has the id 0, so nothing can come of it. */
	int r = attach_pasid(dev, 0, pasid);
	const char *why;

	switch (r) {
	case -ENOENT:
		return 0;
	case -EINVAL:
		why = "this kernel attaches no device by PASID; use Linux 6.15 or newer, or leave it out";
		break;
	case -EOPNOTSUPP:
		why = "the device's driver cannot attach by PASID; leave it out";
		break;
	default:
		why = strerror(-r);
	}
	log_err("%s: pasid=%u: %s", dev->name, pasid, why);
	return -ENOTSUP;
}

int vfio_attach_pasid(struct vfio_device *dev, uint32_t hwpt, uint32_t pasid)
{
	int r;

	if (dev->state != VFIO_ATTACHED || dev->pasid || !pasid)
		return -EINVAL;
	r = attach_pasid(dev, hwpt, pasid);
	if (r < 0) {
		log_err("%s: pasid=%u: cannot attach: %s; leave it out, or see dmesg",
			dev->name, pasid, strerror(-r));
		return r;
	}
	dev->pasid = pasid;
	return 0;
}

static int detach_pasid(struct vfio_device *dev)
{
	struct abi_vfio_detach detach = {
		.argsz = sizeof(detach),
		.flags = ABI_VFIO_DEVICE_DETACH_PASID,
		.pasid = dev->pasid,
	};

	if (!dev->pasid)
		return 0;
	dev->pasid = 0;
	return vfio_ioctl(dev, ABI_VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach);
}

int vfio_detach(struct vfio_device *dev)
{
	int r, r2;

	if (dev->state != VFIO_ATTACHED)
		return 0;
	r2 = detach_pasid(dev);
	r = detach_pt(dev);
	if (!r)
		dev->state = VFIO_BOUND;
	if (!r)
		r = r2;
	if (r < 0)
		log_err("%s: cannot detach: %s", dev->name, strerror(-r));
	return r;
}
