// SPDX-License-Identifier: BSD-2-Clause
/*
 * share-name - what happens in a directory: names are looked up, made, moved and
 * removed. Owns nothing. Each name is one component, checked before.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fd.h"
#include "share-priv.h"

/* Of a number that must be a directory's. */
static int get_dir(struct share *s, fuse_ino_t ino, struct share_inode **dir)
{
	*dir = share_inode_get(&s->inodes, ino);
	if (!*dir)
		return -ESTALE;
	if ((*dir)->type != S_IFDIR)
		return -ENOTDIR;
	return share_inode_fd(&s->inodes, *dir);
}

int share_entry(struct share *s, struct share_inode *dir, const char *name,
		const struct statx *stx, int *fd, struct fuse_entry_param *e)
{
	struct share_inode *inode;
	int r = share_inode_enter(&s->inodes, dir, name, stx, fd, &inode);

	if (r)
		return r;
	share_inode_told(inode);
	*e = (struct fuse_entry_param){
		.ino = inode->id,
		.attr_timeout = s->timeout_s,
		.entry_timeout = s->timeout_s,
	};
	share_stat(s, stx, &e->attr);
	return 0;
}

/* Answers by what is now to be found under the name, if r is 0. */
static void answer_entry(fuse_req_t req, struct share_inode *dir,
			 const char *name, int r)
{
	struct share *s = share_of(req);
	struct fuse_entry_param e = { .entry_timeout = s->timeout_s };
	struct statx stx;
	int fd, none = -1;

	if (!r) {
		fd = share_inode_fd(&s->inodes, dir);
		r = fd < 0 ? fd : share_statx_at(fd, name, &stx);
	}
	if (!r)
		r = share_entry(s, dir, name, &stx, &none, &e);
	if (r)
		share_answer(req, r);
	else
		fuse_reply_entry(req, &e);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct share *s = share_of(req);
	struct fuse_entry_param none = { .entry_timeout = s->timeout_s };
	struct share_inode *dir;
	struct statx stx;
	int fd = get_dir(s, parent, &dir);

	if (fd < 0)
		share_answer(req, fd);
	else if (s->cache == SHARE_CACHE_ALWAYS &&
		 share_statx_at(fd, name, &stx) == -ENOENT)
		fuse_reply_entry(req, &none); /* to be remembered */
	else
		answer_entry(req, dir, name, 0);
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nr)
{
	struct share *s = share_of(req);
	struct share_inode *inode = share_inode_get(&s->inodes, ino);

	if (inode)
		share_inode_forget(&s->inodes, inode, nr);
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count,
			    struct fuse_forget_data *forgets)
{
	struct share *s = share_of(req);
	struct share_inode *inode;
	size_t i;

	for (i = 0; i < count; i++) {
		inode = share_inode_get(&s->inodes, forgets[i].ino);
		if (inode)
			share_inode_forget(&s->inodes, inode,
					   forgets[i].nlookup);
	}
	fuse_reply_none(req);
}

/*
 * Pipes and sockets are the guest's own; of them only names are here.  A character
 * device of number 0 is none: overlayfs hides a lower file by it.
 */
static bool may_make(mode_t mode, dev_t rdev)
{
	return S_ISREG(mode) || S_ISFIFO(mode) || S_ISSOCK(mode) ||
	       (S_ISCHR(mode) && !rdev);
}

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name,
		     mode_t mode, dev_t rdev)
{
	struct share_inode *dir;
	int fd = get_dir(share_of(req), parent, &dir);
	int r = fd < 0 ? fd : 0;

	if (!r && !may_make(mode, rdev))
		r = -EPERM;
	if (!r)
		r = mknodat(fd, name, (mode & S_IFMT) | share_mode(mode, 0),
			    0) ?
			    -errno :
			    0;
	answer_entry(req, dir, name, r);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name,
		     mode_t mode)
{
	struct share_inode *dir;
	int fd = get_dir(share_of(req), parent, &dir);
	int r = fd < 0 ? fd : 0;

	mode = share_mode(mode, S_IFDIR) & 01777;
	if (!r && mkdirat(fd, name, mode))
		r = -errno;
	answer_entry(req, dir, name, r);
}

