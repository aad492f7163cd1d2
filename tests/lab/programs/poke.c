// SPDX-License-Identifier: BSD-2-Clause
/*
 * poke - memory and PCI devices by hand, in a guest of the lab or on its host.
 * Addresses are physical; with -f FILE, offsets in FILE (a sysfs resourceN).
 *
 *	poke [-f FILE] fill ADDR LEN SEED	write a pattern
 *	poke [-f FILE] check ADDR LEN SEED	succeeds if it is there
 *	poke [-f FILE] read ADDR		32 bits, in hex
 *	poke port FILE OFFSET LEN	bytes of a port BAR, in hex
 *	poke bar BDF N			where BAR N is
 *	poke bar BDF N ADDR [high]	moves it; high: the upper half first
 *	poke command BDF SET CLEAR	bits of COMMAND
 *	poke toggle BDF COUNT		memory decode off and on; nanoseconds,
 *					of the fastest: others were disturbed
 *	poke moves BDF N ADDR COUNT	BAR N to ADDR and back; nanoseconds each
 *	poke sleep BDF			to D3hot and back, with its registers
 *	poke on-ram BDF N		BAR N over RAM: what is there stays
 *	poke dma BDF SEED ADDR		a pattern from RAM through the edu device
 *					BDF to any address on its bus
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096UL
#define COMMAND 4
#define COMMAND_MEMORY 2
#define BAR(n) (0x10 + 4 * (n))

#define EDU_SRC 0x80
#define EDU_DST 0x88
#define EDU_COUNT 0x90
#define EDU_CMD 0x98
#define EDU_START 1
#define EDU_TO_BUS 2
#define EDU_BUFFER 0x40000
#define EDU_BYTES 2048

static const char *file = "/dev/mem";

static uint64_t number(const char *s)
{
	char *end;
	uint64_t v = strtoull(s, &end, 0);

	if (*end || end == s)
		errx(2, "%s: no number", s);
	return v;
}

/* Uncached, as a device wants it, where file is /dev/mem. */
static volatile uint32_t *map(const char *path, uint64_t addr, uint64_t len)
{
	uint64_t base = addr & ~(PAGE - 1);
	int fd = open(path, O_RDWR | O_SYNC);
	char *p;

	if (fd < 0)
		err(1, "%s", path);
	p = mmap(NULL, len + (addr - base), PROT_READ | PROT_WRITE, MAP_SHARED,
		 fd, (off_t)base);
	if (p == MAP_FAILED)
		err(1, "%s: mmap 0x%llx", path, (unsigned long long)addr);
	close(fd);
	return (volatile uint32_t *)(p + (addr - base));
}

static uint32_t pattern(uint64_t i, uint64_t seed)
{
	return (uint32_t)((i + 1) * 2654435761u ^ seed * 40503u);
}

static void fill(volatile uint32_t *p, uint64_t len, uint64_t seed)
{
	for (uint64_t i = 0; i < len / 4; i++)
		p[i] = pattern(i, seed);
}

static void check(volatile uint32_t *p, uint64_t len, uint64_t seed)
{
	for (uint64_t i = 0; i < len / 4; i++) {
		uint32_t got = p[i];

		if (got != pattern(i, seed))
			errx(1, "at 0x%llx: 0x%08x, not 0x%08x",
			     (unsigned long long)i * 4, got, pattern(i, seed));
	}
}

static int open_config(const char *bdf)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", bdf);
	fd = open(path, O_RDWR);
	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

static uint32_t get(int fd, unsigned int off, unsigned int len)
{
	uint32_t v = 0;

	if (pread(fd, &v, len, off) != (ssize_t)len)
		err(1, "config read at 0x%x", off);
	return v;
}

static void set(int fd, unsigned int off, unsigned int len, uint32_t v)
{
	if (pwrite(fd, &v, len, off) != (ssize_t)len)
		err(1, "config write at 0x%x", off);
}

static int is_wide(int fd, unsigned int n)
{
	return (get(fd, BAR(n), 4) & 7) == 4;
}

