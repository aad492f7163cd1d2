// SPDX-License-Identifier: BSD-2-Clause
/*
 * share-check - the shapes of the FUSE requests that are served; all others are
 * unknown here. Owns nothing.
 */
#include "share-check.h"

#include <errno.h>
#include <limits.h>
#include <linux/fuse.h>
#include <string.h>

#include "util.h"

enum tail {
	TAIL_NONE,
	TAIL_NAME, /* a name of a file */
	TAIL_NAMES, /* two */
	TAIL_SYMLINK, /* a name, and where it points */
	TAIL_STRING, /* the name of an attribute; one that means nothing */
	TAIL_VALUE, /* the name of an attribute and its value */
	TAIL_WRITE, /* data */
	TAIL_FORGETS, /* an array */
	TAIL_MORE, /* fields of later versions */
};

struct shape {
	uint16_t fixed; /* bytes of arguments */
	uint8_t tail;
	bool known, changes;
};

#define IS(op, bytes, rest, alters)   \
	[op] = { .fixed = (bytes),    \
		 .tail = TAIL_##rest, \
		 .known = true,       \
		 .changes = (alters) }
#define READS(op, bytes, rest) IS(op, bytes, rest, false)
#define CHANGES(op, bytes, rest) IS(op, bytes, rest, true)

/*
 * Not among them: what a guest does by itself when it is told ENOSYS (flush,
 * locks, access, polling), what has nothing to interrupt, and what was never
 * offered.
 */
static const struct shape shapes[] = {
	READS(FUSE_LOOKUP, 0, NAME),
	READS(FUSE_FORGET, sizeof(struct fuse_forget_in), NONE),
	READS(FUSE_GETATTR, sizeof(struct fuse_getattr_in), NONE),
	CHANGES(FUSE_SETATTR, sizeof(struct fuse_setattr_in), NONE),
	READS(FUSE_READLINK, 0, NONE),
	CHANGES(FUSE_SYMLINK, 0, SYMLINK),
	CHANGES(FUSE_MKNOD, sizeof(struct fuse_mknod_in), NAME),
	CHANGES(FUSE_MKDIR, sizeof(struct fuse_mkdir_in), NAME),
	CHANGES(FUSE_UNLINK, 0, NAME),
	CHANGES(FUSE_RMDIR, 0, NAME),
	CHANGES(FUSE_RENAME, sizeof(struct fuse_rename_in), NAMES),
	CHANGES(FUSE_LINK, sizeof(struct fuse_link_in), NAME),
	READS(FUSE_OPEN, sizeof(struct fuse_open_in), NONE),
	READS(FUSE_READ, sizeof(struct fuse_read_in), NONE),
	CHANGES(FUSE_WRITE, sizeof(struct fuse_write_in), WRITE),
	READS(FUSE_STATFS, 0, NONE),
	READS(FUSE_RELEASE, sizeof(struct fuse_release_in), NONE),
	READS(FUSE_FSYNC, sizeof(struct fuse_fsync_in), NONE),
	CHANGES(FUSE_SETXATTR, FUSE_COMPAT_SETXATTR_IN_SIZE, VALUE),
	READS(FUSE_GETXATTR, sizeof(struct fuse_getxattr_in), STRING),
	READS(FUSE_LISTXATTR, sizeof(struct fuse_getxattr_in), NONE),
	CHANGES(FUSE_REMOVEXATTR, 0, STRING),
	/* Up to 7.35 the first four fields. */
	READS(FUSE_INIT, 4 * sizeof(uint32_t), MORE),
	READS(FUSE_OPENDIR, sizeof(struct fuse_open_in), NONE),
	READS(FUSE_READDIR, sizeof(struct fuse_read_in), NONE),
	READS(FUSE_RELEASEDIR, sizeof(struct fuse_release_in), NONE),
	READS(FUSE_FSYNCDIR, sizeof(struct fuse_fsync_in), NONE),
	CHANGES(FUSE_CREATE, sizeof(struct fuse_create_in), NAME),
	READS(FUSE_DESTROY, 0, NONE),
	READS(FUSE_BATCH_FORGET, sizeof(struct fuse_batch_forget_in), FORGETS),
	CHANGES(FUSE_FALLOCATE, sizeof(struct fuse_fallocate_in), NONE),
	READS(FUSE_READDIRPLUS, sizeof(struct fuse_read_in), NONE),
	CHANGES(FUSE_RENAME2, sizeof(struct fuse_rename2_in), NAMES),
	READS(FUSE_LSEEK, sizeof(struct fuse_lseek_in), NONE),
	CHANGES(FUSE_COPY_FILE_RANGE, sizeof(struct fuse_copy_file_range_in),
		NONE),
	READS(FUSE_SYNCFS, sizeof(struct fuse_syncfs_in), NONE),
	CHANGES(FUSE_TMPFILE, sizeof(struct fuse_create_in), STRING),
};

