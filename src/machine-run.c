// SPDX-License-Identifier: BSD-2-Clause
/*
 * The VM's life: confine, run, and answer what ends or resets it.  Every
 * decision is taken on the loop, where no lock is held; vCPUs and device
 * models only leave a note in pending.  The end comes in two steps: the guest's,
 * then that of what its devices have under way.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "bus.h"
#include "console.h"
#include "log.h"
#include "machine-priv.h"
#include "power.h"
#include "serial.h"
#include "vcpu.h"
#include "vfio-pci.h"
#include "vmevent.h"

/* One request can arrive as two signals: timeout(1) sends its to the process
 * and then to its group. */
#define REPEAT_NS 200000000u

/* A guest that is starting, or whose programs are, hears of no button: it is
 * pressed until somebody does. */
#define PRESS_AGAIN_MS 2000

/*
 * What ends a guest that is gone already means: do not wait for its devices.
 * That is no orderly end, but a crash remains one.  That it goes in order, once
 * more, is no news: it can have powered off while its channels were emptied.
 */
static void end(struct machine *m, enum machine_end how, const char *reason)
{
	if (m->ending && how == END_POWEROFF)
		return;
	m->abandoned = m->ending;
	loop_stop(m->loop);
	if (m->ending && m->result.end != END_POWEROFF)
		return;
	m->result.end = how;
	m->result.reason = reason;
}

void machine_event(void *opaque, enum vm_event ev)
{
	struct machine *m = opaque;
	uint64_t one = 1;

	m->pending |= 1u << ev;
	if (m->vcpus)
		vcpus_hold(m->vcpus);
	/* Cannot fail: the counter is far from its maximum. */
	(void)!write(m->event_fd, &one, sizeof(one));
}

/* The guest has gone by itself. */
static void end_orderly(struct machine *m, const char *reason)
{
	end(m, END_POWEROFF, m->wanted ? "device-wanted" : reason);
}

static void reboot(struct machine *m)
{
	if (machine_reboot(m))
		end(m, END_FAILED, "reboot-failed");
	else
		vcpus_resume(m->vcpus);
}

void machine_stop(struct machine *m, enum machine_end how, const char *reason)
{
	end(m, how, reason);
}

static void on_reset(struct machine *m)
{
	/* One that was to end has ended, whatever its devices still do. */
	if (m->cfg->on_reboot == REBOOT_EXIT || m->asked_ns || m->wanted ||
	    m->ending) {
		end_orderly(m, "reset");
		return;
	}
	machine_drain(m, reboot);
}

static void on_event(void *opaque, uint32_t events)
{
	struct machine *m = opaque;
	unsigned int pending;
	uint64_t count;

	(void)events;
	(void)!read(m->event_fd, &count, sizeof(count));
	/* Whoever left a note parks; all notes are in once all have. */
	vcpus_pause(m->vcpus);
	bus_lock(m->bus);
	pending = m->pending;
	m->pending = 0;
	bus_unlock(m->bus);

	if (pending & (1u << VM_FAILED))
		end(m, END_FAILED, "failed");
	else if (pending & (1u << VM_CRASHED))
		end(m, END_CRASHED, "crashed");
	else if (pending & (1u << VM_POWEROFF))
		end_orderly(m, "poweroff");
	else if (pending & (1u << VM_RESET))
		on_reset(m);
	else if (!m->drained)
		vcpus_resume(m->vcpus);
}

static void on_timeout(void *opaque)
{
	struct machine *m = opaque;

	log_err("--timeout expired: the guest was stopped; give it a "
		"longer one, or none");
	end(m, END_TIMEOUT, "timeout");
}

static void on_grace(void *opaque)
{
	struct machine *m = opaque;

	log_err("the guest did not power off within --grace: it was stopped");
	end(m, END_KILLED, m->wanted ? "device-wanted" : "grace");
}

void machine_quit(void *opaque)
{
	end(opaque, END_KILLED, "console");
}

static void press_button(void *opaque)
{
	struct machine *m = opaque;

	bus_lock(m->bus);
	power_button(m->power);
	bus_unlock(m->bus);
	(void)loop_timer_set(&m->press, PRESS_AGAIN_MS);
}

/* The time to comply runs from the first request on. */
static void ask_guest(struct machine *m)
{
	press_button(m);
	if (!m->asked_ns && !m->wanted)
		(void)loop_timer_set(&m->grace, m->cfg->grace_ms);
}

/* The first request is polite, the second is not. */
static void ask_to_stop(struct machine *m)
{
	uint64_t now = now_ns();

	if (m->asked_ns && now - m->asked_ns < REPEAT_NS)
		return;
	if (m->asked_ns || m->ending || !m->cfg->grace_ms) {
		end(m, END_KILLED, "signal");
		return;
	}
	ask_guest(m);
	m->asked_ns = now;
}

