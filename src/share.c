// SPDX-License-Identifier: BSD-2-Clause
/*
 * share - a FUSE server over a directory: takes a message apart, lets libfuse
 * dispatch it and puts the answer into the guest's buffers. Owns the root, the
 * session and all that the guest was told.
 */
#include "share.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "iov.h"
#include "log.h"
#include "share-check.h"
#include "share-fs.h"
#include "share-priv.h"
#include "util.h"

#define DAY_S 86400.0
/* Requests of read-ahead that the guest may have under way. */
#define BACKGROUND 64
/* Older ones have other sizes; virtio-fs began with 7.31. */
#define MIN_MINOR 31

/* Of what a libfuse of whatever version says that it can do, what is so. */
#define FLAGS_KNOWN                                                           \
	(FUSE_ASYNC_READ | FUSE_ATOMIC_O_TRUNC | FUSE_BIG_WRITES |            \
	 FUSE_AUTO_INVAL_DATA | FUSE_DO_READDIRPLUS | FUSE_READDIRPLUS_AUTO | \
	 FUSE_ASYNC_DIO | FUSE_WRITEBACK_CACHE | FUSE_PARALLEL_DIROPS |       \
	 FUSE_HANDLE_KILLPRIV | FUSE_MAX_PAGES | FUSE_CACHE_SYMLINKS |        \
	 FUSE_INIT_EXT)
/* A host without privilege clears the bits of set-user-ID at each change:
 * guests need not ask for attributes before they write. */
#define FLAGS_OURS FUSE_HANDLE_KILLPRIV_V2

/* Files of which nothing is kept can be mapped and shared all the same: since
 * Linux 6.6, FUSE_DIRECT_IO_ALLOW_MMAP. */
#define FLAGS2_UNCACHED (1U << (36 - 32))

/* What libfuse would say of a request can be caused by any guest. */
static void drop_message(enum fuse_log_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	const struct share *s = userdata;

	conn->max_background = BACKGROUND;
	if (s->cache != SHARE_CACHE_ALWAYS)
		return;
	conn->want &= ~(unsigned int)FUSE_CAP_AUTO_INVAL_DATA;
	conn->want |= conn->capable & FUSE_CAP_CACHE_SYMLINKS;
	/* A guest that holds writes back asks for the attributes of each file
	 * that it has closed, of one that it has only read, too. */
	if (!s->read_only)
		conn->want |= conn->capable & FUSE_CAP_WRITEBACK_CACHE;
}

static void set_flags(const struct share *s, struct fuse_init_out *init)
{
	init->flags &= FLAGS_KNOWN;
	init->flags |= s->offered & FLAGS_OURS;
	init->flags2 = s->cache == SHARE_CACHE_NONE ? FLAGS2_UNCACHED : 0;
}

/* An answer of libfuse's.  Its errors reach nobody but the guest. */
static ssize_t io_writev(int fd, struct iovec *iov, int count, void *userdata)
{
	struct share *s = userdata;
	size_t at = 0, sum = iov_bytes(iov, (unsigned int)count);
	int i;

	(void)fd;
	if (sum > s->out_bytes) {
		s->no_room = true;
		errno = ENOENT; /* libfuse keeps quiet about this one */
		return -1;
	}
	if (s->offered && count == 2 &&
	    iov[1].iov_len >= sizeof(struct fuse_init_out))
		set_flags(s, iov[1].iov_base);
	for (i = 0; i < count; i++) {
		if (iov[i].iov_base != &s->in_place)
			iov_write(s->out, s->nr_out, at, iov[i].iov_base,
				  iov[i].iov_len);
		at += iov[i].iov_len;
	}
	s->written = sum;
	return (ssize_t)sum;
}

/* libfuse insists on one; messages are handed to it instead. */
static ssize_t io_read(int fd, void *buf, size_t len, void *userdata)
{
	(void)fd;
	(void)buf;
	(void)len;
	(void)userdata;
	errno = EAGAIN;
	return -1;
}

