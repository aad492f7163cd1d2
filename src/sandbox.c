// SPDX-License-Identifier: BSD-2-Clause
/*
 * sandbox - confinement: capabilities, limits, seccomp. Owns nothing that
 * lasts; what it takes away cannot be given back. The calls that remain are
 * listed in sandbox-calls.c, the ioctls beside those who make them.
 */
#include "sandbox.h"

#include <cap-ng.h>
#include <dirent.h>
#include <errno.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "log.h"
#include "sandbox-calls.h"
#include "util.h"

/* Interrupt vectors get their eventfds when a guest unmasks them: 2048 for
 * each function that can be assigned, and some. */
#define NOFILE_MARGIN 65536

static int failed(const char *what, int r)
{
	log_err("sandbox: %s: %s; see --sandbox off", what, strerror(-r));
	return r;
}

/* The highest open descriptor, or -errno. */
static int highest_fd(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int fd, max = 0;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		fd = atoi(entry->d_name); /* 0 for . and .. */
		max = MAX(max, fd);
	}
	closedir(dir);
	return max;
}

/* As many descriptors as this VM can come to need, and no more. */
static int limit_files(enum sandbox_mode mode)
{
	struct rlimit lim;
	rlim_t need;
	int max = highest_fd();

	/* Where there is no /proc the hard limit has to do. */
	if (max < 0 && (max != -ENOENT || mode == SANDBOX_STRICT))
		return failed("/proc/self/fd", max);
	need = max < 0 ? RLIM_INFINITY : (rlim_t)max + 1 + NOFILE_MARGIN;
	if (getrlimit(RLIMIT_NOFILE, &lim))
		return failed("RLIMIT_NOFILE", -errno);
	/* The hard limit may be smaller: then that is it. */
	lim.rlim_max = MIN(lim.rlim_max, need);
	lim.rlim_cur = lim.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &lim))
		return failed("RLIMIT_NOFILE", -errno);
	return 0;
}

int sandbox_process(enum sandbox_mode mode)
{
	const struct rlimit none = { 0, 0 };

	if (mode == SANDBOX_OFF) {
		log_notice("the sandbox is off: nothing confines this VM");
		return 0;
	}
	if (mode == SANDBOX_LOG)
		log_notice("the sandbox only logs: forbidden system calls "
			   "succeed");
	/* Guest memory and device secrets stay out of core files, and other
	 * processes of this user out of ours. */
	if (setrlimit(RLIMIT_CORE, &none))
		return failed("RLIMIT_CORE", -errno);
	if (prctl(PR_SET_DUMPABLE, 0))
		return failed("PR_SET_DUMPABLE", -errno);
	return limit_files(mode);
}

/*
 * Of this thread, for capabilities and no-new-privileges are each thread's
 * own. The bounding set can be emptied only with CAP_SETPCAP; without it
 * no-new-privileges sees to it that nothing is ever gained.
 */
static int drop_privileges(void)
{
	bool may_bound;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return failed("PR_SET_NO_NEW_PRIVS", -errno);
	if (capng_get_caps_process())
		return failed("capabilities cannot be read", -EIO);
	may_bound = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	capng_clear(CAPNG_SELECT_ALL);
	if (may_bound && capng_apply(CAPNG_SELECT_BOUNDS))
		return failed("capability bounding set", -EPERM);
	if (capng_apply(CAPNG_SELECT_CAPS) ||
	    capng_apply(CAPNG_SELECT_AMBIENT) || capng_get_caps_process() ||
	    capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE)
		return failed("capabilities cannot be dropped", -EPERM);
	return 0;
}

/* libseccomp says -EEXIST where two lists name the same. */
static int allow(scmp_filter_ctx ctx, uint32_t action, int nr,
		 const struct scmp_arg_cmp *cmp, unsigned int nr_cmp)
{
	int r = seccomp_rule_add_array(ctx, action, nr, nr_cmp, cmp);

	return r == -EEXIST ? 0 : r;
}

static int add_calls(scmp_filter_ctx ctx, uint32_t action,
		     enum sandbox_thread kind, const struct sandbox_call *calls,
		     size_t nr_calls)
{
	const struct sandbox_call *c;
	size_t i;
	int r = 0;

	for (i = 0; !r && i < nr_calls; i++) {
		c = &calls[i];
		struct scmp_arg_cmp cmp = {
			.arg = c->arg,
			.op = SCMP_CMP_MASKED_EQ,
			.datum_a = c->mask,
			.datum_b = c->value,
		};

		if (c->check == ARG_OWN_PID) {
			cmp.datum_a = UINT32_MAX;
			cmp.datum_b = (uint32_t)getpid();
		}
		if ((c->threads & kind) && c->nr >= 0)
			r = allow(ctx, action, c->nr, &cmp,
				  c->check != ARG_ANY);
	}
	return r;
}

/* The kernel looks at 32 bits of a request, so the filter does. */
static int add_ioctls(scmp_filter_ctx ctx, enum sandbox_thread kind,
		      const struct sandbox_ioctls *list)
{
	struct scmp_arg_cmp cmp = {
		.arg = 1,
		.op = SCMP_CMP_MASKED_EQ,
		.datum_a = UINT32_MAX,
	};
	bool any = false;
	size_t i;
	int r = 0;

	for (i = 0; !r && i < list->nr; i++) {
		cmp.datum_b = (uint32_t)list->table[i].request;
		if (!(list->table[i].threads & kind))
			continue;
		any = true;
		r = allow(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), &cmp, 1);
	}
	/* KVM_RUN is what a guest waits for.  Not without a rule: the filter
	 * that libseccomp 2.5 makes then may allow nothing at all, where ioctl
	 * has a low number. */
	if (!r && any)
		r = seccomp_syscall_priority(ctx, SCMP_SYS(ioctl), 255);
	return r;
}

static int fill_filter(scmp_filter_ctx ctx, uint32_t action,
		       enum sandbox_thread kind,
		       const struct sandbox_ioctls *lists, size_t nr_lists)
{
	size_t i;
	int r;

	r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, action);
	if (!r)
		r = add_calls(ctx, SCMP_ACT_ALLOW, kind, sandbox_calls,
			      sandbox_nr_calls);
	if (!r && action != SCMP_ACT_LOG)
		r = add_calls(ctx, SCMP_ACT_ERRNO(EPERM), kind, sandbox_refused,
			      sandbox_nr_refused);
	for (i = 0; !r && i < nr_lists; i++)
		r = add_ioctls(ctx, kind, &lists[i]);
	return r;
}

int sandbox_thread(enum sandbox_mode mode, enum sandbox_thread kind,
		   const struct sandbox_ioctls *lists, size_t nr_lists)
{
	uint32_t action = mode == SANDBOX_LOG ? SCMP_ACT_LOG :
						SCMP_ACT_KILL_PROCESS;
	scmp_filter_ctx ctx;
	int r;

	if (mode == SANDBOX_OFF)
		return 0;
	r = drop_privileges();
	if (r)
		return r;
	ctx = seccomp_init(action);
	if (!ctx)
		return failed("seccomp", -ENOMEM);
	r = fill_filter(ctx, action, kind, lists, nr_lists);
	if (!r)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	return r ? failed("seccomp", r) : 0;
}
