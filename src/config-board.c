// SPDX-License-Identifier: BSD-2-Clause
/*
 * config-board - parses --memory and --cpus. Whether the host has as much is
 * ram.c's and KVM's to say.
 */
#include "config-board.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "config.h"
#include "fd.h"
#include "log.h"
#include "options.h"
#include "util.h"

#define MIN_MEMORY MIB(16)
#define MAX_HOST_NODE 1023 /* MAX_NUMNODES of the largest kernels */

static int set_memory_bytes(void *ctx, const char *option, const char *value)
{
	struct memory_config *mem = ctx;

	return option_size(option, value, &mem->bytes);
}

static int set_hugepages(void *ctx, const char *option, const char *value)
{
	static const char *const sizes[] = { "2M", "1G" };
	static const uint64_t bytes[] = { MIB(2), GIB(1) };
	struct memory_config *mem = ctx;
	unsigned int i = 0;
	int r;

	r = option_word(option, value, sizes, ARRAY_SIZE(sizes), &i);
	mem->hugepage_bytes = bytes[i];
	return r;
}

static int set_thp(void *ctx, const char *option, const char *value)
{
	struct memory_config *mem = ctx;
	bool on = false;
	int r;

	r = option_bool(option, value, &on);
	mem->thp = on ? THP_ON : THP_OFF;
	return r;
}

int config_set_memory(void *ctx, const char *value)
{
	static const struct opt_key keys[] = {
		{ "hugepages", set_hugepages },
		OPT_KEY_BOOL("prealloc", struct memory_config, prealloc),
		{ "thp", set_thp },
		OPT_KEY_NUMBER("host-node", struct memory_config, host_node, 0,
			       MAX_HOST_NODE),
	};
	struct run_config *cfg = ctx;

	return option_list("--memory", value, set_memory_bytes, keys,
			   ARRAY_SIZE(keys), &cfg->memory);
}

static int set_nr_cpus(void *ctx, const char *option, const char *value)
{
	struct cpus_config *cpus = ctx;
	uint64_t nr = 0;
	int r;

	r = option_number(option, value, 1, CONFIG_MAX_CPUS, &nr);
	cpus->nr = (unsigned int)nr;
	return r;
}

/* Adds the host CPUs first to last to the list. */
static int add_affinity(struct cpus_config *cpus, const char *option,
			uint64_t first, uint64_t last)
{
	for (uint64_t cpu = first; cpu <= last; cpu++) {
		if (cpus->nr_affinity == cpus->nr) {
			log_err("%s: more host CPUs than vCPUs (%u); each vCPU "
				"is bound to one",
				option, cpus->nr);
			return -EINVAL;
		}
		cpus->affinity[cpus->nr_affinity++] = (uint16_t)cpu;
	}
	return 0;
}

/* One item of a list of CPUs: "3" or "0-3". */
static int affinity_item(struct cpus_config *cpus, const char *option,
			 char *item)
{
	char *dash = strchr(item, '-');
	uint64_t first = 0, last;
	int r;

	if (dash)
		*dash++ = '\0';
	r = option_number(option, item, 0, CPU_SETSIZE - 1, &first);
	last = first;
	if (!r && dash)
		r = option_number(option, dash, first, CPU_SETSIZE - 1, &last);
	return r ? r : add_affinity(cpus, option, first, last);
}

/* "0-3,7" */
static int set_affinity(void *ctx, const char *option, const char *value)
{
	char *list cleanup_free = NULL;
	char *item, *rest;
	int r;

	r = option_string(option, value, &list);
	rest = list;
	while (!r && (item = strsep(&rest, ",")))
		r = affinity_item(ctx, option, item);
	return r;
}

int config_set_cpus(void *ctx, const char *value)
{
	static const struct opt_key keys[] = {
		{ "affinity", set_affinity },
	};
	struct run_config *cfg = ctx;

	return option_list("--cpus", value, set_nr_cpus, keys, ARRAY_SIZE(keys),
			   &cfg->cpus);
}

int config_check_memory(const struct memory_config *mem)
{
	uint64_t page = host_page_bytes();

	if (mem->hugepage_bytes)
		page = mem->hugepage_bytes;
	if (mem->bytes < MIN_MEMORY) {
		log_err("--memory: %lluK: too small for a guest; at least 16M",
			(unsigned long long)(mem->bytes >> 10));
		return -EINVAL;
	}
	if (mem->bytes % page) {
		log_err("--memory: %lluK: not a multiple of the page size, "
			"%lluK",
			(unsigned long long)(mem->bytes >> 10),
			(unsigned long long)(page >> 10));
		return -EINVAL;
	}
	if (mem->hugepage_bytes && mem->thp != THP_DEFAULT) {
		log_err("--memory: thp: only for ordinary pages; leave it out "
			"with hugepages");
		return -EINVAL;
	}
	return 0;
}
