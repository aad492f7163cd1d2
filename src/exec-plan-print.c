// SPDX-License-Identifier: BSD-2-Clause
/*
 * exec-plan-print - a plan in words, for --dry-run. Owns nothing.
 */
#include "exec-plan.h"

#include <stdio.h>
#include <string.h>

#include "util.h"

/* As a shell takes it, and a terminal stands it. */
static void print_word(FILE *out, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789%+,-./:=@_";
	size_t n;

	if (*word && !word[strspn(word, plain)]) {
		fputs(word, out);
		return;
	}
	fputs("$'", out);
	for (; *word; word += MAX(n, 1)) {
		n = printable_bytes(word, strlen(word));
		if (!n)
			fprintf(out, "\\%03o", (unsigned char)*word);
		else if (*word == '\'' || *word == '\\')
			fprintf(out, "\\%c", *word);
		else
			fwrite(word, 1, n, out);
	}
	fputc('\'', out);
}

static void print_line(FILE *out, const char *what, const char *word,
		       const char *rest)
{
	fprintf(out, "%-8s ", what);
	print_word(out, word);
	fprintf(out, "%s\n", rest);
}

static void print_devices(FILE *out, const struct run_config *run)
{
	for (unsigned int i = 0; i < run->nr_devices; i++)
		print_line(out, "device", run->devices[i].spec, "");
	for (unsigned int i = 0; i < run->nr_disks; i++)
		print_line(out, "disk", run->disks[i].spec,
			   run->disks[i].read_only ? ",ro" : "");
	for (unsigned int i = 0; i < run->nr_shares; i++) {
		const struct share_config *share = &run->shares[i];

		fprintf(out, "share    ");
		print_word(out, share->path);
		fprintf(out, ",tag=%s%s\n", share->tag,
			share->read_only ? ",ro" : "");
	}
}

void exec_plan_print(const struct exec_plan *p, FILE *out)
{
	const struct run_config *run = &p->cfg->run;

	print_line(out, "kernel", run->kernel, "");
	fprintf(out, "version  %s\nmodules ", p->kernel.version);
	for (size_t i = 0; i < p->modules.nr; i++)
		fprintf(out, " %s", p->modules.list[i].name);
	fprintf(out, "%s\nappend   %s\ncpus     %u\nmemory   %lluM\n",
		p->modules.nr ? "" : " none", run->append, run->cpus.nr,
		(unsigned long long)(run->memory.bytes >> 20));
	print_devices(out, run);
	print_line(out, "user", p->job.user, "");
	print_line(out, "cwd", p->job.cwd, "");
	fprintf(out, "command ");
	for (char **arg = p->job.argv; *arg; arg++) {
		fputc(' ', out);
		print_word(out, *arg);
	}
	fputc('\n', out);
}
