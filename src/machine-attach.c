// SPDX-License-Identifier: BSD-2-Clause
/*
 * Attaches one host device to the guest's memory, by the one IOAS of the VM
 * or, with a PASID, by a page table made in it.  Says which part of memory a
 * device that cannot be attached would not reach.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "iommufd.h"
#include "machine-priv.h"
#include "vfio.h"

/* What one device alone can reach. */
struct reach {
	struct iommufd *iommufd;
	uint32_t ioas;
	struct range *ranges;
	unsigned int nr;
};

static void read_reach(void *opaque)
{
	struct reach *reach = opaque;

	(void)iommufd_ranges(reach->iommufd, reach->ioas, &reach->ranges,
			     &reach->nr);
}

static uint64_t last_of(const struct range *r)
{
	return r->start + (r->size - 1);
}

/*
 * The first part of a range of memory that is out of reach; *end is true if
 * nothing above it is in reach.  The ranges are in order.
 */
static bool find_gap(const struct reach *reach, const struct range *mem,
		     struct range *gap, bool *end)
{
	uint64_t at = mem->start;

	*end = false;
	for (unsigned int i = 0; i < reach->nr; i++) {
		const struct range *r = &reach->ranges[i];

		if (last_of(r) < at)
			continue;
		if (r->start > at) {
			*gap = (struct range){ at, r->start - at };
			return true;
		}
		if (last_of(r) >= last_of(mem))
			return false;
		at = last_of(r) + 1;
	}
	*end = true;
	*gap = (struct range){ at, last_of(mem) - at + 1 };
	return true;
}

static void describe_gap(const struct layout *l, const struct reach *reach,
			 char *why, size_t size)
{
	uint64_t below = 0;
	struct range gap;
	bool end;

	for (unsigned int i = 0; i < l->nr_ram; i++) {
		const struct range *mem = &l->ram[i];

		if (!find_gap(reach, mem, &gap, &end)) {
			below += mem->size;
			continue;
		}
		below += gap.start - mem->start;
		if (end)
			snprintf(why, size,
				 "its IOMMU's addresses end at 0x%" PRIx64
				 ", and the guest's memory at 0x%" PRIx64
				 "; use --memory %" PRIu64 "M or less",
				 gap.start - 1, last_of(mem), below >> 20);
		else
			snprintf(
				why, size,
				"its IOMMU reserves 0x%" PRIx64 "-0x%" PRIx64
				", where the guest's memory is; use --memory %" PRIu64
				"M or less, and see iommu_group/reserved_regions in sysfs",
				gap.start, last_of(&gap), below >> 20);
		return;
	}
}

struct explain {
	struct machine *m;
	struct machine_device *d;
};

/* EADDRINUSE does not tell which addresses: another IOAS, into which the
 * device fits, does. */
static void explain_attach(void *opaque, int err, char *why, size_t size)
{
	const struct explain *e = opaque;
	struct reach reach = { .iommufd = e->m->iommufd };

	if (err != EADDRINUSE || iommufd_ioas_alloc(e->m->iommufd, &reach.ioas))
		return;
	if (!vfio_attach_briefly(e->d->vfio, reach.ioas, read_reach, &reach) &&
	    reach.ranges)
		describe_gap(&e->m->layout, &reach, why, size);
	free(reach.ranges);
	iommufd_free(e->m->iommufd, reach.ioas);
}

int machine_attach_device(struct machine *m, struct machine_device *d)
{
	struct explain explain = { m, d };
	const struct vfio_why why = { explain_attach, &explain };
	uint32_t pasid = d->cfg->pasid, pt = iommufd_ioas(m->iommufd);
	int r = 0;

	/* The page table that the IOAS would choose cannot serve a PASID, and
	 * what the device sends without one must go by one that can. */
	if (pasid) {
		r = vfio_check_pasid(d->vfio, pasid);
		if (!r)
			r = iommufd_hwpt_alloc(m->iommufd, vfio_devid(d->vfio),
					       pasid, d->cfg->spec, &d->hwpt);
		pt = d->hwpt;
	}
	if (!r)
		r = vfio_attach(d->vfio, pt, &why);
	if (!r && pasid)
		r = vfio_attach_pasid(d->vfio, pt, pasid);
	return r;
}
