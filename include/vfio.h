/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drives one host device through its VFIO cdev: OPENED -> BOUND -> ATTACHED.
 * Knows no guest, no KVM and no IOAS beyond its number.  Follows
 * include/uapi/linux/vfio.h and Documentation/driver-api/vfio.rst.
 *
 * Order: vfio_open, KVM's FILE_ADD (the caller's), vfio_bind, vfio_attach,
 * use, FILE_DEL, vfio_close.  Nothing but bind is allowed before bind.
 * Thread: main thread, or under dev_lock once the VM runs.
 * Errors: 0 or -errno, logged once here with the device's name.
 */
#ifndef WHERRY_VFIO_H
#define WHERRY_VFIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sandbox.h"
#include "stats.h"
#include "util.h"

struct vfio_device;

enum vfio_state { VFIO_OPENED, VFIO_BOUND, VFIO_ATTACHED };

/* Region indices of a PCI device. */
enum {
	VFIO_REGION_BAR0 = 0, /* to 5 */
	VFIO_REGION_ROM = 6,
	VFIO_REGION_CONFIG = 7,
	VFIO_REGION_VGA = 8,
	VFIO_REGION_DEVICE = 9, /* first device-specific one */
};

/* Interrupt indices of a PCI device. */
enum { VFIO_INTX, VFIO_MSI, VFIO_MSIX, VFIO_ERR, VFIO_REQ, VFIO_NR_IRQS };

#define VFIO_MAX_REGIONS 32
#define VFIO_MAX_AREAS 16

struct vfio_region {
	uint64_t size; /* bytes; 0: absent */
	uint64_t offset; /* in the device fd */
	bool read, write, mmap;
	bool msix_mappable; /* mmap may include the MSI-X table */
	/* Parts that can be mapped, relative to the region; the whole region
	 * when the kernel lists none and mmap is set. */
	struct range areas[VFIO_MAX_AREAS];
	unsigned int nr_areas;
};

struct vfio_irq {
	uint32_t count; /* 0: absent */
	bool eventfd, maskable, automasked, noresize;
};

/*
 * Opens node O_RDWR and checks that its device number is rdev (0: unchecked).
 * name goes into messages and is copied.  Each errno of open has its remedy
 * (missing node, permission).
 */
int vfio_open(struct vfio_device **out, const char *name, const char *node,
	      dev_t rdev, struct stats *stats);
/* The same for an inherited device fd, which it takes over, also when it
 * fails. */
int vfio_open_fd(struct vfio_device **out, const char *name, int fd,
		 struct stats *stats);

/*
 * BIND answers EPERM and EINVAL for several reasons each; only sysfs and
 * procfs can tell them apart, and only the caller may look there.  fn is
 * called when BIND has failed with -err (EPERM: sibling, foreign owner, no
 * interrupt remapping; EINVAL: held by another process, ...) and fills why
 * with "reason; remedy" or leaves it empty.
 */
struct vfio_why {
	void (*fn)(void *opaque, int err, char *why, size_t size);
	void *opaque;
};

/*
 * VFIO_DEVICE_BIND_IOMMUFD, retrying EAGAIN a few times; then GET_INFO,
 * regions and interrupts are read and cached, bounded and checked.  vf_token
 * is NULL or the 16 bytes of a UUID as it is written.  why may be NULL.
 */
int vfio_bind(struct vfio_device *dev, int iommufd, const uint8_t *vf_token,
	      const struct vfio_why *why);
/*
 * Instead of vfio_bind, of an inherited fd that its launcher has bound under
 * devid: what BIND would have found or done to the device is done here, so
 * that nobody's interrupts or state are left in it.
 */
int vfio_adopt(struct vfio_device *dev, uint32_t devid);
/* pt is the IOAS, or a page table made in it.  why may be NULL; it is asked
 * what EADDRINUSE does not tell, the range. */
int vfio_attach(struct vfio_device *dev, uint32_t pt,
		const struct vfio_why *why);
/*
 * Attaches a BOUND device to another, empty IOAS for as long as fn runs,
 * which can ask there what this device can reach.  -errno, not logged.
 */
int vfio_attach_briefly(struct vfio_device *dev, uint32_t ioas,
			void (*fn)(void *opaque), void *opaque);
/* -ENOTSUP, logged, unless kernel and driver can attach by PASID. */
int vfio_check_pasid(struct vfio_device *dev, uint32_t pasid);
/* Also what the device marks with pasid (not 0) goes by hwpt.  After
 * vfio_attach() to the same; undone by vfio_detach(). */
int vfio_attach_pasid(struct vfio_device *dev, uint32_t hwpt, uint32_t pasid);
int vfio_detach(struct vfio_device *dev);
/* Detaches if attached, and closes.  Takes NULL.  Callers have dropped
 * irqfds, memslots, BAR mappings and the KVM-VFIO reference before. */
