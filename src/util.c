// SPDX-License-Identifier: BSD-2-Clause
/*
 * util - whole-file reads and writes of attributes, what may be shown. Holds no state and logs
 * nothing: only the caller knows whether a missing file is an error.
 */
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "fd.h"

#define FIRST_READ 4096

uint64_t host_page_bytes(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

size_t printable_bytes(const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t n, i;

	if (!len || *p < 0x80)
		return len && *p >= 0x20 && *p != 0x7f;
	n = *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
	if (*p < 0xc2 || *p > 0xf4 || n > len)
		return 0;
	for (i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* Controls, what is longer than need be, surrogates, what is no
	 * character: of each kind the second byte tells. */
	if ((*p == 0xc2 && p[1] < 0xa0) || (*p == 0xe0 && p[1] < 0xa0) ||
	    (*p == 0xed && p[1] > 0x9f) || (*p == 0xf0 && p[1] < 0x90) ||
	    (*p == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

/* Reads fd to its end, or until buf, which has *used bytes, is full. */
static int read_full(int fd, char *buf, size_t size, size_t *used)
{
	while (*used < size) {
		ssize_t n = read(fd, buf + *used, size - *used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		*used += (size_t)n;
	}
	return 0;
}

/* Reads fd to its end into a growing buffer: procfs files have no size. */
static int read_to_end(int fd, size_t max, char **buf, size_t *len)
{
	size_t cap = MIN(max, FIRST_READ) + 1;
	size_t used = 0;
	char *p = NULL;
	int r;

	for (;;) {
		char *bigger = realloc(p, cap + 1);

		*buf = bigger ? bigger : p;
		if (!bigger)
			return -ENOMEM;
		p = bigger;

		r = read_full(fd, p, cap, &used);
		if (r)
			return r;
		if (used > max)
			return -EFBIG;
		if (used < cap)
			break;
		cap = MIN(cap * 2, max + 1);
	}

	p[used] = '\0';
	*len = used;
	return 0;
}

int read_file(const char *path, size_t max, char **out, size_t *len_bytes)
{
	int fd cleanup_fd = -1;
	char *buf cleanup_free = NULL;
	size_t len = 0;
	int r;

	if (max > SIZE_MAX / 4)
		return -EINVAL;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;

	r = read_to_end(fd, max, &buf, &len);
	if (r)
		return r;

	*out = buf;
	buf = NULL;
	if (len_bytes)
		*len_bytes = len;
	return 0;
}

int read_attr(const char *path, char *buf, size_t size)
{
	int fd cleanup_fd = -1;
	size_t used = 0;
	int r;

	if (!size)
		return -EINVAL;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;

	r = read_full(fd, buf, size, &used);
	if (r)
		return r;
	if (used == size)
		return -EFBIG; /* no room for the NUL */

	if (used && buf[used - 1] == '\n')
		used--;
	buf[used] = '\0';
	return 0;
}

int write_attr(const char *path, const char *val)
{
	int fd cleanup_fd = -1;
	size_t len = strlen(val);
	ssize_t n;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;

	/* One write: an attribute takes each as a whole new value. */
	do {
		n = write(fd, val, len);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}
