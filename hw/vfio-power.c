// SPDX-License-Identifier: BSD-2-Clause
/*
 * vfio-power - power states of an assigned function (PCI Power Management
 * 1.2, chapters 3 and 5). Owns what the guest wants and what the device does
 * of it. Its BARs, interrupts and config space are told, not known.
 *
 * A device that says so in PMCSR (No_Soft_Reset 0) comes back from D3hot as
 * after a reset, and the guest sees that: the kernel would put back what the
 * device had, which neither a driver nor a real device knows of. The same
 * device loses nothing in a deeper sleep either, so the host may send it
 * there. Others have been promised to keep their state: they stay in D3hot.
 */
#include "vfio-pci-priv.h"

#include <errno.h>

#include <linux/pci_regs.h>

#define D3HOT 3

static unsigned int control(const struct vfio_pci *v)
{
	return v->pm_cap + PCI_PM_CTRL;
}

void vfio_power_init(struct vfio_pci *v)
{
	if (v->pm_cap)
		v->no_soft_reset = vfio_config_hw_read(v, control(v), 2) &
				   PCI_PM_CTRL_NO_SOFT_RESET;
}

static unsigned int state(struct vfio_pci *v)
{
	return vfio_config_hw_read(v, control(v), 1) & PCI_PM_CTRL_STATE_MASK;
}

/* What the guest reads while the device sleeps must not wake it. */
static void take_snapshot(struct vfio_pci *v)
{
	struct pci_config *c = &v->dev.cfg;

	for (unsigned int i = 0; i < v->config_bytes; i += 4) {
		uint32_t emu = (uint32_t)load_le(c->emu + i, 4);
		uint32_t ours = (uint32_t)load_le(c->data + i, 4) & emu;

		if (emu != UINT32_MAX)
			store_le(c->data + i, 4,
				 ours | (vfio_config_hw_read(v, i, 4) & ~emu));
	}
}

static void park(struct vfio_pci *v)
{
	int r;

	if (v->no_soft_reset || v->cannot_park)
		return;
	take_snapshot(v);
	r = vfio_low_power(v->vfio, true);
	v->parked = !r;
	v->cannot_park = r == -ENOTTY;
	v->nr_parked += v->parked;
}

static void unpark(struct vfio_pci *v)
{
	(void)vfio_low_power(v->vfio, false); /* logged */
	v->parked = false;
}

void vfio_power_wake(struct vfio_pci *v)
{
	if (v->parked)
		unpark(v);
	if (!v->low_power)
		return;
	vfio_config_hw_write(v, control(v), 2, 0);
	v->slept = false;
	/* The kernel restores the one that the device fell asleep with. */
	v->host_command = VFIO_COMMAND_UNKNOWN;
}

void vfio_power_writing(struct vfio_pci *v, unsigned int off, unsigned int len,
			uint32_t val)
{
	uint8_t byte;

	if (!v->pm_cap)
		return;
	if (v->parked) {
		unpark(v);
		/* The host has woken it altogether. */
		vfio_config_hw_write(v, control(v), 2, D3HOT);
	}
	if (!vfio_write_covers(off, len, val, control(v), &byte) ||
	    !(byte & PCI_PM_CTRL_STATE_MASK))
		return;
	/* Out before the device goes to sleep, in after it has woken: between
	 * them an access would fault. */
	v->low_power = true;
	vfio_bars_update(v);
}

/* It is in D0: as it fell asleep, or as after a reset. */
static void woken(struct vfio_pci *v)
{
	bool is_reset = v->slept && !v->no_soft_reset;

	v->slept = false;
	v->host_command = VFIO_COMMAND_UNKNOWN;
	if (is_reset) {
		vfio_pci_quiesce(v);
		vfio_pci_power_on(v);
		return;
	}
	v->low_power = false;
	vfio_pci_write_command(v);
	vfio_bars_update(v);
}

/* A device may refuse a power state, and stay asleep or awake: it is asked. */
void vfio_power_written(struct vfio_pci *v, unsigned int off, unsigned int len)
{
	unsigned int now;

	if (!v->low_power || !ranges_overlap(off, len, control(v), 1))
		return;
	now = state(v);
	if (!now) {
		woken(v);
	} else if (now == D3HOT) {
		v->slept = true;
		park(v);
	}
}
