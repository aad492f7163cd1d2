// SPDX-License-Identifier: BSD-2-Clause
/*
 * iommufd - owns one iommufd context and its IOAS. Does not know what it maps
 * (ram.c) nor who is attached (vfio.c).
 */
#include "iommufd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "abi/iommufd.h"
#include "fd.h"
#include "iommufd-memlock.h"
#include "log.h"

#define NODE "/dev/iommu"
#define MAX_RANGES 65536

enum map_way { MAP_UNKNOWN, MAP_BY_FILE, MAP_BY_ADDRESS };

struct iommufd {
	int fd;
	uint32_t ioas; /* 0: not allocated; ids start at 1 */
	enum map_way way;
	struct stats *stats;
};

static const struct sandbox_ioctl ioctls[] = {
	{ ABI_IOMMU_IOAS_UNMAP, SANDBOX_LOOP, "teardown: unpin guest RAM" },
	{ ABI_IOMMU_DESTROY, SANDBOX_LOOP, "teardown: free the IOAS" },
};

const struct sandbox_ioctls iommufd_sandbox_ioctls = {
	.table = ioctls,
	.nr = ARRAY_SIZE(ioctls),
};

static const struct sandbox_ioctl p2p_ioctls[] = {
	{ ABI_IOMMU_IOAS_MAP_FILE, SANDBOX_LOOP | SANDBOX_VCPU,
	  "a BAR that other devices can reach is placed or enabled" },
	{ ABI_IOMMU_IOAS_UNMAP, SANDBOX_VCPU, "it moves, sleeps or is reset" },
};

const struct sandbox_ioctls iommufd_p2p_sandbox_ioctls = {
	.table = p2p_ioctls,
	.nr = ARRAY_SIZE(p2p_ioctls),
};

static int iommufd_ioctl(struct iommufd *iommufd, unsigned long request,
			 void *arg)
{
	stats_ioctl(iommufd->stats, STATS_IOMMUFD);
	if (ioctl(iommufd->fd, request, arg) < 0)
		return -errno;
	return 0;
}

static int open_node(void)
{
	int fd = open(NODE, O_RDWR | O_CLOEXEC), r;

	if (fd >= 0)
		return fd;
	r = -errno;
	switch (-r) {
	case ENOENT:
		log_err(NODE
			": cannot open: this kernel has no iommufd, or its module is not loaded; 'modprobe iommufd', or use a kernel with CONFIG_IOMMUFD and CONFIG_VFIO_DEVICE_CDEV (6.6 or newer)");
		break;
	case EACCES:
	case EPERM:
		log_err(NODE
			": cannot open: not permitted (%s); give this user access to the node, or hand in a descriptor with --iommufd fd=N",
			strerror(-r));
		break;
	case ENODEV:
	case ENXIO:
		log_err(NODE
			": cannot open: the node is there but nothing serves it (%s); 'modprobe iommufd', or use a kernel with CONFIG_IOMMUFD",
			strerror(-r));
		break;
	default:
		log_err(NODE ": cannot open: %s", strerror(-r));
	}
	return r;
}

int iommufd_ioas_alloc(struct iommufd *iommufd, uint32_t *ioas)
{
	struct abi_iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	int r = iommufd_ioctl(iommufd, ABI_IOMMU_IOAS_ALLOC, &alloc);

	if (r == -ENOTTY || r == -EBADF || r == -EINVAL)
		log_err("iommufd: cannot allocate an address space: fd %d is no iommufd (%s); pass an open " NODE,
			iommufd->fd, strerror(-r));
	else if (r < 0)
		log_err("iommufd: cannot allocate an address space: %s",
			strerror(-r));
	else
		*ioas = alloc.out_ioas_id;
	return r;
}

int iommufd_create(struct iommufd **out, int fd, struct stats *stats)
{
	struct iommufd *iommufd = calloc(1, sizeof(*iommufd));
	int r;

	if (!iommufd) {
		fd_close(&fd);
		log_err("iommufd: cannot create: out of memory");
		return -ENOMEM;
	}
	iommufd->stats = stats;
	iommufd->fd = fd >= 0 ? fd : -1;
	if (iommufd->fd < 0) {
		r = open_node();
		if (r < 0)
			goto err;
		iommufd->fd = r;
	}
	r = iommufd_ioas_alloc(iommufd, &iommufd->ioas);
	if (r < 0)
		goto err;
	*out = iommufd;
	return 0;
err:
	iommufd_destroy(iommufd);
	return r;
}

static int unmap(struct iommufd *iommufd, iova_t iova, uint64_t size)
{
	struct abi_iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = iommufd->ioas,
		.iova = iova,
		.length = size,
	};

	return iommufd_ioctl(iommufd, ABI_IOMMU_IOAS_UNMAP, &unmap);
}

static int destroy(struct iommufd *iommufd, uint32_t id)
{
	struct abi_iommu_destroy destroy = {
		.size = sizeof(destroy),
		.id = id,
	};

	return iommufd_ioctl(iommufd, ABI_IOMMU_DESTROY, &destroy);
}

