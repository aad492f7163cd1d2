// SPDX-License-Identifier: BSD-2-Clause
/* The file system device, from its rings to a directory and back. */
#include "harness.h"

#include <errno.h>
#include <linux/fuse.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/syscall.h>

#include "capture.h"
#include "fixture.h"
#include "share.h"
#include "util.h"
#include "virtio-driver.h"
#include "virtio-fs.h"
#include "virtio.h"

#define FEATURES (DRIVER_INDIRECT | 1ULL << VIRTIO_F_VERSION_1)
#define PATIENCE_MS 10000

static struct driver_mem mem;
static struct driver hiprio, requests;
static struct virtio_dev *dev;

/* The first call of that number, since it was set, fails so. */
static struct {
	long nr;
	int skip, error;
} fail;

/* The filter is not what is tried here. */
int __wrap_sandbox_thread(enum sandbox_mode mode, enum sandbox_thread kind,
			  const struct sandbox_ioctls *lists, size_t nr_lists);

int __wrap_sandbox_thread(enum sandbox_mode mode, enum sandbox_thread kind,
			  const struct sandbox_ioctls *lists, size_t nr_lists)
{
	(void)mode;
	(void)kind;
	(void)lists;
	(void)nr_lists;
	return 0;
}

/* The worker calls it whenever a file is opened; or NULL. */
static void (*opens)(void);

long __real_syscall(long nr, ...);
long __wrap_syscall(long nr, ...);

long __wrap_syscall(long nr, ...)
{
	long arg[4];
	va_list ap;

	va_start(ap, nr);
	for (unsigned int i = 0; i < ARRAY_SIZE(arg); i++)
		arg[i] = va_arg(ap, long);
	va_end(ap);
	if (nr == SYS_openat2 && opens)
		opens();
	if (nr != fail.nr || fail.skip--)
		return __real_syscall(nr, arg[0], arg[1], arg[2], arg[3]);
	errno = fail.error;
	return -1;
}

static void start(void)
{
	driver_mem_reset(&mem);
	driver_init(&hiprio, &mem, 8, FEATURES);
	driver_init(&requests, &mem, 16, FEATURES);
	driver_place(&hiprio, &dev->queues[0].vq);
	driver_place(&requests, &dev->queues[1].vq);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(
			virtq_start(&dev->queues[i].vq, mem.ram, FEATURES), 0);
		dev->queues[i].started = true;
	}
	dev->ram = mem.ram;
	dev->features = FEATURES;
	atomic_store(&dev->failed, false);
	dev->ops->start(dev);
}

static void stop(void)
{
	dev->ops->stop(dev);
	dev->ops->wait(dev);
	assert_true(dev->ops->stopped(dev));
	for (unsigned int i = 0; i < 2; i++) {
		virtq_stop(&dev->queues[i].vq);
		dev->queues[i].started = false;
	}
}

static void kick(unsigned int queue)
{
	const uint64_t one = 1;

	assert_int_equal(write(dev->queues[queue].kick_fd, &one, 8), 8);
}

/* The bytes of the answer; it is at *out. */
static uint32_t ask(uint32_t op, uint64_t ino, const void *args, size_t len,
		    const void **out)
{
	struct fuse_in_header head = { .len = (uint32_t)(sizeof(head) + len),
				       .opcode = op,
				       .nodeid = ino,
				       .unique = 7 };
	const gpa_t in = driver_alloc(&mem, 4096, 8);
	const gpa_t to = driver_alloc(&mem, 8192, 8);
	const struct driver_buf bufs[] = { { in, sizeof(head), false },
					   { in + sizeof(head), (uint32_t)len,
					     false },
					   { to, 16, true },
					   { to + 16, 8000, true } };
	uint32_t written = 0;
	unsigned int i;

	memcpy(driver_ptr(&mem, in, 4096), &head, sizeof(head));
	memcpy(driver_ptr(&mem, in + sizeof(head), len), args, len);
	driver_add(&requests, bufs, ARRAY_SIZE(bufs));
	kick(1);
	for (i = 0; i < PATIENCE_MS; i++) {
		if (driver_used(&requests, &written) >= 0)
			break;
		(void)poll(NULL, 0, 1);
	}
	*out = driver_ptr(&mem, to, 8192);
	return written;
}

