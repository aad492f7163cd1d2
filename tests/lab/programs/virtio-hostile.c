// SPDX-License-Identifier: BSD-2-Clause
/*
 * virtio-hostile - drives a virtio-pci function by hand, as no driver may. In a
 * guest, as root, for a function that no driver has:
 *
 *	virtio-hostile BDF EFFORT [ADDRESS]
 *
 * EFFORT is how many percent of what chance tries. ADDRESS is of another function's
 * BAR that is mapped into the guest, as RAM is.
 * Prints "pass CASE" or "FAIL CASE: why" for each; a failure is status 1. The
 * function is left reset, so that a driver can have it. Rings and buffers are
 * pages of this process, whose physical addresses /proc/self/pagemap tells.
 */
#include "virtio-hand.h"

#define RINGS 3
#define MULTIPORT 2ULL
enum { HIPRIO = 0, CONTROL_OUT = 3 };

/* Addresses in the table of cases. */
enum {
	TO_BUF,
	TO_END_OF_BUF,
	TO_TABLE,
	TO_MMIO,
	TO_NOTHING,
	TO_TOP,
	TO_DEVICE
};

static uint64_t device; /* ADDRESS */
static unsigned int effort; /* EFFORT */

/* So many of n, and one at least. */
static unsigned int some(unsigned int n)
{
	return (n * effort + 99) / 100;
}

/* ----- rings ----- */

struct bad {
	const char *name;
	struct vring_desc desc[3], table[3];
	uint16_t head, idx; /* idx: added once more */
};

static const struct bad bads[] = {
	{ .name = "index-runs-away", .idx = SIZE },
	{ .name = "index-runs-back", .idx = 0xfffd },
	{ .name = "head-past-queue", .head = SIZE },
	{ .name = "next-past-queue", .desc = { { TO_BUF, 16, N, SIZE } } },
	{ .name = "loop",
	  .desc = { { TO_BUF, 16, N, 1 }, { TO_BUF, 16, N, 0 } } },
	{ .name = "loop-of-nothing",
	  .desc = { { TO_BUF, 0, N, 1 }, { TO_BUF, 0, N, 0 } } },
	{ .name = "readable-after-writable",
	  .desc = { { TO_BUF, 16, N | W, 1 }, { TO_BUF, 16, 0, 0 } } },
	{ .name = "buffer-in-mmio", .desc = { { TO_MMIO, 16, 0, 0 } } },
	{ .name = "writable-in-mmio", .desc = { { TO_MMIO, 16, W, 0 } } },
	{ .name = "buffer-in-device", .desc = { { TO_DEVICE, 16, W, 0 } } },
	{ .name = "buffer-past-ram", .desc = { { TO_NOTHING, 16, W, 0 } } },
	{ .name = "buffer-at-top", .desc = { { TO_TOP, 16, W, 0 } } },
	{ .name = "buffer-over-all", .desc = { { TO_BUF, UINT32_MAX, W, 0 } } },
	{ .name = "table-loop",
	  .desc = { { TO_TABLE, 32, I, 0 } },
	  .table = { { TO_BUF, 16, N, 0 } } },
	{ .name = "table-in-table",
	  .desc = { { TO_TABLE, 32, I, 0 } },
	  .table = { { TO_BUF, 16, N, 1 }, { TO_TABLE, 16, I, 0 } } },
	{ .name = "table-index",
	  .desc = { { TO_TABLE, 32, I, 0 } },
	  .table = { { TO_BUF, 16, N, 2 } } },
	{ .name = "table-empty", .desc = { { TO_TABLE, 0, I, 0 } } },
	{ .name = "table-odd", .desc = { { TO_TABLE, 24, I, 0 } } },
	{ .name = "table-in-mmio", .desc = { { TO_MMIO, 32, I, 0 } } },
	{ .name = "table-past-ram", .desc = { { TO_NOTHING, 32, I, 0 } } },
	{ .name = "table-and-next",
	  .desc = { { TO_TABLE, 16, I | N, 1 }, { TO_BUF, 16, 0, 0 } },
	  .table = { { TO_BUF, 16, 0, 0 } } },
};

static struct vring_desc place(struct vring_desc d)
{
	switch (d.addr) {
	case TO_BUF:
		d.addr = phys[BUF];
		break;
	case TO_END_OF_BUF:
		d.addr = phys[BUF] + PAGE - 64;
		break;
	case TO_TABLE:
		d.addr = phys[TABLE];
		break;
	case TO_MMIO:
		d.addr = mmio;
		break;
	case TO_DEVICE:
		d.addr = device;
		break;
	case TO_NOTHING:
		d.addr = 1ULL << 45;
		break;
	default:
		d.addr = -8ULL;
		break;
	}
	return d;
}

