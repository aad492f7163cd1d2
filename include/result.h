/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file of --result: why a guest ended, as JSON.
 */
#ifndef WHERRY_RESULT_H
#define WHERRY_RESULT_H

struct json;

struct result {
	const char *name, *reason;
	int status;
};

/* At the start, for confined processes open nothing: *fd stays -1 if path is
 * NULL.  0 or -errno, logged. */
int result_open(const char *path, int *fd);
/* That it is no file of another option's, under whatever name: path may be NULL.
 * 0 or -EINVAL, logged. */
int result_check(int fd, const char *option, const char *path);
/* Writes it, with wherry's own usage, and what more (may be NULL) adds to the
 * object.  Nothing if fd is -1.  0 or -errno, logged. */
int result_write(int fd, const char *path, const struct result *result,
		 void (*more)(struct json *j, const void *opaque),
		 const void *opaque);

#endif
