// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-init - the guest's init as an ordinary process: it starts commands and
 * carries their bytes.  Socket pairs stand for the ports, the test for the host.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd.h"
#include "fds.h"
#include "firmware/init.h"
#include "util.h"

#define S(text) ((char[]){ text })

struct session {
	int host[NR_PORTS];
	pid_t init;
	uint8_t buf[JOB_MSG_MAX];
	size_t len;
};

/* What init does between the mounts and the report. */
static int guest(struct job *job, int ports[NR_PORTS])
{
	struct job_msg msg = { .type = JOB_FAILED };
	unsigned int before;
	struct command c;
	struct relay_end end;

	signal(SIGPIPE, SIG_IGN);
	if (command_start(&c, job, &msg.failed)) {
		port_send(ports[PORT_CONTROL], &msg);
		return 0;
	}
	msg = (struct job_msg){ .type = JOB_STARTED };
	port_send(ports[PORT_CONTROL], &msg);
	before = nr_fds();
	if (relay_run(&c, ports, &end))
		return 2; /* the host is gone */
	if (nr_fds() >= before)
		return 3;
	msg = (struct job_msg){ .type = JOB_EXITED, .exited = exited_of(&end) };
	port_send(ports[PORT_CONTROL], &msg);
	return 0;
}

static void start(struct session *s, const struct job *job)
{
	struct job copy = *job;
	int ports[NR_PORTS];

	memset(s, 0, sizeof(*s));
	for (int i = 0; i < NR_PORTS; i++) {
		int pair[2];
		bool used = i == PORT_CONTROL ||
			    job->stream[i - PORT_STDIN] <= JOB_TTY;

		s->host[i] = ports[i] = -1;
		if (!used)
			continue;
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC,
					    0, pair),
				 0);
		s->host[i] = pair[0];
		ports[i] = pair[1];
		assert_int_equal(fcntl(pair[1], F_SETFL, O_NONBLOCK), 0);
	}
	s->init = fork();
	assert_true(s->init >= 0);
	if (!s->init) {
		for (int i = 0; i < NR_PORTS; i++)
			fd_close(&s->host[i]);
		/* The environment is replaced by a longer one. */
		copy.env = calloc(3, sizeof(char *));
		copy.env[0] = strdup("PATH=/usr/bin:/bin");
		copy.env[1] = strdup("TEXT=one\ntwo");
		_exit(guest(&copy, ports));
	}
	for (int i = 0; i < NR_PORTS; i++)
		fd_close(&ports[i]);
}

static struct job job_of(char **argv)
{
	return (struct job){ .argv = argv,
			     .cwd = "/",
			     .user = "",
			     .umask = 027,
			     .rows = 31,
			     .cols = 97 };
}

static void tell(struct session *s, struct job_msg msg)
{
	uint8_t buf[JOB_MSG_MAX];
	size_t len = job_msg_encode(&msg, buf);

	assert_int_equal(fd_write_all(s->host[PORT_CONTROL], buf, len), 0);
}

static void hear(struct session *s, struct job_msg *msg)
{
	int used;

	while (!(used = job_msg_decode(msg, s->buf, s->len))) {
		ssize_t n = read(s->host[PORT_CONTROL], s->buf + s->len,
				 sizeof(s->buf) - s->len);

		assert_true(n > 0);
		s->len += (size_t)n;
	}
	assert_true(used > 0);
	s->len -= (size_t)used;
	memmove(s->buf, s->buf + used, s->len);
}

/* Everything that a port says until init closes it. */
static char *all_of(struct session *s, int port, size_t *len)
{
	size_t size = KIB(64), used = 0;
	char *buf = malloc(size + 1);
	ssize_t n;

	assert_non_null(buf);
	while ((n = read(s->host[port], buf + used, size - used)) > 0) {
		used += (size_t)n;
		if (used == size)
			buf = realloc(buf, (size *= 2) + 1);
		assert_non_null(buf);
	}
	assert_int_equal(n, 0);
	buf[used] = '\0';
	*len = used;
	return buf;
}

static void assert_says(struct session *s, int port, const char *want)
{
	size_t len;
	char *text = all_of(s, port, &len);

	assert_string_equal(text, want);
	free(text);
}

