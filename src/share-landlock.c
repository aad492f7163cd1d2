// SPDX-License-Identifier: BSD-2-Clause
/*
 * share-landlock - the kernel's own fence around a shared directory: even a
 * thread that was taken over opens nothing outside it. Owns no descriptor.
 */
#include <errno.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fd.h"
#include "share-priv.h"

/* Before version 2 nothing could be renamed into another directory. */
#define MIN_VERSION 2
/* Version 3, which older headers lack. */
#define ACCESS_TRUNCATE (1ULL << 14)

#define ACCESS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define ACCESS_CHANGE                                                    \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |  \
	 LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |    \
	 LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM |    \
	 LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_REFER)
/* What nobody needs here.  Of character devices whiteouts are needed, and without
 * CAP_MKNOD, which is given up, the kernel lets make no others. */
#define ACCESS_NEVER \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_BLOCK)

/* Not built, or not among the security modules it was booted with; or too old. */
static bool has_none(long version)
{
	return version < 0 ? errno == ENOSYS || errno == EOPNOTSUPP :
			     version < MIN_VERSION;
}

int share_landlock_create(int root_fd, bool read_only)
{
	struct landlock_ruleset_attr attr = {
		.handled_access_fs = ACCESS_READ | ACCESS_CHANGE | ACCESS_NEVER,
	};
	struct landlock_path_beneath_attr rule = { .parent_fd = root_fd };
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
			       LANDLOCK_CREATE_RULESET_VERSION);
	int fd cleanup_fd = -1;

	if (has_none(version))
		return -EOPNOTSUPP;
	if (version < 0)
		return -errno;
	if (version >= 3)
		attr.handled_access_fs |= ACCESS_TRUNCATE;
	fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (fd < 0)
		return -errno;
	rule.allowed_access = ACCESS_READ;
	if (!read_only)
		rule.allowed_access = attr.handled_access_fs & ~ACCESS_NEVER;
	if (syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH,
		    &rule, 0))
		return -errno;
	return fd_steal(&fd);
}

int share_landlock_enter(int landlock_fd)
{
	if (syscall(SYS_landlock_restrict_self, landlock_fd, 0))
		return -errno;
	return 0;
}
