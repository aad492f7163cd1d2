/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which file systems a guest is kept out of, though they be mounted beneath a
 * shared directory: those by which the kernel is asked and told.  Their files
 * pass for regular ones, but reading one may wait for ever, and /proc has this
 * very process's memory.
 */
#ifndef WHERRY_SHARE_FS_H
#define WHERRY_SHARE_FS_H

#include <stdbool.h>

/* Is the file on one of them?  fd may be O_PATH; yes, if it cannot be told. */
bool share_fs_is_kernels(int fd);

#endif
