// SPDX-License-Identifier: BSD-2-Clause
/* In place of machine-disk.c where wherry was built without liburing. */
#include <errno.h>

#include "log.h"
#include "machine-priv.h"

int machine_open_disks(struct machine *m)
{
	if (!m->cfg->nr_disks)
		return 0;
	log_err("--disk: %s: this wherry was built without liburing; install "
		"liburing-dev and build it again",
		m->cfg->disks[0].spec);
	return -EOPNOTSUPP;
}
