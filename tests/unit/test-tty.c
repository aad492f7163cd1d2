// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-tty - the guardian of the terminal, on a pseudo-terminal of its own:
 * modes, statuses, signals, and whatever kills the child.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include "tty.h"

/* The sanitizers' runtime makes calls that confinement forbids. */
#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define MODE SANDBOX_OFF
#else
#define MODE SANDBOX_ON
#endif
/* What the caller gives for a child that is killed. */
#define FAILED 125

struct term {
	int master;
	pid_t guard; /* the guardian, leader of the terminal's session */
	pid_t child; /* what it guards */
	struct termios before;
};

static void break_confinement(void)
{
	if (MODE == SANDBOX_OFF) {
		signal(SIGSYS, SIG_DFL); /* cmocka has a handler for it */
		(void)raise(SIGSYS);
	}
	if (sandbox_thread(SANDBOX_ON, SANDBOX_VCPU, NULL, 0))
		_exit(96);
	(void)syscall(SYS_getppid);
}

/* Says its pid in four bytes, then does as the master's letters say. */
static void vmm(void)
{
	pid_t pid = getpid();
	char c;

	if (write(1, &pid, sizeof(pid)) != sizeof(pid))
		_exit(99);
	while (read(0, &c, 1) == 1) {
		if (c == 'e')
			_exit(42);
		if (c == 'k')
			(void)raise(SIGKILL);
		if (c == 'a')
			abort();
		if (c == 's')
			break_confinement();
		if (c == 'z')
			(void)raise(SIGSTOP);
		if (c == '?')
			(void)!write(1, "!", 1);
	}
	_exit(98);
}

static void on_term(int sig)
{
	_exit(sig == SIGTERM ? 7 : 8);
}

