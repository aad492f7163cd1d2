// SPDX-License-Identifier: BSD-2-Clause
/*
 * bind-disks - finds the mounts, swap space and volumes that a device carries,
 * on its disks or as a shared directory. Owns the reading of mountinfo and
 * swaps.
 */
#include "bind-users.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fd.h"
#include "util.h"

/* ----- mounts ----- */

/* One line of mountinfo; the strings live in the line. */
struct mount {
	unsigned int maj, min;
	char *point, *type, *source;
};

/* Undoes the \040 of mountinfo in place. */
static void unescape(char *str)
{
	char *out = str;

	for (; *str; str++) {
		if (str[0] == '\\' && str[1] >= '0' && str[1] <= '3' &&
		    str[2] >= '0' && str[2] <= '7' && str[3] >= '0' &&
		    str[3] <= '7') {
			*out++ = (char)((str[1] - '0') << 6 |
					(str[2] - '0') << 3 | (str[3] - '0'));
			str += 3;
		} else {
			*out++ = *str;
		}
	}
	*out = '\0';
}

/* proc_pid_mountinfo(5): "36 35 98:0 /root /mnt opts [fields] - type src .." */
static bool parse_mount(char *line, struct mount *m)
{
	char *tail = strstr(line, " - "), *save = NULL, *dev;
	unsigned int i;

	if (!tail)
		return false;
	*tail = '\0';
	m->type = strtok_r(tail + 3, " ", &save);
	m->source = strtok_r(NULL, " ", &save);
	save = NULL;
	dev = strtok_r(line, " ", &save);
	for (i = 0; dev && i < 2; i++)
		dev = strtok_r(NULL, " ", &save);
	m->point = strtok_r(NULL, " ", &save);
	m->point = m->point ? strtok_r(NULL, " ", &save) : NULL;
	if (!m->type || !m->source || !dev || !m->point ||
	    sscanf(dev, "%u:%u", &m->maj, &m->min) != 2)
		return false;
	unescape(m->point);
	unescape(m->source);
	return true;
}

typedef bool mount_fn(struct search *s, const struct mount *m, const void *arg);

static bool each_mount(struct search *s, mount_fn *fn, const void *arg)
{
	char path[PATH_MAX], *text, *save = NULL, *line;
	bool hit = false;
	struct mount m;

	if (sysfs_path(s->sysfs, path, sizeof(path), "/proc/self/mountinfo") ||
	    read_file(path, MIB(16), &text, NULL))
		return false;
	for (line = strtok_r(text, "\n", &save); line && !hit;
	     line = strtok_r(NULL, "\n", &save))
		hit = parse_mount(line, &m) && fn(s, &m, arg);
	free(text);
	return hit;
}

/* ----- disks ----- */

struct disk {
	const char *name;
	dev_t rdev;
};

static bool mount_is_of_disk(struct search *s, const struct mount *m,
			     const void *arg)
{
	const struct disk *disk = arg;
	struct stat st;
	bool hit = makedev(m->maj, m->min) == disk->rdev;

	/* btrfs has device numbers of its own: look at the source. */
	if (!hit && m->source[0] == '/')
		hit = (search_below(m->source, "/dev") &&
		       !strcmp(m->source + strlen("/dev/"), disk->name)) ||
		      (!stat(m->source, &st) && S_ISBLK(st.st_mode) &&
		       st.st_rdev == disk->rdev);
	return hit &&
	       search_found(s, "%s is mounted at %s", disk->name, m->point);
}

static bool disk_is_swap(struct search *s, const struct disk *disk)
{
	char path[PATH_MAX], *text, *save = NULL, *line;
	bool hit = false;

	if (sysfs_path(s->sysfs, path, sizeof(path), "/proc/swaps") ||
	    read_file(path, MIB(1), &text, NULL))
		return false;
	for (line = strtok_r(text, "\n", &save); line && !hit;
	     line = strtok_r(NULL, "\n", &save)) {
		struct stat st;

		line[strcspn(line, " \t")] = '\0';
		unescape(line);
		hit = (search_below(line, "/dev") &&
		       !strcmp(line + strlen("/dev/"), disk->name)) ||
		      (!stat(line, &st) && S_ISBLK(st.st_mode) &&
		       st.st_rdev == disk->rdev);
	}
	free(text);
	return hit && search_found(s, "%s is swap space", disk->name);
}

