/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The modules that a kernel needs before it can reach its root, with those that
 * they depend on, unpacked and in the order in which they are loaded.
 */
#ifndef WHERRY_MODULES_H
#define WHERRY_MODULES_H

#include <stddef.h>

struct kernel;

struct module {
	char *name; /* "virtio_console" */
	void *data;
	size_t len_bytes;
};

struct modules {
	struct module *list;
	size_t nr;
};

/*
 * What is built in is left out; all is where the kernel has no directory of
 * modules.  0 or -errno, logged: -ENOENT when the kernel has none of that name,
 * -EINVAL when a module is of another kernel.  modules_fini() in any case.
 */
int modules_collect(struct modules *out, const struct kernel *k,
		    const char *const *names, size_t nr);
void modules_fini(struct modules *m);

#endif
