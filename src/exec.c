// SPDX-License-Identifier: BSD-2-Clause
/*
 * exec - one run of a command: plans it, builds the machine, and says in a line why
 * it ended where that was not the command's own doing.
 */
#include "exec.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exec-plan.h"
#include "exec-session.h"
#include "log.h"
#include "machine.h"
#include "tty.h"
#include "util.h"

/* Kernels of distributions, with an initramfs, want more. */
#define SCANT_MEMORY MIB(128)

static void set(struct exec_result *out, int status, const char *reason)
{
	out->status = status;
	out->reason = reason;
}

static void command_ended(const struct exec_session *s, struct exec_result *out)
{
	const struct job_exited *job = &s->last.exited;

	out->exited = true;
	out->job = *job;
	if (!job->signaled) {
		set(out, (int)(job->value & 0xff), "exited");
		if (job->oom_kills)
			log_notice("the guest's kernel killed %llu processes "
				   "for want of memory; give it more --memory",
				   (unsigned long long)job->oom_kills);
	} else if (job->value == SIGKILL && job->oom_kills) {
		log_err("the guest has run out of memory, and its kernel has "
			"killed the command; give it more --memory");
		set(out, EXEC_OUT_OF_MEMORY, "out-of-memory");
	} else {
		set(out, 128 + (int)(job->value & 0x7f), "signal");
	}
	if (s->lost)
		set(out, EXEC_FAILED, "output-lost");
	else if (s->lost_input)
		set(out, EXEC_FAILED, "input-lost");
}

static void command_failed(const struct exec_session *s,
			   struct exec_result *out)
{
	const struct job_failed *f = &s->last.failed;
	/* Of a kernel that tells what it has, modules.c has said it. */
	bool lacks = f->stage == JOB_STAGE_ROOT && f->error == ENODEV;

	log_err("%s%s%s%s%s",
		f->stage == JOB_STAGE_EXEC ? "" : "guest: ", f->text,
		f->error ? ": " : "", f->error ? strerror((int)f->error) : "",
		lacks ? "; its kernel has no such file system: see "
			"wherry-exec(1) for what it needs" :
			"");
	if (f->stage != JOB_STAGE_EXEC)
		set(out, EXEC_FAILED, "guest-setup");
	else if (f->error == ENOENT)
		set(out, EXEC_NOT_FOUND, "not-found");
	else
		set(out, EXEC_CANNOT_RUN, "cannot-run");
}

/* The guest is gone, and its init has reported nothing. A kernel that has no room
 * for itself may say nothing either. */
static void guest_ended(const struct exec_config *cfg, struct exec_session *s,
			const char *how, struct exec_result *out)
{
	const char *panic = exec_log_panic(&s->log);
	bool scant = !s->started && cfg->run.memory.bytes < SCANT_MEMORY;

	exec_log_print(&s->log);
	log_err("the guest ended %s: %.*s%s",
		s->started ? "before the command did" :
			     "before it could run the command",
		panic ? (int)strcspn(panic, "\n") : (int)strlen(how),
		panic ? panic : how,
		scant ? "; perhaps it wants more --memory" : "");
	set(out, s->started ? EXEC_CRASHED : EXEC_BOOT_FAILED,
	    s->started ? "crashed" : "boot-failed");
}

/* The number of a signal that came before anybody waited for one. */
static int pending_signal(void)
{
	sigset_t set;

	if (!sigpending(&set))
		for (int sig = 1; sig < NSIG; sig++)
			if (sigismember(&set, sig) == 1 && sig != SIGCHLD &&
			    sig != SIGWINCH)
				return sig;
	return SIGTERM;
}