static void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent,
		       const char *name)
{
	struct share_inode *dir;
	int fd = get_dir(share_of(req), parent, &dir);
	int r = fd < 0 ? fd : symlinkat(target, fd, name) ? -errno : 0;

	answer_entry(req, dir, name, r);
}

/*
 * A symbolic link cannot be had by /proc without its being followed: the name
 * under which it was seen has to do, and whatever has that name.
 */
static int link_by_name(struct share *s, struct share_inode *inode, int dir_fd,
			const char *name)
{
	int fd;

	if (!inode->name)
		return -ENOENT;
	fd = share_inode_fd(&s->inodes, inode->parent);
	if (fd < 0)
		return fd;
	return linkat(fd, inode->name, dir_fd, name, 0) ? -errno : 0;
}

static int link_to(struct share *s, fuse_ino_t ino, fuse_ino_t parent,
		   const char *name, struct share_inode **dir)
{
	struct share_inode *inode = share_inode_get(&s->inodes, ino);
	char number[16];
	int fd, dir_fd;

	dir_fd = get_dir(s, parent, dir);
	if (!inode || dir_fd < 0)
		return inode ? dir_fd : -ESTALE;
	if (inode->type == S_IFLNK)
		return link_by_name(s, inode, dir_fd, name);
	fd = share_inode_fd(&s->inodes, inode);
	if (fd < 0)
		return fd;
	dir_fd = share_inode_fd(&s->inodes, *dir);
	snprintf(number, sizeof(number), "%d", fd);
	return linkat(s->proc_fd, number, dir_fd, name, AT_SYMLINK_FOLLOW) ?
		       -errno :
		       0;
}

static void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent,
		    const char *name)
{
	struct share_inode *dir;
	int r = link_to(share_of(req), ino, parent, name, &dir);

	answer_entry(req, dir, name, r);
}

/* The inode that is to lose its name, kept as one without; NULL: nobody knows
 * it. */
static struct share_inode *part(struct share *s, struct share_inode *dir,
				const char *name)
{
	struct share_inode *inode;
	struct statx stx;
	int fd = share_inode_fd(&s->inodes, dir);

	if (fd < 0 || share_statx_at(fd, name, &stx))
		return NULL;
	inode = share_inode_find(&s->inodes, &stx);
	if (!inode || !inode->nr_lookups)
		return NULL;
	share_inode_unname(&s->inodes, inode, dir, name);
	return inode;
}

static int remove_name(struct share *s, fuse_ino_t parent, const char *name,
		       int flags)
{
	struct share_inode *dir, *inode;
	int fd = get_dir(s, parent, &dir);
	int r;

	if (fd < 0)
		return fd;
	inode = part(s, dir, name);
	fd = share_inode_fd(&s->inodes, dir);
	r = fd < 0 ? fd : unlinkat(fd, name, flags) ? -errno : 0;
	if (r && inode)
		share_inode_rename(&s->inodes, inode, dir, name);
	return r;
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	share_answer(req, remove_name(share_of(req), parent, name, 0));
}

static void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	share_answer(req,
		     remove_name(share_of(req), parent, name, AT_REMOVEDIR));
}

/* An inode by its name, if anybody knows it. */
static struct share_inode *known(struct share *s, int fd, const char *name)
{
	struct statx stx;

	if (share_statx_at(fd, name, &stx))
		return NULL;
	return share_inode_find(&s->inodes, &stx);
}

static int rename_in(struct share *s, struct share_inode *from,
		     const char *name, struct share_inode *to,
		     const char *new_name, unsigned int flags)
{
	struct share_inode *moved, *target;
	int from_fd, to_fd;

	target = flags & RENAME_EXCHANGE ? NULL : part(s, to, new_name);
	from_fd = share_inode_fd(&s->inodes, from);
	to_fd = share_inode_fd(&s->inodes, to);
	if (from_fd < 0 || to_fd < 0)
		return from_fd < 0 ? from_fd : to_fd;
	moved = known(s, from_fd, name);
	if (flags & RENAME_EXCHANGE)
		target = known(s, to_fd, new_name);
	if (renameat2(from_fd, name, to_fd, new_name, flags)) {
		int r = -errno;

		if (target && !(flags & RENAME_EXCHANGE))
			share_inode_rename(&s->inodes, target, to, new_name);
		return r;
	}
	/* Two names of one file: both stay. */
	if (moved && moved != target)
		share_inode_rename(&s->inodes, moved, to, new_name);
	if (target && flags & RENAME_EXCHANGE)
		share_inode_rename(&s->inodes, target, from, name);
	else if (target && target == moved)
		share_inode_rename(&s->inodes, target, to, new_name);
	return 0;
}

