/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of one assigned function, for hw/vfio-*.c alone.  Everything is
 * under dev_lock, or on the main thread before the vCPUs run.
 */
#ifndef WHERRY_VFIO_PCI_PRIV_H
#define WHERRY_VFIO_PCI_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "bus.h"
#include "log.h"
#include "loop.h"
#include "pci.h"
#include "util.h"
#include "vfio-irq-priv.h"
#include "vfio-pci.h"
#include "vfio.h"

/* The kernel's areas, cut by MSI-X table, pending bits and two traps. */
#define VFIO_BAR_MAX_AREAS (VFIO_MAX_AREAS + 4)
#define VFIO_NR_BARS (PCI_NR_BARS + 1) /* and the ROM */
#define VFIO_COMMAND_UNKNOWN 0xffff /* no COMMAND has all bits */

/* How other assigned devices reach an area of a BAR. */
struct vfio_p2p {
	int fd; /* dma-buf; -1: they cannot */
	iova_t iova; /* mapped here in the IOAS */
	bool mapped;
};

/* One BAR. */
struct vfio_bar {
	struct vfio_pci *v;
	unsigned int index; /* also of the region */
	const struct vfio_region *region;
	void *hva; /* of the whole region, or a copy of the ROM; NULL: none */
	struct range areas[VFIO_BAR_MAX_AREAS]; /* mapped parts */
	unsigned int nr_areas;
	/* While decoded: a range that catches every access, and once that has
	 * its place, above it one memslot per area (UINT_MAX: none, it
	 * traps).  One that KVM could not remove stays in slots. */
	bool claimed, live;
	bool told; /* that it could not have its place */
	unsigned int slots[VFIO_BAR_MAX_AREAS];
	struct vfio_p2p p2p[VFIO_BAR_MAX_AREAS];
	struct bus_range trap;
	char name[80];
};

struct vfio_pci;

/* A part of a BAR that is never mapped into the guest: accesses come here,
 * with the offset in that part, and need not be aligned. */
struct vfio_trap {
	unsigned int bar;
	uint64_t offset, size; /* size 0: the end of the list */
	uint64_t (*read)(struct vfio_pci *v, uint64_t offset, unsigned int len);
	void (*write)(struct vfio_pci *v, uint64_t offset, unsigned int len,
		      uint64_t val);
};

/* A row of the table of exceptions. */
struct vfio_quirk {
	uint32_t id, id_mask; /* vendor | device << 16 */
	uint32_t class_code, class_mask; /* 24 bits */
	bool raw_gaps; /* forward writes between capabilities */
	bool no_rom;
	bool gpudirect; /* takes gpudirect-clique= */
	uint32_t pba_offset; /* where the pending bits really are; 0: as said */
	const struct vfio_trap *traps; /* or NULL */
	/* Once the guest's view of config space stands, before interrupts and
	 * BARs: adds capabilities, offers regions from VFIO_REGION_DEVICE on.
	 * 0 or -errno, logged.  Or NULL. */
	int (*setup)(struct vfio_pci *v);
	const char *reason;
};

struct vfio_pci {
	struct pci_dev dev;
	struct vfio_device *vfio;
	struct bus *bus;
	struct irq *irq;
	struct kvm *kvm;
	struct iommufd *iommufd; /* NULL: no peer-to-peer */
	bool rom, trap_bars, require_p2p, ats;
	int gpudirect_clique; /* -1: none */
	uint32_t intx_gsi;
	const struct vfio_quirk *quirk; /* never NULL */

	/* Config space: cfg.emu says what is served here, fwd which written
	 * bits go to the device. */
	unsigned int config_bytes; /* of the device's, multiple of 4 */
	uint8_t fwd[PCI_CONFIG_SIZE];
	uint8_t power_on[PCI_CONFIG_SIZE]; /* of cfg.data */
	unsigned int pm_cap, exp_cap, af_cap; /* 0: absent */
	uint16_t host_command; /* as last written to the device */
	bool touched; /* since the last reset */

	/* Power, vfio-power.c. */
	bool low_power; /* the guest put it into D1 to D3 */
	bool slept; /* and the device went to D3hot */
	bool parked; /* and the host may let it sleep deeper */
	bool cannot_park; /* its driver has no such thing */
	bool no_soft_reset; /* back in D0 it is as it was before D3hot */

