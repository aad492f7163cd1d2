// SPDX-License-Identifier: BSD-2-Clause
/*
 * main - picks the subcommand. Owns the exit status of the process; does
 * nothing itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "log.h"

/* "wherry --help" and its like are commands under another name. */
static const char *command_name(const char *arg)
{
	if (!strcmp(arg, "--help") || !strcmp(arg, "-h"))
		return "help";
	if (!strcmp(arg, "--version") || !strcmp(arg, "-V"))
		return "version";
	return arg;
}

/*
 * A file that is opened later must not become the standard error output, or
 * messages would be written into it. What was closed stays unreadable, and
 * unwritable.
 */
static int fill_standard_streams(void)
{
	int fd = open("/dev/null", O_WRONLY | O_NOCTTY);

	if (fd > STDIN_FILENO)
		close(fd);
	do {
		fd = open("/dev/null", O_RDONLY | O_NOCTTY);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int run_command(int argc, char **argv)
{
	const struct command *command;

	if (argc < 2) {
		log_err("no command given; see 'wherry help'");
		return STATUS_USAGE;
	}
	command = command_find(command_name(argv[1]));
	if (!command)
		return STATUS_USAGE;
	return command->run(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	int status;

	/* One heap for all threads: to give back memory of another, the C
	 * library reads a file of /proc, which confined threads may not. */
	(void)mallopt(M_ARENA_MAX, 1);
	if (fill_standard_streams()) {
		log_err("/dev/null: %s", strerror(errno));
		exit(STATUS_FAILED);
	}
	/* Of a file that may not grow any further who writes it tells. */
	(void)signal(SIGXFSZ, SIG_IGN);
	status = run_command(argc, argv);

	/* What did not reach a full disk or a closed pipe was not done. */
	if (fflush(stdout) || ferror(stdout)) {
		log_err("standard output: %s", strerror(errno));
		if (status == STATUS_OK)
			status = STATUS_FAILED;
	}
	exit(status);
}
