/* SPDX-License-Identifier: BSD-2-Clause */
/* --memory and --cpus.  For config*.c only.  0 or -errno, logged. */
#ifndef WHERRY_CONFIG_BOARD_H
#define WHERRY_CONFIG_BOARD_H

struct memory_config;

/* Setters of options (options.h); ctx is the struct run_config. */
int config_set_memory(void *ctx, const char *value);
int config_set_cpus(void *ctx, const char *value);
int config_check_memory(const struct memory_config *mem);

#endif
