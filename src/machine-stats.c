// SPDX-License-Identifier: BSD-2-Clause
/*
 * The --stats report: one JSON object, written when the VM has ended.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bus.h"
#include "fd.h"
#include "iommufd.h"
#include "irq.h"
#include "json.h"
#include "kvm.h"
#include "log.h"
#include "machine-priv.h"
#include "ram.h"
#include "vcpu.h"
#include "vfio-pci.h"

/* A device is opened, bound, attached and plugged in. */
_Static_assert(4 * CONFIG_MAX_DEVICES + 32 <= STATS_MAX_STAGES,
	       "with the most devices the last stages have room");

static void write_stages(const struct stats *s, struct json *j)
{
	json_array(j, "stages");
	for (unsigned int i = 0; i < s->nr_stages; i++) {
		const struct stats_stage *st = &s->stages[i];

		json_object(j, NULL);
		json_str(j, "name", st->name);
		if (st->device[0])
			json_str(j, "device", st->device);
		json_u64(j, "us", st->us);
		json_object_end(j);
	}
	json_array_end(j);
}

static void write_range(void *opaque, const struct bus_range *range)
{
	struct json *j = opaque;

	if (!range->nr_reads && !range->nr_writes)
		return;
	json_object(j, NULL);
	json_str(j, "name", range->name);
	json_u64(j, "reads", range->nr_reads);
	json_u64(j, "writes", range->nr_writes);
	json_object_end(j);
}

static void write_accesses(struct machine *m, struct json *j)
{
	json_array(j, "accesses");
	bus_lock(m->bus);
	bus_for_each(m->bus, write_range, j);
	json_array_end(j);
	json_u64(j, "accesses_unclaimed", bus_unclaimed(m->bus));
	bus_unlock(m->bus);
}

/*
 * Proportional set size of everything but guest RAM, in KiB: in smaps a line
 * "start-end perms ... name" opens each mapping, and its Pss follows.
 */
static void write_memory(struct machine *m, struct json *j)
{
	uint64_t own = 0, guest = 0, kib, start, last;
	bool is_guest = false;
	char line[512];
	FILE *f;

	if (m->smaps_fd < 0)
		return;
	f = fdopen(m->smaps_fd, "r");
	if (!f)
		return;
	m->smaps_fd = -1;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &start, &last) ==
		    2)
			is_guest = strstr(line, RAM_MEMFD_NAME);
		else if (sscanf(line, "Pss: %" SCNu64 " kB", &kib) == 1)
			*(is_guest ? &guest : &own) += kib;
	}
	fclose(f);
	json_u64(j, "own_pss_kib", own);
	json_u64(j, "guest_pss_kib", guest);
}

static void write_devices(struct machine *m, struct json *j)
{
	json_array(j, "devices");
	for (unsigned int i = 0; i < m->nr_devices; i++) {
		json_object(j, NULL);
		json_str(j, "device", m->devices[i].cfg->spec);
		vfio_pci_stats(m->devices[i].pci, j);
		json_object_end(j);
	}
	json_array_end(j);
}

static void write_report(struct machine *m, struct json *j)
{
	const struct stats *s = m->stats;

	json_object(j, NULL);
	json_str(j, "name", m->cfg->name);
	json_u64(j, "cpus", m->cfg->cpus.nr);
	json_u64(j, "memory_bytes", m->cfg->memory.bytes);
	json_u64(j, "memory_thp_bytes", ram_huge_bytes(m->ram));
	write_stages(s, j);
	vcpus_stats(m->vcpus, j);
	write_accesses(m, j);
	json_u64(j, "user_interrupts", irq_nr_raised(m->irq));
	json_u64(j, "dma_mapped_bytes", s->dma_mapped_bytes);
	json_u64(j, "p2p_mapped_bytes", s->p2p_mapped_bytes);
	if (m->iommufd)
		json_bool(j, "dma_mapped_by_file",
			  iommufd_maps_by_file(m->iommufd));
	json_object(j, "ioctls");
	json_u64(j, "kvm", s->ioctls[STATS_KVM]);
	json_u64(j, "iommufd", s->ioctls[STATS_IOMMUFD]);
	json_u64(j, "vfio", s->ioctls[STATS_VFIO]);
	json_object_end(j);
	json_u64(j, "memslots", kvm_nr_memslots(m->kvm));
	json_u64(j, "reboots", m->nr_reboots);
	write_devices(m, j);
	machine_virtio_stats(m, j);
	write_memory(m, j);
	json_object_end(j);
}

int machine_write_stats(struct machine *m)
{
	char *text cleanup_free = NULL;
	struct json j;
	size_t len;
	FILE *f;
	int r;

	if (m->stats_fd < 0)
		return 0;
	/* In memory first: a stream would ask whether it is a terminal, which a
	 * confined thread may not. */
	f = open_memstream(&text, &len);
	if (!f)
		return -errno;
	json_init(&j, f);
	write_report(m, &j);
	r = fclose(f) ? -errno : fd_write_all(m->stats_fd, text, len);
	fd_close(&m->stats_fd);
	if (r)
		log_err("%s: cannot write the statistics: %s",
			m->cfg->stats_path, strerror(-r));
	return r;
}
