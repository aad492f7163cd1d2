/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which kernel is meant, and which modules are its own: a file, a build tree,
 * or a version that is installed.
 */
#ifndef WHERRY_KERNEL_FIND_H
#define WHERRY_KERNEL_FIND_H

struct kernel {
	char *image; /* path */
	char *version; /* as uname -r says in it */
	/* The directory of that version's modules, or NULL: none was found, so
	 * all that is needed has to be built in. */
	char *modules;
};

/*
 * spec is what --kernel says; NULL is the running kernel, running its version.
 * prefix comes before the paths of installed kernels: "" but for tests.  0, or
 * -errno, logged with what to do; kernel_fini() in any case.
 */
int kernel_find(struct kernel *k, const char *spec, const char *running,
		const char *prefix);
void kernel_fini(struct kernel *k);

#endif
