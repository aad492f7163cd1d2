// SPDX-License-Identifier: BSD-2-Clause
/* init-image - the guest's init, as it was linked, in wherry's own binary. */
#include "guest-init.h"

/* By the assembler: an array of that length would be slow to compile. */
__asm__(".section .rodata\n"
	".balign 16\n"
	".globl guest_init_start, guest_init_end\n"
	"guest_init_start:\n"
	".incbin \"firmware/init\"\n"
	"guest_init_end:\n"
	".previous\n");