static void mounts(void)
{
	const struct fuse_init_in init = { .major = 7, .minor = 38 };
	const struct fuse_out_header *out;

	assert_int_equal(ask(FUSE_INIT, 0, &init, sizeof(init),
			     (const void **)&out),
			 16 + sizeof(struct fuse_init_out));
	assert_int_equal(out->error, 0);
	assert_int_equal(out->unique, 7);
}

static int create(void)
{
	struct share_params params = { .max_files = SHARE_MIN_FILES,
				       .max_inodes = 65536 };
	struct share *share;
	char path[PATH_MAX];

	params.path = fx_path(path, "/share");
	return share_create(&share, &params) ||
	       virtio_fs_create(&dev, share, "share", "data") ||
	       dev->ops->confine(dev, SANDBOX_OFF, NULL, 0);
}

static int setup(void **state)
{
	if (fixture_setup(state))
		return -1;
	fx_file("/share/hello", "hello");
	driver_mem_init(&mem);
	fail.nr = -1;
	return create();
}

static int teardown(void **state)
{
	dev->ops->destroy(dev);
	driver_mem_fini(&mem);
	return fixture_teardown(state);
}

static void tells_its_tag(void **state)
{
	char config[40];

	(void)state;
	assert_int_equal(dev->type, VIRTIO_FS);
	assert_int_equal(dev->config_bytes, sizeof(config));
	dev->ops->config_read(dev, 0, config, sizeof(config));
	assert_string_equal(config, "data");
	assert_int_equal(load_le(config + 36, 4), 1);
	memset(config, 0, sizeof(config));
	dev->ops->config_read(dev, 2, config, 2);
	assert_string_equal(config, "ta");
}

/* Twice, with a reset between: the second knows nothing of the first. */
static void answers(void **state)
{
	const struct fuse_entry_out *entry;
	const struct fuse_out_header *out;
	const struct fuse_getattr_in get = { 0 };
	uint64_t ino;

	(void)state;
	for (int i = 0; i < 2; i++) {
		start();
		mounts();
		assert_int_equal(ask(FUSE_LOOKUP, 1, "hello", 6,
				     (const void **)&out),
				 16 + sizeof(*entry));
		entry = (const void *)(out + 1);
		assert_int_equal(entry->attr.size, 5);
		ino = entry->nodeid;
		assert_int_equal(ask(FUSE_GETATTR, ino, &get, sizeof(get),
				     (const void **)&out),
				 16 + sizeof(struct fuse_attr_out));
		stop();
		assert_true(dev->queues[1].nr_interrupts > 0);
	}
	start();
	assert_int_equal(ask(FUSE_GETATTR, ino, &get, sizeof(get),
			     (const void **)&out),
			 16);
	assert_int_equal(out->error, -EIO); /* not mounted */
	stop();
}

/* A forget has no answer, and takes no place in the other queue. */
static void forgets(void **state)
{
	struct {
		struct fuse_in_header head;
		struct fuse_forget_in in;
	} msg = { { .len = sizeof(msg), .opcode = FUSE_FORGET, .nodeid = 5 },
		  { 1 } };
	struct driver_buf buf = { 0, sizeof(msg), false };
	uint32_t written = 1;

	(void)state;
	start();
	mounts();
	buf.gpa = driver_alloc(&mem, sizeof(msg), 8);
	memcpy(driver_ptr(&mem, buf.gpa, sizeof(msg)), &msg, sizeof(msg));
	driver_add(&hiprio, &buf, 1);
	kick(0);
	for (unsigned int i = 0; i < PATIENCE_MS; i++) {
		if (driver_used(&hiprio, &written) >= 0)
			break;
		(void)poll(NULL, 0, 1);
	}
	assert_int_equal(written, 0);
	stop();
}

static struct driver_buf forget;
static unsigned int nr_opens;
static bool forgotten;

/* The guest forgets while one request is served; it is done before the next. */
static void forget_while_open(void)
{
	if (!nr_opens++)
		driver_add(&hiprio, &forget, 1);
	else if (nr_opens == 2)
		forgotten = driver_used(&hiprio, NULL) >= 0;
}

static void put(struct driver_buf *buf, const void *msg, uint32_t len)
{
	*buf = (struct driver_buf){ driver_alloc(&mem, len, 8), len, false };
	memcpy(driver_ptr(&mem, buf->gpa, len), msg, len);
}

