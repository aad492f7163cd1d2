/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VFIO ABI that headers of Linux 6.1 lack: binding a device cdev to an
 * iommufd context and attaching it to an address space (6.6), and feature
 * numbers.  Names start with abi_ or ABI_, so newer system headers do not
 * clash; tests/unit/test-abi.c compares the two where both exist.
 */
#ifndef WHERRY_ABI_VFIO_H
#define WHERRY_ABI_VFIO_H

#include <stdint.h>

#include <linux/vfio.h>

#define ABI_VFIO_DEVICE_BIND_IOMMUFD _IO(VFIO_TYPE, VFIO_BASE + 18)
#define ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT _IO(VFIO_TYPE, VFIO_BASE + 19)
#define ABI_VFIO_DEVICE_DETACH_IOMMUFD_PT _IO(VFIO_TYPE, VFIO_BASE + 20)

#define ABI_VFIO_DEVICE_BIND_FLAG_TOKEN (1U << 0) /* 6.17 */

struct abi_vfio_bind {
	uint32_t argsz; /* 16 was enough before 6.17 */
	uint32_t flags;
	int32_t iommufd; /* number in the caller's table */
	uint32_t out_devid; /* never 0 */
	uint64_t token_uuid_ptr; /* with FLAG_TOKEN: 16 raw bytes */
};

#define ABI_VFIO_DEVICE_ATTACH_PASID (1U << 0) /* 6.15 */
#define ABI_VFIO_DEVICE_DETACH_PASID (1U << 0)

struct abi_vfio_attach {
	uint32_t argsz; /* 12 without a PASID */
	uint32_t flags;
	uint32_t pt_id; /* in: IOAS or HWPT; out: HWPT */
	uint32_t pasid;
};

struct abi_vfio_detach {
	uint32_t argsz; /* 8 without a PASID */
	uint32_t flags;
	uint32_t pasid;
};

/* Sizes that every kernel with cdevs takes. */
#define ABI_VFIO_ATTACH_ARGSZ 12
#define ABI_VFIO_DETACH_ARGSZ 8

/* GET_PCI_HOT_RESET_INFO on a cdev tells iommufd device ids (6.6). */
#define ABI_VFIO_PCI_HOT_RESET_FLAG_DEV_ID (1U << 0)
#define ABI_VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED (1U << 1)

/* One entry of the answer, struct vfio_pci_dependent_device. */
struct abi_vfio_dependent {
	uint32_t devid; /* 0: owned, but not open; UINT32_MAX: not owned */
	uint16_t segment;
	uint8_t bus, devfn;
};

/* Indices of VFIO_DEVICE_FEATURE. */
enum {
	ABI_VFIO_FEATURE_LOW_POWER_ENTRY = 3, /* 6.1 */
	ABI_VFIO_FEATURE_LOW_POWER_EXIT = 5, /* 6.1 */
	ABI_VFIO_FEATURE_MIG_DATA_SIZE = 9, /* 6.2 */
	ABI_VFIO_FEATURE_BUS_MASTER = 10, /* 6.7, CDX only */
	ABI_VFIO_FEATURE_DMA_BUF = 11, /* 6.19 */
	ABI_VFIO_FEATURE_MIG_PRECOPY_INFOV2 = 12,
};

/* FEATURE_DMA_BUF with its header and one range: the ioctl returns the fd. */
struct abi_vfio_feature_dma_buf {
	uint32_t argsz;
	uint32_t feature;
	uint32_t region_index;
	uint32_t open_flags; /* of open(2) */
	uint32_t flags;
	uint32_t nr_ranges;
	uint64_t offset, length; /* of the one range; pages */
};

#endif
