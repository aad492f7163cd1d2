/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers that a guest is given for objects of ours, and gives back.  A number
 * is never used twice, so an old one finds nothing.
 */
#ifndef WHERRY_SHARE_TABLE_H
#define WHERRY_SHARE_TABLE_H

#include <stdint.h>

struct share_slot {
	void *object; /* NULL: free */
	uint32_t generation;
	uint32_t next_free; /* index + 1 */
};

/* All zero but max, it is empty.  Floor of memory: what was ever in use. */
struct share_table {
	struct share_slot *slots;
	uint32_t nr, room, free;
	uint32_t max; /* objects at once */
};

/* 0, -ENOMEM, or -ENFILE when there are max.  The first number is 1. */
int share_table_add(struct share_table *t, void *object, uint64_t *id);
/* NULL: there is none of that number. */
void *share_table_get(const struct share_table *t, uint64_t id);
void share_table_remove(struct share_table *t, uint64_t id);
/* Frees the table, not the objects. */
void share_table_fini(struct share_table *t);

#endif
