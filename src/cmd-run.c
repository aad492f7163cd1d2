// SPDX-License-Identifier: BSD-2-Clause
/*
 * cmd-run - wherry run: parse, guard the terminal, build, run, report. What a
 * machine is made of is machine.c's business.
 */
#include "cmd.h"

#include <errno.h>

#include "config.h"
#include "fd.h"
#include "machine.h"
#include "result.h"
#include "stats.h"
#include "tty.h"

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
	struct result result;
	int status = STATUS_FAILED;
	int r;

	if (result_open(cfg->result_path, &result_fd))
		return STATUS_FAILED;
	if (result_check(result_fd, "--stats", cfg->stats_path))
		return STATUS_USAGE;

	r = cfg->console.kind == CONSOLE_STDIO ?
		    tty_guard(cfg->sandbox, &status) :
		    0;
	if (r > 0)
		return status; /* the parent; the child has reported */
	if (!r)
		status = run_machine(cfg, stats, &reason);

	result = (struct result){ cfg->name, reason, status };
	if (result_write(result_fd, cfg->result_path, &result, NULL, NULL) &&
	    !status)
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
