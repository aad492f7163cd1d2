/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files that the guest knows, by their numbers in FUSE.  There may be
 * millions, and descriptors are few: of each it is known what it is (device,
 * number, mount, time of birth) and under which name it was last seen.  A
 * descriptor (O_PATH) is opened when it is needed, checked to be that file, and
 * closed when others are needed more.  Files without a name keep theirs.
 *
 * Thread: the share's.  Errors: -errno, not logged, for the guest.
 */
#ifndef WHERRY_SHARE_INODE_H
#define WHERRY_SHARE_INODE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "share-table.h"

struct statx;

struct share_inode {
	uint64_t id; /* its number in FUSE, "nodeid" */
	uint64_t nr_lookups; /* how often the guest was told it */
	unsigned int nr_children; /* inodes whose parent it is */

	/* What it is. */
	uint64_t dev, ino, mnt, born_ns;
	uint16_t type; /* S_IFMT of its mode */

	/* Where it was last seen; NULL for the root and for what has no name. */
	struct share_inode *parent;
	char *name;

	int fd; /* O_PATH; -1: closed */
	bool pinned; /* not to be closed: there is no other way to it */
	struct share_inode *newer, *older; /* of open ones not pinned */
	struct share_inode *next; /* of its hash bucket */
	bool doomed; /* in the list of those that may have to go */
	struct share_inode *next_doomed;
};

struct share_inodes {
	struct share_table table;
	struct share_inode **buckets;
	uint32_t nr_buckets, nr; /* a power of two; inodes in buckets */
	struct share_inode *root;
	int root_fd;
	struct share_inode *newest, *oldest; /* open, not pinned */
	unsigned int nr_open, nr_pinned; /* not the root */
	unsigned int max_open; /* of either */
	/* Devices seen: their files get inode numbers that differ. */
	uint64_t *devs;
	unsigned int nr_devs;
	struct share_inode *doomed;
};

/* The descriptor of the root stays the caller's.  0 or -errno. */
int share_inodes_init(struct share_inodes *t, int root_fd,
		      unsigned int max_open, unsigned int max_inodes);
/* Forgets all but the root. */
int share_inodes_reset(struct share_inodes *t);
void share_inodes_fini(struct share_inodes *t);

/* NULL: the guest was not told any such number. */
struct share_inode *share_inode_get(struct share_inodes *t, uint64_t id);
/*
 * The inode of what was found as name in parent (NULL: it has no name, and *fd
 * is taken where the file is not open yet).  The guest is told next, by
 * share_inode_told().
 */
int share_inode_enter(struct share_inodes *t, struct share_inode *parent,
		      const char *name, const struct statx *stx, int *fd,
		      struct share_inode **out);
/* Is it what statx() told of? */
bool share_inode_is(const struct share_inode *inode, const struct statx *stx);
/* The inode, if it is known already. */
struct share_inode *share_inode_find(struct share_inodes *t,
				     const struct statx *stx);
static inline void share_inode_told(struct share_inode *inode)
{
	inode->nr_lookups++;
}
/* The guest forgets nr of the times it was told. */
void share_inode_forget(struct share_inodes *t, struct share_inode *inode,
			uint64_t nr);

/*
 * Frees what nobody needs any more: when a request has been answered, for one
 * that forgets, unlinks or renames may hold it until then.
 */
void share_inodes_sweep(struct share_inodes *t);

/*
 * An O_PATH descriptor, valid until descriptors of max_open others were asked
 * for.  -ESTALE when the file is not any more where it was seen.
 */
int share_inode_fd(struct share_inodes *t, struct share_inode *inode);

/* The name is about to go: keeps a descriptor, if this is where it was seen. */
void share_inode_unname(struct share_inodes *t, struct share_inode *inode,
			const struct share_inode *parent, const char *name);
/* It has another name now. */
void share_inode_rename(struct share_inodes *t, struct share_inode *inode,
			struct share_inode *parent, const char *name);

/* The attributes that were asked of statx() and make an inode. */
#define SHARE_STATX (STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID)

/* The number under which the guest sees a file: that of the host, but for
 * file systems mounted beneath the root. */
uint64_t share_inode_number(struct share_inodes *t, uint64_t dev, uint64_t ino);

#endif
