// SPDX-License-Identifier: BSD-2-Clause
/*
 * tty - keeps the user's terminal safe. Owns the terminal's mode from start to
 * end, in a parent process that does nothing else and so survives whatever
 * happens to the VMM. It does not read or write the terminal (console.c).
 */
#include "tty.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "log.h"
#include "util.h"

/* Newer C libraries set the mode by these; their header clashes with
 * <termios.h>. */
#define TCGETS2_NR 0x802c542a
#define TCSETS2_NR 0x402c542b

static const struct sandbox_ioctl ioctls[] = {
	{ TCGETS, SANDBOX_PARENT, "tcsetattr may read first" },
	{ TCSETS, SANDBOX_PARENT, "tcsetattr: restore the terminal" },
	{ TCGETS2_NR, SANDBOX_PARENT, "tcsetattr of newer C libraries" },
	{ TCSETS2_NR, SANDBOX_PARENT, "tcsetattr of newer C libraries" },
};

struct guard {
	pid_t child;
	int failed; /* the status of a child that was killed */
	struct termios saved;
	sigset_t sent; /* what was forwarded so far */
};

/* Raw input; output is processed as before, so that messages of wherry and
 * of others on the same terminal keep their line ends. */
static int set_raw(const struct guard *g)
{
	struct termios t = g->saved;

	t.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR |
				 IGNCR | ICRNL | IXON);
	t.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	t.c_cflag &= ~(tcflag_t)(CSIZE | PARENB);
	t.c_cflag |= CS8;
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	return tcsetattr(STDIN_FILENO, TCSANOW, &t) ? -errno : 0;
}

/* SIGTTOU is blocked in here: restored even from the background. */
static void restore(const struct guard *g)
{
	sigset_t ttou, old;

	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	sigprocmask(SIG_BLOCK, &ttou, &old);
	/* EIO after a hang-up: there is nothing left to restore. */
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &g->saved);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

static int exit_status(const struct guard *g, int wstatus)
{
	int sig;

	if (WIFEXITED(wstatus))
		return WEXITSTATUS(wstatus);
	sig = WTERMSIG(wstatus);
	if (sigismember(&g->sent, sig) == 1)
		return 128 + sig;
	if (sig == SIGSYS)
		log_err("the VM's process made a system call that its "
			"confinement forbids, and was killed (SIGSYS); run it "
			"with --sandbox log, find the call in the kernel's "
			"log and report it");
	else
		log_err("the VM's process was killed by signal %d (%s)", sig,
			strsignal(sig));
	return g->failed;
}

/* True, and the terminal restored, when the child is gone. */
static bool reap(struct guard *g, int *status)
{
	pid_t pid;
	int wstatus;

	/* As init, it has children that it never made. */
	do {
		pid = waitpid(-1, &wstatus, WNOHANG | WUNTRACED);
	} while (pid > 0 && pid != g->child);
	if (pid <= 0)
		return false;
	restore(g);
	if (WIFSTOPPED(wstatus)) {
		/* Stop too: the shell takes over until it continues us. */
		(void)raise(SIGSTOP);
		return false;
	}
	*status = exit_status(g, wstatus);
	return true;
}

static void forward(struct guard *g, int sig)
{
	sigaddset(&g->sent, sig);
	/* Gone already: then SIGCHLD is pending. */
	(void)kill(g->child, sig);
}

static int watch(struct guard *g)
{
	sigset_t all;
	int status;

	sigfillset(&all);
	for (;;) {
		int sig = sigwaitinfo(&all, NULL);

		switch (sig) {
		case -1: /* EINTR: stopped and continued */
		case SIGTTIN:
		case SIGTTOU:
		case SIGURG:
			break;
		case SIGWINCH:
			/* What goes to the terminal's group does not reach the
			 * child's session. Not forward(): it kills nobody. */
			(void)kill(g->child, SIGWINCH);
			break;
		case SIGCHLD:
			if (reap(g, &status))
				return status;
			break;
		case SIGCONT:
			/* In the background this stops us again. */
			(void)set_raw(g);
			(void)kill(g->child, SIGCONT);
			break;
		case SIGTSTP:
			/* Its group is orphaned, so SIGTSTP has no effect. */
			(void)kill(g->child, SIGSTOP);
			break;
		default:
			forward(g, sig);
		}
	}
}

static int be_parent(struct guard *g, enum sandbox_mode mode)
{
	const struct sandbox_ioctls list = { ioctls, ARRAY_SIZE(ioctls) };

	/* Inherited devices are the child's alone: they are released when it
	 * ends. */
	(void)close_range(3, ~0u, 0);
	if (sandbox_thread(mode, SANDBOX_PARENT, &list, 1)) {
		(void)kill(g->child, SIGKILL);
		(void)waitpid(g->child, NULL, 0);
		restore(g);
		return g->failed;
	}
	return watch(g);
}

static void be_child(pid_t parent, const sigset_t *mask)
{
	/* Nobody but the parent would restore the terminal. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		(void)raise(SIGKILL);
	(void)setsid();
	sigprocmask(SIG_SETMASK, mask, NULL);
}

int tty_guard(enum sandbox_mode mode, int *status)
{
	struct guard g;
	sigset_t block, old;
	pid_t parent = getpid();
	int r;

	if (!isatty(STDIN_FILENO))
		return 0;
	g.failed = *status;
	sigemptyset(&g.sent);
	if (tcgetattr(STDIN_FILENO, &g.saved)) {
		r = -errno;
		log_err("stdin: cannot read the terminal's mode: %s",
			strerror(-r));
		return r;
	}
	/* From raw mode on nothing may end this process but its own code. */
	sigfillset(&block);
	sigdelset(&block, SIGTTOU);
	sigprocmask(SIG_BLOCK, &block, &old);
	r = set_raw(&g);
	if (r) {
		log_err("stdin: cannot set the terminal's mode: %s",
			strerror(-r));
		goto err;
	}
	g.child = fork();
	if (!g.child) {
		be_child(parent, &old);
		return 0;
	}
	if (g.child > 0) {
		*status = be_parent(&g, mode);
		return 1;
	}
	r = -errno;
	log_err("cannot start a process: %s", strerror(-r));
	restore(&g);
err:
	sigprocmask(SIG_SETMASK, &old, NULL);
	return r;
}
