/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a FUSE request is whole: its arguments, names and lengths.  libfuse
 * trusts the kernel that it normally talks to; a guest is not to be trusted.
 * Pure: no state, no files.
 */
#ifndef WHERRY_SHARE_CHECK_H
#define WHERRY_SHARE_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most of a request that is not data to write: an attribute of 64 KiB. */
#define SHARE_MAX_REQUEST (72U << 10)

/*
 * msg holds the first len bytes of a request of total bytes, at least its
 * header, aligned to 8; less than total only for FUSE_WRITE, of which nothing
 * but the header and the arguments is looked at.  0; -ENOSYS for what this
 * server does not do; -EINVAL for what is not whole, or as share_check_name().
 */
int share_check(const void *msg, size_t len, size_t total);

/* How much of a request is to be copied in before it is looked at. */
size_t share_check_bytes(uint32_t opcode, size_t total);

/* Would it change the directory?  (Opening a file for writing is not here.) */
bool share_check_changes(uint32_t opcode);

/* The name of a file, which is neither empty nor "." nor "..", and has no slash:
 * 0, -EINVAL, -ENAMETOOLONG. */
int share_check_name(const char *name);

#endif
