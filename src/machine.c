// SPDX-License-Identifier: BSD-2-Clause
/*
 * Builds one VM from a const config in visible order and destroys it in
 * reverse.  What happens while it runs is machine-run.c's; what an assigned
 * device needs, machine-device.c's.
 */
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "boot.h"
#include "bus.h"
#include "console.h"
#include "fd.h"
#include "iommufd-memlock.h"
#include "iommufd.h"
#include "irq.h"
#include "kvm.h"
#include "log.h"
#include "machine-priv.h"
#include "pci.h"
#include "power.h"
#include "pvpanic.h"
#include "ram.h"
#include "rtc.h"
#include "serial.h"
#include "vcpu.h"
#include "vfio.h"
#include "vmevent.h"

static int open_files(struct machine *m)
{
	const struct run_config *cfg = m->cfg;
	int r = boot_open("kernel", cfg->kernel, &m->kernel_fd);

	if (!r && m->session) {
		m->initrd_fd = fcntl(m->session->initrd_fd, F_DUPFD_CLOEXEC, 0);
		r = m->initrd_fd < 0 ? -errno : 0;
		if (r)
			log_err("initramfs: %s", strerror(-r));
	} else if (!r && cfg->initrd)
		r = boot_open("initrd", cfg->initrd, &m->initrd_fd);
	if (r || !cfg->stats_path)
		return r;

	m->stats_fd = open(cfg->stats_path,
			   O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY,
			   0600);
	if (m->stats_fd < 0) {
		r = -errno;
		log_err("%s: cannot write the statistics: %s", cfg->stats_path,
			strerror(-r));
		return r;
	}
	/* Absent without /proc: then the report has no own memory. */
	m->smaps_fd = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);
	return 0;
}

static int create_vm(struct machine *m)
{
	const struct arch_vm_params params = {
		.flags = m->cfg->slot_zap_all ? ARCH_VM_SLOT_ZAP_ALL : 0,
		.ram_bytes = m->cfg->memory.bytes,
		.nr_devices = m->cfg->nr_devices,
		.bar_bytes = machine_bar_bytes(m->cfg),
	};
	int r = kvm_create(&m->kvm, m->cfg->kvm, m->stats);

	if (!r)
		r = arch_vm_create(m->kvm, &params);
	if (!r)
		r = arch_phys_bits(m->kvm, &params, &m->phys_bits);
	if (!r)
		r = arch_layout_init(&m->layout, m->cfg->memory.bytes,
				     m->phys_bits);
	if (r)
		return r;
	/* One bus below each root port and no more: a guest probes every bus
	 * that there could be, at the price of 32 exits each. */
	m->layout.ecam.size = MIB(1 + m->cfg->nr_devices);
	stats_stage(m->stats, "kvm", NULL);
	return 0;
}

static int create_console(struct machine *m)
{
	static const enum console_mode modes[] = {
		[CONSOLE_STDIO] = CONSOLE_TO_STDIO,
		[CONSOLE_FILE] = CONSOLE_TO_FILE,
		[CONSOLE_UNIX] = CONSOLE_TO_UNIX,
		[CONSOLE_OFF] = CONSOLE_TO_NOTHING,
	};
	struct console_params params = {
		.name = "console",
		.mode = modes[m->cfg->console.kind],
		.path = m->cfg->console.path,
	};

	if (m->session) {
		params.mode = CONSOLE_TO_FD;
		params.fd = m->session->console_fd;
		params.way = CONSOLE_OUT;
	}
	return console_create(&m->console, &params);
}

static int create_board(struct machine *m)
{
	struct kvm_route routes[ARCH_MAX_FIXED_ROUTES];
	struct vm_events events = { machine_event, m };
	const struct layout *l = &m->layout;
	int r = bus_create(&m->bus);

	for (unsigned int i = 0; !r && i < l->nr_kept; i++)
		r = bus_keep(m->bus, &m->kept[i], l->kept[i].start,
			     l->kept[i].size);
	if (!r)
		r = bus_map_ports(m->bus, l->pio_mmio.start, l->pio_mmio.size);
	if (!r)
		r = irq_create(&m->irq, m->kvm, routes,
			       arch_fixed_routes(routes), l->first_msi_gsi);
	if (!r)
		r = loop_create(&m->loop);
	if (!r)
		r = create_console(m);
	if (!r)
		r = serial_create(&m->serial, m->bus, l->uart.space,
				  l->uart.base, m->irq, l->uart_gsi,
				  m->console);
	if (!r)
		r = power_create(&m->power, m->bus, &l->power, m->irq,
				 l->power_gsi, events);
	if (!r)
		r = pvpanic_create(&m->pvpanic, m->bus, &l->pvpanic, events);
	if (!r)
		r = rtc_create(&m->rtc, m->bus, &l->rtc);
	if (!r)
		r = pci_host_create(&m->host, m->bus, &l->ecam);
	return r;
}

