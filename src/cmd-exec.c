// SPDX-License-Identifier: BSD-2-Clause
/*
 * cmd-exec - wherry exec: parse, run once or many times, report. What a run is, is
 * exec.c's.
 */
#include "cmd.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config-exec.h"
#include "exec.h"
#include "fd.h"
#include "json.h"
#include "log.h"
#include "result.h"
#include "stats.h"
#include "util.h"

/* What the command has used, by the guest's account. */
static void write_command(struct json *j, const void *opaque)
{
	const struct exec_result *res = opaque;
	const struct job_exited *job = &res->job;

	if (!res->exited)
		return;
	json_object(j, "command");
	json_u64(j, job->signaled ? "signal" : "status", job->value);
	json_bool(j, "dumped_core", job->dumped_core);
	json_u64(j, "user_us", job->utime_us);
	json_u64(j, "system_us", job->stime_us);
	json_u64(j, "maxrss_bytes", KIB(job->maxrss_kib));
	json_u64(j, "minor_faults", job->minflt);
	json_u64(j, "major_faults", job->majflt);
	json_u64(j, "blocks_in", job->inblock);
	json_u64(j, "blocks_out", job->oublock);
	json_u64(j, "voluntary_switches", job->nvcsw);
	json_u64(j, "involuntary_switches", job->nivcsw);
	json_u64(j, "oom_kills", job->oom_kills);
	json_object_end(j);
}

/* *told: something from outside has ended it. */
static int run_once(struct exec_config *cfg, struct stats *stats, bool *told)
{
	int fd cleanup_fd = -1;
	struct exec_result res;
	struct result result;

	if (result_open(cfg->run.result_path, &fd))
		return EXEC_FAILED;
	if (result_check(fd, "--stats", cfg->run.stats_path) ||
	    result_check(fd, "--guest-log", cfg->guest_log))
		return STATUS_USAGE;
	exec_run(cfg, stats, &res);
	if (!res.reason)
		return res.status;
	*told = !strcmp(res.reason, "interrupted");
	result = (struct result){ cfg->run.name, res.reason, res.status };
	if (result_write(fd, cfg->run.result_path, &result, write_command,
			 &res) &&
	    !res.status)
		return EXEC_FAILED;
	return res.status;
}

/* In a process of its own, which ends when we do, orderly, for the terminal's
 * sake.  *told is shared with it. */
static int run_apart(struct exec_config *cfg, bool *told)
{
	pid_t parent = getpid(), pid = fork();
	struct stats stats;
	int status;

	if (!pid) {
		(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			_exit(EXEC_FAILED);
		stats_init(&stats);
		status = run_once(cfg, &stats, told);
		_exit(fflush(stdout) ? EXEC_FAILED : status);
	}
	if (pid < 0 || TEMP_FAILURE_RETRY(waitpid(pid, &status, 0)) != pid) {
		log_err("cannot start a process: %s", strerror(errno));
		return EXEC_FAILED;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void summarize(uint64_t *us, size_t nr, size_t failed, int first)
{
	char why[48] = "";
	uint64_t median;

	qsort(us, nr, sizeof(*us), compare);
	median = us[nr / 2];
	if (failed)
		snprintf(why, sizeof(why), " (the first with status %d)",
			 first);
	dprintf(STDERR_FILENO,
		"wherry: %zu runs, %zu failed%s; ms: %.1f least, %.1f median, "
		"%.1f most\n",
		nr, failed, why, (double)us[0] / 1000, (double)median / 1000,
		(double)us[nr - 1] / 1000);
}

/* The status is that of the first that failed. */
static int run_many(struct exec_config *cfg)
{
	uint64_t *us cleanup_free = calloc(cfg->repeat, sizeof(*us));
	bool *told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	size_t nr = 0, failed = 0;
	int first = 0;

	if (!us || told == MAP_FAILED) {
		log_err("--repeat: out of memory");
		return EXEC_FAILED;
	}
	/* What asked one to end means all. */
	while (nr < cfg->repeat && !*told) {
		uint64_t start = now_ns();
		int status = run_apart(cfg, told);

		us[nr++] = (now_ns() - start) / 1000;
		if (status && !failed++)
			first = status;
	}
	(void)munmap(told, sizeof(*told));
	summarize(us, nr, failed, first);
	return first;
}

int cmd_exec(int argc, char **argv)
{
	struct exec_config *cfg = NULL;
	struct stats stats;
	bool told = false;
	int status;
	int r;

	stats_init(&stats);
	r = config_parse_exec(&cfg, argc, argv);
	if (r) {
		status = cmd_answer("exec", r);
		return status == STATUS_FAILED ? EXEC_FAILED : status;
	}
	status = cfg->repeat > 1 && !cfg->dry_run ?
			 run_many(cfg) :
			 run_once(cfg, &stats, &told);
	config_destroy_exec(cfg);
	return status;
}