static void start(struct term *t, void (*prepare)(void))
{
	int slave, status = FAILED, r;

	assert_int_equal(openpty(&t->master, &slave, NULL, NULL, NULL), 0);
	tcgetattr(slave, &t->before);
	/* The pid is binary: no output processing in these tests' way. */
	t->before.c_oflag &= ~(tcflag_t)OPOST;
	tcsetattr(slave, TCSANOW, &t->before);
	t->guard = fork();
	if (!t->guard) {
		close(t->master);
		login_tty(slave);
		/* It all ends with the test. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		r = tty_guard(MODE, &status);
		if (r == 1)
			_exit(status);
		if (r < 0)
			_exit(97);
		if (prepare)
			prepare();
		vmm();
	}
	assert_int_equal(read(t->master, &t->child, sizeof(t->child)),
			 sizeof(t->child));
	close(slave);
}

static void assert_raw(struct term *t)
{
	struct termios now;

	assert_int_equal(tcgetattr(t->master, &now), 0);
	assert_int_equal(now.c_lflag & (ICANON | ECHO | ISIG), 0);
	assert_int_equal(now.c_iflag & (ICRNL | IXON), 0);
	assert_int_equal(now.c_oflag, t->before.c_oflag);
}

static void assert_restored(struct term *t)
{
	struct termios now;

	assert_int_equal(tcgetattr(t->master, &now), 0);
	assert_int_equal(now.c_iflag, t->before.c_iflag);
	assert_int_equal(now.c_oflag, t->before.c_oflag);
	assert_int_equal(now.c_lflag, t->before.c_lflag);
	assert_int_equal(now.c_cc[VMIN], t->before.c_cc[VMIN]);
}

/* An orphan comes to this process, the nearest subreaper. */
static void assert_orphan_dies(pid_t pid)
{
	int wstatus;

	assert_int_equal(waitpid(pid, &wstatus, 0), pid);
	assert_true(WIFSIGNALED(wstatus));
	assert_int_equal(WTERMSIG(wstatus), SIGKILL);
}

/* The guardian's exit status; the terminal is as it was. */
static int finish(struct term *t)
{
	int wstatus;

	assert_int_equal(waitpid(t->guard, &wstatus, 0), t->guard);
	assert_true(WIFEXITED(wstatus));
	assert_restored(t);
	assert_int_equal(kill(t->child, 0), -1);
	close(t->master);
	return WEXITSTATUS(wstatus);
}

static void type(struct term *t, const char *text)
{
	assert_int_equal(write(t->master, text, strlen(text)), strlen(text));
}

static void assert_answers(struct term *t)
{
	struct pollfd pfd = { .fd = t->master, .events = POLLIN };
	struct termios now;
	char c = 0;
	int i;

	/* Until it is raw it would echo. */
	for (i = 0; i < 500; i++) {
		assert_int_equal(tcgetattr(t->master, &now), 0);
		if (!(now.c_lflag & ECHO))
			break;
		usleep(10000);
	}
	type(t, "?");
	assert_int_equal(poll(&pfd, 1, 5000), 1);
	assert_int_equal(read(t->master, &c, 1), 1);
	assert_int_equal(c, '!');
}

static void no_terminal_no_fork(void **state)
{
	int saved = fcntl(0, F_DUPFD_CLOEXEC, 10), status = -1;
	int null = open("/dev/null", O_RDONLY);
	pid_t pid = getpid();

	(void)state;
	dup2(null, 0);
	assert_int_equal(tty_guard(SANDBOX_ON, &status), 0);
	assert_int_equal(getpid(), pid);
	assert_int_equal(status, -1);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	close(0);
	assert_int_equal(tty_guard(SANDBOX_ON, &status), 0);
	dup2(saved, 0);
	close(saved);
	close(null);
}

static void exit_status_is_passed(void **state)
{
	struct term t;

	(void)state;
	start(&t, NULL);
	assert_raw(&t);
	assert_int_not_equal(t.child, t.guard);
	/* A group of its own, so that a signal to the job comes once. */
	assert_int_equal(getpgid(t.child), t.child);
	type(&t, "\x03\x1a\x1c"); /* Ctrl-c and others are the guest's */
	type(&t, "e");
	assert_int_equal(finish(&t), 42);
}

static void restored_after_kill_9(void **state)
{
	struct term t;

	(void)state;
	start(&t, NULL);
	assert_int_equal(kill(t.child, SIGKILL), 0);
	assert_int_equal(finish(&t), FAILED);
}

static void restored_after_abort(void **state)
{
	struct term t;

	(void)state;
	start(&t, NULL);
	type(&t, "a");
	assert_int_equal(finish(&t), FAILED);
}

static void restored_after_seccomp_kill(void **state)
{
	struct term t;
	char buf[512];
	ssize_t n;

	(void)state;
	start(&t, NULL);
	type(&t, "s");
	/* The message comes over the same terminal, after its restoration. */
	n = read(t.master, buf, sizeof(buf) - 1);
	assert_true(n > 0);
	buf[n] = 0;
	assert_non_null(strstr(buf, "SIGSYS"));
	assert_non_null(strstr(buf, "--sandbox log"));
	assert_int_equal(finish(&t), FAILED);
}

static void prepare_term(void)
{
	signal(SIGTERM, on_term);
}

static void signals_are_forwarded(void **state)
{
	struct term t;

	(void)state;
	start(&t, prepare_term);
	assert_answers(&t);
	assert_int_equal(kill(t.guard, SIGTERM), 0);
	assert_int_equal(finish(&t), 7);
}

static void on_winch(int sig)
{
	(void)sig;
	(void)!write(1, "W", 1);
}

static void prepare_winch(void)
{
	signal(SIGWINCH, on_winch);
}

/* The child's session has no terminal, so nobody else would tell it. */
static void window_changes_are_passed(void **state)
{
	struct winsize ws = { .ws_row = 10, .ws_col = 20 };
	struct term t;
	char c = 0;

	(void)state;
	start(&t, prepare_winch);
	assert_int_equal(ioctl(t.master, TIOCSWINSZ, &ws), 0);
	assert_int_equal(read(t.master, &c, 1), 1);
	assert_int_equal(c, 'W');
	assert_answers(&t);
	type(&t, "e");
	assert_int_equal(finish(&t), 42);
}

static void forwarded_signal_that_kills(void **state)
{
	static const int sigs[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1 };
	struct term t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++) {
		start(&t, NULL);
		assert_int_equal(kill(t.guard, sigs[i]), 0);
		assert_int_equal(finish(&t), 128 + sigs[i]);
	}
}

static void hang_up(void **state)
{
	struct term t;
	int wstatus;

	(void)state;
	start(&t, NULL);
	close(t.master);
	/* SIGHUP goes to the session of the guardian alone. */
	assert_int_equal(waitpid(t.guard, &wstatus, 0), t.guard);
	assert_true(WIFEXITED(wstatus));
	assert_int_equal(kill(t.child, 0), -1);
}

static void await_state(pid_t pid, int options, int *wstatus)
{
	assert_int_equal(waitpid(pid, wstatus, options), pid);
}

/* kill -STOP of either, then fg. */
static void stop_and_continue(void **state)
{
	struct term t;
	int wstatus, i;

	(void)state;
	start(&t, NULL);
	for (i = 0; i < 2; i++) {
		if (i)
			assert_int_equal(kill(t.guard, SIGTSTP), 0);
		else
			type(&t, "z");
		await_state(t.guard, WUNTRACED, &wstatus);
		assert_true(WIFSTOPPED(wstatus));
		assert_restored(&t);
		assert_int_equal(kill(t.guard, SIGCONT), 0);
		await_state(t.guard, WCONTINUED, &wstatus);
		assert_answers(&t);
		assert_raw(&t);
	}
	type(&t, "e");
	assert_int_equal(finish(&t), 42);
}

static void child_dies_with_guardian(void **state)
{
	struct term t;

	(void)state;
	start(&t, NULL);
	assert_int_equal(kill(t.guard, SIGKILL), 0);
	assert_int_equal(waitpid(t.guard, NULL, 0), t.guard);
	assert_orphan_dies(t.child);
	close(t.master);
}

/* Waits, seconds at most, until a process has closed a descriptor. */
static void wait_closed(pid_t pid, int fd)
{
	char path[64], link[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	for (int i = 0; i < 500 && readlink(path, link, sizeof(link)) > 0; i++)
		usleep(10000);
}

static void guardian_holds_no_fds(void **state)
{
	struct pollfd pfd = { .events = POLLIN };
	struct term t;
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	start(&t, NULL);
	close(p[1]);
	pfd.fd = p[0];
	/* The child has it still; the guardian must not keep it longer. */
	assert_int_equal(poll(&pfd, 1, 0), 0);
	wait_closed(t.guard, p[1]);
	assert_int_equal(kill(t.guard, SIGSTOP), 0);
	assert_int_equal(kill(t.child, SIGKILL), 0);
	assert_int_equal(poll(&pfd, 1, 5000), 1);
	assert_true(pfd.revents & POLLHUP);
	assert_int_equal(kill(t.guard, SIGCONT), 0);
	assert_int_equal(finish(&t), FAILED);
	close(p[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_terminal_no_fork),
		cmocka_unit_test(exit_status_is_passed),
		cmocka_unit_test(restored_after_kill_9),
		cmocka_unit_test(restored_after_abort),
		cmocka_unit_test(restored_after_seccomp_kill),
		cmocka_unit_test(signals_are_forwarded),
		cmocka_unit_test(window_changes_are_passed),
		cmocka_unit_test(forwarded_signal_that_kills),
		cmocka_unit_test(hang_up),
		cmocka_unit_test(stop_and_continue),
		cmocka_unit_test(child_dies_with_guardian),
		cmocka_unit_test(guardian_holds_no_fds),
	};

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return run_all(tests);
}
