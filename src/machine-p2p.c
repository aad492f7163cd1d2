// SPDX-License-Identifier: BSD-2-Clause
/*
 * Decides whether the devices of a VM reach each other's BARs by DMA, and
 * reserves the addresses for it.  What maps them is vfio-p2p.c.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fd.h"
#include "iommufd.h"
#include "log.h"
#include "machine-priv.h"
#include "vfio.h"

/* Where BARs may be that other devices are to reach. */
static unsigned int bar_windows(const struct layout *l, struct range out[2])
{
	unsigned int nr = 0;

	out[nr++] = l->mmio32;
	if (l->mmio64.size)
		out[nr++] = l->mmio64;
	return nr;
}

/* One attached device cannot reach all of a window: 0 or -errno; *lost. */
static int find_unreachable(struct machine *m, const struct range **lost,
			    const struct range *windows, unsigned int nr)
{
	struct range *usable cleanup_free = NULL;
	unsigned int nr_usable;
	int r = iommufd_ranges(m->iommufd, iommufd_ioas(m->iommufd), &usable,
			       &nr_usable);

	*lost = NULL;
	for (unsigned int i = 0; !r && i < nr; i++) {
		bool found = false;

		for (unsigned int k = 0; k < nr_usable; k++)
			found |= range_contains(usable[k].start, usable[k].size,
						windows[i].start,
						windows[i].size);
		if (!found)
			*lost = &windows[i];
	}
	return r;
}

/* The first device whose BARs others could not reach, and why not. */
static struct machine_device *find_refusing(struct machine *m, int *err,
					    unsigned int *nr_exporters)
{
	struct machine_device *first = NULL;

	*nr_exporters = 0;
	for (unsigned int i = 0; i < m->nr_devices; i++) {
		int r = vfio_dmabuf_probe(m->devices[i].vfio);

		if (!r) {
			++*nr_exporters;
		} else if (!first) {
			first = &m->devices[i];
			*err = -r;
		}
	}
	return first;
}

/* Where one driver can, the kernel is not to blame. */
static const char *refusal(int err, unsigned int nr_exporters)
{
	if (err == EOPNOTSUPP || (err == ENOTTY && nr_exporters))
		return "its driver exports no BARs";
	if (err == ENOTTY)
		return "this kernel exports no BARs, which takes Linux 6.19 "
		       "with CONFIG_VFIO_PCI_DMABUF";
	return strerror(err);
}

/* Sets m->p2p, or says why not; what is required and cannot be is an error. */
static int try_p2p(struct machine *m, const struct range *windows,
		   unsigned int nr_windows)
{
	bool must = m->cfg->p2p == P2P_ON;
	const struct machine_device *refusing;
	const struct range *lost;
	unsigned int nr_exporters;
	int err = 0, r;

	refusing = find_refusing(m, &err, &nr_exporters);
	if (refusing && must) {
		log_err("--p2p on: %s: cannot be reached by other devices: %s; "
			"use --p2p auto or off",
			refusing->cfg->spec, refusal(err, nr_exporters));
		return -err;
	}
	if (refusing && !nr_exporters) {
		log_notice("p2p: off, devices cannot reach each other's BARs: "
			   "%s (--p2p off saves this line)",
			   refusal(err, 0));
		return 0;
	}
	r = find_unreachable(m, &lost, windows, nr_windows);
	if (r)
		return r;
	if (lost && must) {
		log_err("--p2p on: not every device can reach 0x%" PRIx64
			" to 0x%" PRIx64 ", where BARs are; use --p2p off",
			lost->start, lost->start + lost->size - 1);
		return -EADDRINUSE;
	}
	if (lost)
		log_notice("p2p: off: not every device can reach 0x%" PRIx64
			   " to 0x%" PRIx64 ", where BARs are",
			   lost->start, lost->start + lost->size - 1);
	m->p2p = !lost;
	return 0;
}

int machine_choose_p2p(struct machine *m)
{
	struct range allowed[RAM_MAX_RANGES + 2];
	unsigned int nr = m->layout.nr_ram, nr_windows;
	int r;

	/* One device has nobody to reach. */
	if (m->cfg->p2p == P2P_OFF || !m->nr_devices ||
	    (m->cfg->p2p == P2P_AUTO && m->nr_devices < 2))
		return 0;
	memcpy(allowed, m->layout.ram, nr * sizeof(allowed[0]));
	nr_windows = bar_windows(&m->layout, &allowed[nr]);
	r = try_p2p(m, &allowed[nr], nr_windows);
	if (r || !m->p2p)
		return r;
	m->ioctls[5] = iommufd_p2p_sandbox_ioctls;
	/* From now on nothing is attached that could not reach them. */
	return iommufd_allow(m->iommufd, allowed, nr + nr_windows);
}
