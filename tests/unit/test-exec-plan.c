// SPDX-License-Identifier: BSD-2-Clause
/* test-exec-plan - what the guest of a command sees of the host, and as what. */
#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "exec-plan.h"
#include "fixture.h"
#include "util.h"

#define IMAGE_BYTES KIB(72)

struct at {
	size_t at;
	const char *bytes;
	const char *type; /* or NULL, and then */
	const char *remedy;
};

static const struct at images[] = {
	{ 0x438, "\x53\xef", "ext4", NULL },
	{ 0, "XFSB", "xfs", NULL },
	{ 0x10040, "_BHRfS_M", "btrfs", NULL },
	{ 0, "hsqs", "squashfs", NULL },
	{ 0x400, "\xe2\xe1\xf5\xe0", "erofs", NULL },
	{ 0, "QFI\xfb", NULL, "qemu-img convert" },
	{ 0x1fe, "\x55\xaa", NULL, "losetup" },
	{ 0, "#!/bin/sh", NULL, "an image of ext4" },
};

static void knows_images(void **state)
{
	uint8_t *image = calloc(1, IMAGE_BYTES);
	const char *remedy, *type;

	(void)state;
	assert_non_null(image);
	for (size_t i = 0; i < ARRAY_SIZE(images); i++) {
		const struct at *a = &images[i];
		size_t n = strlen(a->bytes);

		memcpy(image + a->at, a->bytes, n);
		type = exec_root_type(image, IMAGE_BYTES, &remedy);
		if (a->type)
			assert_string_equal(type, a->type);
		else
			assert_null(type);
		if (a->remedy)
			assert_non_null(strstr(remedy, a->remedy));
		/* Of a file that ends in the middle of it nothing is known. */
		type = exec_root_type(image, a->at + n - 1, &remedy);
		assert_null(type);
		memset(image, 0, IMAGE_BYTES);
	}
	free(image);
}

/* A plan of these options, up to its mounts; why there is none. */
static int refused(struct exec_plan *p, struct exec_config *cfg,
		   const char *cwd, const char *why)
{
	static struct capture c;
	int r;

	*p = (struct exec_plan){ .cfg = cfg,
				 .overlay_fd = -1,
				 .job.cwd = strdup(cwd) };
	capture_begin(&c);
	r = exec_plan_root(p);
	if (!r)
		r = exec_plan_mounts(p);
	capture_end(&c);
	if (r)
		assert_non_null(strstr(c.text, why));
	return r;
}

static int plan(struct exec_plan *p, struct exec_config *cfg, const char *cwd)
{
	return refused(p, cfg, cwd, "name a directory");
}

static void fini(struct exec_plan *p)
{
	struct run_config *run = &p->cfg->run;

	for (unsigned int i = 0; i < run->nr_shares; i++) {
		free(run->shares[i].path);
		free(run->shares[i].tag);
	}
	for (unsigned int i = 0; i < run->nr_disks; i++)
		free(run->disks[i].spec);
	exec_plan_fini(p);
}

static void assert_mount(const struct exec_plan *p, size_t i,
			 enum job_mount_kind kind, const char *source,
			 const char *path, bool read_only)
{
	const struct job_mount *m = &p->job.mounts[i];

	assert_true(i < p->job.nr_mounts);
	assert_int_equal(m->kind, kind);
	assert_string_equal(m->source, source);
	assert_string_equal(m->path, path);
	assert_int_equal(m->read_only, read_only);
}

static void root_is_read_only(void **state)
{
	struct exec_config cfg = { .root_cache = CONFIG_CACHE_AUTO };
	struct exec_plan p;

	(void)state;
	assert_int_equal(plan(&p, &cfg, "/usr"), 0);
	assert_int_equal(p.job.nr_mounts, 2);
	assert_mount(&p, 0, JOB_MOUNT_ROOT, "wherry-root", "", true);
	assert_mount(&p, 1, JOB_MOUNT_DIR, "tmp", "/tmp", false);
	assert_int_equal(cfg.run.nr_shares, 1);
	assert_string_equal(cfg.run.shares[0].path, "/");
	assert_true(cfg.run.shares[0].read_only);
	assert_int_equal(cfg.run.shares[0].cache, CONFIG_CACHE_AUTO);
	fini(&p);
}

/* What the host may change, and the guest, is not kept for ever. */
static void root_is_cached_as_asked_for(void **state)
{
	char rw[PATH_MAX];
	struct exec_config cfg = { .root_cache = CONFIG_CACHE_AUTO + 1,
				   .nr_rw = 1 };
	struct exec_plan p;

	(void)state;
	cfg.rw[0] = (char *)fx_path(rw, "");
	assert_int_equal(plan(&p, &cfg, "/usr"), 0);
	assert_int_equal(cfg.run.nr_shares, 2);
	assert_int_equal(cfg.run.shares[0].cache, CONFIG_CACHE_AUTO + 1);
	assert_int_equal(cfg.run.shares[1].cache, CONFIG_CACHE_AUTO);
	fini(&p);
}

