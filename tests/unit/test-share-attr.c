// SPDX-License-Identifier: BSD-2-Clause
/* Attributes of files, and those that a guest is told of but cannot give. */
#include "harness.h"

#include <sys/xattr.h>

#include "share-fixture.h"

static void sets_attributes(void **state)
{
	struct fuse_setattr_in in = { .valid = FATTR_MODE | FATTR_SIZE,
				      .mode = 0600,
				      .size = 5 };
	uint64_t ino = lookup(ROOT, "hello");

	(void)state;
	assert_int_equal(CALL(FUSE_SETATTR, ino, &in), 0);
	assert_int_equal(reply.attr.attr.mode, S_IFREG | 0600);
	assert_int_equal(reply.attr.attr.size, 5);
	in = (struct fuse_setattr_in){ .valid = FATTR_MTIME | FATTR_ATIME |
						FATTR_ATIME_NOW,
				       .mtime = 1234,
				       .mtimensec = 5678 };
	assert_int_equal(CALL(FUSE_SETATTR, ino, &in), 0);
	assert_int_equal(reply.attr.attr.mtime, 1234);
	assert_int_equal(reply.attr.attr.mtimensec, 5678);
	assert_true(reply.attr.attr.atime > 1234);
}

static void has_attributes_of_users(void **state)
{
	struct {
		struct fuse_getxattr_in in;
	} get = { { .size = 100 } };
	char set[8 + 32] = { 3 }; /* size; flags */
	uint64_t ino = lookup(ROOT, "hello");
	char path[PATH_MAX];

	(void)state;
	if (setxattr(fx_path(path, "/share/dir"), "user.x", "y", 1, 0))
		skip_because("/tmp has no attributes of users");
	memcpy(set + 8, "user.k\0val", 10);
	assert_int_equal(call(FUSE_SETXATTR, ino, set, 18, NULL), 0);
	assert_int_equal(CALL(FUSE_GETXATTR, ino, &get, "user.k"), 0);
	assert_memory_equal(reply.data, "val", 3);
	get.in.size = 2;
	assert_int_equal(CALL(FUSE_GETXATTR, ino, &get, "user.k"), -ERANGE);
	get.in.size = 0;
	assert_int_equal(CALL(FUSE_GETXATTR, ino, &get, "user.k"), 0);
	assert_int_equal(reply.xattr.size, 3);
	get.in.size = 100;
	assert_int_equal(CALL(FUSE_LISTXATTR, ino, &get), 0);
	assert_int_equal(reply.head.len, 16 + 7);
	assert_string_equal(reply.data, "user.k");
	assert_int_equal(CALL0(FUSE_REMOVEXATTR, ino, "user.k"), 0);
	assert_int_equal(CALL(FUSE_GETXATTR, ino, &get, "user.k"), -ENODATA);
	/* What means something to the host is not for guests. */
	assert_int_equal(CALL(FUSE_GETXATTR, ino, &get, "system.nfs4_acl"),
			 -EOPNOTSUPP);
	assert_int_equal(CALL(FUSE_GETXATTR, ROOT, &get,
			      "trusted.overlay.opaque"),
			 -EOPNOTSUPP);
	memcpy(set + 8, "trusted.k\0v", 11);
	set[0] = 1;
	assert_int_equal(call(FUSE_SETXATTR, ino, set, 19, NULL), -EOPNOTSUPP);
}

/* A program keeps what it may do without being root's, and gets nothing more. */
static void tells_capabilities(void **state)
{
	/* CAP_NET_RAW, version 2 */
	const char cap[20] = { 1, 0, 0, 2, 0, 32 };
	const struct fuse_getxattr_in get = { .size = 100 };
	uint64_t ino = lookup(ROOT, "hello");
	char path[PATH_MAX];
	char set[8 + 20 + 20] = { 20 };

	(void)state;
	assert_int_equal(CALL(FUSE_GETXATTR, ino, &get, "security.capability"),
			 -ENODATA);
	memcpy(set + 8, "security.capability", 20);
	memcpy(set + 28, cap, 20);
	assert_int_equal(call(FUSE_SETXATTR, ino, set, sizeof(set), NULL),
			 -EOPNOTSUPP);
	assert_int_equal(CALL0(FUSE_REMOVEXATTR, ino, "security.capability"),
			 -EOPNOTSUPP);
	if (setxattr(fx_path(path, "/share/hello"), "security.capability", cap,
		     20, 0))
		skip_because("files are given capabilities by root");
	assert_int_equal(CALL(FUSE_GETXATTR, ino, &get, "security.capability"),
			 0);
	assert_int_equal(reply.head.len, 16 + 20);
	assert_memory_equal(reply.data, cap, 20);
	assert_int_equal(CALL(FUSE_LISTXATTR, ino, &get), 0);
	assert_string_equal(reply.data, "security.capability");
}

