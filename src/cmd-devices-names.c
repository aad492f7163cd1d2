// SPDX-License-Identifier: BSD-2-Clause
/*
 * cmd-devices-names - what devices are called, by libpci's list. Owns libpci, which
 * is loaded for this alone.
 */
#include "cmd-devices.h"

#include <stddef.h>

#ifdef HAVE_LIBPCI

#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

#include <pci/pci.h>

#include "cmd.h"
#include "library.h"
#include "log.h"
#include "sysfs.h"
#include "util.h"

/* Its ABI, which pci/pci.h describes. */
#define LIBPCI "libpci.so.3"

/* Of libpci what is called here. */
#define CALLS(X)     \
	X(alloc)     \
	X(set_param) \
	X(cleanup)   \
	X(lookup_name)

struct devices_names {
	void *handle;
	struct pci_access *pci;
#define X(call) __typeof__(pci_##call) *call;
	CALLS(X)
#undef X
};

static void quiet(char *msg, ...)
{
	(void)msg;
}

/* libpci calls this for a damaged pci.ids and cannot go on after it. */
static void __attribute__((noreturn)) fatal(char *msg, ...)
{
	log_err("pci.ids: cannot be used: %s; install the package again", msg);
	_exit(STATUS_FAILED);
}

struct devices_names *devices_names_open(void)
{
	/* Not const: so it is declared. */
	char no_hwdb[] = "hwdb.disable", yes[] = "1";
	struct devices_names *n = calloc(1, sizeof(*n));
#define X(call) { "pci_" #call, n ? &n->call : NULL },
	const struct library_call calls[] = { CALLS(X) };
#undef X

	if (!n || library_open(&n->handle, LIBPCI,
			       "install libpci3 to have names of devices",
			       calls, ARRAY_SIZE(calls))) {
		free(n);
		return NULL;
	}
	/* No pci_init(): only the list of names is wanted. */
	n->pci = n->alloc();
	n->pci->error = fatal;
	n->pci->warning = quiet;
	n->pci->debug = quiet;
	/* udev's copy of the same list: slow, and it leaks. */
	(void)n->set_param(n->pci, no_hwdb, yes);
	return n;
}

void devices_names_find(struct devices_names *n, const struct sysfs_device *dev,
			struct device_name *out)
{
	const int flags = PCI_LOOKUP_NO_NUMBERS;

	if (!n || !dev->bdf[0])
		return;
	if (!n->lookup_name(n->pci, out->vendor, sizeof(out->vendor),
			    flags | PCI_LOOKUP_VENDOR, dev->vendor))
		out->vendor[0] = '\0';
	if (!n->lookup_name(n->pci, out->device, sizeof(out->device),
			    flags | PCI_LOOKUP_DEVICE, dev->vendor,
			    dev->device))
		out->device[0] = '\0';
	if (!n->lookup_name(n->pci, out->class, sizeof(out->class),
			    flags | PCI_LOOKUP_CLASS, dev->class_code >> 8))
		out->class[0] = '\0';
}

void devices_names_close(struct devices_names *n)
{
	if (!n)
		return;
	n->cleanup(n->pci);
	dlclose(n->handle);
	free(n);
}

#else

struct devices_names *devices_names_open(void)
{
	return NULL;
}

void devices_names_find(struct devices_names *n, const struct sysfs_device *dev,
			struct device_name *out)
{
	(void)n, (void)dev, (void)out;
}

void devices_names_close(struct devices_names *n)
{
	(void)n;
}

#endif
