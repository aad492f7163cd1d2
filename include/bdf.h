/* SPDX-License-Identifier: BSD-2-Clause */
/* The name of a PCI function, "0000:3b:00.0", as text.  Pure. */
#ifndef WHERRY_BDF_H
#define WHERRY_BDF_H

/* "ffffffff:ff:1f.7" and a NUL, rounded up: domains can have 32 bits. */
#define BDF_SIZE 20

/* Canonical "dddd:bb:dd.f" from user input (domain optional).  -EINVAL when
 * malformed; logs nothing. */
int bdf_parse(const char *s, char out[BDF_SIZE]);

#endif
