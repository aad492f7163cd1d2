// SPDX-License-Identifier: BSD-2-Clause
/* The driver that fits, the move and its way back, the record. */
#include "harness.h"

#include "bind.h"
#include "fixture.h"
#include "util.h"

#define NVME "0000:01:00.0"
#define DIR_NVME "/sys/devices/pci0000:00/" NVME

static struct sysfs_device dev;

/* ----- a kernel that acts on what is written to sysfs ----- */

static struct {
	bool refuses; /* vfio-pci's probe */
	int nr, fail_at; /* writes so far; the one that fails, from 1 */
} kernel;

int __wrap_write_attr(const char *path, const char *val);

static bool ends_with(const char *s, const char *tail)
{
	size_t a = strlen(s), b = strlen(tail);

	return a >= b && !strcmp(s + a - b, tail);
}

static int probe(const char *driver)
{
	if (kernel.refuses && !strcmp(driver, "vfio-pci"))
		return -EINVAL;
	fx_driver(NVME, driver);
	return 0;
}

static int write_override(const char *val)
{
	char text[80];

	snprintf(text, sizeof(text), "%s\n", val[0] == '\n' ? "(null)" : val);
	fx_attr(NVME, "driver_override", text);
	return 0;
}

int __wrap_write_attr(const char *path, const char *val)
{
	char override[64], driver[64], link[PATH_MAX];

	if (++kernel.nr == kernel.fail_at)
		return -EIO;
	if (ends_with(path, "/driver_override"))
		return write_override(val);
	assert_string_equal(val, NVME);
	assert_int_equal(read_attr(fx_path(link, DIR_NVME "/driver_override"),
				   override, sizeof(override)),
			 0);
	if (ends_with(path, "/driver/unbind")) {
		if (!fx_exists(DIR_NVME "/driver"))
			return -ENOENT;
		fx_driver(NVME, NULL);
		return 0;
	}
	if (fx_exists(DIR_NVME "/driver"))
		return ends_with(path, "/bind") ? -EBUSY : 0;
	if (ends_with(path, "/drivers_probe")) {
		(void)probe(strcmp(override, "(null)") ? override : "nvme");
		return 0;
	}
	assert_true(ends_with(path, "/bind"));
	assert_int_equal(sscanf(path + strlen(fixture_root),
				"/sys/bus/pci/drivers/%63[^/]", driver),
			 1);
	return probe(driver);
}

static int setup(void **state)
{
	memset(&kernel, 0, sizeof(kernel));
	return fixture_setup(state);
}

static void read_nvme(void)
{
	assert_int_equal(sysfs_read_pci(&fixture, NVME, &dev), 0);
}

/* ----- choice of the driver ----- */

static void best_module(const char *expect)
{
	char module[BIND_DRIVER_SIZE];

	read_nvme();
	bind_best_module(&fixture, &dev, module);
	assert_string_equal(module, expect);
}

static void chooses_most_specific_alias(void **state)
{
	(void)state;
	fx_pci(NVME, "nvme", 5);
	best_module("vfio_pci");
	fx_file("/proc/sys/kernel/osrelease", "6.12.0\n");
	best_module("vfio_pci");
	fx_file("/lib/modules/6.12.0/modules.alias",
		"# Aliases\n"
		"alias pci:v00001B36d00000010sv*sd*bc*sc*i* nvme\n"
		"alias vfio_pci:v*d*sv*sd*bc*sc*i* vfio_pci\n"
		"alias vfio_pci:v00001B36d00000011sv*sd*bc*sc*i* wrong\n"
		"alias vfio_pci:v00001B36d00000010sv*sd*bc*sc*i* right_vfio\n"
		"alias vfio_pci:v00001B36d*sv*sd*bc*sc*i* vendor_vfio\n"
		"alias vfio_pci:\n");
	best_module("right_vfio");
	fx_file("/lib/modules/6.12.0/modules.alias",
		"alias vfio_pci:v00001B36d00000010sv*sd*bc*sc*i* ../../evil\n");
	best_module("vfio_pci");
}

