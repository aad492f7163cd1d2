// SPDX-License-Identifier: BSD-2-Clause
/*
 * bind-users - finds what on this host uses a device, so that nobody binds
 * the disk under a mounted file system away. Owns these rules. Changes
 * nothing; whether a user stops the bind is cmd-bind.c's.
 */
#include "bind-users.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "util.h"

bool search_found(struct search *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->who, s->size, fmt, ap);
	va_end(ap);
	return true;
}

bool search_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return !strncmp(path, dir, len) && path[len] == '/';
}

/* Is the sysfs directory real part of the device? */
static bool belongs(const struct search *s, const char *real)
{
	unsigned int i;

	if (search_below(real, s->dev->dir))
		return true;
	for (i = 0; i < s->nr_subsystems; i++)
		if (search_below(real, s->subsystem[i]))
			return true;
	return false;
}

bool search_class(struct search *s, const char *dir, search_visit_fn *fn)
{
	char path[PATH_MAX], entry[PATH_MAX], real[PATH_MAX];
	struct dirent *de;
	bool hit = false;
	DIR *d;

	if (sysfs_path(s->sysfs, path, sizeof(path), "%s", dir))
		return false;
	d = opendir(path);
	if (!d)
		return false;
	while (!hit && (de = readdir(d))) {
		if (de->d_name[0] == '.' ||
		    sysfs_path(s->sysfs, entry, sizeof(entry), "%s/%s", dir,
			       de->d_name) ||
		    !realpath(entry, real) || !belongs(s, real))
			continue;
		hit = fn(s, de->d_name, real);
	}
	closedir(d);
	return hit;
}

int search_attr(const char *dir, const char *name, char *buf, size_t size)
{
	const struct sysfs at = { .root = dir };
	char path[PATH_MAX];

	buf[0] = '\0';
	return sysfs_path(&at, path, sizeof(path), "/%s", name) ?:
		       read_attr(path, buf, size);
}

/* ----- network ----- */

static bool has_address(struct search *s, const char *name)
{
	struct ifaddrs *list, *a;
	char text[INET6_ADDRSTRLEN];
	bool hit = false;

	if (getifaddrs(&list))
		return false;
	for (a = list; a && !hit; a = a->ifa_next) {
		const struct sockaddr *sa = a->ifa_addr;
		const void *addr;

		if (!sa || strcmp(a->ifa_name, name))
			continue;
		if (sa->sa_family == AF_INET)
			addr = &((const struct sockaddr_in *)sa)->sin_addr;
		else if (sa->sa_family == AF_INET6)
			addr = &((const struct sockaddr_in6 *)sa)->sin6_addr;
		else
			continue;
		if (inet_ntop(sa->sa_family, addr, text, sizeof(text)))
			hit = search_found(s, "interface %s has the address %s",
					   name, text);
	}
	freeifaddrs(list);
	return hit;
}

static bool visit_net(struct search *s, const char *name, const char *real)
{
	char buf[64];

	if (!search_attr(real, "flags", buf, sizeof(buf)) &&
	    strtoul(buf, NULL, 0) & IFF_UP)
		return search_found(s, "network interface %s is up", name);
	if (!sysfs_link_name(real, "master", buf, sizeof(buf)))
		return search_found(s, "network interface %s is part of %s",
				    name, buf);
	return has_address(s, name);
}

/* ----- console ----- */

static bool visit_fb(struct search *s, const char *name, const char *real)
{
	(void)real;
	return !strncmp(name, "fb", 2) &&
	       search_found(s, "it shows the console (%s)", name);
}

