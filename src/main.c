// SPDX-License-Identifier: BSD-2-Clause
/*
 * main - picks the subcommand. Owns the exit status of the process; does
 * nothing itself.
 */
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "version")) {
		puts("wherry " PACKAGE_VERSION);
		return 0;
	}

	fputs("usage: wherry COMMAND [ARG...]\n", stderr);
	return 2;
}
