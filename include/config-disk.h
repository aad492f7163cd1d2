/* SPDX-License-Identifier: BSD-2-Clause */
/* --disk.  For config*.c only.  0 or -errno, logged. */
#ifndef WHERRY_CONFIG_DISK_H
#define WHERRY_CONFIG_DISK_H

struct run_config;

/* Setter of the option (options.h); ctx is the struct run_config. */
int config_add_disk(void *ctx, const char *value);
void config_free_disks(struct run_config *cfg);

#endif
