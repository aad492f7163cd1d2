// SPDX-License-Identifier: BSD-2-Clause
/* In place of machine-share.c where wherry was built without libfuse3. */
#include <errno.h>

#include "log.h"
#include "machine-priv.h"

int machine_open_shares(struct machine *m)
{
	if (!m->cfg->nr_shares)
		return 0;
	log_err("%s: cannot be shared: this wherry was built without "
		"libfuse3; install libfuse3-dev and build it again",
		m->cfg->shares[0].path);
	return -EOPNOTSUPP;
}
