// SPDX-License-Identifier: BSD-2-Clause
/*
 * exec-memory - how much memory a guest may count on: what the host has available,
 * and what the control group that we are in may still take, as in a container.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec-plan.h"
#include "fd.h"
#include "log.h"
#include "util.h"

#define CGROUPS "/sys/fs/cgroup"
#define MAX_FILE KIB(64)

/* The number after key, which is at the start of a line; 0: there is none. */
static uint64_t number_of(const char *text, const char *key)
{
	size_t n = strlen(key);

	while (text && strncmp(text, key, n) != 0) {
		text = strchr(text, '\n');
		text += !!text;
	}
	return text ? strtoull(text + n, NULL, 10) : 0;
}

/* A file of the group; "" where there is none, as in the group of all. */
static char *read_group(const char *dir, const char *name)
{
	char path[PATH_MAX], *text;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return read_file(path, MAX_FILE, &text, NULL) ? strdup("") : text;
}

/* What one group may still take.  What it has read of files makes way. */
static uint64_t room_of(const char *dir)
{
	char *max cleanup_free = read_group(dir, "memory.max");
	char *now cleanup_free = read_group(dir, "memory.current");
	char *stat cleanup_free = read_group(dir, "memory.stat");
	uint64_t limit, used, files;

	if (!max || !now || !stat || *max < '0' || *max > '9')
		return UINT64_MAX;
	limit = strtoull(max, NULL, 10);
	used = strtoull(now, NULL, 10);
	files = number_of(stat, "inactive_file ") +
		number_of(stat, "active_file ");
	used -= MIN(used, files);
	return limit - MIN(limit, used);
}

/* That of ours and of all that it is in: cgroups(7), version 2. */
static uint64_t groups_room(const char *prefix)
{
	char *list cleanup_free = NULL;
	char path[PATH_MAX], dir[PATH_MAX];
	uint64_t room = UINT64_MAX;
	const char *at;
	size_t len, root;

	snprintf(path, sizeof(path), "%s/proc/self/cgroup", prefix);
	if (read_file(path, MAX_FILE, &list, NULL))
		return room;
	at = strncmp(list, "0::", 3) ? strstr(list, "\n0::") : list - 1;
	if (!at)
		return room;
	at += strlen("\n0::");
	root = (size_t)snprintf(dir, sizeof(dir), "%s" CGROUPS, prefix);
	len = (size_t)snprintf(dir + root, sizeof(dir) - root, "%.*s",
			       (int)strcspn(at, "\n"), at);
	for (len = MIN(root + len, sizeof(dir) - 1); len >= root; len--)
		if (len == root || dir[len] == '/' || !dir[len]) {
			dir[len] = '\0';
			room = MIN(room, room_of(dir));
		}
	return room;
}

int exec_memory_available(const char *prefix, uint64_t *bytes)
{
	char *text cleanup_free = NULL;
	char path[PATH_MAX];
	uint64_t kib = 0;

	snprintf(path, sizeof(path), "%s/proc/meminfo", prefix);
	if (!read_file(path, MAX_FILE, &text, NULL))
		kib = number_of(text, "MemAvailable:");
	if (!kib) {
		log_err("/proc/meminfo does not tell how much memory is "
			"available; say --memory SIZE");
		return -EINVAL;
	}
	*bytes = MIN(KIB(kib), groups_room(prefix));
	return 0;
}
