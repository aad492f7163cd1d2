/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A directory of the host as a file system for a guest: a server of FUSE
 * messages, by libfuse3's low-level API.  Knows nothing of virtio.
 *
 * Everything is done as the user who runs this process, without privilege.
 * That user and root both show as the guest's root, as do their groups; what is
 * anybody else's shows as it is, and nothing can be given to anybody else.
 *
 * The guest is hostile, and so may be who else writes in the directory.  Names
 * are resolved one component at a time, or beneath the root by openat2(2);
 * symbolic links are told to the guest and never followed; what is neither a
 * regular file nor a directory is never opened.
 *
 * Thread: that of share_enter() alone, from there on.  It has SIGXFSZ blocked: a
 * limit on the size of files is the guest's EFBIG.
 */
#ifndef WHERRY_SHARE_H
#define WHERRY_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

/* What the guest may keep of what it was told. */
enum share_cache {
	SHARE_CACHE_NONE, /* nothing */
	SHARE_CACHE_AUTO, /* names and attributes for a second; data until the
			   * file is opened again after a change */
	SHARE_CACHE_ALWAYS, /* everything, and writes are held back: while the
			     * guest runs, nobody else changes the directory */
};

struct share_params {
	const char *path; /* of the directory */
	bool read_only;
	enum share_cache cache;
	/* What it may hold open at once: at least SHARE_MIN_FILES. */
	unsigned int max_files;
	/* What the guest may know at once, the root included: each of them is
	 * some 200 bytes here. */
	unsigned int max_inodes;
};

/* Two paths of as many steps as there may be. */
#define SHARE_MIN_FILES 144
/* Of them: those that can be found again. */
#define SHARE_MAX_OPEN(max_files) ((max_files) / 4)

struct share;

/*
 * Opens the directory.  0 or -errno, logged with the remedy: no such
 * directory, no /proc.
 */
int share_create(struct share **out, const struct share_params *params);
/* Takes NULL. */
void share_destroy(struct share *s);

/* Whether share_enter() can confine its thread by Landlock: 0; -EOPNOTSUPP: this
 * kernel has none, or one older than Linux 5.19's; else what its set-up ended with. */
int share_landlock(const struct share *s);

/*
 * Once, by the thread that is to serve, before its first request: takes a umask
 * of its own and, with confine, for which it has no-new-privileges, restricts
 * itself to the directory for good.  0
 * or -errno, logged.
 */
int share_enter(struct share *s, bool confine);

/*
 * Serves one message: in is the request, out has room for the answer; at most
 * IOV_MAX segments each.  Both may be memory that the guest changes meanwhile.
 * Returns the bytes of the answer, 0 where none is due; -EPROTO when there is
 * no sound header, or no room for what must be said.
 */
ssize_t share_request(struct share *s, const struct iovec *in,
		      unsigned int nr_in, const struct iovec *out,
		      unsigned int nr_out);

/* Forgets all that the guest knew and had open: as at the beginning. */
void share_reset(struct share *s);

#endif
