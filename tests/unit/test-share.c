// SPDX-License-Identifier: BSD-2-Clause
/* What a well-behaved guest does with a shared directory. */
#include "harness.h"

#include "fds.h"
#include "share-fixture.h"

static void begins_with_what_is_so(void **state)
{
	(void)state;
	share_reset(share);
	assert_int_equal(getattr(ROOT), -EIO); /* before FUSE_INIT */
	assert_int_equal(fuse_begin(), 0);
	assert_int_equal(reply.init.major, 7);
	assert_true(reply.init.max_write >= 128 << 10);
	assert_true(reply.init.flags & FUSE_DO_READDIRPLUS);
	assert_true(reply.init.flags & FUSE_HANDLE_KILLPRIV_V2);
	/* What the guest does better by itself, and what nobody serves. */
	assert_false(reply.init.flags &
		     (FUSE_POSIX_LOCKS | FUSE_FLOCK_LOCKS | FUSE_POSIX_ACL |
		      FUSE_SETXATTR_EXT | FUSE_SUBMOUNTS |
		      FUSE_WRITEBACK_CACHE));
	assert_int_equal(fuse_begin(), -EIO); /* once */
}

static void reads_and_writes(void **state)
{
	uint64_t ino, fh;

	(void)state;
	ino = lookup(ROOT, "hello");
	assert_int_not_equal(ino, 0);
	assert_int_equal(reply.entry.attr.size, 13);
	assert_int_equal(open_ino(ino, O_RDWR, &fh), 0);
	assert_int_equal(read_fh(ino, fh, 7, 100), 6);
	assert_memory_equal(reply.data, "guest\n", 6);
	assert_int_equal(write_fh(ino, fh, 7, "world"), 5);
	assert_int_equal(read_fh(ino, fh, 0, 12), 12);
	assert_memory_equal(reply.data, "hello, world", 12);
	/* Appended, whatever the guest thinks of the size. */
	assert_int_equal(release(ino, fh), 0);
	assert_int_equal(read_fh(ino, fh, 0, 12), -EBADF);
	assert_int_equal(getattr(ino), 0);
	assert_int_equal(reply.attr.attr.size, 13);
}

static void reads_into_pieces(void **state)
{
	char a[10], b[8], c[64];
	const struct iovec out[] = { { a, sizeof(a) },
				     { b, sizeof(b) },
				     { c, sizeof(c) } };
	struct fuse_read_in in = { .size = sizeof(a) + sizeof(b) + sizeof(c) };
	struct iovec req[2] = { { &request.head, 7 },
				{ (char *)&request + 7, 73 } };
	struct fuse_out_header head;
	uint64_t ino = lookup(ROOT, "hello");

	(void)state;
	assert_int_equal(open_ino(ino, O_RDONLY, &in.fh), 0);
	put_head(FUSE_READ, ino, sizeof(in));
	memcpy(request.args, &in, sizeof(in));
	assert_int_equal(share_request(share, req, 2, out, 3), 16 + 13);
	memcpy(&head, a, sizeof(a));
	memcpy((char *)&head + sizeof(a), b, sizeof(head) - sizeof(a));
	assert_int_equal(head.len, 16 + 13);
	assert_memory_equal(b + 6, "he", 2);
	assert_memory_equal(c, "llo, guest\n", 11);
}

