// SPDX-License-Identifier: BSD-2-Clause
/*
 * share-inode-fd - which of the guest's files are open here, and how one that is
 * not is found again. Owns the list of those that may be closed, the one used
 * last first.
 */
#include "share-inode-fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fd.h"
#include "share-fs.h"
#include "share-inode.h"
#include "share.h"

/* A path of up to 4 KiB is one step, which opens one file. */
#define MAX_STEPS 16
/* Who moves or links a file needs two at once. */
_Static_assert(SHARE_MAX_OPEN(SHARE_MIN_FILES) > 2 * MAX_STEPS,
	       "a path closes no descriptor that is in use");

static void lru_remove(struct share_inodes *t, struct share_inode *inode)
{
	if (inode->newer)
		inode->newer->older = inode->older;
	else
		t->newest = inode->older;
	if (inode->older)
		inode->older->newer = inode->newer;
	else
		t->oldest = inode->newer;
	inode->newer = NULL;
	inode->older = NULL;
}

static void lru_add(struct share_inodes *t, struct share_inode *inode)
{
	inode->newer = NULL;
	inode->older = t->newest;
	if (t->newest)
		t->newest->newer = inode;
	else
		t->oldest = inode;
	t->newest = inode;
}

void share_fd_close(struct share_inodes *t, struct share_inode *inode)
{
	if (inode->fd < 0 || inode == t->root)
		return;
	if (inode->pinned) {
		t->nr_pinned--;
	} else {
		lru_remove(t, inode);
		t->nr_open--;
	}
	fd_close(&inode->fd);
	inode->pinned = false;
}

void share_fd_keep(struct share_inodes *t, struct share_inode *inode, int fd)
{
	while (t->nr_open >= t->max_open)
		share_fd_close(t, t->oldest);
	inode->fd = fd;
	inode->pinned = false;
	lru_add(t, inode);
	t->nr_open++;
}

void share_fd_pin(struct share_inodes *t, struct share_inode *inode)
{
	if (inode->fd < 0 || inode->pinned || t->nr_pinned >= t->max_open)
		return;
	lru_remove(t, inode);
	t->nr_open--;
	inode->pinned = true;
	t->nr_pinned++;
}

void share_fd_unpin(struct share_inodes *t, struct share_inode *inode)
{
	int fd = inode->fd;

	if (!inode->pinned || inode == t->root)
		return;
	inode->fd = -1;
	inode->pinned = false;
	t->nr_pinned--;
	share_fd_keep(t, inode, fd);
}

/*
 * Writes the way to inode from the nearest ancestor that is open, or that is
 * as far as a path goes; returns where it begins in buf, and that ancestor.
 */
static const char *path_to(const struct share_inode *inode, char *buf,
			   size_t size, struct share_inode **from)
{
	char *p = buf + size - 1;
	size_t len;

	*p = '\0';
	do {
		if (!inode->name)
			return NULL;
		len = strlen(inode->name);
		if (*p)
			*--p = '/';
		p -= len;
		memcpy(p, inode->name, len);
		inode = inode->parent;
	} while (inode->fd < 0 && p - buf > NAME_MAX + 1);
	*from = (struct share_inode *)inode;
	return p;
}

static int open_path(int dir_fd, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS |
			   RESOLVE_NO_SYMLINKS,
	};
	long r;

	do { /* EAGAIN: something was renamed meanwhile */
		r = syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));
	} while (r < 0 && errno == EAGAIN);
	if (r >= 0)
		return (int)r;
	/* Somebody else moved it: the guest is to look again. */
	return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ||
			       errno == EXDEV ?
		       -ESTALE :
		       -errno;
}

static int reopen(struct share_inodes *t, struct share_inode *inode,
		  unsigned int steps)
{
	char buf[PATH_MAX];
	struct share_inode *from;
	const char *path = path_to(inode, buf, sizeof(buf), &from);
	struct statx stx;
	int fd, dir_fd;

	if (!path || !steps)
		return -ESTALE;
	dir_fd = from->fd >= 0 ? from->fd : reopen(t, from, steps - 1);
	if (dir_fd < 0)
		return dir_fd;
	fd = open_path(dir_fd, path);
	if (fd < 0)
		return fd;
	if (statx(fd, "", AT_EMPTY_PATH, SHARE_STATX, &stx) ||
	    !share_inode_is(inode, &stx)) {
		close(fd);
		return -ESTALE;
	}
	/* Whatever is done with a file, or in a directory, wants this. */
	if (inode->dev != t->root->dev && share_fs_is_kernels(fd)) {
		close(fd);
		return -EACCES;
	}
	share_fd_keep(t, inode, fd);
	return fd;
}

int share_inode_fd(struct share_inodes *t, struct share_inode *inode)
{
	if (inode->fd < 0)
		return reopen(t, inode, MAX_STEPS);
	if (!inode->pinned) {
		lru_remove(t, inode);
		lru_add(t, inode);
	}
	return inode->fd;
}
