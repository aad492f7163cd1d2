// SPDX-License-Identifier: BSD-2-Clause
/*
 * In place of machine-share.c where wherry was built without libfuse3.
 */
#include <errno.h>

#include "config.h"
#include "log.h"
#include "machine-share.h"

unsigned int machine_share_files(unsigned int nr_shares)
{
	(void)nr_shares;
	return 0;
}

int machine_open_share(struct virtio_dev **out, const struct share_config *c,
		       unsigned int max_files)
{
	(void)out;
	(void)max_files;
	log_err("%s: cannot be shared: this wherry was built without "
		"libfuse3; install libfuse3-dev and build it again",
		c->path);
	return -EOPNOTSUPP;
}
