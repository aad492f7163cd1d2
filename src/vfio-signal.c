// SPDX-License-Identifier: BSD-2-Clause
/*
 * vfio-signal - the interrupts of one host device: SET_IRQS, by which eventfds
 * are signalled, masked and unmasked. Owns nothing; vfio.c has read what there
 * is.
 */
#include <errno.h>
#include <string.h>

#include "abi/vfio.h"
#include "log.h"
#include "vfio-priv.h"

const struct vfio_irq *vfio_irq(const struct vfio_device *dev,
				unsigned int index)
{
	return index < VFIO_NR_IRQS ? &dev->irqs[index] : NULL;
}

/* One SET_IRQS; fds NULL means DATA_NONE. A guest can make it fail, so the
 * log is rate-limited. */
static int set_irqs(struct vfio_device *dev, uint32_t action,
		    unsigned int index, unsigned int start, unsigned int count,
		    const int *fds)
{
	union {
		struct vfio_irq_set set;
		uint8_t bytes[sizeof(struct vfio_irq_set) +
			      VFIO_MAX_VECTORS * sizeof(int32_t)];
	} u;

	if (count > VFIO_MAX_VECTORS)
		return -EINVAL;
	u.set = (struct vfio_irq_set){
		.argsz = sizeof(u.set),
		.flags = action | (fds ? VFIO_IRQ_SET_DATA_EVENTFD :
					 VFIO_IRQ_SET_DATA_NONE),
		.index = index,
		.start = start,
		.count = count,
	};
	if (fds) {
		u.set.argsz += count * sizeof(int32_t);
		memcpy(u.set.data, fds, count * sizeof(int32_t));
	}
	return vfio_ioctl(dev, VFIO_DEVICE_SET_IRQS, &u);
}

static int irq_failed(struct vfio_device *dev, const char *what,
		      unsigned int index, int r)
{
	static const char *const names[VFIO_NR_IRQS] = { "INTx", "MSI", "MSI-X",
							 "ERR", "REQ" };

	const char *why = "";

	if (r > 0)
		r = -ENOSPC;
	if (r == -ENOSPC)
		why = "; the host has too few interrupt vectors";
	else if (r == -EBUSY && index == VFIO_INTX)
		why = "; it cannot share its line: unbind the driver of the other device on it (see /proc/interrupts)";
	log_guest(&dev->rl, "%s: cannot %s %s: %s%s", dev->name, what,
		  names[index], strerror(-r), why);
	return r;
}

int vfio_irq_set(struct vfio_device *dev, unsigned int index,
		 unsigned int start, unsigned int count, const int *fds)
{
	int r;

	if (index >= VFIO_NR_IRQS || !count ||
	    !range_contains(0, dev->irqs[index].count, start, count))
		return -EINVAL;
	r = set_irqs(dev, VFIO_IRQ_SET_ACTION_TRIGGER, index, start, count,
		     fds);
	return r ? irq_failed(dev, "set up", index, r) : 0;
}

int vfio_irq_disable(struct vfio_device *dev, unsigned int index)
{
	int r;

	if (index >= VFIO_NR_IRQS)
		return -EINVAL;
	if (!dev->irqs[index].count)
		return 0;
	r = set_irqs(dev, VFIO_IRQ_SET_ACTION_TRIGGER, index, 0, 0, NULL);
	if (r == -EINVAL)
		return 0; /* it is not the active one */
	return r ? irq_failed(dev, "disable", index, r) : 0;
}

int vfio_irq_unmask(struct vfio_device *dev, unsigned int index)
{
	int r;

	if (index >= VFIO_NR_IRQS || !dev->irqs[index].count)
		return -EINVAL;
	r = set_irqs(dev, VFIO_IRQ_SET_ACTION_UNMASK, index, 0, 1, NULL);
	return r ? irq_failed(dev, "unmask", index, r) : 0;
}

int vfio_irq_unmask_fd(struct vfio_device *dev, unsigned int index, int fd)
{
	int r;

	if (index >= VFIO_NR_IRQS || !dev->irqs[index].count)
		return -EINVAL;
	r = set_irqs(dev, VFIO_IRQ_SET_ACTION_UNMASK, index, 0, 1, &fd);
	if (r == -ENOTTY)
		return r; /* mediated devices lack it; the caller falls back */
	return r ? irq_failed(dev, "hand the unmasking to KVM of", index, r) :
		   0;
}
