// SPDX-License-Identifier: BSD-2-Clause
/*
 * init - process 1 of a guest of `wherry exec`: from the kernel's first program to
 * the report.  Owns the order of things, and how they end.
 */
#include "firmware/init.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "util.h"

struct init {
	struct job job;
	int ports[NR_PORTS];
	int log; /* the kernel's, opened while /dev is ours */
	struct job_msg msg; /* of which the moments stay */
	char refused[JOB_TEXT_BYTES / 2]; /* modules: " a.ko b.ko" */
};

/* Microseconds since the kernel started. */
static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void reached(struct init *in, enum job_moment moment)
{
	in->msg.at_us[moment] = now_us();
}

static void report(struct init *in, enum job_msg_type type)
{
	in->msg.type = type;
	if (in->ports[PORT_CONTROL] >= 0)
		port_send(in->ports[PORT_CONTROL], &in->msg);
}

static _Noreturn void power_off(void)
{
	for (;;) {
		reboot(RB_POWER_OFF);
		pause();
	}
}

/*
 * The host stops the machine when it has the report, and whoever reads the
 * command's output has it all: however slow that one is.
 */
static _Noreturn void finish(struct init *in)
{
	struct pollfd p = { .fd = in->ports[PORT_CONTROL] };

	while (p.fd >= 0 && !(p.revents & (POLLHUP | POLLERR)))
		poll(&p, 1, -1);
	power_off();
}

static _Noreturn void fail(struct init *in, const struct job_failed *why)
{
	char line[JOB_TEXT_BYTES + 128];
	int n;

	/* One write is one record of the log. */
	n = snprintf(line, sizeof(line), "<3>wherry-init: %s: %s\n", why->text,
		     strerror((int)why->error));
	if (n > 0) /* there is nowhere else to say it */
		(void)!write(in->log, line, (size_t)n);
	in->msg.failed = *why;
	report(in, JOB_FAILED);
	finish(in);
}

static int read_job(struct init *in, struct job_failed *why)
{
	char *buf;
	size_t len;
	int r = read_file(JOB_FILE, JOB_MAX_BYTES, &buf, &len);

	if (r)
		return why_not(why, JOB_STAGE_SETUP, -r, JOB_FILE);
	r = job_decode(&in->job, buf, len);
	free(buf);
	return r ? why_not(why, JOB_STAGE_SETUP, -r, JOB_FILE) : 0;
}

/*
 * Where there is neither a clock of KVM's nor one of the machine's, or no driver for
 * it, the guest begins in the year 1970, and all files are of its future.  With one
 * of whole seconds they may be by half of one.
 */
static void set_clock(const struct job *job)
{
	uint64_t us = job->made_us + now_us();
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	if ((uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000 >= us)
		return;
	t.tv_sec = (time_t)(us / 1000000);
	t.tv_nsec = (long)(us % 1000000) * 1000;
	clock_settime(CLOCK_REALTIME, &t);
}

/* What does not fit is not named. */
static void note_refused(struct init *in, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t len = strlen(in->refused);

	snprintf(in->refused + len, sizeof(in->refused) - len, " %s",
		 slash ? slash + 1 : path);
}

static int load_modules(struct init *in, struct job_failed *why)
{
	for (char **m = in->job.modules; m && *m; m++) {
		int fd = open(*m, O_RDONLY | O_CLOEXEC);
		long r = fd < 0 ? -1 : syscall(SYS_finit_module, fd, "", 0);

		if (r && errno != EEXIST && errno != ENODEV)
			return why_not(why, JOB_STAGE_MODULES, errno,
				       "cannot load %s", *m);
		/* Of several that do the same some find no such CPU: whether
		 * anything is amiss the mounts tell. */
		if (r && errno == ENODEV)
			note_refused(in, *m);
		close(fd);
		unlink(*m); /* it is memory */
	}
	return 0;
}

/* Kernels without a network have none to bring up. */
static void loopback_up(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	ioctl(fd, SIOCSIFFLAGS, &lo);
	close(fd);
}

static int prepare(struct init *in, struct job_failed *why)
{
	const char *host;

	if (mount_early(why))
		return -1;
	in->log = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	if (read_job(in, why))
		return -1;
	set_clock(&in->job);
	if (load_modules(in, why))
		return -1;
	reached(in, JOB_AT_MODULES);
	ports_open(in->ports, &in->job);
	reached(in, JOB_AT_PORTS);
	in->msg.version = JOB_VERSION;
	report(in, JOB_HELLO);
	if (mount_root(&in->job, why) || mount_rest(&in->job, why)) {
		why_also(why, in->refused);
		return -1;
	}
	host = in->job.hostname;
	if (host && *host && sethostname(host, strlen(host)))
		return why_not(why, JOB_STAGE_SETUP, errno,
			       "cannot set the host name %s", host);
	loopback_up();
	reached(in, JOB_AT_ROOT);
	return 0;
}

int main(void)
{
	struct init in = { .ports = { -1, -1, -1, -1 }, .log = -1 };
	struct job_failed why = { 0 };
	struct command command;
	struct relay_end end;

	reached(&in, JOB_AT_INIT);
	/* A command that closes its standard input is no end of ours. */
	signal(SIGPIPE, SIG_IGN);
	if (prepare(&in, &why) || command_start(&command, &in.job, &why))
		fail(&in, &why);
	reached(&in, JOB_AT_START);
	report(&in, JOB_STARTED);
	if (relay_run(&command, in.ports, &end))
		power_off();
	in.msg.exited = exited_of(&end);
	sync();
	reached(&in, JOB_AT_END);
	report(&in, JOB_EXITED);
	finish(&in);
}