void vfio_close(struct vfio_device *dev);

const char *vfio_name(const struct vfio_device *dev);
int vfio_fd(const struct vfio_device *dev);
enum vfio_state vfio_state(const struct vfio_device *dev);
uint32_t vfio_devid(const struct vfio_device *dev);
bool vfio_can_reset(const struct vfio_device *dev);

/* The cached facts; NULL when the index is out of range.  After bind. */
const struct vfio_region *vfio_region(const struct vfio_device *dev,
				      unsigned int index);
const struct vfio_irq *vfio_irq(const struct vfio_device *dev,
				unsigned int index);

/*
 * One access of len 1, 2, 4 or 8 bytes at offset within a region, of exactly
 * that width.  Out-of-bounds is -EINVAL.  Not logged: the caller knows
 * whether the guest or wherry asked.  A short count is -EIO.
 */
int vfio_read(struct vfio_device *dev, unsigned int index, uint64_t offset,
	      void *buf, unsigned int len);
int vfio_write(struct vfio_device *dev, unsigned int index, uint64_t offset,
	       const void *buf, unsigned int len);
/* Reads size bytes in as few system calls as possible (each maps a ROM anew).
 * -EINVAL out of bounds, -EIO when it ends early.  Not logged. */
int vfio_read_all(struct vfio_device *dev, unsigned int index, uint64_t offset,
		  void *buf, size_t size);

/*
 * Maps the areas of a region into one reservation of the whole region's size
 * (rounded up to pages) whose address is congruent to the region's start
 * modulo min(size, 1 GiB), so that the kernel can use huge pages.  Parts that
 * are not in areas[0..nr) (page-aligned, relative) stay PROT_NONE.  Undone by
 * vfio_unmap_region with the same size; with keep, what was mapped goes but its
 * addresses are never used again: for a guest that could still reach them.
 */
int vfio_map_region(struct vfio_device *dev, unsigned int index,
		    const struct range *areas, unsigned int nr, void **hva);
void vfio_unmap_region(struct vfio_device *dev, unsigned int index, void *hva,
		       bool keep);

/*
 * An area of a BAR (page-aligned, relative) as a dma-buf that an IOAS can map,
 * so that other devices reach it; *fd is the caller's, closed before the
 * device.  A probe exports nothing.  0, -ENOTTY: this kernel cannot, -EOPNOTSUPP:
 * the driver cannot, others: this BAR cannot.  Not logged.  Linux 6.19.
 */
int vfio_dmabuf_probe(struct vfio_device *dev);
int vfio_dmabuf_export(struct vfio_device *dev, unsigned int index,
		       const struct range *area, int *fd);

/*
 * SET_IRQS TRIGGER|EVENTFD for [start, start + count): fds[i] -1 leaves that
 * vector without a signal.  The first call on an index enables it.  A
 * positive answer of the kernel (fewer vectors than asked) becomes -ENOSPC.
 */
int vfio_irq_set(struct vfio_device *dev, unsigned int index,
		 unsigned int start, unsigned int count, const int *fds);
/* Disables an index; not being enabled is no error. */
int vfio_irq_disable(struct vfio_device *dev, unsigned int index);
int vfio_irq_unmask(struct vfio_device *dev, unsigned int index);
/* UNMASK by eventfd (fd -1 clears).  -ENOTTY is returned without a log. */
int vfio_irq_unmask_fd(struct vfio_device *dev, unsigned int index, int fd);

/* VFIO_DEVICE_RESET, over EAGAIN; -ENOTTY when the device has no reset. */
int vfio_reset(struct vfio_device *dev);

/*
 * A hot reset is one of the bus (or slot) that the device is on, and of every
 * function there.  Who may do it is asked first: fills devids with those of
 * the functions that are bound to this iommufd, dev's own among them, and
 * returns how many.  -ENODEV: there is no such reset; -EPERM: it would reach
 * a function that is neither bound to this iommufd nor unused; -E2BIG: more
 * than max.  Not logged: the caller knows whether another reset will do.
 */
#define VFIO_MAX_RESET_SET 256 /* functions on a bus */
int vfio_hot_reset_set(struct vfio_device *dev, uint32_t *devids,
		       unsigned int max);
/* VFIO_DEVICE_PCI_HOT_RESET, over EAGAIN and EBUSY.  Not logged. */
int vfio_hot_reset(struct vfio_device *dev);

/*
 * Lets the host put the device to sleep as deeply as it can, or takes that
 * back.  In between its mmaps fault, and every other access wakes it for as
 * long as it takes.  -ENOTTY: its driver cannot.  Other errors are logged.
 */
int vfio_low_power(struct vfio_device *dev, bool on);

extern const struct sandbox_ioctls vfio_sandbox_ioctls;

#endif
