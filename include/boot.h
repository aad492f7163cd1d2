/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading kernel and initrd images from file descriptors that stay open for
 * reboots.  Images are hostile: every offset is checked against the file's
 * size before it is used.  Errors are logged here, with the image's name.
 */
#ifndef WHERRY_BOOT_H
#define WHERRY_BOOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ram.h"
#include "util.h"

struct boot_file {
	int fd; /* the caller's */
	const char *name; /* for messages; the caller's */
	uint64_t size;
};

/* Opens what is to be read: what ("kernel") and path are for messages.  0 or
 * -errno, logged. */
int boot_open(const char *what, const char *path, int *fd);

/* Takes the size anew: the file may have been replaced between reboots.
 * -EINVAL unless it is a regular file with something in it. */
int boot_file_init(struct boot_file *f, int fd, const char *name);

/* True, silently, when [offset, offset + len) lies in the file. */
bool boot_file_has(const struct boot_file *f, uint64_t offset, uint64_t len);

/* Reads [offset, offset + len) to buf.  -EINVAL when the file is shorter. */
int boot_file_read(const struct boot_file *f, uint64_t offset, void *buf,
		   size_t len);

/* Pieces in which to look for a version, and what of one to look at again. */
#define BOOT_SCAN_BYTES MIB(1)
#define BOOT_SCAN_OVERLAP 256
/* Looks for what Linux says of itself at its start, "Linux version 6.12 ...", in
 * len bytes, and copies the version. */
bool boot_version_in(const char *buf, size_t len, char *version, size_t size);
/* The same in all of a file, in pieces.  0; -ENOENT; -errno, logged. */
int boot_file_version(const struct boot_file *f, char *version, size_t size);

/* The same straight into RAM, without a second copy.  -EINVAL also when
 * [gpa, gpa + len) is not RAM. */
int boot_file_load(const struct boot_file *f, uint64_t offset, struct ram *ram,
		   gpa_t gpa, uint64_t len);

/* Loads an initrd as high as it fits into room, so that the kernel has space to
 * unpack itself, and says where.  fd -1: none.  -E2BIG when it does not fit. */
int boot_load_initrd(struct ram *ram, int fd, const char *name,
		     const struct range *room, struct range *initrd);

/* -E2BIG when it is longer than max bytes, without the NUL. */
int boot_check_cmdline(const char *cmdline, uint64_t max);

#endif
