// SPDX-License-Identifier: BSD-2-Clause
/*
 * rtc - a PL031 without its alarm: the registers of one are kept for the driver
 * to read back, and do nothing.  Owns how far the guest has set its clock off
 * the host's.  Guarded by dev_lock.
 */
#include "rtc.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "log.h"

/* DDI 0224, table 3-1 */
enum {
	RTCDR = 0x00,
	RTCMR = 0x04,
	RTCLR = 0x08,
	RTCCR = 0x0c,
	RTCIMSC = 0x10, /* then what is pending, which is nothing */
	FIRST_ID = 0xfe0,
};

#define RTCCR_START 1u
#define RTCIMSC_ALARM 1u

/* Part 031, designer 0x41, revision 1; then what any PrimeCell has. */
static const uint8_t ids[] = { 0x31, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

struct rtc {
	struct bus_range regs;
	struct bus *bus;
	uint32_t ahead; /* seconds, modulo 2^32 */
	uint32_t match, load, mask;
};

static uint32_t host_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint32_t)now.tv_sec;
}

static uint32_t read_reg(const struct rtc *rtc, uint64_t offset)
{
	switch (offset) {
	case RTCDR:
		return host_seconds() + rtc->ahead;
	case RTCMR:
		return rtc->match;
	case RTCLR:
		return rtc->load;
	case RTCCR:
		return RTCCR_START; /* it cannot be stopped */
	case RTCIMSC:
		return rtc->mask;
	default:
		if (offset >= FIRST_ID)
			return ids[(offset - FIRST_ID) / 4];
		return 0;
	}
}

static uint64_t rtc_read(void *opaque, uint64_t offset, unsigned int len)
{
	if (len != 4 || offset % 4)
		return all_ones(len);
	return read_reg(opaque, offset);
}

static void rtc_write(void *opaque, uint64_t offset, unsigned int len,
		      uint64_t val)
{
	struct rtc *rtc = opaque;

	if (len != 4)
		return;
	switch (offset) {
	case RTCMR:
		rtc->match = (uint32_t)val;
		break;
	case RTCLR:
		rtc->load = (uint32_t)val;
		rtc->ahead = rtc->load - host_seconds();
		break;
	case RTCIMSC:
		rtc->mask = val & RTCIMSC_ALARM;
		break;
	default:
		break;
	}
}

static const struct bus_ops rtc_ops = {
	.read = rtc_read,
	.write = rtc_write,
};

int rtc_create(struct rtc **out, struct bus *bus, const struct bus_place *place)
{
	struct rtc *rtc;
	int r;

	if (!place->base)
		return 0;
	rtc = calloc(1, sizeof(*rtc));
	if (!rtc) {
		log_err("rtc: out of memory");
		return -ENOMEM;
	}
	rtc->bus = bus;
	rtc->regs = (struct bus_range){
		.name = "rtc",
		.space = place->space,
		.start = place->base,
		.size = RTC_SIZE,
		.ops = &rtc_ops,
		.opaque = rtc,
	};
	r = bus_claim(bus, &rtc->regs);
	if (r) {
		free(rtc);
		return r;
	}
	*out = rtc;
	return 0;
}

void rtc_reset(struct rtc *rtc)
{
	if (!rtc)
		return;
	rtc->ahead = rtc->match = rtc->load = rtc->mask = 0;
}

void rtc_destroy(struct rtc *rtc)
{
	if (!rtc)
		return;
	bus_forget(rtc->bus, &rtc->regs);
	free(rtc);
}
