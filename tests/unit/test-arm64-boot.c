// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-arm64-boot - what a guest on Arm finds at its entry: kernel, initrd, and
 * a devicetree that libfdt and dtc read and that says what the layout does.
 */
#include "harness.h"

#include <errno.h>
#include <libfdt.h>
#include <stdio.h>

#include "arm64-image.h"
#include "arm64/map.h"
#include "arm64/tree.h"
#include "boot-load.h"
#include "devtree.h"
#include "pci.h"
#include "rtc.h"

struct fixture {
	struct layout l;
	struct ram *ram;
	struct arm64_image image;
	char cmdline[4096];
	unsigned int nr_cpus;
	uint32_t pci_slots;
	uint64_t initrd_bytes; /* 0: none */
	struct boot_entry entry;
	const void *fdt;
	struct capture capture;
	const char *message;
};

int __wrap_read_file(const char *path, size_t max, char **out,
		     size_t *len_bytes);

/* The host does not tell how much memory it has: most of it is not touched. */
int __wrap_read_file(const char *path, size_t max, char **out,
		     size_t *len_bytes)
{
	(void)path;
	(void)max;
	(void)out;
	(void)len_bytes;
	return -ENOENT;
}

ssize_t __real_getrandom(void *buf, size_t len, unsigned int flags);
ssize_t __wrap_getrandom(void *buf, size_t len, unsigned int flags);

/* The draw_fails-th one gives draw_gives bytes; with -1, ENOSYS. */
static int draw_fails, draw_gives;

ssize_t __wrap_getrandom(void *buf, size_t len, unsigned int flags)
{
	if (!draw_fails || --draw_fails)
		return __real_getrandom(buf, len, flags);
	errno = draw_gives < 0 ? ENOSYS : 0;
	return draw_gives;
}

static int setup_bytes(void **state, uint64_t bytes)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	strcpy(f->cmdline, "console=ttyS0");
	f->nr_cpus = 1;
	f->pci_slots = 1 << 1;
	arm64_image_make(&f->image);
	*state = f;
	return boot_ram(&f->l, &f->ram, bytes);
}

static int setup(void **state)
{
	return setup_bytes(state, MIB(64));
}

static int setup_40g(void **state)
{
	return setup_bytes(state, GIB(40));
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	ram_destroy(f->ram);
	free(f);
	return 0;
}

static int load(struct fixture *f)
{
	struct boot_params_in in = {
		.kernel_fd = arm64_image_fd(&f->image),
		.cmdline = f->cmdline,
		.nr_cpus = f->nr_cpus,
		.pci_slots = f->pci_slots,
	};
	int r = boot_load(f->ram, &f->l, &in, f->initrd_bytes, &f->entry,
			  &f->capture, &f->message);

	if (!r) {
		f->fdt = ram_ptr(f->ram, f->entry.arg, KIB(4));
		assert_non_null(f->fdt);
		assert_int_equal(fdt_check_header(f->fdt), 0);
		f->fdt = ram_ptr(f->ram, f->entry.arg, fdt_totalsize(f->fdt));
		assert_non_null(f->fdt);
	}
	return r;
}

static void refused(struct fixture *f, int error, const char *why)
{
	assert_int_equal(load(f), error);
	if (!strstr(f->message, why))
		fail_msg("'%s' is not in '%s'", why, f->message);
}

static const void *prop(const struct fixture *f, const char *path,
			const char *name, int *len)
{
	int node = fdt_path_offset(f->fdt, path);
	const void *val;

	if (node < 0)
		fail_msg("no node %s", path);
	val = fdt_getprop(f->fdt, node, name, len);
	if (!val)
		fail_msg("%s has no %s", path, name);
	return val;
}

static uint32_t cell(const struct fixture *f, const char *path,
		     const char *name, unsigned int i)
{
	int len;
	const fdt32_t *val = prop(f, path, name, &len);

	assert_true((i + 1) * 4 <= (unsigned int)len);
	return fdt32_ld(val + i);
}

static uint64_t cells(const struct fixture *f, const char *path,
		      const char *name, unsigned int i)
{
	return (uint64_t)cell(f, path, name, i) << 32 |
	       cell(f, path, name, i + 1);
}

static void string_is(const struct fixture *f, const char *path,
		      const char *name, const char *want)
{
	assert_string_equal(prop(f, path, name, NULL), want);
}

static const char *serial = "/serial@b000000";
static const char *pcie = "/pcie@30000000";
static const char *gic = "/interrupt-controller@9000000";
static const char *its = "/interrupt-controller@9000000/msi-controller@9020000";