static bool is_console(struct search *s)
{
	char buf[256], entry[PATH_MAX], real[PATH_MAX], *save = NULL, *tty;

	if (!search_attr(s->dev->dir, "boot_vga", buf, sizeof(buf)) &&
	    !strcmp(buf, "1"))
		return search_found(s, "it is the boot display");
	if (search_class(s, "/sys/class/graphics", visit_fb))
		return true;
	if (search_attr(s->sysfs->root, "sys/class/tty/console/active", buf,
			sizeof(buf)))
		return false;
	for (tty = strtok_r(buf, " ", &save); tty;
	     tty = strtok_r(NULL, " ", &save))
		if (!sysfs_path(s->sysfs, entry, sizeof(entry),
				"/sys/class/tty/%s", tty) &&
		    realpath(entry, real) && belongs(s, real))
			return search_found(s, "it carries the console %s",
					    tty);
	return false;
}

/* ----- anything else ----- */

static bool visit_node(struct search *s, const char *number, const char *real)
{
	const char *name = strrchr(real, '/');
	unsigned int maj, min;
	char holder[128];

	return sscanf(number, "%u:%u", &maj, &min) == 2 &&
	       sysfs_node_holder(s->sysfs, makedev(maj, min), holder,
				 sizeof(holder)) &&
	       search_found(s, "%s is held open by %s", name ? name + 1 : real,
			    holder);
}

static bool has_open_nodes(struct search *s)
{
	return s->thorough && (search_class(s, "/sys/dev/char", visit_node) ||
			       search_class(s, "/sys/dev/block", visit_node));
}

static bool has_vfs(struct search *s)
{
	char buf[32];

	return !search_attr(s->dev->dir, "sriov_numvfs", buf, sizeof(buf)) &&
	       strcmp(buf, "0") &&
	       search_found(s, "it has %s virtual functions", buf);
}

static bool visit_mdev(struct search *s, const char *name, const char *real)
{
	(void)real;
	return search_found(s, "it has the mediated device %s", name);
}

/* Is one of the controllers of subsystem directory real part of the device? */
static bool has_our_controller(const struct search *s, const char *real)
{
	const struct sysfs at = { .root = real };
	char path[PATH_MAX], target[PATH_MAX];
	struct dirent *de;
	bool ours = false;
	DIR *d = opendir(real);

	if (!d)
		return false;
	while (!ours && (de = readdir(d)))
		ours = !strncmp(de->d_name, "nvme", 4) &&
		       !sysfs_path(&at, path, sizeof(path), "/%s",
				   de->d_name) &&
		       realpath(path, target) &&
		       search_below(target, s->dev->dir);
	closedir(d);
	return ours;
}

static void find_nvme_subsystems(struct search *s)
{
	static const char dir[] = "/sys/class/nvme-subsystem";
	char path[PATH_MAX], real[PATH_MAX];
	struct dirent *de;
	DIR *d;

	if (sysfs_path(s->sysfs, path, sizeof(path), dir))
		return;
	d = opendir(path);
	if (!d)
		return;
	while ((de = readdir(d)) && s->nr_subsystems < MAX_NVME_SUBSYSTEMS) {
		char *slot = s->subsystem[s->nr_subsystems];

		if (de->d_name[0] != '.' &&
		    !sysfs_path(s->sysfs, path, sizeof(path), "%s/%s", dir,
				de->d_name) &&
		    realpath(path, real) &&
		    strlen(real) < sizeof(s->subsystem[0]) &&
		    has_our_controller(s, real)) {
			strcpy(slot, real);
			s->nr_subsystems++;
		}
	}
	closedir(d);
}

bool bind_user(const struct sysfs *sysfs, const struct sysfs_device *dev,
	       bool thorough, char *who, size_t size)
{
	struct search s = { .sysfs = sysfs,
			    .dev = dev,
			    .thorough = thorough,
			    .who = who,
			    .size = size };

	who[0] = '\0';
	find_nvme_subsystems(&s);
	return search_disks(&s) ||
	       search_class(&s, "/sys/class/net", visit_net) ||
	       is_console(&s) || has_vfs(&s) ||
	       search_class(&s, "/sys/bus/mdev/devices", visit_mdev) ||
	       has_open_nodes(&s);
}
