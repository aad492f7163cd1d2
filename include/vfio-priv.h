/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What vfio.c and vfio-*.c share. For nobody else: the device is opaque.
 */
#ifndef WHERRY_VFIO_PRIV_H
#define WHERRY_VFIO_PRIV_H

#include "log.h"
#include "vfio.h"

#define VFIO_MAX_VECTORS 2048 /* of one index */

struct vfio_device {
	char *name;
	int fd;
	enum vfio_state state;
	uint32_t devid;
	uint32_t pasid; /* 0: not attached by one */
	bool can_reset;
	struct vfio_region regions[VFIO_MAX_REGIONS];
	struct vfio_irq irqs[VFIO_NR_IRQS];
	struct ratelimit rl; /* for what a guest can cause */
	struct stats *stats;
};

/* What ioctl() returns, or -errno. Counted, not logged. */
int vfio_ioctl(struct vfio_device *dev, unsigned long request, void *arg);
/* The same, over EAGAIN, with which another reset of the bus is answered: up
 * to 2 s of it. */
int vfio_ioctl_again(struct vfio_device *dev, unsigned long request, void *arg);
/* Fills the cached facts of one region. 0 or -errno, logged. */
int vfio_region_read_info(struct vfio_device *dev, unsigned int index);

#endif