static int open_devices(struct machine *m)
{
	int r;

	if (!m->cfg->nr_devices)
		return 0;
	r = machine_check_interrupts(m);
	if (r)
		return r;
	memlock_warn("/proc", m->cfg->memory.bytes);
	r = iommufd_create(&m->iommufd, m->cfg->iommufd, m->stats);
	if (r)
		return r;
	stats_stage(m->stats, "iommufd", NULL);
	/* Pinned before the first attach: a device that cannot reach all RAM
	 * is then refused by name. */
	r = iommufd_allow(m->iommufd, m->layout.ram, m->layout.nr_ram);
	if (r)
		return r;
	for (unsigned int i = 0; i < m->cfg->nr_devices; i++) {
		struct machine_device *d = &m->devices[i];

		d->cfg = &m->cfg->devices[i];
		m->nr_devices++;
		r = machine_open_device(m, d);
		if (r)
			return r;
	}
	return 0;
}

/* The last address that every attached device can reach. */
static int last_iova(struct machine *m, uint64_t *last)
{
	struct range *ranges cleanup_free = NULL;
	unsigned int nr;
	int r;

	*last = UINT64_MAX;
	if (!m->iommufd)
		return 0;
	r = iommufd_ranges(m->iommufd, iommufd_ioas(m->iommufd), &ranges, &nr);
	if (r)
		return r;
	if (nr)
		*last = ranges[nr - 1].start + (ranges[nr - 1].size - 1);
	return 0;
}

static int place_windows(struct machine *m)
{
	uint64_t last;
	int r = last_iova(m, &last);

	return r ? r : arch_layout_window(&m->layout, m->phys_bits, last);
}

static int create_ram(struct machine *m)
{
	const struct memory_config *cfg = &m->cfg->memory;
	struct ram_params params = {
		.ranges = m->layout.ram,
		.nr_ranges = m->layout.nr_ram,
		.hugepage_bytes = cfg->hugepage_bytes,
		.prealloc = cfg->prealloc,
		.thp = cfg->thp == THP_ON  ? 1 :
		       cfg->thp == THP_OFF ? 0 :
					     -1,
		.host_node = cfg->host_node,
		.pinned = m->cfg->nr_devices > 0,
	};
	int r = ram_create(&m->ram, &params);

	if (r)
		return r;
	for (unsigned int i = 0; i < ram_nr_ranges(m->ram); i++) {
		const struct ram_range *range = ram_range(m->ram, i);
		unsigned int slot;

		r = kvm_memslot_add(m->kvm, range->gpa, range->size, range->hva,
				    false, &slot);
		if (r)
			return r;
	}
	stats_stage(m->stats, "ram", NULL);
	return 0;
}

static int map_ram(struct machine *m)
{
	if (!m->iommufd)
		return 0;
	for (unsigned int i = 0; i < ram_nr_ranges(m->ram); i++) {
		const struct ram_range *range = ram_range(m->ram, i);
		int r = iommufd_map(m->iommufd, range->gpa, range->size,
				    ram_fd(m->ram), range->offset, range->hva,
				    ram_bytes(m->ram));

		if (r)
			return r;
	}
	stats_stage(m->stats, "map", NULL);
	return 0;
}

/* Devices without port= get the ports in order, around those that are
 * taken. */
static int plug_devices(struct machine *m)
{
	bool taken[CONFIG_MAX_DEVICES + 1] = { false };
	unsigned int next = 1;

	for (unsigned int i = 0; i < m->nr_devices; i++)
		if (m->devices[i].cfg->port > 0)
			taken[m->devices[i].cfg->port] = true;
	for (unsigned int i = 0; i < m->nr_devices; i++) {
		struct machine_device *d = &m->devices[i];
		unsigned int slot;
		int r;

		while (d->cfg->port < 0 && taken[next])
			next++;
		slot = d->cfg->port > 0 ? (unsigned int)d->cfg->port : next++;
		r = machine_plug_device(m, d, slot);
		if (r)
			return r;
		m->pci_slots |= 1u << slot;
	}
	return vfio_set_start(&m->set);
}

static int create_vcpus(struct machine *m)
{
	struct vcpus_params params = {
		.kvm = m->kvm,
		.bus = m->bus,
		.nr = m->cfg->cpus.nr,
		.affinity = m->cfg->cpus.affinity,
		.nr_affinity = m->cfg->cpus.nr_affinity,
		.events = { machine_event, m },
		.sandbox = m->cfg->sandbox,
		.ioctls = m->ioctls,
		.nr_ioctls = ARRAY_SIZE(m->ioctls),
	};
	int r = vcpus_create(&m->vcpus, &params);

	for (unsigned int i = 0; !r && i < params.nr; i++)
		r = arch_vcpu_init(m->kvm, vcpus_fd(m->vcpus, i), i, params.nr,
				   m->phys_bits);
	if (!r)
		r = arch_vm_finish(m->kvm);
	if (!r)
		stats_stage(m->stats, "vcpus", NULL);
	return r;
}

