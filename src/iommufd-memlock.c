// SPDX-License-Identifier: BSD-2-Clause
/*
 * iommufd-memlock - foretells and explains an ENOMEM of pinning. Owns nothing. iommufd
 * charges pages to the user, not to the process: every VM of one uid counts
 * against the limit of the one that maps, unless it holds CAP_IPC_LOCK.
 */
#include "iommufd-memlock.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fd.h"
#include "log.h"
#include "util.h"

#define STATUS_MAX 65536
#define CAP_IPC_LOCK_BIT 14 /* linux/capability.h */

/* The value of "key:\t..." in a status file; NULL when absent. */
static const char *status_value(const char *status, const char *key)
{
	size_t len = strlen(key);
	const char *line = status;

	while (line && *line) {
		if (!strncmp(line, key, len) && line[len] == ':')
			return line + len + 1;
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	return NULL;
}

static char *status_of(const char *proc, const char *pid)
{
	char path[512];
	char *text = NULL;

	if (snprintf(path, sizeof(path), "%s/%s/status", proc, pid) >=
	    (int)sizeof(path))
		return NULL;
	if (read_file(path, STATUS_MAX, &text, NULL) < 0)
		return NULL; /* the process is gone, or hidden from us */
	return text;
}

uint64_t memlock_pinned(const char *proc, uid_t uid, pid_t except)
{
	uint64_t sum = 0;
	struct dirent *de;
	DIR *dir = opendir(proc);

	if (!dir)
		return 0;
	while ((de = readdir(dir))) {
		const char *real, *pin;
		char *end, *text;
		long pid = strtol(de->d_name, &end, 10);

		if (pid <= 0 || *end || pid == except)
			continue;
		text = status_of(proc, de->d_name);
		if (!text)
			continue;
		real = status_value(text, "Uid");
		pin = status_value(text, "VmPin");
		if (real && pin && strtoul(real, NULL, 10) == uid)
			sum += strtoull(pin, NULL, 10) * 1024;
		free(text);
	}
	closedir(dir);
	return sum;
}

static bool has_ipc_lock(const char *proc)
{
	char *text = status_of(proc, "self");
	const char *caps = text ? status_value(text, "CapEff") : NULL;
	bool has = caps && strtoull(caps, NULL, 16) >> CAP_IPC_LOCK_BIT & 1;

	free(text);
	return has;
}

/* Megabytes, rounded up: a limit that is a page short is of no use. */
static uint64_t to_mib(uint64_t bytes)
{
	return (bytes >> 20) + !!(bytes & 0xfffff);
}

/* What stands against what: all in MiB but the limit. */
struct account {
	uint64_t need, others, total, limit_bytes;
	bool fits;
};

/* Whether the limit counts for this process, and what it is. */
static bool is_limited(const char *proc, uint64_t *bytes)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_MEMLOCK, &lim) < 0)
		lim.rlim_cur = RLIM_INFINITY;
	*bytes = lim.rlim_cur;
	return lim.rlim_cur != RLIM_INFINITY && !has_ipc_lock(proc);
}

static struct account take_stock(const char *proc, uint64_t need_bytes)
{
	uint64_t others = memlock_pinned(proc, getuid(), getpid());
	struct account a = {
		.need = to_mib(need_bytes),
		.others = to_mib(others),
	};

	a.total = a.need + a.others;
	a.fits = !is_limited(proc, &a.limit_bytes) ||
		 a.limit_bytes >> 20 >= a.total;
	return a;
}

static void describe(const struct account *a, char *why, size_t size)
{
	snprintf(
		why, size,
		"locked-memory limit: this VM needs %" PRIu64
		" MiB, other processes of uid %u have %" PRIu64
		" MiB pinned (the limit counts per user), RLIMIT_MEMLOCK is %" PRIu64
		" KiB; set LimitMEMLOCK=%" PRIu64
		"M in the systemd unit, or 'ulimit -l %" PRIu64 "'",
		a->need, (unsigned int)getuid(), a->others,
		a->limit_bytes >> 10, a->total, a->total << 10);
}

void memlock_explain(const char *proc, uint64_t need_bytes, char *why,
		     size_t size)
{
	struct account a = take_stock(proc, need_bytes);

	if (a.fits)
		snprintf(
			why, size,
			"no locked-memory limit is in the way (this VM needs %" PRIu64
			" MiB, uid %u has %" PRIu64
			" MiB pinned elsewhere), so the host is out of memory; give the VM less --memory or free some",
			a.need, (unsigned int)getuid(), a.others);
	else
		describe(&a, why, size);
}

void memlock_warn(const char *proc, uint64_t need_bytes)
{
	struct account a;
	uint64_t limit;
	char why[512];

	/* Without a limit there is no need to look at every process. */
	if (!is_limited(proc, &limit))
		return;
	a = take_stock(proc, need_bytes);
	if (a.fits)
		return;
	describe(&a, why, sizeof(why));
	log_notice("guest memory will hardly be pinned: %s", why);
}
