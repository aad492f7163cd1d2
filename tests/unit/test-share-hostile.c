// SPDX-License-Identifier: BSD-2-Clause
/* Guests that lie, and others who write in the shared directory meanwhile. */
#include "harness.h"

#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>

#include "share-fixture.h"

static void refuses_names_that_lead_out(void **state)
{
	static const char *const names[] = {
		"..", ".", "", "../secret", "dir/inner", "/etc/passwd", "/"
	};
	const struct fuse_mkdir_in dir = { .mode = 0755 };
	struct fuse_rename_in ren = { .newdir = ROOT };
	struct fuse_link_in link = { 0 };
	char longest[300];
	unsigned int i;

	(void)state;
	link.oldnodeid = lookup(ROOT, "hello");
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(CALL0(FUSE_LOOKUP, ROOT, names[i]), -EINVAL);
		assert_int_equal(CALL(FUSE_MKDIR, ROOT, &dir, names[i]),
				 -EINVAL);
		assert_int_equal(create(ROOT, names[i], O_RDWR, 0644), -EINVAL);
		assert_int_equal(CALL0(FUSE_UNLINK, ROOT, names[i]), -EINVAL);
		assert_int_equal(CALL0(FUSE_SYMLINK, ROOT, names[i], "x"),
				 -EINVAL);
		assert_int_equal(CALL(FUSE_LINK, ROOT, &link, names[i]),
				 -EINVAL);
		assert_int_equal(CALL(FUSE_RENAME, ROOT, &ren, "hello",
				      names[i]),
				 -EINVAL);
		assert_int_equal(CALL(FUSE_RENAME, ROOT, &ren, names[i], "new"),
				 -EINVAL);
	}
	memset(longest, 'n', sizeof(longest));
	longest[256] = '\0';
	assert_int_equal(CALL0(FUSE_LOOKUP, ROOT, longest), -ENAMETOOLONG);
}

/* Symbolic links are told, never followed, in every place of a path. */
static void follows_no_link(void **state)
{
	const struct fuse_open_in in = { 0 };
	uint64_t ino, fh;

	(void)state;
	fx_link("/share/out", "/secret");
	fx_link("/share/key", "/secret/key");
	ino = lookup(ROOT, "out");
	assert_int_not_equal(ino, 0);
	assert_int_equal(reply.entry.attr.mode & S_IFMT, S_IFLNK);
	assert_int_equal(CALL0(FUSE_LOOKUP, ino, "key"), -ENOTDIR);
	assert_int_equal(CALL(FUSE_OPENDIR, ino, &in), -ENOTDIR);
	ino = lookup(ROOT, "key");
	assert_int_equal(open_ino(ino, O_RDONLY, &fh), -ELOOP);
	assert_int_equal(create(ROOT, "key", O_RDWR, 0644), -ESTALE);
}

static void opens_files_only(void **state)
{
	struct fuse_mknod_in mk = { .mode = S_IFIFO | 0644 };
	char path[PATH_MAX];
	uint64_t fh;

	(void)state;
	/* Pipes and sockets are the guest's own affair. */
	assert_int_equal(CALL(FUSE_MKNOD, ROOT, &mk, "fifo"), 0);
	assert_int_equal(open_ino(reply.entry.nodeid, O_RDONLY, &fh), -ENXIO);
	assert_int_equal(create(ROOT, "fifo", O_RDWR, 0644), -ESTALE);
	mk.mode = S_IFSOCK | 0644;
	assert_int_equal(CALL(FUSE_MKNOD, ROOT, &mk, "socket"), 0);
	assert_int_equal(open_ino(reply.entry.nodeid, O_RDWR, &fh), -ENXIO);
	mk.mode = S_IFCHR | 0666;
	mk.rdev = 0x103;
	assert_int_equal(CALL(FUSE_MKNOD, ROOT, &mk, "null"), -EPERM);
	mk.mode = S_IFBLK | 0666;
	assert_int_equal(CALL(FUSE_MKNOD, ROOT, &mk, "disk"), -EPERM);
	if (mknod(fx_path(path, "/share/null"), S_IFCHR | 0666, makedev(1, 3)))
		skip_because("devices need root");
	assert_int_equal(open_ino(lookup(ROOT, "null"), O_RDWR, &fh), -ENXIO);
}

/*
 * In a share of everything /proc has this process's memory, in a file that passes
 * for a regular one.
 */