	/* Resets, vfio-set.c. */
	struct vfio_set *set;
	struct vfio_pci *next; /* in the set */
	bool was_master; /* the guest has let it do DMA since power-on */
	bool weak_reset; /* its own is no more than D3hot and back */
	bool require_reset;
	bool in_bus_reset; /* its own or another's: no memory is shown */
	int bus_reset_error; /* why its bus was not, last time; 0: it was */

	struct vfio_bar bars[VFIO_NR_BARS];
	struct vfio_irqs irqs;
	struct loop *loop; /* NULL before start */
	struct loop_source err_src, req_src; /* fd -1: not wired */
	struct vfio_pci_events events;

	struct ratelimit rl;
	uint64_t nr_config_reads, nr_config_writes; /* that reached it */
	uint64_t nr_host_maps; /* mmaps of BARs: those at creation, no more */
	uint64_t nr_resets, nr_bus_resets, nr_parked;
	uint64_t nr_memslots_made, nr_p2p_maps;
};

/* vfio-quirk.c: the row of a device; one that excepts nothing by default. */
const struct vfio_quirk *vfio_quirk_find(uint16_t vendor, uint16_t device,
					 uint32_t class_code);
/* Applies it to the config space.  0 or -errno, logged. */
int vfio_quirk_setup(struct vfio_pci *v);
/* The trap that an access to a BAR touches, or NULL. */
const struct vfio_trap *vfio_quirk_trap(const struct vfio_pci *v,
					unsigned int bar, uint64_t offset,
					unsigned int len);

/* vfio-config.c: the overlay of config space.  0 or -errno, logged. */
int vfio_config_init(struct vfio_pci *v);
/* Takes a capability out of the guest's standard list. */
void vfio_config_hide(struct vfio_pci *v, unsigned int off, unsigned int size);
/* Accesses of the device's own config space; failures are logged with a
 * limit and read ones. */
uint32_t vfio_config_hw_read(struct vfio_pci *v, unsigned int off,
			     unsigned int len);
void vfio_config_hw_write(struct vfio_pci *v, unsigned int off,
			  unsigned int len, uint32_t val);
/* Forwards what fwd lets through. */
void vfio_config_forward(struct vfio_pci *v, unsigned int off, unsigned int len,
			 uint32_t val);

/* vfio-bar.c */
int vfio_bars_init(struct vfio_pci *v);
void vfio_bars_fini(struct vfio_pci *v);
/*
 * Maps what the guest decodes now, unmaps the rest.  Called before the device
 * goes out of reach, so that nothing shows its memory then (a reset: COMMAND
 * is 0, or in_bus_reset set; sleep: low_power is), and again when it is back.
 */
void vfio_bars_update(struct vfio_pci *v);

/* vfio-p2p.c: BARs as what other devices reach by DMA; all of it does nothing
 * without v->iommufd.  init comes after the areas are known: 0 or -errno,
 * logged.  map and unmap follow the memslots: after them, and before. */
int vfio_p2p_init(struct vfio_pci *v);
void vfio_p2p_fini(struct vfio_pci *v);
void vfio_p2p_map(struct vfio_bar *bar);
void vfio_p2p_unmap(struct vfio_bar *bar);

/* vfio-pci.c */
/* The byte that a write of val to [off, off + len) puts at reg, if it does. */
bool vfio_write_covers(unsigned int off, unsigned int len, uint32_t val,
		       unsigned int reg, uint8_t *byte);
/* COMMAND as the guest has it, and as the device needs it. */
void vfio_pci_write_command(struct vfio_pci *v);
/* What the guest finds at power-on: config space, BARs, interrupts.  After
 * vfio_pci_quiesce(). */
void vfio_pci_power_on(struct vfio_pci *v);

/* vfio-power.c */
void vfio_power_init(struct vfio_pci *v);
/*
 * A guest's write to [off, off + len) of config space comes: before it is
 * carried out, and after.  A device that sleeps deeper than the guest knows
 * is woken, one that is to sleep loses its BARs first.
 */
void vfio_power_writing(struct vfio_pci *v, unsigned int off, unsigned int len,
			uint32_t val);
void vfio_power_written(struct vfio_pci *v, unsigned int off, unsigned int len);
/* Awake, whatever the guest wants; its BARs stay out. */
void vfio_power_wake(struct vfio_pci *v);

/* vfio-set.c */
void vfio_set_add(struct vfio_set *set, struct vfio_pci *v);
void vfio_set_remove(struct vfio_pci *v);

/* vfio-event.c: 0 or -errno, logged. */
int vfio_events_start(struct vfio_pci *v, struct loop *loop);
void vfio_events_stop(struct vfio_pci *v);

#endif
