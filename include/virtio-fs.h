/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file system device: Virtio 1.3, section 5.11, without notifications and
 * without a window of memory (DAX).  It carries messages between the driver and
 * a share, in a thread of its own.
 */
#ifndef WHERRY_VIRTIO_FS_H
#define WHERRY_VIRTIO_FS_H

#include <stdbool.h>

struct share;
struct virtio_dev;

/* Bytes of a tag at most, which needs no NUL then. */
#define VIRTIO_FS_TAG_BYTES 36

/*
 * name is for messages, tag for the guest.  The share is the device's from then
 * on, also where this fails.  0 or -errno, logged.  Destroyed by its ops.
 */
int virtio_fs_create(struct virtio_dev **out, struct share *share,
		     const char *name, const char *tag);

#endif
