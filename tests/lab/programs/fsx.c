// SPDX-License-Identifier: BSD-2-Clause
/*
 * fsx - changes a file in random ways and compares it with what memory has of it:
 *
 *	fsx FILE OPERATIONS SEED [no-maps]
 *
 * Says "fsx good" or what differs, where, after which operations; status 1. The
 * file is written, also through mappings and to its end, read, cut, lengthened,
 * filled, holed, copied within, synced, opened again with and without O_DIRECT,
 * and forgotten by the kernel.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX (300UL << 10)
#define BLOCK 4096UL

static const char *path;
static int fd = -1;
static bool maps = true, direct;
static uint8_t want[MAX], *buf; /* buf is aligned */
static unsigned long size, nr, from, len;
static uint64_t seed;

static uint32_t chance(uint32_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % n;
}

static void must(const char *what, long r)
{
	if (r >= 0)
		return;
	printf("fsx: operation %lu: %s of %lu at %lu: %s\n", nr, what, len,
	       from, strerror(errno));
	exit(1);
}

static void whole(const char *what, long r)
{
	must(what, r);
	if ((unsigned long)r == len)
		return;
	printf("fsx: operation %lu: %s of %lu at %lu: only %ld\n", nr, what,
	       len, from, r);
	exit(1);
}

static void same(const char *what, const uint8_t *got)
{
	for (unsigned long i = 0; i < len; i++) {
		if (got[i] == want[from + i])
			continue;
		printf("fsx: operation %lu: %s of %lu at %lu: byte %lu is %#x "
		       "and not %#x\n",
		       nr, what, len, from, from + i, got[i], want[from + i]);
		exit(1);
	}
}

/* A place that may go beyond the end, or not. */
static void choose(bool beyond)
{
	unsigned long end = beyond ? MAX : size;

	from = chance((uint32_t)end + 1);
	if (direct)
		from -= from % BLOCK;
	len = end - from;
	len = len ? chance((uint32_t)(len > 70000 ? 70000 : len) + 1) : 0;
	if (direct)
		len -= len % BLOCK;
}

static void grown(void)
{
	if (len && from + len > size)
		size = from + len;
}

static void write_some(void)
{
	choose(true);
	for (unsigned long i = 0; i < len; i++)
		want[from + i] = buf[i] = (uint8_t)(chance(255) + 1);
	whole("write", pwrite(fd, buf, len, (off_t)from));
	grown();
}

static void append(void)
{
	int end = open(path, O_WRONLY | O_APPEND);

	from = size;
	len = chance(5000);
	if (from + len <= MAX) {
		memset(want + from, (int)(nr % 255 + 1), len);
		whole("append", write(end, want + from, len));
		grown();
	}
	close(end);
}

static void read_some(void)
{
	choose(false);
	whole("read", pread(fd, buf, len, (off_t)from));
	same("read", buf);
}

static void map(void)
{
	bool shared = chance(3), writes = chance(2);
	uint8_t *p;

	if (!size)
		return;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		 shared ? MAP_SHARED : MAP_PRIVATE, fd, 0);
	must("mmap", p == MAP_FAILED ? -1 : 0);
	choose(false);
	if (writes && shared)
		for (unsigned long i = 0; i < len; i++)
			p[from + i] = want[from + i] =
				(uint8_t)(chance(255) + 1);
	if (chance(3) == 0)
		must("msync", msync(p, size, MS_SYNC));
	same("map", p + from);
	munmap(p, size);
}

static void cut(void)
{
	from = chance(2) ? chance(MAX) : size;
	len = 0;
	must("ftruncate", ftruncate(fd, (off_t)from));
	if (from < size)
		memset(want + from, 0, size - from);
	size = from;
}

static void allocate(void)
{
	bool hole = chance(2);

	choose(!hole);
	if (!len)
		return;
	must("fallocate",
	     fallocate(fd,
		       hole ? FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE : 0,
		       (off_t)from, (off_t)len));
	if (hole)
		memset(want + from, 0, len);
	else
		grown();
}

static void copy(void)
{
	off_t in, out;
	long n;

	choose(false);
	in = (off_t)from;
	out = (off_t)chance((uint32_t)(MAX - len) + 1);
	if (direct)
		out -= out % (off_t)BLOCK;
	if ((unsigned long)out < from + len && from < (unsigned long)out + len)
		return;
	n = copy_file_range(fd, &in, fd, &out, len, 0);
	if (n < 0 && errno == EOPNOTSUPP)
		return;
	whole("copy_file_range", n);
	memcpy(want + out - len, want + from, len);
	from = (unsigned long)out - len;
	grown();
}

static void reopen(void)
{
	if (fd >= 0)
		close(fd);
	direct = chance(4) == 0;
	fd = open(path, O_RDWR | (direct ? O_DIRECT : 0));
	if (fd < 0 && direct && errno == EINVAL) {
		direct = false;
		fd = open(path, O_RDWR);
	}
	must("open", fd);
}

static void check_size(void)
{
	struct stat st;

	must("fstat", fstat(fd, &st));
	from = 0;
	len = (unsigned long)st.st_size;
	whole("size", (long)size);
}

static void operate(void)
{
	switch (chance(16)) {
	case 0:
		cut();
		break;
	case 1:
		allocate();
		break;
	case 2:
		copy();
		break;
	case 3:
		reopen();
		break;
	case 4:
		append();
		break;
	case 5:
		must("fsync", chance(2) ? fsync(fd) : fdatasync(fd));
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		break;
	case 6:
	case 7:
	case 8:
		if (maps)
			map();
		break;
	case 9:
	case 10:
	case 11:
		write_some();
		break;
	default:
		read_some();
		break;
	}
	check_size();
}

int main(int argc, char **argv)
{
	unsigned long last;

	if (argc < 4)
		errx(2, "see the head of fsx.c");
	path = argv[1];
	last = strtoul(argv[2], NULL, 0);
	seed = strtoull(argv[3], NULL, 0);
	maps = argc == 4;
	buf = aligned_alloc(BLOCK, MAX);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	must("open", fd);
	for (nr = 0; nr < last; nr++)
		operate();
	from = 0;
	len = size;
	reopen();
	if (!direct) {
		whole("read", pread(fd, buf, len, 0));
		same("read", buf);
	}
	printf("fsx good\n");
	return 0;
}
