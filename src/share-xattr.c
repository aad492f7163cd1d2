// SPDX-License-Identifier: BSD-2-Clause
/*
 * share-xattr - extended attributes of files and directories, of the users' name
 * space alone: the others mean something to the host's kernel. Owns nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fd.h"
#include "share-priv.h"

#define PREFIX "user."
#define MAX_LIST (64U << 10)

static bool is_ours(const char *name)
{
	return !strncmp(name, PREFIX, strlen(PREFIX)) && name[strlen(PREFIX)];
}

/* A descriptor for fgetxattr() and its like, which take no O_PATH. */
static int open_for(struct share *s, fuse_ino_t ino, const char *name)
{
	struct share_inode *inode = share_inode_get(&s->inodes, ino);

	if (!inode)
		return -ESTALE;
	if (name && !is_ours(name))
		return -EOPNOTSUPP;
	/* As the kernel has it: only these have attributes of users. */
	if (inode->type != S_IFREG && inode->type != S_IFDIR)
		return -ENODATA;
	return share_reopen(s, inode, O_RDONLY);
}

static void answer_bytes(fuse_req_t req, ssize_t n, size_t size,
			 const char *buf)
{
	if (n < 0)
		share_answer(req, (int)n);
	else if (!size)
		fuse_reply_xattr(req, (size_t)n);
	else if ((size_t)n > size)
		share_answer(req, -ERANGE);
	else
		fuse_reply_buf(req, buf, (size_t)n);
}

static void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name,
			size_t size)
{
	struct share *s = share_of(req);
	int fd cleanup_fd = open_for(s, ino, name);
	ssize_t n = fd;

	if (fd >= 0) {
		n = fgetxattr(fd, name, s->reply, SHARE_DIR_BYTES);
		n = n < 0 ? -errno : n;
	}
	answer_bytes(req, n, size, s->reply);
}

/* Keeps the names that are shown; returns their bytes. */
static size_t keep_ours(char *list, size_t len)
{
	size_t from, kept = 0, n;

	for (from = 0; from < len; from += n) {
		n = strnlen(list + from, len - from - 1) + 1;
		if (!is_ours(list + from))
			continue;
		memmove(list + kept, list + from, n);
		kept += n;
	}
	return kept;
}

static void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	struct share *s = share_of(req);
	int fd cleanup_fd = open_for(s, ino, NULL);
	ssize_t n = fd == -ENODATA ? 0 : fd;

	if (fd >= 0) {
		n = flistxattr(fd, s->reply, MAX_LIST);
		n = n < 0 ? -errno : (ssize_t)keep_ours(s->reply, (size_t)n);
	}
	answer_bytes(req, n, size, s->reply);
}

int share_setxattr(struct share *s, fuse_ino_t ino, const char *name,
		   const void *value, size_t size, int flags)
{
	int fd cleanup_fd = open_for(s, ino, name);

	if (fd < 0)
		return fd == -ENODATA ? -EPERM : fd;
	return fsetxattr(fd, name, value, size, flags) ? -errno : 0;
}

static void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	int fd cleanup_fd = open_for(share_of(req), ino, name);
	int r = fd;

	if (fd >= 0)
		r = fremovexattr(fd, name) ? -errno : 0;
	share_answer(req, r);
}

void share_xattr_ops(struct fuse_lowlevel_ops *ops)
{
	ops->getxattr = op_getxattr;
	ops->listxattr = op_listxattr;
	ops->removexattr = op_removexattr;
}
