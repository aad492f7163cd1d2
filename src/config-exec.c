// SPDX-License-Identifier: BSD-2-Clause
/*
 * config-exec - the options of `wherry exec`: those of run, its own, and what
 * of them makes no sense for a command. Opens nothing.
 */
#include "config-exec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config-board.h"
#include "config-run.h"
#include "config-share.h"
#include "log.h"
#include "options.h"
#include "util.h"

#define DEFAULT_WATCHDOG_MS 60000

static int set_root_path(void *ctx, const char *option, const char *value)
{
	struct exec_config *cfg = ctx;

	return option_string(option, value, &cfg->root);
}

static int set_root_cache(void *ctx, const char *option, const char *value)
{
	struct exec_config *cfg = ctx;

	return config_set_cache(option, value, &cfg->root_cache);
}

/* The host's own is what it would be without. */
static int set_root(void *ctx, const char *value)
{
	static const struct opt_key keys[] = { { "cache", set_root_cache } };
	struct exec_config *cfg = ctx;
	int r = option_list("--root", value, set_root_path, keys,
			    ARRAY_SIZE(keys), cfg);

	if (!r && !strcmp(cfg->root, "/")) {
		free(cfg->root);
		cfg->root = NULL;
	}
	return r;
}

static int add_rw(void *ctx, const char *value)
{
	struct exec_config *cfg = ctx;

	if (cfg->nr_rw == EXEC_MAX_RW) {
		log_err("--rw: %s: one too many; %d are possible", value,
			EXEC_MAX_RW);
		return -EINVAL;
	}
	return option_string("--rw", value, &cfg->rw[cfg->nr_rw++]);
}

static int add_env(void *ctx, const char *value)
{
	struct exec_config *cfg = ctx;
	char **env;

	if (!strchr(value, '=') || *value == '=') {
		log_err("--env: %s: not NAME=VALUE; all of the environment is "
			"passed on anyway",
			value);
		return -EINVAL;
	}
	env = realloc(cfg->env, (cfg->nr_env + 1) * sizeof(*env));
	if (!env) {
		log_err("--env: out of memory");
		return -ENOMEM;
	}
	cfg->env = env;
	env[cfg->nr_env] = NULL;
	return option_string("--env", value, &env[cfg->nr_env++]);
}

static int set_repeat(void *ctx, const char *value)
{
	struct exec_config *cfg = ctx;

	return option_number("--repeat", value, 1, EXEC_MAX_REPEAT,
			     &cfg->repeat);
}

static int refuse_console(void *ctx, const char *value)
{
	(void)ctx;
	log_err("--console: %s: exec keeps the console for the guest's kernel; "
		"use --guest-log FILE",
		value);
	return -EINVAL;
}

static int refuse_initrd(void *ctx, const char *value)
{
	(void)ctx;
	log_err("--initrd: %s: exec makes its own; leave it out", value);
	return -EINVAL;
}

/* These come before those of run that have the same name. */
static const struct opt exec_options[] = {
	{ "console", 0, .set = refuse_console },
	{ OPT_STRING("cwd", struct exec_config, cwd) },
	{ OPT_FLAG("dry-run", struct exec_config, dry_run) },
	{ "env", 0, .many = true, .set = add_env },
	{ OPT_STRING("guest-log", struct exec_config, guest_log) },
	{ "initrd", 0, .set = refuse_initrd },
	{ OPT_STRING("overlay", struct exec_config, overlay) },
	{ "repeat", 0, .set = set_repeat },
	{ "root", 0, .set = set_root },
	{ "rw", 0, .many = true, .set = add_rw },
	{ OPT_STRING("user", struct exec_config, user), .letter = 'u' },
	{ OPT_TIME("watchdog", struct exec_config, watchdog_ms) },
	{ OPT_FLAG("verbose", struct exec_config, verbose), .letter = 'v' },
};

static bool is_ours(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(exec_options); i++)
		if (!strcmp(name, exec_options[i].name))
			return true;
	return false;
}

/* Both tables as one; the caller frees it. */
static struct opt *all_options(size_t *nr)
{
	struct opt *opts =
		calloc(ARRAY_SIZE(exec_options) + config_nr_run_options,
		       sizeof(*opts));

	*nr = ARRAY_SIZE(exec_options);
	if (!opts)
		return NULL;
	memcpy(opts, exec_options, sizeof(exec_options));
	for (size_t i = 0; i < config_nr_run_options; i++)
		if (!is_ours(config_run_options[i].name))
			opts[(*nr)++] = config_run_options[i];
	return opts;
}

static int check(struct exec_config *cfg)
{
	struct run_config *run = &cfg->run;
	int r = 0;

	if (run->on_reboot == REBOOT_RESTART) {
		log_err("--on-reboot restart: a command runs once; leave it "
			"out");
		return -EINVAL;
	}
	if (cfg->repeat > 1 && (run->stats_path || run->result_path)) {
		log_err("--repeat: --stats and --result are of one run; leave "
			"them out");
		return -EINVAL;
	}
	if (cfg->repeat > 1 && !*cfg->argv) {
		log_err("--repeat: without a command there is nothing to "
			"repeat");
		return -EINVAL;
	}
	if (run->memory.bytes != EXEC_MEMORY_DEFAULT)
		r = config_check_memory(&run->memory);
	return r ? r : config_finish_run(run);
}

int config_parse_exec(struct exec_config **out, int argc, char **argv)
{
	struct exec_config *cfg = calloc(1, sizeof(*cfg));
	struct opt *opts;
	size_t nr;
	int first, r;

	opts = cfg ? all_options(&nr) : NULL;
	if (!opts) {
		log_err("exec: out of memory");
		free(cfg);
		return -ENOMEM;
	}
	config_init_run(&cfg->run);
	cfg->run.memory.bytes = EXEC_MEMORY_DEFAULT;
	cfg->root_cache = CONFIG_CACHE_AUTO;
	cfg->run.cpus.nr = EXEC_CPUS_DEFAULT;
	cfg->run.on_reboot = REBOOT_EXIT;
	cfg->run.grace_ms = 0; /* Ctrl-C ends it at once */
	cfg->repeat = 1;
	cfg->watchdog_ms = DEFAULT_WATCHDOG_MS;

	r = options_parse_command(opts, nr, argc, argv, cfg, &first);
	free(opts);
	cfg->argv = argv + (r ? argc : first);
	if (!r)
		r = check(cfg);
	if (r)
		config_destroy_exec(cfg);
	else
		*out = cfg;
	return r;
}

void config_destroy_exec(struct exec_config *cfg)
{
	if (!cfg)
		return;
	config_fini_run(&cfg->run);
	for (unsigned int i = 0; i < cfg->nr_rw; i++)
		free(cfg->rw[i]);
	for (unsigned int i = 0; i < cfg->nr_env; i++)
		free(cfg->env[i]);
	free(cfg->env);
	free(cfg->root);
	free(cfg->cwd);
	free(cfg->user);
	free(cfg->overlay);
	free(cfg->guest_log);
	free(cfg);
}
