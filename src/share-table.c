// SPDX-License-Identifier: BSD-2-Clause
/*
 * share-table - numbers for a guest. Owns its slots, not what is in them.
 * A number is a slot and how often the slot was used before.
 */
#include "share-table.h"

#include <errno.h>
#include <stdlib.h>

#include "util.h"

#define FIRST_ROOM 64

static int grow(struct share_table *t)
{
	uint32_t room = t->room ? MIN(t->room * 2, t->max) : FIRST_ROOM;
	struct share_slot *slots;

	slots = reallocarray(t->slots, room, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	t->slots = slots;
	t->room = room;
	return 0;
}

int share_table_add(struct share_table *t, void *object, uint64_t *id)
{
	struct share_slot *slot;
	uint32_t i;
	int r;

	if (t->free) {
		i = t->free - 1;
		t->free = t->slots[i].next_free;
	} else {
		if (t->nr >= t->max)
			return -ENFILE;
		r = t->nr == t->room ? grow(t) : 0;
		if (r)
			return r;
		i = t->nr++;
		t->slots[i].generation = 0;
	}
	slot = &t->slots[i];
	slot->object = object;
	*id = (uint64_t)slot->generation << 32 | (i + 1);
	return 0;
}

/* The slot that a number means, or NULL. */
static struct share_slot *find(const struct share_table *t, uint64_t id)
{
	uint32_t i = (uint32_t)id - 1;

	if (i >= t->nr || t->slots[i].generation != id >> 32 ||
	    !t->slots[i].object)
		return NULL;
	return &t->slots[i];
}

void *share_table_get(const struct share_table *t, uint64_t id)
{
	const struct share_slot *slot = find(t, id);

	return slot ? slot->object : NULL;
}

void share_table_remove(struct share_table *t, uint64_t id)
{
	struct share_slot *slot = find(t, id);

	if (!slot)
		return;
	slot->object = NULL;
	/* One that was used 2^32 times is not used again. */
	if (!++slot->generation)
		return;
	slot->next_free = t->free;
	t->free = (uint32_t)id;
}

void share_table_fini(struct share_table *t)
{
	free(t->slots);
	t->slots = NULL;
	t->nr = 0;
	t->room = 0;
	t->free = 0;
}
