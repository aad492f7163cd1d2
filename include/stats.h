/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What --stats prints: when each stage of start-up was reached, and how many
 * ioctls each kernel interface took.  Counters are plain: they belong to the
 * main thread until the vCPUs run, and to the holder of dev_lock afterwards,
 * except ioctls[], which is atomic.
 */
#ifndef WHERRY_STATS_H
#define WHERRY_STATS_H

#include <stdint.h>

enum stats_iface { STATS_KVM, STATS_IOMMUFD, STATS_VFIO, STATS_NR_IFACES };

/* Of the most devices there can be, and of what comes after them. */
#define STATS_MAX_STAGES 192

struct stats_stage {
	char name[32]; /* "ram", "kvm", "bind", "kvm-run" ... */
	char device[64]; /* "" or the device it is about */
	uint64_t us; /* microseconds since the start */
};

struct stats {
	uint64_t start_ns; /* CLOCK_MONOTONIC when main() began */
	struct stats_stage stages[STATS_MAX_STAGES];
	unsigned int nr_stages;
	_Atomic uint64_t ioctls[STATS_NR_IFACES];
	uint64_t dma_mapped_bytes; /* of guest RAM */
	uint64_t p2p_mapped_bytes; /* of BARs, for other devices */
};

/* Zeroes and starts the clock: first thing in main(). */
void stats_init(struct stats *s);
/* Records that a stage is reached now; device may be NULL. s may be NULL. */
void stats_stage(struct stats *s, const char *name, const char *device);
/* The same for one that was reached then, by CLOCK_MONOTONIC. */
void stats_stage_at(struct stats *s, const char *name, uint64_t ns);
/* Counts one ioctl.  s may be NULL.  Any thread. */
void stats_ioctl(struct stats *s, enum stats_iface iface);
/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t now_ns(void);

#endif
