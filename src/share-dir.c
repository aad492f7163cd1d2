// SPDX-License-Identifier: BSD-2-Clause
/*
 * share-dir - directories: which entries they have, with or without what the
 * entries are. Owns what was read ahead, in the open directory.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fd.h"
#include "share-check.h"
#include "share-priv.h"
#include "util.h"

#define ENTRIES_BYTES (32U << 10)

static int open_dir(struct share *s, fuse_ino_t ino, uint64_t *fh)
{
	struct share_inode *inode = share_inode_get(&s->inodes, ino);
	int fd cleanup_fd = -1;

	if (!inode)
		return -ESTALE;
	if (inode->type != S_IFDIR)
		return -ENOTDIR;
	fd = share_reopen(s, inode, O_RDONLY | O_DIRECTORY);
	return fd < 0 ? fd : share_file_add(s, &fd, true, fh);
}

static void op_opendir(fuse_req_t req, fuse_ino_t ino,
		       struct fuse_file_info *fi)
{
	struct share *s = share_of(req);
	int r = open_dir(s, ino, &fi->fh);

	if (r) {
		share_answer(req, r);
		return;
	}
	fi->keep_cache = s->cache == SHARE_CACHE_ALWAYS;
	fi->cache_readdir = s->cache == SHARE_CACHE_ALWAYS;
	fuse_reply_open(req, fi);
}

/*
 * Lets the next entry be the one at off: where the last was taken, mostly; else
 * the kernel is asked, which knows its own offsets.
 */
static int seek_to(struct share_file *f, off_t off)
{
	if (f->entries && f->next == off)
		return 0;
	if (!f->entries) {
		f->entries = malloc(ENTRIES_BYTES);
		if (!f->entries)
			return -ENOMEM;
	}
	f->nr_bytes = 0;
	f->pos = 0;
	f->next = -1;
	if (lseek(f->fd, off, SEEK_SET) < 0)
		return -errno;
	f->next = off;
	return 0;
}

/* The next entry, NULL at the end.  0 or -errno. */
static int peek(struct share_file *f, const struct dirent64 **out)
{
	ssize_t n;

	*out = NULL;
	if (f->pos == f->nr_bytes) {
		n = getdents64(f->fd, f->entries, ENTRIES_BYTES);
		if (n < 0)
			return -errno;
		f->nr_bytes = (size_t)n;
		f->pos = 0;
	}
	if (f->nr_bytes)
		*out = (void *)(f->entries + f->pos);
	return 0;
}

static void take(struct share_file *f, const struct dirent64 *d)
{
	f->pos += d->d_reclen;
	f->next = d->d_off;
}

static bool is_dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/* What READDIR tells of an entry. */
static void plain_stat(struct share *s, const struct share_inode *dir,
		       const struct dirent64 *d, struct stat *st)
{
	*st = (struct stat){
		.st_ino = share_inode_number(&s->inodes, dir->dev, d->d_ino),
		.st_mode = (mode_t)DTTOIF(d->d_type),
	};
}

/*
 * The guest is told what the entry is, as by a lookup; or no more than a plain
 * READDIR tells where that cannot be had, and then it will ask.  -ENOENT: it is
 * gone.
 */
static int look_up(struct share *s, struct share_inode *dir,
		   const struct dirent64 *d, struct fuse_entry_param *e)
{
	struct statx stx;
	int fd, none = -1, r;

	plain_stat(s, dir, d, &e->attr);
	if (is_dots(d->d_name))
		return 0;
	fd = share_inode_fd(&s->inodes, dir);
	r = fd < 0 ? fd : share_statx_at(fd, d->d_name, &stx);
	if (!r)
		r = share_entry(s, dir, d->d_name, &stx, &none, e);
	return r == -ENOENT ? r : 0;
}

/* Adds an entry to the reply; false: it has no room. */
static bool add(fuse_req_t req, struct share_inode *dir,
		const struct dirent64 *d, bool plus, size_t *used, size_t size)
{
	struct share *s = share_of(req);
	struct fuse_entry_param e = { 0 };
	char *at = s->reply + *used;
	size_t need;

	need = plus ? fuse_add_direntry_plus(req, NULL, 0, d->d_name, &e, 0) :
		      fuse_add_direntry(req, NULL, 0, d->d_name, NULL, 0);
	if (need > size - *used)
		return false;
	if (plus) {
		if (look_up(s, dir, d, &e))
			return true;
		fuse_add_direntry_plus(req, at, need, d->d_name, &e, d->d_off);
	} else {
		plain_stat(s, dir, d, &e.attr);
		fuse_add_direntry(req, at, need, d->d_name, &e.attr, d->d_off);
	}
	*used += need;
	return true;
}

static int fill(fuse_req_t req, struct share_inode *dir, struct share_file *f,
		off_t off, bool plus, size_t size, size_t *used)
{
	const struct dirent64 *d;
	int r = seek_to(f, off);

	while (!r) {
		r = peek(f, &d);
		if (r || !d || !add(req, dir, d, plus, used, size))
			break;
		take(f, d);
	}
	/* What was told has been told; the error comes again. */
	return *used ? 0 : r;
}

static void read_dir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		     uint64_t fh, bool plus)
{
	const size_t head = sizeof(struct fuse_out_header);
	struct share *s = share_of(req);
	struct share_inode *dir = share_inode_get(&s->inodes, ino);
	struct share_file *f = share_file_get(s, fh);
	size_t used = 0;
	int r;

	/* Whoever is told of a file by an answer must be able to read it. */
	size = MIN(size, SHARE_DIR_BYTES);
	size = MIN(size, s->out_bytes > head ? s->out_bytes - head : 0);
	if (!dir)
		r = -ESTALE;
	else if (!f || !f->dir)
		r = -EBADF;
	else
		r = fill(req, dir, f, off, plus, size, &used);
	if (r)
		share_answer(req, r);
	else
		fuse_reply_buf(req, s->reply, used);
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		       struct fuse_file_info *fi)
{
	read_dir(req, ino, size, off, fi->fh, false);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size,
			   off_t off, struct fuse_file_info *fi)
{
	read_dir(req, ino, size, off, fi->fh, true);
}

static void op_releasedir(fuse_req_t req, fuse_ino_t ino,
			  struct fuse_file_info *fi)
{
	(void)ino;
	share_file_remove(share_of(req), fi->fh);
	share_answer(req, 0);
}

void share_dir_ops(struct fuse_lowlevel_ops *ops)
{
	ops->opendir = op_opendir;
	ops->readdir = op_readdir;
	ops->readdirplus = op_readdirplus;
	ops->releasedir = op_releasedir;
}
