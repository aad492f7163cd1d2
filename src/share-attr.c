// SPDX-License-Identifier: BSD-2-Clause
/*
 * share-attr - attributes of files: owners, modes, sizes, times; where symbolic
 * links point; the file system. Owns nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fd.h"
#include "share-priv.h"

int share_fd_of(struct share *s, fuse_ino_t ino)
{
	struct share_inode *inode = share_inode_get(&s->inodes, ino);

	return inode ? share_inode_fd(&s->inodes, inode) : -ESTALE;
}

int share_statx_at(int dir_fd, const char *name, struct statx *stx)
{
	return statx(dir_fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
		     SHARE_STATX, stx) ?
		       -errno :
		       0;
}

int share_statx_fd(int fd, struct statx *stx)
{
	return statx(fd, "", AT_EMPTY_PATH, SHARE_STATX, stx) ? -errno : 0;
}

int share_statx(struct share *s, struct share_inode *inode, struct statx *stx)
{
	int fd;

	if (inode->fd < 0 && inode->name) {
		fd = share_inode_fd(&s->inodes, inode->parent);
		if (fd < 0)
			return fd;
		if (share_statx_at(fd, inode->name, stx) ||
		    !share_inode_is(inode, stx))
			return -ESTALE;
		return 0;
	}
	fd = share_inode_fd(&s->inodes, inode);
	return fd < 0 ? fd : share_statx_fd(fd, stx);
}

static struct timespec time_of(const struct statx_timestamp *t)
{
	return (struct timespec){ .tv_sec = t->tv_sec, .tv_nsec = t->tv_nsec };
}

void share_stat(struct share *s, const struct statx *stx, struct stat *st)
{
	*st = (struct stat){
		.st_ino = share_inode_number(&s->inodes,
					     makedev(stx->stx_dev_major,
						     stx->stx_dev_minor),
					     stx->stx_ino),
		.st_mode = stx->stx_mode,
		.st_nlink = stx->stx_nlink,
		.st_uid = stx->stx_uid == s->uid ? 0 : stx->stx_uid,
		.st_gid = stx->stx_gid == s->gid ? 0 : stx->stx_gid,
		.st_rdev = makedev(stx->stx_rdev_major, stx->stx_rdev_minor),
		.st_size = (off_t)stx->stx_size,
		.st_blksize = (blksize_t)stx->stx_blksize,
		.st_blocks = (blkcnt_t)stx->stx_blocks,
		.st_atim = time_of(&stx->stx_atime),
		.st_mtim = time_of(&stx->stx_mtime),
		.st_ctim = time_of(&stx->stx_ctime),
	};
}

/*
 * By the link in /proc that is the file itself, whatever it is called by now:
 * no name is resolved that anybody could have changed.
 */
int share_reopen(struct share *s, struct share_inode *inode, int flags)
{
	struct open_how how = { .flags = (unsigned int)flags | O_CLOEXEC };
	char number[16];
	long fd;

	if (inode->type != S_IFREG && inode->type != S_IFDIR)
		return inode->type == S_IFLNK ? -ELOOP : -ENXIO;
	fd = share_inode_fd(&s->inodes, inode);
	if (fd < 0)
		return (int)fd;
	snprintf(number, sizeof(number), "%d", (int)fd);
	fd = syscall(SYS_openat2, s->proc_fd, number, &how, sizeof(how));
	return fd < 0 ? -errno : (int)fd;
}

mode_t share_mode(mode_t mode, mode_t old)
{
	mode &= 07777;
	if (S_ISDIR(old))
		return mode & S_IRWXU ? mode : mode | S_IRWXU;
	return mode & ~((S_ISUID | S_ISGID) & ~old);
}

static int set_mode(struct share *s, struct share_inode *inode, mode_t mode)
{
	struct statx stx;
	char number[16];
	int fd = share_inode_fd(&s->inodes, inode);
	int r = fd < 0 ? fd : share_statx_fd(fd, &stx);

	if (r)
		return r;
	snprintf(number, sizeof(number), "%d", fd);
	mode = share_mode(mode, stx.stx_mode);
	return fchmodat(s->proc_fd, number, mode, 0) ? -errno : 0;
}

/* To whom it belongs already it may be given, which has a side effect: the
 * bits that make it run as another are cleared. */
