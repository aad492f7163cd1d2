// SPDX-License-Identifier: BSD-2-Clause
/* test-cmd - the table of commands, their help, and the end of a failed run. */
#include "harness.h"

#include <stdio.h>

#include "capture.h"
#include "cmd.h"
#include "util.h"

static const char *const names[] = {
	"run", "exec", "devices", "bind", "unbind", "check", "help", "version",
};

/* Runs a command with up to two arguments; what it wrote to stdout is *out. */
static int run(const char *name, const char *a, const char *b, char *out,
	       size_t size)
{
	char *argv[] = { (char *)name, (char *)a, (char *)b, NULL };
	int argc = b ? 3 : a ? 2 : 1;
	int saved = dup(STDOUT_FILENO), mem, status;
	ssize_t n;

	fflush(stdout);
	mem = memfd_create("stdout", MFD_CLOEXEC);
	assert_true(saved >= 0 && mem >= 0);
	assert_true(dup2(mem, STDOUT_FILENO) >= 0);
	status = command_find(name)->run(argc, argv);
	fflush(stdout);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	n = pread(mem, out, size - 1, 0);
	assert_true(n >= 0);
	out[n] = '\0';
	close(mem);
	close(saved);
	return status;
}

static void each_command_has_help(void **state)
{
	char help[4096], other[4096], usage[64], page[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i], "help")) {
			assert_int_equal(run(names[i], "--help", NULL, help,
					     sizeof(help)),
					 STATUS_OK);
			snprintf(usage, sizeof(usage), "usage: wherry %s",
				 names[i]);
			assert_ptr_equal(strstr(help, usage), help);
			snprintf(page, sizeof(page), "man %s\n",
				 command_find(names[i])->page);
			assert_non_null(strstr(help, page));
			/* By any name it is the same. */
			run(names[i], "-h", NULL, other, sizeof(other));
			assert_string_equal(other, help);
			run("help", names[i], NULL, other, sizeof(other));
			assert_string_equal(other, help);
		}
		assert_int_equal(run(names[i], "-V", NULL, other,
				     sizeof(other)),
				 STATUS_OK);
		assert_string_equal(other, "wherry " PACKAGE_VERSION "\n");
	}
}

static void help_lists_all(void **state)
{
	char list[4096], want[32];

	(void)state;
	assert_int_equal(run("help", NULL, NULL, list, sizeof(list)),
			 STATUS_OK);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(want, sizeof(want), "\n  %-10s", names[i]);
		assert_non_null(strstr(list, want));
		/* Nothing is wider than a terminal. */
		for (const char *s = command_find(names[i])->usage; *s;) {
			size_t len = strcspn(s, "\n");

			assert_in_range(len, 0, 80);
			s += len + (s[len] == '\n');
		}
	}
}

static void unknown_commands_and_options(void **state)
{
	struct capture c;
	char out[4096];

	(void)state;
	capture_begin(&c);
	assert_null(command_find("devcies"));
	assert_string_equal(
		capture_end(&c),
		"wherry: devcies: no such command; did you mean devices?\n");
	capture_begin(&c);
	assert_null(command_find("launch"));
	assert_string_equal(
		capture_end(&c),
		"wherry: launch: no such command; see 'wherry help'\n");

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		capture_begin(&c);
		assert_int_equal(run(names[i], "--bogus-option", NULL, out,
				     sizeof(out)),
				 STATUS_USAGE);
		assert_non_null(strstr(capture_end(&c), "no such option"));
		assert_string_equal(out, "");
	}
	capture_begin(&c);
	assert_int_equal(run("help", "rnu", NULL, out, sizeof(out)),
			 STATUS_USAGE);
	assert_int_equal(run("help", "run", "bind", out, sizeof(out)),
			 STATUS_USAGE);
	assert_int_equal(run("run", NULL, NULL, out, sizeof(out)),
			 STATUS_USAGE);
	capture_end(&c);
}

static void a_failed_start_has_a_result(void **state)
{
	char path[] = P_tmpdir "/wherry-test-XXXXXX";
	char *argv[] = { (char *)"run",
			 (char *)"--kernel",
			 (char *)"/nonexistent/vmlinuz",
			 (char *)"--console",
			 (char *)"off",
			 (char *)"--result",
			 path,
			 (char *)"--name",
			 (char *)"r1",
			 NULL };
	struct capture c;
	char *text;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	capture_begin(&c);
	assert_int_equal(cmd_run(9, argv), STATUS_FAILED);
	assert_non_null(strstr(capture_end(&c), "/nonexistent/vmlinuz"));

	assert_int_equal(read_file(path, 4096, &text, NULL), 0);
	assert_non_null(strstr(text, "\"name\": \"r1\""));
	assert_non_null(strstr(text, "\"reason\": \"start-failed\""));
	assert_non_null(strstr(text, "\"status\": 1"));
	assert_non_null(strstr(text, "\"user_us\": "));
	free(text);
	unlink(path);

	/* One that cannot be written is known before anything is built. */
	argv[6] = (char *)"/nonexistent/result";
	capture_begin(&c);
	assert_int_equal(cmd_run(9, argv), STATUS_FAILED);
	assert_string_equal(capture_end(&c),
			    "wherry: /nonexistent/result: creating the file of "
			    "--result: No such file or directory\n");
}

/* One file, by whatever names, has not two things in it. */
static void a_result_has_its_own_file(void **state)
{
	char dir[] = P_tmpdir "/wherry-test-XXXXXX";
	char path[64], other[64];
	const char *options[][2] = { { "run", "--stats" },
				     { "exec", "--stats" },
				     { "exec", "--guest-log" } };
	char *argv[] = { NULL,
			 (char *)"--kernel=/nonexistent/vmlinuz",
			 (char *)"--result",
			 path,
			 NULL,
			 other,
			 NULL };
	struct capture c;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/x", dir);
	snprintf(other, sizeof(other), "%s/./x", dir);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		argv[0] = (char *)options[i][0];
		argv[4] = (char *)options[i][1];
		capture_begin(&c);
		assert_int_equal((i ? cmd_exec : cmd_run)(6, argv),
				 STATUS_USAGE);
		assert_non_null(strstr(capture_end(&c), options[i][1]));
		assert_non_null(strstr(c.text, "also the file of --result"));
	}
	/* Another file is none of it, nor is a device. */
	strcpy(other, path);
	strcpy(path, "/dev/null");
	for (size_t i = 0; i < 2; i++) {
		argv[0] = (char *)options[i][0];
		argv[4] = (char *)options[i][1];
		capture_begin(&c);
		assert_int_not_equal((i ? cmd_exec : cmd_run)(6, argv),
				     STATUS_USAGE);
		assert_null(strstr(capture_end(&c), "also the file"));
		strcpy(other, path);
	}
	snprintf(path, sizeof(path), "%s/x", dir);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_command_has_help),
		cmocka_unit_test(help_lists_all),
		cmocka_unit_test(unknown_commands_and_options),
		cmocka_unit_test(a_failed_start_has_a_result),
		cmocka_unit_test(a_result_has_its_own_file),
	};

	return run_all(tests);
}