static void gives_nothing_away(void **state)
{
	struct fuse_setattr_in in = { .valid = FATTR_UID, .uid = 1000 };
	const struct fuse_mknod_in mk = { .mode = S_IFREG | 06755 };
	uint64_t ino = lookup(ROOT, "hello");
	char path[PATH_MAX];

	(void)state;
	/* This user's files are root's in the guest. */
	assert_int_equal(reply.entry.attr.uid, 0);
	assert_int_equal(CALL(FUSE_SETATTR, ino, &in), -EPERM);
	in.uid = 0;
	assert_int_equal(CALL(FUSE_SETATTR, ino, &in), 0);
	in.valid = FATTR_GID;
	in.gid = 5;
	assert_int_equal(CALL(FUSE_SETATTR, ino, &in), -EPERM);
	/* Another user of the host could run it as this one. */
	in.valid = FATTR_MODE;
	in.mode = 06755;
	assert_int_equal(CALL(FUSE_SETATTR, ino, &in), 0);
	assert_int_equal(reply.attr.attr.mode, S_IFREG | 0755);
	assert_int_equal(create(ROOT, "suid", O_RDWR, 06755), 0);
	assert_int_equal(reply.create.entry.attr.mode, S_IFREG | 0755);
	assert_int_equal(CALL(FUSE_MKNOD, ROOT, &mk, "suid2"), 0);
	assert_int_equal(reply.entry.attr.mode, S_IFREG | 0755);
	/* Those that the host has given are seen, and stay. */
	assert_int_equal(chmod(fx_path(path, "/share/hello"), 04750), 0);
	in.mode = 06755;
	assert_int_equal(CALL(FUSE_SETATTR, ino, &in), 0);
	assert_int_equal(reply.attr.attr.mode, S_IFREG | 04755);
	if (geteuid())
		return;
	/* What is somebody else's is shown so. */
	assert_int_equal(chown(fx_path(path, "/share/hello"), 1234, 77), 0);
	assert_int_equal(getattr(ino), 0);
	assert_int_equal(reply.attr.attr.uid, 1234);
	assert_int_equal(reply.attr.attr.gid, 77);
}

#define WITH_SHARE(f) \
	cmocka_unit_test_setup_teardown(f, share_setup, share_teardown)

/* What root of the guest may enter we have to: overlayfs closes its own. */
static void enters_its_directories(void **state)
{
	struct fuse_mkdir_in mk = { .mode = 0 };
	struct fuse_setattr_in in = { .valid = FATTR_MODE, .mode = 0077 };
	uint64_t dir;

	(void)state;
	assert_int_equal(CALL(FUSE_MKDIR, ROOT, &mk, "closed"), 0);
	assert_int_equal(reply.entry.attr.mode, S_IFDIR | 0700);
	dir = reply.entry.nodeid;
	assert_int_equal(CALL(FUSE_SETATTR, dir, &in), 0);
	assert_int_equal(reply.attr.attr.mode, S_IFDIR | 0777);
	/* Any that there are stay as they are. */
	in.mode = 0500;
	assert_int_equal(CALL(FUSE_SETATTR, dir, &in), 0);
	assert_int_equal(reply.attr.attr.mode, S_IFDIR | 0500);
	/* Files are opened by who made them, and stay closed. */
	in.mode = 0;
	assert_int_equal(CALL(FUSE_SETATTR, lookup(ROOT, "hello"), &in), 0);
	assert_int_equal(reply.attr.attr.mode, S_IFREG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SHARE(sets_attributes),
		WITH_SHARE(has_attributes_of_users),
		WITH_SHARE(tells_capabilities),
		WITH_SHARE(gives_nothing_away),
		WITH_SHARE(enters_its_directories),
	};

	return run_all(tests);
}
