// SPDX-License-Identifier: BSD-2-Clause
/*
 * vfio-pci - one assigned function: acts on what the guest writes to config
 * space, and takes the guest's view through power-on and quiescence. Owns
 * struct vfio_pci; the overlay is vfio-config.c's, BARs are vfio-bar.c's,
 * interrupts vfio-irq.c's, power states vfio-power.c's, resets vfio-set.c's.
 */
#include "vfio-pci-priv.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "json.h"
#include "log.h"

/* Bits of COMMAND that reach the device as the guest set them. */
#define COMMAND_FORWARDED                                             \
	(PCI_COMMAND_MASTER | PCI_COMMAND_PARITY | PCI_COMMAND_SERR | \
	 PCI_COMMAND_INTX_DISABLE)

static struct vfio_pci *to_vfio(struct pci_dev *dev)
{
	return container_of(dev, struct vfio_pci, dev);
}

/*
 * The device decodes memory and I/O from BIND on, whatever the guest says:
 * clearing the bits would zap every mapping of its BARs. What the guest
 * decodes is a matter of memslots alone.
 */
void vfio_pci_write_command(struct vfio_pci *v)
{
	uint32_t guest = pci_config_get(&v->dev.cfg, PCI_COMMAND, 2);
	uint16_t want = (uint16_t)((guest & COMMAND_FORWARDED) |
				   PCI_COMMAND_MEMORY | PCI_COMMAND_IO);

	if (want == v->host_command)
		return;
	vfio_config_hw_write(v, PCI_COMMAND, 2, want);
	v->host_command = want;
	if (want & PCI_COMMAND_MASTER)
		v->touched = v->was_master = true;
}

static uint32_t config_read(struct pci_dev *dev, unsigned int off,
			    unsigned int len)
{
	struct vfio_pci *v = to_vfio(dev);
	uint32_t emu = (uint32_t)load_le(dev->cfg.emu + off, len);

	if (!v->parked)
		vfio_irqs_config_read(v, off, len);
	/* BARs are never the device's. */
	if (emu == (uint32_t)all_ones(len) || v->parked)
		return pci_dev_config_read(dev, off, len);
	return pci_config_merge(&dev->cfg, off, len,
				vfio_config_hw_read(v, off, len));
}

bool vfio_write_covers(unsigned int off, unsigned int len, uint32_t val,
		       unsigned int reg, uint8_t *byte)
{
	if (reg < off || reg >= off + len)
		return false;
	*byte = (uint8_t)(val >> ((reg - off) * 8));
	return true;
}

static bool asks_reset(const struct vfio_pci *v, unsigned int off,
		       unsigned int len, uint32_t val)
{
	uint8_t byte;

	if (v->exp_cap &&
	    vfio_write_covers(off, len, val, v->exp_cap + PCI_EXP_DEVCTL + 1,
			      &byte) &&
	    byte & PCI_EXP_DEVCTL_BCR_FLR >> 8)
		return true;
	return v->af_cap &&
	       vfio_write_covers(off, len, val, v->af_cap + PCI_AF_CTRL,
				 &byte) &&
	       byte & PCI_AF_CTRL_FLR;
}

static void config_write(struct pci_dev *dev, unsigned int off,
			 unsigned int len, uint32_t val)
{
	struct vfio_pci *v = to_vfio(dev);

	if (asks_reset(v, off, len, val)) {
		(void)vfio_pci_reset(v); /* logged */
		return;
	}
	vfio_power_writing(v, off, len, val);
	pci_dev_config_write(dev, off, len, val);
	if (ranges_overlap(off, len, PCI_COMMAND, 2))
		vfio_pci_write_command(v);
	vfio_config_forward(v, off, len, val);
	vfio_power_written(v, off, len);
	vfio_irqs_config_written(v, off, len);
}

static void decode_changed(struct pci_dev *dev)
{
	vfio_bars_update(to_vfio(dev));
}

void vfio_pci_quiesce(struct vfio_pci *v)
{
	pci_config_set(&v->dev.cfg, PCI_COMMAND, 2, 0);
	if (v->host_command)
		vfio_pci_write_command(v);
	vfio_irqs_quiesce(v);
	vfio_bars_update(v);
}

void vfio_pci_power_on(struct vfio_pci *v)
{
	memcpy(v->dev.cfg.data, v->power_on, sizeof(v->power_on));
	pci_bars_reset(&v->dev.bars);
	v->low_power = v->was_master = false;
	vfio_bars_update(v);
}

static void reset(struct pci_dev *dev)
{
	(void)vfio_pci_reset(to_vfio(dev)); /* logged */
}

