// SPDX-License-Identifier: BSD-2-Clause
/*
 * Owns the memory of a devicetree while it is written, by libfdt.  Does not
 * know what is in it.
 */
#include "devtree.h"

#include <errno.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>

#include "log.h"

static void note(struct devtree *t, int error)
{
	if (!t->error)
		t->error = error;
}

void devtree_init(struct devtree *t, size_t max)
{
	*t = (struct devtree){ .blob = calloc(1, max), .size = max };
	if (!t->blob)
		t->error = -FDT_ERR_NOSPACE;
	else
		note(t, fdt_create(t->blob, (int)max));
	if (!t->error)
		note(t, fdt_finish_reservemap(t->blob));
	devtree_begin(t, "");
}

int devtree_finish(struct devtree *t, const void **blob, size_t *size)
{
	devtree_end(t);
	if (!t->error)
		note(t, fdt_finish(t->blob));
	if (t->error) {
		log_err("the guest's devicetree does not fit into %zu KiB: %s",
			t->size >> 10, fdt_strerror(t->error));
		return t->blob ? -ENOSPC : -ENOMEM;
	}
	*blob = t->blob;
	*size = fdt_totalsize(t->blob);
	return 0;
}

void devtree_fini(struct devtree *t)
{
	free(t->blob);
	t->blob = NULL;
}

void devtree_begin(struct devtree *t, const char *name)
{
	if (!t->error)
		note(t, fdt_begin_node(t->blob, name));
}

void devtree_begin_at(struct devtree *t, const char *name, uint64_t base)
{
	char full[64];

	snprintf(full, sizeof(full), "%s@%llx", name, (unsigned long long)base);
	devtree_begin(t, full);
}

void devtree_end(struct devtree *t)
{
	if (!t->error)
		note(t, fdt_end_node(t->blob));
}

void devtree_prop(struct devtree *t, const char *name, const void *val,
		  size_t len)
{
	if (!t->error)
		note(t, fdt_property(t->blob, name, val, (int)len));
}

void devtree_string(struct devtree *t, const char *name, const char *val)
{
	devtree_prop(t, name, val, strlen(val) + 1);
}

void devtree_empty(struct devtree *t, const char *name)
{
	devtree_prop(t, name, NULL, 0);
}

void devtree_cells(struct devtree *t, const char *name, const uint32_t *cells,
		   size_t nr)
{
	void *to = NULL;

	if (!t->error)
		note(t,
		     fdt_property_placeholder(t->blob, name,
					      (int)(nr * sizeof(*cells)), &to));
	for (size_t i = 0; to && i < nr; i++)
		fdt32_st((fdt32_t *)to + i, cells[i]);
}
