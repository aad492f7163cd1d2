// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-no-memory - each allocation of what is made at the start fails in turn: one
 * line says so, and neither memory nor a descriptor is left.
 */
#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bus.h"
#include "capture.h"
#include "config.h"
#include "console.h"
#include "fd.h"
#include "fds.h"
#include "fixture.h"
#include "initramfs.h"
#include "loop.h"
#include "pci.h"
#include "util.h"
#include "virtio-console.h"
#include "virtio-fs.h"
#include "virtio-rng.h"
#include "virtio.h"
#ifdef HAVE_LIBURING
#include "disk.h"
#include "virtio-blk.h"
#endif
#ifdef HAVE_LIBFUSE3
#include "share.h"
#ifdef HAVE_LIBKMOD
#define HAVE_EXEC
#include "exec-plan.h"
#endif
#endif

#define MAX_LIVE 4096

/* What was allocated and is not free yet. */
static void *live[MAX_LIVE];
static size_t nr_live;
static unsigned int left; /* allocations until the one that fails */
static bool failed;

static bool fails(void)
{
	if (failed || left--)
		return false;
	failed = true;
	errno = ENOMEM;
	return true;
}

static void *taken(void *p)
{
	if (p && nr_live < MAX_LIVE)
		live[nr_live++] = p;
	return p;
}

static void given(const void *p)
{
	for (size_t i = nr_live; p && i-- > 0;)
		if (live[i] == p) {
			live[i] = live[--nr_live];
			return;
		}
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t nr, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t nr, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_reallocarray(void *p, size_t nr, size_t size);
char *__wrap_strdup(const char *s);
void __wrap_free(void *p);

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : taken(__real_malloc(size));
}

void *__wrap_calloc(size_t nr, size_t size)
{
	return fails() ? NULL : taken(__real_calloc(nr, size));
}

void *__wrap_realloc(void *p, size_t size)
{
	void *to = fails() ? NULL : __real_realloc(p, size);

	if (!to)
		return NULL;
	given(p);
	return taken(to);
}

void *__wrap_reallocarray(void *p, size_t nr, size_t size)
{
	return __wrap_realloc(p, nr * size);
}

char *__wrap_strdup(const char *s)
{
	char *to = __wrap_malloc(strlen(s) + 1);

	return to ? strcpy(to, s) : NULL;
}

void __wrap_free(void *p)
{
	given(p);
	__real_free(p);
}

/* Makes it with one allocation less each time, until none fails. */
static void each_fails(int (*make)(void))
{
	static struct capture c;
	unsigned int n = 0, fds = nr_fds();
	const char *newline;
	int r;

	do {
		nr_live = 0;
		failed = false;
		left = n++;
		capture_begin(&c);
		r = make();
		capture_end(&c);
		assert_int_equal(nr_live, 0);
		assert_int_equal(nr_fds(), fds);
		if (!failed)
			break;
		assert_int_equal(r, -ENOMEM);
		newline = strchr(c.text, '\n');
		if (!newline || newline[1])
			fail_msg("allocation %u: not one line: '%s'", n - 1,
				 c.text);
	} while (n < 1000);
	assert_int_equal(r, 0);
	assert_in_range(n, 2, 999);
}

static int make_loop(void)
{
	struct loop *loop;
	int r = loop_create(&loop);

	if (!r)
		loop_destroy(loop);
	return r;
}

static int make_host(void)
{
	const struct range ecam = { GIB(1), MIB(1) };
	struct pci_host *host = NULL;
	struct bus *bus;
	int r = bus_create(&bus);

	if (r)
		return r;
	r = pci_host_create(&host, bus, &ecam);
	if (!r)
		pci_host_destroy(host);
	bus_destroy(bus);
	return r;
}

static int make_archive(void)
{
	struct initramfs *a;
	int r = initramfs_create(&a);

	if (!r)
		initramfs_destroy(a);
	return r;
}

static int open_console(struct console **con)
{
	char path[PATH_MAX];
	const struct console_params p = { .name = "c",
					  .mode = CONSOLE_TO_UNIX,
					  .path = fx_path(path, "/socket") };

	return console_create(con, &p);
}

static int make_console(void)
{
	struct virtio_dev *dev;
	struct console *con;
	int r = open_console(&con);

	if (r)
		return r;
	r = virtio_console_create(&dev, con, NULL, NULL);
	if (!r)
		dev->ops->destroy(dev);
	console_destroy(con);
	return r;
}