static int set_owner(struct share *s, struct share_inode *inode,
		     const struct stat *want, int valid)
{
	struct statx stx;
	struct stat have;
	int fd = share_inode_fd(&s->inodes, inode);
	int r = fd < 0 ? fd : share_statx_fd(fd, &stx);

	if (r)
		return r;
	share_stat(s, &stx, &have);
	if ((valid & FUSE_SET_ATTR_UID && want->st_uid != have.st_uid) ||
	    (valid & FUSE_SET_ATTR_GID && want->st_gid != have.st_gid))
		return -EPERM;
	if (!(have.st_mode & (S_ISUID | S_ISGID)) || S_ISDIR(have.st_mode))
		return 0;
	return fchownat(fd, "", (uid_t)-1, (gid_t)-1, AT_EMPTY_PATH) ? -errno :
								       0;
}

static int set_size(struct share *s, struct share_inode *inode, off_t size,
		    const struct fuse_file_info *fi)
{
	int opened cleanup_fd = -1;
	int fd;

	if (fi) {
		fd = share_file_fd(s, fi->fh);
	} else {
		opened = share_reopen(s, inode, O_WRONLY);
		fd = opened;
	}
	if (fd < 0)
		return fd;
	return ftruncate(fd, size) ? -errno : 0;
}

static struct timespec new_time(int valid, int set, int now, struct timespec t)
{
	if (valid & now)
		t.tv_nsec = UTIME_NOW;
	else if (!(valid & set))
		t.tv_nsec = UTIME_OMIT;
	return t;
}

static int set_times(struct share *s, struct share_inode *inode,
		     const struct stat *want, int valid)
{
	const struct timespec times[] = {
		new_time(valid, FUSE_SET_ATTR_ATIME, FUSE_SET_ATTR_ATIME_NOW,
			 want->st_atim),
		new_time(valid, FUSE_SET_ATTR_MTIME, FUSE_SET_ATTR_MTIME_NOW,
			 want->st_mtim),
	};
	int fd = share_inode_fd(&s->inodes, inode);

	if (fd < 0)
		return fd;
	return utimensat(fd, "", times, AT_EMPTY_PATH) ? -errno : 0;
}

static int set_attr(struct share *s, struct share_inode *inode,
		    const struct stat *want, int valid,
		    const struct fuse_file_info *fi)
{
	int r = 0;

	if (valid & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID))
		r = set_owner(s, inode, want, valid);
	if (!r && valid & FUSE_SET_ATTR_MODE)
		r = set_mode(s, inode, want->st_mode);
	if (!r && valid & FUSE_SET_ATTR_SIZE)
		r = set_size(s, inode, want->st_size, fi);
	if (!r && valid & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW |
			   FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW))
		r = set_times(s, inode, want, valid);
	return r;
}

static void answer_attr(fuse_req_t req, struct share_inode *inode)
{
	struct share *s = share_of(req);
	struct statx stx;
	struct stat st;
	int r = share_statx(s, inode, &stx);

	if (r) {
		share_answer(req, r);
		return;
	}
	share_stat(s, &stx, &st);
	fuse_reply_attr(req, &st, s->timeout_s);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino,
		       struct fuse_file_info *fi)
{
	struct share_inode *inode =
		share_inode_get(&share_of(req)->inodes, ino);

	(void)fi; /* a file without a name is kept open anyway */
	if (inode)
		answer_attr(req, inode);
	else
		share_answer(req, -ESTALE);
}

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr,
		       int valid, struct fuse_file_info *fi)
{
	struct share *s = share_of(req);
	struct share_inode *inode = share_inode_get(&s->inodes, ino);
	int r = inode ? set_attr(s, inode, attr, valid, fi) : -ESTALE;

	if (r)
		share_answer(req, r);
	else
		answer_attr(req, inode);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	char target[PATH_MAX + 1];
	int fd = share_fd_of(share_of(req), ino);
	ssize_t n = fd < 0 ? -1 : readlinkat(fd, "", target, PATH_MAX);

	if (n < 0) {
		share_answer(req, fd < 0 ? fd : -errno);
		return;
	}
	target[n] = '\0';
	fuse_reply_readlink(req, target);
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs fs;
	int fd = share_fd_of(share_of(req), ino);
	int r = fd < 0 ? fd : fstatvfs(fd, &fs) ? -errno : 0;

	if (r)
		share_answer(req, r);
	else
		fuse_reply_statfs(req, &fs);
}

void share_attr_ops(struct fuse_lowlevel_ops *ops)
{
	ops->getattr = op_getattr;
	ops->setattr = op_setattr;
	ops->readlink = op_readlink;
	ops->statfs = op_statfs;
}