static void only_what_is_asked_for_is_writable(void **state)
{
	struct exec_config cfg = { .nr_rw = 1 };
	struct exec_plan p;
	char rw[PATH_MAX], upper[PATH_MAX];

	(void)state;
	fx_dir("/rw");
	fx_dir("/upper");
	cfg.rw[0] = (char *)fx_path(rw, "/rw");
	cfg.overlay = (char *)fx_path(upper, "/upper");
	assert_int_equal(plan(&p, &cfg, "/"), 0);
	assert_int_equal(p.job.nr_mounts, 4);
	assert_mount(&p, 0, JOB_MOUNT_ROOT, "wherry-root", "", true);
	assert_mount(&p, 1, JOB_MOUNT_UPPER, "wherry-upper", "", false);
	assert_mount(&p, 3, JOB_MOUNT_DIR, "wherry-rw0", cfg.rw[0], false);
	for (unsigned int i = 0; i < cfg.run.nr_shares; i++)
		assert_int_equal(cfg.run.shares[i].read_only, i == 0);
	fini(&p);
}

/* A layer is one guest's at a time. */
static void an_overlay_has_one_writer(void **state)
{
	char upper[PATH_MAX], other[PATH_MAX];
	struct exec_config cfg = { 0 }, second = { 0 };
	struct exec_plan p, q;

	(void)state;
	fx_dir("/upper");
	fx_dir("/other");
	cfg.overlay = (char *)fx_path(upper, "/upper");
	second.overlay = cfg.overlay;
	assert_int_equal(plan(&p, &cfg, "/"), 0);
	assert_int_equal(refused(&q, &second, "/", "another wherry exec"),
			 -EBUSY);
	fini(&q);
	second = (struct exec_config){ 0 };
	second.overlay = (char *)fx_path(other, "/other");
	assert_int_equal(plan(&q, &second, "/"), 0);
	fini(&q);
	fini(&p);
	second = (struct exec_config){ .overlay = cfg.overlay };
	assert_int_equal(plan(&q, &second, "/"), 0);
	fini(&q);
}

/* Where the command starts in the host's /tmp it finds it; not where only a part
 * of it, that is shared anyway, is meant. */
static void tmp_is_fresh_or_the_hosts(void **state)
{
	struct exec_config cfg = { 0 };
	struct exec_plan p;
	char rw[] = "/tmp";

	(void)state;
	assert_int_equal(plan(&p, &cfg, "/tmp/x"), 0);
	assert_int_equal(p.job.nr_mounts, 1);
	fini(&p);
	cfg = (struct exec_config){ .rw = { rw }, .nr_rw = 1 };
	assert_int_equal(plan(&p, &cfg, "/tmp/x"), 0);
	assert_int_equal(p.job.nr_mounts, 3);
	assert_mount(&p, 1, JOB_MOUNT_DIR, "tmp", "/tmp", false);
	assert_mount(&p, 2, JOB_MOUNT_DIR, "wherry-rw0", "/tmp", false);
	fini(&p);
	cfg = (struct exec_config){ 0 };
	assert_int_equal(plan(&p, &cfg, "/tmpfoo"), 0);
	assert_int_equal(p.job.nr_mounts, 2);
	fini(&p);
}

/* Before the disks of the command line, and nothing can write to it. */
static void image_is_the_first_disk(void **state)
{
	struct exec_config cfg = { .run.nr_disks = 1,
				   .root_cache = CONFIG_CACHE_AUTO };
	struct exec_plan p;
	char image[PATH_MAX];
	uint8_t head[0x440] = { [0x438] = 0x53, [0x439] = 0xef };

	(void)state;
	fx_bytes("/image", head, sizeof(head));
	cfg.root = (char *)fx_path(image, "/image");
	cfg.run.disks[0].spec = strdup("other");
	assert_int_equal(plan(&p, &cfg, "/"), 0);
	assert_mount(&p, 0, JOB_MOUNT_ROOT, "/dev/vda", "", true);
	assert_string_equal(p.job.mounts[0].type, "ext4");
	assert_int_equal(cfg.run.nr_disks, 2);
	assert_string_equal(cfg.run.disks[0].spec, cfg.root);
	assert_true(cfg.run.disks[0].read_only && cfg.run.disks[0].lock);
	assert_int_equal(cfg.run.disks[0].fd, -1);
	assert_string_equal(cfg.run.disks[1].spec, "other");
	fini(&p);

	cfg = (struct exec_config){ .root = (char *)fx_path(image, "/image"),
				    .root_cache = CONFIG_CACHE_AUTO + 1 };
	assert_int_equal(refused(&p, &cfg, "/", "cache= is for directories"),
			 -EINVAL);
	fini(&p);
}

