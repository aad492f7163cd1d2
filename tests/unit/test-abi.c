// SPDX-License-Identifier: BSD-2-Clause
/*
 * Compares include/abi with the system's headers, where those have the same
 * thing. On a system whose headers are older there is nothing to compare.
 */
#include "harness.h"

#include "abi/iommufd.h"
#include "abi/vfio.h"

#if __has_include(<linux/iommufd.h>)
#include <linux/iommufd.h>
#define HAVE_IOMMUFD 1
#endif

#define SAME_SIZE(ours, theirs) \
	assert_int_equal(sizeof(struct ours), sizeof(struct theirs))
#define SAME_FIELD(ours, theirs, of, tf)                            \
	do {                                                        \
		assert_int_equal(offsetof(struct ours, of),         \
				 offsetof(struct theirs, tf));      \
		assert_int_equal(sizeof(((struct ours *)0)->of),    \
				 sizeof(((struct theirs *)0)->tf)); \
	} while (0)
#define SAME(ours, theirs, field) SAME_FIELD(ours, theirs, field, field)

static void vfio_numbers(void **state)
{
	(void)state;
	/* Computed from a header of Linux 7.2. */
	assert_int_equal(ABI_VFIO_DEVICE_BIND_IOMMUFD, 0x3b76);
	assert_int_equal(ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT, 0x3b77);
	assert_int_equal(ABI_VFIO_DEVICE_DETACH_IOMMUFD_PT, 0x3b78);
	assert_int_equal(sizeof(struct abi_vfio_bind), 24);
	assert_int_equal(sizeof(struct abi_vfio_dependent),
			 sizeof(struct vfio_pci_dependent_device));
	assert_int_equal(offsetof(struct abi_vfio_attach, pasid),
			 ABI_VFIO_ATTACH_ARGSZ);
	assert_int_equal(offsetof(struct abi_vfio_detach, pasid),
			 ABI_VFIO_DETACH_ARGSZ);
	/* Header, structure and one range: 8, 16 and 16 bytes. */
	assert_int_equal(sizeof(struct abi_vfio_feature_dma_buf), 40);
	assert_int_equal(offsetof(struct abi_vfio_feature_dma_buf, nr_ranges),
			 20);
	assert_int_equal(offsetof(struct abi_vfio_feature_dma_buf, offset), 24);
}

static void iommufd_numbers(void **state)
{
	(void)state;
	assert_int_equal(ABI_IOMMU_DESTROY, 0x3b80);
	assert_int_equal(ABI_IOMMU_IOAS_ALLOC, 0x3b81);
	assert_int_equal(ABI_IOMMU_IOAS_ALLOW_IOVAS, 0x3b82);
	assert_int_equal(ABI_IOMMU_IOAS_IOVA_RANGES, 0x3b84);
	assert_int_equal(ABI_IOMMU_IOAS_MAP, 0x3b85);
	assert_int_equal(ABI_IOMMU_IOAS_UNMAP, 0x3b86);
	assert_int_equal(ABI_IOMMU_GET_HW_INFO, 0x3b8a);
	assert_int_equal(ABI_IOMMU_IOAS_MAP_FILE, 0x3b8f);
	assert_int_equal(sizeof(struct abi_iommu_hw_info), 40);
	assert_int_equal(sizeof(struct abi_iommu_ioas_map), 40);
	assert_int_equal(sizeof(struct abi_iommu_ioas_map_file), 40);
	assert_int_equal(sizeof(struct abi_iommu_ioas_unmap), 24);
	assert_int_equal(sizeof(struct abi_iommu_ioas_iova_ranges), 32);
}

