// SPDX-License-Identifier: BSD-2-Clause
/* machine-disk - the disks of a VM, from --disk to their models. */
#include <stdio.h>

#include "disk.h"
#include "machine-priv.h"
#include "virtio-blk.h"

static int open_disk(struct virtio_dev **out, const struct disk_config *cfg,
		     unsigned int nr)
{
	const struct disk_params file = {
		.spec = cfg->spec,
		.fd = cfg->fd,
		.read_only = cfg->read_only,
		.direct = cfg->direct,
		.lock = cfg->lock,
	};
	struct virtio_blk_params params = {
		.serial = cfg->serial,
		.nr_queues = cfg->nr_queues,
	};
	char name[16];
	int r;

	snprintf(name, sizeof(name), "disk%u", nr);
	params.name = name;
	r = disk_open(&params.disk, &file);
	return r ? r : virtio_blk_create(out, &params);
}

int machine_open_disks(struct machine *m)
{
	int r = 0;

	for (unsigned int i = 0; !r && i < m->cfg->nr_disks; i++) {
		struct virtio_dev *dev;

		r = open_disk(&dev, &m->cfg->disks[i], i);
		if (!r)
			r = machine_add_virtio(m, dev);
	}
	return r;
}