/* A dm, md, bcache or the like that is made of the disk. */
static bool disk_has_holder(struct search *s, const struct disk *disk,
			    const char *real)
{
	char path[PATH_MAX], name[128], holder[64] = "";
	const struct sysfs at = { .root = real };
	struct dirent *de;
	DIR *d;

	if (sysfs_path(&at, path, sizeof(path), "/holders"))
		return false;
	d = opendir(path);
	if (!d)
		return false;
	while (!holder[0] && (de = readdir(d)))
		if (de->d_name[0] != '.')
			snprintf(holder, sizeof(holder), "%.63s", de->d_name);
	closedir(d);
	if (!holder[0])
		return false;
	if (!sysfs_path(&at, path, sizeof(path), "/holders/%s/dm/name",
			holder) &&
	    !read_attr(path, name, sizeof(name)))
		return search_found(s, "%s is part of %s (%s)", disk->name,
				    holder, name);
	return search_found(s, "%s is part of %s", disk->name, holder);
}

/* What the lists above do not show: mounts of other namespaces, ZFS, ... */
static bool disk_is_claimed(struct search *s, const struct disk *disk)
{
	cleanup_fd int fd = -1;
	char path[PATH_MAX];

	/* The claim is ours while the file is open, and a mount at that moment
	 * would fail: only for a bind. */
	if (!s->thorough ||
	    sysfs_path(s->sysfs, path, sizeof(path), "/dev/%s", disk->name))
		return false;
	fd = open(path, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 && errno == EBUSY &&
	       search_found(s, "%s is in use, perhaps by a mount elsewhere",
			    disk->name);
}

static bool visit_block(struct search *s, const char *name, const char *real)
{
	char number[32], node[64], *bang;
	struct disk disk = { .name = node };
	unsigned int maj, min;

	if (search_attr(real, "dev", number, sizeof(number)) ||
	    sscanf(number, "%u:%u", &maj, &min) != 2)
		return false;
	disk.rdev = makedev(maj, min);
	/* "cciss!c0d0" in sysfs is /dev/cciss/c0d0. */
	snprintf(node, sizeof(node), "%s", name);
	while ((bang = strchr(node, '!')))
		*bang = '/';
	return each_mount(s, mount_is_of_disk, &disk) ||
	       disk_is_swap(s, &disk) || disk_has_holder(s, &disk, real) ||
	       disk_is_claimed(s, &disk);
}

/* ----- shared directories: virtio-9p and virtio-fs ----- */

struct share {
	const char *type, *tag;
};

static bool mount_is_of_share(struct search *s, const struct mount *m,
			      const void *arg)
{
	const struct share *share = arg;

	return !strcmp(m->type, share->type) &&
	       (!share->tag || !strcmp(m->source, share->tag)) &&
	       search_found(s, "the %s share '%s' is mounted at %s", m->type,
			    m->source, m->point);
}

static bool visit_virtio(struct search *s, const char *name, const char *real)
{
	struct share share = { .type = "9p" };
	char tag[256], driver[64];

	(void)name;
	if (!search_attr(real, "mount_tag", tag, sizeof(tag))) {
		share.tag = tag;
		return each_mount(s, mount_is_of_share, &share);
	}
	if (sysfs_link_name(real, "driver", driver, sizeof(driver)) ||
	    strcmp(driver, "virtiofs"))
		return false;
	/* Linux tells the tag of a virtiofs device only since 6.9, and not
	 * here: any such mount may be of this device. */
	share.type = "virtiofs";
	return each_mount(s, mount_is_of_share, &share);
}

bool search_disks(struct search *s)
{
	return search_class(s, "/sys/class/block", visit_block) ||
	       search_class(s, "/sys/bus/virtio/devices", visit_virtio);
}
