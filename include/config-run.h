/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What run and exec share of their command lines.  For config*.c alone.
 */
#ifndef WHERRY_CONFIG_RUN_H
#define WHERRY_CONFIG_RUN_H

#include <stddef.h>

#include "options.h"

struct run_config;

/* Setters get a struct run_config. */
extern const struct opt config_run_options[];
extern const size_t config_nr_run_options;

/* Clear but for what no option means. */
void config_init_run(struct run_config *cfg);
/* What can be seen only when all options are known, but for --kernel and
 * --memory; and strings that were not given.  0, -EINVAL or -ENOMEM, logged. */
int config_finish_run(struct run_config *cfg);
void config_fini_run(struct run_config *cfg);

#endif
