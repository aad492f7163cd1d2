/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's parts, for machine*.c alone.  The main thread owns every
 * field but the ones marked.
 */
#ifndef WHERRY_MACHINE_PRIV_H
#define WHERRY_MACHINE_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "arch.h"
#include "bus.h"
#include "config.h"
#include "loop.h"
#include "machine.h"
#include "stats.h"
#include "vfio-pci.h"
#include "vmevent.h"

struct console;
struct iommufd;
struct irq;
struct kvm;
struct pci_host;
struct pci_port;
struct power;
struct pvpanic;
struct rtc;
struct ram;
struct serial;
struct sysfs_device;
struct vcpus;
struct json;
struct vfio_device;
struct vfio_pci;
struct virtio_dev;
struct virtio_pci;

/* One assigned device: the host's side and the guest's. */
struct machine_device {
	const struct device_config *cfg;
	struct vfio_device *vfio;
	bool in_kvm; /* FILE_ADDed */
	uint32_t hwpt; /* page table for a PASID; 0: none */
	struct vfio_pci *pci;
	struct pci_port *port;
};

/* One virtio device: the model and its place. */
struct machine_virtio {
	struct virtio_dev *dev;
	struct virtio_pci *pci; /* NULL: not plugged */
};

struct machine {
	const struct run_config *cfg;
	const struct machine_session *session; /* or NULL */
	struct stats *stats;
	int kernel_fd, initrd_fd;
	int stats_fd; /* --stats, opened before confinement */
	int smaps_fd; /* /proc/self/smaps, the same */

	struct kvm *kvm;
	unsigned int phys_bits;
	struct layout layout;
	struct bus *bus;
	struct bus_range kept[LAYOUT_MAX_KEPT];
	struct irq *irq;
	struct loop *loop;
	struct console *console;
	struct serial *serial;
	struct power *power;
	struct pvpanic *pvpanic;
	struct rtc *rtc;
	struct pci_host *host;
	struct iommufd *iommufd; /* NULL without --device */
	struct machine_device devices[CONFIG_MAX_DEVICES];
	unsigned int nr_devices;
	struct machine_virtio virtio[CONFIG_MAX_VIRTIO];
	unsigned int nr_virtio;
	struct virtio_dev *channels; /* one of them, or NULL */
	struct vfio_set set; /* of their guest's side */
	uint32_t pci_slots; /* bit n: slot n of the root bus is in use */
	struct ram *ram;
	bool p2p; /* devices reach each other's BARs */
	/* kvm, vfio, iommufd, arch, console, p2p */
	struct sandbox_ioctls ioctls[6];
	struct vcpus *vcpus;

	/* Running. */
	int event_fd; /* wakes the loop for pending */
	unsigned int pending; /* bits of enum vm_event; dev_lock */
	int signal_fd;
	int winch_fd; /* SIGWINCH alone, which asks for no end */
	struct loop_source event_src, signal_src, winch_src;
	struct loop_timer timeout, grace, press;

	/* machine-drain.c's. */
	int rested_fd; /* told by threads of devices that have stopped */
	struct loop_source rested_src;
	struct loop_timer patience;
	void (*drained)(struct machine *m); /* what follows; NULL: no drain */
	bool ending; /* the guest is gone, the rest is the drain's */
	bool abandoned; /* threads may still use what others would free */
	uint64_t asked_ns; /* when a signal pressed the power button; 0: none */
	bool wanted; /* the host asked for a device, so the button is pressed */
	unsigned int nr_reboots;
	struct machine_result result;
};

/* machine-device.c: open, FILE_ADD, BIND, ATTACH; in reverse. */
int machine_open_device(struct machine *m, struct machine_device *d);
/* What the BARs of all devices add up to, as far as sysfs tells. */
uint64_t machine_bar_bytes(const struct run_config *cfg);
/* machine-attach.c: ATTACH alone.  0 or -errno, logged. */
int machine_attach_device(struct machine *m, struct machine_device *d);
/* -EPERM, logged with the device's name, if there is one that could forge
 * interrupts: any but mediated ones, where the host does not remap them. */
int machine_check_interrupts(const struct machine *m);
int machine_plug_device(struct machine *m, struct machine_device *d,
			unsigned int slot);
void machine_close_device(struct machine *m, struct machine_device *d);

/* machine-virtio.c: the models with what they open; their places, with all ports
 * plugged; their sources on the loop; their threads confined.  0 or -errno,
 * logged. */
int machine_open_virtio(struct machine *m);
int machine_plug_virtio(struct machine *m);
int machine_run_virtio(struct machine *m);
int machine_confine_virtio(struct machine *m);
/* Tells all to stop; false while one still uses the guest's memory, whose name
 * is then in *busy.  vCPUs parked, no lock. */
void machine_stop_virtio(struct machine *m);
bool machine_settle_virtio(struct machine *m, const char **busy);
void machine_virtio_stats(struct machine *m, struct json *j);
void machine_close_virtio(struct machine *m);

/* Takes a model that was just created, for the next place.  0 or -errno, logged,
 * and the model is destroyed. */
int machine_add_virtio(struct machine *m, struct virtio_dev *dev);

/* machine-disk.c and machine-share.c, of which a build without the library has
 * machine-no-*.c: the models of all that is configured.  0 or -errno, logged. */
int machine_open_disks(struct machine *m);
int machine_open_shares(struct machine *m);

/* machine-p2p.c: decides it, with all devices attached and the windows of
 * BARs placed.  0 or -errno, logged. */
int machine_choose_p2p(struct machine *m);

/* machine.c: a signal is there. */
bool machine_told_to_stop(const struct machine *m);

/*
 * machine-drain.c: on the loop, with vCPUs parked: calls then() when no virtio
 * device uses the guest's memory any more, which may be at once, or never where
 * the host does not answer.  A second call replaces the first.
 */
int machine_init_drain(struct machine *m);
void machine_fini_drain(struct machine *m);
void machine_drain(struct machine *m, void (*then)(struct machine *m));

/* machine-reset.c: power-on state of everything but the host's devices; all
 * vCPUs parked, virtio devices drained.  The first time and at each reboot. */
int machine_power_on(struct machine *m);
int machine_reboot(struct machine *m);

/* machine-run.c: the callbacks of vmevent.h and vfio-pci.h. */
void machine_event(void *opaque, enum vm_event ev);
void machine_device_wanted(void *opaque);
void machine_device_error(void *opaque);
/* Ctrl-a x. */
void machine_quit(void *opaque);

#endif
