/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of the FUSE server share: the object, the request that it is
 * serving, and the operations that libfuse calls.  Not for others.
 */
#ifndef WHERRY_SHARE_PRIV_H
#define WHERRY_SHARE_PRIV_H

#define FUSE_USE_VERSION 35
#include <fuse_lowlevel.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "share-inode.h"
#include "share-table.h"
#include "share.h"

/* What a guest gets of a directory at once. */
#define SHARE_DIR_BYTES (128U << 10)

struct share_file {
	int fd;
	bool dir;
	/* Of directories: what was read, as the kernel has it. */
	char *entries;
	size_t nr_bytes, pos;
	off_t next; /* the offset at which pos is; -1: unknown */
};

struct share {
	char *path;
	int root_fd; /* O_PATH */
	int proc_fd; /* /proc/self/fd: reopens a file that is in hand */
	int landlock_fd; /* or -errno, as share_landlock() has it */
	bool read_only;
	enum share_cache cache;
	double timeout_s; /* of names and attributes in the guest */
	uid_t uid;
	gid_t gid;

	struct fuse_session *session; /* NULL: no memory for one */
	struct share_inodes inodes;
	struct share_table files;

	/* The request. */
	const struct iovec *in, *out;
	unsigned int nr_in, nr_out;
	size_t out_bytes; /* room */
	size_t written;
	bool no_room; /* for an answer: the guest broke the protocol */
	uint32_t offered; /* flags of FUSE_INIT */
	char in_place; /* its address: data that are in out already */
	char *msg; /* what is not data to write: SHARE_MAX_REQUEST */
	char *reply; /* SHARE_DIR_BYTES */
	struct iovec vec[IOV_MAX];
};

/* share.c: answers by an error, 0 or -errno. */
static inline void share_answer(fuse_req_t req, int r)
{
	fuse_reply_err(req, -r);
}

static inline struct share *share_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

/* share-attr.c: of files that the guest names by number. */
/* O_PATH descriptor of the inode, kept open by the table; or -errno. */
int share_fd_of(struct share *s, fuse_ino_t ino);
/* Its attributes as the host has them, without opening it. */
int share_statx(struct share *s, struct share_inode *inode, struct statx *stx);
int share_statx_at(int dir_fd, const char *name, struct statx *stx);
int share_statx_fd(int fd, struct statx *stx);
/* As the guest sees them. */
void share_stat(struct share *s, const struct statx *stx, struct stat *st);
/* Opens a file that is in hand, which is a regular one or a directory. */
int share_reopen(struct share *s, struct share_inode *inode, int flags);
/*
 * The permissions that a file gets which had old (0: a new one): set-user-ID and
 * set-group-ID it can keep only, for others of the host could run it as this
 * user.  They are ignored, as POSIX lets them be, and not refused: all that
 * unpacks and installs would fail.  A directory (S_IFDIR of old) keeps its owner's
 * where it is to have none: the guest's root enters it all the same, as overlayfs
 * does its working directory, and we are nobody but the owner.
 */
mode_t share_mode(mode_t mode, mode_t old);

/* share-file.c: what the guest has open. */
int share_file_add(struct share *s, int *fd, bool dir, uint64_t *fh);
struct share_file *share_file_get(struct share *s, uint64_t fh);
/* Of a regular file or directory that is open; -EBADF. */
int share_file_fd(struct share *s, uint64_t fh);
void share_file_remove(struct share *s, uint64_t fh);
void share_files_close(struct share *s);
/* Opens and answers for FUSE_OPEN and for a file that exists already. */
int share_open(struct share *s, struct share_inode *inode,
	       struct fuse_file_info *fi);
/* Access mode as the host is to be asked for it. */
int share_access(const struct share *s, int flags);
/* Whether it opens no files, but reads them by their number: nothing changes, so
 * there is nothing of which an open file would be a state. */
static inline bool share_opens_none(const struct share *s)
{
	return s->read_only && s->cache == SHARE_CACHE_ALWAYS;
}
/* What the guest may do with what it opened. */
void share_open_flags(const struct share *s, struct fuse_file_info *fi);

/* share-name.c */
/* The guest is told of what was found as name in dir (NULL: of fd). */
int share_entry(struct share *s, struct share_inode *dir, const char *name,
		const struct statx *stx, int *fd, struct fuse_entry_param *e);

/* share-xattr.c; value of size bytes.  0 or -errno. */
int share_setxattr(struct share *s, fuse_ino_t ino, const char *name,
		   const void *value, size_t size, int flags);

/* Operations, one file each. */
void share_attr_ops(struct fuse_lowlevel_ops *ops);
void share_dir_ops(struct fuse_lowlevel_ops *ops);
void share_file_ops(struct fuse_lowlevel_ops *ops);
void share_name_ops(struct fuse_lowlevel_ops *ops);
void share_xattr_ops(struct fuse_lowlevel_ops *ops);

/* share-landlock.c: a set of rules for what is beneath root_fd; -EOPNOTSUPP where
 * the kernel knows none that would do, or -errno. */
int share_landlock_create(int root_fd, bool read_only);
/* Binds the calling thread, which has no-new-privileges, to it.  0 or -errno. */
int share_landlock_enter(int landlock_fd);

#endif
