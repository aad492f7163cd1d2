// SPDX-License-Identifier: BSD-2-Clause
/* test-exec-defaults - what a command has that was not asked for. */
#include "harness.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "capture.h"
#include "exec-plan.h"
#include "fixture.h"
#include "util.h"

#define MAX_WORDS 16

static struct exec_config *cfg;
static struct exec_plan plan;

/* What `wherry exec --kernel K WORD...` makes of this host. */
static void plan_of(const char *const *words)
{
	static char *argv[MAX_WORDS];
	static char kernel[PATH_MAX];
	char exec[] = "exec", option[] = "--kernel";
	int nr = 0;

	fx_file("/k/vmlinuz", "Linux version 6.1.0-test (x)");
	argv[nr++] = exec;
	argv[nr++] = option;
	argv[nr++] = (char *)fx_path(kernel, "/k/vmlinuz");
	while (*words)
		argv[nr++] = (char *)(uintptr_t)*words++;
	argv[nr] = NULL;
	assert_int_equal(config_parse_exec(&cfg, nr, argv), 0);
	assert_int_equal(exec_plan_init(&plan, cfg), 0);
}

#define PLAN(...) plan_of((const char *const[]){ __VA_ARGS__, NULL })

static int end(void **state)
{
	(void)state;
	exec_plan_fini(&plan);
	config_destroy_exec(cfg);
	return 0;
}

static bool has(const char *variable)
{
	for (char **v = plan.job.env; *v; v++)
		if (!strcmp(*v, variable))
			return true;
	return false;
}

static bool has_any(const char *name)
{
	for (char **v = plan.job.env; *v; v++)
		if (!strncmp(*v, name, strlen(name)))
			return true;
	return false;
}

static void no_command_is_a_shell(void **state)
{
	setenv("SHELL", "/opt/my shell", 1);
	PLAN("--cpus", "1");
	assert_string_equal(plan.job.argv[0], "/opt/my shell");
	assert_null(plan.job.argv[1]);
	end(state);
	setenv("SHELL", "", 1);
	PLAN("--cpus", "1");
	assert_string_equal(plan.job.argv[0], "/bin/sh");
	assert_null(plan.job.argv[1]);
}

static void a_command_is_no_shell(void **state)
{
	(void)state;
	PLAN("--", "echo", "$HOME  *");
	assert_string_equal(plan.job.argv[0], "echo");
	assert_string_equal(plan.job.argv[1], "$HOME  *");
	assert_null(plan.job.argv[2]);
}

/* A panic is to be an end, at once, however early. */
static void kernels_do_not_wait_after_a_panic(void **state)
{
	(void)state;
	PLAN("--append", "mine panic=5", "--", "true");
	assert_non_null(strstr(cfg->run.append, " panic=-1 "));
	assert_non_null(strstr(cfg->run.append, " quiet "));
	/* Who says otherwise has the last word. */
	assert_non_null(strstr(cfg->run.append, " mine panic=5"));
	assert_true(strstr(cfg->run.append, "panic=5") >
		    strstr(cfg->run.append, "panic=-1"));
}

static void kernels_are_loud_with_v(void **state)
{
	(void)state;
	PLAN("-v", "--", "true");
	assert_null(strstr(cfg->run.append, "quiet"));
}

static void all_cpus_and_half_of_the_memory(void **state)
{
	uint64_t available = 0;
	cpu_set_t set;

	(void)state;
	PLAN("true");
	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	assert_int_equal(cfg->run.cpus.nr,
			 MIN((unsigned int)CPU_COUNT(&set), CONFIG_MAX_CPUS));
	assert_int_equal(exec_memory_available("", &available), 0);
	assert_true(cfg->run.memory.bytes <= GIB(8));
	assert_int_equal(cfg->run.memory.bytes % MIB(2), 0);
	/* Others take and give meanwhile. */
	assert_true(cfg->run.memory.bytes >= MIN(available / 4, GIB(8)));
	assert_true(cfg->run.memory.bytes <= available / 4 * 3);
	assert_false(cfg->run.memory.prealloc);
}

static void environment_is_passed_on(void **state)
{
	(void)state;
	setenv("KEPT", "two\nlines", 1);
	setenv("CHANGED", "before", 1);
	setenv("TMPDIR", "/none", 1);
	setenv("HOME", "/mine", 1);
	PLAN("--user", "1000", "--env", "CHANGED=after", "--env",
	     "ADDED=", "--env", "HOME=/theirs", "--", "true");
	assert_true(has("KEPT=two\nlines"));
	assert_true(has("CHANGED=after"));
	assert_false(has("CHANGED=before"));
	assert_true(has("ADDED="));
	/* What names things of the host's, or another user's. */
	assert_false(has_any("TMPDIR="));
	assert_false(has("HOME=/mine"));
	assert_true(has("HOME=/theirs"));
	assert_false(has_any("SUDO_UID="));
}

static void surroundings_are_the_callers(void **state)
{
	char here[PATH_MAX];
	mode_t old = umask(027);

	(void)state;
	PLAN("--name", "guest1", "true");
	assert_int_equal(plan.job.umask, 027);
	assert_int_equal(umask(old), 027);
	assert_string_equal(plan.job.hostname, "guest1");
	assert_string_equal(plan.job.user, "root");
	assert_non_null(getcwd(here, sizeof(here)));
	assert_string_equal(plan.job.cwd, here);
	assert_int_equal(plan.job.nr_limits, RLIM_NLIMITS);
	/* All that the kernel needs is built in, or it says so. */
	assert_null(plan.job.modules[0]);
}

int main(void)
{
#define T(f) cmocka_unit_test_teardown(f, end)
	const struct CMUnitTest tests[] = {
		T(no_command_is_a_shell),
		T(a_command_is_no_shell),
		T(kernels_do_not_wait_after_a_panic),
		T(kernels_are_loud_with_v),
		T(all_cpus_and_half_of_the_memory),
		T(environment_is_passed_on),
		T(surroundings_are_the_callers),
	};

	return run_all_with(tests, fixture_setup, fixture_teardown);
}