static void kernel_tree_and_initrd(void **state)
{
	struct fixture *f = *state;
	uint64_t start, end;

	f->initrd_bytes = 5000;
	assert_int_equal(load(f), 0);
	assert_int_equal(f->entry.ip, GIB(1));
	assert_int_equal(f->entry.page_table, 0);
	assert_memory_equal(ram_ptr(f->ram, f->entry.ip, f->image.len),
			    f->image.bytes, f->image.len);
	/* One block of 2 MiB, clear of the kernel's bss. */
	assert_int_equal(f->entry.arg % MIB(2), 0);
	assert_true(f->entry.arg >= GIB(1) + ARM64_IMAGE_SIZE);
	assert_true(fdt_totalsize(f->fdt) <= MIB(2));

	start = cells(f, "/chosen", "linux,initrd-start", 0);
	end = cells(f, "/chosen", "linux,initrd-end", 0);
	assert_int_equal(end - start, 5000);
	assert_int_equal(start, GIB(1) + MIB(64) - 8192);
	assert_string_equal(ram_ptr(f->ram, start, 8), "initrd!");
	string_is(f, "/chosen", "bootargs", "console=ttyS0");
	string_is(f, "/chosen", "stdout-path", serial);
}

static void seeds_differ_each_time(void **state)
{
	struct fixture *f = *state;
	uint8_t seed[64];
	uint64_t kaslr;
	int len;

	assert_int_equal(load(f), 0);
	kaslr = cells(f, "/chosen", "kaslr-seed", 0);
	assert_true(kaslr != 0);
	memcpy(seed, prop(f, "/chosen", "rng-seed", &len), sizeof(seed));
	assert_int_equal(len, sizeof(seed));
	ram_clear(f->ram, 0, 1);
	assert_int_equal(load(f), 0);
	assert_true(kaslr != cells(f, "/chosen", "kaslr-seed", 0));
	assert_memory_not_equal(seed, prop(f, "/chosen", "rng-seed", NULL),
				sizeof(seed));
	/* None was asked for. */
	assert_null(fdt_getprop(f->fdt, fdt_path_offset(f->fdt, "/chosen"),
				"linux,initrd-start", NULL));
}

/* All of the initrd is where an early kernel can reach it. */
static void seeds_that_cannot_be_had(void **state)
{
	for (int n = 1; n <= 2; n++) {
		draw_fails = n;
		draw_gives = -1;
		refused(*state, -ENOSYS, "cannot draw random numbers");
		draw_fails = n;
		draw_gives = 5;
		refused(*state, -EIO, "cannot draw random numbers");
	}
}

static void initrd_is_within_32_gib(void **state)
{
	struct fixture *f = *state;

	f->initrd_bytes = MIB(1);
	assert_int_equal(load(f), 0);
	assert_int_equal(cells(f, "/chosen", "linux,initrd-end", 0), GIB(33));
	assert_int_equal(cells(f, "/memory@40000000", "reg", 2), GIB(40));
}

static void initrd_that_does_not_fit(void **state)
{
	struct fixture *f = *state;
	/* The kernel's block and the tree's. */
	uint64_t most = MIB(64) - MIB(4);

	f->initrd_bytes = most + 1;
	refused(f, -E2BIG, "initrd: the initrd is too large");
	f->initrd_bytes = most;
	assert_int_equal(load(f), 0);
	f->initrd_bytes = 1;
	store_le(f->image.bytes + 16, 8, MIB(62));
	refused(f, -E2BIG, "there is room for 0 KiB");
	store_le(f->image.bytes + 16, 8, MIB(62) + 1);
	refused(f, -EINVAL, "no room for a devicetree");
}

static void command_line_limit(void **state)
{
	struct fixture *f = *state;

	memset(f->cmdline, 'x', 2048);
	f->cmdline[2048] = '\0';
	refused(f, -E2BIG, "at most 2047");
	f->cmdline[2047] = '\0';
	assert_int_equal(load(f), 0);
	string_is(f, "/chosen", "bootargs", f->cmdline);
}

static void memory_and_cpus(void **state)
{
	struct fixture *f = *state;
	const char *path = "/cpus/cpu@30f";
	int len;

	f->nr_cpus = 64;
	assert_int_equal(load(f), 0);
	assert_int_equal(cells(f, "/memory@40000000", "reg", 0), GIB(1));
	assert_int_equal(cells(f, "/memory@40000000", "reg", 2), MIB(64));
	/* 16 to a cluster, as KVM numbers them. */
	assert_int_equal(cell(f, "/cpus/cpu@f", "reg", 0), 15);
	assert_int_equal(cell(f, "/cpus/cpu@100", "reg", 0), 0x100);
	assert_int_equal(cell(f, path, "reg", 0), 0x30f);
	string_is(f, path, "enable-method", "psci");
	string_is(f, "/psci", "method", "hvc");
	prop(f, "/psci", "compatible", &len);
	assert_int_equal(len, sizeof("arm,psci-1.0\0arm,psci-0.2"));
	/* A pair of frames for each. */
	assert_int_equal(cells(f, gic, "reg", 6), 64 * GICR_SIZE);
}

