// SPDX-License-Identifier: BSD-2-Clause
/* machine-disk - the disks of a VM, from --disk to their models. */
#include <errno.h>
#include <stdio.h>

#include "disk.h"
#include "log.h"
#include "machine-priv.h"
#include "virtio-blk.h"

#ifdef HAVE_LIBURING
int machine_create_disk(struct virtio_dev **out, const struct disk_config *cfg,
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
#else
int machine_create_disk(struct virtio_dev **out, const struct disk_config *cfg,
			unsigned int nr)
{
	(void)out;
	(void)nr;
	log_err("--disk: %s: this build of wherry has no disks; configure it "
		"with liburing",
		cfg->spec);
	return -EOPNOTSUPP;
}
#endif
