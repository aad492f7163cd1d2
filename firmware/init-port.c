// SPDX-License-Identifier: BSD-2-Clause
/*
 * init-port - finds the ports by their names.
 *
 * A port gets its name some time after its device: who waits for it listens to
 * the kernel's events, and looks once more after each.
 */
#include "firmware/init.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "util.h"

#define PORTS "/sys/class/virtio-ports"
#define RETRY_MS 5
#define NAME_BYTES 512

static const char *const names[NR_PORTS] = {
	[PORT_CONTROL] = JOB_PORT_CONTROL,
	[PORT_STDIN] = JOB_PORT_STDIN,
	[PORT_STDOUT] = JOB_PORT_STDOUT,
	[PORT_STDERR] = JOB_PORT_STDERR,
};

static int listen_to_kernel(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC,
			NETLINK_KOBJECT_UEVENT);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/*
 * Not for ever: of a host end that becomes connected there is no event, and
 * kernels without networks have no such sockets.
 */
static void wait_for_event(int events)
{
	struct pollfd p = { .fd = events, .events = POLLIN };
	char buf[NAME_BYTES];

	if (poll(&p, 1, RETRY_MS) > 0)
		(void)!recv(events, buf, sizeof(buf), MSG_DONTWAIT);
}

/*
 * Opens the port of the device if it is one of those that are wanted.  A port
 * whose host end is not connected is left for later: it would read as ended.
 */
static void try_port(const char *dev, int ports[NR_PORTS],
		     bool wanted[NR_PORTS])
{
	char path[NAME_BYTES], name[NAME_BYTES];
	struct pollfd p;
	int i;

	snprintf(path, sizeof(path), PORTS "/%s/name", dev);
	if (read_attr(path, name, sizeof(name)))
		return;
	for (i = 0; i < NR_PORTS; i++)
		if (wanted[i] && !strcmp(name, names[i]))
			break;
	if (i == NR_PORTS)
		return;
	snprintf(path, sizeof(path), "/dev/%s", dev);
	p.fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (p.fd < 0)
		return;
	p.events = POLLOUT;
	if (poll(&p, 1, 0) < 0 || (p.revents & POLLHUP)) {
		close(p.fd);
		return;
	}
	ports[i] = p.fd;
	wanted[i] = false;
}

static bool look(int ports[NR_PORTS], bool wanted[NR_PORTS])
{
	DIR *d = opendir(PORTS);
	struct dirent *e;
	bool all = true;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			try_port(e->d_name, ports, wanted);
	if (d)
		closedir(d);
	for (int i = 0; i < NR_PORTS; i++)
		all = all && !wanted[i];
	return all;
}

void ports_open(int ports[NR_PORTS], const struct job *job)
{
	bool wanted[NR_PORTS] = { [PORT_CONTROL] = true };
	int events = listen_to_kernel();

	for (int i = 0; i < JOB_NR_STREAMS; i++)
		wanted[PORT_STDIN + i] = job->stream[i] == JOB_PIPE ||
					 job->stream[i] == JOB_TTY;
	for (int i = 0; i < NR_PORTS; i++)
		ports[i] = -1;
	while (!look(ports, wanted))
		wait_for_event(events);
	if (events >= 0)
		close(events);
}