static void makes_and_removes(void **state)
{
	const struct fuse_mkdir_in dir = { .mode = 0750 };
	struct fuse_rename2_in ren = { .newdir = ROOT };
	struct fuse_link_in link = { 0 };
	uint64_t ino, sub;

	(void)state;
	assert_int_equal(CALL(FUSE_MKDIR, ROOT, &dir, "sub"), 0);
	sub = reply.entry.nodeid;
	assert_int_equal(reply.entry.attr.mode, S_IFDIR | 0750);
	assert_int_equal(create(sub, "file", O_RDWR | O_EXCL, 0640), 0);
	ino = reply.create.entry.nodeid;
	assert_int_equal(write_fh(ino, reply.create.open.fh, 0, "abc"), 3);
	assert_int_equal(create(sub, "file", O_RDWR | O_EXCL, 0640), -EEXIST);
	assert_int_equal(create(sub, "file", O_RDWR, 0640), 0);
	assert_int_equal(reply.create.entry.nodeid, ino);
	assert_int_equal(reply.create.entry.attr.size, 3);

	link.oldnodeid = ino;
	assert_int_equal(CALL(FUSE_LINK, ROOT, &link, "second"), 0);
	assert_int_equal(reply.entry.nodeid, ino);
	assert_int_equal(reply.entry.attr.nlink, 2);
	assert_int_equal(CALL0(FUSE_SYMLINK, ROOT, "sym", "../secret/key"), 0);
	link.oldnodeid = reply.entry.nodeid;
	assert_int_equal(CALL0(FUSE_READLINK, link.oldnodeid), 0);
	assert_memory_equal(reply.data, "../secret/key", 13);
	assert_int_equal(CALL(FUSE_LINK, ROOT, &link, "sym2"), 0);
	assert_int_equal(reply.entry.attr.mode & S_IFMT, S_IFLNK);

	assert_int_equal(CALL(FUSE_RENAME2, sub, &ren, "file", "third"), 0);
	assert_int_equal(lookup(sub, "file"), 0);
	assert_int_equal(reply.head.error, -ENOENT);
	assert_int_equal(lookup(ROOT, "third"), ino);
	ren.flags = RENAME_NOREPLACE;
	assert_int_equal(CALL(FUSE_RENAME2, ROOT, &ren, "third", "second"),
			 -EEXIST);
	assert_int_equal(CALL0(FUSE_UNLINK, ROOT, "second"), 0);
	assert_int_equal(CALL0(FUSE_RMDIR, ROOT, "sub"), 0);
	assert_int_equal(CALL0(FUSE_RMDIR, ROOT, "dir"), -ENOTEMPTY);
	assert_int_equal(getattr(ino), 0);
	assert_int_equal(reply.attr.attr.nlink, 1);
}

/* As O_TMPFILE: it has no name, and can get one. */
static void makes_nameless_files(void **state)
{
	const struct fuse_create_in in = { .flags = O_RDWR,
					   .mode = S_IFREG | 0600 };
	struct fuse_link_in link;
	uint64_t ino, fh;

	(void)state;
	assert_int_equal(CALL(FUSE_TMPFILE, ROOT, &in, "/"), 0);
	ino = reply.create.entry.nodeid;
	fh = reply.create.open.fh;
	assert_int_equal(reply.create.entry.attr.nlink, 0);
	assert_int_equal(write_fh(ino, fh, 0, "temporary"), 9);
	link.oldnodeid = ino;
	assert_int_equal(CALL(FUSE_LINK, ROOT, &link, "kept"), 0);
	assert_int_equal(reply.entry.nodeid, ino);
	assert_int_equal(release(ino, fh), 0);
	assert_int_equal(open_ino(lookup(ROOT, "kept"), O_RDONLY, &fh), 0);
	assert_int_equal(read_fh(ino, fh, 0, 100), 9);
}

/* A file that lost its last name is there for whoever knows it. */
static void keeps_what_was_removed(void **state)
{
	struct fuse_rename_in ren = { .newdir = ROOT };
	uint64_t ino = lookup(ROOT, "hello"), fh, other;

	(void)state;
	assert_int_equal(CALL0(FUSE_UNLINK, ROOT, "hello"), 0);
	assert_int_equal(getattr(ino), 0);
	assert_int_equal(reply.attr.attr.nlink, 0);
	assert_int_equal(open_ino(ino, O_RDONLY, &fh), 0);
	assert_int_equal(read_fh(ino, fh, 0, 5), 5);
	/* One that another was moved onto, too. */
	assert_int_equal(create(ROOT, "a", O_RDWR, 0644), 0);
	other = reply.create.entry.nodeid;
	assert_int_equal(create(ROOT, "b", O_RDWR, 0644), 0);
	assert_int_equal(CALL(FUSE_RENAME, ROOT, &ren, "b", "a"), 0);
	assert_int_equal(getattr(other), 0);
	assert_int_equal(reply.attr.attr.nlink, 0);
	forget(ino, 1);
	assert_int_equal(getattr(ino), -ESTALE);
}

/* Which costs descriptors: past a quarter of them the guest has lost what it
 * removed, and has lost nothing else. */
static void loses_what_is_too_much(void **state)
{
	unsigned int before = nr_fds(), kept = 0, i;
	uint64_t ino[200];
	char name[16];

	(void)state;
	for (i = 0; i < ARRAY_SIZE(ino); i++) {
		snprintf(name, sizeof(name), "f%u", i);
		assert_int_equal(create(ROOT, name, O_RDWR, 0644), 0);
		ino[i] = reply.create.entry.nodeid;
		release(ino[i], reply.create.open.fh);
		assert_int_equal(CALL0(FUSE_UNLINK, ROOT, name), 0);
	}
	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "g%u", i);
		assert_int_equal(create(ROOT, name, O_RDWR, 0644), 0);
		release(reply.create.entry.nodeid, reply.create.open.fh);
	}
	assert_true(nr_fds() <= before + 256);
	for (i = 0; i < ARRAY_SIZE(ino); i++) {
		int r = getattr(ino[i]);

		assert_true(!r || r == -ESTALE);
		kept += !r;
	}
	assert_true(kept >= 256 / 4 && kept <= 256 / 2);
	for (i = 0; i < ARRAY_SIZE(ino); i++)
		forget(ino[i], 1);
	assert_true(nr_fds() <= before + 256 / 4);
	keeps_what_was_removed(state);
}

