// SPDX-License-Identifier: BSD-2-Clause
/*
 * ram - owns the memfd that is guest RAM, its one mapping, and every
 * bounds-checked access to it. Knows no KVM and no IOAS: the machine hands
 * the ranges to both.
 */
#include "ram.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fd.h"
#include "log.h"
#include "ram-populate.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif
#ifndef MFD_HUGE_2MB
#define MFD_HUGE_2MB (21U << 26)
#define MFD_HUGE_1GB (30U << 26)
#endif

#define MAX_NODES 1024
#define CLEAR_CHUNK MIB(64)
#define WORD_BITS (8 * sizeof(unsigned long))
#define THP_DIR "/sys/kernel/mm/transparent_hugepage"
#define SHMEM_ENABLED THP_DIR "/shmem_enabled"
#define SHMEM_2M_ENABLED THP_DIR "/hugepages-2048kB/shmem_enabled"

struct ram {
	int fd;
	void *area; /* reserved address space; RAM lies within */
	size_t area_size;
	uint8_t *base; /* first byte of the memfd */
	uint64_t bytes;
	bool taken; /* all of it, at the start */
	uint64_t huge_bytes; /* of them in transparent huge pages, at the start */
	unsigned int nr;
	struct ram_range ranges[RAM_MAX_RANGES];
};

static uint64_t page_bytes(const struct ram_params *p)
{
	return p->hugepage_bytes ? p->hugepage_bytes : host_page_bytes();
}

/* Lays the ranges end to end in the memfd. */
static int place_ranges(struct ram *ram, const struct ram_params *p)
{
	uint64_t page = page_bytes(p);
	uint64_t end = 0;

	if (!p->nr_ranges || p->nr_ranges > RAM_MAX_RANGES)
		return -EINVAL;

	for (unsigned int i = 0; i < p->nr_ranges; i++) {
		const struct range *r = &p->ranges[i];

		if (!r->size || r->start % page || r->size % page ||
		    r->start < end ||
		    __builtin_add_overflow(r->start, r->size, &end))
			return -EINVAL;
		ram->ranges[i] = (struct ram_range){
			.gpa = r->start,
			.size = r->size,
			.offset = ram->bytes,
		};
		ram->bytes += r->size; /* disjoint ranges: no overflow */
	}
	ram->nr = p->nr_ranges;
	return ram->bytes > INT64_MAX / 2 ? -EINVAL : 0;
}

/* One number of /proc/meminfo, in bytes; 0 when it cannot be read. */
static uint64_t meminfo(const char *text, const char *key)
{
	const char *line = strstr(text, key);
	unsigned long long kib;

	if (!line || sscanf(line + strlen(key), ": %llu kB", &kib) != 1)
		return 0;
	return KIB(kib);
}

/*
 * Says no before the OOM killer would: what is populated or pinned must be
 * free now; the rest must be possible at all.
 */
static int check_host_memory(const struct ram *ram, const struct ram_params *p)
{
	char *text cleanup_free = NULL;
	uint64_t have;

	if (p->hugepage_bytes || read_file("/proc/meminfo", 65536, &text, NULL))
		return 0;

	if (p->prealloc || p->pinned)
		have = meminfo(text, "MemAvailable");
	else
		have = meminfo(text, "MemTotal") + meminfo(text, "SwapTotal");
	if (!have || ram->bytes <= have)
		return 0;

	log_err("memory: %" PRIu64 "M cannot be had: not enough memory, this "
		"host has %" PRIu64 "M %s; use a smaller --memory",
		ram->bytes >> 20, have >> 20,
		p->prealloc || p->pinned ? "available" : "in all");
	return -ENOMEM;
}

/* A number in the directory of one size of huge pages; -1 when unreadable. */
static long long hugepage_count(uint64_t size, const char *file)
{
	char path[128], text[32];

	snprintf(path, sizeof(path),
		 "/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB/%s",
		 size >> 10, file);
	if (read_attr(path, text, sizeof(text)))
		return -1;
	return strtoll(text, NULL, 10);
}

static const char *hugepage_name(const struct ram_params *p)
{
	return p->hugepage_bytes == GIB(1) ? "1G" : "2M";
}