static int new_session(struct share *s)
{
	const struct fuse_custom_io io = { .writev = io_writev,
					   .read = io_read };
	struct fuse_lowlevel_ops ops = { .init = op_init };
	char name[] = "wherry";
	char *argv[] = { name, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	int fd;

	share_attr_ops(&ops);
	share_dir_ops(&ops);
	share_file_ops(&ops);
	share_name_ops(&ops);
	share_xattr_ops(&ops);
	fuse_set_log_func(drop_message);
	s->session = fuse_session_new(&args, &ops, sizeof(ops), s);
	fuse_opt_free_args(&args);
	if (!s->session)
		return -ENOMEM;
	/* Never used, but closed with the session. */
	fd = fcntl(s->proc_fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	return fuse_session_custom_io(s->session, &io, fd);
}

static void end_session(struct share *s)
{
	if (s->session)
		fuse_session_destroy(s->session);
	s->session = NULL;
}

void share_reset(struct share *s)
{
	end_session(s);
	share_files_close(s);
	if (share_inodes_reset(&s->inodes) || new_session(s))
		end_session(s); /* all requests fail until the next reset */
}

static int open_root(struct share *s)
{
	int r;

	s->root_fd = open(s->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->root_fd < 0) {
		r = -errno;
		log_err("%s: cannot be shared: %s; name a directory that "
			"this user may search",
			s->path, strerror(-r));
		return r;
	}
	if (share_fs_is_kernels(s->root_fd)) {
		log_err("%s: cannot be shared: it is an interface of the "
			"kernel; name a directory of files",
			s->path);
		return -EINVAL;
	}
	s->proc_fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->proc_fd < 0) {
		r = -errno;
		log_err("%s: cannot be shared: /proc/self/fd: %s; mount "
			"/proc",
			s->path, strerror(-r));
		return r;
	}
	return 0;
}

static int out_of_memory(const char *path)
{
	log_err("%s: cannot be shared: out of memory", path);
	return -ENOMEM;
}

static int init(struct share *s, const struct share_params *params)
{
	s->path = strdup(params->path);
	s->msg = malloc(SHARE_MAX_REQUEST);
	s->reply = malloc(SHARE_DIR_BYTES);
	if (!s->path || !s->msg || !s->reply)
		return out_of_memory(params->path);
	return open_root(s);
}

int share_create(struct share **out, const struct share_params *params)
{
	struct share *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return out_of_memory(params->path);
	s->root_fd = -1;
	s->proc_fd = -1;
	s->landlock_fd = -1;
	s->read_only = params->read_only;
	s->cache = params->cache;
	s->timeout_s = s->cache == SHARE_CACHE_ALWAYS ? DAY_S :
		       s->cache == SHARE_CACHE_AUTO   ? 1.0 :
							0.0;
	s->uid = geteuid();
	s->gid = getegid();
	s->files.max = params->max_files / 2;
	r = init(s, params);
	if (r)
		goto err;
	s->landlock_fd = share_landlock_create(s->root_fd, s->read_only);
	/* A quarter for files that can be found again, one for the others. */
	r = share_inodes_init(&s->inodes, s->root_fd,
			      SHARE_MAX_OPEN(params->max_files),
			      params->max_inodes);
	if (!r)
		r = new_session(s);
	if (r) {
		log_err("%s: cannot be shared: %s", s->path, strerror(-r));
		goto err;
	}
	*out = s;
	return 0;
err:
	share_destroy(s);
	return r;
}

void share_destroy(struct share *s)
{
	if (!s)
		return;
	end_session(s);
	share_files_close(s);
	share_inodes_fini(&s->inodes);
	fd_close(&s->landlock_fd);
	fd_close(&s->proc_fd);
	fd_close(&s->root_fd);
	free(s->reply);
	free(s->msg);
	free(s->path);
	free(s);
}

int share_landlock(const struct share *s)
{
	return MIN(s->landlock_fd, 0);
}

int share_enter(struct share *s, bool confine)
{
	int r = 0;

	/* The guest has applied its umask; ours is of the whole process. */
	if (unshare(CLONE_FS))
		r = -errno;
	else
		umask(0);
	if (!r && confine && s->landlock_fd >= 0)
		r = share_landlock_enter(s->landlock_fd);
	if (r)
		log_err("%s: cannot be shared: its thread cannot be "
			"confined: %s; see --sandbox off",
			s->path, strerror(-r));
	return r;
}

/* An answer that is nothing but an error. */
static ssize_t answer(struct share *s, const struct fuse_in_header *head, int r)
{
	const struct fuse_out_header out = {
		.len = sizeof(out),
		.error = r,
		.unique = head->unique,
	};

	if (head->opcode == FUSE_FORGET || head->opcode == FUSE_BATCH_FORGET)
		return 0;
	/* Who interrupts need not wait to hear that there was nothing. */
	if (s->out_bytes < sizeof(out))
		return head->opcode == FUSE_INTERRUPT ? 0 : -EPROTO;
	iov_write(s->out, s->nr_out, 0, &out, sizeof(out));
	return sizeof(out);
}

static int set_attribute(struct share *s, const struct fuse_in_header *head)
{
	const struct fuse_setxattr_in *in = (const void *)(head + 1);
	const char *name = (const char *)in + FUSE_COMPAT_SETXATTR_IN_SIZE;

	return share_setxattr(s, head->nodeid, name, name + strlen(name) + 1,
			      in->size, (int)in->flags);
}

static int sync_all(struct share *s)
{
	int fd cleanup_fd = share_reopen(s, s->inodes.root, O_RDONLY);

	if (fd < 0)
		return fd;
	return syncfs(fd) ? -errno : 0;
}

/*
 * What libfuse does not know, or not in all versions: 1 for what it is to do,
 * made into something that it does know.
 */
static int serve_here(struct share *s, struct fuse_in_header *head)
{
	struct fuse_create_in *create = (void *)(head + 1);
	const struct fuse_init_in *init = (const void *)(head + 1);

	switch (head->opcode) {
	case FUSE_SETXATTR:
		return set_attribute(s, head);
	case FUSE_SYNCFS:
		return sync_all(s);
	case FUSE_TMPFILE:
		head->opcode = FUSE_CREATE;
		create->flags |= O_TMPFILE;
		return 1;
	case FUSE_INIT:
		if (init->major == FUSE_KERNEL_VERSION &&
		    init->minor < MIN_MINOR)
			return -EPROTO;
		s->offered = init->flags;
		return 1;
	default:
		return 1;
	}
}

static ssize_t serve(struct share *s, struct fuse_in_header *head, size_t len)
{
	struct fuse_buf buf = { .size = len, .mem = head };
	const bool ends = head->opcode == FUSE_DESTROY;

	s->written = 0;
	s->no_room = false;
	fuse_session_process_buf(s->session, &buf);
	if (ends)
		share_reset(s); /* the guest may mount it again */
	return s->no_room ? -EPROTO : (ssize_t)s->written;
}

static ssize_t take_request(struct share *s, const struct iovec *in,
			    unsigned int nr_in, const struct iovec *out,
			    unsigned int nr_out)
{
	struct fuse_in_header *head = (void *)s->msg;
	size_t total = iov_bytes(in, nr_in);
	size_t len;
	int r;

	s->in = in;
	s->nr_in = nr_in;
	s->out = out;
	s->nr_out = nr_out;
	s->out_bytes = iov_bytes(out, nr_out);
	s->offered = 0;
	if (iov_read(in, nr_in, 0, head, sizeof(*head)) != sizeof(*head))
		return -EPROTO;
	len = share_check_bytes(head->opcode, total);
	if (len > SHARE_MAX_REQUEST)
		return answer(s, head, -E2BIG);
	iov_read(in, nr_in, sizeof(*head), head + 1, len - sizeof(*head));
	/* What a shorter FUSE_INIT lacks is zero. */
	memset(s->msg + len, 0,
	       MIN(SHARE_MAX_REQUEST - len, sizeof(struct fuse_init_in)));

	r = share_check(head, len, total);
	if (!r && s->read_only && share_check_changes(head->opcode))
		r = -EROFS;
	if (!r && !s->session)
		r = -EIO;
	if (!r)
		r = serve_here(s, head);
	return r == 1 ? serve(s, head, len) : answer(s, head, r);
}

ssize_t share_request(struct share *s, const struct iovec *in,
		      unsigned int nr_in, const struct iovec *out,
		      unsigned int nr_out)
{
	ssize_t n = take_request(s, in, nr_in, out, nr_out);

	share_inodes_sweep(&s->inodes);
	return n;
}
