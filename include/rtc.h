/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The clock of machines whose KVM has none: PrimeCell PL031 (DDI 0224), seconds
 * of 1970 and later in 32 bits.  It shows the host's time, moved by as much as
 * the guest has set it.
 *
 * There is no alarm: no interrupt is wired, and nothing is ever pending.
 */
#ifndef WHERRY_RTC_H
#define WHERRY_RTC_H

#include "bus.h"

#define RTC_SIZE 0x1000

struct rtc;

/* Claims RTC_SIZE bytes at place; base 0: there is none, and *out stays. */
int rtc_create(struct rtc **out, struct bus *bus,
	       const struct bus_place *place);
/* The host's time again.  NULL is fine.  dev_lock held. */
void rtc_reset(struct rtc *rtc);
void rtc_destroy(struct rtc *rtc);

#endif
