// SPDX-License-Identifier: BSD-2-Clause
/*
 * The VM's shared directories: each a share and its virtio device. Owns
 * neither; machine-virtio.c has the devices.
 */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "log.h"
#include "machine-priv.h"
#include "share.h"
#include "util.h"
#include "virtio-fs.h"

/* What one has use for; and what is left for all else that the VM opens. */
#define FILES_MAX 16384u
#define FILES_LEFT 256u

/*
 * Linux has a KiB in the guest for each file that it knows. One that knows more
 * of them than its memory holds is hostile, and would have ours for nothing.
 */
#define GUEST_BYTES_OF_INODE 512u
#define INODES_MIN 65536u
#define INODES_MAX (16u << 20)

static unsigned int inodes_of_each(const struct machine *m)
{
	uint64_t nr = m->cfg->memory.bytes / GUEST_BYTES_OF_INODE;

	return (unsigned int)MIN(MAX(nr, INODES_MIN), INODES_MAX);
}

/* How many files each of them may hold open, by this process's limit, which is
 * raised as far as it goes. */
static unsigned int files_of_each(unsigned int nr_shares)
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

static int open_share(struct virtio_dev **out, const struct share_config *c,
		      unsigned int max_files, unsigned int max_inodes)
{
	const struct share_params params = {
		.path = c->path,
		.read_only = c->read_only,
		.cache = (enum share_cache)c->cache,
		.max_files = max_files,
		.max_inodes = max_inodes,
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

int machine_open_shares(struct machine *m)
{
	unsigned int max_files = files_of_each(m->cfg->nr_shares);
	int r = 0;

	for (unsigned int i = 0; !r && i < m->cfg->nr_shares; i++) {
		struct virtio_dev *dev;

		r = open_share(&dev, &m->cfg->shares[i], max_files,
			       inodes_of_each(m));
		if (!r)
			r = machine_add_virtio(m, dev);
	}
	return r;
}