static uint64_t bar_get(int fd, unsigned int n)
{
	uint32_t low = get(fd, BAR(n), 4);
	uint64_t addr = low & (low & 1 ? ~3u : ~15u);

	if (is_wide(fd, n))
		addr |= (uint64_t)get(fd, BAR(n + 1), 4) << 32;
	return addr;
}

static void bar_set(int fd, unsigned int n, uint64_t addr, int high_first)
{
	if (!is_wide(fd, n)) {
		set(fd, BAR(n), 4, (uint32_t)addr);
		return;
	}
	if (high_first)
		set(fd, BAR(n + 1), 4, (uint32_t)(addr >> 32));
	set(fd, BAR(n), 4, (uint32_t)addr);
	if (!high_first)
		set(fd, BAR(n + 1), 4, (uint32_t)(addr >> 32));
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void toggle(int fd, uint64_t count)
{
	uint16_t command = (uint16_t)get(fd, COMMAND, 2);
	uint64_t fastest = UINT64_MAX;

	for (uint64_t i = 0; i < count; i++) {
		uint64_t start = now_ns(), ns;

		set(fd, COMMAND, 2, command & ~COMMAND_MEMORY);
		set(fd, COMMAND, 2, command | COMMAND_MEMORY);
		ns = now_ns() - start;
		fastest = ns < fastest ? ns : fastest;
	}
	printf("%llu\n", (unsigned long long)fastest);
}

/* Each half of each way first in turn. */
static void moves(int fd, unsigned int n, uint64_t addr, uint64_t count)
{
	uint64_t home = bar_get(fd, n), start = now_ns();

	for (uint64_t i = 0; i < count; i++) {
		bar_set(fd, n, addr, i & 1);
		bar_set(fd, n, home, i >> 1 & 1);
	}
	printf("%llu\n",
	       (unsigned long long)((now_ns() - start) / (count ? count : 1)));
}

/* Registers that it may forget are written again, as a driver would. */
static void sleep_and_wake(int fd)
{
	uint32_t saved[16];
	unsigned int at = get(fd, 0x34, 1);

	while (at && get(fd, at, 1) != 1)
		at = get(fd, at + 1, 1);
	if (!at)
		errx(1, "it has no power management");
	for (unsigned int i = 1; i < 16; i++)
		saved[i] = get(fd, 4 * i, 4);
	set(fd, at + 4, 2, 3);
	usleep(20000);
	if ((get(fd, at + 4, 2) & 3) != 3)
		errx(1, "it does not fall asleep");
	set(fd, at + 4, 2, 0);
	usleep(20000);
	if (get(fd, at + 4, 2) & 3)
		errx(1, "it does not wake up");
	for (unsigned int i = 15; i > 0; i--)
		set(fd, 4 * i, 4, saved[i]);
}

static uint64_t physical(void *page)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry;

	if (fd < 0 ||
	    pread(fd, &entry, 8, (off_t)((uintptr_t)page / PAGE * 8)) != 8 ||
	    !(entry >> 63))
		err(1, "pagemap");
	close(fd);
	return (entry & ((1ULL << 55) - 1)) * PAGE;
}

static void *own_page(uint64_t seed)
{
	void *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);

	if (p == MAP_FAILED)
		err(1, "mmap");
	fill(p, PAGE, seed);
	return p;
}

static void on_ram(int fd, unsigned int n)
{
	uint64_t home = bar_get(fd, n);
	void *page = own_page(77);

	bar_set(fd, n, physical(page), 0);
	if (bar_get(fd, n) > physical(page))
		errx(1, "not on RAM: 0x%llx", (unsigned long long)home);
	check(page, PAGE, 77);
	fill(page, PAGE, 78);
	check(page, PAGE, 78);
	bar_set(fd, n, home, 0);
	check(page, PAGE, 78);
}

static void edu_copy(volatile uint32_t *regs, uint64_t src, uint64_t dst,
		     uint64_t cmd)
{
	volatile uint64_t *wide = (volatile uint64_t *)regs;

	wide[EDU_SRC / 8] = src;
	wide[EDU_DST / 8] = dst;
	wide[EDU_COUNT / 8] = EDU_BYTES;
	wide[EDU_CMD / 8] = cmd | EDU_START;
	for (unsigned int i = 0; i < 3000; i++) {
		if (!(wide[EDU_CMD / 8] & EDU_START))
			return;
		usleep(1000);
	}
	errx(1, "the edu device does not end its copy");
}

