// SPDX-License-Identifier: BSD-2-Clause
/* test-initramfs - the archive by its format, and what may fail on the way. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture.h"
#include "fd.h"
#include "guest-init.h"
#include "initramfs.h"
#include "util.h"

static bool no_memfd, no_write;

int __real_memfd_create(const char *name, unsigned int flags);
int __wrap_memfd_create(const char *name, unsigned int flags);
int __wrap_memfd_create(const char *name, unsigned int flags)
{
	if (no_memfd) {
		errno = EMFILE;
		return -1;
	}
	return __real_memfd_create(name, flags);
}

int __real_fd_write_all(int fd, const void *buf, size_t len);
int __wrap_fd_write_all(int fd, const void *buf, size_t len);
int __wrap_fd_write_all(int fd, const void *buf, size_t len)
{
	return no_write ? -ENOSPC : __real_fd_write_all(fd, buf, len);
}

/* The fields of an entry's head, in their order. */
enum {
	INO,
	MODE,
	UID,
	GID,
	NLINK,
	MTIME,
	FILESIZE,
	DEVMAJOR,
	DEVMINOR,
	RDEVMAJOR,
	RDEVMINOR,
	NAMESIZE,
	CHECK,
	NR_FIELDS
};

struct entry {
	uint32_t field[NR_FIELDS];
	const char *name;
	const uint8_t *data;
};

/* Takes one entry off the archive, as the kernel does. */
static void next(struct entry *e, const uint8_t **at, const uint8_t *end)
{
	char hex[9] = "";

	assert_true(end - *at >= 110);
	assert_memory_equal(*at, "070701", 6);
	for (int i = 0; i < NR_FIELDS; i++) {
		memcpy(hex, *at + 6 + i * 8, 8);
		e->field[i] = (uint32_t)strtoul(hex, NULL, 16);
	}
	e->name = (const char *)*at + 110;
	assert_int_equal(strlen(e->name) + 1, e->field[NAMESIZE]);
	*at += align_up(110 + e->field[NAMESIZE], 4);
	e->data = *at;
	*at += align_up(e->field[FILESIZE], 4);
	assert_true(*at <= end);
}

static uint8_t *finished(struct initramfs *a, size_t *len)
{
	int fd = initramfs_finish(a);
	struct stat st;
	uint8_t *all;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
	*len = (size_t)st.st_size;
	assert_int_equal(*len % 4, 0);
	all = malloc(*len);
	assert_non_null(all);
	assert_int_equal(fd_pread_all(fd, all, *len, 0), 0);
	close(fd);
	return all;
}

static void is_what_the_kernel_reads(void **state)
{
	struct initramfs *a;
	struct entry e;
	const uint8_t *at, *end;
	uint8_t *all;
	size_t len;

	(void)state;
	assert_int_equal(initramfs_create(&a), 0);
	assert_int_equal(initramfs_dir(a, "/dev", 0755), 0);
	assert_int_equal(initramfs_device(a, "/dev/console", 0600, 5, 1), 0);
	/* Names and files of all lengths that padding knows. */
	assert_int_equal(initramfs_file(a, "/a", 0755, "12345", 5), 0);
	assert_int_equal(initramfs_file(a, "/bc", 0644, "123456", 6), 0);
	assert_int_equal(initramfs_file(a, "/def", 0644, "1234567", 7), 0);
	assert_int_equal(initramfs_file(a, "/ghij", 0644, "12345678", 8), 0);
	assert_int_equal(initramfs_file(a, "/empty", 0644, NULL, 0), 0);
	all = finished(a, &len);
	initramfs_destroy(a);
	at = all;
	end = all + len;
	next(&e, &at, end);
	assert_string_equal(e.name, "dev");
	assert_int_equal(e.field[MODE], S_IFDIR | 0755);
	next(&e, &at, end);
	assert_string_equal(e.name, "dev/console");
	assert_int_equal(e.field[MODE], S_IFCHR | 0600);
	assert_int_equal(e.field[RDEVMAJOR], 5);
	assert_int_equal(e.field[RDEVMINOR], 1);
	assert_int_equal(e.field[UID] | e.field[GID] | e.field[MTIME], 0);
	for (uint32_t i = 5; i <= 8; i++) {
		next(&e, &at, end);
		assert_int_equal(strlen(e.name), i - 4);
		assert_int_equal(e.field[FILESIZE], i);
		assert_int_equal(e.field[NLINK], 1);
		assert_memory_equal(e.data, "12345678", i);
	}
	next(&e, &at, end);
	assert_string_equal(e.name, "empty");
	assert_int_equal(e.field[FILESIZE], 0);
	assert_int_equal(e.field[INO], 7); /* no two are links of one file */
	next(&e, &at, end);
	assert_string_equal(e.name, "TRAILER!!!");
	assert_ptr_equal(at, end);
	free(all);
}

static void the_init_is_an_elf_file(void **state)
{
	(void)state;
	assert_true(guest_init_end - guest_init_start > 4096);
	assert_memory_equal(guest_init_start, "\177ELF", 4);
}

static void says_what_fails(void **state)
{
	char name[PATH_MAX + 2];
	const char *text;
	struct capture c;
	struct initramfs *a;

	(void)state;
	capture_begin(&c);
	no_memfd = true;
	assert_int_equal(initramfs_create(&a), -EMFILE);
	no_memfd = false;
	assert_null(a);
	assert_int_equal(initramfs_create(&a), 0);
	no_write = true;
	assert_int_equal(initramfs_file(a, "/job", 0600, "x", 1), -ENOSPC);
	assert_int_equal(initramfs_finish(a), -ENOSPC);
	no_write = false;
	/* No field has room for more. */
	assert_int_equal(initramfs_file(a, "/big", 0600, "", 1ULL << 32),
			 -EFBIG);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(initramfs_dir(a, name, 0755), -ENAMETOOLONG);
	text = capture_end(&c);
	assert_non_null(strstr(text, "wherry: initramfs: cannot be made: "));
	assert_non_null(strstr(text, "wherry: initramfs: cannot add /job: "));
	initramfs_destroy(a);
	initramfs_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_what_the_kernel_reads),
		cmocka_unit_test(the_init_is_an_elf_file),
		cmocka_unit_test(says_what_fails),
	};

	return run_all(tests);
}