static void forgets_do_not_wait(void **state)
{
	struct {
		struct fuse_in_header head;
		uint64_t args[1];
	} msg = { { .len = sizeof(msg), .opcode = FUSE_FORGET, .nodeid = 5 },
		  { 1 } };
	struct driver_buf bufs[2] = { 0 };
	unsigned int done = 0;

	(void)state;
	start();
	mounts();
	put(&forget, &msg, sizeof(msg));
	msg.head.opcode = FUSE_OPENDIR;
	msg.head.nodeid = 1;
	nr_opens = 0;
	opens = forget_while_open;
	for (unsigned int i = 0; i < 3; i++) {
		put(&bufs[0], &msg, sizeof(msg));
		bufs[1] = (struct driver_buf){ driver_alloc(&mem, 64, 8), 64,
					       true };
		driver_add(&requests, bufs, 2);
	}
	kick(1);
	for (unsigned int i = 0; i < PATIENCE_MS && done < 3; i++) {
		if (driver_used(&requests, NULL) >= 0)
			done++;
		else
			(void)poll(NULL, 0, 1);
	}
	stop();
	opens = NULL;
	assert_int_equal(nr_opens, 3);
	assert_true(forgotten);
}

/* No header: the device fails, and works again after a reset. */
static void fails_without_a_header(void **state)
{
	struct driver_buf buf = { 0, 12, false };
	struct capture c;

	(void)state;
	start();
	mounts();
	buf.gpa = driver_alloc(&mem, 16, 8);
	capture_begin(&c);
	driver_add(&requests, &buf, 1);
	kick(1);
	for (unsigned int i = 0; i < PATIENCE_MS; i++) {
		if (atomic_load(&dev->failed))
			break;
		(void)poll(NULL, 0, 1);
	}
	stop();
	assert_string_equal(
		capture_end(&c),
		"wherry: share: the guest's driver broke the protocol: a "
		"request without a header, or without room for its answer\n");
	start();
	mounts();
	stop();
}

/* What the kernel has not, and what it has and does not do. */
static void insists_on_landlock(void **state)
{
	static const struct {
		long nr;
		int skip, error;
		bool has_none;
		const char *says;
	} cases[] = {
		{ SYS_landlock_create_ruleset, 0, ENOSYS, true, "no Landlock" },
		{ SYS_landlock_create_ruleset, 0, EOPNOTSUPP, true,
		  "no Landlock" },
		{ SYS_landlock_create_ruleset, 0, EPERM, false, "landlock_*" },
		{ SYS_landlock_create_ruleset, 1, ENOMEM, false, "Cannot" },
		{ SYS_landlock_add_rule, 0, EBADFD, false, "bad state" },
	};
	bool here = syscall(SYS_landlock_create_ruleset, NULL, 0, 1) > 1;

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		int r = cases[i].has_none ? -EOPNOTSUPP : -cases[i].error;
		struct capture c;

		if (!here && (cases[i].skip || cases[i].nr != cases[0].nr))
			continue;
		dev->ops->destroy(dev);
		fail.nr = cases[i].nr;
		fail.skip = cases[i].skip;
		fail.error = cases[i].error;
		assert_int_equal(create(), 0);
		fail.nr = -1;
		capture_begin(&c);
		assert_int_equal(
			dev->ops->confine(dev, SANDBOX_STRICT, NULL, 0), r);
		if (!cases[i].has_none)
			assert_int_equal(
				dev->ops->confine(dev, SANDBOX_ON, NULL, 0), r);
		assert_non_null(strstr(capture_end(&c), cases[i].says));
		assert_int_equal(dev->ops->confine(dev, SANDBOX_OFF, NULL, 0),
				 0);
	}
}

/* What a guest may have taken over is fenced in before the guest begins. */
static void fence_comes_first(void **state)
{
	struct capture c;

	(void)state;
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 2)
		skip();
	fail.nr = SYS_landlock_restrict_self;
	fail.skip = 0;
	fail.error = EPERM;
	/* Without it none is wanted. */
	assert_int_equal(dev->ops->confine(dev, SANDBOX_OFF, NULL, 0), 0);
	capture_begin(&c);
	assert_int_equal(dev->ops->confine(dev, SANDBOX_ON, NULL, 0), -EPERM);
	assert_non_null(strstr(capture_end(&c), "cannot be confined"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(tells_its_tag),
		T(answers),
		T(forgets),
		T(forgets_do_not_wait),
		T(fails_without_a_header),
		T(insists_on_landlock),
		T(fence_comes_first),
	};

	return run_all(tests);
}
