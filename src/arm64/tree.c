// SPDX-License-Identifier: BSD-2-Clause
/*
 * Owns what the guest is told of the machine.  Knows numbers only: nothing
 * here asks KVM.
 */
#include "arm64/tree.h"

#include <stdio.h>

#include "arm64/gic.h"
#include "arm64/map.h"
#include "devtree.h"
#include "pci.h"
#include "rtc.h"

#define GIC 1 /* phandles */
#define ITS 2
#define CLOCK 3

#define SPI 0 /* the GIC's cells */
#define PPI 1
#define FIRST_PPI 16
#define EDGE 1
#define LEVEL 4

#define KEY_POWER 116
#define UART_CLOCK_HZ 1843200
#define BUS_CLOCK_HZ 24000000

/* PCI Bus Binding to IEEE 1275, phys.hi of "ranges". */
#define SPACE_IO 0x01000000
#define SPACE_MEM32 0x02000000
#define SPACE_MEM64_PREFETCH 0x43000000

static void write_chosen(struct devtree *t, const struct tree_params *p)
{
	const struct range *initrd = &p->initrd;
	char path[64];

	snprintf(path, sizeof(path), "/serial@%llx",
		 (unsigned long long)p->l->uart.base);
	devtree_begin(t, "chosen");
	devtree_string(t, "stdout-path", path);
	devtree_string(t, "bootargs", p->cmdline);
	if (initrd->size) {
		devtree_list(t, "linux,initrd-start",
			     DEVTREE_U64(initrd->start));
		devtree_list(t, "linux,initrd-end",
			     DEVTREE_U64(initrd->start + initrd->size));
	}
	devtree_prop(t, "rng-seed", p->seed, sizeof(p->seed));
	devtree_list(t, "kaslr-seed", DEVTREE_U64(p->kaslr_seed));
	/*
	 * The buses have their numbers.  Linux would give them new ones at
	 * each rescan, and one to two of them where a port was removed.
	 */
	devtree_list(t, "linux,pci-probe-only", 1);
	devtree_end(t);
}

static void write_memory(struct devtree *t, const struct layout *l)
{
	for (unsigned int i = 0; i < l->nr_ram; i++) {
		devtree_begin_at(t, "memory", l->ram[i].start);
		devtree_string(t, "device_type", "memory");
		devtree_list(t, "reg", DEVTREE_U64(l->ram[i].start),
			     DEVTREE_U64(l->ram[i].size));
		devtree_end(t);
	}
}

static void write_cpus(struct devtree *t, unsigned int nr_cpus)
{
	devtree_begin(t, "cpus");
	devtree_list(t, "#address-cells", 1);
	devtree_list(t, "#size-cells", 0);
	for (unsigned int i = 0; i < nr_cpus; i++) {
		devtree_begin_at(t, "cpu", cpu_mpidr(i));
		devtree_string(t, "device_type", "cpu");
		devtree_string(t, "compatible", "arm,armv8");
		devtree_list(t, "reg", (uint32_t)cpu_mpidr(i));
		devtree_string(t, "enable-method", "psci");
		devtree_end(t);
	}
	devtree_end(t);

	devtree_begin(t, "psci");
	devtree_strings(t, "compatible", "arm,psci-1.0\0arm,psci-0.2");
	devtree_string(t, "method", "hvc");
	devtree_end(t);
}

static void write_gic(struct devtree *t, unsigned int nr_cpus)
{
	devtree_begin_at(t, "interrupt-controller", GICD_BASE);
	devtree_string(t, "compatible", "arm,gic-v3");
	devtree_empty(t, "interrupt-controller");
	devtree_list(t, "#interrupt-cells", 3);
	devtree_list(t, "reg", DEVTREE_U64(GICD_BASE), DEVTREE_U64(GICD_SIZE),
		     DEVTREE_U64(GICR_BASE), DEVTREE_U64(GICR_SIZE * nr_cpus));
	devtree_list(t, "#address-cells", 2);
	devtree_list(t, "#size-cells", 2);
	devtree_empty(t, "ranges");
	devtree_list(t, "phandle", GIC);

	devtree_begin_at(t, "msi-controller", GITS_BASE);
	devtree_string(t, "compatible", "arm,gic-v3-its");
	devtree_empty(t, "msi-controller");
	devtree_list(t, "#msi-cells", 1);
	devtree_list(t, "reg", DEVTREE_U64(GITS_BASE), DEVTREE_U64(GITS_SIZE));
	devtree_list(t, "phandle", ITS);
	devtree_end(t);
	devtree_end(t);
}

static void write_timer(struct devtree *t)
{
	devtree_begin(t, "timer");
	devtree_string(t, "compatible", "arm,armv8-timer");
	devtree_list(t, "interrupts", PPI, PPI_TIMER_SECURE - FIRST_PPI, LEVEL,
		     PPI, PPI_TIMER_PHYS - FIRST_PPI, LEVEL, PPI,
		     PPI_TIMER_VIRT - FIRST_PPI, LEVEL, PPI,
		     PPI_TIMER_HYP - FIRST_PPI, LEVEL);
	devtree_empty(t, "always-on");
	devtree_end(t);
}