static int make_channel(void)
{
	struct virtio_channel channel = { .name = "c" };
	struct virtio_dev *dev;
	int r = open_console(&channel.con);

	if (!r)
		r = virtio_channels_create(&dev, &channel, 1, NULL, NULL);
	if (!r)
		dev->ops->destroy(dev);
	return r;
}

static int make_rng(void)
{
	struct virtio_dev *dev;
	int r = virtio_rng_create(&dev);

	if (!r)
		dev->ops->destroy(dev);
	return r;
}

static int make_config(void)
{
	static const char *const words[] = {
		"run",
		"--kernel",
		"k",
		"--initrd",
		"i",
		"--append",
		"a",
		"--name",
		"n",
		"--device",
		"00:01.0",
		"--disk",
		"d,serial=s",
		"--share",
		"/,tag=t",
		"--channel",
		"unix:u,name=c",
		"--console",
		"file:f",
		"--stats",
		"s",
		"--result",
		"r",
		"--cpus",
		"2",
		"--memory",
		"64M",
	};
	char *argv[ARRAY_SIZE(words)];
	struct run_config *cfg;
	int r;

	memcpy(argv, words, sizeof(words));
	r = config_parse_run(&cfg, ARRAY_SIZE(words), argv);
	if (!r)
		config_destroy(cfg);
	return r;
}

#define T(name)                          \
	static void name(void **state)   \
	{                                \
		(void)state;             \
		each_fails(make_##name); \
	}
T(loop)
T(host)
T(archive)
T(console)
T(channel)
T(rng)
T(config)

#ifdef HAVE_LIBURING
static int make_disk(void)
{
	char path[PATH_MAX];
	const struct disk_params file = { .spec = fx_path(path, "/disk"),
					  .fd = -1 };
	struct virtio_blk_params params = { .name = "disk0", .nr_queues = 2 };
	struct virtio_dev *dev;
	int r = disk_open(&params.disk, &file);

	if (!r)
		r = virtio_blk_create(&dev, &params);
	if (!r)
		dev->ops->destroy(dev);
	return r;
}

static void disk(void **state)
{
	static const char zeros[4096];

	(void)state;
	fx_bytes("/disk", zeros, sizeof(zeros));
	each_fails(make_disk);
}
#endif

#ifdef HAVE_LIBFUSE3
static int make_share(void)
{
	const struct share_params params = { .path = fixture_root,
					     .max_files = SHARE_MIN_FILES,
					     .max_inodes = 100 };
	struct virtio_dev *dev;
	struct share *share;
	int r = share_create(&share, &params);

	if (!r)
		r = virtio_fs_create(&dev, share, "t", "t");
	if (!r)
		dev->ops->destroy(dev);
	return r;
}
T(share)
#endif

#ifdef HAVE_EXEC
static int make_plan(void)
{
	static const char *const words[] = {
		"exec", "--kernel",    NULL,  "--rw",	  "/usr",   "--overlay",
		"/var", "--env",       "A=b", "--user",	  "nobody", "--cwd",
		"/",	"--name",      "n",   "--memory", "64M",    "--append",
		"a",	"--guest-log", "g",   "true",
	};
	char *argv[ARRAY_SIZE(words) + 1] = { NULL };
	char kernel[PATH_MAX];
	struct exec_config *cfg;
	struct exec_plan plan;
	int r, fd;

	memcpy(argv, words, sizeof(words));
	argv[2] = (char *)fx_path(kernel, "/vmlinuz");
	r = config_parse_exec(&cfg, ARRAY_SIZE(words), argv);
	if (r)
		return r;
	r = exec_plan_init(&plan, cfg);
	if (!r) {
		fd = exec_plan_initramfs(&plan);
		r = MIN(fd, 0);
		fd_close(&fd);
	}
	exec_plan_fini(&plan);
	config_destroy_exec(cfg);
	return r;
}

static void plan(void **state)
{
	(void)state;
	fx_file("/vmlinuz", "Linux version 6.1.0-test (x)");
	each_fails(make_plan);
}
#endif

int main(void)
{
#define U(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		U(loop),    U(host), U(archive), U(console),
		U(channel), U(rng),  U(config),
#ifdef HAVE_LIBURING
		U(disk),
#endif
#ifdef HAVE_LIBFUSE3
		U(share),
#endif
#ifdef HAVE_EXEC
		U(plan),
#endif
	};

	return run_all(tests);
}
