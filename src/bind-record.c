// SPDX-License-Identifier: BSD-2-Clause
/*
 * bind-record - remembers in /run/wherry which driver a device came from, so
 * that `wherry unbind` can take it back. Owns those files and their lock.
 */
#include "bind.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "log.h"

#define RECORD_DIR "/run/wherry"

int bind_record_open(const struct sysfs *sysfs)
{
	cleanup_fd int fd = -1;
	char path[PATH_MAX];
	int r;

	r = sysfs_path(sysfs, path, sizeof(path), RECORD_DIR);
	if (r)
		goto err;
	if (mkdir(path, 0755) && errno != EEXIST) {
		r = -errno;
		goto err;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		r = -errno;
		goto err;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
		log_notice("waiting for another wherry bind or unbind to end");
	if (flock(fd, LOCK_EX)) {
		r = -errno;
		goto err;
	}
	return fd_steal(&fd);
err:
	log_err("%s: cannot be opened: %s; %s", RECORD_DIR, strerror(-r),
		r == -EACCES || r == -EPERM ? "run as root" :
					      "is /run mounted?");
	return r;
}

static void record_name(char buf[64], const char *bdf, const char *suffix)
{
	snprintf(buf, 64, "bind-%s%s", bdf, suffix);
}

int bind_record_save(int dirfd, const char *bdf, const struct bind_state *state)
{
	char name[64], temp[64], text[256];
	cleanup_fd int fd = -1;
	int len, r;

	record_name(name, bdf, "");
	record_name(temp, bdf, ".new");
	len = snprintf(text, sizeof(text), "driver=%s\noverride=%s\n",
		       state->driver, state->override);
	/* One that a killed wherry left; the lock is ours. */
	(void)unlinkat(dirfd, temp, 0);
	fd = openat(dirfd, temp,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	r = fd < 0 ? -errno : fd_write_all(fd, text, (size_t)len);
	if (!r && renameat(dirfd, temp, dirfd, name))
		r = -errno;
	if (r) {
		if (fd >= 0)
			(void)unlinkat(dirfd, temp, 0);
		log_err("%s/%s: cannot be written: %s; %s", RECORD_DIR, name,
			strerror(-r),
			r == -EACCES ? "run as root" : "make room in /run");
	}
	return r;
}

/* Takes "key=value\n" off the front of *text. */
static bool take(char **text, const char *key, char value[BIND_DRIVER_SIZE])
{
	size_t len = strlen(key);
	char *end;

	if (strncmp(*text, key, len) || (*text)[len] != '=')
		return false;
	*text += len + 1;
	end = strchr(*text, '\n');
	if (!end || end - *text >= BIND_DRIVER_SIZE)
		return false;
	*end = '\0';
	strcpy(value, *text);
	*text = end + 1;
	return true;
}

/* Some drivers have names like "budget dvb": whatever can be one directory is
 * right here.  What modprobe is given is checked more strictly. */
static bool is_directory_name(const char *name)
{
	return name[0] != '.' && !strchr(name, '/');
}

int bind_record_load(int dirfd, const char *bdf, struct bind_state *state)
{
	char name[64], text[256] = "", *at = text;
	cleanup_fd int fd = -1;
	ssize_t n;

	record_name(name, bdf, "");
	fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n < 0) {
		int r = -errno;

		log_err("%s/%s: cannot be read: %s; run as root", RECORD_DIR,
			name, strerror(-r));
		return r;
	}
	if (take(&at, "driver", state->driver) &&
	    take(&at, "override", state->override) &&
	    is_directory_name(state->driver))
		return 0;
	log_err("%s/%s: damaged; remove it and bind the host driver by hand",
		RECORD_DIR, name);
	return -EINVAL;
}

void bind_record_remove(int dirfd, const char *bdf)
{
	char name[64];

	record_name(name, bdf, "");
	if (unlinkat(dirfd, name, 0) && errno != ENOENT)
		log_err("%s/%s: cannot be removed: %s; remove it by hand",
			RECORD_DIR, name, strerror(errno));
}