/*
 * A device cannot be taken from under a running guest, which might touch it,
 * so the guest has to end.  The host is waiting, for as long as it takes.
 */
void machine_device_wanted(void *opaque)
{
	struct machine *m = opaque;

	if (m->wanted)
		return;
	if (!m->cfg->grace_ms) {
		m->wanted = true;
		end(m, END_KILLED, "device-wanted");
		return;
	}
	log_notice("the guest is asked to power off, and stopped if it does"
		   " not within --grace");
	ask_guest(m);
	m->wanted = true;
}

void machine_device_error(void *opaque)
{
	struct machine *m = opaque;

	if (m->cfg->on_device_error != DEVICE_ERROR_STOP)
		return;
	log_err("the guest was stopped: a device failed; to run on, use"
		" --on-device-error report");
	end(m, END_FAILED, "device-error");
}

static void on_signal(void *opaque, uint32_t events)
{
	struct machine *m = opaque;
	struct signalfd_siginfo si;

	(void)events;
	while (read(m->signal_fd, &si, sizeof(si)) == sizeof(si)) {
		m->result.signal = (int)si.ssi_signo;
		if (si.ssi_signo == SIGHUP || si.ssi_signo == SIGQUIT)
			end(m, END_KILLED, "signal");
		else
			ask_to_stop(m);
	}
}

/* The terminal's window has another size. */
static void on_winch(void *opaque, uint32_t events)
{
	struct machine *m = opaque;
	struct signalfd_siginfo si;

	(void)events;
	(void)!read(m->winch_fd, &si, sizeof(si));
	console_resized(m->console);
	if (m->session)
		m->session->resized(m->session->opaque);
}

static int start_loop(struct machine *m)
{
	int r;

	m->event_src =
		(struct loop_source){ m->event_fd, EPOLLIN, on_event, m };
	m->signal_src =
		(struct loop_source){ m->signal_fd, EPOLLIN, on_signal, m };
	m->winch_src =
		(struct loop_source){ m->winch_fd, EPOLLIN, on_winch, m };
	r = loop_add(m->loop, &m->event_src);
	if (!r)
		r = loop_add(m->loop, &m->signal_src);
	if (!r)
		r = loop_add(m->loop, &m->winch_src);
	if (!r)
		r = machine_init_drain(m);
	if (!r)
		r = loop_timer_init(m->loop, &m->timeout, on_timeout, m);
	if (!r)
		r = loop_timer_init(m->loop, &m->grace, on_grace, m);
	if (!r)
		r = loop_timer_init(m->loop, &m->press, press_button, m);
	if (!r && m->cfg->timeout_ms)
		r = loop_timer_set(&m->timeout, m->cfg->timeout_ms);
	if (!r)
		r = serial_start(
			m->serial, m->loop,
			m->cfg->console.is_virtio ? NULL : machine_quit, m);
	for (unsigned int i = 0; !r && i < m->nr_devices; i++)
		r = vfio_pci_start(m->devices[i].pci, m->loop);
	if (!r)
		r = machine_run_virtio(m);
	if (!r && m->session)
		r = m->session->start(m->session->opaque, m, m->loop);
	return r;
}

static int confine(struct machine *m)
{
	int r = sandbox_process(m->cfg->sandbox);

	if (!r)
		r = vcpus_confine(m->vcpus);
	if (!r)
		r = machine_confine_virtio(m);
	if (!r)
		r = sandbox_thread(m->cfg->sandbox, SANDBOX_LOOP, m->ioctls,
				   ARRAY_SIZE(m->ioctls));
	if (!r)
		stats_stage(m->stats, "confined", NULL);
	return r;
}

static void stop_loop(struct machine *m)
{
	loop_stop(m->loop);
}

/* Without the guest, but with signals and timers. */
static void drain(struct machine *m)
{
	m->ending = true;
	machine_drain(m, stop_loop);
	if (m->drained && loop_run(m->loop))
		m->abandoned = true;
}

int machine_run(struct machine *m, struct machine_result *result)
{
	int r = start_loop(m);

	m->result = (struct machine_result){ END_FAILED, "failed" };
	if (!r)
		r = confine(m);
	if (!r && machine_told_to_stop(m)) {
		m->result = (struct machine_result){ END_POWEROFF, "signal" };
	} else if (!r) {
		stats_stage(m->stats, "run", NULL);
		vcpus_resume(m->vcpus);
		r = loop_run(m->loop);
		vcpus_pause(m->vcpus);
		drain(m);
	}
	*result = m->result;
	return r;
}
