// SPDX-License-Identifier: BSD-2-Clause
/*
 * config - the options of `wherry run`, their defaults and what they forbid
 * each other. Opens nothing; --device is config-device.c's, the syntax is
 * options.c's.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config-board.h"
#include "config-console.h"
#include "config-device.h"
#include "config-disk.h"
#include "config-run.h"
#include "config-share.h"
#include "log.h"
#include "options.h"
#include "util.h"

#define DEFAULT_MEMORY MIB(512)
#define DEFAULT_GRACE_MS 30000
#define MAX_NAME 64

static int set_append(void *ctx, const char *value)
{
	struct run_config *cfg = ctx;

	cfg->append = strdup(value);
	if (!cfg->append) {
		log_err("--append: out of memory");
		return -ENOMEM;
	}
	return 0;
}

static int set_name(void *ctx, const char *value)
{
	struct run_config *cfg = ctx;

	return config_set_name("--name", value, &cfg->name);
}

int config_set_name(const char *option, const char *value, char **out)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.-";

	if (value && *value &&
	    (value[strspn(value, allowed)] || strchr(".-", *value) ||
	     strlen(value) > MAX_NAME)) {
		log_err("%s: %s: not a name: at most %d letters, digits, '_', "
			"'.', '-', the last two not in front",
			option, value, MAX_NAME);
		return -EINVAL;
	}
	return option_string(option, value, out);
}

static int set_device(void *ctx, const char *value)
{
	return config_add_device(ctx, value);
}

static int set_iommufd_fd(void *ctx, const char *option, const char *value)
{
	struct run_config *cfg = ctx;

	return option_fd(option, value, &cfg->iommufd);
}

static int set_iommufd(void *ctx, const char *value)
{
	static const struct opt_key keys[] = { { "fd", set_iommufd_fd } };

	return option_list("--iommufd", value, NULL, keys, ARRAY_SIZE(keys),
			   ctx);
}

static int set_kvm_fd(void *ctx, const char *option, const char *value)
{
	struct run_config *cfg = ctx;

	return option_fd(option, value, &cfg->kvm);
}

static int set_kvm(void *ctx, const char *value)
{
	static const struct opt_key keys[] = {
		{ "fd", set_kvm_fd },
		OPT_KEY_BOOL("slot-zap-all", struct run_config, slot_zap_all),
	};

	return option_list("--kvm", value, NULL, keys, ARRAY_SIZE(keys), ctx);
}

/* In the order of enum sandbox_mode, and so on. */
static const char *const sandbox_modes[] = { "on", "strict", "log", "off",
					     NULL };
static const char *const reboot_actions[] = { "restart", "exit", NULL };
static const char *const p2p_configs[] = { "auto", "on", "off", NULL };
static const char *const error_actions[] = { "stop", "report", "ignore", NULL };

const struct opt config_run_options[] = {
	{ "append", 0, .set = set_append },
	{ "channel", 0, .many = true, .set = config_add_channel },
	{ "console", 0, .set = config_set_console },
	{ "cpus", 'c', .set = config_set_cpus },
	{ "device", 'd', .many = true, .set = set_device },
	{ "disk", 0, .many = true, .set = config_add_disk },
	{ OPT_TIME("grace", struct run_config, grace_ms) },
	{ OPT_STRING("initrd", struct run_config, initrd) },
	{ "iommufd", 0, .set = set_iommufd },
	{ OPT_STRING("kernel", struct run_config, kernel), .letter = 'k' },
	{ "kvm", 0, .set = set_kvm },
	{ "memory", 'm', .set = config_set_memory },
	{ "name", 0, .set = set_name },
	{ OPT_WORD("on-device-error", struct run_config, on_device_error,
		   error_actions) },
	{ OPT_WORD("on-reboot", struct run_config, on_reboot, reboot_actions) },
	{ OPT_WORD("p2p", struct run_config, p2p, p2p_configs) },
	{ OPT_STRING("result", struct run_config, result_path) },
	{ OPT_FLAG("rng", struct run_config, rng) },
	{ OPT_WORD("sandbox", struct run_config, sandbox, sandbox_modes) },
	{ "share", 0, .many = true, .set = config_set_share },
	{ OPT_STRING("stats", struct run_config, stats_path) },
	{ OPT_TIME("timeout", struct run_config, timeout_ms) },
};
const size_t config_nr_run_options = ARRAY_SIZE(config_run_options);

/* What can be seen only when all options are known. */
static int check_run(const struct run_config *cfg)
{
	if (cfg->iommufd >= 0 && !cfg->nr_devices) {
		log_err("--iommufd: fd=%d: nothing is attached to it; add "
			"--device, or leave it out",
			cfg->iommufd);
		return -EINVAL;
	}
	if (cfg->kvm >= 0 && cfg->kvm == cfg->iommufd) {
		log_err("--iommufd: fd=%d: also the descriptor of --kvm",
			cfg->iommufd);
		return -EINVAL;
	}
	return config_check_devices(cfg);
}

/* Strings that were not given get their defaults. */
static int set_defaults(struct run_config *cfg)
{
	if (!cfg->name)
		cfg->name = strdup("wherry");
	if (!cfg->append)
		cfg->append = strdup("");
	if (!cfg->name || !cfg->append) {
		log_err("run: out of memory");
		return -ENOMEM;
	}
	return 0;
}

int config_finish_run(struct run_config *cfg)
{
	int r = check_run(cfg);

	return r ? r : set_defaults(cfg);
}

void config_init_run(struct run_config *cfg)
{
	memset(cfg, 0, sizeof(*cfg));
	cfg->memory.bytes = DEFAULT_MEMORY;
	cfg->memory.host_node = -1;
	cfg->cpus.nr = 1;
	cfg->grace_ms = DEFAULT_GRACE_MS;
	cfg->iommufd = -1;
	cfg->kvm = -1;
}

int config_parse_run(struct run_config **out, int argc, char **argv)
{
	struct run_config *cfg = malloc(sizeof(*cfg));
	int r;

	if (!cfg) {
		log_err("run: out of memory");
		return -ENOMEM;
	}
	config_init_run(cfg);
	r = options_parse(config_run_options, config_nr_run_options, argc, argv,
			  cfg, NULL);
	if (!r && !cfg->kernel) {
		log_err("run: no kernel given; add --kernel FILE");
		r = -EINVAL;
	}
	if (!r)
		r = config_check_memory(&cfg->memory);
	if (!r)
		r = config_finish_run(cfg);
	if (r)
		config_destroy(cfg);
	else
		*out = cfg;
	return r;
}

void config_fini_run(struct run_config *cfg)
{
	for (unsigned int i = 0; i < cfg->nr_devices; i++) {
		free(cfg->devices[i].spec);
		free(cfg->devices[i].id);
	}
	config_free_disks(cfg);
	free(cfg->name);
	free(cfg->kernel);
	free(cfg->initrd);
	free(cfg->append);
	config_free_consoles(cfg);
	free(cfg->stats_path);
	free(cfg->result_path);
	config_free_shares(cfg);
}

void config_destroy(struct run_config *cfg)
{
	if (cfg)
		config_fini_run(cfg);
	free(cfg);
}
