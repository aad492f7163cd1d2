// SPDX-License-Identifier: BSD-2-Clause
/*
 * pairs - reaches for a device as the CPU cannot describe it to a hypervisor:
 * by a pair of registers, and by a base that moves on.  Says what each of them
 * led to.  Arm only.
 *
 *	pairs ADDR	ADDR is of a device's register, in /dev/mem
 */
#include <err.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define PAGE 4096UL

static sigjmp_buf back;

static void on_bus_error(int sig)
{
	siglongjmp(back, sig);
}

static void load_pair(volatile uint32_t *at)
{
	uint32_t a, b;

	__asm__ volatile("ldp %w0, %w1, [%2]"
			 : "=&r"(a), "=&r"(b)
			 : "r"(at)
			 : "memory");
}

static void store_pair(volatile uint32_t *at)
{
	__asm__ volatile("stp wzr, wzr, [%0]" : : "r"(at) : "memory");
}

static void load_and_move(volatile uint32_t *at)
{
	uint32_t a;

	__asm__ volatile("ldr %w0, [%1], #4" : "=&r"(a), "+r"(at) : : "memory");
}

static void attempt(const char *what, void (*fn)(volatile uint32_t *at),
		    volatile uint32_t *at)
{
	if (sigsetjmp(back, 1) == 0) {
		fn(at);
		printf("%s went\n", what);
	} else {
		printf("%s SIGBUS\n", what);
	}
}

int main(int argc, char **argv)
{
	uint64_t addr = argc == 2 ? strtoull(argv[1], NULL, 0) : 0;
	int fd = open("/dev/mem", O_RDWR | O_SYNC);
	char *page;

	if (!addr || fd < 0)
		errx(1, "see the head of pairs.c");
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    (off_t)(addr & ~(PAGE - 1)));
	if (page == MAP_FAILED)
		err(1, "mmap");
	signal(SIGBUS, on_bus_error);
	volatile uint32_t *at = (uint32_t *)(page + addr % PAGE);

	printf("plain %08x\n", *at);
	attempt("load-pair", load_pair, at);
	attempt("store-pair", store_pair, at);
	attempt("load-and-move", load_and_move, at);
	printf("plain %08x\n", *at);
	return 0;
}
