/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A part of an image file as a stream of what it holds, packed or not.  A
 * packed stream is hostile: it may be cut, damaged, or swell to any size;
 * callers say how much they take.  Errors are logged here, with the image's
 * name.
 */
#ifndef WHERRY_UNPACK_H
#define WHERRY_UNPACK_H

#include <stddef.h>
#include <stdint.h>

#include "boot.h"

enum unpack_codec {
	UNPACK_STORED,
	UNPACK_GZIP, /* RFC 1952, one member */
	UNPACK_ZSTD, /* RFC 8878, one frame */
};

struct unpack;

/* f outlives it.  Reads [offset, offset + len) of the file. */
int unpack_create(struct unpack **out, const struct boot_file *f,
		  enum unpack_codec codec, uint64_t offset, uint64_t len);
void unpack_destroy(struct unpack *u);

/* As much of len as there is: *got is less only at the end of the stream.
 * -EINVAL when it is damaged or ends early, which may show at its end only. */
int unpack_read(struct unpack *u, void *buf, uint64_t len, uint64_t *got);

#endif
