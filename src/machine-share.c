// SPDX-License-Identifier: BSD-2-Clause
/*
 * The VM's shared directories: each a share and its virtio device. Owns
 * neither; machine-virtio.c has the devices.
 */
#include "machine-share.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "config.h"
#include "log.h"
#include "share.h"
#include "util.h"
#include "virtio-fs.h"

/* What one has use for; and what is left for all else that the VM opens. */
#define FILES_MAX 16384u
#define FILES_LEFT 256u

unsigned int machine_share_files(unsigned int nr_shares)
{
	struct rlimit lim;
	rlim_t left;

	if (!nr_shares || getrlimit(RLIMIT_NOFILE, &lim))
		return 0;
	/* Confinement does the same, but later, or not at all. */
	lim.rlim_cur = lim.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &lim);
	left = lim.rlim_max > FILES_LEFT ? lim.rlim_max - FILES_LEFT : 0;
	return (unsigned int)MIN(left / 2 / nr_shares, FILES_MAX);
}

int machine_open_share(struct virtio_dev **out, const struct share_config *c,
		       unsigned int max_files)
{
	const struct share_params params = {
		.path = c->path,
		.read_only = c->read_only,
		.cache = (enum share_cache)c->cache,
		.max_files = max_files,
	};
	struct share *share;
	int r;

	if (max_files < SHARE_MIN_FILES) {
		log_err("%s: cannot be shared: %u open files are allowed for "
			"it; raise the limit (ulimit -Hn)",
			c->path, max_files);
		return -EMFILE;
	}
	r = share_create(&share, &params);
	return r ? r : virtio_fs_create(out, share, c->tag, c->tag);
}