static void vfio_like_system(void **state)
{
	(void)state;
#ifdef VFIO_DEVICE_BIND_IOMMUFD
	assert_int_equal(ABI_VFIO_DEVICE_BIND_IOMMUFD,
			 VFIO_DEVICE_BIND_IOMMUFD);
	assert_int_equal(ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT,
			 VFIO_DEVICE_ATTACH_IOMMUFD_PT);
	assert_int_equal(ABI_VFIO_DEVICE_DETACH_IOMMUFD_PT,
			 VFIO_DEVICE_DETACH_IOMMUFD_PT);
	SAME(abi_vfio_bind, vfio_device_bind_iommufd, argsz);
	SAME(abi_vfio_bind, vfio_device_bind_iommufd, flags);
	SAME(abi_vfio_bind, vfio_device_bind_iommufd, iommufd);
	SAME(abi_vfio_bind, vfio_device_bind_iommufd, out_devid);
	SAME(abi_vfio_attach, vfio_device_attach_iommufd_pt, flags);
	SAME(abi_vfio_attach, vfio_device_attach_iommufd_pt, pt_id);
	SAME(abi_vfio_detach, vfio_device_detach_iommufd_pt, flags);
	assert_int_equal(ABI_VFIO_PCI_HOT_RESET_FLAG_DEV_ID,
			 VFIO_PCI_HOT_RESET_FLAG_DEV_ID);
	assert_int_equal(ABI_VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED,
			 VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED);
#else
	skip_because("linux/vfio.h has no device cdevs");
#endif
#ifdef VFIO_DEVICE_BIND_FLAG_TOKEN
	assert_int_equal(ABI_VFIO_DEVICE_BIND_FLAG_TOKEN,
			 VFIO_DEVICE_BIND_FLAG_TOKEN);
	SAME_SIZE(abi_vfio_bind, vfio_device_bind_iommufd);
	SAME(abi_vfio_bind, vfio_device_bind_iommufd, token_uuid_ptr);
#endif
#ifdef VFIO_DEVICE_ATTACH_PASID
	assert_int_equal(ABI_VFIO_DEVICE_ATTACH_PASID,
			 VFIO_DEVICE_ATTACH_PASID);
	assert_int_equal(ABI_VFIO_DEVICE_DETACH_PASID,
			 VFIO_DEVICE_DETACH_PASID);
	SAME_SIZE(abi_vfio_attach, vfio_device_attach_iommufd_pt);
	SAME_SIZE(abi_vfio_detach, vfio_device_detach_iommufd_pt);
	SAME(abi_vfio_attach, vfio_device_attach_iommufd_pt, pasid);
	SAME(abi_vfio_detach, vfio_device_detach_iommufd_pt, pasid);
#endif
}

static void vfio_features_like_system(void **state)
{
	(void)state;
#ifdef VFIO_DEVICE_FEATURE_MIG_DATA_SIZE
	assert_int_equal(ABI_VFIO_FEATURE_MIG_DATA_SIZE,
			 VFIO_DEVICE_FEATURE_MIG_DATA_SIZE);
#else
	skip_because("linux/vfio.h is of Linux 6.1");
#endif
#ifdef VFIO_DEVICE_FEATURE_BUS_MASTER
	assert_int_equal(ABI_VFIO_FEATURE_BUS_MASTER,
			 VFIO_DEVICE_FEATURE_BUS_MASTER);
#endif
#ifdef VFIO_DEVICE_FEATURE_DMA_BUF
	assert_int_equal(ABI_VFIO_FEATURE_DMA_BUF, VFIO_DEVICE_FEATURE_DMA_BUF);
#endif
#ifdef VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2
	assert_int_equal(ABI_VFIO_FEATURE_MIG_PRECOPY_INFOV2,
			 VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2);
#endif
}

