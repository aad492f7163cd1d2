/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the two sides of `wherry exec` say to each other: the job, a file in the
 * guest's initramfs that says what to run and where, and the messages on the
 * port JOB_PORT_CONTROL.  wherry and the guest's init both use this, and
 * nothing here logs or asks the kernel.
 *
 * All numbers are little-endian.  Neither side trusts the other's bytes: a
 * decoder checks each length, and each string for its end.
 */
#ifndef WHERRY_JOB_H
#define WHERRY_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOB_VERSION 1
#define JOB_FILE "/job"
/* Longest job that is decoded. */
#define JOB_MAX_BYTES (64U << 20)

/* Names of the ports of the console device. */
#define JOB_PORT_CONTROL "wherry.control"
#define JOB_PORT_STDIN "wherry.stdin"
#define JOB_PORT_STDOUT "wherry.stdout"
#define JOB_PORT_STDERR "wherry.stderr"

/* What the command has for its standard streams. */
enum job_stream {
	JOB_PIPE, /* a pipe to and from the port */
	JOB_TTY, /* one pseudo-terminal for all streams that say so */
	JOB_NULL, /* /dev/null: the port is not used */
	JOB_CLOSED, /* nothing: the port is not used */
	/* Of standard error only: standard output's pipe, so that what is written
	 * to both stays in its order.  Its own port is not used. */
	JOB_AS_OUT,
	JOB_NR_STREAM_KINDS,
};

/*
 * What a pseudo-terminal says goes to the port of standard output if that one
 * is JOB_TTY, else to standard error's; one of them must be.  Its input is
 * the port of standard input if that one is JOB_TTY.
 */
#define JOB_NR_STREAMS 3

/* As of struct rlimit; RLIM_INFINITY is UINT64_MAX. */
struct job_limit {
	uint32_t resource;
	uint64_t soft, hard;
};

enum job_mount_kind {
	/* The lower layer of the root; exactly one, and never written to. */
	JOB_MOUNT_ROOT,
	/* The upper layer: its `upper` and `work` are made.  At most one; without
	 * it the upper layer is a tmpfs. */
	JOB_MOUNT_UPPER,
	/* At path in the guest, whose directories are made. */
	JOB_MOUNT_DIR,
	JOB_NR_MOUNT_KINDS,
};

/* In the order in which they are mounted. */
struct job_mount {
	uint32_t kind;
	bool read_only;
	const char *type; /* "virtiofs", "tmpfs"; "": what the kernel can mount */
	const char *source; /* tag, or block device */
	const char *path; /* JOB_MOUNT_DIR: absolute, in the guest's root */
	const char *data; /* options of the file system, or "" */
};

struct job {
	char **argv; /* at least one; as of execve(2), NULL at the end */
	char **env; /* as of execve(2) */
	char **modules; /* files in the initramfs, in the order to load */
	const char *cwd; /* absolute */
	const char *hostname; /* "": leave it */
	/*
	 * By name or number, and perhaps ":" and a group.  Looked up in the
	 * guest's root.  What env has no HOME, USER, LOGNAME and SHELL for,
	 * comes from there, too.
	 */
	const char *user;
	/* When the job was made, microseconds of CLOCK_REALTIME: a guest's clock
	 * that is before it was set by nobody. */
	uint64_t made_us;
	uint32_t umask;
	uint32_t stream[JOB_NR_STREAMS]; /* enum job_stream */
	uint16_t rows, cols; /* of the window */
	struct job_limit *limits;
	struct job_mount *mounts;
	size_t nr_limits, nr_mounts;
};

/*
 * A list or string that is NULL is an empty one.  *out is the caller's to free.
 * 0, -ENOMEM, -EFBIG, or -EPROTO: what no decoder would take.
 */
int job_encode(const struct job *job, void **out, size_t *len_bytes);
/*
 * Everything in job is its own, for job_fini(), which takes what a failed
 * decoding left, too.  0, -ENOMEM, or -EPROTO: not a job, or of another
 * version.
 */
int job_decode(struct job *job, const void *buf, size_t len_bytes);
void job_fini(struct job *job);

/* Moments in the guest: microseconds since its kernel started (CLOCK_BOOTTIME),
 * 0 for what has not come yet. */
enum job_moment {
	JOB_AT_INIT, /* the kernel has started init */
	JOB_AT_MODULES, /* all modules are loaded */
	JOB_AT_PORTS, /* the ports are open */
	JOB_AT_ROOT, /* the root and all directories are mounted */
	JOB_AT_START, /* the command runs */
	JOB_AT_END, /* it has ended, and all it wrote is on its way */
	JOB_NR_MOMENTS,
};

/* What init was at when it failed. */
enum job_stage {
	JOB_STAGE_SETUP, /* file systems of the kernel's, the job itself */
	JOB_STAGE_MODULES,
	JOB_STAGE_ROOT,
	JOB_STAGE_MOUNT, /* a JOB_MOUNT_DIR */
	JOB_STAGE_USER,
	JOB_STAGE_CWD,
	JOB_STAGE_EXEC, /* as env(1): 127 for ENOENT, 126 for all else */
	JOB_NR_STAGES,
};

enum job_msg_type {
	/* From the guest. */
	JOB_HELLO = 1, /* first of all */
	JOB_STARTED, /* execve() has succeeded */
	JOB_EXITED, /* the last one */
	JOB_FAILED, /* the last one: the command has not run */
	/* To the guest. */
	JOB_SIGNAL, /* to the command's session */
	JOB_WINCH,
	JOB_STDIN_END,
	JOB_OUT_CLOSED,
	JOB_PING, /* while the command runs; answered by JOB_PONG */
	JOB_PONG, /* from the guest */
	JOB_MSG_TYPES_END,
};

struct job_exited {
	bool signaled; /* value is a signal, else a status */
	bool dumped_core;
	uint32_t value;
	/* Of the command and its children that it waited for. */
	uint64_t utime_us, stime_us, maxrss_kib;
	uint64_t minflt, majflt, inblock, oublock, nvcsw, nivcsw;
	/* What the ports of output have carried in all: to be waited for. */
	uint64_t stdout_bytes, stderr_bytes;
	/* Processes that the guest's kernel killed for want of memory. */
	uint64_t oom_kills;
};

#define JOB_TEXT_BYTES 256

struct job_failed {
	uint32_t stage; /* enum job_stage */
	uint32_t error; /* an errno of Linux, or 0 */
	char text[JOB_TEXT_BYTES]; /* what failed, without the error's words */
};

struct job_msg {
	uint32_t type;
	uint64_t at_us[JOB_NR_MOMENTS]; /* of HELLO to FAILED only */
	union {
		uint32_t version; /* JOB_HELLO */
		struct job_exited exited;
		struct job_failed failed;
		uint32_t signal;
		struct {
			uint16_t rows, cols;
		} winch;
		/* JOB_STDIN_END: it ends after so many bytes in all. */
		uint64_t stdin_bytes;
		/* JOB_OUT_CLOSED: nobody reads it any more; 1 or 2. */
		uint32_t stream;
	};
};

/* No message is longer. */
#define JOB_MSG_MAX 512

/* Bytes of buf that msg takes: at most JOB_MSG_MAX, which buf has. */
size_t job_msg_encode(const struct job_msg *msg, void *buf);
/*
 * Bytes of the message at the start of buf; 0: it is not complete yet; -EPROTO:
 * this is none.  Text is printable ASCII after decoding.
 */
int job_msg_decode(struct job_msg *msg, const void *buf, size_t len_bytes);

#endif
