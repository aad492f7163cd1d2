// SPDX-License-Identifier: BSD-2-Clause
/* Which kernel is meant, and its modules: installed, in a tree, packed. */
#include "harness.h"

#include <errno.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "arch-text.h"
#include "capture.h"
#include "fixture.h"
#include "kernel-find.h"
#include "modules.h"
#include "util.h"

#define V "6.1.0-49-test"
#define IMAGE "\x01\x02 Linux version %s (x) \n Linux version " V " (me@x) #1"
#define DIR "/lib/modules/" V

static struct capture said;

static int find(struct kernel *k, const char *spec, const char *running)
{
	int r;

	capture_begin(&said);
	r = kernel_find(k, spec, running, fixture_root);
	capture_end(&said);
	return r;
}

static void assert_found(const char *spec, const char *running,
			 const char *image, const char *modules)
{
	char path[PATH_MAX];
	struct kernel k;

	assert_int_equal(find(&k, spec, running), 0);
	assert_string_equal(k.image, fx_path(path, image));
	assert_string_equal(k.version, V);
	if (modules)
		assert_string_equal(k.modules, fx_path(path, modules));
	else
		assert_null(k.modules);
	kernel_fini(&k);
}

static void assert_refused(const char *spec, const char *running, int r,
			   const char *text)
{
	struct kernel k;

	assert_int_equal(find(&k, spec, running), r);
	assert_non_null(strstr(said.text, text));
	/* One line. */
	assert_ptr_equal(strchr(said.text, '\n'),
			 said.text + strlen(said.text) - 1);
	kernel_fini(&k);
}

static void finds_installed(void **state)
{
	char path[PATH_MAX];

	(void)state;
	assert_refused(NULL, V, -ENOENT, "the running kernel's image (" V ")");
	fx_file("/boot/vmlinuz-" V, IMAGE);
	assert_found(NULL, V, "/boot/vmlinuz-" V, NULL);
	assert_found(V, "5.0", "/boot/vmlinuz-" V, NULL);
	fx_file(DIR "/vmlinuz", IMAGE);
	assert_found(NULL, V, DIR "/vmlinuz", DIR);
	assert_refused("6.2", V, -ENOENT, "--kernel: 6.2: neither a file");
	/* By the directory of its modules, which has no image. */
	fx_file("/boot/vmlinuz-other", IMAGE);
	fx_dir("/lib/modules/other");
	assert_found(fx_path(path, "/lib/modules/other"), "5.0",
		     "/boot/vmlinuz-other", DIR);
	/* Under a name that is another's. */
	fx_file("/boot/vmlinuz-6.2", IMAGE);
	assert_refused("6.2", V, -EINVAL, "is " V ", not 6.2");
}

static void finds_in_tree(void **state)
{
	char image[PATH_MAX], tree[PATH_MAX];

	(void)state;
	fx_path(tree, "/src/linux");
	fx_file("/src/linux/Makefile", "");
	assert_refused(tree, "5.0", -ENOENT, "no kernel is built there");
	snprintf(image, sizeof(image), "/src/linux/%s", arch_text.tree_image);
	fx_file(image, IMAGE);
	assert_found(tree, "5.0", image, NULL);
	fx_file("/src/linux/modules.order", "fs/fuse/fuse.o\n");
	fx_file("/src/linux/include/config/kernel.release", V "\n");
	assert_found(tree, "5.0", image, "/src/linux");
	fx_file("/src/linux/include/config/kernel.release", V "+\n");
	assert_refused(tree, "5.0", -EINVAL, "run make there");
}

static void finds_files(void **state)
{
	char path[PATH_MAX];

	(void)state;
	fx_file("/a/boot/vmlinuz", IMAGE);
	assert_found(fx_path(path, "/a/boot/vmlinuz"), "5.0", "/a/boot/vmlinuz",
		     NULL);
	fx_file("/a/lib/modules/" V "/modules.dep", "");
	assert_found(path, "5.0", "/a/boot/vmlinuz", "/a/lib/modules/" V);
	fx_file("/b/Image", "no version of Linux is in here");
	assert_refused(fx_path(path, "/b/Image"), "5.0", -ENOENT,
		       "does not say which version");
	assert_refused(fx_path(path, "/b/none"), "5.0", -ENOENT,
		       "cannot open the kernel: No such file or directory; "
		       "name a file that is there");
}

/* Across the pieces in which a large image is read. */
static void finds_far_versions(void **state)
{
	const size_t at = MIB(1) - 20;
	char path[PATH_MAX], *text = calloc(1, MIB(2));

	(void)state;
	assert_non_null(text);
	memset(text, 'x', MIB(2) - 1);
	memcpy(text + at, "Linux version " V " (", sizeof("Linux version " V));
	text[at + sizeof("Linux version " V) - 1] = ' ';
	fx_bytes("/boot/big", text, MIB(2));
	free(text);
	assert_found(fx_path(path, "/boot/big"), "5.0", "/boot/big", NULL);
}

/* What modinfo(8) would find in a module. */
static size_t module(char *buf, const char *depends, const char *version)
{
	int n = sprintf(buf, "ELF%cname=x%cdepends=%s%cvermagic=%s SMP%c", 0, 0,
			depends, 0, version, 0);

	return (size_t)n;
}