void iommufd_destroy(struct iommufd *iommufd)
{
	if (!iommufd)
		return;
	if (iommufd->ioas) {
		/* The context may be the launcher's and outlive us, so what
		 * we put into it is taken out, even if a step fails. */
		int r = unmap(iommufd, 0, UINT64_MAX);
		int r2 = destroy(iommufd, iommufd->ioas);

		if (r < 0 || r2 < 0)
			log_err("iommufd: cannot free the address space: %s; a device is still attached to it",
				strerror(r2 < 0 ? -r2 : -r));
	}
	fd_close(&iommufd->fd);
	free(iommufd);
}

int iommufd_fd(const struct iommufd *iommufd)
{
	return iommufd->fd;
}

uint32_t iommufd_ioas(const struct iommufd *iommufd)
{
	return iommufd->ioas;
}

/* PASIDs that the device and its IOMMU offer: 1 to *last. */
static int last_pasid(struct iommufd *iommufd, uint32_t devid, uint32_t *last)
{
	struct abi_iommu_hw_info info = {
		.size = sizeof(info),
		.dev_id = devid,
	};
	int r = iommufd_ioctl(iommufd, ABI_IOMMU_GET_HW_INFO, &info);

	*last = (1u << MIN(info.out_max_pasid_log2, 20)) - 1;
	return r;
}

int iommufd_check_device(struct iommufd *iommufd, uint32_t devid,
			 const char *name)
{
	uint32_t last;
	/* Whatever is asked of a device, it must be there. */
	int r = last_pasid(iommufd, devid, &last);

	if (r < 0)
		log_err("%s: devid=%" PRIu32
			": %s; give the number that BIND returned for the descriptor of --iommufd",
			name, devid,
			r == -ENOENT ?
				"no device of the iommufd has this number" :
				strerror(-r));
	return r;
}

int iommufd_hwpt_alloc(struct iommufd *iommufd, uint32_t devid, uint32_t pasid,
		       const char *name, uint32_t *hwpt)
{
	struct abi_iommu_hwpt_alloc alloc = {
		.size = sizeof(alloc),
		.flags = ABI_IOMMU_HWPT_ALLOC_PASID,
		.dev_id = devid,
		.pt_id = iommufd->ioas,
	};
	uint32_t last;
	int r = last_pasid(iommufd, devid, &last);

	if (!r && !last) {
		log_err("%s: pasid=%" PRIu32
			": the device, or the IOMMU before it, has no PASIDs; leave it out",
			name, pasid);
		return -ENOTSUP;
	}
	if (!r && pasid > last) {
		log_err("%s: pasid=%" PRIu32 ": its PASIDs go up to %" PRIu32,
			name, pasid, last);
		return -ERANGE;
	}
	if (!r)
		r = iommufd_ioctl(iommufd, ABI_IOMMU_HWPT_ALLOC, &alloc);
	if (r < 0) {
		log_err("%s: pasid=%" PRIu32
			": its IOMMU offers no page table for PASIDs: %s; leave it out",
			name, pasid, strerror(-r));
		return r;
	}
	*hwpt = alloc.out_hwpt_id;
	return 0;
}

void iommufd_free(struct iommufd *iommufd, uint32_t id)
{
	int r = id ? destroy(iommufd, id) : 0;

	if (r < 0)
		log_err("iommufd: cannot free a page table: %s", strerror(-r));
}

bool iommufd_maps_by_file(const struct iommufd *iommufd)
{
	return iommufd->way == MAP_BY_FILE;
}

int iommufd_allow(struct iommufd *iommufd, const struct range *ranges,
		  unsigned int nr)
{
	struct abi_iommu_ioas_allow_iovas allow = {
		.size = sizeof(allow),
		.ioas_id = iommufd->ioas,
		.num_iovas = nr,
	};
	struct abi_iommu_iova_range *list cleanup_free =
		calloc(nr ? nr : 1, sizeof(*list));
	int r;

	if (!list) {
		log_err("iommufd: cannot reserve the guest's layout: out of memory");
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < nr; i++) {
		list[i].start = ranges[i].start;
		list[i].last = ranges[i].start + ranges[i].size - 1;
	}
	allow.allowed_iovas = (uintptr_t)list;
	r = iommufd_ioctl(iommufd, ABI_IOMMU_IOAS_ALLOW_IOVAS, &allow);
	if (r == -EADDRINUSE)
		log_err("iommufd: cannot reserve the guest's layout: an attached device cannot reach all of it; use less --memory, or detach that device");
	else if (r < 0)
		log_err("iommufd: cannot reserve the guest's layout: %s",
			strerror(-r));
	return r;
}

/* One try with room for max ranges; -EMSGSIZE gives the need in *nr. */
static int get_ranges(struct iommufd *iommufd, uint32_t ioas,
		      struct abi_iommu_iova_range *list, unsigned int max,
		      unsigned int *nr)
{
	struct abi_iommu_ioas_iova_ranges get = {
		.size = sizeof(get),
		.ioas_id = ioas,
		.num_iovas = max,
		.allowed_iovas = (uintptr_t)list,
	};
	int r = iommufd_ioctl(iommufd, ABI_IOMMU_IOAS_IOVA_RANGES, &get);

	*nr = get.num_iovas;
	if (!r && get.num_iovas > max)
		return -EPROTO;
	return r;
}

