/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes an initramfs: a newc archive (Linux, driver-api/early-userspace/
 * buffer-format.rst) in memory.  Everything in it is root's and of 1970, so that
 * the same input makes the same bytes.  Paths are as in the guest, "/init";
 * directories come before what is in them.
 */
#ifndef WHERRY_INITRAMFS_H
#define WHERRY_INITRAMFS_H

#include <stddef.h>
#include <sys/types.h>

struct initramfs;

/* All return 0 or -errno, logged. */
int initramfs_create(struct initramfs **out);
/* Takes NULL. */
void initramfs_destroy(struct initramfs *a);

int initramfs_dir(struct initramfs *a, const char *path, mode_t mode);
/* A regular file with these bytes. */
int initramfs_file(struct initramfs *a, const char *path, mode_t mode,
		   const void *data, size_t len_bytes);
/* A character device. */
int initramfs_device(struct initramfs *a, const char *path, mode_t mode,
		     unsigned int major, unsigned int minor);

/*
 * Ends the archive.  Returns a memfd, which is the caller's, at its beginning; the
 * archive takes nothing more.
 */
int initramfs_finish(struct initramfs *a);

#endif
