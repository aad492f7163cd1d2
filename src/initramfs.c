// SPDX-License-Identifier: BSD-2-Clause
/*
 * initramfs - owns an archive that is being written, which is a memfd: no file of
 * the host's is made.
 */
#include "initramfs.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "log.h"
#include "util.h"

#define HEAD_BYTES 110
#define ALIGN 4
#define TRAILER "TRAILER!!!"

struct initramfs {
	int fd;
	uint32_t nr; /* inodes: each entry is one of its own */
};

struct entry {
	const char *path;
	mode_t mode;
	const void *data;
	size_t len_bytes;
	unsigned int major, minor;
};

static int put(struct initramfs *a, const struct entry *e, const void *p,
	       size_t len)
{
	static const char zeros[ALIGN];
	int r = fd_write_all(a->fd, p, len);

	/* The head is no multiple of four: its name's padding counts it. */
	if (!r && p != e->data)
		len += HEAD_BYTES;
	if (!r && len % ALIGN)
		r = fd_write_all(a->fd, zeros, ALIGN - len % ALIGN);
	return r;
}

static int put_entry(struct initramfs *a, const struct entry *e)
{
	const char *name = e->path[0] == '/' ? e->path + 1 : e->path;
	size_t name_bytes = strlen(name) + 1;
	char head[HEAD_BYTES + 1];
	int r;

	/* All fields have 32 bits, and Linux takes no longer names. */
	if (e->len_bytes > UINT32_MAX)
		return -EFBIG;
	if (name_bytes > PATH_MAX)
		return -ENAMETOOLONG;
	snprintf(head, sizeof(head),
		 "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
		 ++a->nr, e->mode, 0, 0, 1, 0, (unsigned int)e->len_bytes, 0, 0,
		 e->major, e->minor, (unsigned int)name_bytes, 0);
	r = fd_write_all(a->fd, head, HEAD_BYTES);
	if (!r)
		r = put(a, e, name, name_bytes);
	if (!r && e->len_bytes)
		r = put(a, e, e->data, e->len_bytes);
	return r;
}

static int add(struct initramfs *a, const struct entry *e)
{
	int r = put_entry(a, e);

	if (r)
		log_err("initramfs: cannot add %s: %s%s", e->path, strerror(-r),
			r == -EFBIG ? "; see ulimit -f" : "");
	return r;
}

int initramfs_create(struct initramfs **out)
{
	struct initramfs *a = malloc(sizeof(*a));
	int r = 0;

	*out = NULL;
	if (!a) {
		r = -ENOMEM;
	} else {
		*a = (struct initramfs){ 0 };
		a->fd = memfd_create("initramfs", MFD_CLOEXEC);
		if (a->fd < 0)
			r = -errno;
	}
	if (r) {
		log_err("initramfs: cannot be made: %s", strerror(-r));
		initramfs_destroy(a);
		return r;
	}
	*out = a;
	return 0;
}

void initramfs_destroy(struct initramfs *a)
{
	if (a)
		fd_close(&a->fd);
	free(a);
}

int initramfs_dir(struct initramfs *a, const char *path, mode_t mode)
{
	return add(a, &(struct entry){ path, S_IFDIR | mode });
}

int initramfs_file(struct initramfs *a, const char *path, mode_t mode,
		   const void *data, size_t len_bytes)
{
	return add(a, &(struct entry){ path, S_IFREG | mode, data, len_bytes });
}

int initramfs_device(struct initramfs *a, const char *path, mode_t mode,
		     unsigned int major, unsigned int minor)
{
	return add(a, &(struct entry){ path, S_IFCHR | mode, NULL, 0, major,
				       minor });
}

int initramfs_finish(struct initramfs *a)
{
	int r = add(a, &(struct entry){ .path = TRAILER });

	if (!r && lseek(a->fd, 0, SEEK_SET) < 0) {
		r = -errno;
		log_err("initramfs: cannot be read: %s", strerror(-r));
	}
	return r ? r : fd_steal(&a->fd);
}
