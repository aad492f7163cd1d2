// SPDX-License-Identifier: BSD-2-Clause
/*
 * init-command - starts the command: its streams, its user, its environment and
 * limits.  Owns the time between fork() and execve().
 */
#include "firmware/init.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd.h"
#include "util.h"

#define TTY_GROUP 5 /* as devpts is mounted */
#define NR_NAMES 4
#define PASSWD "/etc/passwd"
#define GROUP "/etc/group"
#define NR_OPEN "/proc/sys/fs/nr_open"

/* What the child has for its streams; -1 where it has nothing. */
struct ends {
	int fd[JOB_NR_STREAMS];
	int tty; /* the slave */
};

static int no_streams(struct job_failed *why, const char *what)
{
	return why_not(why, JOB_STAGE_SETUP, errno, "cannot make %s", what);
}

static int open_tty(struct command *c, struct ends *e, const struct job *job,
		    const struct user *u, struct job_failed *why)
{
	struct winsize size = { .ws_row = job->rows, .ws_col = job->cols };
	int unlock = 0;

	c->tty = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (c->tty < 0 || ioctl(c->tty, TIOCSPTLCK, &unlock))
		return no_streams(why, "a terminal");
	e->tty = ioctl(c->tty, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (e->tty < 0 || ioctl(c->tty, TIOCSWINSZ, &size))
		return no_streams(why, "a terminal");
	if (u->uid && fchown(e->tty, u->uid, TTY_GROUP))
		return no_streams(why, "a terminal");
	return 0;
}

/* Ours does not block; the child's is its user's, for who opens /dev/stdout. */
static int open_pipe(int *ours, int *child, bool input, const struct user *u,
		     struct job_failed *why)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return no_streams(why, "a pipe");
	*ours = fds[input];
	*child = fds[!input];
	if (fcntl(*ours, F_SETFL, O_NONBLOCK) ||
	    (u->uid && fchown(*child, u->uid, u->gid)))
		return no_streams(why, "a pipe");
	return 0;
}

static int open_streams(struct command *c, struct ends *e,
			const struct job *job, const struct user *u,
			struct job_failed *why)
{
	int *ours[] = { &c->in, &c->out, &c->err };