int iommufd_ranges(struct iommufd *iommufd, uint32_t ioas, struct range **out,
		   unsigned int *nr)
{
	unsigned int max = 32, n = 0;
	int r;

	/* The number can grow between two calls only by another's attach. */
	for (unsigned int tries = 0; tries < 4; tries++) {
		struct abi_iommu_iova_range *list cleanup_free =
			calloc(max, sizeof(*list));

		r = list ? get_ranges(iommufd, ioas, list, max, &n) : -ENOMEM;
		if (r == -EMSGSIZE && n > max && n <= MAX_RANGES) {
			max = n;
			continue;
		}
		if (r < 0)
			break;
		*out = calloc(n ? n : 1, sizeof(**out));
		if (!*out) {
			r = -ENOMEM;
			break;
		}
		for (unsigned int i = 0; i < n; i++)
			(*out)[i] = (struct range){
				.start = list[i].start,
				.size = list[i].last - list[i].start + 1,
			};
		*nr = n;
		return 0;
	}
	log_err("iommufd: cannot read the usable address ranges: %s",
		strerror(-r));
	return r;
}

static void log_map_error(int err, iova_t iova, uint64_t size,
			  uint64_t total_bytes)
{
	char why[512];

	switch (err) {
	case ENOMEM:
		memlock_explain("/proc", total_bytes, why, sizeof(why));
		break;
	case EFAULT:
		snprintf(
			why, sizeof(why),
			"the host cannot pin these pages; use --memory without hugepages, or free memory on the NUMA node");
		break;
	case EINVAL:
		snprintf(
			why, sizeof(why),
			"a device cannot reach these addresses; see iommu_group/reserved_regions in sysfs and use less --memory");
		break;
	case EEXIST:
		snprintf(
			why, sizeof(why),
			"something is mapped there already; pass an iommufd of its own to each VM");
		break;
	default:
		snprintf(why, sizeof(why), "%s", strerror(err));
	}
	log_err("guest memory: cannot map %" PRIu64 " MiB at 0x%" PRIx64
		" for DMA: %s",
		size >> 20, iova, why);
}

#define MAP_FLAGS                                                      \
	(ABI_IOMMU_IOAS_MAP_FIXED_IOVA | ABI_IOMMU_IOAS_MAP_READABLE | \
	 ABI_IOMMU_IOAS_MAP_WRITEABLE)

static int map_file(struct iommufd *iommufd, iova_t iova, uint64_t size,
		    int file_fd, uint64_t offset)
{
	struct abi_iommu_ioas_map_file map = {
		.size = sizeof(map),
		.flags = MAP_FLAGS,
		.ioas_id = iommufd->ioas,
		.fd = file_fd,
		.start = offset,
		.length = size,
		.iova = iova,
	};

	return iommufd_ioctl(iommufd, ABI_IOMMU_IOAS_MAP_FILE, &map);
}

static int map_address(struct iommufd *iommufd, iova_t iova, uint64_t size,
		       void *hva)
{
	struct abi_iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = MAP_FLAGS,
		.ioas_id = iommufd->ioas,
		.user_va = (uintptr_t)hva,
		.length = size,
		.iova = iova,
	};

	return iommufd_ioctl(iommufd, ABI_IOMMU_IOAS_MAP, &map);
}

int iommufd_map(struct iommufd *iommufd, iova_t iova, uint64_t size,
		int file_fd, uint64_t offset, void *hva, uint64_t total_bytes)
{
	int r = -ENOTTY;

	if (iommufd->way != MAP_BY_ADDRESS && file_fd >= 0) {
		r = map_file(iommufd, iova, size, file_fd, offset);
		if (!r)
			iommufd->way = MAP_BY_FILE;
		else if (r == -ENOTTY)
			iommufd->way = MAP_BY_ADDRESS;
	}
	/* The kernel is older than MAP_FILE, or there is no file. */
	if (r == -ENOTTY)
		r = map_address(iommufd, iova, size, hva);
	if (r < 0) {
		log_map_error(-r, iova, size, total_bytes);
		return r;
	}
	if (iommufd->stats)
		iommufd->stats->dma_mapped_bytes += size;
	return 0;
}

int iommufd_map_dmabuf(struct iommufd *iommufd, iova_t iova, uint64_t size,
		       int dmabuf_fd)
{
	int r = map_file(iommufd, iova, size, dmabuf_fd, 0);

	if (!r && iommufd->stats)
		iommufd->stats->p2p_mapped_bytes += size;
	return r;
}

int iommufd_unmap_dmabuf(struct iommufd *iommufd, iova_t iova, uint64_t size)
{
	int r = unmap(iommufd, iova, size);

	if (!r && iommufd->stats)
		iommufd->stats->p2p_mapped_bytes -= size;
	return r;
}
