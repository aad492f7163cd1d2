// SPDX-License-Identifier: BSD-2-Clause
/*
 * share-fs - the file systems that are the kernel's own interfaces. Owns
 * nothing.
 */
#include "share-fs.h"

#include <linux/magic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/vfs.h>

#include "util.h"

/* Those of <linux/magic.h>, and those that Linux defines beside the code. */
static const uint32_t magics[] = {
	PROC_SUPER_MAGIC,     SYSFS_MAGIC,	  DEBUGFS_MAGIC,
	TRACEFS_MAGIC,	      SECURITYFS_MAGIC,	  SELINUX_MAGIC,
	SMACK_MAGIC,	      CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC,
	RDTGROUP_SUPER_MAGIC, BPF_FS_MAGIC,	  PSTOREFS_MAGIC,
	EFIVARFS_MAGIC,	      BINFMTFS_MAGIC,	  NSFS_MAGIC,
	0x62656570, /* configfs */
	0x65735543, /* fusectl */
	0x5a3c69f0, /* AppArmor's */
	0x19800202, /* POSIX message queues */
};

bool share_fs_is_kernels(int fd)
{
	struct statfs fs;
	unsigned int i;

	if (fstatfs(fd, &fs))
		return true;
	for (i = 0; i < ARRAY_SIZE(magics); i++)
		if ((uint32_t)fs.f_type == magics[i])
			return true;
	return false;
}