static void bad_chains(unsigned int queue, uint64_t features)
{
	for (size_t k = 0; k < sizeof(bads) / sizeof(bads[0]); k++) {
		const struct bad *b = &bads[k];
		const char *why = bring_up(queue, INDIRECT | features);
		char name[40];

		for (unsigned int i = 0; i < 3; i++) {
			desc[i] = place(b->desc[i]);
			table[i] = place(b->table[i]);
		}
		/* At once, for the device may be looking already. */
		avail->ring[0] = b->head;
		__atomic_store_n(&avail->idx, (uint16_t)(1 + b->idx),
				 __ATOMIC_RELEASE);
		snprintf(name, sizeof(name), "%s-of-queue-%u", b->name, queue);
		result(name, why ? why : must_break(queue));
	}
}

/* Of every queue from which the device takes what comes. */
static void all_bad_chains(void)
{
	bad_chains(main_queue(), 0);
	if (type == CONSOLE)
		bad_chains(CONTROL_OUT, MULTIPORT);
	if (type == FS)
		bad_chains(HIPRIO, 0);
}

static void bad_places(void)
{
	static const char *const names[] = { "queue-in-mmio", "queue-past-ram",
					     "queue-at-top" };
	const uint64_t at[] = { mmio & ~15ULL, 1ULL << 45, -4096ULL };
	unsigned int queue = main_queue();

	for (unsigned int i = 0; i < 3; i++) {
		const char *why = NULL;

		for (unsigned int k = 0; k < RINGS && !why; k++) {
			uint64_t p[RINGS] = { phys[DESC], phys[AVAIL],
					      phys[USED] };

			p[k] = at[i];
			if (!reset())
				why = "it does not reset";
			common->device_status = VIRTIO_CONFIG_S_ACKNOWLEDGE |
						VIRTIO_CONFIG_S_DRIVER;
			(void)accept(VERSION_1);
			place_queue(queue, p[0], p[1], p[2]);
			common->device_status |= VIRTIO_CONFIG_S_DRIVER_OK;
			if (!why)
				why = must_break(queue);
		}
		result(names[i], why);
	}
}

/* A table that was not negotiated. */
static void not_negotiated(void)
{
	const char *why = bring_up(main_queue(), 0);

	desc[0] = (struct vring_desc){ phys[TABLE], 16, I, 0 };
	table[0] = (struct vring_desc){ phys[BUF], 16, 0, 0 };
	publish(0);
	result("table-not-negotiated", why ? why : must_break(main_queue()));
}

/* As many segments as a table of a page has: taken or broken, but an end. */
static void long_chain(void)
{
	const char *why = bring_up(main_queue(), INDIRECT);

	desc[0] = (struct vring_desc){ phys[TABLE], PAGE, I, 0 };
	for (unsigned int i = 0; i < PAGE / 16; i++)
		table[i] = (struct vring_desc){ phys[BUF], 16,
						i == PAGE / 16 - 1 ? W : W | N,
						(uint16_t)(i + 1) };
	publish(0);
	kick(main_queue());
	for (unsigned int i = 0; i < 5000 && !used->idx; i++) {
		if (common->device_status & VIRTIO_CONFIG_S_NEEDS_RESET)
			break;
		wait_ms(1);
	}
	if (!why && !used->idx &&
	    !(common->device_status & VIRTIO_CONFIG_S_NEEDS_RESET))
		why = "neither served nor broken";
	if (!why && !reset())
		why = "it does not reset";
	result("long-chain", why);
}

/* ----- the transport ----- */

static void features(void)
{
	uint64_t have = offered();
	const char *why = NULL;

	for (unsigned int bit = 0; bit < 64 && !why; bit++) {
		if (have >> bit & 1)
			continue;
		if (!reset())
			why = "it does not reset";
		common->device_status = VIRTIO_CONFIG_S_ACKNOWLEDGE |
					VIRTIO_CONFIG_S_DRIVER;
		if (accept(VERSION_1 | 1ULL << bit))
			why = "it took a feature that it had not offered";
	}
	result("features-not-offered", why);
	(void)reset();
	common->device_status = VIRTIO_CONFIG_S_ACKNOWLEDGE |
				VIRTIO_CONFIG_S_DRIVER;
	result("features-of-old",
	       accept(INDIRECT) ? "it took a driver before 1.0" : NULL);
	common->device_status |= VIRTIO_CONFIG_S_DRIVER_OK;
	result("ready-without-features",
	       common->device_status & VIRTIO_CONFIG_S_DRIVER_OK ?
		       "it is ready for a driver that it refused" :
		       NULL);
}

