// SPDX-License-Identifier: BSD-2-Clause
/* --share on the command line, good and bad. */
#include "harness.h"

#include <errno.h>

#include "capture.h"
#include "config.h"

/* run --kernel k --share A [--share B]; what was said is in c. */
static int parse(const char *a, const char *b, struct run_config **cfg,
		 struct capture *c)
{
	char *argv[] = { (char *)"run",
			 (char *)"--kernel",
			 (char *)"k",
			 (char *)"--share",
			 (char *)a,
			 (char *)(b ? "--share" : NULL),
			 (char *)(b ? b : NULL),
			 NULL };
	int r;

	*cfg = NULL;
	capture_begin(c);
	r = config_parse_run(cfg, b ? 7 : 5, argv);
	capture_end(c);
	return r;
}

static void takes_directories(void **state)
{
	struct run_config *cfg;
	struct capture c;

	(void)state;
	assert_int_equal(parse("/srv/a,,b,tag=data", "/,tag=os,ro,cache=always",
			       &cfg, &c),
			 0);
	assert_int_equal(cfg->nr_shares, 2);
	assert_string_equal(cfg->shares[0].path, "/srv/a,b");
	assert_string_equal(cfg->shares[0].tag, "data");
	assert_false(cfg->shares[0].read_only);
	assert_int_equal(cfg->shares[0].cache, CONFIG_CACHE_AUTO);
	assert_true(cfg->shares[1].read_only);
	assert_int_equal(cfg->shares[1].cache, 2);
	config_destroy(cfg);
}

static void refuses_others(void **state)
{
	static const struct {
		const char *a, *b, *said;
	} bad[] = {
		{ "/srv", NULL,
		  "wherry: --share: /srv: no tag=; the guest finds it by that: "
		  "--share /srv,tag=data\n" },
		{ "/a,tag=x", "/b,tag=x",
		  "wherry: --share: tag=x: /a has it already\n" },
		{ "/a,tag=0123456789012345678901234567890123456", NULL,
		  "wherry: --share: tag: "
		  "0123456789012345678901234567890123456: "
		  "at most 36 bytes\n" },
		{ "/a,tag=x,cache=some", NULL, NULL },
		{ "/a,tag=x,rw", NULL, NULL },
		{ ",tag=x", NULL, NULL },
	};
	struct run_config *cfg;
	struct capture c;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(bad[i].a, bad[i].b, &cfg, &c), -EINVAL);
		if (bad[i].said)
			assert_string_equal(c.text, bad[i].said);
		assert_non_null(strstr(c.text, "--share"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_directories),
		cmocka_unit_test(refuses_others),
	};

	return run_all(tests);
}
