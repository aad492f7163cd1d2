// SPDX-License-Identifier: BSD-2-Clause
/*
 * disintx - an edu device (1234:11e8) on uio_pci_generic, which masks by
 * DisINTx at each interrupt: disintx UIO N. UIO is its name below
 * /sys/class/uio and /dev. Counts N interrupts, each awaited, and sees to it
 * that none comes while DisINTx is set and that it then comes at last.
 */
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define COMMAND 4
#define DISINTX 0x400
#define RAISE (0x60 / 4)
#define ACK (0x64 / 4)

static int config, uio;
static volatile uint32_t *regs;

static int open_file(const char *format, const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), format, name);
	fd = open(path, O_RDWR);
	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

static uint16_t command(void)
{
	uint16_t val;

	if (pread(config, &val, 2, COMMAND) != 2)
		err(1, "config");
	return val;
}

static void unmask(void)
{
	uint16_t val = command() & ~DISINTX;

	if (pwrite(config, &val, 2, COMMAND) != 2)
		err(1, "config");
}

static int comes(int ms)
{
	struct pollfd p = { .fd = uio, .events = POLLIN };
	uint32_t count;

	return poll(&p, 1, ms) == 1 && read(uio, &count, 4) == 4;
}

int main(int argc, char **argv)
{
	int n = argc == 3 ? atoi(argv[2]) : 0, fd;

	if (n < 1)
		errx(1, "usage: disintx UIO N");
	uio = open_file("/dev/%s", argv[1]);
	config = open_file("/sys/class/uio/%s/device/config", argv[1]);
	fd = open_file("/sys/class/uio/%s/device/resource0", argv[1]);
	regs = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (regs == MAP_FAILED)
		err(1, "resource0");
	for (int i = 0; i < n; i++) {
		unmask();
		regs[RAISE] = 1;
		if (!comes(10000))
			errx(1, "interrupt %d does not come", i);
		if (!(command() & DISINTX))
			errx(1, "it has not been masked");
		/* It is still raised: masked it stays away, then comes. */
		if (i % 16 == 0 && comes(50))
			errx(1, "it comes though DisINTx is set");
		if (i % 4 == 0) {
			unmask();
			if (!comes(10000))
				errx(1, "a level that stayed does not come");
		}
		regs[ACK] = 1;
	}
	unmask();
	if (comes(50))
		errx(1, "it comes though nothing is raised");
	printf("disintx works\n");
	return 0;
}