/* Enough in all, and yet not to be had. */
static int hugepages_withheld(const struct ram *ram, const struct ram_params *p,
			      int r)
{
	log_err("memory: %" PRIu64 " huge pages of %s: not all can be had: %s; "
		"%ssee the hugetlb limit of this cgroup",
		ram->bytes / p->hugepage_bytes, hugepage_name(p), strerror(-r),
		p->host_node >= 0 ? "set more aside on that node (below "
				    "/sys/devices/system/node), and " :
				    "");
	return -ENOMEM;
}

static int no_hugepages(const struct ram *ram, const struct ram_params *p,
			int r)
{
	uint64_t need = ram->bytes / p->hugepage_bytes;
	long long nr_free = hugepage_count(p->hugepage_bytes, "free_hugepages");
	long long reserved =
		hugepage_count(p->hugepage_bytes, "resv_hugepages");
	long long total = hugepage_count(p->hugepage_bytes, "nr_hugepages");

	if (nr_free < 0 || reserved < 0 || total < 0) {
		log_err("memory: %" PRIu64 " huge pages of %s: this kernel has "
			"none of that size: %s; boot it with hugepagesz=%s "
			"hugepages=%" PRIu64,
			need, hugepage_name(p), strerror(-r), hugepage_name(p),
			need);
		return r;
	}

	/* What others have reserved is as good as taken. */
	nr_free -= MIN(reserved, nr_free);
	if ((uint64_t)nr_free >= need)
		return hugepages_withheld(ram, p, r);
	log_err("memory: %" PRIu64 " huge pages of %s: only %lld are free; "
		"write %" PRIu64
		" to /sys/kernel/mm/hugepages/hugepages-%" PRIu64
		"kB/nr_hugepages",
		need, hugepage_name(p), nr_free,
		(uint64_t)total + need - (uint64_t)nr_free,
		p->hugepage_bytes >> 10);
	return -ENOMEM;
}

