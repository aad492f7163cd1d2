/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside bind_user() (bind.h): one search for what uses a device, shared by
 * bind-users.c (network, console, open nodes) and bind-disks.c (everything
 * that can be mounted).
 */
#ifndef WHERRY_BIND_USERS_H
#define WHERRY_BIND_USERS_H

#include "bind.h"
#include "log.h"

#define MAX_NVME_SUBSYSTEMS 8

struct search {
	const struct sysfs *sysfs;
	const struct sysfs_device *dev;
	bool thorough;
	/* With NVMe multipath the disks hang off a virtual subsystem. */
	char subsystem[MAX_NVME_SUBSYSTEMS][256];
	unsigned int nr_subsystems;
	char *who; /* the answer */
	size_t size;
};

/* Fills the answer; returns true, so that a finding is one statement. */
bool search_found(struct search *s, const char *fmt, ...) PRINTF(2, 3);

/* Is path below the directory dir? */
bool search_below(const char *path, const char *dir);

typedef bool search_visit_fn(struct search *s, const char *name,
			     const char *real);
/*
 * Calls fn for each link of sysfs directory dir that leads into the device,
 * with its name and its canonical directory, until one returns true.
 */
bool search_class(struct search *s, const char *dir, search_visit_fn *fn);

/* Attribute dir/name.  0 or -errno. */
int search_attr(const char *dir, const char *name, char *buf, size_t size);

/* Mounts, swap, holders and exclusive claims of the device's disks; mounts of
 * the directory it shares. */
bool search_disks(struct search *s);

#endif