static void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name,
		      fuse_ino_t new_parent, const char *new_name,
		      unsigned int flags)
{
	struct share *s = share_of(req);
	struct share_inode *from, *to;
	int r = get_dir(s, parent, &from);

	if (r >= 0)
		r = get_dir(s, new_parent, &to);
	if (r >= 0 &&
	    flags & ~(unsigned int)(RENAME_NOREPLACE | RENAME_EXCHANGE |
				    RENAME_WHITEOUT))
		r = -EINVAL;
	if (r >= 0)
		r = rename_in(s, from, name, to, new_name, flags);
	share_answer(req, r);
}

static int open_new(int dir_fd, const char *name, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (unsigned int)flags | O_CLOEXEC | O_NOFOLLOW,
		.mode = share_mode(mode, 0),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS |
			   RESOLVE_NO_SYMLINKS,
	};
	long fd = syscall(SYS_openat2, dir_fd, name, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* Makes and opens a file; without a name for O_TMPFILE. */
static int create(struct share *s, struct share_inode *dir, int dir_fd,
		  const char *name, mode_t mode, struct fuse_file_info *fi,
		  struct fuse_entry_param *e)
{
	bool tmp = (fi->flags & O_TMPFILE) == O_TMPFILE;
	int how = tmp ? O_TMPFILE | (fi->flags & O_EXCL) : O_CREAT | O_EXCL;
	int fd cleanup_fd = -1;
	int path_fd cleanup_fd = -1;
	struct statx stx;
	int r;

	fd = open_new(dir_fd, tmp ? "." : name,
		      how | share_access(s, fi->flags), mode);
	if (fd < 0)
		return fd;
	r = share_statx_fd(fd, &stx);
	if (!r && tmp) {
		/* Any descriptor of it does; this one costs no name. */
		path_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		r = path_fd < 0 ? -errno : 0;
	}
	if (!r)
		r = share_file_add(s, &fd, false, &fi->fh);
	if (r)
		return r;
	r = share_entry(s, dir, tmp ? NULL : name, &stx, &path_fd, e);
	if (r)
		share_file_remove(s, fi->fh);
	return r;
}

/* Somebody else has just made it. */
static int open_there(struct share *s, struct share_inode *dir, int dir_fd,
		      const char *name, struct fuse_file_info *fi,
		      struct fuse_entry_param *e)
{
	struct share_inode *inode;
	struct statx stx;
	int none = -1;
	int r = share_statx_at(dir_fd, name, &stx);

	/* It may be something that is not opened: the guest is to look. */
	if (r || !S_ISREG(stx.stx_mode))
		return r ? r : -ESTALE;
	r = share_entry(s, dir, name, &stx, &none, e);
	if (r)
		return r;
	inode = share_inode_get(&s->inodes, e->ino);
	r = share_open(s, inode, fi);
	if (r)
		share_inode_forget(&s->inodes, inode, 1);
	return r;
}

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name,
		      mode_t mode, struct fuse_file_info *fi)
{
	struct share *s = share_of(req);
	struct fuse_entry_param e;
	struct share_inode *dir;
	int fd = get_dir(s, parent, &dir);
	int r = fd;

	if (fd >= 0)
		r = create(s, dir, fd, name, mode, fi, &e);
	if (r == -EEXIST && !(fi->flags & O_EXCL))
		r = open_there(s, dir, fd, name, fi, &e);
	if (r) {
		share_answer(req, r);
		return;
	}
	share_open_flags(s, fi);
	fuse_reply_create(req, &e, fi);
}

void share_name_ops(struct fuse_lowlevel_ops *ops)
{
	ops->lookup = op_lookup;
	ops->forget = op_forget;
	ops->forget_multi = op_forget_multi;
	ops->mknod = op_mknod;
	ops->mkdir = op_mkdir;
	ops->symlink = op_symlink;
	ops->link = op_link;
	ops->unlink = op_unlink;
	ops->rmdir = op_rmdir;
	ops->rename = op_rename;
	ops->create = op_create;
}
