// SPDX-License-Identifier: BSD-2-Clause
/*
 * exec-plan - completes what the command line left open by what the host has,
 * and makes the job of it. Owns the kernel's modules and the job.
 */
#include "exec-plan.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "fd.h"
#include "guest-init.h"
#include "initramfs.h"
#include "log.h"
#include "util.h"

#define MAX_MEMORY GIB(8)
#define MEMORY_UNIT MIB(2)

static int out_of_memory(void)
{
	log_err("exec: out of memory");
	return -ENOMEM;
}

/* Half of what is available, for the host goes on with its own work. */
static int choose_memory(struct memory_config *mem)
{
	uint64_t available;
	int r;

	if (mem->bytes != EXEC_MEMORY_DEFAULT)
		return 0;
	r = exec_memory_available("", &available);
	if (!r)
		mem->bytes =
			align_down(MIN(available / 2, MAX_MEMORY), MEMORY_UNIT);
	return r;
}

static void choose_cpus(struct cpus_config *cpus)
{
	cpu_set_t set;

	if (cpus->nr != EXEC_CPUS_DEFAULT)
		return;
	cpus->nr = 1;
	if (!sched_getaffinity(0, sizeof(set), &set))
		cpus->nr = MIN((unsigned int)CPU_COUNT(&set), CONFIG_MAX_CPUS);
}

/* What was given comes last: it has the last word. */
static int choose_append(struct exec_config *cfg)
{
	char *text;

	if (asprintf(&text,
		     "console=ttyS0 panic=-1 rdinit=/init random.trust_cpu=on "
		     "8250.nr_uarts=1%s%s%s",
		     cfg->verbose ? "" : " quiet", *cfg->run.append ? " " : "",
		     cfg->run.append) < 0)
		return out_of_memory();
	free(cfg->run.append);
	cfg->run.append = text;
	return 0;
}

static int choose_kernel(struct exec_plan *p)
{
	/* What reaches the root, and what the control port hangs on. */
	const char *const needed[] = { "virtio_pci", "virtio_console",
				       "virtiofs",   "overlay",
				       "virtio_blk", p->image_type };
	struct run_config *run = &p->cfg->run;
	size_t nr = ARRAY_SIZE(needed) - !run->nr_disks - !p->image_type;
	struct utsname host;
	int r;

	if (uname(&host)) {
		log_err("uname: %s", strerror(errno));
		return -EINVAL;
	}
	r = kernel_find(&p->kernel, run->kernel, host.release, "");
	if (!r)
		r = modules_collect(&p->modules, &p->kernel, needed, nr);
	if (r)
		return r;
	free(run->kernel);
	run->kernel = strdup(p->kernel.image);
	return run->kernel ? 0 : out_of_memory();
}

static size_t length_of(char *const *list)
{
	size_t n = 0;

	while (list[n])
		n++;
	return n;
}

static int set_argv(struct exec_plan *p)
{
	char *shell = getenv("SHELL");
	char sh[] = "/bin/sh";
	char *const interactive[] = { shell && *shell ? shell : sh, NULL };
	char *const *argv = *p->cfg->argv ? p->cfg->argv : interactive;
	size_t nr = length_of(argv);

	p->job.argv = calloc(nr + 1, sizeof(*argv));
	if (!p->job.argv)
		return out_of_memory();
	for (size_t i = 0; i < nr; i++) {
		p->job.argv[i] = strdup(argv[i]);
		if (!p->job.argv[i])
			return out_of_memory();
	}
	return 0;
}

/* Of the same name as "NAME=VALUE". */
static bool same_variable(const char *a, const char *b)
{
	size_t n = strcspn(b, "=");

	return !strncmp(a, b, n) && a[n] == '=';
}

/* What names things that the guest does not have, or is about its host's user
 * when another one is asked for. */
static bool is_dropped(const char *var, bool other_user)
{
	static const char *const dropped[] = {
		"TMPDIR=",	    "XDG_RUNTIME_DIR=",
		"LISTEN_FDS=",	    "LISTEN_FDNAMES=",
		"LISTEN_PID=",	    "NOTIFY_SOCKET=",
		"SSH_AUTH_SOCK=",   "DBUS_SESSION_BUS_ADDRESS=",
		"WAYLAND_DISPLAY=", "DISPLAY=",
	};
	static const char *const users[] = { "HOME=", "USER=", "LOGNAME=",
					     "SHELL=", "MAIL=" };

	for (size_t i = 0; i < ARRAY_SIZE(dropped); i++)
		if (same_variable(var, dropped[i]))
			return true;
	for (size_t i = 0; other_user && i < ARRAY_SIZE(users); i++)
		if (same_variable(var, users[i]))
			return true;
	return false;
}

static int add_variable(char **env, size_t *nr, const char *var)
{
	size_t i;

	for (i = 0; i < *nr; i++)
		if (same_variable(env[i], var))
			break;
	free(env[i]);
	env[i] = strdup(var);
	if (!env[i])
		return out_of_memory();
	*nr = MAX(*nr, i + 1);
	return 0;
}

