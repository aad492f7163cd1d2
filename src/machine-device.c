// SPDX-License-Identifier: BSD-2-Clause
/*
 * Brings one host device into the VM, and back out: open, KVM's FILE_ADD,
 * BIND, ATTACH, plug.  The order is the kernel's (Documentation/driver-api/
 * vfio.rst); taking apart is the exact reverse, or the device stays bound.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "iommufd.h"
#include "kvm.h"
#include "log.h"
#include "machine-priv.h"
#include "pci.h"
#include "sysfs.h"
#include "vfio-pci.h"
#include "vfio.h"

static const struct sysfs host_sysfs = { "" };

static int look_up(const struct device_config *cfg, struct sysfs_device *dev)
{
	switch (cfg->kind) {
	case DEVICE_BDF:
		return sysfs_read_pci(&host_sysfs, cfg->spec, dev);
	case DEVICE_MDEV:
		return sysfs_read_mdev(&host_sysfs, cfg->spec, dev);
	default:
		return sysfs_read_path(&host_sysfs, cfg->spec, dev);
	}
}

static int find(const struct device_config *cfg, struct sysfs_device *dev)
{
	char why[SYSFS_WHY_SIZE];
	int r = look_up(cfg, dev);

	if (r) {
		log_err("%s: cannot find the device: %s; 'wherry devices' "
			"lists what there is",
			cfg->spec, strerror(-r));
		return r;
	}
	if (sysfs_why_not(&host_sysfs, dev, why, sizeof(why))) {
		log_err("%s: cannot be assigned: %s", cfg->spec, why);
		return -ENODEV;
	}
	return 0;
}

struct explain {
	const struct sysfs_device *dev;
	bool by_fd;
};

/* BIND's errnos are ambiguous; sysfs and /proc tell which reason it was. */
static void explain_bind(void *opaque, int err, char *why, size_t size)
{
	const struct explain *e = opaque;
	char who[128];

	if (err == EPERM)
		sysfs_explain_eperm(&host_sysfs, e->dev, why, size);
	else if (err == EINVAL && e->by_fd)
		snprintf(why, size,
			 "it is bound already; if that was its launcher, pass "
			 "devid=N and --iommufd, else stop who holds it");
	else if (err == EINVAL &&
		 sysfs_node_holder(&host_sysfs, e->dev->rdev, who, sizeof(who)))
		snprintf(why, size, "in use by %s; stop it first", who);
}

/* What a descriptor is of, if sysfs can tell: with it, messages can say more.
 * The kernel says later if it is of no VFIO device. */
static void find_by_fd(const struct device_config *cfg,
		       struct sysfs_device *dev)
{
	char path[64];
	struct stat st;

	if (fstat(cfg->fd, &st) || !S_ISCHR(st.st_mode))
		return;
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u", major(st.st_rdev),
		 minor(st.st_rdev));
	if (sysfs_read_path(&host_sysfs, path, dev))
		memset(dev, 0, sizeof(*dev));
}

/* As far as it can be told.  Nothing is logged: the device may not be there,
 * which is found when it is opened. */
static void peek(const struct device_config *cfg, struct sysfs_device *dev)
{
	memset(dev, 0, sizeof(*dev));
	if (cfg->kind == DEVICE_FD)
		find_by_fd(cfg, dev);
	else if (look_up(cfg, dev))
		memset(dev, 0, sizeof(*dev));
}

static uint64_t bar_bytes(const struct device_config *cfg)
{
	struct sysfs_device dev;

	peek(cfg, &dev);
	return sysfs_bar_bytes(&dev);
}

/* One that a driver of the host's makes up: what sends interrupts is the
 * driver.  It needs no IOMMU, and BIND asks for none. */
static bool is_mediated(const struct device_config *cfg)
{
	struct sysfs_device dev;

	peek(cfg, &dev);
	return dev.mdev_api[0];
}

uint64_t machine_bar_bytes(const struct run_config *cfg)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < cfg->nr_devices; i++)
		if (__builtin_add_overflow(sum, bar_bytes(&cfg->devices[i]),
					   &sum))
			return UINT64_MAX;
	return sum;
}

/*
 * The driver learns of the VM at BIND; a FILE_ADD that comes later does not
 * reach it.  Drivers of PCI functions build on vfio-pci, which never asks,
 * those of mediated devices may.
 */
static int adopt(struct machine *m, struct machine_device *d,
		 const struct sysfs_device *dev)
{
	uint32_t devid = (uint32_t)d->cfg->devid;
	int r;

	if (!dev->bdf[0]) {
		log_err("%s: devid=%u: only for a PCI function that sysfs "
			"shows: the driver of another may need to know the VM "
			"before; pass it unbound",
			d->cfg->spec, devid);
		return -ENOTSUP;
	}
	r = iommufd_check_device(m->iommufd, devid, d->cfg->spec);
	return r ? r : vfio_adopt(d->vfio, devid);
}

