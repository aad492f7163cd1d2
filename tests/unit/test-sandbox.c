// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-sandbox - what else confinement takes: capabilities, as root and as
 * nobody, and limits; and that its failures are fatal.
 */
#include "harness.h"

#include <cap-ng.h>
#include <dirent.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "capture.h"
#include "sandbox-fixture.h"

/* The value of a line of this process's status, as text. */
static void read_status(const char *key, char *value, size_t size)
{
	FILE *f = fopen("/proc/thread-self/status", "r");
	size_t n = strlen(key);
	char line[256];

	CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, key, n) || line[n] != ':')
			continue;
		line[strcspn(line, "\n")] = 0;
		snprintf(value, size, "%s", line + n + 1 + 1);
		fclose(f);
		return;
	}
	CHECK(!"no such key");
}

static void check_status(const char *key, const char *expected)
{
	char value[64];

	read_status(key, value, sizeof(value));
	if (!strcmp(value, expected))
		return;
	fprintf(stderr, "# %s is %s, not %s\n", key, value, expected);
	_exit(CHILD_FAILED);
}

#define NO_CAPS "0000000000000000"

static void check_caps(void)
{
	check_status("CapInh", NO_CAPS);
	check_status("CapPrm", NO_CAPS);
	check_status("CapEff", NO_CAPS);
	check_status("CapAmb", NO_CAPS);
	check_status("NoNewPrivs", "1");
	check_status("Seccomp", "2");
	CHECK(prctl(PR_GET_DUMPABLE) == 0);
}

static void check_caps_and_bounds(void)
{
	check_caps();
	check_status("CapBnd", NO_CAPS);
}

static void needs_root(void)
{
	if (geteuid())
		skip_because("needs root");
}

static void capabilities_of_root(void **state)
{
	(void)state;
	needs_confinement();
	needs_root();
	assert_status_passed(
		confined(SANDBOX_LOG, SANDBOX_VCPU, 0, check_caps_and_bounds));
}

static void capabilities_of_user(void **state)
{
	(void)state;
	needs_confinement();
	assert_status_passed(confined(SANDBOX_LOG, SANDBOX_VCPU,
				      geteuid() ? 0 : NOBODY, check_caps));
}

static void become_partly_capable(void)
{
	capng_clear(CAPNG_SELECT_ALL);
	CHECK(!capng_update(CAPNG_ADD,
			    CAPNG_EFFECTIVE | CAPNG_PERMITTED |
				    CAPNG_INHERITABLE,
			    CAP_IPC_LOCK));
	CHECK(!capng_apply(CAPNG_SELECT_CAPS));
	CHECK(!prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_IPC_LOCK, 0, 0));
}

/* As systemd's AmbientCapabilities= leave it: some, but not CAP_SETPCAP. */
static void capabilities_without_setpcap(void **state)
{
	int wstatus;
	pid_t pid;

	(void)state;
	needs_confinement();
	needs_root();
	pid = fork();
	if (!pid) {
		become_partly_capable();
		CHECK(!sandbox_thread(SANDBOX_LOG, SANDBOX_VCPU, NULL, 0));
		check_status("CapInh", NO_CAPS);
		check_status("CapPrm", NO_CAPS);
		check_status("CapEff", NO_CAPS);
		check_status("CapAmb", NO_CAPS);
		_exit(PASSED);
	}
	assert_int_equal(waitpid(pid, &wstatus, 0), pid);
	assert_status_passed(wstatus);
}

static void check_limits(void)
{
	struct rlimit lim;

	CHECK(!getrlimit(RLIMIT_CORE, &lim));
	CHECK(lim.rlim_cur == 0 && lim.rlim_max == 0);
	CHECK(!getrlimit(RLIMIT_NOFILE, &lim));
	CHECK(lim.rlim_cur == lim.rlim_max);
	CHECK(lim.rlim_max <= 100 + 1 + 65536);
}

static void in_child(void (*fn)(void))
{
	int wstatus;
	pid_t pid = fork();

	if (!pid) {
		fn();
		_exit(PASSED);
	}
	assert_int_equal(waitpid(pid, &wstatus, 0), pid);
	assert_status_passed(wstatus);
}