static int ended(struct session *s)
{
	int status;

	for (int i = 0; i < NR_PORTS; i++)
		fd_close(&s->host[i]);
	assert_int_equal(waitpid(s->init, &status, 0), s->init);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* The report; what came before it the caller has read. */
static struct job_exited report(struct session *s)
{
	struct job_msg msg;

	hear(s, &msg);
	assert_int_equal(msg.type, JOB_STARTED);
	hear(s, &msg);
	assert_int_equal(msg.type, JOB_EXITED);
	assert_int_equal(ended(s), 0);
	return msg.exited;
}

static void assert_status(struct session *s, uint32_t status)
{
	struct job_exited e = report(s);

	assert_false(e.signaled);
	assert_int_equal(e.value, status);
}

static void streams_are_apart(void **state)
{
	char *argv[] = { S("sh"), S("-c"),
			 S("cat; echo err >&2; umask; pwd; echo \"$TEXT\""
			   "; echo $HOME $USER; exit 200"),
			 NULL };
	struct job job = job_of(argv);
	struct job_exited e;
	struct session s;

	(void)state;
	start(&s, &job);
	assert_int_equal(fd_write_all(s.host[PORT_STDIN], "in\n", 3), 0);
	tell(&s, (struct job_msg){ .type = JOB_STDIN_END, .stdin_bytes = 3 });
	assert_says(&s, PORT_STDOUT, "in\n0027\n/\none\ntwo\n/root root\n");
	assert_says(&s, PORT_STDERR, "err\n");
	e = report(&s);
	assert_int_equal(e.value, 200);
	assert_int_equal(e.stdout_bytes, 29);
	assert_int_equal(e.stderr_bytes, 4);
	assert_true(e.maxrss_kib > 100);
}

static void signals_are_told(void **state)
{
	char *argv[] = { S("sh"), S("-c"), S("kill -SEGV $$"), NULL };
	struct job job = job_of(argv);
	struct job_exited e;
	struct session s;

	(void)state;
	start(&s, &job);
	e = report(&s);
	assert_true(e.signaled);
	assert_int_equal(e.value, SIGSEGV);
}

/* Ignored ones of init's are not the command's: yes ends by SIGPIPE. */
static void signals_reach_the_command(void **state)
{
	char *argv[] = { S("sh"), S("-c"),
			 S("trap 'echo caught; exit 9' TERM; echo up;"
			   " while :; do sleep 1; done"),
			 NULL };
	char *deaf[] = { S("yes"), NULL };
	struct job job = job_of(argv);
	struct job_exited e;
	struct session s;
	char up[3];

	(void)state;
	start(&s, &job);
	assert_int_equal(read(s.host[PORT_STDOUT], up, 3), 3);
	tell(&s, (struct job_msg){ .type = JOB_SIGNAL, .signal = SIGTERM });
	assert_says(&s, PORT_STDOUT, "caught\n");
	assert_status(&s, 9);

	job = job_of(deaf);
	start(&s, &job);
	assert_int_equal(read(s.host[PORT_STDOUT], up, 2), 2);
	tell(&s, (struct job_msg){ .type = JOB_OUT_CLOSED, .stream = 1 });
	e = report(&s);
	assert_true(e.signaled);
	assert_int_equal(e.value, SIGPIPE);
}

/* Bytes of all values, more than all buffers on the way. */
static void much_goes_both_ways(void **state)
{
	char *argv[] = { S("cat"), NULL };
	enum { MUCH = 5 << 20 };
	struct job job = job_of(argv);
	struct session s;
	uint8_t *sent = malloc(MUCH);
	char *got;
	size_t len;
	pid_t writer;

	(void)state;
	assert_non_null(sent);
	for (uint32_t i = 0; i < MUCH; i++)
		sent[i] = (uint8_t)((i * 2654435761U) >> 13);
	start(&s, &job);
	writer = fork();
	assert_true(writer >= 0);
	if (!writer)
		_exit(fd_write_all(s.host[PORT_STDIN], sent, MUCH) ? 1 : 0);
	/* The end may be known long before the bytes are there. */
	tell(&s,
	     (struct job_msg){ .type = JOB_STDIN_END, .stdin_bytes = MUCH });
	got = all_of(&s, PORT_STDOUT, &len);
	assert_int_equal(len, MUCH);
	assert_memory_equal(got, sent, MUCH);
	assert_status(&s, 0);
	assert_int_equal(waitpid(writer, NULL, 0), writer);
	free(sent);
	free(got);
}

/* What reads nothing does not hold up its end, nor a child that goes on. */
static void ends_with_the_command(void **state)
{
	char *argv[] = { S("sh"), S("-c"), S("sleep 100 & echo $!"), NULL };
	struct job job = job_of(argv);
	struct session s;
	char *text;
	size_t len;

	(void)state;
	start(&s, &job);
	assert_int_equal(fd_write_all(s.host[PORT_STDIN], "unread", 6), 0);
	text = all_of(&s, PORT_STDOUT, &len);
	assert_true(atoi(text) > 1);
	kill(atoi(text), SIGKILL);
	free(text);
	assert_status(&s, 0);
}

static void closed_and_null_streams(void **state)
{
	char *argv[] = { S("sh"), S("-c"),
			 S("for i in 0 1 2; do"
			   " [ -e /proc/self/fd/$i ] && echo $i"
			   " $(readlink /proc/$$/fd/$i); done >&2; true"),
			 NULL };
	struct job job = job_of(argv);
	struct session s;
	size_t len;
	char *text;

	(void)state;
	job.stream[0] = JOB_CLOSED;
	job.stream[1] = JOB_NULL;
	start(&s, &job);
	text = all_of(&s, PORT_STDERR, &len);
	/* The shell's own descriptors aside: 1 is /dev/null, 0 is not. */
	assert_null(strstr(text, "0 pipe"));
	assert_non_null(strstr(text, "2 pipe:"));
	free(text);
	assert_status(&s, 0);
}

/* What is written to both in turns comes in turns. */
static void one_pipe_for_both(void **state)
{
	char *argv[] = { S("sh"), S("-c"),
			 S("for i in 1 2 3; do echo o$i; echo e$i >&2; done"),
			 NULL };
	struct job job = job_of(argv);
	struct session s;
	size_t len;
	char *text;

	(void)state;
	job.stream[2] = JOB_AS_OUT;
	start(&s, &job);
	text = all_of(&s, PORT_STDOUT, &len);
	assert_string_equal(text, "o1\ne1\no2\ne2\no3\ne3\n");
	free(text);
	assert_status(&s, 0);
}

static void a_terminal(void **state)
{
	char *argv[] = { S("sh"), S("-c"),
			 S("tty >/dev/null && stty size && read x &&"
			   " stty size && echo got:$x; cat; echo end"),
			 NULL };
	struct job job = job_of(argv);
	struct session s;
	size_t len;
	char *text, first[64] = "";

	(void)state;
	job.stream[0] = job.stream[1] = job.stream[2] = JOB_TTY;
	start(&s, &job);
	assert_int_equal(recv(s.host[PORT_STDOUT], first, 7, MSG_WAITALL), 7);
	assert_string_equal(first, "31 97\r\n");
	tell(&s, (struct job_msg){ .type = JOB_WINCH, .winch = { 5, 6 } });
	/* The size has changed before the line is read: one channel. */
	usleep(0);
	assert_int_equal(fd_write_all(s.host[PORT_STDIN], "x\n", 2), 0);
	tell(&s, (struct job_msg){ .type = JOB_STDIN_END, .stdin_bytes = 2 });
	text = all_of(&s, PORT_STDOUT, &len);
	assert_non_null(strstr(text, "got:x\r\n"));
	assert_non_null(strstr(text, "end\r\n"));
	free(text);
	assert_status(&s, 0);
}

static void assert_fails(struct job *job, uint32_t stage, uint32_t error)
{
	struct session s;
	struct job_msg msg;

	start(&s, job);
	hear(&s, &msg);
	assert_int_equal(msg.type, JOB_FAILED);
	assert_int_equal(msg.failed.stage, stage);
	assert_int_equal(msg.failed.error, error);
	assert_true(msg.failed.text[0]);
	assert_int_equal(ended(&s), 0);
}

static void what_cannot_start_says_why(void **state)
{
	char *nothing[] = { S("/no/such/command"), NULL };
	char *directory[] = { S("/"), NULL };
	char *fine[] = { S("true"), NULL };
	struct job job;

	(void)state;
	job = job_of(nothing);
	assert_fails(&job, JOB_STAGE_EXEC, ENOENT);
	job = job_of(directory);
	assert_fails(&job, JOB_STAGE_EXEC, EACCES);
	job = job_of(fine);
	job.cwd = "/no/such/directory";
	assert_fails(&job, JOB_STAGE_CWD, ENOENT);
	job = job_of(fine);
	job.user = "no-such-user";
	assert_fails(&job, JOB_STAGE_USER, 0);
}

/* What is behind a mount that fails; cut, where there are too many. */
static void refused_modules_are_named(void **state)
{
	char many[2 * JOB_TEXT_BYTES];
	struct job_failed why;

	(void)state;
	why_not(&why, JOB_STAGE_ROOT, ENODEV, "cannot mount virtiofs");
	why_also(&why, "");
	assert_string_equal(why.text, "cannot mount virtiofs");
	why_also(&why, " fuse.ko virtiofs.ko");
	assert_string_equal(why.text,
			    "cannot mount virtiofs (the kernel has refused "
			    "fuse.ko virtiofs.ko)");
	memset(many, 'x', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	why_also(&why, many);
	assert_int_equal(strlen(why.text), JOB_TEXT_BYTES - 1);
	assert_int_equal(why.error, ENODEV);
}

static void the_host_goes_away(void **state)
{
	char *argv[] = { S("cat"), NULL }; /* until its input ends */
	struct job job = job_of(argv);
	struct session s;
	struct job_msg msg;

	(void)state;
	start(&s, &job);
	hear(&s, &msg);
	assert_int_equal(ended(&s), 2);
	/* A message that nobody knows is the end of all understanding. */
	start(&s, &job);
	hear(&s, &msg);
	assert_int_equal(fd_write_all(s.host[PORT_CONTROL],
				      "\377\377\377\377"
				      "\377\377\377\377",
				      8),
			 0);
	assert_int_equal(waitpid(s.init, &(int){ 0 }, 0), s.init);
	for (int i = 0; i < NR_PORTS; i++)
		fd_close(&s.host[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_are_apart),
		cmocka_unit_test(signals_are_told),
		cmocka_unit_test(signals_reach_the_command),
		cmocka_unit_test(much_goes_both_ways),
		cmocka_unit_test(ends_with_the_command),
		cmocka_unit_test(closed_and_null_streams),
		cmocka_unit_test(one_pipe_for_both),
		cmocka_unit_test(a_terminal),
		cmocka_unit_test(what_cannot_start_says_why),
		cmocka_unit_test(refused_modules_are_named),
		cmocka_unit_test(the_host_goes_away),
	};

	return run_all(tests);
}
