// SPDX-License-Identifier: BSD-2-Clause
/*
 * Owns how an image comes from its file into guest RAM.  Does not know image
 * formats or where things go: that is the architecture's.
 */
#include "boot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "fd.h"
#include "log.h"

int boot_open(const char *what, const char *path, int *fd)
{
	int r;

	/* O_NONBLOCK: a FIFO is refused, not waited for. */
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (*fd >= 0)
		return 0;
	r = -errno;
	log_err("%s: cannot open the %s: %s%s", path, what, strerror(-r),
		r == -ENOENT ? "; name a file that is there" :
		r == -EACCES ? "; let this user read it, or name a copy" :
			       "");
	return r;
}

int boot_file_init(struct boot_file *f, int fd, const char *name)
{
	struct stat st;
	int r;

	*f = (struct boot_file){ .fd = fd, .name = name };
	if (fstat(fd, &st) < 0) {
		r = -errno;
		log_err("%s: cannot read: %s", name, strerror(-r));
		return r;
	}
	if (!S_ISREG(st.st_mode)) {
		log_err("%s: not a regular file; give an image that can be "
			"read at any offset",
			name);
		return -EINVAL;
	}
	if (st.st_size <= 0) {
		log_err("%s: the file is empty", name);
		return -EINVAL;
	}
	f->size = (uint64_t)st.st_size;
	return 0;
}

bool boot_file_has(const struct boot_file *f, uint64_t offset, uint64_t len)
{
	return range_contains(0, f->size, offset, len);
}

int boot_file_read(const struct boot_file *f, uint64_t offset, void *buf,
		   size_t len)
{
	int r;

	if (!boot_file_has(f, offset, len)) {
		log_err("%s: truncated: %llu bytes at offset %llu are wanted, "
			"the file has %llu; get a complete image",
			f->name, (unsigned long long)len,
			(unsigned long long)offset,
			(unsigned long long)f->size);
		return -EINVAL;
	}
	r = fd_pread_all(f->fd, buf, len, (off_t)offset);
	if (r == -ENODATA) {
		log_err("%s: truncated: it became shorter while it was read",
			f->name);
		return -EINVAL;
	}
	if (r)
		log_err("%s: cannot read: %s", f->name, strerror(-r));
	return r;
}

int boot_file_load(const struct boot_file *f, uint64_t offset, struct ram *ram,
		   gpa_t gpa, uint64_t len)
{
	void *to = ram_ptr(ram, gpa, len);

	if (!to) {
		log_err("%s: wants memory at %#llx to %#llx, where the guest "
			"has none; give it more --memory",
			f->name, (unsigned long long)gpa,
			(unsigned long long)(gpa + len));
		return -EINVAL;
	}
	return boot_file_read(f, offset, to, len);
}

bool boot_version_in(const char *buf, size_t len, char *version, size_t size)
{
	static const char before[] = "Linux version ";
	const size_t n = sizeof(before) - 1;
	const char *end = buf + len, *at = buf;

	while ((at = memmem(at, (size_t)(end - at), before, n))) {
		const char *space;

		at += n;
		space = memchr(at, ' ', MIN((size_t)(end - at), size));
		/* A format, "%s", is not it. */
		if (!space || *at < '0' || *at > '9')
			continue;
		memcpy(version, at, (size_t)(space - at));
		version[space - at] = '\0';
		return !memchr(version, '\0', (size_t)(space - at));
	}
	return false;
}

int boot_file_version(const struct boot_file *f, char *version, size_t size)
{
	char *buf cleanup_free = malloc(BOOT_SCAN_BYTES);
	uint64_t at = 0;
	int r = 0;

	if (!buf) {
		log_err("%s: cannot read: out of memory", f->name);
		return -ENOMEM;
	}
	while (!r && at < f->size) {
		size_t len = MIN(f->size - at, BOOT_SCAN_BYTES);

		r = boot_file_read(f, at, buf, len);
		if (!r && boot_version_in(buf, len, version, size))
			return 0;
		/* It may lie across the end of a piece. */
		at += len < BOOT_SCAN_BYTES ? len : len - BOOT_SCAN_OVERLAP;
	}
	return r ? r : -ENOENT;
}

int boot_load_initrd(struct ram *ram, int fd, const char *name,
		     const struct range *room, struct range *initrd)
{
	enum { PAGE = 4096 };
	uint64_t bottom = align_up(room->start, PAGE);
	uint64_t top = align_down(room->start + room->size, PAGE);
	uint64_t most = bottom < top ? top - bottom : 0;
	struct boot_file f;
	int r;

	*initrd = (struct range){ 0, 0 };
	if (fd < 0)
		return 0;
	r = boot_file_init(&f, fd, name);
	if (r)
		return r;
	if (f.size > most) {
		log_err("%s: the initrd is too large: %llu KiB, there is room "
			"for %llu KiB; give the guest more --memory",
			f.name, (unsigned long long)(f.size >> 10) + 1,
			(unsigned long long)most >> 10);
		return -E2BIG;
	}
	*initrd = (struct range){ align_down(top - f.size, PAGE), f.size };
	return boot_file_load(&f, 0, ram, initrd->start, f.size);
}

int boot_check_cmdline(const char *cmdline, uint64_t max)
{
	size_t len = strlen(cmdline);

	if (len <= max)
		return 0;
	log_err("--append: the kernel command line is too long: %zu bytes, "
		"this kernel takes at most %llu; shorten it",
		len, (unsigned long long)max);
	return -E2BIG;
}
