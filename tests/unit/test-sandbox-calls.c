// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-sandbox-calls - system calls of the confined: what is forbidden kills,
 * what the VMM needs passes.
 */
#include "harness.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <pthread.h>
#include <seccomp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>

#include "log.h"
#include "sandbox-calls.h"
#include "sandbox-fixture.h"

static void do_open(void)
{
	(void)open("/dev/null", O_RDONLY);
}

static void do_exec(void)
{
	char *argv[] = { NULL };

	(void)execve("/bin/true", argv, argv);
}

static void do_socket(void)
{
	(void)socket(AF_UNIX, SOCK_STREAM, 0);
}

static void do_fork(void)
{
	if (!fork())
		_exit(0);
}

static void do_mmap_exec(void)
{
	(void)mmap(NULL, 4096, PROT_READ | PROT_EXEC,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void do_mprotect_exec(void)
{
	void *p =
		mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static void do_kill_parent(void)
{
	(void)kill(getppid(), 0);
}

static void do_tgkill_other(void)
{
	(void)syscall(SYS_tgkill, 1, 1, 0);
}

static void do_ptrace(void)
{
	(void)syscall(SYS_ptrace, 0, 0, 0, 0);
}

static void do_fcntl_setfl(void)
{
	(void)fcntl(0, F_SETFL, O_NONBLOCK);
}

static void do_stat_path(void)
{
	char buf[512];

	(void)syscall(SYS_newfstatat, AT_FDCWD, "/etc/passwd", buf, 0);
}

static void do_ioctl_other(void)
{
	int n;

	(void)ioctl(0, TIOCSTI, &n);
}

static void do_ioctl_tcgets(void)
{
	char buf[256];

	(void)ioctl(0, TCGETS, buf);
}

static void do_ioctl_listed(void)
{
	int n;

	(void)ioctl(0, FIONREAD, &n);
	/* The kernel ignores the upper half, and so does the filter. */
	(void)syscall(SYS_ioctl, 0, 0xdead00000000ul | FIONREAD, &n);
}

static void do_ioctl_sign(void)
{
	(void)syscall(SYS_ioctl, -1, 0x8004ae05ul, 0);
	(void)syscall(SYS_ioctl, -1, 0xffffffff8004ae05ul, 0);
}

static void forbidden_calls_kill(void **state)
{
	static void (*const calls[])(void) = {
		do_open,      do_exec,		do_socket,	do_fork,
		do_mmap_exec, do_mprotect_exec, do_kill_parent, do_tgkill_other,
		do_ptrace,    do_fcntl_setfl,	do_stat_path,	do_ioctl_other,
	};
	size_t i;

	(void)state;
	needs_confinement();
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		assert_kills(SANDBOX_VCPU, calls[i]);
		assert_kills(SANDBOX_LOOP, calls[i]);
		if (calls[i] != do_kill_parent)
			assert_kills(SANDBOX_PARENT, calls[i]);
	}
}

static void ioctls_by_number(void **state)
{
	(void)state;
	needs_confinement();
	assert_passes(SANDBOX_VCPU, do_ioctl_listed);
	assert_passes(SANDBOX_LOOP, do_ioctl_listed);
	assert_kills(SANDBOX_PARENT, do_ioctl_listed);
	assert_passes(SANDBOX_LOOP, do_ioctl_tcgets);
	assert_kills(SANDBOX_VCPU, do_ioctl_tcgets);
	assert_passes(SANDBOX_VCPU, do_ioctl_sign);
	assert_kills(SANDBOX_LOOP, do_ioctl_sign);
}

static void noop(int sig)
{
	(void)sig;
}

/* What both kinds of the VMM's threads do. */
static void do_common(void)
{
	struct itimerspec its = { .it_value.tv_nsec = 1 };
	struct timespec ts = { 0, 1000 };
	struct pollfd pfd = { .fd = -1 };
	uint64_t one = 1;
	char *p, *q;
	int fd, i;

	fd = eventfd(0, EFD_CLOEXEC);
	CHECK(fd >= 0);
	CHECK(write(fd, &one, 8) == 8 && read(fd, &one, 8) == 8);
	CHECK(close(fd) == 0);
	CHECK(timerfd_settime(-1, 0, &its, NULL) == -1 && errno == EBADF);
	CHECK(pread(-1, &one, 8, 0) == -1 && errno == EBADF);
	CHECK(pwrite(-1, &one, 8, 0) == -1 && errno == EBADF);
	CHECK(poll(&pfd, 1, 0) == 0);
	CHECK(!nanosleep(&ts, NULL) || errno);
	CHECK(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts) == 0);
	/* malloc in all its ways. */
	for (i = 4; i < 26; i++) {
		p = malloc((size_t)1 << i);
		CHECK(p);
		memset(p, 1, (size_t)1 << i);
		q = realloc(p, (size_t)2 << i);
		CHECK(q);
		free(q);
	}
}

static void do_kick(void)
{
	CHECK(pthread_kill(pthread_self(), SIGUSR1) == 0);
	CHECK(syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1) == 0);
}

