// SPDX-License-Identifier: BSD-2-Clause
/* The kernel's configuration, compressed or not. */
#include "harness.h"

#include <zlib.h>

#include "fixture.h"
#include "kconfig.h"

static const char text[] = "# Linux/x86 6.12.0 Kernel Configuration\n"
			   "CONFIG_IOMMUFD=y\n"
			   "CONFIG_VFIO=m\n"
			   "# CONFIG_VFIO_GROUP is not set\n"
			   "CONFIG_VFIO_DEVICE_CDEV=n\n"
			   "CONFIG_HZ=250\n"
			   "CONFIG_NOT_CONFIG_KVM=y\n";

static void fx_gz(const char *path, const char *s)
{
	char full[PATH_MAX];
	gzFile gz = gzopen(fx_path(full, path), "w");

	assert_non_null(gz);
	assert_int_equal(gzwrite(gz, s, (unsigned int)strlen(s)), strlen(s));
	assert_int_equal(gzclose(gz), Z_OK);
}

static void assert_options(const char *path)
{
	struct kconfig *kc;

	assert_int_equal(kconfig_create(&kc, fixture_root), 0);
	assert_string_equal(kconfig_path(kc) + strlen(fixture_root), path);
	assert_int_equal(kconfig_get(kc, "IOMMUFD"), 'y');
	assert_int_equal(kconfig_get(kc, "VFIO"), 'm');
	assert_int_equal(kconfig_get(kc, "VFIO_GROUP"), 'n');
	assert_int_equal(kconfig_get(kc, "VFIO_DEVICE_CDEV"), 'n');
	assert_int_equal(kconfig_get(kc, "HZ"), 'n');
	/* Only at the start of a line, and only the whole name. */
	assert_int_equal(kconfig_get(kc, "KVM"), 'n');
	assert_int_equal(kconfig_get(kc, "IOMMU"), 'n');
	kconfig_destroy(kc);
}

static void reads_proc(void **state)
{
	(void)state;
	fx_gz("/proc/config.gz", text);
	assert_options("/proc/config.gz");
}

static void reads_boot(void **state)
{
	(void)state;
	fx_file("/proc/sys/kernel/osrelease", "6.12.0\n");
	fx_file("/boot/config-6.11.0", "CONFIG_IOMMUFD=n\n");
	fx_file("/boot/config-6.12.0", text);
	assert_options("/boot/config-6.12.0");
	/* The running kernel's own word comes first. */
	fx_gz("/proc/config.gz", text);
	assert_options("/proc/config.gz");
}

static void reads_modules(void **state)
{
	(void)state;
	fx_file("/proc/sys/kernel/osrelease", "6.12.0\n");
	fx_file("/lib/modules/6.12.0/config", text);
	assert_options("/lib/modules/6.12.0/config");
}

static void finds_none(void **state)
{
	struct kconfig *kc;

	(void)state;
	assert_int_equal(kconfig_create(&kc, fixture_root), -ENOENT);
	fx_file("/proc/sys/kernel/osrelease", "6.12.0\n");
	assert_int_equal(kconfig_create(&kc, fixture_root), -ENOENT);
	kconfig_destroy(NULL);
}

static void refuses_nonsense(void **state)
{
	char full[PATH_MAX], big[PATH_MAX];
	struct kconfig *kc;
	gzFile gz;
	int i;

	(void)state;
	fx_gz("/proc/config.gz", "nothing of the sort\n");
	assert_int_equal(kconfig_create(&kc, fixture_root), -EINVAL);
	/* A gzip header and then something else. */
	fx_bytes("/proc/config.gz", "\x1f\x8b\x08\0\0\0\0\0\0\x03garbage", 17);
	assert_int_equal(kconfig_create(&kc, fixture_root), -EINVAL);
	/* Cut short. */
	fx_gz("/proc/config.gz", text);
	assert_int_equal(truncate(fx_path(full, "/proc/config.gz"), 40), 0);
	assert_int_equal(kconfig_create(&kc, fixture_root), -EINVAL);
	/* A bomb. */
	gz = gzopen(full, "w");
	memset(big, '\n', sizeof(big));
	for (i = 0; i < 4096; i++)
		assert_int_equal(gzwrite(gz, big, sizeof(big)), sizeof(big));
	assert_int_equal(gzclose(gz), Z_OK);
	assert_int_equal(kconfig_create(&kc, fixture_root), -EFBIG);
}

#define TEST(f) \
	cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reads_proc), TEST(reads_boot),	  TEST(reads_modules),
		TEST(finds_none), TEST(refuses_nonsense),
	};

	return run_all(tests);
}