static void interrupt_controller_and_timer(void **state)
{
	struct fixture *f = *state;
	static const uint32_t ppis[] = { 13, 14, 11, 10 };

	assert_int_equal(load(f), 0);
	string_is(f, gic, "compatible", "arm,gic-v3");
	assert_int_equal(cells(f, gic, "reg", 0), GICD_BASE);
	assert_int_equal(cells(f, gic, "reg", 4), GICR_BASE);
	assert_int_equal(cells(f, gic, "reg", 6), GICR_SIZE);
	assert_int_equal(cells(f, its, "reg", 0), GITS_BASE);
	assert_int_equal(cell(f, "/", "interrupt-parent", 0),
			 cell(f, gic, "phandle", 0));
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(cell(f, "/timer", "interrupts", 3 * i), 1);
		assert_int_equal(cell(f, "/timer", "interrupts", 3 * i + 1),
				 ppis[i]);
		assert_int_equal(cell(f, "/timer", "interrupts", 3 * i + 2), 4);
	}
}

static void board(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load(f), 0);
	string_is(f, serial, "compatible", "ns16550a");
	assert_int_equal(cells(f, serial, "reg", 0), f->l.uart.base);
	assert_int_equal(cell(f, serial, "interrupts", 1), f->l.uart_gsi);
	assert_int_equal(cells(f, "/pvpanic@b020000", "reg", 0),
			 f->l.pvpanic.base);
	string_is(f, "/rtc@b040000", "compatible", "arm,pl031");
	assert_int_equal(cells(f, "/rtc@b040000", "reg", 0), f->l.rtc.base);
	assert_int_equal(cells(f, "/rtc@b040000", "reg", 2), RTC_SIZE);
	assert_int_equal(cell(f, "/rtc@b040000", "clocks", 0),
			 cell(f, "/bus-clock", "phandle", 0));
	/* The button is KEY_POWER and an edge. */
	assert_int_equal(cell(f, "/gpio-keys/power-key", "linux,code", 0), 116);
	assert_int_equal(cell(f, "/gpio-keys/power-key", "interrupts", 1),
			 f->l.power_gsi);
	assert_int_equal(cell(f, "/gpio-keys/power-key", "interrupts", 2), 1);
}

static void pci_windows(void **state)
{
	struct fixture *f = *state;
	int len;

	/* As the machine does: one bus below each of three ports. */
	f->l.ecam.size = MIB(4);
	assert_int_equal(load(f), 0);
	assert_int_equal(cells(f, pcie, "reg", 0), f->l.ecam.start);
	assert_int_equal(cells(f, pcie, "reg", 2), MIB(4));
	assert_int_equal(cell(f, pcie, "bus-range", 1), 3);
	/* Buses keep their numbers, windows need not keep their places. */
	assert_int_equal(cell(f, "/chosen", "linux,pci-probe-only", 0), 1);
	assert_int_equal(cell(f, pcie, "linux,pci-probe-only", 0), 0);

	/* I/O from 0, memory below 4 GiB and above RAM. */
	assert_int_equal(cell(f, pcie, "ranges", 0), 0x01000000);
	assert_int_equal(cells(f, pcie, "ranges", 1), 0);
	assert_int_equal(cells(f, pcie, "ranges", 3), f->l.pio_mmio.start);
	assert_int_equal(cells(f, pcie, "ranges", 5), KIB(64));
	assert_int_equal(cell(f, pcie, "ranges", 7), 0x02000000);
	assert_int_equal(cells(f, pcie, "ranges", 8), f->l.mmio32.start);
	assert_int_equal(cells(f, pcie, "ranges", 12), f->l.mmio32.size);
	assert_int_equal(cell(f, pcie, "ranges", 14), 0x43000000);
	assert_int_equal(cells(f, pcie, "ranges", 15), f->l.mmio64.start);
	assert_int_equal(cells(f, pcie, "ranges", 17), f->l.mmio64.start);
	assert_int_equal(cells(f, pcie, "ranges", 19), f->l.mmio64.size);

	f->l.mmio64.size = 0;
	assert_int_equal(load(f), 0);
	prop(f, pcie, "ranges", &len);
	assert_int_equal(len, 14 * 4);
}

