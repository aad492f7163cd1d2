/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtio-pci function by hand, from a process in a guest: its registers, and
 * pages of the process as rings, whose physical addresses /proc/self/pagemap
 * tells. For the programs beside it, each of which is one file.
 */
#ifndef TESTS_LAB_PROGRAMS_VIRTIO_HAND_H
#define TESTS_LAB_PROGRAMS_VIRTIO_HAND_H

#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096UL
#define SIZE 64 /* descriptors; each part of a ring has a page */
#define VERSION_1 (1ULL << VIRTIO_F_VERSION_1)
#define INDIRECT (1ULL << VIRTIO_RING_F_INDIRECT_DESC)
#define EVENT_IDX (1ULL << VIRTIO_RING_F_EVENT_IDX)

#define N VRING_DESC_F_NEXT
#define W VRING_DESC_F_WRITE
#define I VRING_DESC_F_INDIRECT

enum page { DESC, AVAIL, USED, TABLE, BUF, NR_PAGES = BUF + SIZE };
enum type { BLOCK = 2, CONSOLE, ENTROPY, FS = 26 };

static char sysfs[100];
static enum type type;
static volatile struct virtio_pci_common_cfg *common;
static volatile uint8_t *part[6]; /* by cfg_type */
static uint32_t part_bytes[6], notify_step;
static uint64_t mmio; /* where the function's BAR is */
static uint8_t *area; /* NR_PAGES */
static uint64_t phys[NR_PAGES];
static struct vring_desc *desc, *table;
static volatile struct vring_avail *avail;
static volatile struct vring_used *used;
static unsigned int failures;

static inline void result(const char *name, const char *why)
{
	if (why)
		printf("FAIL %s: %s\n", name, why);
	else
		printf("pass %s\n", name);
	fflush(stdout);
	failures += !!why;
}

static inline uint32_t chance(void)
{
	static uint64_t seed = 0x9216d5d98979fb1b;

	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16);
}

static inline void wait_ms(unsigned int ms)
{
	usleep(ms * 1000);
}

/* ----- the function ----- */

static inline int sysfs_open(const char *file)
{
	char path[200];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", sysfs, file);
	fd = open(path, O_RDWR | O_SYNC);
	if (fd < 0)
		err(2, "%s", path);
	return fd;
}

static inline volatile uint8_t *map_bar(unsigned int bar)
{
	char name[20];
	void *p;
	int fd;

	snprintf(name, sizeof(name), "resource%u", bar);
	fd = sysfs_open(name);
	p = mmap(NULL, (size_t)lseek(fd, 0, SEEK_END), PROT_READ | PROT_WRITE,
		 MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		err(2, "%s", name);
	close(fd);
	return p;
}

static inline void find_parts(void)
{
	uint8_t config[256], at;
	uint16_t command;
	int fd = sysfs_open("config");

	if (pread(fd, config, sizeof(config), 0) != sizeof(config))
		errx(2, "config space is short");
	type = (enum type)(config[2] - 0x40); /* from 0x1040 on */
	memcpy(&command, config + 4, 2);
	command |= 6; /* memory, master */
	if (pwrite(fd, &command, 2, 4) != 2)
		err(2, "COMMAND");
	close(fd);
	for (at = config[0x34]; at; at = config[at + 1]) {
		struct virtio_pci_cap cap;
		uint32_t bar[2];

		memcpy(&cap, config + at, sizeof(cap));
		if (cap.cap_vndr != 9 || cap.cfg_type < 1 || cap.cfg_type > 4)
			continue;
		part[cap.cfg_type] = map_bar(cap.bar) + cap.offset;
		part_bytes[cap.cfg_type] = cap.length;
		if (cap.cfg_type == VIRTIO_PCI_CAP_NOTIFY_CFG)
			memcpy(&notify_step, config + at + sizeof(cap), 4);
		if (cap.cfg_type != VIRTIO_PCI_CAP_COMMON_CFG)
			continue;
		memcpy(bar, config + 0x10 + 4 * cap.bar, 8);
		mmio = (bar[0] & ~15U) + cap.offset;
		if (bar[0] & 4)
			mmio |= (uint64_t)bar[1] << 32;
	}
	common = (volatile void *)part[VIRTIO_PCI_CAP_COMMON_CFG];
	if (!common || !part[VIRTIO_PCI_CAP_NOTIFY_CFG])
		errx(2, "no virtio function");
}

static inline void take_pages(void)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry;

	area = mmap(NULL, NR_PAGES * PAGE, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1,
		    0);
	if (fd < 0 || area == MAP_FAILED)
		err(2, "pages");
	for (unsigned int i = 0; i < NR_PAGES; i++) {
		uint64_t at = (uint64_t)(uintptr_t)area / PAGE + i;

		if (pread(fd, &entry, 8, (off_t)(at * 8)) != 8 ||
		    !(entry >> 63))
			errx(2, "pagemap does not say");
		phys[i] = (entry & ((1ULL << 55) - 1)) * PAGE;
	}
	close(fd);
	desc = (void *)(area + DESC * PAGE);
	avail = (void *)(area + AVAIL * PAGE);
	used = (void *)(area + USED * PAGE);
	table = (void *)(area + TABLE * PAGE);
}

