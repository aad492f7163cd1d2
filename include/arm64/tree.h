/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The devicetree that describes the machine to its guest, by the bindings in
 * Linux's Documentation/devicetree/bindings.
 */
#ifndef WHERRY_ARM64_TREE_H
#define WHERRY_ARM64_TREE_H

#include "arch.h"

/* Linux maps so much and no more before it knows of memory. */
#define TREE_MAX_BYTES MIB(2)

struct tree_params {
	const struct layout *l;
	unsigned int nr_cpus;
	uint32_t pci_slots; /* as boot_params_in */
	const char *cmdline;
	struct range initrd; /* size 0: none */
	/* Random, for the guest's random numbers and where its kernel is. */
	uint8_t seed[64];
	uint64_t kaslr_seed;
};

struct devtree;

/* All nodes but the root's own beginning and end. */
void tree_write(struct devtree *t, const struct tree_params *p);

#endif