static void registers(void)
{
	const char *why = reset() ? NULL : "it does not reset";
	unsigned int nr = common->num_queues;

	common->queue_select = (uint16_t)nr;
	if (common->queue_size)
		why = "there is a queue past the last";
	common->queue_enable = 1;
	common->queue_select = 0xffff;
	if (common->queue_size)
		why = "there is a queue past the last";
	common->queue_select = 0;
	common->queue_msix_vector = 0x7ff;
	if (common->queue_msix_vector != VIRTIO_MSI_NO_VECTOR)
		why = "it took a vector that it has not";
	common->msix_config = 0x7ff;
	if (common->msix_config != VIRTIO_MSI_NO_VECTOR)
		why = "it took a vector that it has not";
	common->queue_size = 3;
	if (common->queue_size == 3)
		why = "it took a size that is no power of two";
	common->queue_size = 0x8000;
	if (common->queue_size == 0x8000)
		why = "it took a size that is too large";
	result("registers", why);
}

/*
 * Reads and writes of any width, but in the table of MSI-X and the status: there
 * chance could start what writes anywhere.
 */
static void random_access(volatile uint8_t *p, uint32_t bytes)
{
	uint32_t width = 1U << chance() % 3, val = chance(), at;

	if (bytes < width)
		return;
	at = chance() % (bytes / width) * width;
	if (chance() % 2)
		val %= 4;
	if (at <= 20 && at + width > 20)
		return;
	p += at;
	if (chance() % 2) {
		if (width == 1)
			*p = (uint8_t)val;
		else if (width == 2)
			*(volatile uint16_t *)p = (uint16_t)val;
		else
			*(volatile uint32_t *)p = val;
	} else {
		if (width == 1)
			(void)*p;
		else if (width == 2)
			(void)*(volatile uint16_t *)p;
		else
			(void)*(volatile uint32_t *)p;
	}
}

static void random_accesses(void)
{
	const char *why = bring_up(main_queue(), INDIRECT);

	for (unsigned int i = 0; i < some(800); i++) {
		unsigned int which = chance() % 4 + 1;

		random_access(part[which], part_bytes[which]);
	}
	result("random-accesses", reset() ? why : "it does not reset");
}

/* ----- requests in flight ----- */

/* A request that the device may serve, in descriptors from head on. */
static unsigned int request(uint16_t head)
{
	uint64_t buf = phys[BUF + head];
	uint8_t *p = area + (BUF + head) * PAGE;

	memset(p, 0, PAGE);
	switch (type) {
	case BLOCK: /* a read */
		desc[head] = (struct vring_desc){ buf, 16, N, head + 1 };
		desc[head + 1] =
			(struct vring_desc){ buf + 512, 2048, N | W, head + 2 };
		desc[head + 2] = (struct vring_desc){ buf + 16, 1, W, 0 };
		return 3;
	case FS: /* STATFS of the root */
		*(uint32_t *)p = 40;
		*(uint32_t *)(p + 4) = 17;
		*(uint64_t *)(p + 16) = 1;
		desc[head] = (struct vring_desc){ buf, 40, N, head + 1 };
		desc[head + 1] = (struct vring_desc){ buf + 512, 2048, W, 0 };
		return 2;
	default: /* input, entropy */
		desc[head] = (struct vring_desc){ buf, 2048, W, 0 };
		return 1;
	}
}

/* After a reset nothing of the guest is written any more. */
static void reset_in_flight(void)
{
	unsigned int queue = type == FS, head, nr;
	const char *why = NULL;
	uint8_t *from = area + USED * PAGE;
	size_t len = (NR_PAGES - USED) * PAGE;

	for (unsigned int round = 0; round < some(20) && !why; round++) {
		why = bring_up(queue, EVENT_IDX);
		for (head = 0; head + 3 <= SIZE; head += nr) {
			nr = request((uint16_t)head);
			publish((uint16_t)head);
		}
		kick(queue);
		usleep(chance() % 2000);
		if (!reset()) {
			why = "it does not reset";
			break;
		}
		memset(from, 0x5a, len);
		wait_ms(20);
		for (size_t i = 0; i < len && !why; i++)
			if (from[i] != 0x5a)
				why = "it wrote after the reset";
	}
	result("reset-in-flight", why);
}