static void refuses(void **state)
{
	struct exec_config cfg = { .root_cache = CONFIG_CACHE_AUTO };
	struct exec_plan p;
	char path[PATH_MAX], none[] = "/dev/null", slash[] = "/";
	char own[] = "/proc/self", dev[] = "/dev", gone[] = "/nowhere/none";

	(void)state;
	fx_file("/text", "no file system\n");
	cfg.root = (char *)fx_path(path, "/text");
	assert_int_equal(plan(&p, &cfg, "/"), -EINVAL);
	fini(&p);
	cfg.root = none;
	assert_int_equal(plan(&p, &cfg, "/"), -ENOTDIR);
	fini(&p);
	cfg = (struct exec_config){ .rw = { path }, .nr_rw = 1 };
	assert_int_equal(plan(&p, &cfg, "/"), -ENOTDIR);
	fini(&p);
	cfg = (struct exec_config){ .rw = { gone }, .nr_rw = 1 };
	assert_int_equal(plan(&p, &cfg, "/"), -ENOENT);
	fini(&p);
	cfg = (struct exec_config){ .run.nr_shares = 1 };
	cfg.run.shares[0].path = strdup(path);
	cfg.run.shares[0].tag = strdup("wherry-root");
	assert_int_equal(refused(&p, &cfg, "/usr", "choose another"), -EINVAL);
	fini(&p);
	cfg = (struct exec_config){ .rw = { slash }, .nr_rw = 1 };
	assert_int_equal(refused(&p, &cfg, "/usr", "--overlay"), -EINVAL);
	fini(&p);
	cfg = (struct exec_config){ .rw = { own }, .nr_rw = 1 };
	assert_int_equal(refused(&p, &cfg, "/usr", "--device"), -EINVAL);
	fini(&p);
	cfg = (struct exec_config){ .rw = { dev }, .nr_rw = 1 };
	assert_int_equal(refused(&p, &cfg, "/usr", "--device"), -EINVAL);
	fini(&p);
	cfg = (struct exec_config){ .overlay = none };
	assert_int_equal(plan(&p, &cfg, "/"), -ENOTDIR);
	fini(&p);
}

/* What the guest has afresh is no place to start in, but where it is shared. */
static void starts_where_something_is(void **state)
{
	struct exec_config cfg = { 0 };
	struct exec_plan p;
	char rw[] = "/dev/shm";

	(void)state;
	assert_int_equal(refused(&p, &cfg, "/dev/shm/x", "--rw /dev/shm/x"),
			 -EINVAL);
	fini(&p);
	cfg = (struct exec_config){ 0 };
	assert_int_equal(refused(&p, &cfg, "/run/x", "a fresh /run"), -EINVAL);
	fini(&p);
	cfg = (struct exec_config){ .rw = { rw }, .nr_rw = 1 };
	assert_int_equal(plan(&p, &cfg, "/dev/shm/x"), 0);
	fini(&p);
	cfg = (struct exec_config){ 0 };
	assert_int_equal(plan(&p, &cfg, "/run"), 0);
	fini(&p);
}

/* Where the guest's root has no such modules, and modprobe(8) is to find them. */
static void modules_come_with_their_kernel(void **state)
{
	char modules[PATH_MAX], root[PATH_MAX];
	struct exec_config cfg = { 0 };
	struct exec_plan p;

	(void)state;
	fx_dir("/lib/modules/6.1-t");
	for (int i = 0; i < 2; i++) {
		cfg = (struct exec_config){ 0 };
		if (i)
			cfg.root = (char *)fx_path(root, "");
		p = (struct exec_plan){
			.cfg = &cfg,
			.job.cwd = strdup("/usr"),
			.kernel = { .version = strdup("6.1-t"),
				    .modules = strdup(fx_path(
					    modules, "/lib/modules/6.1-t")) },
		};
		assert_int_equal(exec_plan_root(&p), 0);
		assert_int_equal(exec_plan_mounts(&p), 0);
		assert_int_equal(p.job.nr_mounts, i ? 2 : 3);
		if (!i)
			assert_mount(&p, 2, JOB_MOUNT_DIR, "wherry-modules",
				     "/lib/modules/6.1-t", true);
		fini(&p);
	}
}

static void shares_have_an_end(void **state)
{
	struct exec_config cfg = { .run.nr_shares = CONFIG_MAX_SHARES };
	struct exec_plan p;

	(void)state;
	assert_int_equal(refused(&p, &cfg, "/", "leave out a --share"),
			 -ENOSPC);
	assert_int_equal(p.job.nr_mounts, 0);
	fini(&p);
}