static void chooses_builtin_alias(void **state)
{
	static const char modinfo[] =
		"nvme.alias=pci:v*d*sv*sd*bc01sc08i02*\0"
		"vfio_pci.license=GPL v2\0"
		"built_in_vfio.alias=vfio_pci:v00001B36d00000010sv*sd*bc*sc*i*";

	(void)state;
	fx_pci(NVME, "nvme", 5);
	fx_file("/proc/sys/kernel/osrelease", "6.12.0\n");
	fx_bytes("/lib/modules/6.12.0/modules.builtin.modinfo", modinfo,
		 sizeof(modinfo));
	best_module("built_in_vfio");
}

static void chooses_driver(const char *wanted, int r, const char *expect)
{
	char driver[BIND_DRIVER_SIZE] = "";

	read_nvme();
	assert_int_equal(bind_choose_driver(&fixture, &dev, wanted, driver), r);
	assert_string_equal(driver, expect);
}

/* The module's name is not the driver's. */
static void finds_driver_of_module(void **state)
{
	(void)state;
	fx_pci(NVME, "nvme", 5);
	fx_dir("/sys/bus/pci/drivers/vfio-pci");
	chooses_driver(NULL, 0, "vfio-pci");
	fx_link("/sys/module/vfio_pci/drivers/pci:other-vfio",
		"/sys/bus/pci/drivers/vfio-pci");
	chooses_driver(NULL, 0, "other-vfio");
}

static void loads_module(void **state)
{
	char script[PATH_MAX + 128], path[PATH_MAX];

	(void)state;
	fx_pci(NVME, "nvme", 5);
	fx_dir("/sys/bus/pci/drivers");
	fx_file("/proc/sys/kernel/modprobe", "/nonexistent/modprobe\n");
	chooses_driver(NULL, -ENOENT, "vfio-pci");
	snprintf(script, sizeof(script),
		 "#!/bin/sh\n[ \"$*\" = '-q vfio_pci' ] &&"
		 " /bin/mkdir %s/sys/bus/pci/drivers/vfio-pci\n",
		 fixture_root);
	fx_file("/modprobe", script);
	assert_int_equal(chmod(fx_path(path, "/modprobe"), 0755), 0);
	fx_file("/proc/sys/kernel/modprobe", path);
	chooses_driver(NULL, 0, "vfio-pci");
}

static void refuses_driver(void **state)
{
	(void)state;
	fx_pci(NVME, "nvme", 5);
	fx_file("/proc/sys/kernel/modprobe", "/nonexistent/modprobe\n");
	chooses_driver("absent_vfio", -ENOENT, "");
	/* An override would make it take a device that it does not know. */
	fx_dir("/sys/bus/pci/drivers/e1000e");
	chooses_driver("e1000e", -EINVAL, "");
	fx_dir("/sys/bus/pci/drivers/pci-stub");
	chooses_driver("pci-stub", 0, "pci-stub");
	/* By its use of VFIO's core. */
	fx_dir("/sys/bus/pci/drivers/vendor");
	fx_link("/sys/bus/pci/drivers/vendor/module", "/sys/module/vendor_m");
	chooses_driver("vendor", -EINVAL, "");
	fx_dir("/sys/module/vfio_pci_core/holders/vendor_m");
	chooses_driver("vendor", 0, "vendor");
}

static void checks_driver_names(void **state)
{
	char longest[BIND_DRIVER_SIZE + 1];

	(void)state;
	assert_true(bind_driver_name_ok("mlx5_vfio_pci"));
	assert_true(bind_driver_name_ok("8139too"));
	assert_false(bind_driver_name_ok(""));
	assert_false(bind_driver_name_ok("-r"));
	assert_false(bind_driver_name_ok("../nvme"));
	assert_false(bind_driver_name_ok("a/b"));
	memset(longest, 'a', sizeof(longest));
	longest[BIND_DRIVER_SIZE] = '\0';
	assert_false(bind_driver_name_ok(longest));
	longest[BIND_DRIVER_SIZE - 1] = '\0';
	assert_true(bind_driver_name_ok(longest));
}

/* ----- the move ----- */

static void assert_state(const char *driver, const char *override)
{
	struct bind_state now;

	read_nvme();
	assert_int_equal(bind_read_state(&dev, &now), 0);
	assert_string_equal(now.driver, driver);
	assert_string_equal(now.override, override);
}

static void fx_movable(void)
{
	fx_pci(NVME, "nvme", 5);
	fx_dir("/sys/bus/pci/drivers/vfio-pci");
	read_nvme();
}

