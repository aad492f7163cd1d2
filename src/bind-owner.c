// SPDX-License-Identifier: BSD-2-Clause
/*
 * bind-owner - gives a bound device's node to the user who is to run the
 * guest. Owns the wait for the node, which devtmpfs or udev makes.
 */
#include "bind.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fd.h"
#include "log.h"

#define WAIT_STEP_MS 20
#define WAIT_STEPS 250

int bind_find_user(const char *name, struct bind_owner *out)
{
	const struct passwd *pw;
	unsigned long n;
	char *end;

	pw = getpwnam(name);
	if (!pw && name[0] >= '0' && name[0] <= '9') {
		n = strtoul(name, &end, 10);
		/* The last number means "leave it" to chown(2). */
		if (!*end && n < UINT32_MAX) {
			pw = getpwuid((uid_t)n);
			*out = (struct bind_owner){ true, (uid_t)n,
						    pw ? pw->pw_gid :
							 (gid_t)n };
			return 0;
		}
	}
	if (!pw) {
		log_err("--owner %s: no such user; give a name or a number"
			" from getent passwd",
			name);
		return -ENOENT;
	}
	*out = (struct bind_owner){ true, pw->pw_uid, pw->pw_gid };
	return 0;
}

void bind_read_owner(const struct sysfs *sysfs, const struct sysfs_device *dev,
		     struct bind_owner *out)
{
	char path[PATH_MAX];
	struct stat st;

	*out = (struct bind_owner){ .known = false };
	if (dev->node[0] &&
	    !sysfs_path(sysfs, path, sizeof(path), "%s", dev->node) &&
	    !stat(path, &st))
		*out = (struct bind_owner){ true, st.st_uid, st.st_gid };
}

/* The node of the device as of now, checked to be that device.  fd or
 * -errno; -EAGAIN while there is none. */
static int open_node(const struct sysfs *sysfs, const char *bdf,
		     struct sysfs_device *dev)
{
	char path[PATH_MAX];
	struct stat st;
	int fd, r;

	r = sysfs_read_pci(sysfs, bdf, dev);
	if (r)
		return r;
	if (!dev->node[0])
		return dev->has_vfio_dev ? -EOPNOTSUPP : -EAGAIN;
	r = sysfs_path(sysfs, path, sizeof(path), "%s", dev->node);
	if (r)
		return r;
	/* O_PATH does not open the device itself. */
	fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -EAGAIN : -errno;
	if (fstat(fd, &st) || !S_ISCHR(st.st_mode) || st.st_rdev != dev->rdev) {
		close(fd);
		return -EAGAIN;
	}
	return fd;
}

int bind_give_node(const struct sysfs *sysfs, const char *bdf,
		   const struct bind_owner *owner)
{
	const struct timespec step = { .tv_nsec = WAIT_STEP_MS * 1000000L };
	struct sysfs_device *dev = malloc(sizeof(*dev));
	cleanup_fd int fd = -1;
	int i, r;

	if (!dev) {
		log_err("%s: out of memory", bdf);
		return -ENOMEM;
	}
	fd = open_node(sysfs, bdf, dev);
	for (i = 0; fd == -EAGAIN && i < WAIT_STEPS; i++) {
		nanosleep(&step, NULL);
		fd = open_node(sysfs, bdf, dev);
	}
	r = fd < 0 ? fd : 0;
	if (fd >= 0 && fchownat(fd, "", owner->uid, owner->gid, AT_EMPTY_PATH))
		r = -errno;
	if (r == -EAGAIN)
		log_err("%s: its node did not appear: is devtmpfs mounted on"
			" /dev, and does the kernel have"
			" CONFIG_VFIO_DEVICE_CDEV?",
			bdf);
	else if (r == -EOPNOTSUPP)
		log_err("%s: this kernel makes no nodes for VFIO devices; use"
			" one with CONFIG_VFIO_DEVICE_CDEV=y",
			bdf);
	else if (r)
		log_err("%s: cannot be given away: %s: %s; run as root", bdf,
			dev->node, strerror(-r));
	free(dev);
	return r;
}
