// SPDX-License-Identifier: BSD-2-Clause
/*
 * The VM's virtio devices, from the configuration to their places on the root
 * bus: after the ports, in one order for every run.
 */
#include <errno.h>

#include "json.h"
#include "log.h"
#include "machine-priv.h"
#include "pci.h"
#include "virtio-pci.h"
#include "virtio-rng.h"
#include "virtio.h"

#define NR_SLOTS 32

/* Room for one more device; NULL, logged, when all slots are taken. */
static struct machine_virtio *next_device(struct machine *m)
{
	if (m->nr_virtio < CONFIG_MAX_VIRTIO)
		return &m->virtio[m->nr_virtio];
	log_err("more than %u virtio devices; the root bus has no place for "
		"them",
		CONFIG_MAX_VIRTIO);
	return NULL;
}

static int open_rng(struct machine *m)
{
	struct machine_virtio *d = next_device(m);
	int r = d ? virtio_rng_create(&d->dev) : -ENOSPC;

	m->nr_virtio += !r;
	return r;
}

int machine_open_virtio(struct machine *m)
{
	return m->cfg->rng ? open_rng(m) : 0;
}

static int free_slot(const struct machine *m)
{
	int slot = NR_SLOTS;

	/* After the last one in use, so that they keep their order. */
	while (slot > 0 && !(m->pci_slots >> (slot - 1) & 1))
		slot--;
	return slot < NR_SLOTS ? slot : -ENOSPC;
}

int machine_plug_virtio(struct machine *m)
{
	for (unsigned int i = 0; i < m->nr_virtio; i++) {
		struct machine_virtio *d = &m->virtio[i];
		int slot = free_slot(m);
		int r;

		if (slot < 0) {
			log_err("%s: no slot of the root bus is left after the "
				"ports of devices; leave out port= or a device",
				d->dev->name);
			return slot;
		}
		struct virtio_pci_params params = {
			.dev = d->dev,
			.host = m->host,
			.bus = m->bus,
			.irq = m->irq,
			.kvm = m->kvm,
			.ram = m->ram,
			.slot = (unsigned int)slot,
			.intx_gsi = pci_host_intx_gsi(m->layout.intx_gsi,
						      (unsigned int)slot, 1),
		};
		r = virtio_pci_create(&d->pci, &params);
		if (r)
			return r;
		m->pci_slots |= 1u << slot;
		stats_stage(m->stats, "plug", d->dev->name);
	}
	return 0;
}

int machine_run_virtio(struct machine *m)
{
	int r = 0;

	for (unsigned int i = 0; !r && i < m->nr_virtio; i++)
		r = virtio_pci_run(m->virtio[i].pci, m->loop);
	return r;
}

int machine_confine_virtio(struct machine *m)
{
	int r = 0;

	for (unsigned int i = 0; !r && i < m->nr_virtio; i++) {
		struct virtio_dev *dev = m->virtio[i].dev;

		if (dev->ops->confine)
			r = dev->ops->confine(dev, m->cfg->sandbox, m->ioctls,
					      ARRAY_SIZE(m->ioctls));
	}
	return r;
}

void machine_quiesce_virtio(struct machine *m)
{
	for (unsigned int i = 0; i < m->nr_virtio; i++)
		if (m->virtio[i].pci)
			virtio_pci_quiesce(m->virtio[i].pci);
}

void machine_virtio_stats(struct machine *m, struct json *j)
{
	json_array(j, "virtio");
	for (unsigned int i = 0; i < m->nr_virtio; i++) {
		json_object(j, NULL);
		json_str(j, "device", m->virtio[i].dev->name);
		virtio_pci_stats(m->virtio[i].pci, j);
		json_object_end(j);
	}
	json_array_end(j);
}

void machine_close_virtio(struct machine *m)
{
	machine_quiesce_virtio(m);
	for (unsigned int i = m->nr_virtio; i-- > 0;) {
		struct machine_virtio *d = &m->virtio[i];

		virtio_pci_destroy(d->pci);
		d->dev->ops->destroy(d->dev);
	}
}