static void vcpu_can_work(void **state)
{
	(void)state;
	needs_confinement();
	assert_passes(SANDBOX_VCPU, do_common);
	signal(SIGUSR1, noop);
	assert_passes(SANDBOX_VCPU, do_kick);
	assert_passes(SANDBOX_LOOP, do_kick);
	signal(SIGUSR1, SIG_DFL);
}

static void do_loop_work(void)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct rusage ru;
	int fd, dup_fd;

	fd = eventfd(1, EFD_CLOEXEC);
	CHECK(epoll_ctl(-1, EPOLL_CTL_ADD, fd, &ev) == -1 && errno == EBADF);
	CHECK(epoll_wait(-1, &ev, 1, 0) == -1 && errno == EBADF);
	dup_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	CHECK(dup_fd >= 0);
	CHECK(accept4(-1, NULL, NULL, 0) == -1 && errno == EBADF);
	CHECK(getrusage(RUSAGE_SELF, &ru) == 0);
	CHECK(dprintf(2, "# said from within: %s\n", strerror(EPERM)) > 0);
	log_notice("said from within");
	/* Refused, not killed. */
	CHECK(unlink("/nonexistent/x") == -1 && errno == EPERM);
	exit(PASSED);
}

static void loop_can_work(void **state)
{
	(void)state;
	needs_confinement();
	assert_passes(SANDBOX_LOOP, do_common);
	assert_passes(SANDBOX_LOOP, do_loop_work);
}

static void do_guard(void)
{
	struct timespec now = { 0, 0 };
	sigset_t set;

	sigemptyset(&set);
	CHECK(sigtimedwait(&set, NULL, &now) == -1 && errno == EAGAIN);
	CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	CHECK(kill(getpid(), 0) == 0);
	log_notice("said from within");
	exit(PASSED);
}

static void parent_can_work(void **state)
{
	(void)state;
	needs_confinement();
	assert_passes(SANDBOX_PARENT, do_guard);
}

static void *vcpu_thread(void *opaque)
{
	pthread_barrier_t *barrier = opaque;

	CHECK(!sandbox_thread(SANDBOX_ON, SANDBOX_VCPU, NULL, 0));
	pthread_barrier_wait(barrier);
	do_common();
	return NULL;
}

static void run_threads(void)
{
	pthread_t threads[4];
	pthread_barrier_t barrier;
	unsigned int i;

	pthread_barrier_init(&barrier, NULL, 5);
	for (i = 0; i < 4; i++)
		CHECK(!pthread_create(&threads[i], NULL, vcpu_thread,
				      &barrier));
	CHECK(!sandbox_process(SANDBOX_ON));
	CHECK(!sandbox_thread(SANDBOX_ON, SANDBOX_LOOP, NULL, 0));
	pthread_barrier_wait(&barrier);
	for (i = 0; i < 4; i++)
		CHECK(!pthread_join(threads[i], NULL));
	exit(PASSED);
}

