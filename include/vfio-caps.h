/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a guest sees of each PCI capability of an assigned function: one const
 * table, from which the overlay of config space is made and which
 * `wherry devices --verbose` prints.  Pure: reads a config space by a
 * callback, knows no device.  PCI Express Base Specification 6.0, 7.5 to 7.9.
 */
#ifndef WHERRY_VFIO_CAPS_H
#define WHERRY_VFIO_CAPS_H

#include <stdbool.h>
#include <stdint.h>

enum vfio_field_kind {
	VFIO_FIELD_EMU_RO, /* the value at start, for ever */
	VFIO_FIELD_EMU_RW, /* ours, all bits writable */
	VFIO_FIELD_HW_RO, /* the device's, writes dropped */
	VFIO_FIELD_HW_RW, /* the device's */
};

struct vfio_field {
	uint8_t off, len; /* len VFIO_FIELD_END: to the end of it all */
	enum vfio_field_kind kind;
};

#define VFIO_FIELD_END 0xff
#define VFIO_MAX_FIELDS 8

enum vfio_treatment {
	VFIO_CAP_HIDDEN, /* not in the guest's list, reads zeros */
	VFIO_CAP_EMULATED, /* there, none of it is the device's */
	VFIO_CAP_PASSED, /* the device's own registers, but for its links */
};

struct vfio_cap_rule {
	uint16_t id;
	uint8_t size; /* bytes; 0: as the capability says */
	enum vfio_treatment treatment;
	bool on_request; /* hidden unless the user asks for it */
	bool many; /* there may be several; else the first counts */
	const char *name;
	const char *why; /* of the treatment, for people */
	/* What of it is not EMU_RO; ends with len 0. */
	struct vfio_field fields[VFIO_MAX_FIELDS];
};

struct vfio_cap {
	uint16_t id;
	uint16_t off;
	uint16_t size; /* reaches neither into the next nor past the end */
	bool ext; /* in the extended list */
	const struct vfio_cap_rule *rule; /* never NULL */
};

/* Both lists can hold no more. */
#define VFIO_MAX_CAPS (48 + 960)

struct vfio_caps {
	unsigned int nr;
	struct vfio_cap cap[VFIO_MAX_CAPS]; /* in the order of the lists */
};

/* len bytes (1, 2 or 4) at off, aligned and within config_bytes. */
typedef uint32_t (*vfio_caps_read_fn)(void *opaque, unsigned int off,
				      unsigned int len);

/*
 * Walks both lists of a config space of config_bytes (a multiple of 4, 64 to
 * 4096).  Bounded: a list ends at the first pointer that is out of bounds or
 * was there before.
 */
void vfio_caps_find(struct vfio_caps *caps, unsigned int config_bytes,
		    vfio_caps_read_fn read, void *opaque);

/* "passed", "emulated", "hidden". */
const char *vfio_treatment_name(enum vfio_treatment t);

#endif
