/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Moves PCI devices between their host driver and a VFIO driver: who uses a
 * device, which driver fits it, the move itself with its way back, and the
 * record of where it came from.  The only part of wherry that writes to
 * sysfs.  Main thread; 0 or -errno, logged once here unless said otherwise.
 */
#ifndef WHERRY_BIND_H
#define WHERRY_BIND_H

#include <stdbool.h>
#include <stddef.h>

#include "sysfs.h"

#define BIND_DRIVER_SIZE 64

/* Where a device was before. */
struct bind_state {
	char driver[BIND_DRIVER_SIZE]; /* "": none */
	char override[BIND_DRIVER_SIZE]; /* driver_override; "": none */
};

/*
 * Names the first part of the host that would break if the device went away:
 * a mount, swap, a holder (md, dm), an interface, the console, virtual
 * functions.  True when there is one, who filled; never logs.  thorough, for a
 * bind, also claims its disks for a moment, and looks through /proc for
 * processes that hold one of its nodes open.
 */
bool bind_user(const struct sysfs *sysfs, const struct sysfs_device *dev,
	       bool thorough, char *who, size_t size);

/*
 * The driver to give dev to: wanted if not NULL, else the most specific
 * "vfio_pci:" alias of the running kernel's modules, else vfio-pci.  Loads
 * its module when the driver is not there.
 */
int bind_choose_driver(const struct sysfs *sysfs,
		       const struct sysfs_device *dev, const char *wanted,
		       char driver[BIND_DRIVER_SIZE]);
/* The alias match alone: the module's name, "vfio_pci" when none matches. */
void bind_best_module(const struct sysfs *sysfs, const struct sysfs_device *dev,
		      char module[BIND_DRIVER_SIZE]);
/* True for a name that can be a driver's: no '/', no leading '-' or '.'. */
bool bind_driver_name_ok(const char *name);
/* Whether a bind can have left a device so: on a driver that takes any device,
 * or meant for one.  Host drivers do not, so a record of before still counts. */
bool bind_may_have_put(const struct sysfs *sysfs,
		       const struct bind_state *state);
/* Loads the module and finds its driver, as above.  Not a VFIO one: for the
 * way back. */
int bind_load_driver(const struct sysfs *sysfs, const char *subject,
		     const char *driver);

/* Where dev is now, to come back to. */
int bind_read_state(const struct sysfs_device *dev, struct bind_state *out);
/*
 * Gives dev to driver: driver_override, unbind, bind, and a look whether it
 * is there.  When it is not, dev goes back to where it was (*from), and the
 * message says why.
 */
int bind_move(const struct sysfs *sysfs, const struct sysfs_device *dev,
	      const struct bind_state *from, const char *driver);
/* Takes dev back to state `to`. */
int bind_restore(const struct sysfs *sysfs, const struct sysfs_device *dev,
		 const struct bind_state *to);
/* Without a record: no override, and the driver that the kernel picks. */
int bind_release(const struct sysfs *sysfs, const struct sysfs_device *dev);

/* Whose a device's node is, or is to be. */
struct bind_owner {
	bool known;
	uid_t uid;
	gid_t gid;
};

/* Takes a name or a number; before anything is changed. */
int bind_find_user(const char *name, struct bind_owner *out);
/* As it is now; not known without a node. */
void bind_read_owner(const struct sysfs *sysfs, const struct sysfs_device *dev,
		     struct bind_owner *out);
/* Gives the device's node away, once udev has made it: waits for it up to
 * five seconds. */
int bind_give_node(const struct sysfs *sysfs, const char *bdf,
		   const struct bind_owner *owner);

/*
 * Opens /run/wherry, making it if need be, and locks it against other
 * wherrys that bind; the descriptor is the lock.  fd or -errno.
 */
int bind_record_open(const struct sysfs *sysfs);
int bind_record_save(int dirfd, const char *bdf,
		     const struct bind_state *state);
/* -ENOENT, without a message, when there is no record. */
int bind_record_load(int dirfd, const char *bdf, struct bind_state *state);
void bind_record_remove(int dirfd, const char *bdf);

#endif
