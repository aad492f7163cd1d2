// SPDX-License-Identifier: BSD-2-Clause
/*
 * vfio-region - the regions of a device: what the kernel says of them, reading
 * and writing them, mapping them, exporting them to other devices. Owns no state but the cache in the device.
 */
#include "vfio.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/vfio.h"
#include "fd.h"
#include "log.h"
#include "vfio-priv.h"

#define MAX_INFO_BYTES 65536 /* of a region's capability chain */

static bool page_aligned(uint64_t v)
{
	return !(v & (host_page_bytes() - 1));
}

/* Takes the areas that are whole pages within the region. */
static void read_sparse(struct vfio_region *region,
			const struct vfio_region_info_cap_sparse_mmap *cap,
			unsigned int nr)
{
	region->nr_areas = 0;
	for (unsigned int i = 0; i < nr && region->nr_areas < VFIO_MAX_AREAS;
	     i++) {
		uint64_t start = cap->areas[i].offset;
		uint64_t size = cap->areas[i].size;

		if (!size || !page_aligned(start | size) ||
		    !range_contains(0, region->size, start, size))
			continue;
		region->areas[region->nr_areas++] =
			(struct range){ start, size };
	}
}

/* Walks the capability chain of info, whose buffer has argsz bytes. */
static void read_caps(struct vfio_region *region,
		      const struct vfio_region_info *info)
{
	const struct vfio_region_info_cap_sparse_mmap *sparse;
	const struct vfio_info_cap_header *cap;
	uint32_t off = info->cap_offset;

	/* Offsets only grow in a sane chain, so it cannot loop. */
	for (uint32_t last = 0; off > last; last = off, off = cap->next) {
		if (off % 8 || off < sizeof(*info) || info->argsz < off ||
		    info->argsz - off < sizeof(*cap))
			return;
		cap = (const void *)((const char *)info + off);
		if (cap->id == VFIO_REGION_INFO_CAP_MSIX_MAPPABLE)
			region->msix_mappable = true;
		if (cap->id != VFIO_REGION_INFO_CAP_SPARSE_MMAP ||
		    info->argsz - off < sizeof(*sparse))
			continue;
		sparse = (const void *)cap;
		read_sparse(region, sparse,
			    MIN(sparse->nr_areas,
				(info->argsz - off - sizeof(*sparse)) /
					sizeof(sparse->areas[0])));
	}
}

/* GET_REGION_INFO with as much room as the kernel asks for. */
static int get_region_info(struct vfio_device *dev, unsigned int index,
			   struct vfio_region_info **out)
{
	uint32_t size = 256;

	for (unsigned int tries = 0; tries < 3; tries++) {
		struct vfio_region_info *info = calloc(1, size);
		int r;

		if (!info)
			return -ENOMEM;
		info->argsz = size;
		info->index = index;
		r = vfio_ioctl(dev, VFIO_DEVICE_GET_REGION_INFO, info);
		if (!r && info->argsz <= size) {
			*out = info;
			return 0;
		}
		if (!r)
			size = info->argsz;
		free(info);
		if (r < 0)
			return r;
		if (size > MAX_INFO_BYTES)
			break;
	}
	return -E2BIG;
}

int vfio_region_read_info(struct vfio_device *dev, unsigned int index)
{
	struct vfio_region *region = &dev->regions[index];
	struct vfio_region_info *info cleanup_free = NULL;
	int r = get_region_info(dev, index, &info);
	uint64_t end;

	/* The count is an upper bound: without VGA, index 8 is EINVAL. */
	if (r == -EINVAL && index != VFIO_REGION_CONFIG)
		return 0;
	if (r < 0) {
		log_err("%s: cannot read what region %u is: %s", dev->name,
			index, strerror(-r));
		return r;
	}
	if (!info->size)
		return 0;
	if (__builtin_add_overflow(info->offset, info->size, &end) ||
	    end > INT64_MAX) {
		log_err("%s: region %u is out of bounds: the driver says %" PRIu64
			" bytes at 0x%" PRIx64 "; update the kernel",
			dev->name, index, (uint64_t)info->size,
			(uint64_t)info->offset);
		return -EPROTO;
	}
	region->size = info->size;
	region->offset = info->offset;
	region->read = info->flags & VFIO_REGION_INFO_FLAG_READ;
	region->write = info->flags & VFIO_REGION_INFO_FLAG_WRITE;
	region->mmap = info->flags & VFIO_REGION_INFO_FLAG_MMAP;
	if (region->mmap)
		region->areas[region->nr_areas++] =
			(struct range){ 0, region->size };
	if (info->flags & VFIO_REGION_INFO_FLAG_CAPS)
		read_caps(region, info);
	return 0;
}

const struct vfio_region *vfio_region(const struct vfio_device *dev,
				      unsigned int index)
{
	return index < VFIO_MAX_REGIONS ? &dev->regions[index] : NULL;
}

/* The region, if [offset, offset + len) lies in it. */
static const struct vfio_region *region_of_access(const struct vfio_device *dev,
						  unsigned int index,
						  uint64_t offset,
						  unsigned int len)
{
	const struct vfio_region *region = vfio_region(dev, index);

	if (!region || !len || len > 8 || !is_pow2(len) ||
	    !range_contains(0, region->size, offset, len))
		return NULL;
	return region;
}