/* Waits for bits of the status; false after seconds. */
static inline bool status_is(uint8_t mask, uint8_t want)
{
	for (unsigned int i = 0; i < 10000; i++) {
		if ((common->device_status & mask) == want)
			return true;
		wait_ms(1);
	}
	return false;
}

static inline bool reset(void)
{
	common->device_status = 0;
	return status_is(0xff, 0);
}

static inline uint64_t offered(void)
{
	uint64_t bits;

	common->device_feature_select = 1;
	bits = (uint64_t)common->device_feature << 32;
	common->device_feature_select = 0;
	return bits | common->device_feature;
}

static inline bool accept(uint64_t bits)
{
	common->guest_feature_select = 0;
	common->guest_feature = (uint32_t)bits;
	common->guest_feature_select = 1;
	common->guest_feature = (uint32_t)(bits >> 32);
	common->device_status |= VIRTIO_CONFIG_S_FEATURES_OK;
	return common->device_status & VIRTIO_CONFIG_S_FEATURES_OK;
}

static inline void place_queue(unsigned int queue, uint64_t at_desc,
			       uint64_t at_avail, uint64_t at_used)
{
	common->queue_select = (uint16_t)queue;
	common->queue_size = SIZE;
	common->queue_desc_lo = (uint32_t)at_desc;
	common->queue_desc_hi = (uint32_t)(at_desc >> 32);
	common->queue_avail_lo = (uint32_t)at_avail;
	common->queue_avail_hi = (uint32_t)(at_avail >> 32);
	common->queue_used_lo = (uint32_t)at_used;
	common->queue_used_hi = (uint32_t)(at_used >> 32);
	common->queue_enable = 1;
}

/* The queue whose chains the device takes as they come. */
static inline unsigned int main_queue(void)
{
	return type == CONSOLE || type == FS;
}

/* With empty rings.  Nothing of the type's own is accepted. */
static inline const char *bring_up(unsigned int queue, uint64_t bits)
{
	if (!reset())
		return "it does not reset";
	memset(area, 0, NR_PAGES * PAGE);
	common->device_status = VIRTIO_CONFIG_S_ACKNOWLEDGE |
				VIRTIO_CONFIG_S_DRIVER;
	if (!accept(bits | VERSION_1))
		return "it refuses what it offers";
	place_queue(queue, phys[DESC], phys[AVAIL], phys[USED]);
	common->device_status |= VIRTIO_CONFIG_S_DRIVER_OK;
	return NULL;
}

static inline void kick(unsigned int queue)
{
	volatile uint8_t *p = part[VIRTIO_PCI_CAP_NOTIFY_CFG];

	common->queue_select = (uint16_t)queue;
	p += common->queue_notify_off * notify_step;
	*(volatile uint16_t *)p = (uint16_t)queue;
}

static inline void publish(uint16_t head)
{
	avail->ring[avail->idx % SIZE] = head;
	__atomic_store_n(&avail->idx, avail->idx + 1, __ATOMIC_RELEASE);
}

/* Of a broken driver the device wants a reset, and says so. */
static inline const char *must_break(unsigned int queue)
{
	uint16_t was = used->idx;

	kick(queue);
	if (!status_is(VIRTIO_CONFIG_S_NEEDS_RESET,
		       VIRTIO_CONFIG_S_NEEDS_RESET))
		return "no NEEDS_RESET";
	if (used->idx != was)
		return "it was served";
	if (!reset())
		return "it does not reset";
	return NULL;
}

#endif
