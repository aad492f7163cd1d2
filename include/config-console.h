/* SPDX-License-Identifier: BSD-2-Clause */
/* --console and --channel.  For config.c only.  0 or -errno, logged. */
#ifndef WHERRY_CONFIG_CONSOLE_H
#define WHERRY_CONFIG_CONSOLE_H

struct run_config;

/* Setters of options (options.h); ctx is the struct run_config. */
int config_set_console(void *ctx, const char *value);
int config_add_channel(void *ctx, const char *value);
/* What these have set. */
void config_free_consoles(struct run_config *cfg);

#endif
