// SPDX-License-Identifier: BSD-2-Clause
/*
 * share-file - files that the guest has open, and what is in them. Owns their
 * descriptors. Data go between the file and the guest's own buffers, uncopied.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <unistd.h>

#include "fd.h"
#include "iov.h"
#include "share-priv.h"
#include "util.h"

/* One request is not to hold up the others for long. */
#define MAX_COPY MIB(64)

int share_file_add(struct share *s, int *fd, bool dir, uint64_t *fh)
{
	struct share_file *f = calloc(1, sizeof(*f));
	int r = f ? share_table_add(&s->files, f, fh) : -ENOMEM;

	if (r) {
		free(f);
		return r;
	}
	f->fd = fd_steal(fd);
	f->dir = dir;
	return 0;
}

struct share_file *share_file_get(struct share *s, uint64_t fh)
{
	return share_table_get(&s->files, fh);
}

int share_file_fd(struct share *s, uint64_t fh)
{
	const struct share_file *f = share_file_get(s, fh);

	return f ? f->fd : -EBADF;
}

/* Of what the guest has open; or, for a request, *own of what it need not open. */
static int fd_of(struct share *s, fuse_ino_t ino, uint64_t fh, int *own)
{
	struct share_inode *inode;

	if (fh || !share_opens_none(s))
		return share_file_fd(s, fh);
	inode = share_inode_get(&s->inodes, ino);
	if (!inode || inode->type != S_IFREG)
		return -EBADF;
	*own = share_reopen(s, inode, O_RDONLY);
	return *own;
}

static void free_file(struct share_file *f)
{
	fd_close(&f->fd);
	free(f->entries);
	free(f);
}

void share_file_remove(struct share *s, uint64_t fh)
{
	struct share_file *f = share_file_get(s, fh);

	if (!f)
		return;
	share_table_remove(&s->files, fh);
	free_file(f);
}

void share_files_close(struct share *s)
{
	uint32_t i;

	for (i = 0; i < s->files.nr; i++)
		if (s->files.slots[i].object)
			free_file(s->files.slots[i].object);
	share_table_fini(&s->files);
}

int share_access(const struct share *s, int flags)
{
	int access = flags & O_ACCMODE;

	/* A guest that holds writes back reads what it writes in part. */
	if (access == O_WRONLY && s->cache == SHARE_CACHE_ALWAYS)
		return O_RDWR;
	return access;
}

void share_open_flags(const struct share *s, struct fuse_file_info *fi)
{
	fi->direct_io = s->cache == SHARE_CACHE_NONE;
	fi->keep_cache = s->cache == SHARE_CACHE_ALWAYS;
}

int share_open(struct share *s, struct share_inode *inode,
	       struct fuse_file_info *fi)
{
	int access = share_access(s, fi->flags);
	int trunc = fi->flags & O_TRUNC;
	int fd cleanup_fd = -1;

	if (inode->type == S_IFDIR)
		return -EISDIR;
	if (s->read_only && (access != O_RDONLY || trunc))
		return -EROFS;
	fd = share_reopen(s, inode, access | trunc);
	/* It may be written only. */
	if (fd == -EACCES && access != (fi->flags & O_ACCMODE))
		fd = share_reopen(s, inode, O_WRONLY | trunc);
	if (fd < 0)
		return fd;
	share_open_flags(s, fi);
	return share_file_add(s, &fd, false, &fi->fh);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct share *s = share_of(req);
	struct share_inode *inode = share_inode_get(&s->inodes, ino);
	int r = inode ? share_open(s, inode, fi) : -ESTALE;

	/* It never asks again, of whatever file, and says when it reads. */
	if (!r && share_opens_none(s)) {
		share_file_remove(s, fi->fh);
		r = -ENOSYS;
	}
	if (r)
		share_answer(req, r);
	else
		fuse_reply_open(req, fi);
}

static void op_release(fuse_req_t req, fuse_ino_t ino,
		       struct fuse_file_info *fi)
{
	(void)ino;
	share_file_remove(share_of(req), fi->fh);
	share_answer(req, 0);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	struct share *s = share_of(req);
	const size_t head = sizeof(struct fuse_out_header);
	int own cleanup_fd = -1;
	int fd = fd_of(s, ino, fi->fh, &own);
	unsigned int nr;
	ssize_t n;

