// SPDX-License-Identifier: BSD-2-Clause
/* test-init-user - users and groups by name, by number, and without files. */
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/init.h"
#include "fixture.h"

static char passwd[PATH_MAX], group[PATH_MAX];

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
	int r = fixture_setup(state);

	if (r)
		return r;
	fx_fmt(passwd, "%s/passwd", fixture_root);
	fx_fmt(group, "%s/group", fixture_root);
	write_file(passwd, "root:x:0:0:root:/root:/bin/bash\n"
			   "broken line\n"
			   "daemon:x:1:1::/usr/sbin:\n"
			   "sailor:x:1000:1001:A B,,:/home/sailor:/bin/sh\n");
	write_file(group, "root:x:0:\n"
			  "disk:x:6:sailor,daemon\n"
			  "sailor:x:1001:\n"
			  "kvm:x:108:other,sailor\n"
			  "sail:x:109:sail\n");
	return 0;
}

static int find(struct user *u, const char *spec)
{
	struct job_failed why = { 0 };
	int r = user_find(u, spec, passwd, group, &why);

	assert_int_equal(why.stage, r ? JOB_STAGE_USER : 0);
	assert_int_equal(why.error, 0);
	assert_true(!r == !strstr(why.text, "give one, or a number"));
	assert_int_equal(!why.text[0], !r);
	return r;
}

static void assert_groups(const struct user *u, const gid_t *want, size_t nr)
{
	assert_int_equal(u->nr_groups, nr);
	assert_memory_equal(u->groups, want, nr * sizeof(*want));
}

static void by_name(void **state)
{
	static const gid_t groups[] = { 6, 108, 1001 };
	struct user u;

	(void)state;
	assert_int_equal(find(&u, "sailor"), 0);
	assert_int_equal(u.uid, 1000);
	assert_int_equal(u.gid, 1001);
	assert_groups(&u, groups, 3);
	assert_string_equal(u.name, "sailor");
	assert_string_equal(u.home, "/home/sailor");
	assert_string_equal(u.shell, "/bin/sh");
	user_fini(&u);
	/* Of nobody in particular, root. */
	assert_int_equal(find(&u, ""), 0);
	assert_int_equal(u.uid, 0);
	assert_string_equal(u.home, "/root");
	user_fini(&u);
	assert_int_equal(find(&u, "daemon:kvm"), 0);
	assert_int_equal(u.uid, 1);
	assert_int_equal(u.gid, 108);
	assert_string_equal(u.shell, "");
	user_fini(&u);
}

static void by_number(void **state)
{
	static const gid_t own[] = { 12345 };
	struct user u;

	(void)state;
	assert_int_equal(find(&u, "1000:6"), 0);
	assert_int_equal(u.gid, 6);
	assert_string_equal(u.name, "sailor");
	user_fini(&u);
	/* Nobody knows them. */
	assert_int_equal(find(&u, "12345"), 0);
	assert_int_equal(u.uid, 12345);
	assert_groups(&u, own, 1);
	assert_string_equal(u.name, "");
	assert_string_equal(u.home, "");
	user_fini(&u);
	assert_int_equal(find(&u, "7:8"), 0);
	assert_int_equal(u.gid, 8);
	user_fini(&u);
}

static void strangers_are_refused(void **state)
{
	static const char *const specs[] = {
		"nobody-here", "sailor:no-such",
		"4294967295",  "1000x",
		"-1",	       "sailor:",
		":6",	       "99999999999999999999",
		"broken line",
	};
	struct user u;

	(void)state;
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		assert_int_equal(find(&u, specs[i]), -1);
		user_fini(&u);
	}
}

/* A root that is only a program has no such files. */
static void without_files(void **state)
{
	struct user u;

	(void)state;
	assert_int_equal(remove(passwd), 0);
	assert_int_equal(remove(group), 0);
	assert_int_equal(find(&u, ""), 0);
	assert_int_equal(u.uid, 0);
	assert_int_equal(u.gid, 0);
	user_fini(&u);
	assert_int_equal(find(&u, "1000"), 0);
	user_fini(&u);
	assert_int_equal(find(&u, "sailor"), -1);
	user_fini(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(by_name, setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(by_number, setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(strangers_are_refused, setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(without_files, setup,
						fixture_teardown),
	};

	return run_all(tests);
}