static void judge(const struct exec_config *cfg, struct exec_session *s,
		  const struct machine_result *end, struct exec_result *out)
{
	exec_log_drain(&s->log);
	if (end->end == END_POWEROFF && s->report == JOB_EXITED) {
		command_ended(s, out);
	} else if (end->end == END_POWEROFF && s->report == JOB_FAILED) {
		command_failed(s, out);
	} else if (end->end == END_TIMEOUT) {
		set(out, EXEC_TIMEOUT, "timeout");
	} else if (end->end == END_KILLED || !strcmp(end->reason, "signal")) {
		int sig = end->signal		 ? end->signal :
			  end->end == END_KILLED ? SIGINT :
						   pending_signal();

		set(out, 128 + sig, "interrupted");
	} else if (s->hung) {
		exec_log_print(&s->log);
		log_err("the guest hangs: nothing was heard of it for "
			"--watchdog%s",
			s->hello ? "" :
				   "; its kernel needs more time, or what "
				   "wherry-exec(1) lists");
		set(out, EXEC_HANG, "hang");
	} else if (end->end == END_FAILED) {
		exec_log_print(&s->log);
		if (s->broken)
			log_err("the guest's init speaks another language, or "
				"something else uses its port");
		set(out, EXEC_FAILED, s->broken ? "protocol" : end->reason);
	} else {
		guest_ended(cfg, s,
			    end->end == END_CRASHED ? "it crashed" :
						      "it powered off or "
						      "restarted",
			    out);
	}
}

static void run_machine(const struct exec_config *cfg, struct exec_session *s,
			struct exec_result *out)
{
	struct machine_result end = { END_FAILED, "failed", 0 };
	struct machine *m = NULL;
	int r = machine_create_session(&m, &cfg->run, &s->machine, s->stats);

	if (r) {
		set(out, r == -EINTR ? 128 + pending_signal() : EXEC_FAILED,
		    r == -EINTR ? "interrupted" : "start-failed");
		return;
	}
	r = machine_run(m, &end);
	if (r)
		end.end = END_FAILED;
	judge(cfg, s, &end, out);
	stats_stage(s->stats, "ended", NULL);
	if (machine_write_stats(m) && !out->status)
		set(out, EXEC_FAILED, "stats");
	if (s->loop)
		loop_timer_fini(s->loop, &s->patience);
	machine_destroy(m);
}

static void run_plan(const struct exec_config *cfg, struct exec_plan *plan,
		     struct exec_session *s, struct exec_result *out)
{
	bool tty = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	int r = tty ? tty_guard(cfg->run.sandbox, &out->status) : 0;

	if (r > 0) {
		out->reason = NULL; /* the child has reported */
		return;
	}
	if (!r)
		r = exec_log_init(&s->log, cfg->guest_log, cfg->verbose,
				  &s->machine.console_fd);
	if (!r)
		r = exec_session_init(s, &plan->job, tty, s->stats);
	if (!r) {
		s->machine.initrd_fd = exec_plan_initramfs(plan);
		r = s->machine.initrd_fd < 0 ? s->machine.initrd_fd : 0;
		stats_stage(s->stats, "initramfs", NULL);
	}
	if (!r)
		run_machine(cfg, s, out);
}

void exec_run(struct exec_config *cfg, struct stats *stats,
	      struct exec_result *out)
{
	struct exec_session *s = calloc(1, sizeof(*s));
	struct exec_plan plan;
	int r;

	*out = (struct exec_result){ .status = EXEC_FAILED,
				     .reason = "start-failed" };
	if (!s) {
		log_err("exec: out of memory");
		return;
	}
	s->stats = stats;
	s->watchdog_ms = MAX(cfg->watchdog_ms, cfg->watchdog_ms ? 2 : 0);
	s->control = s->log.in = s->log.file.fd = -1;
	s->machine.initrd_fd = -1;
	r = exec_plan_init(&plan, cfg);
	stats_stage(stats, "plan", NULL);
	if (!r && cfg->dry_run) {
		exec_plan_print(&plan, stdout);
		set(out, 0, "dry-run");
	} else if (!r) {
		run_plan(cfg, &plan, s, out);
	}
	exec_plan_fini(&plan);
	exec_session_fini(s);
	free(s);
}