/* Before its first instruction no guest has to be asked to stop. */
bool machine_told_to_stop(const struct machine *m)
{
	struct pollfd pfd = { .fd = m->signal_fd, .events = POLLIN };

	return m->signal_fd >= 0 && poll(&pfd, 1, 0) > 0;
}

/* Signals are read from a fd by the loop; vCPU threads never see them. */
static int create_events(struct machine *m)
{
	static const int wanted[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT };
	struct sigaction sa;
	sigset_t set, winch;
	int r;

	sigemptyset(&set);
	sigemptyset(&winch);
	sigaddset(&winch, SIGWINCH);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		/* Ignored from the start, as under nohup(1), stays so. */
		if (sigaction(wanted[i], NULL, &sa) == 0 &&
		    sa.sa_handler != SIG_IGN)
			sigaddset(&set, wanted[i]);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	pthread_sigmask(SIG_BLOCK, &winch, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* Init's children are orphans of others: the kernel buries them. */
	if (getpid() == 1)
		signal(SIGCHLD, SIG_IGN);

	m->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (m->signal_fd >= 0)
		m->winch_fd = signalfd(-1, &winch, SFD_CLOEXEC | SFD_NONBLOCK);
	if (m->winch_fd >= 0)
		m->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (m->event_fd >= 0)
		m->rested_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (m->rested_fd >= 0)
		return 0;
	r = -errno;
	log_err("cannot create event descriptors: %s; raise the limit of open "
		"files (ulimit -n)",
		strerror(-r));
	return r;
}

int machine_create(struct machine **out, const struct run_config *cfg,
		   struct stats *stats)
{
	return machine_create_session(out, cfg, NULL, stats);
}

int machine_create_session(struct machine **out, const struct run_config *cfg,
			   const struct machine_session *session,
			   struct stats *stats)
{
	static int (*const steps[])(struct machine * m) = {
		open_files,    create_events,	    create_vm,
		create_board,  machine_open_virtio, open_devices,
		place_windows, machine_choose_p2p,  create_ram,
		map_ram,       plug_devices,	    machine_plug_virtio,
		create_vcpus,
	};
	struct machine *m = calloc(1, sizeof(*m));
	int r = -ENOMEM;

	if (!m) {
		log_err("out of memory");
		return r;
	}
	m->cfg = cfg;
	m->session = session;
	m->stats = stats;
	m->kernel_fd = m->initrd_fd = m->stats_fd = m->smaps_fd = -1;
	m->event_fd = m->signal_fd = m->winch_fd = m->rested_fd = -1;
	m->pci_slots = 1; /* the host bridge */
	m->ioctls[0] = kvm_sandbox_ioctls;
	m->ioctls[1] = vfio_sandbox_ioctls;
	m->ioctls[2] = iommufd_sandbox_ioctls;
	m->ioctls[3] = arch_sandbox_ioctls;
	m->ioctls[4] = console_sandbox_ioctls;

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		r = steps[i](m);
		if (!r && machine_told_to_stop(m))
			r = -EINTR;
		if (r)
			goto err;
	}
	r = machine_power_on(m);
	if (r)
		goto err;
	stats_stage(stats, "built", NULL);
	*out = m;
	return 0;
err:
	machine_destroy(m);
	return r;
}

void machine_destroy(struct machine *m)
{
	if (!m)
		return;
	/* The process ends, and the kernel takes it apart. */
	if (m->abandoned)
		return;
	machine_fini_drain(m);
	loop_timer_fini(m->loop, &m->timeout);
	loop_timer_fini(m->loop, &m->grace);
	loop_timer_fini(m->loop, &m->press);
	vcpus_destroy(m->vcpus);
	machine_close_virtio(m);
	for (unsigned int i = m->nr_devices; i-- > 0;)
		machine_close_device(m, &m->devices[i]);
	pci_host_destroy(m->host);
	iommufd_destroy(m->iommufd);
	rtc_destroy(m->rtc);
	pvpanic_destroy(m->pvpanic);
	power_destroy(m->power);
	serial_destroy(m->serial);
	console_destroy(m->console);
	loop_destroy(m->loop);
	irq_destroy(m->irq);
	bus_destroy(m->bus);
	kvm_destroy(m->kvm);
	ram_destroy(m->ram);
	fd_close(&m->event_fd);
	fd_close(&m->rested_fd);
	fd_close(&m->signal_fd);
	fd_close(&m->winch_fd);
	fd_close(&m->smaps_fd);
	fd_close(&m->stats_fd);
	fd_close(&m->initrd_fd);
	fd_close(&m->kernel_fd);
	free(m);
}