static int open_memfd(struct ram *ram, const struct ram_params *p)
{
	unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int r;

	if (p->hugepage_bytes)
		flags |= MFD_HUGETLB |
			 (p->hugepage_bytes == GIB(1) ? MFD_HUGE_1GB :
							MFD_HUGE_2MB);

	ram->fd = memfd_create(RAM_MEMFD_NAME, flags | MFD_NOEXEC_SEAL);
	if (ram->fd < 0 && errno == EINVAL) /* before Linux 6.3 */
		ram->fd = memfd_create(RAM_MEMFD_NAME, flags);
	if (ram->fd < 0) {
		r = -errno;
		if (p->hugepage_bytes)
			return no_hugepages(ram, p, r);
		log_err("memory: memfd_create: %s", strerror(-r));
		return r;
	}

	if (ftruncate(ram->fd, (off_t)ram->bytes)) {
		r = -errno;
		log_err("memory: %" PRIu64 "M: setting the size: %s%s",
			ram->bytes >> 20, strerror(-r),
			r == -EFBIG ? "; raise ulimit -f" : "");
		return r;
	}
	/* Nobody who is handed this fd can make an access fault. */
	if (fcntl(ram->fd, F_ADD_SEALS,
		  F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) {
		r = -errno;
		log_err("memory: sealing: %s", strerror(-r));
		return r;
	}
	return 0;
}

/*
 * Maps the memfd once, at an address that lets the kernel use its largest
 * pages, with inaccessible guards before and behind.
 */
static int map_memfd(struct ram *ram, const struct ram_params *p)
{
	uint64_t align = ram->bytes >= GIB(1) ? GIB(1) : MIB(2);
	uint64_t guard = MIB(2);
	uintptr_t start;
	int r;

	align = MAX(align, p->hugepage_bytes);
	ram->area_size = ram->bytes + align + 2 * guard;
	ram->area = mmap(NULL, ram->area_size, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (ram->area == MAP_FAILED) {
		r = -errno;
		ram->area = NULL;
		log_err("memory: %" PRIu64 "M of address space: %s; raise the "
			"limit on it (ulimit -v)",
			ram->area_size >> 20, strerror(-r));
		return r;
	}

	start = align_up((uintptr_t)ram->area + guard, align);
	ram->base = mmap((void *)start, ram->bytes, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, ram->fd, 0);
	if (ram->base == MAP_FAILED) {
		r = -errno;
		ram->base = NULL;
		/* Here huge pages are reserved, all or none. */
		if (p->hugepage_bytes && r == -ENOMEM)
			return no_hugepages(ram, p, r);
		log_err("memory: mapping %" PRIu64 "M: %s", ram->bytes >> 20,
			strerror(-r));
		return r;
	}

	for (unsigned int i = 0; i < ram->nr; i++)
		ram->ranges[i].hva = ram->base + ram->ranges[i].offset;
	/* Best effort: guest memory is no business of core dumps. */
	(void)madvise(ram->base, ram->bytes, MADV_DONTDUMP);
	return 0;
}

static int bind_node(struct ram *ram, int node)
{
	unsigned long mask[MAX_NODES / WORD_BITS] = { 0 };
	int r;

	if (node >= MAX_NODES) {
		log_err("memory: host-node=%d: no kernel has so many", node);
		return -EINVAL;
	}
	mask[(size_t)node / WORD_BITS] = 1UL << ((size_t)node % WORD_BITS);

	/* maxnode counts one too many, by an old custom of the call. */
	if (!syscall(SYS_mbind, ram->base, ram->bytes, MPOL_BIND, mask,
		     MAX_NODES + 1UL, 0UL))
		return 0;
	r = -errno;
	log_err("memory: host-node=%d: cannot be had: %s; "
		"/sys/devices/system/node/has_memory lists the nodes",
		node, r == -ENOSYS ? "this kernel has no NUMA" : strerror(-r));
	return r;
}

/* True when the host has switched them off for memfds: advice is in vain. */
static bool thp_is_off(void)
{
	char text[128];

	/* Since Linux 6.11 each size may differ from the general setting. */
	if (!read_attr(SHMEM_2M_ENABLED, text, sizeof(text)) &&
	    !strstr(text, "[inherit]"))
		return strstr(text, "[never]");
	return !read_attr(SHMEM_ENABLED, text, sizeof(text)) &&
	       (strstr(text, "[never]") || strstr(text, "[deny]"));
}

static int advise_thp(struct ram *ram, int thp)
{
	int r = 0;

	if (madvise(ram->base, ram->bytes,
		    thp ? MADV_HUGEPAGE : MADV_NOHUGEPAGE))
		r = -errno;
	/* A kernel without them already does as it is told. */
	if (!r || (!thp && r == -EINVAL))
		return 0;
	log_err("memory: thp: %s; this kernel needs "
		"CONFIG_TRANSPARENT_HUGEPAGE",
		strerror(-r));
	return r;
}

/* What is to be had at the start: a reservation of huge pages knows no nodes,
 * and DMA pins everything. */
static bool wants_all_now(const struct ram_params *p)
{
	return p->prealloc || p->pinned ||
	       (p->hugepage_bytes && p->host_node >= 0);
}

static int fault_in(struct ram *ram, const struct ram_params *p)
{
	bool may_be_huge = !p->hugepage_bytes && p->thp;
	int r = ram_populate(ram->fd, ram->base, ram->bytes, page_bytes(p),
			     may_be_huge ? &ram->huge_bytes : NULL);

	if (!r || r == -EINTR)
		return r;
	/* They were reserved when the file was mapped. */
	if (p->hugepage_bytes)
		return hugepages_withheld(ram, p, r);
	log_err("memory: allocating %" PRIu64 "M: %s; use a smaller --memory%s",
		ram->bytes >> 20, strerror(-r),
		p->host_node >= 0 ? " or another host-node" : "");
	return r;
}

/* Asked for and not to be had now or later is an error. */
static int check_thp(const struct ram *ram)
{
	if (ram->huge_bytes || !thp_is_off())
		return 0;
	log_err("memory: thp=on: this host has them switched off for shared "
		"memory; write advise to " SHMEM_ENABLED);
	return -EOPNOTSUPP;
}

int ram_create(struct ram **out, const struct ram_params *params)
{
	struct ram *ram = calloc(1, sizeof(*ram));
	int r;

	if (!ram) {
		log_err("memory: out of memory");
		return -ENOMEM;
	}
	ram->fd = -1;

	r = place_ranges(ram, params);
	if (r) {
		log_err("memory: its ranges are empty, unaligned or overlap");
		goto err;
	}
	r = check_host_memory(ram, params);
	if (!r)
		r = open_memfd(ram, params);
	if (!r)
		r = map_memfd(ram, params);
	if (!r && params->host_node >= 0)
		r = bind_node(ram, params->host_node);
	if (!r && params->thp >= 0)
		r = advise_thp(ram, params->thp);
	if (!r && wants_all_now(params))
		r = fault_in(ram, params);
	ram->taken = wants_all_now(params) || params->hugepage_bytes;
	if (!r && params->thp > 0)
		r = check_thp(ram);
	if (r)
		goto err;

	*out = ram;
	return 0;

err:
	ram_destroy(ram);
	return r;
}

void ram_destroy(struct ram *ram)
{
	if (!ram)
		return;
	if (ram->area)
		munmap(ram->area, ram->area_size);
	fd_close(&ram->fd);
	free(ram);
}

int ram_fd(const struct ram *ram)
{
	return ram->fd;
}

uint64_t ram_bytes(const struct ram *ram)
{
	return ram->bytes;
}

bool ram_is_taken(const struct ram *ram)
{
	return ram->taken;
}

uint64_t ram_huge_bytes(const struct ram *ram)
{
	return ram->huge_bytes;
}

unsigned int ram_nr_ranges(const struct ram *ram)
{
	return ram->nr;
}

const struct ram_range *ram_range(const struct ram *ram, unsigned int i)
{
	return i < ram->nr ? &ram->ranges[i] : NULL;
}

/* The range that gpa lies in, or NULL. */
static const struct ram_range *find_range(const struct ram *ram, gpa_t gpa)
{
	for (unsigned int i = 0; i < ram->nr; i++)
		if (range_contains(ram->ranges[i].gpa, ram->ranges[i].size, gpa,
				   1))
			return &ram->ranges[i];
	return NULL;
}

void *ram_ptr(const struct ram *ram, gpa_t gpa, uint64_t len)
{
	const struct ram_range *r = find_range(ram, gpa);

	if (!r || !range_contains(r->gpa, r->size, gpa, len))
		return NULL;
	return (uint8_t *)r->hva + (gpa - r->gpa);
}

/* Copies between buf and RAM; touches nothing unless all of it is RAM. */
static int copy(const struct ram *ram, gpa_t gpa, void *to, const void *from,
		size_t len)
{
	void *p;

	if (!len)
		return 0;
	p = ram_ptr(ram, gpa, len);
	if (!p)
		return -EFAULT;
	memcpy(to ? to : p, from ? from : p, len);
	return 0;
}

int ram_read(const struct ram *ram, gpa_t gpa, void *buf, size_t len)
{
	return copy(ram, gpa, buf, NULL, len);
}

int ram_write(const struct ram *ram, gpa_t gpa, const void *buf, size_t len)
{
	return copy(ram, gpa, NULL, buf, len);
}

static void clear(struct ram *ram, off_t start, off_t end)
{
	while (start < end) {
		off_t data = lseek(ram->fd, start, SEEK_DATA);
		off_t hole;

		if (data >= end || (data < 0 && errno == ENXIO))
			break; /* nothing but a hole up to the end */
		if (data < start)
			data = start; /* cannot tell: take all for data */
		hole = lseek(ram->fd, data, SEEK_HOLE);
		if (hole <= data || hole > end)
			hole = end;
		memset(ram->base + data, 0, (size_t)(hole - data));
		start = hole;
	}
}

void ram_clear(struct ram *ram, unsigned int part, unsigned int nr_parts)
{
	uint64_t at = part * CLEAR_CHUNK;

	for (; at < ram->bytes; at += nr_parts * CLEAR_CHUNK)
		clear(ram, (off_t)at, (off_t)MIN(at + CLEAR_CHUNK, ram->bytes));
}
