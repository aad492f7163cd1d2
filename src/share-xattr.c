// SPDX-License-Identifier: BSD-2-Clause
/*
 * share-xattr - extended attributes of files and directories, of the users' name
 * space alone: the others mean something to the host's kernel. Capabilities of
 * programs are told, too, but not given. Owns nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "share-priv.h"

#define PREFIX "user."
/* What a program may do without being root's: told, as its mode is. */
#define CAPABILITY "security.capability"
#define MAX_LIST (64U << 10)
#define PATH_BYTES sizeof("/proc/self/fd/-2147483648")

static bool is_ours(const char *name)
{
	return !strncmp(name, PREFIX, strlen(PREFIX)) && name[strlen(PREFIX)];
}

static bool is_shown(const char *name)
{
	return is_ours(name) || !strcmp(name, CAPABILITY);
}

/*
 * The name of a file that is in hand, which need not be opened for this.  0 or
 * -errno.
 */
static int path_of(struct share *s, fuse_ino_t ino, char path[PATH_BYTES])
{
	struct share_inode *inode = share_inode_get(&s->inodes, ino);
	int fd;

	if (!inode)
		return -ESTALE;
	/* As the kernel has it: only these have attributes of users. */
	if (inode->type != S_IFREG && inode->type != S_IFDIR)
		return -ENODATA;
	fd = share_inode_fd(&s->inodes, inode);
	snprintf(path, PATH_BYTES, "/proc/self/fd/%d", fd);
	return fd < 0 ? fd : 0;
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
	char path[PATH_BYTES];
	ssize_t n = -EOPNOTSUPP;

	if (is_shown(name))
		n = path_of(s, ino, path);
	if (!n) {
		n = getxattr(path, name, s->reply, SHARE_DIR_BYTES);
		n = n < 0 ? -errno : n;
	}
	answer_bytes(req, n, size, s->reply);
}

/* Keeps the names that are shown; returns their bytes. */
static size_t keep_shown(char *list, size_t len)
{
	size_t from, kept = 0, n;

	for (from = 0; from < len; from += n) {
		n = strnlen(list + from, len - from - 1) + 1;
		if (!is_shown(list + from))
			continue;
		memmove(list + kept, list + from, n);
		kept += n;
	}
	return kept;
}

static void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	struct share *s = share_of(req);
	char path[PATH_BYTES];
	ssize_t n = path_of(s, ino, path);

	if (!n) {
		n = listxattr(path, s->reply, MAX_LIST);
		n = n < 0 ? -errno : (ssize_t)keep_shown(s->reply, (size_t)n);
	} else if (n == -ENODATA) {
		n = 0;
	}
	answer_bytes(req, n, size, s->reply);
}

/* 0, with the path to a file that may get or lose the attribute, or -errno. */
static int path_to_change(struct share *s, fuse_ino_t ino, const char *name,
			  char path[PATH_BYTES])
{
	int r = is_ours(name) ? path_of(s, ino, path) : -EOPNOTSUPP;

	return r == -ENODATA ? -EPERM : r;
}

int share_setxattr(struct share *s, fuse_ino_t ino, const char *name,
		   const void *value, size_t size, int flags)
{
	char path[PATH_BYTES];
	int r = path_to_change(s, ino, name, path);

	if (!r)
		r = setxattr(path, name, value, size, flags) ? -errno : 0;
	return r;
}

static void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	char path[PATH_BYTES];
	int r = path_to_change(share_of(req), ino, name, path);

	if (!r)
		r = removexattr(path, name) ? -errno : 0;
	share_answer(req, r);
}

void share_xattr_ops(struct fuse_lowlevel_ops *ops)
{
	ops->getxattr = op_getxattr;
	ops->listxattr = op_listxattr;
	ops->removexattr = op_removexattr;
}