/* What is served stays in its page: those behind it are somebody else's. */
static void random_desc(struct vring_desc *d)
{
	bool sane = chance() % 4;
	uint16_t flags = (uint16_t)(chance() % (sane ? 4 : 8));
	uint64_t at = chance() % 2 ? TO_BUF : TO_END_OF_BUF;
	uint32_t len = chance() % 64;

	if (flags & I) {
		at = TO_TABLE;
		len = chance() % 5 ? len / 16 * 16 : len;
	}
	if (!sane && chance() % 4 == 0)
		at = TO_MMIO + chance() % 3;
	*d = place((struct vring_desc){
		at, len, flags,
		(uint16_t)(chance() % (sane ? SIZE : SIZE + 2)) });
}

/* Rings and requests of chance, in every queue in turn. */
static void random_rings(void)
{
	unsigned int nr = common->num_queues;
	const char *why = NULL;

	for (unsigned int round = 0; round < some(60) && !why; round++) {
		unsigned int queue = round % nr;

		why = bring_up(queue, offered());
		for (unsigned int i = 0; i < SIZE; i++)
			random_desc(&desc[i]);
		for (unsigned int i = 0; i < 8; i++)
			random_desc(&table[i]);
		for (unsigned int i = 0; i < 256; i++)
			area[BUF * PAGE + i] = (uint8_t)(chance() % 30);
		for (unsigned int i = 0; i < 4; i++) {
			publish((uint16_t)(chance() % SIZE));
			kick(queue);
			usleep(chance() % 1000);
		}
		if (!why && !reset())
			why = "it does not reset";
	}
	result("random-rings", why);
}

/* What a request of the type may hold where the model looks first. */
static unsigned int mutant(void)
{
	static const uint32_t blk[] = { 0, 1, 4, 8, 11, 13, 2, 99 };
	static const uint32_t fuse[] = { 26, 1, 3, 15, 16, 14, 27, 28 };
	uint8_t *p = area + BUF * PAGE;
	unsigned int nr = request(0);

	for (unsigned int i = 8; i < 256; i++)
		p[i] = chance() % 4 ? 0 : (uint8_t)chance();
	if (type == BLOCK)
		*(uint32_t *)p = blk[chance() % 8];
	else if (type == FS)
		*(uint32_t *)(p + 4) = chance() % 2 ? fuse[chance() % 8] :
						      chance() % 60;
	else
		memset(p, (int)chance(), 2);
	if (type == FS && chance() % 4)
		desc[0].len = *(uint32_t *)p = 40 + chance() % 100;
	if (type == CONSOLE)
		desc[0] = (struct vring_desc){ phys[BUF], chance() % 10, 0, 0 };
	if (chance() % 3 == 0)
		desc[chance() % nr].len = chance() % 2048;
	if (chance() % 8 == 0)
		desc[chance() % nr].flags ^= W;
	if (chance() % 8 == 0)
		desc[chance() % nr].flags &= ~N;
	return nr;
}

/* Each comes back, or is the end of the driver. */
static void mutants(void)
{
	unsigned int queue = type == CONSOLE ? CONTROL_OUT : main_queue();
	const char *why = NULL;

	for (unsigned int round = 0; round < some(120) && !why; round++) {
		uint16_t was;

		if (round % 10 == 0 ||
		    common->device_status & VIRTIO_CONFIG_S_NEEDS_RESET)
			why = bring_up(queue, type == CONSOLE ? MULTIPORT : 0);
		was = used->idx;
		mutant();
		publish(0);
		kick(queue);
		for (unsigned int i = 0; used->idx == was && i < 5000; i++) {
			if (common->device_status & VIRTIO_CONFIG_S_NEEDS_RESET)
				break;
			usleep(i < 100 ? 50 : 1000);
		}
		if (used->idx == was &&
		    !(common->device_status & VIRTIO_CONFIG_S_NEEDS_RESET))
			why = "a request did not come back";
	}
	result("mutants", why ? why : reset() ? NULL : "it does not reset");
}

int main(int argc, char **argv)
{
	if (argc < 3)
		errx(2, "see the head of virtio-hostile.c");
	snprintf(sysfs, sizeof(sysfs), "/sys/bus/pci/devices/%s", argv[1]);
	find_parts();
	take_pages();
	effort = (unsigned int)strtoul(argv[2], NULL, 0);
	device = argc > 3 ? strtoull(argv[3], NULL, 0) : mmio;
	printf("type %d, %u queues, features %#" PRIx64 "\n", (int)type,
	       common->num_queues, offered());
	features();
	registers();
	all_bad_chains();
	not_negotiated();
	bad_places();
	long_chain();
	random_accesses();
	reset_in_flight();
	random_rings();
	mutants();
	return failures ? 1 : 0;
}
