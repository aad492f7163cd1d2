/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration of the running kernel, from /proc/config.gz, else
 * /boot/config-RELEASE or /lib/modules/RELEASE/config.  Logs nothing.
 */
#ifndef WHERRY_KCONFIG_H
#define WHERRY_KCONFIG_H

#include <stddef.h>

struct kconfig;

/*
 * root stands for "/" ("" in production).  -ENOENT when no file is there or
 * readable; -EINVAL when it is not a kernel configuration; -EFBIG.
 */
int kconfig_create(struct kconfig **out, const char *root);
void kconfig_destroy(struct kconfig *kc);

/* Where it was found. */
const char *kconfig_path(const struct kconfig *kc);
/* 'y', 'm', or 'n' when the option (without CONFIG_) is off or unknown. */
char kconfig_get(const struct kconfig *kc, const char *option);

#endif
