// SPDX-License-Identifier: BSD-2-Clause
/* test-job - jobs and messages come out as they went in, or not at all. */
#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"
#include "util.h"

#define S(text) ((char[]){ text }) /* what argv is made of */

static char *argv[] = { S("sh"), S("-c"), S("printf '%s\n' \"$1\""), S(""),
			NULL };
static char *env[] = { S("PATH=/bin"), S("LINES=one\ntwo"), NULL };
static char *modules[] = { S("/modules/0.ko"), NULL };
static struct job_limit job_limits[] = {
	{ 7, 1024, UINT64_MAX },
	{ 3, 8 << 20, UINT64_MAX },
};
static struct job_mount job_mounts[] = {
	{ JOB_MOUNT_ROOT, true, "virtiofs", "wherry-root", "", "" },
	{ JOB_MOUNT_DIR, false, "tmpfs", "tmpfs", "/tmp", "mode=1777" },
};

static const struct job full = {
	.argv = argv,
	.env = env,
	.modules = modules,
	.cwd = "/root",
	.hostname = "boat",
	.user = "someone:disk",
	.made_us = 1795348620516354,
	.umask = 022,
	.stream = { JOB_CLOSED, JOB_PIPE, JOB_TTY },
	.rows = 24,
	.cols = 80,
	.limits = job_limits,
	.mounts = job_mounts,
	.nr_limits = ARRAY_SIZE(job_limits),
	.nr_mounts = ARRAY_SIZE(job_mounts),
};

/* The bytes of a job, which the test frees. */
static void *bytes_of(const struct job *job, size_t *len)
{
	void *buf;

	assert_int_equal(job_encode(job, &buf, len), 0);
	return buf;
}

static void assert_lists_equal(char **a, char **b)
{
	size_t i;

	for (i = 0; a[i] && b[i]; i++)
		assert_string_equal(a[i], b[i]);
	assert_null(a[i]);
	assert_null(b[i]);
}

static void jobs_come_out_as_they_went_in(void **state)
{
	struct job job;
	size_t len;
	void *buf = bytes_of(&full, &len);

	(void)state;
	assert_int_equal(job_decode(&job, buf, len), 0);
	free(buf);
	assert_lists_equal(job.argv, full.argv);
	assert_lists_equal(job.env, full.env);
	assert_lists_equal(job.modules, full.modules);
	assert_string_equal(job.cwd, full.cwd);
	assert_string_equal(job.hostname, full.hostname);
	assert_string_equal(job.user, full.user);
	assert_true(job.made_us == full.made_us);
	assert_int_equal(job.umask, full.umask);
	assert_memory_equal(job.stream, full.stream, sizeof(full.stream));
	assert_int_equal(job.rows, 24);
	assert_int_equal(job.cols, 80);
	assert_int_equal(job.nr_limits, 2);
	assert_int_equal(job.limits[1].resource, 3);
	assert_int_equal(job.limits[1].soft, 8 << 20);
	assert_true(job.limits[1].hard == UINT64_MAX);
	assert_int_equal(job.nr_mounts, 2);
	assert_int_equal(job.mounts[0].kind, JOB_MOUNT_ROOT);
	assert_true(job.mounts[0].read_only);
	assert_false(job.mounts[1].read_only);
	assert_string_equal(job.mounts[1].type, "tmpfs");
	assert_string_equal(job.mounts[1].source, "tmpfs");
	assert_string_equal(job.mounts[1].path, "/tmp");
	assert_string_equal(job.mounts[1].data, "mode=1777");
	job_fini(&job);
}

static void what_is_missing_is_empty(void **state)
{
	struct job_mount root = { .kind = JOB_MOUNT_ROOT };
	struct job least = { .argv = argv, .cwd = "/" };
	struct job job;
	void *buf;
	size_t len;

	(void)state;
	least.mounts = &root;
	least.nr_mounts = 1;
	buf = bytes_of(&least, &len);
	assert_int_equal(job_decode(&job, buf, len), 0);
	free(buf);
	assert_null(job.env[0]);
	assert_null(job.modules[0]);
	assert_string_equal(job.user, "");
	assert_string_equal(job.mounts[0].source, "");
	job_fini(&job);
}