static void keeps_out_of_the_kernel(void **state)
{
	const struct share_params params = { .path = "/",
					     .cache = SHARE_CACHE_AUTO,
					     .max_files = 256,
					     .max_inodes = 65536 };
	const struct fuse_open_in in = { 0 };
	const struct fuse_mkdir_in mk = { .mode = 0755 };
	uint64_t proc;

	(void)state;
	share_destroy(share);
	share = NULL;
	assert_int_equal(share_create(&share, &params), 0);
	assert_int_equal(fuse_begin(), 0);
	proc = lookup(ROOT, "proc");
	assert_int_not_equal(proc, 0);
	assert_int_equal(getattr(proc), 0);
	assert_int_equal(CALL(FUSE_OPENDIR, proc, &in), -EACCES);
	assert_int_equal(CALL0(FUSE_LOOKUP, proc, "self"), -EACCES);
	assert_int_equal(CALL0(FUSE_LOOKUP, proc, "kmsg"), -EACCES);
	assert_int_equal(CALL(FUSE_MKDIR, proc, &mk, "x"), -EACCES);
	assert_int_equal(CALL0(FUSE_STATFS, proc), -EACCES);
	/* Other file systems are there, the one of this test, too. */
	assert_int_not_equal(lookup(ROOT, "tmp"), 0);
	assert_int_equal(CALL(FUSE_OPENDIR, reply.entry.nodeid, &in), 0);
}

static void knows_only_numbers_it_gave(void **state)
{
	uint64_t ino = lookup(ROOT, "hello"), fh, old;
	const struct fuse_open_in in = { 0 };

	(void)state;
	assert_int_equal(getattr(0), -ESTALE);
	assert_int_equal(getattr(ino + 1000), -ESTALE);
	assert_int_equal(getattr(UINT64_MAX), -ESTALE);
	assert_int_equal(read_fh(ino, 0, 0, 1), -EBADF);
	assert_int_equal(read_fh(ino, UINT64_MAX, 0, 1), -EBADF);
	/* Old ones find nothing, though their places are used again. */
	assert_int_equal(open_ino(ino, O_RDONLY, &fh), 0);
	old = fh;
	assert_int_equal(release(ino, fh), 0);
	assert_int_equal(open_ino(ino, O_RDONLY, &fh), 0);
	assert_int_not_equal(fh, old);
	assert_int_equal(read_fh(ino, old, 0, 1), -EBADF);
	old = ino;
	forget(ino, 1);
	forget(ino, 1);
	forget(old, UINT64_MAX);
	ino = lookup(ROOT, "hello");
	assert_int_not_equal(ino, old);
	/* One that is forgotten is not used, though others are below it. */
	old = lookup(ROOT, "dir");
	ino = lookup(old, "inner");
	forget(old, 1);
	assert_int_equal(CALL0(FUSE_UNLINK, old, "inner"), -ESTALE);
	assert_int_equal(CALL(FUSE_OPENDIR, old, &in), -ESTALE);
	assert_int_equal(getattr(ino), 0);
	forget(ROOT, UINT64_MAX);
	assert_int_equal(getattr(ROOT), 0);
}

/* Of each request every length up to its own, and one more. */
static void refuses_what_is_not_whole(void **state)
{
	static const struct {
		uint32_t op;
		size_t fixed;
		const char *a, *b;
	} whole[] = {
		{ FUSE_LOOKUP, 0, "hello", NULL },
		{ FUSE_GETATTR, sizeof(struct fuse_getattr_in), NULL, NULL },
		{ FUSE_SETATTR, sizeof(struct fuse_setattr_in), NULL, NULL },
		{ FUSE_SYMLINK, 0, "name", "target" },
		{ FUSE_MKDIR, sizeof(struct fuse_mkdir_in), "name", NULL },
		{ FUSE_RENAME2, sizeof(struct fuse_rename2_in), "a", "b" },
		{ FUSE_READ, sizeof(struct fuse_read_in), NULL, NULL },
		{ FUSE_WRITE, sizeof(struct fuse_write_in), NULL, NULL },
		{ FUSE_CREATE, sizeof(struct fuse_create_in), "name", NULL },
		{ FUSE_GETXATTR, sizeof(struct fuse_getxattr_in), "n", NULL },
		{ FUSE_SETXATTR, 8, "user.n", NULL },
		{ FUSE_LSEEK, sizeof(struct fuse_lseek_in), NULL, NULL },
	};
	size_t len, full, i;
	ssize_t n;

	(void)state;
	memset(request.args, 0, sizeof(request.args));
	for (i = 0; i < ARRAY_SIZE(whole); i++) {
		full = whole[i].fixed;
		if (whole[i].a)
			full += strlen(whole[i].a) + 1;
		if (whole[i].b)
			full += strlen(whole[i].b) + 1;
		memset(request.args, 0, full);
		memset(request.args + full, 'x', 8);
		if (whole[i].a)
			strcpy(request.args + whole[i].fixed, whole[i].a);
		if (whole[i].b)
			strcpy(request.args + whole[i].fixed +
				       strlen(whole[i].a) + 1,
			       whole[i].b);
		for (len = 0; len <= full + 3; len++) {
			if (len == full)
				continue;
			put_head(whole[i].op, 999, len);
			n = send_bytes(request.head.len, sizeof(reply));
			assert_int_equal(n, 16);
			assert_int_equal(reply.head.error, -EINVAL);
		}
		/* The length within says otherwise. */
		put_head(whole[i].op, 999, full);
		request.head.len++;
		n = send_bytes(request.head.len - 1, sizeof(reply));
		assert_int_equal(n, 16);
		assert_int_equal(reply.head.error, -EINVAL);
	}
	for (len = 0; len < sizeof(request.head); len++)
		assert_int_equal(send_bytes(len, sizeof(reply)), -EPROTO);
}

