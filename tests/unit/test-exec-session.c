// SPDX-License-Identifier: BSD-2-Clause
/* test-exec-session - what a guest says on the control port, and what follows. */
#include "harness.h"

#include <string.h>

#include "src/exec-session.c" /* NOLINT(bugprone-suspicious-include) */

#include "exec-machine.h"

static void says(struct exec_machine *em, const struct job_msg *msg)
{
	uint8_t buf[JOB_MSG_MAX];

	exec_machine_says(em, buf, job_msg_encode(msg, buf));
}

static const struct job_msg hello = { .type = JOB_HELLO,
				      .version = JOB_VERSION };
static const struct job_msg started = { .type = JOB_STARTED };
static const struct job_msg pong = { .type = JOB_PONG };

/* The guest's moments become stages; what comes after the report is nothing. */
static void reports(void **state)
{
	const struct job_msg exited = { .type = JOB_EXITED, .exited.value = 7 };
	struct exec_machine em;

	(void)state;
	exec_machine_init(&em);
	says(&em, &hello);
	says(&em, &started);
	says(&em, &pong);
	assert_int_equal(em.drains, 0);
	says(&em, &exited);
	says(&em, &hello);
	assert_int_equal(em.s.report, JOB_EXITED);
	assert_int_equal(em.s.last.exited.value, 7);
	assert_int_equal(em.drains, 1);
	assert_int_equal(em.stops, 0);
	assert_int_equal(em.stats.nr_stages, 1 + JOB_NR_MOMENTS);
	em.drained(em.drained_opaque);
	assert_int_equal(em.stops, 1);
	assert_string_equal(em.reason, "exited");
	exec_machine_fini(&em);
}

/* A message may come in any pieces, and several at once. */
static void takes_pieces(void **state)
{
	struct exec_machine em;
	uint8_t buf[3 * JOB_MSG_MAX];
	size_t len = job_msg_encode(&hello, buf);

	(void)state;
	len += job_msg_encode(&started, buf + len);
	len += job_msg_encode(&pong, buf + len);
	exec_machine_init(&em);
	for (size_t i = 0; i < len; i++)
		exec_machine_says(&em, buf + i, 1);
	assert_true(em.s.started && !em.s.broken && !em.s.len);
	exec_machine_fini(&em);
	exec_machine_init(&em);
	exec_machine_says(&em, buf, len);
	assert_true(em.s.started && !em.s.broken && !em.s.len);
	exec_machine_fini(&em);
}

static void assert_refused(const struct job_msg *const *msgs)
{
	struct exec_machine em;

	exec_machine_init(&em);
	for (; *msgs; msgs++) {
		assert_int_equal(em.stops, 0);
		says(&em, *msgs);
	}
	assert_true(em.s.broken && !em.s.report);
	assert_int_equal(em.stops, 1);
	assert_string_equal(em.reason, "protocol");
	exec_machine_fini(&em);
}

/* Nothing out of its turn, nothing twice, no other version, none of ours. */
static void refuses(void **state)
{
	const struct job_msg exited = { .type = JOB_EXITED };
	const struct job_msg failed = { .type = JOB_FAILED };
	const struct job_msg ping = { .type = JOB_PING };
	const struct job_msg other = { .type = JOB_HELLO,
				       .version = JOB_VERSION + 1 };
	const struct job_msg *const bad[][4] = {
		{ &started },	    { &pong },
		{ &failed },	    { &other },
		{ &hello, &hello }, { &hello, &exited },
		{ &hello, &ping },  { &hello, &started, &started },
		{ &hello, &pong },  { &hello, &started, &failed },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_refused(bad[i]);
}

/* Two halves of the time without a sign; before the start the kernel's words are
 * one, later an answer is. */
static void loses_patience(void **state)
{
	struct exec_machine em;

	(void)state;
	exec_machine_init(&em);
	em.s.watchdog_ms = 1000000;
	on_patience(&em.s);
	em.s.log.taken++;
	on_patience(&em.s);
	on_patience(&em.s);
	assert_int_equal(em.stops, 0);
	says(&em, &hello);
	says(&em, &started);
	on_patience(&em.s);
	em.s.log.taken++;
	on_patience(&em.s);
	says(&em, &pong);
	on_patience(&em.s);
	assert_int_equal(em.stops, 0);
	em.s.log.taken++;
	on_patience(&em.s);
	assert_false(em.s.hung);
	on_patience(&em.s);
	assert_true(em.s.hung);
	assert_string_equal(em.reason, "hang");
	exec_machine_fini(&em);
}

/* The descriptor of this number, and what it was. */
static int put(int fd, int other)
{
	int saved = fcntl(fd, F_DUPFD_CLOEXEC, 10);

	assert_true(saved >= 0);
	assert_int_equal(dup2(other, fd), fd);
	return saved;
}

/* What the command has for its standard error. */
static uint32_t stderr_kind(int out, int err)
{
	struct exec_session s = { 0 };
	struct job job = { 0 };
	int saved_out = put(STDOUT_FILENO, out), saved_err = put(2, err);
	int r = add_streams(&s, &job, false);

	dup2(saved_out, STDOUT_FILENO);
	dup2(saved_err, STDERR_FILENO);
	close(saved_out);
	close(saved_err);
	while (s.machine.nr_ports)
		close(s.machine.ports[--s.machine.nr_ports].fd);
	assert_int_equal(r, 0);
	assert_int_equal(job.stream[1], JOB_PIPE);
	return job.stream[2];
}

static void one_file_is_one_stream(void **state)
{
	int a[2], b[2];

	(void)state;
	assert_int_equal(pipe2(a, O_CLOEXEC), 0);
	assert_int_equal(pipe2(b, O_CLOEXEC), 0);
	assert_int_equal(stderr_kind(a[1], a[1]), JOB_AS_OUT);
	assert_int_equal(stderr_kind(a[1], b[1]), JOB_PIPE);
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
}

/* A reader that leaves is told; that what it writes is lost, too. */
static void tells_who_is_gone(void **state)
{
	struct exec_machine em;
	struct job_msg msg;
	uint8_t buf[JOB_MSG_MAX];
	ssize_t n;

	(void)state;
	exec_machine_init(&em);
	on_stdout_closed(&em.s, 0, false);
	assert_false(em.s.lost);
	on_stderr_closed(&em.s, 0, true);
	assert_true(em.s.lost && !em.s.lost_input);
	n = read(em.guest, buf, sizeof(buf));
	assert_int_equal(job_msg_decode(&msg, buf, (size_t)n) * 2, n);
	assert_int_equal(msg.type, JOB_OUT_CLOSED);
	assert_int_equal(msg.stream, STDOUT_FILENO);
	on_stdin_end(&em.s, 3, false);
	assert_false(em.s.lost_input);
	on_stdin_end(&em.s, 3, true);
	assert_true(em.s.lost_input);
	exec_machine_fini(&em);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reports),
		cmocka_unit_test(takes_pieces),
		cmocka_unit_test(refuses),
		cmocka_unit_test(loses_patience),
		cmocka_unit_test(one_file_is_one_stream),
		cmocka_unit_test(tells_who_is_gone),
	};

	return run_all(tests);
}
