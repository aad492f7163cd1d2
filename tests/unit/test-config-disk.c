// SPDX-License-Identifier: BSD-2-Clause
/* test-config-disk - --disk, good and bad, and what is said. */
#include "harness.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "capture.h"
#include "config.h"

static int parse(struct run_config **cfg, struct capture *c, const char *one,
		 const char *two)
{
	char *argv[] = { (char *)"run",	   (char *)"-k", (char *)"k",
			 (char *)"--disk", (char *)one,	 (char *)"--disk",
			 (char *)two,	   NULL };
	int r;

	*cfg = NULL;
	capture_begin(c);
	r = config_parse_run(cfg, two ? 7 : 5, argv);
	capture_end(c);
	return r;
}

static void all_of_it(void **state)
{
	struct run_config *cfg;
	struct capture c;

	(void)state;
	assert_int_equal(
		parse(&cfg, &c, "a,,b.img",
		      "/dev/sdb,ro,direct,serial=x1,queues=4,lock=off"),
		0);
	assert_string_equal(c.text, "");
	assert_int_equal(cfg->nr_disks, 2);
	assert_string_equal(cfg->disks[0].spec, "a,b.img");
	assert_int_equal(cfg->disks[0].fd, -1);
	assert_false(cfg->disks[0].read_only);
	assert_false(cfg->disks[0].direct);
	assert_true(cfg->disks[0].lock);
	assert_null(cfg->disks[0].serial);
	assert_int_equal(cfg->disks[0].nr_queues, 1);
	assert_string_equal(cfg->disks[1].spec, "/dev/sdb");
	assert_true(cfg->disks[1].read_only);
	assert_true(cfg->disks[1].direct);
	assert_false(cfg->disks[1].lock);
	assert_string_equal(cfg->disks[1].serial, "x1");
	assert_int_equal(cfg->disks[1].nr_queues, 4);
	config_destroy(cfg);
}

static void a_descriptor(void **state)
{
	/* Far from those that capture.h takes. */
	int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 50);
	struct run_config *cfg;
	struct capture c;
	char text[16];

	(void)state;
	snprintf(text, sizeof(text), "fd=%d", fd);
	assert_int_equal(parse(&cfg, &c, text, NULL), 0);
	assert_int_equal(cfg->disks[0].fd, fd);
	assert_string_equal(cfg->disks[0].spec, text);
	config_destroy(cfg);
	assert_true(parse(&cfg, &c, text, text) < 0);
	assert_non_null(strstr(c.text, "named twice"));
	close(fd);
	assert_true(parse(&cfg, &c, text, NULL) < 0);
	assert_non_null(strstr(c.text, "is not open"));
}

static void bad(void **state)
{
	static const struct {
		const char *value, *says;
	} rows[] = {
		{ "", "--disk: its value is missing" },
		{ "x,readonly", "readonly" },
		{ "x,ro=maybe", "ro: maybe: neither on nor off" },
		{ "x,queues=0", "queues: 0: out of range; from 1 to 64" },
		{ "x,queues=65", "out of range" },
		{ "x,serial=123456789012345678901", "at most 20 characters" },
		{ "x,serial=a/b", "not a name" },
		{ "x,serial", "serial: its value is missing" },
		{ "x,ro,ro", "ro: given twice" },
	};
	struct run_config *cfg;
	struct capture c;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(parse(&cfg, &c, rows[i].value, NULL) < 0);
		if (!strstr(c.text, rows[i].says))
			fail_msg("%s: said: %s", rows[i].value, c.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_it),
		cmocka_unit_test(a_descriptor),
		cmocka_unit_test(bad),
	};

	return run_all(tests);
}
