// SPDX-License-Identifier: BSD-2-Clause
/*
 * Power-on: everything the guest finds at its first instruction, the first
 * time and at each reboot.  A reboot keeps the VM, vCPU, device and iommufd
 * fds and every DMA mapping; RAM is cleared by writing.
 */
#include <errno.h>

#include "bus.h"
#include "irq.h"
#include "log.h"
#include "machine-priv.h"
#include "pci.h"
#include "power.h"
#include "ram.h"
#include "rtc.h"
#include "serial.h"
#include "vcpu.h"
#include "vfio-pci.h"

static int load(struct machine *m, struct boot_entry *entry)
{
	const struct run_config *cfg = m->cfg;
	struct boot_params_in in = {
		.kernel_fd = m->kernel_fd,
		.kernel_name = cfg->kernel,
		.initrd_fd = m->initrd_fd,
		.initrd_name = m->session ? "initramfs" : cfg->initrd,
		.cmdline = cfg->append,
		.nr_cpus = cfg->cpus.nr,
		.pci_slots = m->pci_slots,
	};
	int r = arch_boot_load(m->ram, &m->layout, &in, entry);

	if (!r)
		stats_stage(m->stats, "load", NULL);
	return r;
}

int machine_power_on(struct machine *m)
{
	struct pci_windows windows = {
		.mmio32 = m->layout.mmio32,
		.mmio64 = m->layout.mmio64,
		.pio = m->layout.pio,
	};
	struct boot_entry entry;
	int r = pci_host_assign(m->host, &windows);

	if (!r)
		r = load(m, &entry);
	for (unsigned int i = 0; !r && i < vcpus_nr(m->vcpus); i++)
		r = arch_vcpu_reset(m->kvm, vcpus_fd(m->vcpus, i), i, &entry);
	return r;
}

static int reset_board(struct machine *m)
{
	/* From here on nothing reaches the guest from a device. */
	int r = vfio_set_reset(&m->set);

	if (!r)
		r = irq_reset(m->irq);
	if (!r)
		r = arch_vm_reset(m->kvm, vcpus_nr(m->vcpus));
	if (r)
		return r;
	serial_reset(m->serial);
	power_reset(m->power);
	rtc_reset(m->rtc);
	pci_host_reset(m->host);
	return 0;
}

static void clear_ram(void *opaque, unsigned int part, unsigned int nr)
{
	struct machine *m = opaque;

	ram_clear(m->ram, part, nr);
}

int machine_reboot(struct machine *m)
{
	int r;

	bus_lock(m->bus);
	r = reset_board(m);
	bus_unlock(m->bus);
	if (!r) {
		vcpus_share(m->vcpus, clear_ram, m);
		bus_lock(m->bus);
		r = machine_power_on(m);
		bus_unlock(m->bus);
	}
	if (r)
		log_err("cannot reboot the guest");
	m->nr_reboots++;
	return r;
}
