// SPDX-License-Identifier: BSD-2-Clause
/*
 * library - loads a library and finds what is called of it. Owns nothing, and knows
 * no library.
 */
#include "library.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "log.h"

int library_open(void **handle, const char *soname, const char *wanted,
		 const struct library_call *calls, size_t nr)
{
	void *lib = dlopen(soname, RTLD_LAZY | RTLD_LOCAL);
	void *call = lib;

	for (size_t i = 0; call && i < nr; i++) {
		call = dlsym(lib, calls[i].name);
		memcpy(calls[i].call, &call, sizeof(call));
	}
	if (call) {
		*handle = lib;
		return 0;
	}
	log_err("%s; %s", dlerror(), wanted);
	if (lib)
		dlclose(lib);
	return -ENOENT;
}
