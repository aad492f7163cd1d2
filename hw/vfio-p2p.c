// SPDX-License-Identifier: BSD-2-Clause
/*
 * vfio-p2p - the BARs of an assigned function as the other devices of the VM
 * see them: dma-bufs of the areas that the guest reaches without an exit,
 * mapped into the IOAS at the same addresses, as long as they are decoded.
 * Owns the dma-bufs and their mappings.
 *
 * A reset, sleep or loss of memory decode would revoke a mapping and leave it
 * dead in its place, so it is always gone before: what hides a BAR from the
 * guest (vfio_bars_update) hides it from its peers. The pages of the MSI-X
 * table are in no area: no device writes another's messages.
 */
#include "vfio-pci-priv.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "fd.h"
#include "iommufd.h"
#include "log.h"

static int export_area(struct vfio_bar *bar, unsigned int i)
{
	struct vfio_pci *v = bar->v;
	const char *why;
	int r = vfio_dmabuf_export(v->vfio, bar->index, &bar->areas[i],
				   &bar->p2p[i].fd);

	if (!r)
		return 0;
	why = r == -ENOTTY     ? "this kernel cannot" :
	      r == -EOPNOTSUPP ? "its driver cannot" :
				 strerror(-r);
	if (v->require_p2p) {
		log_err("%s: cannot be exported to other devices: %s; use --p2p auto or off",
			bar->name, why);
		return r;
	}
	log_notice("%s: cannot be exported to other devices: %s", bar->name,
		   why);
	return 0;
}

int vfio_p2p_init(struct vfio_pci *v)
{
	for (unsigned int b = 0; v->iommufd && b < PCI_NR_BARS; b++) {
		struct vfio_bar *bar = &v->bars[b];

		for (unsigned int i = 0; i < bar->nr_areas; i++) {
			int r = export_area(bar, i);

			if (r)
				return r;
		}
	}
	return 0;
}

static void unmap(struct vfio_bar *bar, unsigned int i)
{
	struct vfio_p2p *p = &bar->p2p[i];
	int r;

	if (!p->mapped)
		return;
	r = iommufd_unmap_dmabuf(bar->v->iommufd, p->iova, bar->areas[i].size);
	p->mapped = r < 0;
	if (r < 0)
		log_guest(&bar->v->rl,
			  "%s: cannot hide from other devices at 0x%" PRIx64
			  ": %s",
			  bar->name, p->iova, strerror(-r));
}

void vfio_p2p_map(struct vfio_bar *bar)
{
	struct vfio_pci *v = bar->v;

	for (unsigned int i = 0; i < bar->nr_areas; i++) {
		struct vfio_p2p *p = &bar->p2p[i];
		int r;

		unmap(bar, i); /* if that failed before */
		if (p->fd < 0 || p->mapped)
			continue;
		p->iova = bar->trap.start + bar->areas[i].start;
		r = iommufd_map_dmabuf(v->iommufd, p->iova, bar->areas[i].size,
				       p->fd);
		p->mapped = !r;
		v->nr_p2p_maps += !r;
		if (r < 0)
			log_guest(
				&v->rl,
				"%s: out of reach of other devices at 0x%" PRIx64
				": %s",
				bar->name, p->iova, strerror(-r));
	}
}

void vfio_p2p_unmap(struct vfio_bar *bar)
{
	for (unsigned int i = 0; i < bar->nr_areas; i++)
		unmap(bar, i);
}

void vfio_p2p_fini(struct vfio_pci *v)
{
	for (unsigned int b = 0; b < PCI_NR_BARS; b++) {
		struct vfio_bar *bar = &v->bars[b];

		if (!bar->v)
			continue; /* init did not get there */
		vfio_p2p_unmap(bar);
		for (unsigned int i = 0; i < bar->nr_areas; i++)
			fd_close(&bar->p2p[i].fd);
	}
}