static void pci_interrupts(void **state)
{
	struct fixture *f = *state;
	int len;

	f->pci_slots = 1u << 1 | 1u << 31;
	assert_int_equal(load(f), 0);
	/* Requester ids are the ITS's device ids, all of them. */
	assert_int_equal(cell(f, pcie, "msi-map", 0), 0);
	assert_int_equal(cell(f, pcie, "msi-map", 1),
			 cell(f, its, "phandle", 0));
	assert_int_equal(cell(f, pcie, "msi-map", 2), 0);
	assert_int_equal(cell(f, pcie, "msi-map", 3), 0x10000);

	prop(f, pcie, "interrupt-map", &len);
	assert_int_equal(len, 2 * 4 * 10 * 4);
	for (unsigned int i = 0; i < 8; i++) {
		unsigned int slot = i < 4 ? 1 : 31, pin = i % 4 + 1;
		unsigned int at = i * 10;

		assert_int_equal(cell(f, pcie, "interrupt-map", at),
				 slot << 11);
		assert_int_equal(cell(f, pcie, "interrupt-map", at + 3), pin);
		assert_int_equal(cell(f, pcie, "interrupt-map", at + 4),
				 cell(f, gic, "phandle", 0));
		assert_int_equal(cell(f, pcie, "interrupt-map", at + 7), 0);
		assert_int_equal(cell(f, pcie, "interrupt-map", at + 8),
				 pci_host_intx_gsi(f->l.intx_gsi, slot, pin));
		assert_int_equal(cell(f, pcie, "interrupt-map", at + 9), 4);
	}
	assert_int_equal(cell(f, pcie, "interrupt-map-mask", 0), 0xf800);
	assert_int_equal(cell(f, pcie, "interrupt-map-mask", 3), 7);

	f->pci_slots = 0; /* all */
	assert_int_equal(load(f), 0);
	prop(f, pcie, "interrupt-map", &len);
	assert_int_equal(len, 32 * 4 * 10 * 4);
}

/* The compiler's checks, which know the buses' bindings. */
static void dtc_has_nothing_to_say(void **state)
{
	struct fixture *f = *state;
	char path[] = "/tmp/test-arm64-boot-XXXXXX", command[128];
	char said[256] = "";
	int fd, len;
	FILE *p;

	if (system("command -v dtc >/dev/null"))
		skip_because("no dtc");
	f->nr_cpus = 17;
	f->initrd_bytes = 100;
	f->pci_slots = 0;
	f->l.ecam.size = MIB(8);
	assert_int_equal(load(f), 0);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	len = (int)fdt_totalsize(f->fdt);
	assert_int_equal(write(fd, f->fdt, (size_t)len), len);
	close(fd);
	snprintf(command, sizeof(command), "dtc -I dtb -O null %s 2>&1", path);
	p = popen(command, "r");
	assert_non_null(p);
	said[fread(said, 1, sizeof(said) - 1, p)] = '\0';
	assert_int_equal(pclose(p), 0);
	unlink(path);
	assert_string_equal(said, "");
}

static void tree_that_does_not_fit(void **state)
{
	struct fixture *f = *state;
	struct tree_params p = {
		.l = &f->l, .nr_cpus = 1, .pci_slots = 2, .cmdline = ""
	};
	const void *blob;
	size_t size;
	struct devtree t;

	for (size_t max = 16; max < KIB(4); max += 16) {
		int r;

		devtree_init(&t, max);
		tree_write(&t, &p);
		capture_begin(&f->capture);
		r = devtree_finish(&t, &blob, &size);
		f->message = capture_end(&f->capture);
		devtree_fini(&t);
		if (!r)
			return;
		assert_int_equal(r, -ENOSPC);
		assert_non_null(strstr(f->message, "does not fit"));
	}
	fail_msg("4 KiB are enough");
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(kernel_tree_and_initrd),
		TEST(seeds_differ_each_time),
		TEST(seeds_that_cannot_be_had),
		cmocka_unit_test_setup_teardown(initrd_is_within_32_gib,
						setup_40g, teardown),
		TEST(initrd_that_does_not_fit),
		TEST(command_line_limit),
		TEST(memory_and_cpus),
		TEST(interrupt_controller_and_timer),
		TEST(board),
		TEST(pci_windows),
		TEST(pci_interrupts),
		TEST(dtc_has_nothing_to_say),
		TEST(tree_that_does_not_fit),
	};

	return run_all(tests);
}
