/* SPDX-License-Identifier: BSD-2-Clause */
/* The program that is /init of every guest of `wherry exec`: an ELF file. */
#ifndef WHERRY_GUEST_INIT_H
#define WHERRY_GUEST_INIT_H

extern const unsigned char guest_init_start[], guest_init_end[];

#endif
