// SPDX-License-Identifier: BSD-2-Clause
/* init-report - what is said to the host, and how it gets there. */
#include "firmware/init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"

#define MAX_VMSTAT KIB(64)
#define MAX_RECORD KIB(8) /* of the kernel's log */
#define FROM_KERNEL 8 /* below it; programs may write others */

int why_not(struct job_failed *why, enum job_stage stage, int error,
	    const char *fmt, ...)
{
	va_list ap;

	why->stage = stage;
	why->error = (uint32_t)error;
	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return -1;
}

void why_also(struct job_failed *why, const char *modules)
{
	size_t len = strlen(why->text);

	if (*modules)
		snprintf(why->text + len, sizeof(why->text) - len,
			 " (the kernel has refused%s)", modules);
}

/* "3,409,1722,-;Out of memory: Killed process 40 (x) ...": by the kernel's log. */
static uint64_t oom_kills_logged(void)
{
	char *record = malloc(MAX_RECORD);
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	uint64_t n = 0;
	ssize_t len;

	while (record && fd >= 0) {
		len = read(fd, record, MAX_RECORD - 1);
		if (len < 0 && errno == EPIPE) /* older ones are gone */
			continue;
		if (len <= 0)
			break;
		record[len] = '\0';
		n += strtoul(record, NULL, 10) < FROM_KERNEL &&
		     strstr(record, "ut of memory: Killed process ");
	}
	if (fd >= 0)
		close(fd);
	free(record);
	return n;
}

/* Kernels may be without counters. */
static uint64_t oom_kills(void)
{
	static const char name[] = "\noom_kill ";
	uint64_t n;
	char *text, *at;

	if (read_file("/proc/vmstat", MAX_VMSTAT, &text, NULL))
		return oom_kills_logged();
	at = strstr(text, name);
	n = at ? strtoull(at + strlen(name), NULL, 10) : oom_kills_logged();
	free(text);
	return n;
}

static uint64_t us_of(const struct timeval *t)
{
	return (uint64_t)t->tv_sec * 1000000 + (uint64_t)t->tv_usec;
}

struct job_exited exited_of(const struct relay_end *end)
{
	const struct rusage *u = &end->usage;
	bool signaled = WIFSIGNALED(end->status);

	return (struct job_exited){
		.signaled = signaled,
		.dumped_core = signaled && WCOREDUMP(end->status),
		.value = (uint32_t)(signaled ? WTERMSIG(end->status) :
					       WEXITSTATUS(end->status)),
		.utime_us = us_of(&u->ru_utime),
		.stime_us = us_of(&u->ru_stime),
		.maxrss_kib = (uint64_t)u->ru_maxrss,
		.minflt = (uint64_t)u->ru_minflt,
		.majflt = (uint64_t)u->ru_majflt,
		.inblock = (uint64_t)u->ru_inblock,
		.oublock = (uint64_t)u->ru_oublock,
		.nvcsw = (uint64_t)u->ru_nvcsw,
		.nivcsw = (uint64_t)u->ru_nivcsw,
		.stdout_bytes = end->out_bytes,
		.stderr_bytes = end->err_bytes,
		.oom_kills = oom_kills(),
	};
}

void port_send(int control, const struct job_msg *msg)
{
	struct pollfd p = { .fd = control, .events = POLLOUT };
	uint8_t buf[JOB_MSG_MAX];
	size_t len = job_msg_encode(msg, buf), done = 0;

	while (done < len) {
		ssize_t n = write(control, buf + done, len - done);

		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno == EAGAIN)
			poll(&p, 1, -1);
		else if (n < 0 && errno != EINTR)
			return;
		if (p.revents & POLLHUP)
			return;
	}
}