static const struct pci_dev_ops dev_ops = {
	.config_read = config_read,
	.config_write = config_write,
	.decode_changed = decode_changed,
	.reset = reset,
};

static struct vfio_pci *allocate(const struct vfio_pci_params *p)
{
	struct vfio_pci *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->dev.ops = &dev_ops;
	v->dev.name = vfio_name(p->dev);
	v->vfio = p->dev;
	v->bus = p->bus;
	v->irq = p->irq;
	v->kvm = p->kvm;
	v->iommufd = p->iommufd;
	v->require_p2p = p->require_p2p;
	v->rom = p->rom;
	v->trap_bars = p->trap_bars;
	v->require_reset = p->require_reset;
	v->ats = p->ats;
	v->gpudirect_clique = p->gpudirect ? p->gpudirect_clique : -1;
	v->intx_gsi = p->intx_gsi;
	v->events = p->events;
	v->irqs.intx.src.fd = -1;
	v->irqs.intx.resample.fd = -1;
	v->irqs.intx.line_fd = -1;
	v->err_src.fd = -1;
	v->req_src.fd = -1;
	return v;
}

int vfio_pci_create(struct vfio_pci **out, const struct vfio_pci_params *p)
{
	struct vfio_pci *v = allocate(p);
	int r = -ENOMEM;

	if (!v) {
		log_err("%s: cannot be assigned: out of memory",
			vfio_name(p->dev));
		goto err;
	}
	r = vfio_config_init(v);
	if (!r)
		r = vfio_irqs_init(v);
	if (r)
		goto err;
	/* Memory has to be decoded before a BAR is first touched. */
	vfio_pci_write_command(v);
	r = vfio_bars_init(v);
	if (!r)
		r = vfio_p2p_init(v);
	if (r)
		goto err;
	memcpy(v->power_on, v->dev.cfg.data, sizeof(v->power_on));
	vfio_power_init(v);
	vfio_set_add(p->set, v);
	*out = v;
	return 0;
err:
	vfio_pci_destroy(v);
	return r;
}

struct pci_dev *vfio_pci_dev(struct vfio_pci *v)
{
	return &v->dev;
}

int vfio_pci_start(struct vfio_pci *v, struct loop *loop)
{
	int r = vfio_irqs_start(v, loop);

	return r ? r : vfio_events_start(v, loop);
}

void vfio_pci_destroy(struct vfio_pci *v)
{
	if (!v)
		return;
	vfio_events_stop(v);
	vfio_set_remove(v);
	vfio_pci_quiesce(v);
	vfio_irqs_fini(v);
	vfio_p2p_fini(v);
	vfio_bars_fini(v);
	free(v);
}

void vfio_pci_stats(struct vfio_pci *v, struct json *j)
{
	unsigned int made = 0, memslots = 0;

	/* How many the guest has ever used: at the end none is in use. */
	for (unsigned int i = 0; i < v->irqs.nr_vectors; i++)
		made += v->irqs.vectors[i].fd >= 0;
	json_array(j, "bars");
	for (unsigned int i = 0; i < VFIO_NR_BARS; i++) {
		const struct vfio_bar *bar = &v->bars[i];

		if (!bar->region || !bar->region->size)
			continue;
		json_object(j, NULL);
		json_str(j, "name", bar->name);
		json_u64(j, "bytes", bar->trap.size);
		json_u64(j, "areas", bar->nr_areas);
		json_u64(j, "reads", bar->trap.nr_reads);
		json_u64(j, "writes", bar->trap.nr_writes);
		json_object_end(j);
		for (unsigned int k = 0; k < bar->nr_areas; k++)
			memslots += bar->slots[k] != UINT_MAX;
	}
	json_array_end(j);
	json_u64(j, "memslots", memslots);
	json_u64(j, "memslots_made", v->nr_memslots_made);
	json_u64(j, "host_maps", v->nr_host_maps);
	json_u64(j, "p2p_maps", v->nr_p2p_maps);
	json_u64(j, "vectors", made);
	json_u64(j, "masks", v->irqs.nr_masks);
	json_u64(j, "unmasks", v->irqs.nr_unmasks);
	json_u64(j, "relayed", v->irqs.intx.nr_relayed);
	json_u64(j, "config_reads", v->nr_config_reads);
	json_u64(j, "config_writes", v->nr_config_writes);
	json_u64(j, "resets", v->nr_resets);
	json_u64(j, "bus_resets", v->nr_bus_resets);
	json_u64(j, "low_power", v->nr_parked);
}
