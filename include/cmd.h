/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The subcommands.  Each takes its arguments from its own name on, returns
 * the exit status of the process and never calls exit().
 */
#ifndef WHERRY_CMD_H
#define WHERRY_CMD_H

#define STATUS_OK 0
#define STATUS_FAILED 1
#define STATUS_USAGE 2

int cmd_run(int argc, char **argv);
int cmd_exec(int argc, char **argv);
int cmd_devices(int argc, char **argv);
int cmd_bind(int argc, char **argv);
int cmd_unbind(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_help(int argc, char **argv);
int cmd_version(int argc, char **argv);

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary; /* for the list of commands */
	const char *usage; /* what --help prints */
	const char *page; /* of the manual, section 1 */
};

/* NULL, after an error with the nearest match, when there is none. */
const struct command *command_find(const char *name);

/*
 * What to do when options_parse() (or config_parse_run()) returned r != 0 for
 * command name: prints the usage text or the version to stdout when that was
 * asked for.  Returns the exit status.
 */
int cmd_answer(const char *name, int r);

#endif