/* Mapped and shared also where nothing is kept, if the guest can do that. */
static void maps_what_is_not_kept(void **state)
{
	const struct share_params none = { .cache = SHARE_CACHE_NONE,
					   .max_files = 256,
					   .max_inodes = 65536 };
	const struct share_params some = { .max_files = 256,
					   .max_inodes = 65536,
					   .cache = SHARE_CACHE_AUTO };

	(void)state;
	share_with(&none);
	assert_true(reply.init.flags & FUSE_INIT_EXT);
	assert_int_equal(reply.init.flags2, 1 << 4);
	share_with(&some);
	assert_int_equal(reply.init.flags2, 0);
}

/* Of what does not change nothing is open, nor asked for again. */
static void opens_nothing_that_stays(void **state)
{
	struct share_params p = { .cache = SHARE_CACHE_ALWAYS,
				  .read_only = true,
				  .max_files = 256,
				  .max_inodes = 65536 };
	struct fuse_lseek_in seek = { .whence = SEEK_HOLE };
	const struct fuse_fsync_in sync = { 0 };
	uint64_t ino, dir, fh;
	unsigned int before;

	(void)state;
	share_with(&p);
	assert_false(reply.init.flags & FUSE_WRITEBACK_CACHE);
	dir = lookup(ROOT, "dir");
	ino = lookup(ROOT, "hello");
	assert_int_equal(read_fh(ino, 0, 0, 100), 13);
	before = nr_fds();
	assert_int_equal(open_ino(ino, O_RDWR, &fh), -EROFS);
	assert_int_equal(open_ino(dir, O_RDONLY, &fh), -EISDIR);
	assert_int_equal(open_ino(ino, O_RDONLY, &fh), -ENOSYS);
	assert_int_equal(read_fh(ino, 0, 7, 100), 6);
	assert_memory_equal(reply.data, "guest\n", 6);
	assert_int_equal(CALL(FUSE_LSEEK, ino, &seek), 0);
	assert_int_equal(reply.lseek.offset, 13);
	assert_int_equal(CALL(FUSE_FSYNC, ino, &sync), 0);
	assert_int_equal(write_fh(ino, 0, 0, "x"), -EROFS);
	assert_int_equal(read_fh(dir, 0, 0, 100), -EBADF);
	assert_int_equal(read_fh(ino, 1 << 20, 0, 100), -EBADF);
	assert_int_equal(read_fh(ino + 1000, 0, 0, 100), -EBADF);
	assert_int_equal(nr_fds(), before);
	/* One that can be written is opened, and so is one that others change. */
	p.read_only = false;
	share_with(&p);
	assert_true(reply.init.flags & FUSE_WRITEBACK_CACHE);
	assert_int_equal(open_ino(lookup(ROOT, "hello"), O_RDONLY, &fh), 0);
	p.read_only = true;
	p.cache = SHARE_CACHE_AUTO;
	share_with(&p);
	ino = lookup(ROOT, "hello");
	assert_int_equal(open_ino(ino, O_RDONLY, &fh), 0);
	assert_int_equal(read_fh(ino, 0, 0, 100), -EBADF);
}

/* One that looks and never forgets. */
static void knows_no_more_than_it_may(void **state)
{
	const struct share_params few = { .cache = SHARE_CACHE_AUTO,
					  .max_files = 256,
					  .max_inodes = 3 };
	uint64_t dir;

	(void)state;
	share_with(&few);
	assert_int_not_equal(lookup(ROOT, "hello"), 0);
	dir = lookup(ROOT, "dir");
	assert_int_not_equal(dir, 0);
	assert_int_equal(CALL0(FUSE_LOOKUP, dir, "inner"), -ENFILE);
	assert_int_not_equal(lookup(ROOT, "hello"), 0);
	forget(lookup(ROOT, "hello"), 3);
	assert_int_equal(CALL0(FUSE_LOOKUP, dir, "inner"), 0);
}