static int bind_device(struct machine *m, struct machine_device *d,
		       const struct sysfs_device *dev)
{
	struct explain explain = { dev, d->cfg->kind == DEVICE_FD };
	struct vfio_why why = { explain_bind, &explain };
	int r;

	if (d->cfg->devid >= 0)
		r = adopt(m, d, dev);
	else
		r = vfio_bind(d->vfio, iommufd_fd(m->iommufd),
			      d->cfg->has_vf_token ? d->cfg->vf_token : NULL,
			      dev->name[0] ? &why : NULL);
	if (!r)
		stats_stage(m->stats, "bind", d->cfg->spec);
	return r;
}

int machine_check_interrupts(const struct machine *m)
{
	char unsafe[SYSFS_WHY_SIZE];

	if (!sysfs_unsafe_interrupts(&host_sysfs, unsafe, sizeof(unsafe)))
		return 0;
	for (unsigned int i = 0; i < m->cfg->nr_devices; i++) {
		const struct device_config *cfg = &m->cfg->devices[i];

		if (is_mediated(cfg))
			continue;
		log_err("%s: cannot be assigned: %s", cfg->spec, unsafe);
		return -EPERM;
	}
	return 0;
}

int machine_open_device(struct machine *m, struct machine_device *d)
{
	bool by_fd = d->cfg->kind == DEVICE_FD;
	struct sysfs_device dev;
	int r = 0;

	memset(&dev, 0, sizeof(dev));
	if (by_fd)
		find_by_fd(d->cfg, &dev);
	else
		r = find(d->cfg, &dev);
	if (r)
		return r;

	r = by_fd ? vfio_open_fd(&d->vfio, d->cfg->spec, d->cfg->fd, m->stats) :
		    vfio_open(&d->vfio, d->cfg->spec, dev.node, dev.rdev,
			      m->stats);
	if (r)
		return r;
	stats_stage(m->stats, "open", d->cfg->spec);

	/* Before BIND, which samples the VM: a driver that needs it would
	 * never see it otherwise. */
	r = kvm_vfio_add(m->kvm, vfio_fd(d->vfio), d->cfg->spec);
	if (r)
		return r;
	d->in_kvm = true;

	r = bind_device(m, d, &dev);
	if (!r)
		r = machine_attach_device(m, d);
	if (!r)
		stats_stage(m->stats, "attach", d->cfg->spec);
	return r;
}

int machine_plug_device(struct machine *m, struct machine_device *d,
			unsigned int slot)
{
	struct vfio_pci_params params = {
		.dev = d->vfio,
		.set = &m->set,
		.events = { machine_device_wanted, machine_device_error,
			    m->cfg->on_device_error == DEVICE_ERROR_IGNORE, m },
		.bus = m->bus,
		.irq = m->irq,
		.kvm = m->kvm,
		.iommufd = m->p2p ? m->iommufd : NULL,
		.require_p2p = m->cfg->p2p == P2P_ON,
		.rom = d->cfg->rom,
		.trap_bars = d->cfg->trap_bars,
		.ats = d->cfg->ats,
		.gpudirect = d->cfg->gpudirect,
		.gpudirect_clique = d->cfg->gpudirect_clique,
		.require_reset = d->cfg->require_reset,
		/* INTA: it is the only function there, whatever pin it has on
		 * the host (vfio-config.c sees to it). */
		.intx_gsi = pci_host_intx_gsi(m->layout.intx_gsi, slot, 1),
	};
	int r = vfio_pci_create(&d->pci, &params);

	if (!r)
		r = pci_port_create(&d->port, m->host, slot);
	if (!r)
		r = pci_port_plug(d->port, vfio_pci_dev(d->pci));
	if (!r)
		stats_stage(m->stats, "plug", d->cfg->spec);
	return r;
}

void machine_close_device(struct machine *m, struct machine_device *d)
{
	pci_port_destroy(d->port);
	d->port = NULL;
	vfio_pci_destroy(d->pci);
	d->pci = NULL;
	if (d->vfio && vfio_state(d->vfio) == VFIO_ATTACHED)
		(void)vfio_detach(d->vfio); /* logged; close follows anyway */
	if (d->in_kvm)
		(void)kvm_vfio_del(m->kvm, vfio_fd(d->vfio), d->cfg->spec);
	d->in_kvm = false;
	vfio_close(d->vfio);
	d->vfio = NULL;
	iommufd_free(m->iommufd, d->hwpt);
	d->hwpt = 0;
}
