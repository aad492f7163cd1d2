// SPDX-License-Identifier: BSD-2-Clause
/*
 * cmd-run - wherry run: parse, guard the terminal, build, run, report. What a
 * machine is made of is machine.c's business.
 */
#include "cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "config.h"
#include "fd.h"
#include "json.h"
#include "log.h"
#include "machine.h"
#include "stats.h"
#include "tty.h"
#include "util.h"

static uint64_t timeval_us(const struct timeval *tv)
{
	return (uint64_t)tv->tv_sec * 1000000 + (uint64_t)tv->tv_usec;
}

static void write_rusage(struct json *j)
{
	struct rusage ru = { 0 };

	getrusage(RUSAGE_SELF, &ru);
	json_object(j, "rusage");
	json_u64(j, "user_us", timeval_us(&ru.ru_utime));
	json_u64(j, "system_us", timeval_us(&ru.ru_stime));
	json_u64(j, "maxrss_bytes", KIB(ru.ru_maxrss));
	json_object_end(j);
}

/* fd was opened at the start: nothing can be opened once confined. */
static int write_result(int fd, const struct run_config *cfg,
			const char *reason, int status)
{
	char *text cleanup_free = NULL;
	struct json j;
	size_t len;
	FILE *f;
	int r;

	if (fd < 0)
		return 0;

	/* In memory first: a stream on fd would want fstat(). */
	f = open_memstream(&text, &len);
	if (!f) {
		r = -errno;
		goto err;
	}
	json_init(&j, f);
	json_object(&j, NULL);
	json_str(&j, "name", cfg->name);
	json_str(&j, "reason", reason);
	json_i64(&j, "status", status);
	write_rusage(&j);
	json_object_end(&j);
	r = fclose(f) ? -errno : fd_write_all(fd, text, len);
	if (!r)
		return 0;
err:
	log_err("%s: writing the result: %s", cfg->result_path, strerror(-r));
	return r;
}

static int open_result(const struct run_config *cfg, int *fd)
{
	int r;

	if (!cfg->result_path)
		return 0;
	*fd = open(cfg->result_path,
		   O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
	if (*fd >= 0)
		return 0;
	r = -errno;
	log_err("%s: creating the file of --result: %s", cfg->result_path,
		strerror(-r));
	return r;
}

/* Builds a machine and runs it to its end. Returns the exit status. */
static int run_machine(const struct run_config *cfg, struct stats *stats,
		       const char **reason)
{
	struct machine_result result = { END_FAILED, "failed" };
	struct machine *m = NULL;
	int r;

	r = machine_create(&m, cfg, stats);
	*reason = r == -EINTR ? "signal" : "start-failed";
	if (r)
		return r == -EINTR ? STATUS_OK : STATUS_FAILED;

	r = machine_run(m, &result);
	*reason = r ? "failed" : result.reason;
	if (machine_write_stats(m) && result.end == END_POWEROFF)
		r = -EIO; /* logged; what was asked for is not there */
	machine_destroy(m);
	return r ? STATUS_FAILED : (int)result.end;
}

static int run_config(const struct run_config *cfg, struct stats *stats)
{
	int result_fd cleanup_fd = -1;
	const char *reason = "start-failed";
	int status = STATUS_FAILED;
	int r;

	if (open_result(cfg, &result_fd))
		return STATUS_FAILED;

	r = cfg->console.kind == CONSOLE_STDIO ?
		    tty_guard(cfg->sandbox, &status) :
		    0;
	if (r > 0)
		return status; /* the parent; the child has reported */
	if (!r)
		status = run_machine(cfg, stats, &reason);

	if (write_result(result_fd, cfg, reason, status) && !status)
		status = STATUS_FAILED;
	return status;
}

int cmd_run(int argc, char **argv)
{
	struct run_config *cfg = NULL;
	struct stats stats;
	int status;
	int r;

	stats_init(&stats);
	r = config_parse_run(&cfg, argc, argv);
	if (r)
		return cmd_answer("run", r);

	status = run_config(cfg, &stats);
	config_destroy(cfg);
	return status;
}
