// SPDX-License-Identifier: BSD-2-Clause
/*
 * vfio-quirk - the table of devices that need an exception from what the rest
 * of vfio-*.c does. Owns the table; the exceptions are carried out where they
 * apply, driven by its fields.
 */
#include "vfio-pci-priv.h"

#define CLASS(c) .class_code = (c), .class_mask = 0xffff00
#define CLASS_IF(c) .class_code = (c), .class_mask = 0xffffff

/* The first match wins; the last row matches everything. */
static const struct vfio_quirk quirks[] = {
	{ CLASS_IF(0x0c0320), .raw_gaps = true,
	  .reason = "EHCI hand-over registers lie outside any capability" },
	{ CLASS_IF(0x0c0330), .raw_gaps = true,
	  .reason = "xHCI port routing registers lie outside any capability" },
	{ CLASS(0x040300), .raw_gaps = true,
	  .reason = "HD Audio traffic class and snoop registers" },
	{ .reason = NULL },
};

const struct vfio_quirk *vfio_quirk_find(uint16_t vendor, uint16_t device,
					 uint32_t class_code)
{
	uint32_t id = vendor | (uint32_t)device << 16;
	const struct vfio_quirk *q = quirks;

	while ((id & q->id_mask) != q->id ||
	       (class_code & q->class_mask) != q->class_code)
		q++;
	return q;
}
