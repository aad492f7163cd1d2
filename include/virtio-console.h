/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Console devices: Virtio 1.3, section 5.3.  One kind is the guest's console
 * (hvc0): a single port, the window's size in configuration space.  The other
 * has named ports for programs of the host (/dev/virtio-ports/NAME).
 *
 * They are apart because the size of a window in a control message, which is
 * how devices with many ports tell it, has its fields in one order in the
 * specification and in another in most Linux kernels.
 *
 * Served by the loop under dev_lock.
 */
#ifndef WHERRY_VIRTIO_CONSOLE_H
#define WHERRY_VIRTIO_CONSOLE_H

#include <stddef.h>

struct console;
struct virtio_dev;

#define VIRTIO_CONSOLE_MAX_PORTS 30

struct virtio_channel {
	const char *name; /* copied */
	struct console *con; /* the device's, whatever becomes of it */
};

/*
 * con stays the caller's; quit is called on Ctrl-a x.  What nobody takes for a
 * second is dropped until somebody does: Linux waits for its console with
 * interrupts off.  0 or -errno, logged.  Destroyed by its ops.
 */
int virtio_console_create(struct virtio_dev **out, struct console *con,
			  void (*quit)(void *opaque), void *opaque);
/* nr is from 1 to VIRTIO_CONSOLE_MAX_PORTS; quit as above, of any of them.  0 or
 * -errno, logged. */
int virtio_channels_create(struct virtio_dev **out,
			   const struct virtio_channel *channels, size_t nr,
			   void (*quit)(void *opaque), void *opaque);
/*
 * Calls drained once the host has taken all that the guest has written to
 * channels where somebody is, maybe at once.  Loop thread; the callback is
 * under dev_lock.
 */
void virtio_channels_drain(struct virtio_dev *dev,
			   void (*drained)(void *opaque), void *opaque);

#endif
