/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns one iommufd context and its one I/O address space (IOAS): which guest
 * ranges every assigned device can reach by DMA.  Follows
 * include/uapi/linux/iommufd.h and Documentation/userspace-api/iommufd.rst.
 *
 * Main thread, or under dev_lock once the VM runs.  Errors: 0 or -errno,
 * logged once here.
 */
#ifndef WHERRY_IOMMUFD_H
#define WHERRY_IOMMUFD_H

#include <stdint.h>

#include "sandbox.h"
#include "stats.h"
#include "util.h"

struct iommufd;

/* Opens /dev/iommu, or takes over fd >= 0 (also when it fails), and
 * allocates the IOAS. */
int iommufd_create(struct iommufd **out, int fd, struct stats *stats);
/* Unmaps all, destroys the IOAS, closes.  After every device's close. */
void iommufd_destroy(struct iommufd *iommufd);

int iommufd_fd(const struct iommufd *iommufd);
uint32_t iommufd_ioas(const struct iommufd *iommufd);

/* -ENOENT, logged with name, unless a device is bound here under devid. */
int iommufd_check_device(struct iommufd *iommufd, uint32_t devid,
			 const char *name);

/* Pins the layout before the first attach (IOMMU_IOAS_ALLOW_IOVAS): a device
 * that cannot reach all of ranges then fails its attach with EADDRINUSE. */
int iommufd_allow(struct iommufd *iommufd, const struct range *ranges,
		  unsigned int nr);

/* An IOAS beside the VM's own, empty and without a layout; freed before
 * iommufd_destroy(). */
int iommufd_ioas_alloc(struct iommufd *iommufd, uint32_t *ioas);
/*
 * A page table of the VM's IOAS that can serve a PASID, for the device bound
 * under devid; freed when nothing is attached to it.  Checks that the device
 * has such PASIDs.  name and pasid are for messages.
 */
int iommufd_hwpt_alloc(struct iommufd *iommufd, uint32_t devid, uint32_t pasid,
		       const char *name, uint32_t *hwpt);
/* Frees either; id 0 is none. */
void iommufd_free(struct iommufd *iommufd, uint32_t id);

/* What the devices attached to an IOAS can reach, in order; *out is the
 * caller's to free.  The last byte of a range may be UINT64_MAX, so a full
 * range has size 0. */
int iommufd_ranges(struct iommufd *iommufd, uint32_t ioas, struct range **out,
		   unsigned int *nr);

/*
 * Maps size bytes at iova, readable and writable: by IOMMU_IOAS_MAP_FILE
 * (memfd file_fd at offset) where the kernel has it, else by the address
 * hva, where the same bytes are mapped.  Chosen by probing.  After attach, so
 * that errors are precise: -ENOMEM means RLIMIT_MEMLOCK, and the message says
 * how much this VM needs, how much this uid has locked, and the remedy.
 * total_bytes is the VM's whole need, for that message.
 */
int iommufd_map(struct iommufd *iommufd, iova_t iova, uint64_t size,
		int file_fd, uint64_t offset, void *hva, uint64_t total_bytes);

/*
 * Maps a dma-buf that a device has exported of its BAR, so that the others
 * reach it at iova.  A reset, sleep or loss of memory decode of its device
 * kills the mapping for good: unmap it before, map it again after.  Not
 * logged: the guest chooses iova.  -EEXIST something is there, -EINVAL out of
 * reach, -ENODEV its device is asleep or in reset.
 */
int iommufd_map_dmabuf(struct iommufd *iommufd, iova_t iova, uint64_t size,
		       int dmabuf_fd);
int iommufd_unmap_dmabuf(struct iommufd *iommufd, iova_t iova, uint64_t size);

/* True when maps go by file (for stats and tests). */
bool iommufd_maps_by_file(const struct iommufd *iommufd);

extern const struct sandbox_ioctls iommufd_sandbox_ioctls;
/* What dma-bufs need in addition. */
extern const struct sandbox_ioctls iommufd_p2p_sandbox_ioctls;

#endif
