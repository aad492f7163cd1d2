// SPDX-License-Identifier: BSD-2-Clause
/*
 * init-mount - the file systems of the guest: the kernel's own, the root with a
 * writable layer upon it, and the job's directories.
 *
 * The root may be anybody's tree.  All paths in it are resolved after chroot(),
 * where a symbolic link leads nowhere else.
 */
#include "firmware/init.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOWER "/lower"
#define UPPER "/upper"
#define ROOT "/root"
#define TRIES_BYTES 64

struct kernel_fs {
	const char *path, *type, *data;
	bool optional; /* the kernel may be without it */
	unsigned long flags;
};

#define SAFE (MS_NOSUID | MS_NODEV | MS_NOEXEC)

static const struct kernel_fs early[] = {
	{ "/dev", "devtmpfs", "mode=755", .flags = MS_NOSUID },
	{ "/sys", "sysfs", .flags = SAFE },
	{ "/proc", "proc", .flags = SAFE },
};

static const struct kernel_fs kernels[] = {
	{ "/proc", "proc", .flags = SAFE },
	{ "/sys", "sysfs", .flags = SAFE },
	{ "/dev", "devtmpfs", "mode=755", .flags = MS_NOSUID },
	{ "/dev/pts", "devpts", "mode=620,gid=5,ptmxmode=666",
	  .flags = MS_NOSUID | MS_NOEXEC },
	{ "/dev/shm", "tmpfs", "mode=1777", .flags = MS_NOSUID | MS_NODEV },
	{ "/dev/mqueue", "mqueue", .optional = true, .flags = SAFE },
	{ "/run", "tmpfs", "mode=755", .flags = MS_NOSUID | MS_NODEV },
	{ "/sys/fs/cgroup", "cgroup2", .optional = true, .flags = SAFE },
	{ "/sys/kernel/debug", "debugfs", .optional = true, .flags = SAFE },
	{ "/sys/kernel/tracing", "tracefs", .optional = true, .flags = SAFE },
	{ "/sys/kernel/security", "securityfs", .optional = true,
	  .flags = SAFE },
	{ "/sys/kernel/config", "configfs", .optional = true, .flags = SAFE },
	{ "/sys/fs/bpf", "bpf", .optional = true, .flags = SAFE },
};

static const char *const links[][2] = {
	{ "/proc/self/fd", "/dev/fd" },
	{ "/proc/self/fd/0", "/dev/stdin" },
	{ "/proc/self/fd/1", "/dev/stdout" },
	{ "/proc/self/fd/2", "/dev/stderr" },
};

/* A directory and those above it.  0 or -errno. */
static int make_dirs(const char *path)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (len >= sizeof(part))
		return -ENAMETOOLONG;
	for (size_t i = 1; i <= len; i++) {
		if (path[i] && path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0755) && errno != EEXIST)
			return -errno;
	}
	return 0;
}

/*
 * A directory to cover.  In the layer that is ours it takes the place of what
 * is none: of links that lead nowhere or round in circles, too.
 */
static int make_point(const char *path)
{
	struct stat st;

	if (!lstat(path, &st) && !S_ISDIR(st.st_mode) && unlink(path))
		return -errno;
	return make_dirs(path);
}

static int mount_kernel_fs(const struct kernel_fs *fs, size_t nr,
			   struct job_failed *why)
{
	for (; nr; fs++, nr--) {
		/* What is below /sys the kernel makes, if it has it. */
		int r = fs->optional ? 0 : make_point(fs->path);

		if (fs->optional)
			mkdir(fs->path, 0755);
		if (!r &&
		    mount(fs->type, fs->path, fs->type, fs->flags, fs->data))
			r = -errno;
		if (r && !fs->optional)
			return why_not(why, JOB_STAGE_SETUP, -r,
				       "cannot mount %s on %s", fs->type,
				       fs->path);
	}
	return 0;
}

int mount_early(struct job_failed *why)
{
	umask(0);
	return mount_kernel_fs(early, sizeof(early) / sizeof(early[0]), why);
}

