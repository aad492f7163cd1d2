/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine's shared directories.
 */
#ifndef WHERRY_MACHINE_SHARE_H
#define WHERRY_MACHINE_SHARE_H

struct share_config;
struct virtio_dev;

/* How many files each of them may hold open, by this process's limit, which is
 * raised as far as it goes. */
unsigned int machine_share_files(unsigned int nr_shares);
/* 0 or -errno, logged. */
int machine_open_share(struct virtio_dev **out, const struct share_config *c,
		       unsigned int max_files);

#endif
