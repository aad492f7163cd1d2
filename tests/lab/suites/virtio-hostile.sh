#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Virtio devices under a driver that breaks every rule: each sees to it that the
# driver is told, the VM goes on, and an honest driver finds the device as new.
# lab: --kernel any --arch any
# lab-prepare: tests/lab/build programs/virtio-hostile.c
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"
build=$WHERRY_SRC/tests/lab/build
initrd virtio-hostile \
	--file "$("$build" programs/virtio-hostile.c):/virtio-hostile" >/dev/null

# abused TYPE: all cases, and none that failed.
abused()
{
	tr -d '\r' <"$LAB_OUT/all.out" | grep "^$1 FAIL" && return 1
	[ "$(tr -d '\r' <"$LAB_OUT/all.out" | grep -c "^$1 pass ")" = 33 ]
}

# The user is told what it was, and is not flooded: ten lines in ten seconds.
told()
{
	grep -q "$1: the guest's driver broke the protocol: " \
		"$LAB_OUT/all.err" &&
		[ "$(grep -c "$1: " "$LAB_OUT/all.err")" -lt 200 ]
}

no_complaint()
{
	! said all '^complaint'
}

truncate -s 16M /tmp/disk
check vm-goes-on boots all virtio-hostile --memory 128M --rng \
	--disk /tmp/disk
check no-complaint no_complaint
check rng-abused abused entropy
check rng-works-afterwards said all '^entropy works$'
check rng-told told rng
check disk-abused abused block
check disk-works-afterwards said all '^block works$'
check disk-told told disk0
finish
