// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fuzzes what the two sides of `wherry exec` take from each other. Input: a byte
 * that says which; then a job, or what a guest says on the control port, in
 * pieces of which the first byte is the length.
 */
#include "tests/fuzz/must.h"

#include <stdlib.h>

#include "src/exec-session.c" /* NOLINT(bugprone-suspicious-include) */

#include "tests/unit/exec-machine.h"

/* What is taken is what would be sent. */
static void job(const uint8_t *data, size_t size)
{
	struct job job;
	void *again = NULL;
	size_t len = 0;

	if (!job_decode(&job, data, size)) {
		assert_int_equal(job_encode(&job, &again, &len), 0);
		assert_int_equal(len, size);
		assert_int_equal(memcmp(again, data, size), 0);
	}
	free(again);
	job_fini(&job);
}

static void check_report(const struct exec_session *s)
{
	assert_true(s->hello);
	if (s->report == JOB_EXITED) {
		assert_true(s->started && s->last.exited.value <= 255);
		return;
	}
	assert_int_equal(s->report, JOB_FAILED);
	assert_false(s->started);
	for (const char *c = s->last.failed.text; *c; c++)
		assert_true(*c >= ' ' && *c <= '~');
}

static void control(const uint8_t *data, size_t size)
{
	struct exec_machine em;

	exec_machine_init(&em);
	while (size && !em.stops && !em.drains) {
		size_t n = MIN(1 + (size_t)data[0], size);

		exec_machine_says(&em, data, n);
		assert_true(em.stops || em.s.len < sizeof(em.s.buf));
		data += n;
		size -= n;
	}
	assert_true(em.stops + em.drains <= 1);
	assert_int_equal(em.s.broken, em.stops);
	assert_int_equal(em.s.report != 0, em.drains);
	/* No more stages than there are words. */
	assert_true(em.stats.nr_stages <= 1 + JOB_NR_MOMENTS);
	if (em.s.report)
		check_report(&em.s);
	exec_machine_fini(&em);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (data[0] & 1)
		job(data + 1, size - 1);
	else
		control(data + 1, size - 1);
	return 0;
}