static void lies_about_lengths(void **state)
{
	struct fuse_write_in write = { .size = 1 << 30 };
	struct fuse_read_in read = { .size = UINT32_MAX };
	struct fuse_batch_forget_in batch = { .count = 1 << 20 };
	uint64_t ino = lookup(ROOT, "hello");
	size_t room;

	(void)state;
	assert_int_equal(open_ino(ino, O_RDWR, &write.fh), 0);
	read.fh = write.fh;
	assert_int_equal(CALL(FUSE_WRITE, ino, &write), -EINVAL);
	assert_int_equal(CALL(FUSE_READ, ino, &read), 0);
	assert_int_equal(reply.head.len, 16 + 13);
	/* No more is read than there is room for; the answer must fit. */
	put_head(FUSE_READ, ino, sizeof(read));
	memcpy(request.args, &read, sizeof(read));
	assert_int_equal(send_bytes(request.head.len, 20), 20);
	assert_int_equal(send_bytes(request.head.len, 16), 16);
	for (room = 0; room < 16; room++)
		assert_int_equal(send_bytes(request.head.len, room), -EPROTO);
	put_head(FUSE_LOOKUP, ROOT, 6);
	strcpy(request.args, "hello");
	assert_int_equal(send_bytes(request.head.len, 100), -EPROTO);
	/* These have no answer, and are not believed. */
	memcpy(request.args, &batch, sizeof(batch));
	put_head(FUSE_BATCH_FORGET, 0, sizeof(batch));
	assert_int_equal(send_bytes(request.head.len, 0), 0);
	put_head(FUSE_LOOKUP, ROOT, sizeof(request.args) - 1);
	assert_int_equal(send_bytes(request.head.len, 100), 16);
	assert_int_equal(reply.head.error, -E2BIG);
}

/* Every operation there is, and many that there are not. */
static void knows_only_what_it_does(void **state)
{
	static const uint32_t never[] = { FUSE_FLUSH,	     FUSE_GETLK,
					  FUSE_SETLK,	     FUSE_SETLKW,
					  FUSE_ACCESS,	     FUSE_INTERRUPT,
					  FUSE_BMAP,	     FUSE_IOCTL,
					  FUSE_POLL,	     FUSE_NOTIFY_REPLY,
					  FUSE_SETUPMAPPING, FUSE_REMOVEMAPPING,
					  CUSE_INIT };
	unsigned int i;

	(void)state;
	memset(request.args, 0, 256);
	for (i = 0; i < ARRAY_SIZE(never); i++) {
		put_head(never[i], ROOT, 128);
		assert_int_equal(send_bytes(request.head.len, 200), 16);
		assert_int_equal(reply.head.error, -ENOSYS);
	}
	/* Of these one may leave out the answer. */
	put_head(FUSE_INTERRUPT, 0, sizeof(struct fuse_interrupt_in));
	assert_int_equal(send_bytes(request.head.len, 0), 0);
	put_head(FUSE_FLUSH, ROOT, sizeof(struct fuse_flush_in));
	assert_int_equal(send_bytes(request.head.len, 0), -EPROTO);
	for (i = 53; i < 5000; i++) {
		put_head(i == 4999 ? UINT32_MAX : i, ROOT, 0);
		assert_int_equal(send_bytes(request.head.len, 200), 16);
		assert_int_equal(reply.head.error, -ENOSYS);
	}
}