static void moves_and_restores(void **state)
{
	struct bind_state from;

	(void)state;
	fx_movable();
	assert_int_equal(bind_read_state(&dev, &from), 0);
	assert_int_equal(bind_move(&fixture, &dev, &from, "vfio-pci"), 0);
	assert_state("vfio-pci", "vfio-pci");
	assert_int_equal(bind_restore(&fixture, &dev, &from), 0);
	assert_state("nvme", "");
}

static void moves_without_driver(void **state)
{
	struct bind_state from;

	(void)state;
	fx_movable();
	fx_driver(NVME, NULL);
	fx_attr(NVME, "driver_override", "mine\n");
	assert_int_equal(bind_read_state(&dev, &from), 0);
	assert_string_equal(from.driver, "");
	assert_string_equal(from.override, "mine");
	assert_int_equal(bind_move(&fixture, &dev, &from, "vfio-pci"), 0);
	assert_state("vfio-pci", "vfio-pci");
	assert_int_equal(bind_restore(&fixture, &dev, &from), 0);
	assert_state("", "mine");
}

/* drivers_probe succeeds even when the driver says no. */
static void goes_back_when_refused(void **state)
{
	struct bind_state from;

	(void)state;
	fx_movable();
	kernel.refuses = true;
	assert_int_equal(bind_read_state(&dev, &from), 0);
	assert_int_equal(bind_move(&fixture, &dev, &from, "vfio-pci"), -EINVAL);
	assert_state("nvme", "");
}

/* Whichever write fails, nothing is half done. */
static void goes_back_from_any_step(void **state)
{
	struct bind_state from;
	int i, r;

	(void)state;
	fx_movable();
	assert_int_equal(bind_read_state(&dev, &from), 0);
	for (i = 1; i < 10; i++) {
		kernel.nr = 0;
		kernel.fail_at = i;
		r = bind_move(&fixture, &dev, &from, "vfio-pci");
		if (!r)
			break;
		assert_int_equal(r, -EIO);
		assert_state("nvme", "");
	}
	/* override, unbind, and the probe must have failed in turn. */
	assert_int_equal(i, 4);
	assert_state("vfio-pci", "vfio-pci");
}

static void releases_without_record(void **state)
{
	(void)state;
	fx_movable();
	fx_driver(NVME, "vfio-pci");
	fx_attr(NVME, "driver_override", "vfio-pci\n");
	read_nvme();
	assert_int_equal(bind_release(&fixture, &dev), 0);
	assert_state("nvme", "");
	kernel.nr = 0;
	kernel.fail_at = 1;
	assert_int_equal(bind_release(&fixture, &dev), -EIO);
}

static void restore_needs_the_driver(void **state)
{
	const struct bind_state to = { .driver = "gone" };

	(void)state;
	fx_movable();
	fx_file("/proc/sys/kernel/modprobe", "/nonexistent/modprobe\n");
	assert_int_equal(bind_restore(&fixture, &dev, &to), -ENOENT);
	assert_state("nvme", "");
}

/* ----- the record ----- */