static void put_packed(void)
{
	unsigned char out[4096];
	char buf[256], path[PATH_MAX];
	size_t at = 0, n;
	gzFile gz;

	n = module(buf, "", V);
	assert_int_equal(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, NULL,
						 (uint8_t *)buf, n, out, &at,
						 sizeof(out)),
			 LZMA_OK);
	fx_bytes(DIR "/kernel/base.ko.xz", out, at);
	n = module(buf, "base", V);
	n = ZSTD_compress(out, sizeof(out), buf, n, 3);
	assert_false(ZSTD_isError(n));
	fx_bytes(DIR "/kernel/middle-one.ko.zst", out, n);
	n = module(buf, "middle-one,base", V);
	fx_bytes(DIR "/kernel/top.ko.gz", "", 0);
	gz = gzopen(fx_path(path, DIR "/kernel/top.ko.gz"), "w");
	assert_int_equal(gzwrite(gz, buf, (unsigned int)n), n);
	assert_int_equal(gzclose(gz), Z_OK);
}

static int collect(struct modules *m, const char *name)
{
	char dir[PATH_MAX], image[] = "vmlinuz", version[] = V;
	struct kernel k = { image, version, dir };
	int r;

	fx_path(dir, DIR);
	capture_begin(&said);
	r = modules_collect(m, &k, &name, 1);
	capture_end(&said);
	return r;
}

static bool no_library;
void *__real_dlopen(const char *name, int flags);
void *__wrap_dlopen(const char *name, int flags);

void *__wrap_dlopen(const char *name, int flags)
{
	return __real_dlopen(no_library ? "libnone.so.9" : name, flags);
}

static void installed(void)
{
	put_packed();
	fx_file(DIR "/modules.order", "kernel/top.ko\nkernel/middle-one.ko\n"
				      "kernel/base.ko\nkernel/other.ko\n");
	fx_file(DIR "/modules.builtin", "kernel/fs/fuse/fuse-fs.ko\n");
}

static void unpacks_in_order(void **state)
{
	struct modules m;
	char buf[256];

	(void)state;
	installed();
	assert_int_equal(collect(&m, "top"), 0);
	assert_int_equal(m.nr, 3);
	assert_string_equal(m.list[0].name, "base");
	assert_string_equal(m.list[1].name, "middle-one");
	assert_string_equal(m.list[2].name, "top");
	assert_int_equal(m.list[0].len_bytes, module(buf, "", V));
	assert_memory_equal(m.list[0].data, buf, m.list[0].len_bytes);
	assert_int_equal(m.list[1].len_bytes, module(buf, "base", V));
	assert_memory_equal(m.list[1].data, buf, m.list[1].len_bytes);
	modules_fini(&m);
}

static void leaves_out_builtin(void **state)
{
	struct modules m;

	(void)state;
	installed();
	assert_int_equal(collect(&m, "fuse_fs"), 0);
	assert_int_equal(m.nr, 0);
	modules_fini(&m);
}

static void refuses_modules(void **state)
{
	char buf[256];
	size_t n = module(buf, "", "6.1.0-49-tes");
	struct modules m;

	(void)state;
	installed();
	assert_int_equal(collect(&m, "none"), -ENOENT);
	assert_non_null(strstr(said.text, "has no none, built in or as"));
	modules_fini(&m);
	fx_bytes(DIR "/kernel/other.ko", buf, n);
	assert_int_equal(collect(&m, "other"), -EINVAL);
	assert_non_null(strstr(said.text, "is of 6.1.0-49-tes, not of " V));
	modules_fini(&m);
	fx_bytes(DIR "/kernel/other.ko", "ELF", 3);
	assert_int_equal(collect(&m, "other"), -EINVAL);
	assert_non_null(strstr(said.text, "is of unknown, not of " V));
	modules_fini(&m);
	/* One that needs itself does not end. */
	n = module(buf, "other", V);
	fx_bytes(DIR "/kernel/other.ko", buf, n);
	assert_int_equal(collect(&m, "other"), -ELOOP);
	modules_fini(&m);
	fx_bytes(DIR "/kernel/other.ko",
		 "\x28\xb5\x2f\xfd"
		 "damaged",
		 11);
	assert_int_equal(collect(&m, "other"), -EBADMSG);
	modules_fini(&m);
	fx_bytes(DIR "/kernel/other.ko", "\xfd\x37zXZ\0damaged", 13);
	assert_int_equal(collect(&m, "other"), -EBADMSG);
	modules_fini(&m);
	fx_bytes(DIR "/kernel/other.ko", "\x1f\x8b\x08", 3);
	assert_int_equal(collect(&m, "other"), -EBADMSG);
	modules_fini(&m);
}

#define TEST(f) \
	cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

static void needs_libkmod(void **state)
{
	struct modules m;

	(void)state;
	installed();
	no_library = true;
	assert_int_equal(collect(&m, "top"), -ENOENT);
	no_library = false;
	assert_non_null(strstr(said.text, "install libkmod"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(finds_installed),	TEST(finds_in_tree),
		TEST(finds_files),	TEST(finds_far_versions),
		TEST(unpacks_in_order), TEST(leaves_out_builtin),
		TEST(refuses_modules),	TEST(needs_libkmod),
	};

	return run_all(tests);
}
