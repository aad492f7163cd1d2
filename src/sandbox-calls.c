// SPDX-License-Identifier: BSD-2-Clause
/*
 * sandbox-calls - the tables of system calls that confined threads may make.
 * Nothing here opens, connects, creates a process or thread, or maps code.
 */
#include "sandbox-calls.h"

#include <fcntl.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>

#include "sandbox.h"
#include "util.h"

#define LOOP SANDBOX_LOOP
#define VMM (SANDBOX_LOOP | SANDBOX_VCPU)
#define WORKERS (SANDBOX_DISK | SANDBOX_SHARE)
#define THREADS (VMM | WORKERS)
#define ALL (VMM | SANDBOX_PARENT | WORKERS)
#define PARENT SANDBOX_PARENT
#define SHARE SANDBOX_SHARE

/* The kernel reads 32 bits of an int, whatever the register holds above. */
#define INT_MASK 0xffffffffu

#define CALL(name, threads, reason)                      \
	{                                                \
		SCMP_SYS(name), threads, reason, ARG_ANY \
	}
#define BITS(name, threads, arg, mask, value, reason)                       \
	{                                                                   \
		SCMP_SYS(name), threads, reason, ARG_BITS, arg, mask, value \
	}
#define OWN(name, threads, reason)                                    \
	{                                                             \
		SCMP_SYS(name), threads, reason, ARG_OWN_PID, 0, 0, 0 \
	}