static void changes_nothing_read_only(void **state)
{
	const struct share_params params = { .read_only = true,
					     .cache = SHARE_CACHE_NONE,
					     .max_files = 256,
					     .max_inodes = 65536 };
	const struct fuse_mkdir_in dir = { .mode = 0755 };
	struct fuse_setattr_in set = { .valid = FATTR_SIZE };
	struct fuse_rename_in ren = { .newdir = ROOT };
	uint64_t ino, fh;

	(void)state;
	share_with(&params);
	ino = lookup(ROOT, "hello");
	assert_int_equal(open_ino(ino, O_RDWR, &fh), -EROFS);
	assert_int_equal(open_ino(ino, O_WRONLY, &fh), -EROFS);
	assert_int_equal(open_ino(ino, O_RDONLY | O_TRUNC, &fh), -EROFS);
	assert_int_equal(open_ino(ino, O_RDONLY, &fh), 0);
	assert_true(reply.open.open_flags & FOPEN_DIRECT_IO);
	assert_int_equal(write_fh(ino, fh, 0, "x"), -EROFS);
	assert_int_equal(CALL(FUSE_SETATTR, ino, &set), -EROFS);
	assert_int_equal(CALL(FUSE_MKDIR, ROOT, &dir, "new"), -EROFS);
	assert_int_equal(create(ROOT, "new", O_RDONLY, 0644), -EROFS);
	assert_int_equal(CALL0(FUSE_UNLINK, ROOT, "hello"), -EROFS);
	assert_int_equal(CALL(FUSE_RENAME, ROOT, &ren, "hello", "x"), -EROFS);
	assert_int_equal(read_fh(ino, fh, 0, 100), 13);
}

/* Somebody else moves, replaces and removes what the guest knows. */
static void tells_of_changes_by_others(void **state)
{
	char a[PATH_MAX], b[PATH_MAX];
	uint64_t dir = lookup(ROOT, "dir"), ino = lookup(dir, "inner"), fh;

	(void)state;
	/* Replaced by another file: the number is not that one's. */
	fx_file("/share/other", "another");
	assert_int_equal(rename(fx_path(a, "/share/other"),
				fx_path(b, "/share/dir/inner")),
			 0);
	assert_int_equal(getattr(ino), -ESTALE);
	assert_int_equal(open_ino(ino, O_RDONLY, &fh), -ESTALE);
	assert_int_not_equal(lookup(dir, "inner"), ino);
	/* A link in place of a directory leads nowhere. */
	assert_int_not_equal(lookup(ROOT, "hello"), 0);
	share_reset(share);
	assert_int_equal(fuse_begin(), 0);
	dir = lookup(ROOT, "dir");
	assert_int_equal(rename(fx_path(a, "/share/dir"),
				fx_path(b, "/share/moved")),
			 0);
	fx_link("/share/dir", "/secret");
	assert_int_equal(CALL0(FUSE_LOOKUP, dir, "key"), -ESTALE);
	/* Seen again, under its new name. */
	assert_int_equal(lookup(ROOT, "moved"), dir);
	assert_int_not_equal(lookup(dir, "inner"), 0);
	/* Moved below its own child, as the older reports have it. */
	fx_dir("/share/p");
	fx_dir("/share/p/q");
	ino = lookup(ROOT, "p");
	dir = lookup(ino, "q");
	assert_int_equal(lookup(dir, "x"), 0);
	assert_int_equal(
		rename(fx_path(a, "/share/p/q"), fx_path(b, "/share/q")), 0);
	assert_int_equal(
		rename(fx_path(a, "/share/p"), fx_path(b, "/share/q/p")), 0);
	assert_int_equal(lookup(dir, "p"), ino);
	assert_int_equal(lookup(ROOT, "q"), dir);
	forget(ino, 9);
	forget(dir, 9);
}

static atomic_bool racing;

/* Takes turns: a directory, and a link that leads out, under one name. */
static void *race(void *opaque)
{
	char dir[PATH_MAX], link[PATH_MAX];

	(void)opaque;
	fx_path(dir, "/share/turn");
	fx_path(link, "/share/link");
	while (atomic_load(&racing))
		renameat2(AT_FDCWD, dir, AT_FDCWD, link, RENAME_EXCHANGE);
	return NULL;
}

