/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest RAM on a host whose system calls fail where asked. For programs that
 * wrap what __wrap_ stands for below. After harness.h.
 */
#ifndef TESTS_UNIT_RAM_FIXTURE_H
#define TESTS_UNIT_RAM_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "capture.h"
#include "ram.h"

#define PAGE KIB(4)

/* What the wrapped calls do. */
static struct {
	int memfd_errno, ftruncate_errno, mmap_errno, populate_errno;
	int fallocate_errno, mbind_errno, madvise_errno, collapse_errno;
	unsigned int memfd_flags, nr_populated, nr_touched, nr_memfds;
	unsigned int nr_collapses;
	bool populate_fakes; /* nothing is allocated */
	int advice; /* on huge pages; -1: none */
	long mbind_mode;
	unsigned long mbind_mask; /* of the first 64 nodes */
	size_t advised, bound; /* bytes */
} fake;

int __real_memfd_create(const char *name, unsigned int flags);
int __wrap_memfd_create(const char *name, unsigned int flags);
int __wrap_ftruncate(int fd, off_t size);
int __real_ftruncate(int fd, off_t size);
void *__real_mmap(void *addr, size_t len, int prot, int flags, int fd,
		  off_t offset);
void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd,
		  off_t offset);
int __real_madvise(void *addr, size_t len, int advice);
int __wrap_madvise(void *addr, size_t len, int advice);
int __real_fallocate(int fd, int mode, off_t offset, off_t len);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t len);
long __wrap_syscall(long nr, ...);

static inline int fails(int number)
{
	errno = number;
	return number ? -1 : 0;
}

int __wrap_memfd_create(const char *name, unsigned int flags)
{
	if (strcmp(name, RAM_MEMFD_NAME)) /* capture.h's */
		return __real_memfd_create(name, flags);
	fake.memfd_flags = flags;
	fake.nr_memfds++;
	if (fails(fake.memfd_errno))
		return -1;
	/* Ordinary pages stand in for huge ones. */
	return __real_memfd_create(name,
				   flags & (MFD_CLOEXEC | MFD_ALLOW_SEALING));
}

int __wrap_ftruncate(int fd, off_t size)
{
	return fails(fake.ftruncate_errno) ? -1 : __real_ftruncate(fd, size);
}

void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd,
		  off_t offset)
{
	if (flags & MAP_SHARED && fails(fake.mmap_errno))
		return MAP_FAILED;
	return __real_mmap(addr, len, prot, flags, fd, offset);
}

int __wrap_madvise(void *addr, size_t len, int advice)
{
	if (advice == 25) { /* MADV_COLLAPSE */
		__atomic_fetch_add(&fake.nr_collapses, 1, __ATOMIC_RELAXED);
		return fails(fake.collapse_errno);
	}
	if (advice == 23) { /* MADV_POPULATE_WRITE */
		__atomic_fetch_add(len == PAGE ? &fake.nr_touched :
						 &fake.nr_populated,
				   1, __ATOMIC_RELAXED);
		if (fails(fake.populate_errno))
			return -1;
		if (fake.populate_fakes)
			return 0;
		return __real_madvise(addr, len, advice);
	}
	if (advice == MADV_HUGEPAGE || advice == MADV_NOHUGEPAGE) {
		fake.advice = advice;
		fake.advised = len;
		return fails(fake.madvise_errno);
	}
	return __real_madvise(addr, len, advice);
}

int __wrap_fallocate(int fd, int mode, off_t offset, off_t len)
{
	if (fails(fake.fallocate_errno))
		return -1;
	return __real_fallocate(fd, mode, offset, len);
}

/* mbind() is the only call made by number. */
long __wrap_syscall(long nr, ...)
{
	va_list ap;

	assert_int_equal(nr, SYS_mbind);
	va_start(ap, nr);
	assert_non_null(va_arg(ap, void *));
	fake.bound = va_arg(ap, size_t);
	fake.mbind_mode = va_arg(ap, int);
	fake.mbind_mask = *va_arg(ap, unsigned long *);
	va_end(ap);
	return fails(fake.mbind_errno);
}

static inline int reset_fake(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	fake.advice = -1;
	return 0;
}

/* 1 MiB at 0, and 64 KiB at 4 GiB. */
static const struct range two[] = {
	{ 0, MIB(1) },
	{ GIB(4), KIB(64) },
};

static const struct range four_mib[] = { { 0, MIB(4) } };

static inline struct ram_params params_of(const struct range *ranges,
					  unsigned int nr)
{
	return (struct ram_params){
		.ranges = ranges,
		.nr_ranges = nr,
		.thp = -1,
		.host_node = -1,
	};
}

static inline struct ram *make(const struct ram_params *params)
{
	struct ram *ram = NULL;

	assert_int_equal(ram_create(&ram, params), 0);
	assert_non_null(ram);
	return ram;
}

static inline unsigned int open_fds(void)
{
	unsigned int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* ram_create() must fail with r, say text, and leave nothing open. */
static inline void refused(const struct ram_params *params, int r,
			   const char *text)
{
	unsigned int before = open_fds();
	struct ram *ram = NULL;
	struct capture c;
	int got;

	capture_begin(&c);
	got = ram_create(&ram, params);
	capture_end(&c);
	assert_int_equal(got, r);
	assert_null(ram);
	if (!strstr(c.text, text))
		fail_msg("said: %swanted: %s", c.text, text);
	assert_ptr_equal(strchr(c.text, '\n'), c.text + strlen(c.text) - 1);
	assert_int_equal(open_fds(), before);
}

#endif
