/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Libraries that few commands need, loaded when they do: each that a program is
 * linked with takes some 100 KiB of its memory, whether or not it is called.
 */
#ifndef WHERRY_LIBRARY_H
#define WHERRY_LIBRARY_H

#include <stddef.h>

struct library_call {
	const char *name;
	void *call; /* where the pointer to the function goes */
};

/*
 * Loads it and finds all calls.  wanted ends the message, as in "install libkmod 27 or
 * newer".  0, and *handle is for dlclose(); or -ENOENT, logged, and there is
 * nothing to close.
 */
int library_open(void **handle, const char *soname, const char *wanted,
		 const struct library_call *calls, size_t nr);

#endif
