/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns guest RAM: one sealed memfd, mapped once, seen by the guest as a few
 * ranges of physical addresses.  Knows nothing of KVM or DMA; the machine
 * hands its ranges to both.
 *
 * Guest memory is hostile and shared: copy in once by ram_read(), validate
 * the copy.
 */
#ifndef WHERRY_RAM_H
#define WHERRY_RAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util.h"

#define RAM_MAX_RANGES 4
/* As it shows in /proc/PID/smaps. */
#define RAM_MEMFD_NAME "wherry-guest-ram"

struct ram_range {
	gpa_t gpa;
	uint64_t size;
	uint64_t offset; /* in the memfd */
	void *hva;
};

struct ram_params {
	const struct range *ranges; /* guest physical, ascending */
	unsigned int nr_ranges;
	uint64_t hugepage_bytes; /* 0, 2 MiB or 1 GiB */
	bool prealloc; /* fault in now, by several threads */
	bool pinned; /* DMA will pin it: the same as prealloc */
	int thp; /* 1: advise, 0: forbid, -1: at the start, where possible */
	int host_node; /* -1: any */
};

struct ram;

/*
 * Errors, logged with the remedy: not enough memory, not enough huge pages
 * (says how many are free and which sysctl file), no such node.
 */
int ram_create(struct ram **out, const struct ram_params *params);
void ram_destroy(struct ram *ram);

int ram_fd(const struct ram *ram);
uint64_t ram_bytes(const struct ram *ram);
/* Whether all of it was taken at the start, and so for good. */
bool ram_is_taken(const struct ram *ram);
/* How much came in transparent huge pages at the start. */
uint64_t ram_huge_bytes(const struct ram *ram);
unsigned int ram_nr_ranges(const struct ram *ram);
const struct ram_range *ram_range(const struct ram *ram, unsigned int i);

/* Host address of [gpa, gpa + len), or NULL unless all of it lies in one
 * range. */
void *ram_ptr(const struct ram *ram, gpa_t gpa, uint64_t len);
/* 0, or -EFAULT unless all of [gpa, gpa + len) lies in one range, and then
 * nothing is copied.  Not logged. */
int ram_read(const struct ram *ram, gpa_t gpa, void *buf, size_t len);
int ram_write(const struct ram *ram, gpa_t gpa, const void *buf, size_t len);

/*
 * Clears one of nr_parts of RAM (0 and 1: all of it) for a reboot by writing
 * zeros, never by punching holes: the IOAS would keep the old pages.  Each
 * part may have a thread of its own.  Pages that were never touched are
 * skipped where that can be told (SEEK_DATA; not mincore(), which misses
 * pages that are swapped out or that only a device has reached).
 */
void ram_clear(struct ram *ram, unsigned int part, unsigned int nr_parts);

#endif
