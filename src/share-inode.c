// SPDX-License-Identifier: BSD-2-Clause
/*
 * share-inode - the files that the guest knows. Owns their descriptors, but not
 * the root's. Answers no requests.
 */
#include "share-inode.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fd.h"
#include "share-inode-fd.h"
#include "util.h"

#define FIRST_BUCKETS 256
#define MAX_DEVS 4096
/* File systems with larger numbers than that are unknown. */
#define DEV_SHIFT 48

static uint64_t hash(uint64_t dev, uint64_t ino, uint64_t mnt)
{
	uint64_t h = (ino ^ dev << 17 ^ mnt << 40) * 0x9e3779b97f4a7c15u;

	return h ^ h >> 32;
}

static struct share_inode **bucket(struct share_inodes *t, uint64_t dev,
				   uint64_t ino, uint64_t mnt)
{
	return &t->buckets[hash(dev, ino, mnt) & (t->nr_buckets - 1)];
}

/* Without memory the old ones have to do. */
static void more_buckets(struct share_inodes *t)
{
	uint32_t nr = t->nr_buckets * 2, i, old = t->nr_buckets;
	struct share_inode **from = t->buckets, *inode, *next, **b;

	t->buckets = calloc(nr, sizeof(*t->buckets));
	if (!t->buckets) {
		t->buckets = from;
		return;
	}
	t->nr_buckets = nr;
	for (i = 0; i < old; i++) {
		for (inode = from[i]; inode; inode = next) {
			next = inode->next;
			b = bucket(t, inode->dev, inode->ino, inode->mnt);
			inode->next = *b;
			*b = inode;
		}
	}
	free(from);
}

static void link_hash(struct share_inodes *t, struct share_inode *inode)
{
	struct share_inode **b;

	if (t->nr >= t->nr_buckets)
		more_buckets(t);
	b = bucket(t, inode->dev, inode->ino, inode->mnt);
	inode->next = *b;
	*b = inode;
	t->nr++;
}

static void unlink_hash(struct share_inodes *t, struct share_inode *inode)
{
	struct share_inode **b = bucket(t, inode->dev, inode->ino, inode->mnt);

	for (; *b; b = &(*b)->next) {
		if (*b == inode) {
			*b = inode->next;
			t->nr--;
			return;
		}
	}
}

static uint64_t born_ns(const struct statx *stx)
{
	if (!(stx->stx_mask & STATX_BTIME))
		return 0;
	return (uint64_t)stx->stx_btime.tv_sec * 1000000000u +
	       stx->stx_btime.tv_nsec;
}

static uint64_t dev_of(const struct statx *stx)
{
	return makedev(stx->stx_dev_major, stx->stx_dev_minor);
}

static uint64_t mnt_of(const struct statx *stx)
{
	return stx->stx_mask & STATX_MNT_ID ? stx->stx_mnt_id : 0;
}

/* Numbers of deleted files are used again: the birth tells them apart. */
bool share_inode_is(const struct share_inode *inode, const struct statx *stx)
{
	return inode->ino == stx->stx_ino && inode->dev == dev_of(stx) &&
	       inode->mnt == mnt_of(stx) && inode->born_ns == born_ns(stx) &&
	       inode->type == (stx->stx_mode & S_IFMT);
}

struct share_inode *share_inode_find(struct share_inodes *t,
				     const struct statx *stx)
{
	struct share_inode *inode =
		*bucket(t, dev_of(stx), stx->stx_ino, mnt_of(stx));

	while (inode && !share_inode_is(inode, stx))
		inode = inode->next;
	return inode;
}

static void free_inode(struct share_inodes *t, struct share_inode *inode)
{
	share_fd_close(t, inode);
	unlink_hash(t, inode);
	share_table_remove(&t->table, inode->id);
	free(inode->name);
	free(inode);
}

static bool is_needed(const struct share_inodes *t,
		      const struct share_inode *inode)
{
	return inode == t->root || inode->nr_lookups || inode->nr_children;
}

static void release(struct share_inodes *t, struct share_inode *inode)
{
	if (is_needed(t, inode) || inode->doomed)
		return;
	inode->doomed = true;
	inode->next_doomed = t->doomed;
	t->doomed = inode;
}

void share_inodes_sweep(struct share_inodes *t)
{
	struct share_inode *inode, *parent;

	while ((inode = t->doomed)) {
		t->doomed = inode->next_doomed;
		inode->doomed = false;
		if (is_needed(t, inode))
			continue;
		/* A parent that nobody needs goes with its last child. */
		parent = inode->parent;
		free_inode(t, inode);
		if (!parent)
			continue;
		parent->nr_children--;
		release(t, parent);
	}
}

static void forget_name(struct share_inodes *t, struct share_inode *inode)
{
	struct share_inode *parent = inode->parent;

	free(inode->name);
	inode->name = NULL;
	inode->parent = NULL;
	if (!parent)
		return;
	parent->nr_children--;
	release(t, parent);
}

/*
 * What was seen in different moments need not be a tree: a directory can have
 * been moved below its own child on the host.  The older report is wrong then.
 */
static void break_cycle(struct share_inodes *t, struct share_inode *child,
			struct share_inode *parent)
{
	struct share_inode *p = parent;