const struct sandbox_call sandbox_calls[] = {
	/* Locks, threads, signals. */
	CALL(futex, ALL, "mutexes, condition variables, joins"),
	CALL(rt_sigprocmask, ALL, "C library: raise, thread exit"),
	CALL(rt_sigreturn, ALL, "return from a signal handler (kick)"),
	CALL(restart_syscall, ALL, "a stopped process continues a wait"),
	CALL(sched_yield, VMM, "a lock's owner is to run"),
	CALL(getpid, ALL, "C library: raise, pthread_kill"),
	CALL(gettid, ALL, "C library: raise"),
	OWN(tgkill, ALL, "kick a vCPU; abort"),
	CALL(exit, ALL, "a thread ends"),
	CALL(exit_group, ALL, "the process ends"),
	CALL(rt_sigtimedwait, PARENT, "waits for signals to forward"),
	CALL(kill, PARENT, "forwards signals to its child"),
	CALL(wait4, PARENT, "status of its child"),

	/* Memory: never code. */
	CALL(brk, ALL, "malloc"),
	CALL(munmap, ALL, "free; a BAR goes away"),
	CALL(madvise, ALL, "free; a thread's stack is given back"),
	CALL(mremap, THREADS, "realloc"),
	BITS(mmap, ALL, 2, PROT_EXEC, 0, "malloc; a BAR is mapped"),
	BITS(mprotect, ALL, 2, PROT_EXEC, 0, "malloc's arenas"),
	CALL(getrandom, THREADS, "malloc's first use in a thread"),
	CALL(sched_getaffinity, THREADS, "malloc counts CPUs for its arenas"),

	/* Time; in the vDSO where the clock allows it. */
	CALL(clock_gettime, ALL, "now_ns"),
	CALL(clock_nanosleep, VMM, "short waits"),
	CALL(gettimeofday, ALL, "C library"),
	CALL(timerfd_settime, VMM, "timers are set by devices, too"),

	/* Descriptors that are open already, and eventfds. */
	CALL(read, THREADS, "console, eventfds, timers, signals"),
	CALL(write, ALL, "console, eventfds, messages on stderr"),
	CALL(writev, ALL, "C library: stdio"),
	CALL(pread64, VMM, "VFIO regions; images loaded again on reboot"),
	CALL(pwrite64, VMM, "VFIO regions"),
	CALL(lseek, VMM | SHARE, "C library: stdio at exit"),
	CALL(close, ALL, "eventfds, tear-down"),
	CALL(eventfd2, VMM, "an interrupt vector is used the first time"),
	CALL(poll, ALL, "have the console and stderr room?"),
	CALL(ppoll, ALL, "the same, where poll is a library function"),
	CALL(fstat, ALL, "C library: stdio"),
	BITS(newfstatat, ALL, 3, AT_EMPTY_PATH, AT_EMPTY_PATH,
	     "fstat of newer C libraries"),

	/* A disk's ring, which is restricted by itself: see disk-ring.c. */
	CALL(io_uring_enter, SANDBOX_DISK, "requests to the disk's file"),
	BITS(io_uring_register, SANDBOX_DISK, 1, INT_MASK,
	     IORING_REGISTER_ENABLE_RINGS, "a ring is its thread's, once"),

	/* A shared directory: by paths, as no other thread may. */
	CALL(openat2, SHARE, "a file of the guest's is opened"),
	CALL(statx, SHARE, "names are looked up, attributes asked for"),
	CALL(getdents64, SHARE, "entries of directories"),
	CALL(preadv, SHARE, "data into the guest's buffers"),
	CALL(pwritev2, SHARE, "data from the guest's buffers"),
	CALL(pwritev, SHARE, "C library: pwritev2 without flags"),
	CALL(preadv2, SHARE, "C library: the same of preadv"),
	CALL(ftruncate, SHARE, "sizes"),
	CALL(fallocate, SHARE, "sizes and holes"),
	CALL(copy_file_range, SHARE, "copies within the share"),
	CALL(fsync, SHARE, "what is to be durable"),
	CALL(fdatasync, SHARE, "what is to be durable"),
	CALL(syncfs, SHARE, "what is to be durable"),
	CALL(fchmodat, SHARE, "modes"),
	CALL(fchownat, SHARE, "a file that is given to its owner"),
	CALL(utimensat, SHARE, "times"),
	CALL(mkdirat, SHARE, "a directory is made"),
	CALL(mknodat, SHARE, "a file, a pipe or a socket is made"),
	CALL(symlinkat, SHARE, "a symbolic link is made"),
	CALL(readlinkat, SHARE, "a symbolic link is read"),
	CALL(linkat, SHARE, "another name"),
	CALL(unlinkat, SHARE, "a name less"),
	CALL(renameat, SHARE, "a new name: renameat2 without flags"),
	CALL(renameat2, SHARE, "a new name"),
	CALL(getxattr, SHARE, "attributes of users"),
	CALL(setxattr, SHARE, "attributes of users"),
	CALL(listxattr, SHARE, "attributes of users"),
	CALL(removexattr, SHARE, "attributes of users"),
	CALL(fstatfs, SHARE, "how full the file system is"),
	CALL(getuid, SHARE, "libfuse: a session begins"),
	BITS(fcntl, SHARE, 1, INT_MASK, F_DUPFD_CLOEXEC,
	     "a file without a name; libfuse: a session begins"),
	BITS(unshare, SHARE, 0, INT_MASK, CLONE_FS, "a umask of its own"),
	CALL(umask, SHARE, "a umask of its own"),
	CALL(landlock_restrict_self, SHARE, "nothing outside the directory"),

	/* The event loop. */
	CALL(epoll_wait, LOOP | SHARE, "event loop; a share's kicks"),
	CALL(epoll_pwait, LOOP | SHARE,
	     "the same, where epoll_wait is a function"),
	CALL(epoll_ctl, VMM,
	     "event loop: sources come and go; an INTx pin is watched again"),
	BITS(fcntl, LOOP, 1, INT_MASK, F_DUPFD_CLOEXEC,
	     "a console client's other direction"),
	BITS(fcntl, LOOP, 1, INT_MASK, F_GETFL, "C library: fdopen"),
	CALL(accept4, LOOP, "a client of the console's socket"),
	CALL(getrusage, LOOP, "the result's resource usage"),
};
const size_t sandbox_nr_calls = ARRAY_SIZE(sandbox_calls);

const struct sandbox_call sandbox_refused[] = {
	CALL(unlink, LOOP, "console_destroy tries; a filter cannot see paths"),
	CALL(unlinkat, LOOP, "the same, where unlink is a library function"),
};
const size_t sandbox_nr_refused = ARRAY_SIZE(sandbox_refused);