static void iommufd_like_system(void **state)
{
	(void)state;
#ifdef HAVE_IOMMUFD
	assert_int_equal(ABI_IOMMU_DESTROY, IOMMU_DESTROY);
	assert_int_equal(ABI_IOMMU_IOAS_ALLOC, IOMMU_IOAS_ALLOC);
	assert_int_equal(ABI_IOMMU_IOAS_ALLOW_IOVAS, IOMMU_IOAS_ALLOW_IOVAS);
	assert_int_equal(ABI_IOMMU_IOAS_IOVA_RANGES, IOMMU_IOAS_IOVA_RANGES);
	assert_int_equal(ABI_IOMMU_IOAS_MAP, IOMMU_IOAS_MAP);
	assert_int_equal(ABI_IOMMU_IOAS_UNMAP, IOMMU_IOAS_UNMAP);
	assert_int_equal(ABI_IOMMU_IOAS_MAP_FIXED_IOVA,
			 IOMMU_IOAS_MAP_FIXED_IOVA);
	assert_int_equal(ABI_IOMMU_IOAS_MAP_WRITEABLE,
			 IOMMU_IOAS_MAP_WRITEABLE);
	assert_int_equal(ABI_IOMMU_IOAS_MAP_READABLE, IOMMU_IOAS_MAP_READABLE);
	SAME_SIZE(abi_iommu_destroy, iommu_destroy);
	SAME(abi_iommu_destroy, iommu_destroy, id);
	SAME_SIZE(abi_iommu_ioas_alloc, iommu_ioas_alloc);
	SAME(abi_iommu_ioas_alloc, iommu_ioas_alloc, out_ioas_id);
	SAME_SIZE(abi_iommu_iova_range, iommu_iova_range);
	SAME(abi_iommu_iova_range, iommu_iova_range, last);
	SAME_SIZE(abi_iommu_ioas_iova_ranges, iommu_ioas_iova_ranges);
	SAME(abi_iommu_ioas_iova_ranges, iommu_ioas_iova_ranges, num_iovas);
	SAME(abi_iommu_ioas_iova_ranges, iommu_ioas_iova_ranges, allowed_iovas);
	SAME(abi_iommu_ioas_iova_ranges, iommu_ioas_iova_ranges,
	     out_iova_alignment);
	SAME_SIZE(abi_iommu_ioas_allow_iovas, iommu_ioas_allow_iovas);
	SAME(abi_iommu_ioas_allow_iovas, iommu_ioas_allow_iovas, num_iovas);
	SAME(abi_iommu_ioas_allow_iovas, iommu_ioas_allow_iovas, allowed_iovas);
	SAME_SIZE(abi_iommu_ioas_map, iommu_ioas_map);
	SAME(abi_iommu_ioas_map, iommu_ioas_map, user_va);
	SAME(abi_iommu_ioas_map, iommu_ioas_map, length);
	SAME(abi_iommu_ioas_map, iommu_ioas_map, iova);
	SAME_SIZE(abi_iommu_ioas_unmap, iommu_ioas_unmap);
	SAME(abi_iommu_ioas_unmap, iommu_ioas_unmap, iova);
	SAME(abi_iommu_ioas_unmap, iommu_ioas_unmap, length);
#ifdef IOMMU_GET_HW_INFO
	assert_int_equal(ABI_IOMMU_GET_HW_INFO, IOMMU_GET_HW_INFO);
	SAME_SIZE(abi_iommu_hw_info, iommu_hw_info);
	SAME(abi_iommu_hw_info, iommu_hw_info, dev_id);
	SAME(abi_iommu_hw_info, iommu_hw_info, out_capabilities);
#endif
#ifdef IOMMU_HWPT_ALLOC
	assert_int_equal(ABI_IOMMU_HWPT_ALLOC, IOMMU_HWPT_ALLOC);
	SAME(abi_iommu_hwpt_alloc, iommu_hwpt_alloc, dev_id);
	SAME(abi_iommu_hwpt_alloc, iommu_hwpt_alloc, pt_id);
	SAME(abi_iommu_hwpt_alloc, iommu_hwpt_alloc, out_hwpt_id);
#endif
#ifdef IOMMU_IOAS_MAP_FILE
	assert_int_equal(ABI_IOMMU_IOAS_MAP_FILE, IOMMU_IOAS_MAP_FILE);
	SAME_SIZE(abi_iommu_ioas_map_file, iommu_ioas_map_file);
	SAME(abi_iommu_ioas_map_file, iommu_ioas_map_file, fd);
	SAME(abi_iommu_ioas_map_file, iommu_ioas_map_file, start);
	SAME(abi_iommu_ioas_map_file, iommu_ioas_map_file, length);
	SAME(abi_iommu_ioas_map_file, iommu_ioas_map_file, iova);
#endif
#else
	skip_because("this system has no linux/iommufd.h");
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vfio_numbers),
		cmocka_unit_test(iommufd_numbers),
		cmocka_unit_test(vfio_like_system),
		cmocka_unit_test(vfio_features_like_system),
		cmocka_unit_test(iommufd_like_system),
	};

	return run_all(tests);
}
