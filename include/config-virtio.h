/* SPDX-License-Identifier: BSD-2-Clause */
/* Options for virtio devices.  For config*.c only.  0 or -errno, logged. */
#ifndef WHERRY_CONFIG_VIRTIO_H
#define WHERRY_CONFIG_VIRTIO_H

/* Setters of options (options.h); ctx is the struct run_config. */
int config_set_rng(void *ctx, const char *value);

#endif