/* Functions behind a port come out at its slot, with their own pins. */
static void write_interrupt_map(struct devtree *t, const struct tree_params *p)
{
	enum { SLOTS = 32, PINS = 4, CELLS = 10 };
	uint32_t slots = p->pci_slots ? p->pci_slots : UINT32_MAX;
	uint32_t map[SLOTS * PINS * CELLS], *to = map;

	for (unsigned int slot = 0; slot < SLOTS; slot++) {
		for (unsigned int pin = 1; pin <= PINS; pin++) {
			const uint32_t entry[CELLS] = {
				slot << 11,
				0,
				0,
				pin,
				GIC,
				0,
				0,
				SPI,
				pci_host_intx_gsi(p->l->intx_gsi, slot, pin),
				LEVEL,
			};

			if (!(slots >> slot & 1))
				continue;
			memcpy(to, entry, sizeof(entry));
			to += CELLS;
		}
	}
	devtree_list(t, "interrupt-map-mask", 0x1f << 11, 0, 0, 7);
	devtree_cells(t, "interrupt-map", map, (size_t)(to - map));
}

static void write_pci_ranges(struct devtree *t, const struct layout *l)
{
	const struct range *low = &l->mmio32, *high = &l->mmio64;
	const uint32_t map[] = {
		SPACE_IO,
		DEVTREE_U64(0ULL),
		DEVTREE_U64(l->pio_mmio.start),
		DEVTREE_U64(l->pio_mmio.size),
		SPACE_MEM32,
		DEVTREE_U64(low->start),
		DEVTREE_U64(low->start),
		DEVTREE_U64(low->size),
		SPACE_MEM64_PREFETCH,
		DEVTREE_U64(high->start),
		DEVTREE_U64(high->start),
		DEVTREE_U64(high->size),
	};

	/* Without a window above RAM, what it would hold is below. */
	devtree_cells(t, "ranges", map,
		      high->size ? ARRAY_SIZE(map) : ARRAY_SIZE(map) / 3 * 2);
}

static void write_pci(struct devtree *t, const struct tree_params *p)
{
	const struct layout *l = p->l;
	uint32_t nr_buses = (uint32_t)(l->ecam.size >> 20);

	devtree_begin_at(t, "pcie", l->ecam.start);
	devtree_string(t, "compatible", "pci-host-ecam-generic");
	devtree_string(t, "device_type", "pci");
	devtree_list(t, "#address-cells", 3);
	devtree_list(t, "#size-cells", 2);
	devtree_list(t, "#interrupt-cells", 1);
	devtree_list(t, "reg", DEVTREE_U64(l->ecam.start),
		     DEVTREE_U64(l->ecam.size));
	devtree_list(t, "bus-range", 0, nr_buses - 1);
	devtree_list(t, "linux,pci-domain", 0);
	devtree_empty(t, "dma-coherent");
	/* Other than the numbers of buses, windows may move: Linux takes an I/O
	 * window that a port does not have for one at 0, and keeps it else. */
	devtree_list(t, "linux,pci-probe-only", 0);
	/* A requester's id is its device id for the ITS. */
	devtree_list(t, "msi-map", 0, ITS, 0, 0x10000);
	write_pci_ranges(t, l);
	write_interrupt_map(t, p);
	devtree_end(t);
}

/* Linux asks what is on this bus who they are, and wants a clock for that. */
static void write_rtc(struct devtree *t, const struct layout *l)
{
	devtree_begin(t, "bus-clock");
	devtree_string(t, "compatible", "fixed-clock");
	devtree_list(t, "#clock-cells", 0);
	devtree_list(t, "clock-frequency", BUS_CLOCK_HZ);
	devtree_list(t, "phandle", CLOCK);
	devtree_end(t);

	devtree_begin_at(t, "rtc", l->rtc.base);
	devtree_strings(t, "compatible", "arm,pl031\0arm,primecell");
	devtree_list(t, "reg", DEVTREE_U64(l->rtc.base), DEVTREE_U64(RTC_SIZE));
	devtree_list(t, "clocks", CLOCK);
	devtree_string(t, "clock-names", "apb_pclk");
	devtree_end(t);
}

static void write_board(struct devtree *t, const struct layout *l)
{
	devtree_begin_at(t, "serial", l->uart.base);
	devtree_string(t, "compatible", "ns16550a");
	devtree_list(t, "reg", DEVTREE_U64(l->uart.base),
		     DEVTREE_U64(UART_SIZE));
	devtree_list(t, "interrupts", SPI, l->uart_gsi, LEVEL);
	devtree_list(t, "clock-frequency", UART_CLOCK_HZ);
	devtree_end(t);

	devtree_begin_at(t, "pvpanic", l->pvpanic.base);
	devtree_string(t, "compatible", "qemu,pvpanic-mmio");
	devtree_list(t, "reg", DEVTREE_U64(l->pvpanic.base),
		     DEVTREE_U64(PVPANIC_SIZE));
	devtree_end(t);

	devtree_begin(t, "gpio-keys");
	devtree_string(t, "compatible", "gpio-keys");
	devtree_begin(t, "power-key");
	devtree_string(t, "label", "power button");
	devtree_list(t, "linux,code", KEY_POWER);
	devtree_list(t, "interrupts", SPI, l->power_gsi, EDGE);
	devtree_end(t);
	devtree_end(t);
}

void tree_write(struct devtree *t, const struct tree_params *p)
{
	devtree_string(t, "model", "wherry");
	devtree_string(t, "compatible", "linux,dummy-virt");
	devtree_list(t, "#address-cells", 2);
	devtree_list(t, "#size-cells", 2);
	devtree_list(t, "interrupt-parent", GIC);
	write_chosen(t, p);
	write_memory(t, p->l);
	write_cpus(t, p->nr_cpus);
	write_gic(t, p->nr_cpus);
	write_timer(t);
	write_pci(t, p);
	write_board(t, p->l);
	write_rtc(t, p->l);
}
