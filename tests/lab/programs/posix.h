/* SPDX-License-Identifier: BSD-2-Clause */
/* How the calls of posix.c are made and told. */
#ifndef TESTS_LAB_PROGRAMS_POSIX_H
#define TESTS_LAB_PROGRAMS_POSIX_H

#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define USER 1234 /* a user of the guest's, who is nobody special */

static const char *part;

static long say(const char *what, long r)
{
	if (r < 0)
		printf("%s: %s: %s\n", part, what, strerrorname_np(errno));
	else
		printf("%s: %s: %ld\n", part, what, r);
	return r;
}

/* A call and its result. */
#define T(call) say(#call, (long)(call))
/* The same of one whose result is a descriptor: 0, and it is closed. */
#define OPENS(call) say(#call, opens(call))

static long opens(int fd)
{
	return fd < 0 ? -1 : close(fd);
}

/* What a name is. */
static void show(const char *name)
{
	char target[300] = "";
	struct stat st;

	if (lstat(name, &st)) {
		printf("%s: %.40s is not: %s\n", part, name,
		       strerrorname_np(errno));
		return;
	}
	if (S_ISLNK(st.st_mode))
		target[readlink(name, target, sizeof(target) - 1)] = 0;
	printf("%s: %.40s is %o %u:%u %lu links, %ld bytes%s%s\n", part, name,
	       st.st_mode, st.st_uid, st.st_gid, (long)st.st_nlink,
	       S_ISDIR(st.st_mode) ? 0 : (long)st.st_size,
	       *target ? ", to " : "", target);
}

static void file(const char *name, const char *text, mode_t mode)
{
	int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY, mode);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		printf("%s: cannot make %s: %s\n", part, name,
		       strerrorname_np(errno));
	close(fd);
	chmod(name, mode);
}

static const char *text_of(const char *name)
{
	static char text[5000];
	int fd = open(name, O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	text[n < 0 ? 0 : n] = 0;
	close(fd);
	return text;
}

static void contents(const char *name)
{
	printf("%s: in %s: '%.100s'\n", part, name, text_of(name));
}

/* As somebody else, in another process. */
static void as_user(void (*f)(void))
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (setgroups(0, NULL) || setresgid(USER, USER, USER) ||
		    setresuid(USER, USER, USER))
			err(1, "setresuid");
		f();
		fflush(stdout);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		printf("%s: the user's process: %#x\n", part, status);
}

#endif