/* Of many sizes: the longest that Linux takes is 128 KiB, all are 2 MiB. */
static void long_argument_lists(void **state)
{
	enum { NR = 16, LONG = 131071 };
	char *many[NR + 1] = { NULL };
	struct job job = full, out;
	void *buf;
	size_t len;

	(void)state;
	for (int i = 0; i < NR; i++) {
		many[i] = malloc(LONG + 1);
		assert_non_null(many[i]);
		memset(many[i], 'a' + i, LONG);
		many[i][LONG] = '\0';
	}
	job.argv = many;
	buf = bytes_of(&job, &len);
	assert_int_equal(job_decode(&out, buf, len), 0);
	free(buf);
	assert_lists_equal(out.argv, many);
	for (int i = 0; i < NR; i++)
		free(many[i]);
	job_fini(&out);
}

static void assert_no_job(const void *buf, size_t len)
{
	struct job job;

	assert_int_equal(job_decode(&job, buf, len), -EPROTO);
	job_fini(&job);
}

static void damaged_jobs_are_refused(void **state)
{
	struct job job;
	size_t len;
	uint8_t *buf = bytes_of(&full, &len), *part;

	(void)state;
	for (size_t n = 0; n < len; n++) {
		part = malloc(n + 1); /* to its end, where ASan watches */
		assert_non_null(part);
		memcpy(part, buf, n);
		assert_no_job(part, n);
		part = realloc(part, len + 1);
		assert_non_null(part);
		memcpy(part, buf, len);
		part[len] = 0;
		if (n == 0)
			assert_no_job(part, len + 1);
		for (int bit = 0; bit < 8; bit++) {
			int r;

			part[n] ^= (uint8_t)(1 << bit);
			r = job_decode(&job, part, len);
			assert_true(r == 0 || r == -EPROTO);
			job_fini(&job);
			part[n] ^= (uint8_t)(1 << bit);
		}
		free(part);
	}
	store_le(buf + 4, 4, JOB_VERSION + 1);
	assert_no_job(buf, len);
	free(buf);
}

static void assert_not_encoded(const struct job *job)
{
	void *buf;
	size_t len;

	assert_int_equal(job_encode(job, &buf, &len), -EPROTO);
}

static void what_makes_no_sense_is_no_job(void **state)
{
	char *nothing[] = { NULL };
	struct job_mount twice[] = { job_mounts[0], job_mounts[0] };
	struct job_mount relative[] = { job_mounts[0], job_mounts[1] };
	struct job job;

	(void)state;
	job = full;
	job.argv = nothing;
	assert_not_encoded(&job);
	job = full;
	job.cwd = "root";
	assert_not_encoded(&job);
	job = full;
	job.mounts = twice;
	assert_not_encoded(&job);
	job = full;
	job.nr_mounts = 0;
	assert_not_encoded(&job);
	job = full;
	relative[1].path = "tmp";
	job.mounts = relative;
	assert_not_encoded(&job);
	/* A terminal that nobody would see. */
	job = full;
	job.stream[0] = JOB_TTY;
	job.stream[2] = JOB_PIPE;
	assert_not_encoded(&job);
	/* There is no pipe of standard output that it could be. */
	job = full;
	job.stream[1] = job.stream[2] = JOB_AS_OUT;
	assert_not_encoded(&job);
	job.stream[1] = JOB_NULL;
	assert_not_encoded(&job);
	job = full;
	job.stream[0] = JOB_NR_STREAM_KINDS;
	assert_not_encoded(&job);
}

static const struct job_msg all_messages[] = {
	{ .type = JOB_HELLO, .at_us = { 1, 2, 3 }, .version = JOB_VERSION },
	{ .type = JOB_STARTED, .at_us = { 1, 2, 3, 4, 5 } },
	{ .type = JOB_EXITED,
	  .at_us = { 1, 2, 3, 4, 5, UINT64_MAX },
	  .exited = { .value = 255,
		      .utime_us = 1,
		      .stime_us = 2,
		      .maxrss_kib = 3,
		      .minflt = 4,
		      .majflt = 5,
		      .inblock = 6,
		      .oublock = 7,
		      .nvcsw = 8,
		      .nivcsw = 9,
		      .stdout_bytes = UINT64_MAX,
		      .stderr_bytes = 10,
		      .oom_kills = 11 } },
	{ .type = JOB_EXITED,
	  .exited = { .signaled = true, .dumped_core = true, .value = 11 } },
	{ .type = JOB_FAILED,
	  .failed = { .stage = JOB_STAGE_EXEC, .error = 2, .text = "/x" } },
	{ .type = JOB_SIGNAL, .signal = 64 },
	{ .type = JOB_WINCH, .winch = { 24, 80 } },
	{ .type = JOB_STDIN_END, .stdin_bytes = 1ULL << 40 },
	{ .type = JOB_OUT_CLOSED, .stream = 2 },
	{ .type = JOB_PING },
	{ .type = JOB_PONG },
};

