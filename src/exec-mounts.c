// SPDX-License-Identifier: BSD-2-Clause
/*
 * exec-mounts - what the guest of a command sees of the host: its root, what it
 * may write to, its kernel's modules. Each is a share of the machine and a mount
 * of the job.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "exec-plan.h"
#include "fd.h"
#include "log.h"
#include "util.h"

static int out_of_memory(void)
{
	log_err("exec: out of memory");
	return -ENOMEM;
}

/* A share that only we name. */
static int add_share(struct exec_plan *p, const char *path, const char *tag,
		     bool read_only)
{
	struct run_config *run = &p->cfg->run;
	struct share_config *s = &run->shares[run->nr_shares];

	if (run->nr_shares == CONFIG_MAX_SHARES) {
		log_err("%s: one shared directory too many; %d are possible; "
			"leave out a --share or --rw",
			path, CONFIG_MAX_SHARES);
		return -ENOSPC;
	}
	for (unsigned int i = 0; i < run->nr_shares; i++)
		if (!strcmp(run->shares[i].tag, tag)) {
			log_err("--share: tag=%s: exec has a share of that tag "
				"itself; choose another",
				tag);
			return -EINVAL;
		}
	*s = (struct share_config){
		.path = strdup(path),
		.tag = strdup(tag),
		.read_only = read_only,
		.cache = read_only ? p->cfg->root_cache : CONFIG_CACHE_AUTO,
	};
	run->nr_shares++;
	return s->path && s->tag ? 0 : out_of_memory();
}

static int add_mount(struct exec_plan *p, enum job_mount_kind kind,
		     const char *type, const char *source, const char *path,
		     const char *data)
{
	struct job_mount *m = &p->job.mounts[p->job.nr_mounts++];

	m->kind = kind;
	m->type = strdup(type);
	m->source = strdup(source);
	m->path = strdup(path);
	m->data = strdup(data);
	return m->type && m->source && m->path && m->data ? 0 : out_of_memory();
}

/* path is the host's; it comes at at in the guest, if it is a directory. */
static int add_dir(struct exec_plan *p, enum job_mount_kind kind,
		   const char *path, const char *tag, const char *at,
		   bool read_only)
{
	int r = add_share(p, path, tag, read_only);

	if (r)
		return r;
	r = add_mount(p, kind, "virtiofs", tag, at, "");
	p->job.mounts[p->job.nr_mounts - 1].read_only = read_only;
	return r;
}

/* An absolute path without symbolic links, of a directory. */
static int resolve(const char *option, const char *path, char **out)
{
	struct stat st;
	int r = 0;

	*out = realpath(path, NULL);
	if (!*out || stat(*out, &st))
		r = -errno;
	else if (!S_ISDIR(st.st_mode))
		r = -ENOTDIR;
	if (r)
		log_err("%s: %s: %s; name a directory", option, path,
			strerror(-r));
	return r;
}

/* Below dir, or dir itself. */
static bool within(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return !strncmp(path, dir, n) && (!path[n] || path[n] == '/');
}

/* What the kernel itself shows there, of devices and processes, is the guest's own. */
static bool is_of_kernel(const char *path)
{
	return within(path, "/proc") || within(path, "/sys") ||
	       (within(path, "/dev") && !within(path, "/dev/shm"));
}

static int resolve_rw(const char *path, char **out)
{
	int r = resolve("--rw", path, out);

	if (r || !*out)
		return r;
	/* Nothing can be mounted upon what is the root already. */
	if (!strcmp(*out, "/"))
		log_err("--rw: %s: is the whole root; name directories below "
			"it, or keep what is written by --overlay",
			path);
	else if (is_of_kernel(*out))
		log_err("--rw: %s: the guest's kernel has its own; name a "
			"directory of files, give devices by --device or "
			"--disk",
			path);
	else
		return 0;
	return -EINVAL;
}

static int add_root(struct exec_plan *p)
{
	int r;

	if (!p->image_type)
		return add_dir(p, JOB_MOUNT_ROOT, p->root, "wherry-root", "",
			       true);
	r = add_mount(p, JOB_MOUNT_ROOT, p->image_type, "/dev/vda", "", "");
	p->job.mounts[p->job.nr_mounts - 1].read_only = true;
	return r;
}

/* Two kernels that write one layer would each undo what the other does. Where the
 * file system knows no locks there is none. */