/* One line of /proc/filesystems: "nodev\tNAME", or "\tNAME". */
static int try_type(const struct job_mount *m, const char *at,
		    unsigned long flags, char *line)
{
	if (line[0] != '\t')
		return -ENODEV;
	return mount(m->source, at, line + 1, flags, m->data) ? -errno : 0;
}

/* By each file system that the kernel has for block devices. */
static int mount_any(const struct job_mount *m, const char *at,
		     unsigned long flags)
{
	char line[TRIES_BYTES];
	FILE *f = fopen("/proc/filesystems", "re");
	int r = -ENODEV;

	if (!f)
		return -errno;
	while (r && r != -ENOENT && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		r = try_type(m, at, flags, line);
	}
	fclose(f);
	return r;
}

static int mount_one(const struct job_mount *m, const char *at,
		     enum job_stage stage, struct job_failed *why)
{
	unsigned long flags = m->read_only ? MS_RDONLY : 0;
	int r = make_dirs(at);

	if (r)
		return why_not(why, stage, -r, "cannot make the directory %s",
			       at);
	if (!*m->type)
		r = mount_any(m, at, flags);
	else if (mount(m->source, at, m->type, flags, m->data))
		r = -errno;
	return r ? why_not(why, stage, -r, "cannot mount %s %s%s%s",
			   *m->type ? m->type : "the disk", m->source,
			   *m->path ? " on " : "", m->path) :
		   0;
}

/* What is mounted instead of an upper layer that the job names. */
static const struct job_mount no_upper = {
	.type = "tmpfs",
	.source = "upper",
	.path = "",
	.data = "mode=755",
};

static int mount_layers(const struct job *job, struct job_failed *why)
{
	const struct job_mount *root = NULL, *upper = &no_upper;
	char data[256];

	for (size_t i = 0; i < job->nr_mounts; i++) {
		if (job->mounts[i].kind == JOB_MOUNT_ROOT)
			root = &job->mounts[i];
		if (job->mounts[i].kind == JOB_MOUNT_UPPER)
			upper = &job->mounts[i];
	}
	if (!root)
		return why_not(why, JOB_STAGE_ROOT, EINVAL,
			       "the job names no root");
	if (mount_one(root, LOWER, JOB_STAGE_ROOT, why) ||
	    mount_one(upper, UPPER, JOB_STAGE_ROOT, why))
		return -1;
	/* A share has the users' extended attributes only. */
	snprintf(data, sizeof(data),
		 "lowerdir=%s,upperdir=%s/upper,workdir=%s/work%s", LOWER,
		 UPPER, UPPER,
		 strcmp(upper->type, "virtiofs") ? ",redirect_dir=on" :
						   ",userxattr");
	if (make_dirs(UPPER "/upper") || make_dirs(UPPER "/work") ||
	    make_dirs(ROOT) || mount("root", ROOT, "overlay", 0, data))
		return why_not(why, JOB_STAGE_ROOT, errno,
			       "cannot lay a writable layer upon the root");
	return 0;
}

int mount_root(const struct job *job, struct job_failed *why)
{
	if (mount_layers(job, why))
		return -1;
	/* The initramfs is the first mount of all: it can only be covered. */
	if (chdir(ROOT) || mount(".", "/", NULL, MS_MOVE, NULL) ||
	    chroot(".") || chdir("/"))
		return why_not(why, JOB_STAGE_ROOT, errno,
			       "cannot enter the root");
	return 0;
}

int mount_rest(const struct job *job, struct job_failed *why)
{
	if (mount_kernel_fs(kernels, sizeof(kernels) / sizeof(kernels[0]), why))
		return -1;
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (symlink(links[i][0], links[i][1]) && errno != EEXIST)
			return why_not(why, JOB_STAGE_SETUP, errno,
				       "cannot make %s", links[i][1]);
	mkdir("/run/lock", 01777); /* of many an init script */
	for (size_t i = 0; i < job->nr_mounts; i++)
		if (job->mounts[i].kind == JOB_MOUNT_DIR &&
		    mount_one(&job->mounts[i], job->mounts[i].path,
			      JOB_STAGE_MOUNT, why))
			return -1;
	return 0;
}