static void messages_come_out_as_they_went_in(void **state)
{
	uint8_t buf[JOB_MSG_MAX + 1];
	struct job_msg msg;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all_messages); i++) {
		size_t len = job_msg_encode(&all_messages[i], buf);

		assert_in_range(len, 8, JOB_MSG_MAX);
		for (size_t n = 0; n < len; n++)
			assert_int_equal(job_msg_decode(&msg, buf, n), 0);
		/* What follows is the next one's. */
		assert_int_equal(job_msg_decode(&msg, buf, len + 1), len);
		assert_memory_equal(&msg, &all_messages[i], sizeof(msg));
	}
}

static void assert_no_message(const void *buf, size_t len)
{
	struct job_msg msg;

	assert_int_equal(job_msg_decode(&msg, buf, len), -EPROTO);
}

static void damaged_messages_are_refused(void **state)
{
	uint8_t good[JOB_MSG_MAX], buf[JOB_MSG_MAX];
	struct job_msg msg;
	size_t len;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all_messages); i++) {
		len = job_msg_encode(&all_messages[i], good);
		/* A byte too few and one too many for the type. */
		for (int by = -1; by <= 1; by += 2) {
			memcpy(buf, good, len);
			buf[len] = 0;
			store_le(buf + 4, 4, len - 8 + (size_t)by);
			assert_no_message(buf, len + 1);
		}
		for (size_t bit = 0; bit < len * 8; bit++) {
			int r;

			memcpy(buf, good, len);
			buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
			r = job_msg_decode(&msg, buf, len);
			assert_true(r == -EPROTO || (r >= 0 && r <= (int)len));
		}
	}
	memset(buf, 0, sizeof(buf));
	assert_no_message(buf, 8);
	store_le(buf, 4, JOB_MSG_TYPES_END);
	assert_no_message(buf, 8);
	/* Refused at once: who waits for the rest would wait for ever. */
	store_le(buf, 4, JOB_HELLO);
	store_le(buf + 4, 4, JOB_MSG_MAX);
	assert_no_message(buf, 8);
}

static void impossible_ends_are_refused(void **state)
{
	static const struct job_exited bad[] = {
		{ .value = 256 },
		{ .signaled = true, .value = 0 },
		{ .signaled = true, .value = 65 },
	};
	uint8_t buf[JOB_MSG_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct job_msg msg = { .type = JOB_EXITED, .exited = bad[i] };

		store_le(buf, 4, 0);
		assert_no_message(buf, job_msg_encode(&msg, buf));
	}
}

/* Text of the guest's goes to the host's terminal. */
static void text_is_printable(void **state)
{
	struct job_msg msg = { .type = JOB_FAILED,
			       .failed = { .text = "a\033]0;b\007\n\377~ " } };
	uint8_t buf[JOB_MSG_MAX];
	struct job_msg out;
	size_t len = job_msg_encode(&msg, buf);

	(void)state;
	assert_int_equal(job_msg_decode(&out, buf, len), len);
	assert_string_equal(out.failed.text, "a?]0;b???~ ");
	/* Longer than it may be: the end stays one. */
	memset(msg.failed.text, 'x', sizeof(msg.failed.text));
	len = job_msg_encode(&msg, buf);
	assert_int_equal(job_msg_decode(&out, buf, len), len);
	assert_int_equal(strlen(out.failed.text), JOB_TEXT_BYTES - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jobs_come_out_as_they_went_in),
		cmocka_unit_test(what_is_missing_is_empty),
		cmocka_unit_test(long_argument_lists),
		cmocka_unit_test(damaged_jobs_are_refused),
		cmocka_unit_test(what_makes_no_sense_is_no_job),
		cmocka_unit_test(messages_come_out_as_they_went_in),
		cmocka_unit_test(damaged_messages_are_refused),
		cmocka_unit_test(impossible_ends_are_refused),
		cmocka_unit_test(text_is_printable),
	};

	return run_all(tests);
}
