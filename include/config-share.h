/* SPDX-License-Identifier: BSD-2-Clause */
/* --share: parsed into the configuration (config.h). */
#ifndef WHERRY_CONFIG_SHARE_H
#define WHERRY_CONFIG_SHARE_H

struct run_config;

/* As struct opt has it; ctx is the configuration. */
int config_set_share(void *ctx, const char *value);
/* The value of cache=, as struct share_config has it.  0 or -EINVAL, logged. */
int config_set_cache(const char *option, const char *value,
		     unsigned int *cache);
void config_free_shares(struct run_config *cfg);

#endif