static int lock_overlay(struct exec_plan *p, const char *upper)
{
	int r;

	p->overlay_fd = open(upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->overlay_fd < 0) {
		r = -errno;
		log_err("--overlay: %s: %s; name a directory of this user's",
			upper, strerror(-r));
		return r;
	}
	if (!flock(p->overlay_fd, LOCK_EX | LOCK_NB) || errno != EWOULDBLOCK)
		return 0;
	log_err("--overlay: %s: another wherry exec writes there; wait for "
		"its end, or name another directory",
		upper);
	return -EBUSY;
}

static int add_overlay(struct exec_plan *p)
{
	char *upper cleanup_free = NULL;
	int r;

	if (!p->cfg->overlay)
		return 0;
	r = resolve("--overlay", p->cfg->overlay, &upper);
	if (!r)
		r = lock_overlay(p, upper);
	return r ? r :
		   add_dir(p, JOB_MOUNT_UPPER, upper, "wherry-upper", "",
			   false);
}

/* A fresh one, unless the command starts in the host's. Here and below, rw is what may
 * be written to; NULL ends it. */
static int add_tmp(struct exec_plan *p, char *const *rw)
{
	const char *cwd = p->job.cwd;

	for (unsigned int i = 0; within(cwd, "/tmp"); i++) {
		if (!rw[i])
			return 0;
		if (within(cwd, rw[i]))
			break;
	}
	return add_mount(p, JOB_MOUNT_DIR, "tmpfs", "tmp", "/tmp", "mode=1777");
}

/* What the host has there the guest does not see, unless it is shared. */
static int check_cwd(const struct exec_plan *p, char *const *rw)
{
	static const char *const fresh[] = { "/run", "/dev/shm" };
	const char *cwd = p->job.cwd;

	for (unsigned int i = 0; rw[i]; i++)
		if (within(cwd, rw[i]))
			return 0;
	for (size_t i = 0; !p->cfg->root && i < ARRAY_SIZE(fresh); i++) {
		if (!within(cwd, fresh[i]) || !strcmp(cwd, fresh[i]))
			continue;
		log_err("%s: the guest has a fresh %s; add --rw %s, or start "
			"elsewhere by --cwd",
			cwd, fresh[i], cwd);
		return -EINVAL;
	}
	return 0;
}

static int add_rw(struct exec_plan *p, char *const *rw)
{
	char tag[32];
	int r = 0;

	for (unsigned int i = 0; !r && rw[i]; i++) {
		snprintf(tag, sizeof(tag), "wherry-rw%u", i);
		r = add_dir(p, JOB_MOUNT_DIR, rw[i], tag, rw[i], false);
	}
	return r;
}

/* Where the root has them already there is nothing to do. */
static int add_modules(struct exec_plan *p)
{
	char *at cleanup_free = NULL;
	char *have cleanup_free = NULL;
	char *dir cleanup_free = NULL;
	char *seen cleanup_free = NULL;

	if (!p->kernel.modules)
		return 0;
	if (asprintf(&at, "/lib/modules/%s", p->kernel.version) < 0 ||
	    asprintf(&have, "%s%s", p->cfg->root ? p->cfg->root : "", at) < 0)
		return out_of_memory();
	dir = realpath(p->kernel.modules, NULL);
	seen = realpath(have, NULL);
	if (!dir || (seen && !strcmp(dir, seen)))
		return 0;
	return add_dir(p, JOB_MOUNT_DIR, dir, "wherry-modules", at, true);
}

int exec_plan_mounts(struct exec_plan *p)
{
	char *rw[EXEC_MAX_RW + 1] = { NULL };
	int r = 0;

	p->job.mounts = calloc(EXEC_MAX_MOUNTS, sizeof(*p->job.mounts));
	if (!p->job.mounts)
		return out_of_memory();
	for (unsigned int i = 0; !r && i < p->cfg->nr_rw; i++)
		r = resolve_rw(p->cfg->rw[i], &rw[i]);
	if (!r)
		r = check_cwd(p, rw);
	if (!r)
		r = add_root(p);
	if (!r)
		r = add_overlay(p);
	if (!r)
		r = add_tmp(p, rw);
	if (!r)
		r = add_modules(p);
	if (!r)
		r = add_rw(p, rw);
	for (unsigned int i = 0; rw[i]; i++)
		free(rw[i]);
	return r;
}
