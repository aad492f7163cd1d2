// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-iommufd-memlock - the limit of locked memory: what this user's
 * processes have pinned already, and what is said of it.
 */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture.h"
#include "iommufd-memlock.h"
#include "util.h"

static rlim_t memlock; /* the limit */

int __wrap_getrlimit(int which, struct rlimit *lim);

int __wrap_getrlimit(int which, struct rlimit *lim)
{
	assert_int_equal(which, RLIMIT_MEMLOCK);
	lim->rlim_cur = lim->rlim_max = memlock;
	return 0;
}

static int eight_mib(void **state)
{
	(void)state;
	memlock = MIB(8);
	return 0;
}

/* A /proc with three processes: two of uid 12345, one of another. */
static void put(const char *root, const char *pid, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", root, pid);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/%s/status", root, pid);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void drop(const char *root, const char *pid)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s/status", root, pid);
	unlink(path);
	snprintf(path, sizeof(path), "%s/%s", root, pid);
	rmdir(path);
}

static void pinned_total_is_per_uid(void **state)
{
	char root[] = "/tmp/wherry-proc-XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(root));
	put(root, "10", "Name:\tx\nUid:\t12345\t0\t0\t0\nVmPin:\t   1024 kB\n");
	put(root, "11", "Name:\ty\nUid:\t12345\t1\t1\t1\nVmPin:\t 4 kB\n");
	put(root, "12", "Name:\tz\nUid:\t1\t12345\t1\t1\nVmPin:\t 64 kB\n");
	put(root, "13", "Name:\tkthread\nUid:\t12345\t1\t1\t1\n");
	put(root, "notapid", "Uid:\t12345\nVmPin:\t 64 kB\n");
	assert_int_equal(memlock_pinned(root, 12345, 0), MIB(1) + KIB(4));
	assert_int_equal(memlock_pinned(root, 12345, 10), KIB(4));
	assert_int_equal(memlock_pinned(root, 7, 0), 0);
	assert_int_equal(memlock_pinned("/nowhere", 7, 0), 0);
	drop(root, "10");
	drop(root, "11");
	drop(root, "12");
	drop(root, "13");
	drop(root, "notapid");
	rmdir(root);
}

static void memlock_is_foretold(void **state)
{
	struct capture c;

	(void)state;
	capture_begin(&c);
	memlock_warn("/nowhere", MIB(512));
	assert_non_null(strstr(capture_end(&c),
			       "wherry: notice: guest memory will hardly be "
			       "pinned: locked-memory limit: this VM needs 512 "
			       "MiB, "));
	assert_non_null(strstr(c.text, "RLIMIT_MEMLOCK is 8192 KiB; set "
				       "LimitMEMLOCK=512M"));
	/* To the byte, and without a limit. */
	for (int i = 0; i < 2; i++) {
		memlock = i ? RLIM_INFINITY : MIB(512);
		capture_begin(&c);
		memlock_warn("/nowhere", MIB(512));
		assert_string_equal(capture_end(&c), "");
	}
}

static void memlock_message(void **state)
{
	char root[] = "/tmp/wherry-proc-XXXXXX";
	char status[256], why[512];

	(void)state;
	assert_non_null(mkdtemp(root));
	snprintf(status, sizeof(status), "Uid:\t%u\t1\t1\t1\nVmPin:\t1500 kB\n",
		 (unsigned int)getuid());
	put(root, "1", status);
	put(root, "self", "CapEff:\t0000000000000000\n");

	memlock_explain(root, MIB(512) + 1, why, sizeof(why));
	assert_non_null(strstr(why, "needs 513 MiB"));
	assert_non_null(strstr(why, "have 2 MiB pinned"));
	assert_non_null(strstr(why, "RLIMIT_MEMLOCK is 8192 KiB"));
	assert_non_null(strstr(why, "LimitMEMLOCK=515M"));
	assert_non_null(strstr(why, "ulimit -l 527360"));

	/* No limit in the way: the host really has no memory. */
	memlock = RLIM_INFINITY;
	memlock_explain(root, MIB(512), why, sizeof(why));
	assert_non_null(strstr(why, "host is out of memory"));
	memlock = MIB(514);
	memlock_explain(root, MIB(512), why, sizeof(why));
	assert_non_null(strstr(why, "host is out of memory"));
	memlock = 0;
	drop(root, "self");
	put(root, "self", "CapEff:\t0000000000004000\n");
	memlock_explain(root, MIB(512), why, sizeof(why));
	assert_non_null(strstr(why, "host is out of memory"));
	drop(root, "self");
	drop(root, "1");
	rmdir(root);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, eight_mib)
	const struct CMUnitTest tests[] = {
		T(pinned_total_is_per_uid),
		T(memlock_is_foretold),
		T(memlock_message),
	};

	return run_all(tests);
}