/* Ours but for some, and what was asked for. */
static int set_env(struct exec_plan *p)
{
	const struct exec_config *cfg = p->cfg;
	size_t nr = 0;
	char **env = calloc(length_of(environ) + cfg->nr_env + 3, sizeof(*env));
	char own[32];
	int r = env ? 0 : out_of_memory();

	p->job.env = env;
	for (char **v = environ; !r && *v; v++)
		if (!is_dropped(*v, cfg->user || geteuid()))
			r = add_variable(env, &nr, *v);
	/* git, for one, trusts root with the trees of who called sudo. */
	if (!r && !cfg->user && getuid()) {
		snprintf(own, sizeof(own), "SUDO_UID=%u", getuid());
		r = add_variable(env, &nr, own);
	}
	if (!r && !cfg->user && getuid()) {
		snprintf(own, sizeof(own), "SUDO_GID=%u", getgid());
		r = add_variable(env, &nr, own);
	}
	for (unsigned int i = 0; !r && i < cfg->nr_env; i++)
		r = add_variable(env, &nr, cfg->env[i]);
	return r;
}

static int set_cwd(struct exec_plan *p)
{
	const struct exec_config *cfg = p->cfg;
	const char *cwd = cfg->cwd;
	int r;

	if (cwd && *cwd != '/' && cfg->root) {
		log_err("--cwd: %s: with --root, a path from / on is needed",
			cwd);
		return -EINVAL;
	}
	if (cwd && cfg->root)
		p->job.cwd = strdup(cwd);
	else if (cfg->root)
		p->job.cwd = strdup("/");
	else
		p->job.cwd = realpath(cwd ? cwd : ".", NULL);
	if (p->job.cwd)
		return 0;
	r = -errno;
	if (cwd)
		log_err("--cwd: %s: %s; name a directory", cwd, strerror(-r));
	else
		log_err("the current directory: %s; start in another, or name "
			"one by --cwd",
			strerror(-r));
	return r;
}

static int set_limits(struct job *job)
{
	job->limits = calloc(RLIM_NLIMITS, sizeof(*job->limits));
	if (!job->limits)
		return out_of_memory();
	for (unsigned int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit l;

		if (getrlimit((int)i, &l))
			continue;
		job->limits[job->nr_limits++] = (struct job_limit){
			.resource = i,
			.soft = l.rlim_cur,
			.hard = l.rlim_max,
		};
	}
	return 0;
}

static int set_modules(struct exec_plan *p)
{
	p->job.modules = calloc(p->modules.nr + 1, sizeof(char *));
	if (!p->job.modules)
		return out_of_memory();
	for (size_t i = 0; i < p->modules.nr; i++)
		if (asprintf(&p->job.modules[i], "/modules/%s.ko",
			     p->modules.list[i].name) < 0) {
			p->job.modules[i] = NULL;
			return out_of_memory();
		}
	return 0;
}

static int set_rest(struct exec_plan *p)
{
	struct timespec now;
	struct job *job = &p->job;

	clock_gettime(CLOCK_REALTIME, &now);
	job->made_us =
		(uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	job->umask = umask(0);
	umask(job->umask);
	job->hostname = strdup(p->cfg->run.name);
	job->user = strdup(p->cfg->user ? p->cfg->user : "root");
	return job->hostname && job->user ? 0 : out_of_memory();
}

int exec_plan_init(struct exec_plan *p, struct exec_config *cfg)
{
	int r;

	*p = (struct exec_plan){ .cfg = cfg, .overlay_fd = -1 };
	choose_cpus(&cfg->run.cpus);
	r = choose_memory(&cfg->run.memory);
	if (!r)
		r = choose_append(cfg);
	if (!r)
		r = exec_plan_root(p);
	if (!r)
		r = choose_kernel(p);
	if (!r)
		r = set_argv(p);
	if (!r)
		r = set_env(p);
	if (!r)
		r = set_cwd(p);
	if (!r)
		r = set_limits(&p->job);
	if (!r)
		r = set_modules(p);
	if (!r)
		r = set_rest(p);
	return r ? r : exec_plan_mounts(p);
}

static int write_modules(const struct exec_plan *p, struct initramfs *a)
{
	int r = initramfs_dir(a, "/modules", 0700);

	for (size_t i = 0; !r && i < p->modules.nr; i++)
		r = initramfs_file(a, p->job.modules[i], 0600,
				   p->modules.list[i].data,
				   p->modules.list[i].len_bytes);
	return r;
}

int exec_plan_initramfs(const struct exec_plan *p)
{
	struct initramfs *a = NULL;
	void *job cleanup_free = NULL;
	size_t len = 0;
	int r = job_encode(&p->job, &job, &len);

	if (r) {
		log_err("the command, its arguments and its environment are "
			"too long: %s",
			strerror(-r));
		return r;
	}
	r = initramfs_create(&a);
	if (!r)
		r = initramfs_dir(a, "/dev", 0755);
	if (!r)
		r = initramfs_device(a, "/dev/console", 0600, 5, 1);
	if (!r)
		r = initramfs_file(a, "/init", 0755, guest_init_start,
				   (uintptr_t)guest_init_end -
					   (uintptr_t)guest_init_start);
	if (!r)
		r = initramfs_file(a, JOB_FILE, 0600, job, len);
	if (!r)
		r = write_modules(p, a);
	if (!r)
		r = initramfs_finish(a);
	initramfs_destroy(a);
	return r;
}

void exec_plan_fini(struct exec_plan *p)
{
	free(p->root);
	fd_close(&p->overlay_fd);
	job_fini(&p->job);
	modules_fini(&p->modules);
	kernel_fini(&p->kernel);
}