static void assert_available(uint64_t bytes)
{
	uint64_t have = 0;

	assert_int_equal(exec_memory_available(fixture_root, &have), 0);
	assert_true(have == bytes);
}

/* The least of the host's and of what each group around us has left. */
static void memory_has_limits(void **state)
{
	(void)state;
	fx_file("/proc/meminfo", "MemTotal:    9000000 kB\n"
				 "MemAvailable:   4000000 kB\n");
	assert_available(KIB(4000000));
	fx_file("/proc/self/cgroup", "1:name=systemd:/x\n0::/outer/in\n");
	fx_file("/sys/fs/cgroup/outer/in/memory.max", "max\n");
	fx_file("/sys/fs/cgroup/outer/in/memory.current", "5\n");
	assert_available(KIB(4000000));
	fx_file("/sys/fs/cgroup/outer/memory.max", "1000000000\n");
	fx_file("/sys/fs/cgroup/outer/memory.current", "900000000\n");
	fx_file("/sys/fs/cgroup/outer/memory.stat",
		"anon 200000000\ninactive_file 400000000\n"
		"active_file 300000000\n");
	assert_available(800000000);
	/* As in a container, which has a tree of its own. */
	fx_file("/proc/self/cgroup", "0::/\n");
	fx_file("/sys/fs/cgroup/memory.max", "4096\n");
	fx_file("/sys/fs/cgroup/memory.current", "4097\n");
	assert_available(0);
}

static void memory_unknown(void **state)
{
	static struct capture c;
	uint64_t have;

	(void)state;
	fx_file("/proc/meminfo", "MemTotal:    9000000 kB\n");
	capture_begin(&c);
	assert_int_equal(exec_memory_available(fixture_root, &have), -EINVAL);
	assert_non_null(strstr(capture_end(&c), "say --memory SIZE"));
}

/* What was asked for is told, and no word of it moves the cursor. */
static void tells_what_would_be_run(void **state)
{
#define WORD(text)   \
	(char[])     \
	{            \
		text \
	}
	char *argv[] = { WORD("make"), WORD("it's"),
			 WORD("a b"),  WORD(""),
			 WORD("-j2"),  WORD("\033[2J"),
			 WORD("b\\"),  WORD("\xc3\xa4\xc2\x9b\xff"),
			 NULL };
	struct exec_config cfg = {
		.run = { .kernel = WORD("/boot/my kernel"),
			 .append = WORD("quiet x"),
			 .cpus.nr = 3,
			 .memory.bytes = MIB(512),
			 .nr_devices = 1,
			 .devices[0].spec = WORD("0000:3b:00.0"),
			 .nr_disks = 1,
			 .disks[0].spec = WORD("d.img"),
			 .nr_shares = 1,
			 .shares[0] = { .path = WORD("/"),
					.tag = WORD("root"),
					.read_only = true } },
	};
	const struct exec_plan p = { .cfg = &cfg,
				     .kernel.version = WORD("6.12"),
				     .job = { .user = WORD("root"),
					      .cwd = WORD("/tmp"),
					      .argv = argv } };
#undef WORD
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_non_null(out);
	exec_plan_print(&p, out);
	fclose(out);
	assert_string_equal(text, "kernel   $'/boot/my kernel'\n"
				  "version  6.12\n"
				  "modules  none\n"
				  "append   quiet x\n"
				  "cpus     3\n"
				  "memory   512M\n"
				  "device   0000:3b:00.0\n"
				  "disk     d.img\n"
				  "share    /,tag=root,ro\n"
				  "user     root\n"
				  "cwd      /tmp\n"
				  "command  make $'it\\'s' $'a b' $'' -j2 "
				  "$'\\033[2J' $'b\\\\' "
				  "$'\xc3\xa4\\302\\233\\377'\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_images),
		cmocka_unit_test(root_is_read_only),
		cmocka_unit_test(root_is_cached_as_asked_for),
		cmocka_unit_test(only_what_is_asked_for_is_writable),
		cmocka_unit_test(an_overlay_has_one_writer),
		cmocka_unit_test(tmp_is_fresh_or_the_hosts),
		cmocka_unit_test(image_is_the_first_disk),
		cmocka_unit_test(refuses),
		cmocka_unit_test(starts_where_something_is),
		cmocka_unit_test(modules_come_with_their_kernel),
		cmocka_unit_test(shares_have_an_end),
		cmocka_unit_test(memory_has_limits),
		cmocka_unit_test(memory_unknown),
		cmocka_unit_test(tells_what_would_be_run),
	};

	return run_all_with(tests, fixture_setup, fixture_teardown);
}
