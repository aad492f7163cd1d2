/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The part of the iommufd ABI (6.2) that wherry uses; Debian 12 has no header
 * for it.  Every structure starts with its own size; reserved fields are 0.
 * Names start with abi_ or ABI_, so system headers do not clash;
 * tests/unit/test-abi.c compares the two where both exist.
 */
#ifndef WHERRY_ABI_IOMMUFD_H
#define WHERRY_ABI_IOMMUFD_H

#include <stdint.h>

#include <linux/ioctl.h>

/* The same magic as VFIO's; the numbers carry neither size nor direction. */
#define ABI_IOMMUFD_TYPE ';'

#define ABI_IOMMU_DESTROY _IO(ABI_IOMMUFD_TYPE, 0x80)
#define ABI_IOMMU_IOAS_ALLOC _IO(ABI_IOMMUFD_TYPE, 0x81)
#define ABI_IOMMU_IOAS_ALLOW_IOVAS _IO(ABI_IOMMUFD_TYPE, 0x82)
#define ABI_IOMMU_IOAS_IOVA_RANGES _IO(ABI_IOMMUFD_TYPE, 0x84)
#define ABI_IOMMU_IOAS_MAP _IO(ABI_IOMMUFD_TYPE, 0x85)
#define ABI_IOMMU_IOAS_UNMAP _IO(ABI_IOMMUFD_TYPE, 0x86)
#define ABI_IOMMU_HWPT_ALLOC _IO(ABI_IOMMUFD_TYPE, 0x89) /* 6.6 */
#define ABI_IOMMU_GET_HW_INFO _IO(ABI_IOMMUFD_TYPE, 0x8a) /* 6.6 */
#define ABI_IOMMU_IOAS_MAP_FILE _IO(ABI_IOMMUFD_TYPE, 0x8f) /* 6.13 */

struct abi_iommu_destroy {
	uint32_t size;
	uint32_t id;
};

struct abi_iommu_ioas_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t out_ioas_id;
};

/* Both ends belong to the range. */
struct abi_iommu_iova_range {
	uint64_t start;
	uint64_t last;
};

struct abi_iommu_ioas_iova_ranges {
	uint32_t size;
	uint32_t ioas_id;
	uint32_t num_iovas; /* in: room; out: number, also with EMSGSIZE */
	uint32_t reserved;
	uint64_t allowed_iovas; /* address of ranges */
	uint64_t out_iova_alignment;
};

struct abi_iommu_ioas_allow_iovas {
	uint32_t size;
	uint32_t ioas_id;
	uint32_t num_iovas;
	uint32_t reserved;
	uint64_t allowed_iovas; /* address of ranges */
};

#define ABI_IOMMU_IOAS_MAP_FIXED_IOVA (1U << 0)
#define ABI_IOMMU_IOAS_MAP_WRITEABLE (1U << 1)
#define ABI_IOMMU_IOAS_MAP_READABLE (1U << 2)

struct abi_iommu_ioas_map {
	uint32_t size;
	uint32_t flags;
	uint32_t ioas_id;
	uint32_t reserved;
	uint64_t user_va;
	uint64_t length;
	uint64_t iova;
};

struct abi_iommu_ioas_map_file {
	uint32_t size;
	uint32_t flags;
	uint32_t ioas_id;
	int32_t fd;
	uint64_t start; /* in the file */
	uint64_t length;
	uint64_t iova;
};

struct abi_iommu_ioas_unmap {
	uint32_t size;
	uint32_t ioas_id;
	uint64_t iova;
	uint64_t length; /* in: bytes, UINT64_MAX with iova 0: all; out: done */
};

/* What stands before a bound device; data_len 0 asks for no data. */
struct abi_iommu_hw_info {
	uint32_t size;
	uint32_t flags;
	uint32_t dev_id;
	uint32_t data_len;
	uint64_t data_uptr;
	uint32_t out_data_type;
	uint8_t out_max_pasid_log2; /* 6.15; 0: no PASIDs */
	uint8_t reserved[3];
	uint64_t out_capabilities;
};

#define ABI_IOMMU_HWPT_ALLOC_PASID (1U << 3) /* 6.15 */

/* A page table of an IOAS, for one kind of device. */
struct abi_iommu_hwpt_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t dev_id;
	uint32_t pt_id;
	uint32_t out_hwpt_id;
	uint32_t reserved;
	uint32_t data_type; /* these four: 0 for the kernel's own format */
	uint32_t data_len;
	uint64_t data_uptr;
	uint32_t fault_id;
	uint32_t reserved2;
};

#endif
