// SPDX-License-Identifier: BSD-2-Clause
/*
 * Counters and timings.  Only collects: whoever owns the numbers writes them
 * out (machine-stats.c).
 */
#include "stats.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void stats_init(struct stats *s)
{
	memset(s, 0, sizeof(*s));
	s->start_ns = now_ns();
}

static void add(struct stats *s, const char *name, const char *device,
		uint64_t ns)
{
	struct stats_stage *st;

	if (!s || s->nr_stages == STATS_MAX_STAGES)
		return;
	st = &s->stages[s->nr_stages++];
	snprintf(st->name, sizeof(st->name), "%s", name);
	snprintf(st->device, sizeof(st->device), "%s", device ? device : "");
	st->us = ns > s->start_ns ? (ns - s->start_ns) / 1000 : 0;
}

void stats_stage(struct stats *s, const char *name, const char *device)
{
	add(s, name, device, now_ns());
}

void stats_stage_at(struct stats *s, const char *name, uint64_t ns)
{
	add(s, name, NULL, ns);
}

void stats_ioctl(struct stats *s, enum stats_iface iface)
{
	if (s)
		atomic_fetch_add_explicit(&s->ioctls[iface], 1,
					  memory_order_relaxed);
}
