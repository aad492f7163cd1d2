/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keeps the user's terminal safe.  On a tty a small parent process sets raw
 * mode, waits for the child that is the VMM, restores the terminal whatever
 * killed it (also kill -9 and a seccomp kill), forwards signals and returns
 * its status.
 */
#ifndef WHERRY_TTY_H
#define WHERRY_TTY_H

/*
 * If stdin is a terminal: forks; the child returns 0 and goes on as the VMM
 * with the terminal in raw mode (output processing kept); the parent never
 * returns to the caller's work: it returns 1 with *status set to the exit
 * status to give.  If stdin is no terminal: returns 0 at once, no fork.
 * The child dies when the parent does (PDEATHSIG).  -errno logged.
 */
int tty_guard(int *status);

#endif
