/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes a flattened devicetree (Devicetree Specification 0.4, chapter 5)
 * from its root to its end.  Cells are given in the CPU's byte order.  The
 * first error stays and is what devtree_finish() returns; callers need not
 * look before.
 */
#ifndef WHERRY_DEVTREE_H
#define WHERRY_DEVTREE_H

#include <stddef.h>
#include <stdint.h>

#include "util.h"

struct devtree {
	void *blob; /* NULL after an error of creation */
	size_t size;
	int error; /* of libfdt */
};

/* Begins with the root node; max bytes are all it may have. */
void devtree_init(struct devtree *t, size_t max);
/* Ends the root node.  *size is what the blob has, which lasts until
 * devtree_fini().  -ENOMEM or -ENOSPC, logged. */
int devtree_finish(struct devtree *t, const void **blob, size_t *size);
/* Also after an error. */
void devtree_fini(struct devtree *t);

void devtree_begin(struct devtree *t, const char *name);
/* name@base, in hexadecimal */
void devtree_begin_at(struct devtree *t, const char *name, uint64_t base);
void devtree_end(struct devtree *t);

void devtree_prop(struct devtree *t, const char *name, const void *val,
		  size_t len);
/* One string, or several, each with its NUL, of len bytes in all. */
#define devtree_strings(t, name, literal) \
	devtree_prop(t, name, literal, sizeof(literal))
void devtree_string(struct devtree *t, const char *name, const char *val);
void devtree_empty(struct devtree *t, const char *name);
void devtree_cells(struct devtree *t, const char *name, const uint32_t *cells,
		   size_t nr);
#define devtree_list(t, name, ...)                                \
	devtree_cells(t, name, (const uint32_t[]){ __VA_ARGS__ }, \
		      ARRAY_SIZE(((const uint32_t[]){ __VA_ARGS__ })))
/* An address or a size as two cells, for the above. */
#define DEVTREE_U64(val) (uint32_t)((uint64_t)(val) >> 32), (uint32_t)(val)

#endif