	nr = iov_slice(s->vec, s->out, s->nr_out, head, size);
	n = fd < 0 ? -1 : preadv(fd, s->vec, (int)nr, off);
	if (n < 0)
		share_answer(req, fd < 0 ? fd : -errno);
	else
		fuse_reply_buf(req, &s->in_place, (size_t)n);
}

/* What the guest's file has of O_SYNC and the like is each write's own; it can
 * change while the file is open. */
static int write_flags(const struct share *s, const struct fuse_file_info *fi)
{
	int flags = 0;

	if ((fi->flags & O_SYNC) == O_SYNC)
		flags |= RWF_SYNC;
	else if (fi->flags & O_DSYNC)
		flags |= RWF_DSYNC;
	/* Others may append meanwhile; but pages have their places. */
	if (fi->flags & O_APPEND && !fi->writepage &&
	    s->cache != SHARE_CACHE_ALWAYS)
		flags |= RWF_APPEND;
	return flags;
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *buf,
		     size_t size, off_t off, struct fuse_file_info *fi)
{
	struct share *s = share_of(req);
	const size_t head =
		sizeof(struct fuse_in_header) + sizeof(struct fuse_write_in);
	int fd = share_file_fd(s, fi->fh);
	unsigned int nr;
	ssize_t n;

	(void)ino;
	(void)buf; /* they were not copied */
	nr = iov_slice(s->vec, s->in, s->nr_in, head, size);
	n = fd < 0 ? -1 :
		     pwritev2(fd, s->vec, (int)nr, off, write_flags(s, fi));
	if (n < 0)
		share_answer(req, fd < 0 ? fd : -errno);
	else
		fuse_reply_write(req, (size_t)n);
}

static void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync,
		     struct fuse_file_info *fi)
{
	int own cleanup_fd = -1;
	int fd = fd_of(share_of(req), ino, fi->fh, &own);

	if (fd >= 0)
		fd = (datasync ? fdatasync(fd) : fsync(fd)) ? -errno : 0;
	share_answer(req, fd);
}

static void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off,
			 off_t len, struct fuse_file_info *fi)
{
	int fd = share_file_fd(share_of(req), fi->fh);

	(void)ino;
	if (fd >= 0)
		fd = fallocate(fd, mode, off, len) ? -errno : 0;
	share_answer(req, fd);
}

static void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence,
		     struct fuse_file_info *fi)
{
	int own cleanup_fd = -1;
	int fd = fd_of(share_of(req), ino, fi->fh, &own);
	off_t at;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		fd = -EINVAL;
	at = fd < 0 ? -1 : lseek(fd, off, whence);
	if (at < 0)
		share_answer(req, fd < 0 ? fd : -errno);
	else
		fuse_reply_lseek(req, at);
}

static void op_copy_file_range(fuse_req_t req, fuse_ino_t ino, off_t off,
			       struct fuse_file_info *fi, fuse_ino_t to_ino,
			       off_t to_off, struct fuse_file_info *to_fi,
			       size_t len, int flags)
{
	struct share *s = share_of(req);
	int from = share_file_fd(s, fi->fh);
	int to = share_file_fd(s, to_fi->fh);
	int r = from < 0 ? from : to < 0 ? to : flags ? -EINVAL : 0;
	ssize_t n;

	(void)ino;
	(void)to_ino;
	n = r ? -1 :
		copy_file_range(from, &off, to, &to_off, MIN(len, MAX_COPY), 0);
	if (n < 0)
		share_answer(req, r ? r : -errno);
	else
		fuse_reply_write(req, (size_t)n);
}

void share_file_ops(struct fuse_lowlevel_ops *ops)
{
	ops->open = op_open;
	ops->release = op_release;
	ops->read = op_read;
	ops->write = op_write;
	ops->fsync = op_fsync;
	ops->fsyncdir = op_fsync;
	ops->fallocate = op_fallocate;
	ops->lseek = op_lseek;
	ops->copy_file_range = op_copy_file_range;
}