/* Counts the entries of an open directory, by READDIR or READDIRPLUS. */
static unsigned int count(uint64_t ino, uint64_t fh, bool plus,
			  uint64_t *last_ino)
{
	struct fuse_read_in in = { .fh = fh, .size = 4096 };
	const struct fuse_direntplus *p;
	const struct fuse_dirent *d;
	unsigned int n = 0;
	size_t at;

	do {
		assert_int_equal(CALL(plus ? FUSE_READDIRPLUS : FUSE_READDIR,
				      ino, &in),
				 0);
		for (at = 0; at < reply.head.len - 16; n++) {
			p = (const void *)(reply.data + at);
			d = plus ? &p->dirent : (const void *)p;
			at += plus ? FUSE_DIRENTPLUS_SIZE(p) :
				     FUSE_DIRENT_SIZE(d);
			in.offset = d->off;
			if (plus && p->entry_out.nodeid)
				*last_ino = p->entry_out.nodeid;
		}
	} while (reply.head.len > 16);
	return n;
}

/* More files than descriptors: each is told, and can be used. */
static void lists_large_directories(void **state)
{
	const struct fuse_open_in in = { 0 };
	unsigned int i, before = nr_fds();
	char path[PATH_MAX];
	uint64_t dir, fh, last = 0;

	(void)state;
	for (i = 0; i < 3000; i++) {
		fx_fmt(path, "/share/many/f%u", i);
		fx_file(path, "");
	}
	dir = lookup(ROOT, "many");
	assert_int_equal(CALL(FUSE_OPENDIR, dir, &in), 0);
	fh = reply.open.fh;
	assert_int_equal(count(dir, fh, true, &last), 3002);
	assert_int_equal(count(dir, fh, false, &last), 3002);
	for (i = 0; i < 3000; i++) {
		uint64_t ino, file;

		fx_fmt(path, "f%u", i);
		ino = lookup(dir, path);
		assert_int_not_equal(ino, 0);
		assert_int_equal(open_ino(ino, O_RDONLY, &file), 0);
		release(ino, file);
	}
	assert_true(nr_fds() < before + 256);
	/* As many as may be open at once, and not more. */
	for (i = 0; !open_ino(last, O_RDONLY, &fh); i++)
		;
	assert_int_equal(reply.head.error, -ENFILE);
	assert_true(i > 100 && i < 256);
	share_reset(share);
	assert_true(nr_fds() <= before + 3);
}

/* Deep paths, of which no directory stays open. */
static void finds_deep_files_again(void **state)
{
	const struct fuse_mkdir_in in = { .mode = 0755 };
	uint64_t ino[1200], first = ROOT, fh;
	char name[201];
	unsigned int i;

	(void)state;
	memset(name, 'd', 200);
	name[200] = '\0';
	for (i = 0; i < 100; i++) {
		assert_int_equal(CALL(FUSE_MKDIR, first, &in, name), 0);
		first = reply.entry.nodeid;
		ino[i] = first;
	}
	assert_int_equal(create(first, "deep", O_RDWR, 0644), 0);
	first = reply.create.entry.nodeid;
	release(first, reply.create.open.fh);
	/* Others take the descriptors. */
	for (i = 100; i < 1200; i++) {
		snprintf(name, sizeof(name), "x%u", i);
		assert_int_equal(CALL(FUSE_MKDIR, ROOT, &in, name), 0);
		ino[i] = reply.entry.nodeid;
		assert_int_equal(CALL0(FUSE_LOOKUP, ino[i], "none"), -ENOENT);
	}
	assert_int_equal(getattr(ino[50]), 0);
	assert_int_equal(open_ino(first, O_RDONLY, &fh), 0);
	assert_int_equal(CALL0(FUSE_LOOKUP, ino[99], "deep"), 0);
	/* nftw() of the fixture cannot have so long a path. */
	for (i = 99; i > 0; i--) {
		memset(name, 'd', 200);
		CALL0(i == 99 ? FUSE_UNLINK : FUSE_RMDIR, ino[i],
		      i == 99 ? "deep" : name);
		if (i == 99)
			CALL0(FUSE_RMDIR, ino[98], name);
	}
	CALL0(FUSE_RMDIR, ino[0], name);
	assert_int_equal(CALL0(FUSE_RMDIR, ROOT, name), 0);
}

