// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fuzzes the FUSE server of a shared directory: requests of any shape, of which
 * most name files and open files that it told of, on a scratch directory. What
 * holds whatever comes: an answer fits its room and says its own length; what
 * lies beside the directory stays as it is. Input: what draw() takes.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/must.h"

#include "share.h"
#include "util.h"

#define NR_KNOWN 8
#define ROOM 4096

static struct scratch {
	char top[64]; /* of it share is given, and secret is not */
	struct share *share;
	uint64_t inodes[NR_KNOWN], files[NR_KNOWN];
	unsigned int nr_inodes, nr_files;
	struct {
		struct fuse_in_header head;
		uint8_t args[600];
	} in;
	struct {
		struct fuse_out_header head;
		union {
			struct fuse_entry_out entry;
			struct fuse_open_out open;
			struct {
				struct fuse_entry_out entry;
				struct fuse_open_out open;
			} create;
			char data[ROOM];
		};
	} out;
} sc;

static void put_file(const char *name, const char *text)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", sc.top, name);
	fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_true(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void put_dir(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", sc.top, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

/* What a guest made unreadable is made readable first: not all are root. */
static void remove_all(void)
{
	char *const paths[] = { sc.top, NULL };
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;

	assert_non_null(tree);
	while ((entry = fts_read(tree))) {
		if (entry->fts_info == FTS_D)
			(void)chmod(entry->fts_path, 0700);
		else if (entry->fts_level > FTS_ROOTLEVEL)
			(void)remove(entry->fts_path);
	}
	fts_close(tree);
}

static void at_exit(void)
{
	remove_all();
	rmdir(sc.top);
}

/* Once for the process.  Files are kept small: memory is behind them. */
static void prepare(void)
{
	const struct rlimit lim = { 1 << 20, 1 << 20 };

	if (*sc.top)
		return;
	snprintf(sc.top, sizeof(sc.top), "%s/wherry-fuzz-XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	assert_non_null(mkdtemp(sc.top));
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &lim), 0);
	atexit(at_exit);
}

/* The errors that sandboxes would hide are not hidden here. */
static void send_request(size_t len, size_t room)
{
	const struct iovec in[] = {
		{ &sc.in, len / 2 }, { (char *)&sc.in + len / 2, len - len / 2 }
	};
	const struct iovec out[] = { { &sc.out, room / 3 },
				     { (char *)&sc.out + room / 3,
				       room - room / 3 } };
	ssize_t n = share_request(sc.share, in, 2, out, 2);

	assert_true(n == -EPROTO || (n >= 0 && (size_t)n <= room));
	if (n <= 0) {
		sc.out.head.error = -1;
		return;
	}
	assert_true((size_t)n >= sizeof(sc.out.head));
	assert_int_equal(sc.out.head.len, n);
	assert_int_equal(sc.out.head.unique, sc.in.head.unique);
	assert_true(sc.out.head.error <= 0 && sc.out.head.error > -1000);
}

static void begin(struct source *src)
{
	struct share_params p = { .max_files = SHARE_MIN_FILES,
				  .max_inodes = 65536 };
	unsigned int how = (unsigned int)draw(src, 1);
	const struct fuse_init_in init = {
		.major = 7,
		.minor = 31 + how / 16,
		.flags = (uint32_t)draw(src, 4),
	};
	char path[128];

	remove_all();
	put_dir("share");
	put_dir("secret");
	put_dir("share/d");
	put_file("secret/key", "secret");
	put_file("share/a", "text of a");
	put_file("share/d/b", "b");
	snprintf(path, sizeof(path), "%s/share/l", sc.top);
	assert_int_equal(symlink("../secret", path), 0);

	snprintf(path, sizeof(path), "%s/share", sc.top);
	p.path = path;
	p.read_only = how % 8 == 7;
	p.cache = how / 8 % 3;
	assert_int_equal(share_create(&sc.share, &p), 0);
	sc.inodes[0] = FUSE_ROOT_ID;
	sc.nr_inodes = 1;
	sc.nr_files = 0;
	sc.in.head = (struct fuse_in_header){
		.len = sizeof(sc.in.head) + sizeof(init),
		.opcode = FUSE_INIT,
	};
	memcpy(sc.in.args, &init, sizeof(init));
	send_request(sc.in.head.len, ROOM);
}

static void learn(uint64_t *known, unsigned int *nr, uint64_t number)
{
	known[(*nr)++ % NR_KNOWN] = number;
}

static void learn_from(uint32_t op)
{
	if (sc.out.head.error)
		return;
	if (op == FUSE_LOOKUP || op == FUSE_MKNOD || op == FUSE_MKDIR ||
	    op == FUSE_SYMLINK || op == FUSE_LINK)
		learn(sc.inodes, &sc.nr_inodes, sc.out.entry.nodeid);
	if (op == FUSE_OPEN || op == FUSE_OPENDIR)
		learn(sc.files, &sc.nr_files, sc.out.open.fh);
	if (op == FUSE_CREATE || op == FUSE_TMPFILE) {
		learn(sc.inodes, &sc.nr_inodes, sc.out.create.entry.nodeid);
		learn(sc.files, &sc.nr_files, sc.out.create.open.fh);
	}
}

static uint64_t pick(struct source *src, const uint64_t *known, unsigned int nr)
{
	unsigned int i = (unsigned int)draw(src, 1);

	if (i >= 0xf0 || !nr)
		return draw(src, 8);
	return known[i % MIN(nr, (unsigned int)NR_KNOWN)];
}

static size_t put_name(struct source *src, size_t at)
{
	static const char *const names[] = { "a", "b", "d",   "l",
					     "n", "m", "..",  "user.x",
					     "",  ".", "d/b", "a" };
	unsigned int which = (unsigned int)draw(src, 1);
	const char *name = names[which % ARRAY_SIZE(names)];

	memcpy(sc.in.args + at, name, strlen(name) + 1);
	return at + strlen(name) + 1;
}

/* Bytes of the arguments that come before names, for those that have names or
 * little else; where the numbers of open files and inodes are in them. */
static const struct shape {
	uint8_t op, fixed, nr_names;
	uint8_t fh_at, ino_at; /* + 1 */
} shapes[] = {
	{ FUSE_LOOKUP, 0, 1, 0, 0 },
	{ FUSE_FORGET, 8, 0, 0, 0 },
	{ FUSE_GETATTR, 16, 0, 9, 0 },
	{ FUSE_SETATTR, 88, 0, 9, 0 },
	{ FUSE_READLINK, 0, 0, 0, 0 },
	{ FUSE_SYMLINK, 0, 2, 0, 0 },
	{ FUSE_MKNOD, 16, 1, 0, 0 },
	{ FUSE_MKDIR, 8, 1, 0, 0 },
	{ FUSE_UNLINK, 0, 1, 0, 0 },
	{ FUSE_RMDIR, 0, 1, 0, 0 },
	{ FUSE_RENAME, 8, 2, 0, 1 },
	{ FUSE_LINK, 8, 1, 0, 1 },
	{ FUSE_OPEN, 8, 0, 0, 0 },
	{ FUSE_READ, 40, 0, 1, 0 },
	{ FUSE_WRITE, 40, 0, 1, 0 },
	{ FUSE_STATFS, 0, 0, 0, 0 },
	{ FUSE_RELEASE, 24, 0, 1, 0 },
	{ FUSE_FSYNC, 16, 0, 1, 0 },
	{ FUSE_SETXATTR, 8, 2, 0, 0 },
	{ FUSE_GETXATTR, 8, 1, 0, 0 },
	{ FUSE_LISTXATTR, 8, 0, 0, 0 },
	{ FUSE_REMOVEXATTR, 0, 1, 0, 0 },
	{ FUSE_OPENDIR, 8, 0, 0, 0 },
	{ FUSE_READDIR, 40, 0, 1, 0 },
	{ FUSE_RELEASEDIR, 24, 0, 1, 0 },
	{ FUSE_FSYNCDIR, 16, 0, 1, 0 },
	{ FUSE_CREATE, 16, 1, 0, 0 },
	{ FUSE_DESTROY, 0, 0, 0, 0 },
	{ FUSE_BATCH_FORGET, 8, 0, 0, 0 },
	{ FUSE_FALLOCATE, 32, 0, 1, 0 },
	{ FUSE_READDIRPLUS, 40, 0, 1, 0 },
	{ FUSE_RENAME2, 16, 2, 0, 1 },
	{ FUSE_LSEEK, 24, 0, 1, 0 },
	{ FUSE_COPY_FILE_RANGE, 56, 0, 1, 25 },
	{ FUSE_SYNCFS, 8, 0, 0, 0 },
	{ FUSE_TMPFILE, 16, 1, 0, 0 },
	{ FUSE_INIT, 64, 0, 0, 0 },
	{ 60, 20, 1, 0, 0 },
};

/* Sparse: most bytes of arguments are zero in life. */
static void put_args(struct source *src, size_t len)
{
	memset(sc.in.args, 0, len);
	for (unsigned int n = (unsigned int)draw(src, 1) % 5; n && len; n--)
		sc.in.args[draw(src, 1) % len] = (uint8_t)draw(src, 1);
}

/* A request that is whole but for what chance does to its length. */
static void step(struct source *src)
{
	unsigned int what = (unsigned int)draw(src, 1);
	const struct shape *s = &shapes[what % ARRAY_SIZE(shapes)];
	size_t len = s->fixed, room = ROOM;
	uint64_t n;

	put_args(src, len);
	n = pick(src, sc.files, sc.nr_files);
	if (s->fh_at)
		memcpy(sc.in.args + s->fh_at - 1, &n, sizeof(n));
	if (s->op == FUSE_COPY_FILE_RANGE)
		memcpy(sc.in.args + 32, &n, sizeof(n));
	n = pick(src, sc.inodes, sc.nr_inodes);
	if (s->ino_at)
		memcpy(sc.in.args + s->ino_at - 1, &n, sizeof(n));
	for (unsigned int i = 0; i < s->nr_names; i++)
		len = put_name(src, len);
	if (s->op == FUSE_WRITE || s->op == FUSE_BATCH_FORGET) {
		n = draw(src, 1) % 64;
		memset(sc.in.args + len, (int)n, 64);
		len += n & ~15ULL;
		n = s->op == FUSE_WRITE ? n & ~15ULL : n / 16;
		memcpy(sc.in.args + (s->op == FUSE_WRITE ? 16 : 0), &n, 4);
	}
	n = draw(src, 1);
	if (n >= 0xf8)
		len = draw(src, 1);
	else if (n >= 0xf0)
		room = draw(src, 1);
	sc.in.head = (struct fuse_in_header){
		.len = (uint32_t)(sizeof(sc.in.head) + len),
		.opcode = s->op,
		.unique = what + 1,
		.nodeid = pick(src, sc.inodes, sc.nr_inodes),
	};
	send_request(sc.in.head.len, room);
	learn_from(s->op);
}

static void check_secret(void)
{
	char path[128], text[16] = "";
	unsigned int nr = 0;
	DIR *dir;
	int fd;

	snprintf(path, sizeof(path), "%s/secret/key", sc.top);
	fd = open(path, O_RDONLY);
	assert_true(read(fd, text, sizeof(text)) == 6);
	close(fd);
	assert_true(!memcmp(text, "secret", 6));
	snprintf(path, sizeof(path), "%s/secret", sc.top);
	dir = opendir(path);
	assert_non_null(dir);
	while (readdir(dir))
		nr++;
	closedir(dir);
	assert_int_equal(nr, 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source src = { data, size };

	prepare();
	begin(&src);
	while (src.left)
		step(&src);
	share_destroy(sc.share);
	check_secret();
	return 0;
}