static void keeps_a_record(void **state)
{
	struct bind_state in = { .driver = "nvme", .override = "mine" }, out;
	char path[PATH_MAX];
	struct stat st;
	int fd;

	(void)state;
	fx_dir("/run");
	fd = bind_record_open(&fixture);
	assert_in_range(fd, 3, 1000);
	assert_int_equal(bind_record_load(fd, NVME, &out), -ENOENT);
	assert_int_equal(bind_record_save(fd, NVME, &in), 0);
	assert_int_equal(bind_record_load(fd, NVME, &out), 0);
	assert_string_equal(out.driver, "nvme");
	assert_string_equal(out.override, "mine");
	assert_int_equal(stat(fx_path(path, "/run/wherry/bind-" NVME), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* Names need not be an identifier's. */
	strcpy(in.driver, "Multimedia eXtension Board v1.0");
	assert_int_equal(bind_record_save(fd, NVME, &in), 0);
	assert_int_equal(bind_record_load(fd, NVME, &out), 0);
	assert_string_equal(out.driver, in.driver);
	memset(&in, 0, sizeof(in));
	assert_int_equal(bind_record_save(fd, NVME, &in), 0);
	assert_int_equal(bind_record_load(fd, NVME, &out), 0);
	assert_string_equal(out.driver, "");
	assert_string_equal(out.override, "");
	assert_false(fx_exists("/run/wherry/bind-" NVME ".new"));
	bind_record_remove(fd, NVME);
	bind_record_remove(fd, NVME);
	assert_int_equal(bind_record_load(fd, NVME, &out), -ENOENT);
	close(fd);
}

static void refuses_damaged_record(void **state)
{
	static const char *const texts[] = {
		"",
		"driver=nvme\n",
		"driver=nvme\noverride=mine",
		"override=\ndriver=nvme\n",
		"driver=../../x\noverride=\n",
		("driver=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		 "aaaaaaaaaaaaaaaa\noverride=\n"),
	};
	struct bind_state out;
	unsigned int i;
	int fd;

	(void)state;
	fx_dir("/run/wherry");
	fd = bind_record_open(&fixture);
	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		fx_file("/run/wherry/bind-" NVME, texts[i]);
		assert_int_equal(bind_record_load(fd, NVME, &out), -EINVAL);
	}
	close(fd);
}

static void record_needs_run(void **state)
{
	(void)state;
	assert_int_equal(bind_record_open(&fixture), -ENOENT);
	/* Not through a link that somebody else put there. */
	fx_dir("/elsewhere");
	fx_link("/run/wherry", "/elsewhere");
	assert_int_equal(bind_record_open(&fixture), -ENOTDIR);
}

/* A crashed wherry's leftover does not stop the next. */
static void record_over_leftover(void **state)
{
	const struct bind_state in = { .driver = "nvme" };
	int fd;

	(void)state;
	fx_file("/run/wherry/bind-" NVME ".new", "half");
	fd = bind_record_open(&fixture);
	assert_int_equal(bind_record_save(fd, NVME, &in), 0);
	close(fd);
}

/* ----- the owner ----- */

static void finds_user(void **state)
{
	struct bind_owner o = { .uid = 1, .gid = 1 };

	(void)state;
	assert_int_equal(bind_find_user("root", &o), 0);
	assert_true(o.known);
	assert_int_equal(o.uid, 0);
	assert_int_equal(o.gid, 0);
	assert_int_equal(bind_find_user("54321", &o), 0);
	assert_int_equal(o.uid, 54321);
	assert_int_equal(o.gid, 54321);
	assert_int_equal(bind_find_user("no such user", &o), -ENOENT);
	assert_int_equal(bind_find_user("12x", &o), -ENOENT);
	/* To chown(2) this would mean nobody in particular. */
	assert_int_equal(bind_find_user("4294967295", &o), -ENOENT);
}

static void knows_the_owner_of_a_node(void **state)
{
	struct bind_owner o = { .known = true };
	struct stat st;

	(void)state;
	fx_pci(NVME, "nvme", 5);
	read_nvme();
	bind_read_owner(&fixture, &dev, &o);
	assert_false(o.known);
	fx_vfio(NVME, "vfio3");
	assert_int_equal(stat("/dev/null", &st), 0); /* the node leads there */
	read_nvme();
	bind_read_owner(&fixture, &dev, &o);
	assert_true(o.known);
	assert_int_equal(o.uid, st.st_uid);
}

/* A host driver is where a device comes from, the others where binds put it. */
static void knows_what_a_bind_leaves(void **state)
{
	static const struct {
		struct bind_state state;
		bool put;
	} cases[] = {
		{ { "nvme", "" }, false },
		{ { "nvme", "vfio-pci" }, false },
		{ { "vfio-pci", "vfio-pci" }, true },
		{ { "pci-stub", "" }, true },
		{ { "", "pci-stub" }, true },
		{ { "", "nvme" }, false },
		{ { "", "" }, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(bind_may_have_put(&fixture, &cases[i].state),
				 cases[i].put);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(chooses_most_specific_alias),
		TEST(chooses_builtin_alias),
		TEST(finds_driver_of_module),
		TEST(loads_module),
		TEST(refuses_driver),
		TEST(checks_driver_names),
		TEST(moves_and_restores),
		TEST(moves_without_driver),
		TEST(goes_back_when_refused),
		TEST(goes_back_from_any_step),
		TEST(releases_without_record),
		TEST(restore_needs_the_driver),
		TEST(keeps_a_record),
		TEST(refuses_damaged_record),
		TEST(record_needs_run),
		TEST(record_over_leftover),
		TEST(finds_user),
		TEST(knows_the_owner_of_a_node),
		TEST(knows_what_a_bind_leaves),
	};

	return run_all(tests);
}
