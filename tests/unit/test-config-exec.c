// SPDX-License-Identifier: BSD-2-Clause
/* The command line of wherry exec, good and bad. */
#include "harness.h"

#include <errno.h>

#include "capture.h"
#include "config-exec.h"
#include "options.h"
#include "util.h"

#define MAX_ARGS 16

/* exec with these words; what was said is in c. */
static int parse(const char *const *words, struct exec_config **cfg,
		 char **argv, struct capture *c)
{
	int argc = 1, r;

	argv[0] = (char *)"exec";
	for (; words[argc - 1]; argc++)
		argv[argc] = (char *)words[argc - 1];
	argv[argc] = NULL;
	*cfg = NULL;
	capture_begin(c);
	r = config_parse_exec(cfg, argc, argv);
	capture_end(c);
	return r;
}

static void stops_at_the_command(void **state)
{
	const char *words[] = { "--rw", ".",	       "-v",   "-m",
				"1G",	"--env=A=b=c", "make", "--help",
				"--",	"-k",	       NULL };
	char *argv[MAX_ARGS];
	struct exec_config *cfg;
	struct capture c;

	(void)state;
	assert_int_equal(parse(words, &cfg, argv, &c), 0);
	assert_int_equal(cfg->nr_rw, 1);
	assert_string_equal(cfg->rw[0], ".");
	assert_true(cfg->verbose);
	assert_int_equal(cfg->run.memory.bytes, GIB(1));
	assert_int_equal(cfg->nr_env, 1);
	assert_string_equal(cfg->env[0], "A=b=c");
	assert_string_equal(cfg->argv[0], "make");
	assert_string_equal(cfg->argv[1], "--help");
	assert_string_equal(cfg->argv[2], "--");
	assert_string_equal(cfg->argv[3], "-k");
	assert_null(cfg->argv[4]);
	config_destroy_exec(cfg);
}

static void takes_dashes_for_the_end(void **state)
{
	const char *words[] = { "--", "--", "x", NULL };
	char *argv[MAX_ARGS];
	struct exec_config *cfg;
	struct capture c;

	(void)state;
	assert_int_equal(parse(words, &cfg, argv, &c), 0);
	assert_string_equal(cfg->argv[0], "--");
	assert_string_equal(cfg->argv[1], "x");
	config_destroy_exec(cfg);
}

/* The host's root is what it is without the option, but for how it is cached. */
static void root_has_a_cache(void **state)
{
	const char *host[] = { "--root", "/,cache=always", "make", NULL };
	const char *other[] = { "--root=/srv/a,,b,cache=none", "make", NULL };
	char *argv[MAX_ARGS];
	struct exec_config *cfg;
	struct capture c;

	(void)state;
	assert_int_equal(parse(host, &cfg, argv, &c), 0);
	assert_null(cfg->root);
	assert_int_equal(cfg->root_cache, CONFIG_CACHE_AUTO + 1);
	config_destroy_exec(cfg);
	assert_int_equal(parse(other, &cfg, argv, &c), 0);
	assert_string_equal(cfg->root, "/srv/a,b");
	assert_int_equal(cfg->root_cache, CONFIG_CACHE_AUTO - 1);
	config_destroy_exec(cfg);
}

static void has_defaults(void **state)
{
	const char *words[] = { NULL };
	char *argv[MAX_ARGS];
	struct exec_config *cfg;
	struct capture c;

	(void)state;
	assert_int_equal(parse(words, &cfg, argv, &c), 0);
	assert_null(cfg->argv[0]);
	assert_int_equal(cfg->root_cache, CONFIG_CACHE_AUTO);
	assert_null(cfg->run.kernel);
	assert_int_equal(cfg->run.memory.bytes, EXEC_MEMORY_DEFAULT);
	assert_int_equal(cfg->run.cpus.nr, EXEC_CPUS_DEFAULT);
	assert_int_equal(cfg->run.on_reboot, REBOOT_EXIT);
	assert_int_equal(cfg->run.grace_ms, 0);
	assert_int_equal(cfg->repeat, 1);
	config_destroy_exec(cfg);
}

static void refuses(void **state)
{
	static const struct {
		const char *words[MAX_ARGS];
		const char *said;
	} bad[] = {
		{ { "--env", "PATH" }, "--env: PATH: not NAME=VALUE" },
		{ { "--env", "=x" }, "--env: =x: not NAME=VALUE" },
		{ { "--console", "stdio" }, "use --guest-log FILE" },
		{ { "--initrd", "x" }, "exec makes its own" },
		{ { "--on-reboot", "restart" }, "a command runs once" },
		{ { "--repeat", "2", "--stats", "s", "true" },
		  "of one run; leave them out" },
		{ { "--repeat", "2" }, "nothing to repeat" },
		{ { "--repeat", "0", "true" }, "--repeat" },
		{ { "--memory", "1M", "true" }, "too small" },
		{ { "--rv", "." }, "did you mean --rw?" },
		{ { "--root", "" }, "--root" },
		{ { "--root", "/,cache=ever" }, "always" },
		{ { "--root", "/a,ro" }, "no such key" },
		{ { "--user=" }, "--user" },
		{ { "--cwd" }, "its value is missing" },
		{ { "--dry-run=1" }, "takes no value" },
		{ { "--root", "/a", "--root", "/b" }, "given twice" },
	};
	char *argv[MAX_ARGS];
	struct exec_config *cfg;
	struct capture c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(parse(bad[i].words, &cfg, argv, &c), -EINVAL);
		assert_non_null(strstr(c.text, bad[i].said));
		assert_null(cfg);
	}
}

static void bounds_directories(void **state)
{
	const char *words[2 * EXEC_MAX_RW + 3];
	char *argv[2 * EXEC_MAX_RW + 4];
	struct exec_config *cfg;
	struct capture c;
	size_t n = 0;

	(void)state;
	while (n < 2 * EXEC_MAX_RW) {
		words[n++] = "--rw";
		words[n++] = "/";
	}
	words[n] = NULL;
	assert_int_equal(parse(words, &cfg, argv, &c), 0);
	config_destroy_exec(cfg);
	words[n++] = "--rw";
	words[n++] = "/one-more";
	words[n] = NULL;
	assert_int_equal(parse(words, &cfg, argv, &c), -EINVAL);
	assert_non_null(strstr(c.text, "/one-more: one too many"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stops_at_the_command),
		cmocka_unit_test(takes_dashes_for_the_end),
		cmocka_unit_test(has_defaults),
		cmocka_unit_test(root_has_a_cache),
		cmocka_unit_test(refuses),
		cmocka_unit_test(bounds_directories),
	};

	return run_all(tests);
}
