/* SPDX-License-Identifier: BSD-2-Clause */
/* Counts this process's open file descriptors, to find leaks. */
#ifndef TESTS_UNIT_FDS_H
#define TESTS_UNIT_FDS_H

#include <dirent.h>
#include <stdlib.h>

static inline unsigned int nr_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	if (!dir)
		abort();
	while (readdir(dir))
		n++;
	closedir(dir);
	return n; /* with ".", ".." and the directory itself, always */
}

#endif