	while (p && p->parent != child)
		p = p->parent;
	if (!p)
		return;
	share_fd_pin(t, p);
	forget_name(t, p);
}

void share_inode_rename(struct share_inodes *t, struct share_inode *inode,
			struct share_inode *parent, const char *name)
{
	char *copy;

	if (inode == t->root || inode == parent)
		return;
	if (inode->parent == parent && inode->name &&
	    !strcmp(inode->name, name))
		return;
	copy = strdup(name);
	if (!copy)
		return; /* then it will be stale, if it is ever closed */
	if (inode->nr_children)
		break_cycle(t, inode, parent);
	parent->nr_children++;
	forget_name(t, inode);
	inode->parent = parent;
	inode->name = copy;
	share_fd_unpin(t, inode);
}

static struct share_inode *new_inode(struct share_inodes *t,
				     const struct statx *stx, int *r)
{
	struct share_inode *inode = calloc(1, sizeof(*inode));

	*r = inode ? share_table_add(&t->table, inode, &inode->id) : -ENOMEM;
	if (*r) {
		free(inode);
		return NULL;
	}
	inode->fd = -1;
	inode->dev = dev_of(stx);
	inode->ino = stx->stx_ino;
	inode->mnt = mnt_of(stx);
	inode->born_ns = born_ns(stx);
	inode->type = stx->stx_mode & S_IFMT;
	link_hash(t, inode);
	return inode;
}

int share_inode_enter(struct share_inodes *t, struct share_inode *parent,
		      const char *name, const struct statx *stx, int *fd,
		      struct share_inode **out)
{
	struct share_inode *inode = share_inode_find(t, stx);
	int r;

	if (!inode) {
		inode = new_inode(t, stx, &r);
		if (!inode)
			return r;
	}
	if (name) {
		share_inode_rename(t, inode, parent, name);
	} else if (inode->fd < 0) {
		share_fd_keep(t, inode, fd_steal(fd));
		share_fd_pin(t, inode);
	}
	*out = inode;
	return 0;
}

struct share_inode *share_inode_get(struct share_inodes *t, uint64_t id)
{
	struct share_inode *inode = share_table_get(&t->table, id);

	/* What others below it keep is not the guest's to name. */
	return inode == t->root || (inode && inode->nr_lookups) ? inode : NULL;
}

void share_inode_forget(struct share_inodes *t, struct share_inode *inode,
			uint64_t nr)
{
	inode->nr_lookups -= MIN(nr, inode->nr_lookups);
	release(t, inode);
}

void share_inode_unname(struct share_inodes *t, struct share_inode *inode,
			const struct share_inode *parent, const char *name)
{
	if (inode == t->root || inode->parent != parent ||
	    strcmp(inode->name, name) != 0)
		return;
	/* Where that fails it is as if another had done it on the host. */
	(void)share_inode_fd(t, inode);
	share_fd_pin(t, inode);
	forget_name(t, inode);
}

uint64_t share_inode_number(struct share_inodes *t, uint64_t dev, uint64_t ino)
{
	unsigned int i;
	uint64_t *more;

	if (dev == t->root->dev)
		return ino;
	for (i = 0; i < t->nr_devs; i++)
		if (t->devs[i] == dev)
			break;
	if (i == t->nr_devs && i < MAX_DEVS) {
		more = reallocarray(t->devs, i + 1, sizeof(*more));
		if (more) {
			more[i] = dev;
			t->devs = more;
			t->nr_devs++;
		}
	}
	return ino ^ (uint64_t)(i + 1) << DEV_SHIFT;
}

static int add_root(struct share_inodes *t)
{
	struct statx stx;
	int r;

	if (statx(t->root_fd, "", AT_EMPTY_PATH, SHARE_STATX, &stx))
		return -errno;
	t->root = new_inode(t, &stx, &r);
	if (!t->root)
		return r;
	t->root->fd = t->root_fd;
	t->root->pinned = true;
	return 0;
}

int share_inodes_init(struct share_inodes *t, int root_fd,
		      unsigned int max_open, unsigned int max_inodes)
{
	memset(t, 0, sizeof(*t));
	t->root_fd = root_fd;
	t->table.max = max_inodes;
	t->max_open = max_open;
	t->buckets = calloc(FIRST_BUCKETS, sizeof(struct share_inode *));
	if (!t->buckets)
		return -ENOMEM;
	t->nr_buckets = FIRST_BUCKETS;
	return add_root(t);
}

void share_inodes_fini(struct share_inodes *t)
{
	struct share_inode *inode;
	uint32_t i;

	for (i = 0; i < t->table.nr; i++) {
		inode = t->table.slots[i].object;
		if (!inode)
			continue;
		share_fd_close(t, inode);
		free(inode->name);
		free(inode);
	}
	share_table_fini(&t->table);
	free(t->buckets);
	free(t->devs);
	memset(t, 0, sizeof(*t));
}

int share_inodes_reset(struct share_inodes *t)
{
	int root_fd = t->root_fd;
	unsigned int max_open = t->max_open, max_inodes = t->table.max;

	share_inodes_fini(t);
	return share_inodes_init(t, root_fd, max_open, max_inodes);
}
