// SPDX-License-Identifier: BSD-2-Clause
/*
 * config-share - parses --share. Whether there is such a directory is share.c's
 * to say.
 */
#include "config-share.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "log.h"
#include "options.h"
#include "util.h"

static int set_path(void *ctx, const char *option, const char *value)
{
	struct share_config *share = ctx;

	return option_string(option, value, &share->path);
}

static int set_tag(void *ctx, const char *option, const char *value)
{
	struct share_config *share = ctx;

	if (value && strlen(value) > CONFIG_TAG_BYTES) {
		log_err("%s: %s: at most %d bytes", option, value,
			CONFIG_TAG_BYTES);
		return -EINVAL;
	}
	return option_string(option, value, &share->tag);
}

int config_set_cache(const char *option, const char *value, unsigned int *cache)
{
	/* As enum share_cache has them. */
	static const char *const words[] = { "none", "auto", "always" };

	return option_word(option, value, words, ARRAY_SIZE(words), cache);
}

static int set_cache(void *ctx, const char *option, const char *value)
{
	struct share_config *share = ctx;

	return config_set_cache(option, value, &share->cache);
}

static const struct opt_key keys[] = {
	{ "tag", set_tag },
	OPT_KEY_BOOL("ro", struct share_config, read_only),
	{ "cache", set_cache },
};

static int check(const struct run_config *cfg, const struct share_config *share)
{
	unsigned int i;

	if (!share->tag) {
		log_err("--share: %s: no tag=; the guest finds it by that: "
			"--share %s,tag=data",
			share->path, share->path);
		return -EINVAL;
	}
	for (i = 0; i < cfg->nr_shares; i++) {
		if (strcmp(cfg->shares[i].tag, share->tag) != 0)
			continue;
		log_err("--share: tag=%s: %s has it already", share->tag,
			cfg->shares[i].path);
		return -EINVAL;
	}
	return 0;
}

int config_set_share(void *ctx, const char *value)
{
	struct run_config *cfg = ctx;
	struct share_config share = { .cache = CONFIG_CACHE_AUTO };
	int r = -EINVAL;

	if (cfg->nr_shares == CONFIG_MAX_SHARES)
		log_err("--share: at most %d", CONFIG_MAX_SHARES);
	else
		r = option_list("--share", value, set_path, keys,
				ARRAY_SIZE(keys), &share);
	if (!r)
		r = check(cfg, &share);
	if (r) {
		free(share.path);
		free(share.tag);
		return r;
	}
	cfg->shares[cfg->nr_shares++] = share;
	return 0;
}

void config_free_shares(struct run_config *cfg)
{
	while (cfg->nr_shares) {
		cfg->nr_shares--;
		free(cfg->shares[cfg->nr_shares].path);
		free(cfg->shares[cfg->nr_shares].tag);
	}
}