	for (int i = 0; i < JOB_NR_STREAMS; i++) {
		switch (job->stream[i]) {
		case JOB_PIPE:
			if (open_pipe(ours[i], &e->fd[i], i == 0, u, why))
				return -1;
			break;
		case JOB_TTY:
			if (e->tty < 0 && open_tty(c, e, job, u, why))
				return -1;
			e->fd[i] = fcntl(e->tty, F_DUPFD_CLOEXEC, 0);
			if (e->fd[i] < 0)
				return no_streams(why, "a terminal");
			break;
		case JOB_AS_OUT:
			e->fd[i] =
				fcntl(e->fd[STDOUT_FILENO], F_DUPFD_CLOEXEC, 0);
			if (e->fd[i] < 0)
				return no_streams(why, "a pipe");
			break;
		case JOB_NULL:
			e->fd[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
			if (e->fd[i] < 0)
				return no_streams(why, "/dev/null");
			break;
		default:
			break;
		}
	}
	return 0;
}

static void close_ends(struct ends *e)
{
	for (int i = 0; i < JOB_NR_STREAMS; i++)
		fd_close(&e->fd[i]);
	fd_close(&e->tty);
}

/* The kernel's highest limit on descriptors may be lower than the host's. */
static int set_descriptors(struct rlimit *l)
{
	char text[32];
	rlim_t most;

	if (read_attr(NR_OPEN, text, sizeof(text)))
		return -1;
	most = strtoull(text, NULL, 10);
	l->rlim_max = MIN(l->rlim_max, most);
	l->rlim_cur = MIN(l->rlim_cur, most);
	return setrlimit(RLIMIT_NOFILE, l);
}

static int set_limits(const struct job *job, struct job_failed *why)
{
	for (size_t i = 0; i < job->nr_limits; i++) {
		const struct job_limit *from = &job->limits[i];
		struct rlimit l = { from->soft, from->hard };
		int r = setrlimit((int)from->resource, &l);

		if (r && from->resource == RLIMIT_NOFILE)
			r = set_descriptors(&l);
		if (r)
			return why_not(why, JOB_STAGE_USER, errno,
				       "cannot set limit %u", from->resource);
	}
	return 0;
}

/* A job for nobody in particular runs as init does. */
static int become(const struct user *u, const struct job *job,
		  struct job_failed *why)
{
	if (*job->user && (setgroups(u->nr_groups, u->groups) ||
			   setgid(u->gid) || setuid(u->uid)))
		return why_not(why, JOB_STAGE_USER, errno, "cannot become %s",
			       job->user);
	return 0;
}

/* fd[i] becomes i.  None of them may be in another's place. */
static int place_streams(struct ends *e)
{
	for (int i = 0; i < JOB_NR_STREAMS; i++) {
		int fd = e->fd[i];

		if (fd >= 0)
			e->fd[i] = fcntl(fd, F_DUPFD_CLOEXEC, JOB_NR_STREAMS);
		if (fd >= 0 && e->fd[i] < 0)
			return -1;
	}
	for (int i = 0; i < JOB_NR_STREAMS; i++) {
		if (e->fd[i] < 0)
			close(i);
		else if (dup2(e->fd[i], i) < 0)
			return -1;
	}
	return 0;
}

/* All of them are the defaults, whatever init had. */
static void reset_signals(void)
{
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Returns only to say why not. */
static int child(struct ends *e, const struct job *job, const struct user *u,
		 struct job_failed *why)
{
	setsid();
	if (e->tty >= 0 && ioctl(e->tty, TIOCSCTTY, 0))
		return no_streams(why, "a terminal");
	if (place_streams(e))
		return no_streams(why, "the standard streams");
	reset_signals();
	umask(job->umask);
	if (set_limits(job, why))
		return -1;
	if (chdir(job->cwd))
		return why_not(why, JOB_STAGE_CWD, errno,
			       "cannot enter the directory %s", job->cwd);
	if (become(u, job, why))
		return -1;
	environ = job->env;
	execvp(job->argv[0], job->argv);
	return why_not(why, JOB_STAGE_EXEC, errno, "%s", job->argv[0]);
}

/* Adds NAME=value to the list, which has room, unless the name is in it. */
static int add_env(char **env, const char *name, const char *value)
{
	size_t len = strlen(name);

	for (; *env; env++)
		if (!strncmp(*env, name, len) && (*env)[len] == '=')
			return 0;
	return asprintf(env, "%s=%s", name, value) < 0 ? -1 : 0;
}

/* The job's environment and what the user's line in passwd says. */
static int make_env(struct job *job, const struct user *u)
{
	const char *const own[NR_NAMES][2] = {
		{ "HOME", *u->home ? u->home : "/" },
		{ "USER", u->name },
		{ "LOGNAME", u->name },
		{ "SHELL", *u->shell ? u->shell : "/bin/sh" },
	};
	size_t nr = 0;
	char **env;

	while (job->env[nr])
		nr++;
	env = calloc(nr + NR_NAMES + 1, sizeof(*env));
	if (!env)
		return -1;
	memcpy(env, job->env, nr * sizeof(*env));
	for (int i = 0; i < NR_NAMES; i++)
		if (*own[i][1] && add_env(env, own[i][0], own[i][1])) {
			free(env);
			return -1;
		}
	free(job->env);
	job->env = env;
	return 0;
}

/* The child's end closes by execve(); what comes before says why not. */
static int await_exec(struct command *c, int from, struct job_failed *why)
{
	ssize_t n;

	do
		n = read(from, why, sizeof(*why));
	while (n < 0 && errno == EINTR);
	if (!n)
		return 0;
	if (n != sizeof(*why))
		why_not(why, JOB_STAGE_SETUP, EIO, "cannot start the command");
	waitpid(c->pid, NULL, 0);
	return -1;
}

static int spawn(struct command *c, struct ends *e, const struct job *job,
		 const struct user *u, struct job_failed *why)
{
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC))
		return no_streams(why, "a pipe");
	c->pid = fork();
	if (!c->pid) {
		/* Above the streams' places. */
		r = fcntl(fds[1], F_DUPFD_CLOEXEC, JOB_NR_STREAMS);
		child(e, job, u, why);
		(void)!write(r, why, sizeof(*why));
		_exit(1);
	}
	close(fds[1]);
	r = c->pid < 0 ? no_streams(why, "a process") :
			 await_exec(c, fds[0], why);
	close(fds[0]);
	return r;
}

int command_start(struct command *c, struct job *job, struct job_failed *why)
{
	struct ends e = { .fd = { -1, -1, -1 }, .tty = -1 };
	struct user u;
	int r;

	*c = (struct command){ .in = -1, .out = -1, .err = -1, .tty = -1 };
	r = user_find(&u, job->user, PASSWD, GROUP, why);
	if (!r && make_env(job, &u))
		r = why_not(why, JOB_STAGE_SETUP, ENOMEM,
			    "cannot make the environment");
	if (!r)
		r = open_streams(c, &e, job, &u, why);
	if (!r)
		r = spawn(c, &e, job, &u, why);
	close_ends(&e);
	user_fini(&u);
	return r;
}