static void has_holes(void **state)
{
	struct fuse_fallocate_in alloc = { .length = 1 << 20 };
	struct fuse_copy_file_range_in copy = { .len = 5, .off_out = 1 << 19 };
	struct fuse_lseek_in seek = { .whence = SEEK_HOLE };
	uint64_t ino = lookup(ROOT, "hello"), fh;

	(void)state;
	assert_int_equal(open_ino(ino, O_RDWR, &fh), 0);
	alloc.fh = copy.fh_in = copy.fh_out = seek.fh = fh;
	copy.nodeid_out = ino;
	assert_int_equal(CALL(FUSE_FALLOCATE, ino, &alloc), 0);
	assert_int_equal(CALL(FUSE_COPY_FILE_RANGE, ino, &copy), 0);
	assert_int_equal(reply.write.size, 5);
	assert_int_equal(read_fh(ino, fh, 1 << 19, 5), 5);
	assert_memory_equal(reply.data, "hello", 5);
	assert_int_equal(CALL(FUSE_LSEEK, ino, &seek), 0);
	assert_true(reply.lseek.offset > 0);
	seek.whence = SEEK_SET;
	assert_int_equal(CALL(FUSE_LSEEK, ino, &seek), -EINVAL);
	assert_int_equal(CALL0(FUSE_STATFS, ROOT), 0);
	assert_true(reply.statfs.st.namelen >= 255);
}

/* Unmounted and mounted again without a reset of the device. */
static void ends_and_begins_again(void **state)
{
	const struct fuse_syncfs_in sync = { 0 };
	uint64_t ino = lookup(ROOT, "hello"), fh;

	(void)state;
	assert_int_equal(open_ino(ino, O_RDONLY, &fh), 0);
	assert_int_equal(CALL(FUSE_SYNCFS, ROOT, &sync), 0);
	assert_int_equal(CALL0(FUSE_DESTROY, ROOT), 0);
	assert_int_equal(fuse_begin(), 0);
	assert_int_equal(read_fh(ino, fh, 0, 5), -EBADF);
	assert_int_not_equal(lookup(ROOT, "hello"), 0);
}

static void refuses_what_cannot_be_shared(void **state)
{
	struct share_params params = { .max_files = 256, .max_inodes = 65536 };
	struct share *s;
	char path[PATH_MAX];

	(void)state;
	params.path = fx_path(path, "/share/hello");
	assert_int_equal(share_create(&s, &params), -ENOTDIR);
	params.path = fx_path(path, "/none");
	assert_int_equal(share_create(&s, &params), -ENOENT);
	params.path = "/proc/self";
	assert_int_equal(share_create(&s, &params), -EINVAL);
}

/* A share as the upper layer of an overlay: what hides a lower file. */
static void holds_whiteouts(void **state)
{
	struct fuse_mknod_in mk = { .mode = S_IFCHR };
	const struct fuse_rename2_in in = { ROOT, RENAME_WHITEOUT, 0 };
	uint64_t fh;

	(void)state;
	assert_int_equal(CALL(FUSE_MKNOD, ROOT, &mk, "hidden"), 0);
	assert_int_equal(reply.entry.attr.mode & S_IFMT, S_IFCHR);
	assert_int_equal(reply.entry.attr.rdev, 0);
	assert_int_equal(open_ino(reply.entry.nodeid, O_RDWR, &fh), -ENXIO);
	assert_int_equal(CALL(FUSE_RENAME2, ROOT, &in, "hello", "moved"), 0);
	assert_int_not_equal(lookup(ROOT, "hello"), 0);
	assert_int_equal(reply.entry.attr.mode & S_IFMT, S_IFCHR);
	assert_int_equal(reply.entry.attr.rdev, 0);
	assert_int_not_equal(lookup(ROOT, "moved"), 0);
	assert_int_equal(reply.entry.attr.mode & S_IFMT, S_IFREG);
}

#define WITH_SHARE(f) \
	cmocka_unit_test_setup_teardown(f, share_setup, share_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SHARE(begins_with_what_is_so),
		WITH_SHARE(reads_and_writes),
		WITH_SHARE(reads_into_pieces),
		WITH_SHARE(makes_and_removes),
		WITH_SHARE(makes_nameless_files),
		WITH_SHARE(keeps_what_was_removed),
		WITH_SHARE(loses_what_is_too_much),
		WITH_SHARE(maps_what_is_not_kept),
		WITH_SHARE(opens_nothing_that_stays),
		WITH_SHARE(knows_no_more_than_it_may),
		WITH_SHARE(holds_whiteouts),
		WITH_SHARE(lists_large_directories),
		WITH_SHARE(finds_deep_files_again),
		WITH_SHARE(has_holes),
		WITH_SHARE(ends_and_begins_again),
		WITH_SHARE(refuses_what_cannot_be_shared),
	};

	return run_all(tests);
}
