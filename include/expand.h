/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whole files that may be packed: gzip, xz and zstd are told by how they begin.
 */
#ifndef WHERRY_EXPAND_H
#define WHERRY_EXPAND_H

#include <stddef.h>

/*
 * Reads a file, of which at most max bytes come out; the caller frees *out.  0
 * or -errno, nothing logged: -EFBIG when it is longer, -EBADMSG when it is
 * damaged.
 */
int expand_file(const char *path, size_t max, void **out, size_t *len_bytes);

#endif
