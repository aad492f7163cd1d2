/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keeps the user's terminal safe.  On a tty a small parent process sets raw
 * mode, waits for the child that is the VMM, restores the terminal whatever
 * killed it (also kill -9 and a seccomp kill), forwards signals and returns
 * its status.  The child is in a session of its own: whatever the terminal or
 * the shell sends to the job reaches it once, through the parent.
 */
#ifndef WHERRY_TTY_H
#define WHERRY_TTY_H

#include "sandbox.h"

/*
 * If stdin is a terminal: forks; the child returns 0 and goes on as the VMM
 * with the terminal in raw mode (output processing kept); the parent confines
 * itself by mode and never returns to the caller's work: it returns 1 with
 * *status set to the exit status to give: the child's own; 128 + n when signal
 * n killed it that was forwarded to it; else *status stays as it was, that of a
 * failure, and the signal is named on stderr.  If stdin is no terminal: returns 0 at once, no fork.
 * The child dies when the parent does (PDEATHSIG).  -errno logged.
 *
 * Called before there are threads.  In the background of a job-control shell
 * it stops, as any program does that sets the terminal's mode.
 */
int tty_guard(enum sandbox_mode mode, int *status);

#endif
