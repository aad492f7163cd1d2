/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client of a share: what a guest's kernel would send. After harness.h, with
 * fixture.h, whose root has the shared directory as /share, and beside it
 * /secret, which nobody is to reach.
 */
#ifndef TESTS_UNIT_SHARE_FIXTURE_H
#define TESTS_UNIT_SHARE_FIXTURE_H

#include <linux/fuse.h>
#include <pthread.h>
#include <stdarg.h>

#include "fixture.h"
#include "share.h"
#include "util.h"

#define ROOT FUSE_ROOT_ID
#define ALL_FLAGS 0x7fffffffu

static struct share *share;

static struct client {
	struct fuse_in_header head;
	char args[80 << 10];
} request;

static struct answer {
	struct fuse_out_header head;
	union {
		struct fuse_entry_out entry;
		struct fuse_attr_out attr;
		struct fuse_open_out open;
		struct fuse_write_out write;
		struct fuse_init_out init;
		struct fuse_statfs_out statfs;
		struct fuse_getxattr_out xattr;
		struct fuse_lseek_out lseek;
		struct {
			struct fuse_entry_out entry;
			struct fuse_open_out open;
		} create;
		char data[64 << 10];
	};
} reply;

/* Sends len bytes of request; returns what share_request() does. */
static inline ssize_t send_bytes(size_t len, size_t room)
{
	const struct iovec in = { &request, len };
	const struct iovec out = { &reply, room };

	memset(&reply, 0xaa, sizeof(reply.head) + sizeof(reply.init));
	return share_request(share, &in, 1, &out, 1);
}

/* Puts args and then strings, up to a NULL, into the request; their bytes. */
static inline size_t put_args(const void *args, size_t len, va_list ap)
{
	const char *s;

	if (len)
		memcpy(request.args, args, len);
	while ((s = va_arg(ap, const char *))) {
		memcpy(request.args + len, s, strlen(s) + 1);
		len += strlen(s) + 1;
	}
	return len;
}

static inline void put_head(uint32_t op, uint64_t ino, size_t len)
{
	static uint64_t unique;

	request.head = (struct fuse_in_header){
		.len = (uint32_t)(sizeof(request.head) + len),
		.opcode = op,
		.unique = ++unique,
		.nodeid = ino,
	};
}

/* A whole request: arguments and strings.  The error of the answer. */
static inline int call(uint32_t op, uint64_t ino, const void *args, size_t len,
		       ...)
{
	va_list ap;
	ssize_t n;

	va_start(ap, len);
	len = put_args(args, len, ap);
	va_end(ap);
	put_head(op, ino, len);
	n = send_bytes(sizeof(request.head) + len, sizeof(reply));
	assert_true(n >= (ssize_t)sizeof(reply.head));
	assert_int_equal(reply.head.len, n);
	assert_int_equal(reply.head.unique, request.head.unique);
	return reply.head.error;
}

#define CALL(op, ino, args, ...) \
	call(op, ino, args, sizeof(*(args)), ##__VA_ARGS__, NULL)
#define CALL0(op, ino, ...) call(op, ino, NULL, 0, ##__VA_ARGS__, NULL)

static inline int fuse_begin(void)
{
	const struct fuse_init_in in = {
		.major = 7,
		.minor = 38,
		.max_readahead = 1 << 20,
		.flags = ALL_FLAGS,
	};

	return CALL(FUSE_INIT, 0, &in);
}

/* The number of a name; 0: there is none. */
static inline uint64_t lookup(uint64_t dir, const char *name)
{
	return CALL0(FUSE_LOOKUP, dir, name) ? 0 : reply.entry.nodeid;
}

static inline int open_ino(uint64_t ino, uint32_t flags, uint64_t *fh)
{
	const struct fuse_open_in in = { .flags = flags };
	int r = CALL(FUSE_OPEN, ino, &in);

	*fh = r ? 0 : reply.open.fh;
	return r;
}

static inline int create(uint64_t dir, const char *name, uint32_t flags,
			 uint32_t mode)
{
	const struct fuse_create_in in = { .flags = flags,
					   .mode = S_IFREG | mode };

	return CALL(FUSE_CREATE, dir, &in, name);
}

/* Bytes read, or -errno. */
static inline ssize_t read_fh(uint64_t ino, uint64_t fh, uint64_t off,
			      uint32_t size)
{
	const struct fuse_read_in in = { .fh = fh,
					 .offset = off,
					 .size = size };
	int r = CALL(FUSE_READ, ino, &in);

	return r ? r : (ssize_t)(reply.head.len - sizeof(reply.head));
}

static inline int write_fh(uint64_t ino, uint64_t fh, uint64_t off,
			   const char *text)
{
	const struct fuse_write_in in = { .fh = fh,
					  .offset = off,
					  .size = (uint32_t)strlen(text) };
	ssize_t n;

	memcpy(request.args, &in, sizeof(in));
	memcpy(request.args + sizeof(in), text, in.size);
	put_head(FUSE_WRITE, ino, sizeof(in) + in.size);
	n = send_bytes(request.head.len, sizeof(reply));
	assert_true(n >= (ssize_t)sizeof(reply.head));
	return reply.head.error ? reply.head.error : (int)reply.write.size;
}

static inline int release(uint64_t ino, uint64_t fh)
{
	const struct fuse_release_in in = { .fh = fh };

	return CALL(FUSE_RELEASE, ino, &in);
}

static inline void forget(uint64_t ino, uint64_t nr)
{
	const struct fuse_forget_in in = { .nlookup = nr };

	memcpy(request.args, &in, sizeof(in));
	put_head(FUSE_FORGET, ino, sizeof(in));
	assert_int_equal(send_bytes(request.head.len, sizeof(reply)), 0);
}

static inline int getattr(uint64_t ino)
{
	const struct fuse_getattr_in in = { 0 };

	return CALL(FUSE_GETATTR, ino, &in);
}

/* Opens the share anew, by these. */
static inline void share_with(const struct share_params *params)
{
	char path[PATH_MAX];
	struct share_params p = *params;

	p.path = fx_path(path, "/share");
	share_destroy(share);
	share = NULL;
	assert_int_equal(share_create(&share, &p), 0);
	assert_int_equal(fuse_begin(), 0);
}

static inline int share_setup(void **state)
{
	const struct share_params params = { .cache = SHARE_CACHE_AUTO,
					     .max_files = 256,
					     .max_inodes = 65536 };

	if (fixture_setup(state))
		return -1;
	fx_file("/secret/key", "secret");
	fx_file("/share/hello", "hello, guest\n");
	fx_file("/share/dir/inner", "inner");
	share_with(&params);
	return 0;
}

static inline int share_teardown(void **state)
{
	share_destroy(share);
	share = NULL;
	return fixture_teardown(state);
}

#endif