static void limit_all(void)
{
	CHECK(dup2(2, 100) == 100);
	CHECK(!sandbox_process(SANDBOX_ON));
	check_limits();
}

static void limit_little(void)
{
	struct rlimit lim = { 32, 256 };

	CHECK(!setrlimit(RLIMIT_NOFILE, &lim));
	CHECK(!sandbox_process(SANDBOX_ON));
	check_limits();
	CHECK(!getrlimit(RLIMIT_NOFILE, &lim));
	CHECK(lim.rlim_cur == 256);
}

static void off_changes_nothing(void)
{
	struct rlimit lim = { 32, 256 };

	CHECK(!setrlimit(RLIMIT_NOFILE, &lim));
	CHECK(!sandbox_process(SANDBOX_OFF));
	CHECK(!sandbox_thread(SANDBOX_OFF, SANDBOX_LOOP, NULL, 0));
	CHECK(!getrlimit(RLIMIT_NOFILE, &lim));
	CHECK(lim.rlim_cur == 32);
	check_status("NoNewPrivs", "0");
	check_status("Seccomp", "0");
	CHECK(prctl(PR_GET_DUMPABLE) == 1);
}

static void limits(void **state)
{
	(void)state;
	in_child(limit_all);
	in_child(limit_little);
}

static void off_is_off(void **state)
{
	struct capture c;

	(void)state;
	capture_begin(&c);
	in_child(off_changes_nothing);
	assert_string_equal(capture_end(&c), "wherry: notice: the sandbox is "
					     "off: nothing confines this VM\n");
}

/* Failures that a kernel would have to be built for. */
static int fail_load, fail_setrlimit;

int __wrap_seccomp_load(scmp_filter_ctx ctx);
int __real_seccomp_load(scmp_filter_ctx ctx);
int __wrap_seccomp_load(scmp_filter_ctx ctx)
{
	return fail_load ? fail_load : __real_seccomp_load(ctx);
}

int __wrap_setrlimit(int resource, const struct rlimit *lim);
int __real_setrlimit(int resource, const struct rlimit *lim);
int __wrap_setrlimit(int resource, const struct rlimit *lim)
{
	if (fail_setrlimit != resource + 1)
		return __real_setrlimit(resource, lim);
	errno = EPERM;
	return -1;
}

static bool no_proc;

DIR *__wrap_opendir(const char *path);
DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path)
{
	if (!no_proc)
		return __real_opendir(path);
	errno = ENOENT;
	return NULL;
}

static void insist(void)
{
	CHECK(!sandbox_process(SANDBOX_STRICT));
	no_proc = true;
	CHECK(!sandbox_process(SANDBOX_ON));
	CHECK(sandbox_process(SANDBOX_STRICT) == -ENOENT);
}

static void strict_insists(void **state)
{
	struct capture c;

	(void)state;
	capture_begin(&c);
	in_child(insist);
	assert_string_equal(capture_end(&c),
			    "wherry: sandbox: /proc/self/fd: No such file or "
			    "directory; see --sandbox off\n");
}

static void provoke_failures(void)
{
	fail_load = -EINVAL;
	CHECK(sandbox_thread(SANDBOX_ON, SANDBOX_LOOP, NULL, 0) == -EINVAL);
	fail_setrlimit = RLIMIT_CORE + 1;
	CHECK(sandbox_process(SANDBOX_ON) == -EPERM);
	fail_setrlimit = RLIMIT_NOFILE + 1;
	CHECK(sandbox_process(SANDBOX_ON) == -EPERM);
}

static void failures_are_fatal(void **state)
{
	(void)state;
	in_child(provoke_failures);
}

int main(void)
{
#define T(f) cmocka_unit_test(f)
	const struct CMUnitTest tests[] = {
		T(capabilities_of_root),
		T(capabilities_of_user),
		T(capabilities_without_setpcap),
		T(limits),
		T(off_is_off),
		T(strict_insists),
		T(failures_are_fatal),
	};

	return run_all(tests);
}