static void dma(const char *bdf, uint64_t seed, uint64_t addr)
{
	int fd = open_config(bdf);
	void *page = own_page(seed);
	volatile uint32_t *regs;
	char path[256];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource0", bdf);
	set(fd, COMMAND, 2, get(fd, COMMAND, 2) | 6); /* and bus master */
	regs = map(path, 0, 0x100000);
	edu_copy(regs, physical(page), EDU_BUFFER, 0);
	edu_copy(regs, EDU_BUFFER, addr, EDU_TO_BUS);
	/* A copy of what it was: the device has the RAM, at any rate. */
	memset(page, 0, PAGE);
	edu_copy(regs, EDU_BUFFER, physical(page), EDU_TO_BUS);
	check(page, EDU_BYTES, seed);
}

static void port(const char *path, uint64_t off, uint64_t len)
{
	int fd = open(path, O_RDWR);
	uint8_t byte;

	if (fd < 0)
		err(1, "%s", path);
	for (uint64_t i = 0; i < len; i++) {
		if (pread(fd, &byte, 1, (off_t)(off + i)) != 1)
			err(1, "%s", path);
		printf("%02x", byte);
	}
	putchar('\n');
}

static int memory(int argc, char **argv)
{
	uint64_t addr, len, seed;

	if (argc == 2 && !strcmp(argv[0], "read")) {
		printf("%08x\n", *map(file, number(argv[1]), 4));
		return 0;
	}
	if (argc != 4)
		return 2;
	addr = number(argv[1]);
	len = number(argv[2]);
	seed = number(argv[3]);
	if (!strcmp(argv[0], "fill"))
		fill(map(file, addr, len), len, seed);
	else if (!strcmp(argv[0], "check"))
		check(map(file, addr, len), len, seed);
	else
		return 2;
	return 0;
}

static int config(int argc, char **argv)
{
	int fd = open_config(argv[1]);
	uint16_t command = (uint16_t)get(fd, COMMAND, 2);

	if (argc == 3 && !strcmp(argv[0], "bar"))
		printf("0x%llx\n", (unsigned long long)bar_get(
					   fd, (unsigned int)number(argv[2])));
	else if (argc >= 4 && !strcmp(argv[0], "bar"))
		bar_set(fd, (unsigned int)number(argv[2]), number(argv[3]),
			argc > 4);
	else if (argc == 4 && !strcmp(argv[0], "command"))
		set(fd, COMMAND, 2,
		    (uint32_t)((command | number(argv[2])) & ~number(argv[3])));
	else if (argc == 3 && !strcmp(argv[0], "toggle"))
		toggle(fd, number(argv[2]));
	else if (argc == 5 && !strcmp(argv[0], "moves"))
		moves(fd, (unsigned int)number(argv[2]), number(argv[3]),
		      number(argv[4]));
	else if (argc == 2 && !strcmp(argv[0], "sleep"))
		sleep_and_wake(fd);
	else if (argc == 3 && !strcmp(argv[0], "on-ram"))
		on_ram(fd, (unsigned int)number(argv[2]));
	else
		return 2;
	return 0;
}

int main(int argc, char **argv)
{
	argc--;
	argv++;
	if (argc > 2 && !strcmp(argv[0], "-f")) {
		file = argv[1];
		argc -= 2;
		argv += 2;
	}
	if (argc < 2)
		errx(2, "see the head of poke.c");
	if (!strcmp(argv[0], "fill") || !strcmp(argv[0], "check") ||
	    !strcmp(argv[0], "read"))
		return memory(argc, argv);
	if (argc == 4 && !strcmp(argv[0], "dma")) {
		dma(argv[1], number(argv[2]), number(argv[3]));
		return 0;
	}
	if (argc == 4 && !strcmp(argv[0], "port")) {
		port(argv[1], number(argv[2]), number(argv[3]));
		return 0;
	}
	return config(argc, argv);
}