int vfio_read(struct vfio_device *dev, unsigned int index, uint64_t offset,
	      void *buf, unsigned int len)
{
	const struct vfio_region *region =
		region_of_access(dev, index, offset, len);
	ssize_t n;

	if (!region || !region->read)
		return -EINVAL;
	n = pread(dev->fd, buf, len, (off_t)(region->offset + offset));
	if (n < 0)
		return -errno;
	return n == (ssize_t)len ? 0 : -EIO;
}

int vfio_read_all(struct vfio_device *dev, unsigned int index, uint64_t offset,
		  void *buf, size_t size)
{
	const struct vfio_region *region = vfio_region(dev, index);
	int r;

	if (!region || !region->read ||
	    !range_contains(0, region->size, offset, size))
		return -EINVAL;
	r = fd_pread_all(dev->fd, buf, size, (off_t)(region->offset + offset));
	return r == -ENODATA ? -EIO : r;
}

int vfio_write(struct vfio_device *dev, unsigned int index, uint64_t offset,
	       const void *buf, unsigned int len)
{
	const struct vfio_region *region =
		region_of_access(dev, index, offset, len);
	ssize_t n;

	if (!region || !region->write)
		return -EINVAL;
	n = pwrite(dev->fd, buf, len, (off_t)(region->offset + offset));
	if (n < 0)
		return -errno;
	return n == (ssize_t)len ? 0 : -EIO;
}

/*
 * Reserves size bytes of address space, aligned to min(size, 1 GiB): BARs lie
 * at multiples of their size, so huge pages fit on both sides.
 */
static void *reserve(uint64_t size)
{
	uint64_t align = MIN(size, GIB(1)), total, head;
	uint8_t *p;

	while (!is_pow2(align))
		align &= align - 1;
	if (__builtin_add_overflow(size, align, &total))
		return MAP_FAILED;
	p = mmap(NULL, total, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return p;
	head = align_up((uintptr_t)p, align) - (uintptr_t)p;
	if (head)
		munmap(p, head);
	if (align - head)
		munmap(p + head + size, align - head);
	return p + head;
}

int vfio_map_region(struct vfio_device *dev, unsigned int index,
		    const struct range *areas, unsigned int nr, void **hva)
{
	const struct vfio_region *region = vfio_region(dev, index);
	uint64_t size;
	uint8_t *base;
	int prot, r;

	if (!region || !region->mmap)
		return -EINVAL;
	size = align_up(region->size, host_page_bytes());
	prot = (region->read ? PROT_READ : 0) |
	       (region->write ? PROT_WRITE : 0);
	base = reserve(size);
	if (base == MAP_FAILED) {
		r = -errno;
		goto err;
	}
	for (unsigned int i = 0; i < nr; i++) {
		r = -EINVAL;
		if (!page_aligned(areas[i].start | areas[i].size) ||
		    !range_contains(0, size, areas[i].start, areas[i].size))
			goto err;
		if (mmap(base + areas[i].start, areas[i].size, prot,
			 MAP_SHARED | MAP_FIXED, dev->fd,
			 (off_t)(region->offset + areas[i].start)) ==
		    MAP_FAILED) {
			r = -errno;
			goto err;
		}
	}
	*hva = base;
	return 0;
err:
	if (base != MAP_FAILED)
		munmap(base, size);
	log_err("%s: cannot map region %u: %s%s", dev->name, index,
		strerror(-r),
		r == -EBUSY ? "; a host driver or a console still uses it" :
			      "");
	return r;
}

void vfio_unmap_region(struct vfio_device *dev, unsigned int index, void *hva,
		       bool keep)
{
	const struct vfio_region *region = vfio_region(dev, index);
	uint64_t size;

	if (!region || !hva)
		return;
	size = align_up(region->size, host_page_bytes());
	/* If even that fails the mapping stays, which is as safe. */
	if (keep)
		(void)mmap(hva, size, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
				   MAP_FIXED,
			   -1, 0);
	else
		munmap(hva, size);
}

int vfio_dmabuf_probe(struct vfio_device *dev)
{
	struct vfio_device_feature feature = {
		.argsz = sizeof(feature),
		.flags = VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_GET |
			 ABI_VFIO_FEATURE_DMA_BUF,
	};
	int r = vfio_ioctl(dev, VFIO_DEVICE_FEATURE, &feature);

	return MIN(r, 0);
}

int vfio_dmabuf_export(struct vfio_device *dev, unsigned int index,
		       const struct range *area, int *fd)
{
	struct abi_vfio_feature_dma_buf buf = {
		.argsz = sizeof(buf),
		.feature = VFIO_DEVICE_FEATURE_GET | ABI_VFIO_FEATURE_DMA_BUF,
		.region_index = index,
		.open_flags = O_RDWR | O_CLOEXEC,
		.nr_ranges = 1,
		.offset = area->start,
		.length = area->size,
	};
	int r = vfio_ioctl(dev, VFIO_DEVICE_FEATURE, &buf);

	if (r < 0)
		return r;
	*fd = r;
	return 0;
}