static const struct shape *shape_of(uint32_t opcode)
{
	if (opcode >= ARRAY_SIZE(shapes) || !shapes[opcode].known)
		return NULL;
	return &shapes[opcode];
}

int share_check_name(const char *name)
{
	if (!*name || strchr(name, '/') || !strcmp(name, ".") ||
	    !strcmp(name, ".."))
		return -EINVAL;
	return strlen(name) > NAME_MAX ? -ENAMETOOLONG : 0;
}

/* Takes a string off the front; NULL: it has no end. */
static const char *take_string(const char **p, size_t *left)
{
	const char *s = *p;
	size_t len = strnlen(s, *left);

	if (len == *left)
		return NULL;
	*p += len + 1;
	*left -= len + 1;
	return s;
}

/* nr names, and nothing after them. */
static int check_names(const char *p, size_t left, unsigned int nr)
{
	const char *s;
	int r;

	while (nr--) {
		s = take_string(&p, &left);
		r = s ? share_check_name(s) : -EINVAL;
		if (r)
			return r;
	}
	return left ? -EINVAL : 0;
}

static int check_symlink(const char *p, size_t left)
{
	const char *name = take_string(&p, &left);
	const char *target = name ? take_string(&p, &left) : NULL;

	if (!target || left || !*target)
		return -EINVAL;
	if (strlen(target) >= PATH_MAX)
		return -ENAMETOOLONG;
	return share_check_name(name);
}

static bool is_string(const char *p, size_t left)
{
	return take_string(&p, &left) && !left;
}

static bool is_value(const void *args, const char *p, size_t left)
{
	const struct fuse_setxattr_in *in = args;

	return take_string(&p, &left) && left == in->size;
}

static bool is_forgets(const void *args, size_t left)
{
	const struct fuse_batch_forget_in *in = args;

	return left == (uint64_t)in->count * sizeof(struct fuse_forget_one);
}

static int check_tail(const struct shape *shape, const void *args, size_t left)
{
	const char *p = (const char *)args + shape->fixed;
	bool ok = false;

	switch ((enum tail)shape->tail) {
	case TAIL_NAME:
		return check_names(p, left, 1);
	case TAIL_NAMES:
		return check_names(p, left, 2);
	case TAIL_SYMLINK:
		return check_symlink(p, left);
	case TAIL_NONE:
		ok = !left;
		break;
	case TAIL_STRING:
		ok = is_string(p, left);
		break;
	case TAIL_VALUE:
		ok = is_value(args, p, left);
		break;
	case TAIL_WRITE:
		ok = left == ((const struct fuse_write_in *)args)->size;
		break;
	case TAIL_FORGETS:
		ok = is_forgets(args, left);
		break;
	case TAIL_MORE:
		ok = left <= sizeof(struct fuse_init_in) - shape->fixed;
		break;
	}
	return ok ? 0 : -EINVAL;
}

int share_check(const void *msg, size_t len, size_t total)
{
	const struct fuse_in_header *head = msg;
	const struct shape *shape = shape_of(head->opcode);

	if (!shape)
		return -ENOSYS;
	if (head->len != total || len < sizeof(*head) + (size_t)shape->fixed ||
	    (len != total && shape->tail != TAIL_WRITE))
		return -EINVAL;
	return check_tail(shape, head + 1,
			  total - sizeof(*head) - shape->fixed);
}

size_t share_check_bytes(uint32_t opcode, size_t total)
{
	if (opcode != FUSE_WRITE)
		return total;
	return MIN(total, sizeof(struct fuse_in_header) +
				  sizeof(struct fuse_write_in));
}

bool share_check_changes(uint32_t opcode)
{
	const struct shape *shape = shape_of(opcode);

	return shape && shape->changes;
}
