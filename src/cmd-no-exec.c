// SPDX-License-Identifier: BSD-2-Clause
/*
 * cmd-no-exec - wherry exec of a build that has left it out.
 */
#include "cmd.h"

#include "log.h"

int cmd_exec(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	log_err("exec: this wherry was built without it; build it with "
		"libkmod, liblzma, libzstd and libfuse3");
	return 125;
}
