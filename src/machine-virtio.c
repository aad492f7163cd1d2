// SPDX-License-Identifier: BSD-2-Clause
/*
 * The VM's virtio devices, from the configuration to their places on the root
 * bus: after the ports, in one order for every run.
 */
#include <errno.h>

#include "console.h"
#include "json.h"
#include "log.h"
#include "machine-priv.h"
#include "pci.h"
#include "virtio-console.h"
#include "virtio-pci.h"
#include "virtio-rng.h"
#include "virtio.h"

#define NR_SLOTS 32

int machine_add_virtio(struct machine *m, struct virtio_dev *dev)
{
	if (m->nr_virtio < CONFIG_MAX_VIRTIO) {
		m->virtio[m->nr_virtio++].dev = dev;
		return 0;
	}
	log_err("more than %u virtio devices; the root bus has no place for "
		"them",
		CONFIG_MAX_VIRTIO);
	dev->ops->destroy(dev);
	return -ENOSPC;
}

static int open_rng(struct machine *m)
{
	struct virtio_dev *dev;
	int r;

	if (!m->cfg->rng)
		return 0;
	r = virtio_rng_create(&dev);
	return r ? r : machine_add_virtio(m, dev);
}

static int open_console(struct machine *m)
{
	struct virtio_dev *dev;
	int r;

	if (!m->cfg->console.is_virtio)
		return 0;
	r = virtio_console_create(&dev, m->console, machine_quit, m);
	return r ? r : machine_add_virtio(m, dev);
}

static int open_channel(const struct channel_config *cfg,
			struct virtio_channel *ch)
{
	static const enum console_mode modes[] = {
		[CHANNEL_UNIX] = CONSOLE_TO_UNIX,
		[CHANNEL_FILE] = CONSOLE_TO_FILE,
		[CHANNEL_FD] = CONSOLE_TO_FD,
	};
	struct console_params params = {
		.name = cfg->name,
		.mode = modes[cfg->kind],
		.path = cfg->path,
		.fd = cfg->fd,
		.keep = true,
	};

	ch->name = cfg->name;
	return console_create(&ch->con, &params);
}

static int open_port(const struct machine_session *session, unsigned int i,
		     struct virtio_channel *ch)
{
	const struct machine_port *port = &session->ports[i];
	struct console_params params = {
		.name = port->name,
		.mode = CONSOLE_TO_FD,
		.fd = port->fd,
		.way = port->way,
		.typed = port->typed,
		.left = port->left,
		.opaque = session->opaque,
		.keep = true,
	};

	ch->name = port->name;
	return console_create(&ch->con, &params);
}

static int open_channels(struct machine *m)
{
	unsigned int nr_ports = m->session ? m->session->nr_ports : 0;
	unsigned int nr, max = nr_ports + m->cfg->nr_channels;
	struct virtio_dev *dev;
	struct virtio_channel channels[VIRTIO_CONSOLE_MAX_PORTS];
	int r = 0;

	if (max > VIRTIO_CONSOLE_MAX_PORTS) {
		log_err("--channel: %u too many; %u are possible beside those of "
			"the command",
			max - VIRTIO_CONSOLE_MAX_PORTS,
			VIRTIO_CONSOLE_MAX_PORTS - nr_ports);
		return -ENOSPC;
	}
	for (nr = 0; nr < max; nr++) {
		r = nr < nr_ports ?
			    open_port(m->session, nr, &channels[nr]) :
			    open_channel(&m->cfg->channels[nr - nr_ports],
					 &channels[nr]);
		if (r)
			break;
	}
	if (r) {
		while (nr-- > 0)
			console_destroy(channels[nr].con);
		return r;
	}
	if (!nr)
		return 0;
	r = virtio_channels_create(&dev, channels, nr, machine_quit, m);
	if (r)
		return r;
	m->channels = dev;
	return machine_add_virtio(m, dev);
}

int machine_open_virtio(struct machine *m)
{
	/* In the order of their slots. */
	static int (*const openers[])(struct machine * m) = {
		machine_open_disks, open_console,	 open_channels,
		open_rng,	    machine_open_shares,
	};
	int r = 0;

	for (size_t i = 0; !r && i < ARRAY_SIZE(openers); i++)
		r = openers[i](m);
	return r;
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
		d->dev->rested_fd = m->rested_fd;
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

void machine_stop_virtio(struct machine *m)
{
	for (unsigned int i = 0; i < m->nr_virtio; i++)
		virtio_pci_stop(m->virtio[i].pci);
}

bool machine_settle_virtio(struct machine *m, const char **busy)
{
	*busy = NULL;
	for (unsigned int i = 0; i < m->nr_virtio; i++)
		if (!virtio_pci_settle(m->virtio[i].pci))
			*busy = m->virtio[i].dev->name;
	return !*busy;
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
	for (unsigned int i = m->nr_virtio; i-- > 0;) {
		struct machine_virtio *d = &m->virtio[i];

		if (d->pci)
			virtio_pci_quiesce(d->pci);
		virtio_pci_destroy(d->pci);
		d->dev->ops->destroy(d->dev);
	}
}

void machine_drain_ports(struct machine *m, void (*drained)(void *opaque),
			 void *opaque)
{
	if (m->channels)
		virtio_channels_drain(m->channels, drained, opaque);
	else
		drained(opaque);
}
