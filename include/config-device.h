/* SPDX-License-Identifier: BSD-2-Clause */
/* --device, and what config.c and it share.  For config*.c only. */
#ifndef WHERRY_CONFIG_DEVICE_H
#define WHERRY_CONFIG_DEVICE_H

struct run_config;

/* Appends one --device.  0 or -EINVAL, logged. */
int config_add_device(struct run_config *cfg, const char *value);
/* Conflicts among the devices, and with the passed descriptors. */
int config_check_devices(const struct run_config *cfg);

/* A name that may become part of a path: copied to *out. */
int config_set_name(const char *option, const char *value, char **out);

/* fd=N, or fd=NAME, in the place of a path: number is what follows "fd=", and *spec
 * names it in messages.  0 or -EINVAL. */
int config_set_fd(const char *option, const char *number, int *fd, char **spec);

#endif