static void wins_races(void **state)
{
	const struct fuse_mkdir_in mk = { .mode = 0755 };
	struct fuse_rename_in ren = { 0 };
	unsigned int i, found = 0, links = 0;
	char path[PATH_MAX];
	pthread_t thread;
	uint64_t ino, key, fh;

	(void)state;
	fx_file("/share/turn/key", "public");
	fx_link("/share/link", "/secret");
	atomic_store(&racing, true);
	assert_int_equal(pthread_create(&thread, NULL, race, NULL), 0);
	for (i = 0; i < 20000; i++) {
		ino = lookup(ROOT, "turn");
		links += S_ISLNK(reply.entry.attr.mode);
		key = ino ? lookup(ino, "key") : 0;
		if (key && !open_ino(key, O_RDONLY, &fh)) {
			assert_int_equal(read_fh(key, fh, 0, 100), 6);
			assert_memory_equal(reply.data, "public", 6);
			release(key, fh);
			found++;
		}
		if (ino && i % 16 == 0) {
			CALL(FUSE_MKDIR, ino, &mk, "made");
			ren.newdir = ino;
			CALL(FUSE_RENAME, ROOT, &ren, "hello", "hello");
			CALL(FUSE_RENAME, ino, &ren, "hello", "hello2");
			CALL0(FUSE_UNLINK, ino, "key2");
		}
		if (ino)
			forget(ino, 1);
		if (key)
			forget(key, 1);
	}
	atomic_store(&racing, false);
	pthread_join(thread, NULL);
	/* Both were met, else nothing is proven. */
	assert_true(found > 0);
	assert_true(links > 0);
	assert_int_equal(access(fx_path(path, "/secret/made"), F_OK), -1);
	assert_int_equal(access(fx_path(path, "/secret/hello"), F_OK), -1);
	assert_int_equal(access(fx_path(path, "/secret/key"), F_OK), 0);
}

/* As a share's thread.  NULL, or what went wrong. */
static const char *confined(void)
{
	char in[PATH_MAX], out[PATH_MAX], white[PATH_MAX];
	uint64_t ino, fh;
	int fd;

	fx_path(white, "/share/white");
	fx_path(out, "/secret/key");
	fx_path(in, "/share/hello");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || share_enter(share, true))
		return "share_enter()";
	if (create(ROOT, "new", O_RDWR, 0666) ||
	    reply.create.entry.attr.mode != (S_IFREG | 0666))
		return "a umask";
	ino = lookup(ROOT, "hello");
	if (open_ino(ino, O_RDWR, &fh) || write_fh(ino, fh, 0, "x") != 1)
		return "writing";
	if (share_landlock(share))
		return NULL;
	fd = open(in, O_RDONLY);
	if (fd < 0)
		return "a path beneath";
	close(fd);
	/* What overlayfs keeps of a file that is gone: no device. */
	if (mknod(white, S_IFCHR, 0))
		return "a whiteout";
	fd = open(out, O_RDONLY);
	return fd < 0 && errno == EACCES ? NULL : "a path outside";
}

static void *confined_thread(void *wrong)
{
	*(const char **)wrong = confined();
	return NULL;
}

/* The thread is, and no other: neither by Landlock nor by its umask. */
static void is_fenced_in(void **state)
{
	char path[PATH_MAX];
	pthread_t thread;
	const char *wrong;
	mode_t mask = umask(077);
	int fd;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, confined_thread, &wrong),
			 0);
	pthread_join(thread, NULL);
	assert_int_equal(umask(mask), 077);
	if (wrong)
		fail_msg("%s", wrong);
	fd = open(fx_path(path, "/secret/key"), O_RDONLY);
	assert_true(fd >= 0);
	close(fd);
	if (share_landlock(share))
		skip_because("this kernel has no Landlock");
}

#define WITH_SHARE(f) \
	cmocka_unit_test_setup_teardown(f, share_setup, share_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SHARE(refuses_names_that_lead_out),
		WITH_SHARE(follows_no_link),
		WITH_SHARE(opens_files_only),
		WITH_SHARE(keeps_out_of_the_kernel),
		WITH_SHARE(knows_only_numbers_it_gave),
		WITH_SHARE(refuses_what_is_not_whole),
		WITH_SHARE(lies_about_lengths),
		WITH_SHARE(knows_only_what_it_does),
		WITH_SHARE(changes_nothing_read_only),
		WITH_SHARE(tells_of_changes_by_others),
		WITH_SHARE(wins_races),
		WITH_SHARE(is_fenced_in),
	};

	return run_all(tests);
}