/* As in a VM: threads first, then a filter for each, then work, then joins. */
static void threads_confine_and_end(void **state)
{
	int wstatus;
	pid_t pid;

	(void)state;
	needs_confinement();
	fflush(stdout);
	pid = fork();
	if (!pid)
		run_threads();
	assert_int_equal(waitpid(pid, &wstatus, 0), pid);
	assert_status_passed(wstatus);
}

static void do_everything(void)
{
	do_open();
	do_socket();
	do_fork();
	do_ioctl_other();
	CHECK(unlink("/nonexistent/x") == -1 && errno == ENOENT);
}

static void log_mode_allows(void **state)
{
	(void)state;
	needs_confinement();
	assert_status_passed(
		confined(SANDBOX_LOG, SANDBOX_LOOP, 0, do_everything));
}

static void ordinary_user_is_confined(void **state)
{
	uid_t uid = geteuid() ? 0 : NOBODY;
	int wstatus;

	(void)state;
	needs_confinement();
	assert_status_passed(
		confined(SANDBOX_ON, SANDBOX_LOOP, uid, do_loop_work));
	wstatus = confined(SANDBOX_ON, SANDBOX_LOOP, uid, do_open);
	assert_true(WIFSIGNALED(wstatus));
	assert_int_equal(WTERMSIG(wstatus), SIGSYS);
}

static void do_openat2(void)
{
	struct open_how how = { .flags = O_PATH };

	(void)syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof(how));
}

/* The thread of a shared directory opens by path, but only so, and alone. */
static void share_alone_opens(void **state)
{
	(void)state;
	needs_confinement();
	assert_passes(SANDBOX_SHARE, do_openat2);
	assert_kills(SANDBOX_SHARE, do_open);
	assert_kills(SANDBOX_SHARE, do_socket);
	assert_kills(SANDBOX_SHARE, do_exec);
	assert_kills(SANDBOX_LOOP, do_openat2);
	assert_kills(SANDBOX_VCPU, do_openat2);
	assert_kills(SANDBOX_PARENT, do_openat2);
	assert_kills(SANDBOX_DISK, do_openat2);
}

static void tables_are_sound(void **state)
{
	static const int never[] = {
		SCMP_SYS(open),		  SCMP_SYS(openat), SCMP_SYS(execve),
		SCMP_SYS(execveat),	  SCMP_SYS(socket), SCMP_SYS(connect),
		SCMP_SYS(clone),	  SCMP_SYS(clone3), SCMP_SYS(fork),
		SCMP_SYS(vfork),	  SCMP_SYS(ptrace), SCMP_SYS(prctl),
		SCMP_SYS(mount),	  SCMP_SYS(ioctl),  SCMP_SYS(bpf),
		SCMP_SYS(io_uring_setup),
	};
	size_t i, j;

	(void)state;
	for (i = 0; i < sandbox_nr_calls; i++) {
		assert_true(strlen(sandbox_calls[i].reason) > 3);
		assert_int_not_equal(sandbox_calls[i].threads, 0);
		for (j = 0; j < ARRAY_SIZE(never); j++)
			assert_int_not_equal(sandbox_calls[i].nr, never[j]);
		if (sandbox_calls[i].nr == SCMP_SYS(openat2))
			assert_int_equal(sandbox_calls[i].threads,
					 SANDBOX_SHARE);
		/* Naming a call with and without a condition voids the
		 * condition. */
		for (j = 0; j < i; j++)
			if (sandbox_calls[j].nr == sandbox_calls[i].nr)
				assert_true(sandbox_calls[i].check &&
					    sandbox_calls[j].check);
		for (j = 0; j < sandbox_nr_refused; j++)
			if (sandbox_calls[i].threads &
			    sandbox_refused[j].threads)
				assert_int_not_equal(sandbox_calls[i].nr,
						     sandbox_refused[j].nr);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test(f)
	const struct CMUnitTest tests[] = {
		T(forbidden_calls_kill), T(ioctls_by_number),
		T(vcpu_can_work),	 T(loop_can_work),
		T(parent_can_work),	 T(threads_confine_and_end),
		T(log_mode_allows),	 T(ordinary_user_is_confined),
		T(share_alone_opens),	 T(tables_are_sound),
	};

	return run_all(tests);
}
