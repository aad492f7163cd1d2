// SPDX-License-Identifier: BSD-2-Clause
/*
 * vfio-set - resets of assigned functions. Owns which reset is due: the
 * function's own, or one of its whole bus, which reaches others as well. They
 * have to be this VM's, and at rest. What is quiet and what the guest finds
 * afterwards is vfio-pci.c's.
 */
#include "vfio-pci-priv.h"

#include <errno.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "log.h"

static bool has_flr(struct vfio_pci *v)
{
	if (v->exp_cap &&
	    vfio_config_hw_read(v, v->exp_cap + PCI_EXP_DEVCAP, 4) &
		    PCI_EXP_DEVCAP_FLR)
		return true;
	return v->af_cap && vfio_config_hw_read(v, v->af_cap + PCI_AF_CAP, 1) &
				    PCI_AF_CAP_FLR;
}

void vfio_set_add(struct vfio_set *set, struct vfio_pci *v)
{
	/* Many devices keep through D3hot what they should lose: a reset of
	 * the bus is preferred. */
	v->weak_reset = v->pm_cap && !v->no_soft_reset && !has_flr(v);
	v->touched = v->weak_reset || !vfio_can_reset(v->vfio);
	v->set = set;
	if (!set)
		return;
	v->next = set->first;
	set->first = v;
}

void vfio_set_remove(struct vfio_pci *v)
{
	struct vfio_pci **at;

	for (at = v->set ? &v->set->first : &v->next; *at; at = &(*at)->next)
		if (*at == v) {
			*at = v->next;
			break;
		}
	v->set = NULL;
}

static struct vfio_pci *find(struct vfio_pci *v, uint32_t devid)
{
	struct vfio_pci *s = v->set ? v->set->first : v;

	while (s && vfio_devid(s->vfio) != devid)
		s = s->next;
	return s;
}

/*
 * Whether a driver in the guest would notice.  Linux leaves memory and I/O
 * decoded when a driver goes; what tells is that it has been bus master and is
 * no more.  One that never was may be driven without DMA.
 */
static bool in_use(const struct vfio_pci *v)
{
	uint32_t cmd = pci_config_get(&v->dev.cfg, PCI_COMMAND, 2);

	return v->low_power || cmd & PCI_COMMAND_MASTER ||
	       v->irqs.mode == VFIO_IRQ_MSI || v->irqs.mode == VFIO_IRQ_MSIX ||
	       (cmd & (PCI_COMMAND_IO | PCI_COMMAND_MEMORY) && !v->was_master);
}

/*
 * Takes the BARs of all out, and in again.  One whose driver has gone decodes
 * memory still: its BARs would fault, and what peers had mapped be dead for
 * good.  What is shown again counts as touched.
 */
static void set_in_reset(struct vfio_pci *v, const uint32_t *devids, int nr,
			 bool in_reset)
{
	for (int i = 0; i < nr; i++) {
		struct vfio_pci *s = find(v, devids[i]);

		s->in_bus_reset = in_reset;
		vfio_bars_update(s);
	}
}

static int try_bus_reset(struct vfio_pci *v)
{
	uint32_t devids[VFIO_MAX_RESET_SET];
	int nr = vfio_hot_reset_set(v->vfio, devids, ARRAY_SIZE(devids));
	int r;

	if (nr < 0)
		return nr;
	for (int i = 0; i < nr; i++) {
		const struct vfio_pci *s = find(v, devids[i]);

		/* Bound to the same iommufd, by whoever passed it to us. */
		if (!s)
			return -EPERM;
		if (s != v && in_use(s))
			return -EBUSY;
	}
	set_in_reset(v, devids, nr, true);
	r = vfio_hot_reset(v->vfio);
	for (int i = 0; !r && i < nr; i++)
		find(v, devids[i])->touched = false;
	set_in_reset(v, devids, nr, false);
	v->nr_bus_resets += !r;
	return r;
}

static const char *why_not(int err)
{
	switch (-err) {
	case ENODEV:
		return "neither it nor the bus it is on has a reset";
	case EPERM:
		return "a reset of its bus would reach devices that are not this VM's";
	case EBUSY:
		return "a reset of its bus would reach devices that the guest uses";
	case ENOTTY:
		return "the link did not come back from a reset of its bus";
	default:
		return strerror(-err);
	}
}

/* What failed for good is not tried again where there is something else. */
static int bus_reset(struct vfio_pci *v)
{
	int last = v->bus_reset_error;

	if (last && last != -EPERM && last != -EBUSY && vfio_can_reset(v->vfio))
		return last;
	v->bus_reset_error = try_bus_reset(v);
	return v->bus_reset_error;
}

/* 0 also where there is no reset: the user knows. */
static int reset_device(struct vfio_pci *v)
{
	bool own = vfio_can_reset(v->vfio);
	int last = v->bus_reset_error, r = -ENODEV;

	v->nr_resets++;
	if (!own || v->weak_reset)
		r = bus_reset(v);
	if (r && own)
		r = vfio_reset(v->vfio);
	if (!r)
		v->touched = false;
	if (!r || own)
		return r;
	if (r != last)
		log_guest(&v->rl, "%s: is not reset: %s", v->dev.name,
			  why_not(r));
	return v->require_reset ? r : 0;
}

static void rest(struct vfio_pci *v)
{
	vfio_power_wake(v);
	vfio_pci_quiesce(v);
}

int vfio_pci_reset(struct vfio_pci *v)
{
	int r;

	rest(v);
	/* Resets can take a tenth of a second. */
	r = v->touched ? reset_device(v) : 0;
	vfio_pci_power_on(v);
	return r;
}

int vfio_set_reset(struct vfio_set *set)
{
	struct vfio_pci *v;
	int r = 0;

	for (v = set->first; v; v = v->next)
		rest(v);
	for (v = set->first; v && !r; v = v->next)
		r = v->touched ? reset_device(v) : 0;
	for (v = set->first; v; v = v->next)
		vfio_pci_power_on(v);
	return r;
}

/* BIND has reset what can be reset alone. */
static int first_reset(struct vfio_pci *v)
{
	int r = v->touched ? bus_reset(v) : 0;

	if (!r)
		return 0;
	if (vfio_can_reset(v->vfio)) {
		v->touched = false;
		return 0;
	}
	if (v->require_reset) {
		log_err("%s: require-reset: it cannot be reset: %s; %s",
			v->dev.name, why_not(r),
			r == -EPERM ?
				"assign all of them to this VM, or leave require-reset out" :
				"leave require-reset out to take it as it is");
		return -ENOTSUP;
	}
	log_notice(
		"%s: cannot be reset: %s; its state stays as it is when the guest reboots",
		v->dev.name, why_not(r));
	return 0;
}

int vfio_set_start(struct vfio_set *set)
{
	int r = 0;

	for (struct vfio_pci *v = set->first; v && !r; v = v->next)
		r = first_reset(v);
	return r;
}
