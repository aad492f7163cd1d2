// SPDX-License-Identifier: BSD-2-Clause
/*
 * exec-root - the root of a command's guest: a directory, or the image of a file
 * system, which is a disk of the machine. Tells by its first bytes which one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec-plan.h"
#include "fd.h"
#include "log.h"
#include "util.h"

/* All magic numbers are below it. */
#define HEAD_BYTES (KIB(64) + 4096)

static const struct magic {
	const char *type; /* NULL: no file system, but known */
	size_t at;
	const char *bytes;
	const char *remedy;
} magics[] = {
	{ "ext4", 0x438, "\x53\xef", NULL },
	{ "xfs", 0, "XFSB", NULL },
	{ "btrfs", 0x10040, "_BHRfS_M", NULL },
	{ "squashfs", 0, "hsqs", NULL },
	{ "erofs", 0x400, "\xe2\xe1\xf5\xe0", NULL },
	{ NULL, 0, "QFI\xfb",
	  "is qcow2; make it raw: qemu-img convert -O raw" },
	{ NULL, 0x1fe, "\x55\xaa",
	  "has partitions; name one of them: losetup -fP --show" },
};

const char *exec_root_type(const void *head, size_t len, const char **remedy)
{
	*remedy = "holds no file system that is known; name a directory, or an "
		  "image of ext4, xfs, btrfs, squashfs or erofs";
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++) {
		const struct magic *m = &magics[i];
		size_t n = strlen(m->bytes);

		if (!range_contains(0, len, m->at, n) ||
		    memcmp((const uint8_t *)head + m->at, m->bytes, n) != 0)
			continue;
		if (!m->type)
			*remedy = m->remedy;
		return m->type;
	}
	return NULL;
}

static int find_type(struct exec_plan *p, const char *path)
{
	uint8_t *head cleanup_free = malloc(HEAD_BYTES);
	int fd cleanup_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	const char *remedy;
	ssize_t n = -1;
	int r;

	if (!head)
		errno = ENOMEM;
	else if (fd >= 0)
		n = pread(fd, head, HEAD_BYTES, 0);
	if (n < 0) {
		r = -errno;
		log_err("--root: %s: cannot read it: %s", path, strerror(-r));
		return r;
	}
	p->image_type = exec_root_type(head, (size_t)n, &remedy);
	if (p->image_type)
		return 0;
	log_err("--root: %s: %s", path, remedy);
	return -EINVAL;
}

/* Before those of the command line: it is the guest's first. */
static int add_disk(struct run_config *run, const char *path)
{
	struct disk_config disk = {
		.spec = strdup(path),
		.fd = -1,
		.read_only = true,
		.lock = true,
		.nr_queues = 1,
	};

	if (!disk.spec) {
		log_err("--root: %s: out of memory", path);
		return -ENOMEM;
	}
	if (run->nr_disks == CONFIG_MAX_VIRTIO) {
		log_err("--root: %s: too many disks; leave out a --disk", path);
		free(disk.spec);
		return -ENOSPC;
	}
	memmove(run->disks + 1, run->disks, run->nr_disks * sizeof(disk));
	run->disks[0] = disk;
	run->nr_disks++;
	return 0;
}

static int refuse(const char *root, int r)
{
	log_err("--root: %s: %s; name a directory, or an image of a file "
		"system",
		root, strerror(-r));
	return r;
}

int exec_plan_root(struct exec_plan *p)
{
	const char *root = p->cfg->root ? p->cfg->root : "/";
	struct stat st;
	int r;

	p->root = realpath(root, NULL);
	if (!p->root)
		return refuse(root, -errno);
	if (stat(p->root, &st))
		return refuse(root, -errno);
	if (S_ISDIR(st.st_mode))
		return 0;
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return refuse(root, -ENOTDIR);
	if (p->cfg->root_cache != CONFIG_CACHE_AUTO) {
		log_err("--root: %s: cache= is for directories; leave it out",
			root);
		return -EINVAL;
	}
	r = find_type(p, p->root);
	return r ? r : add_disk(&p->cfg->run, p->root);
}
