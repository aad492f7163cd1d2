#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Virtio devices under a driver that breaks every rule: each sees to it that the
# driver is told, the VM goes on, and an honest driver finds the device as new.
# lab: --kernel any --arch any --device nvme,serial=w0
# lab-prepare: tests/lab/build programs/virtio-hostile.c
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"
build=$WHERRY_SRC/tests/lab/build
initrd virtio-hostile \
	--file "$("$build" programs/virtio-hostile.c):/virtio-hostile" >/dev/null

# abused TYPE CASES: so many, and none that failed.
abused()
{
	tr -d '\r' <"$LAB_OUT/all.out" | grep "^$1 FAIL" && return 1
	[ "$(tr -d '\r' <"$LAB_OUT/all.out" | grep -c "^$1 pass ")" = "$2" ]
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

# After all that was written there before.
ends_honestly()
{
	[ "$(tail -c 7 "$1")" = honest ]
}

truncate -s 16M /tmp/disk
mkdir /tmp/t
echo there >/tmp/t/file
"$WHERRY" bind "$(device 0)" >/dev/null
append=effort=100
[ -z "${LAB_BRIEF:-}" ] || append=effort=15
check vm-goes-on boots all virtio-hostile --timeout 600 --memory 128M --rng \
	--disk /tmp/disk --channel file:/tmp/channel,name=c \
	--share /tmp/t,tag=t --device "$(device 0)"
check has-an-assigned-bar said all '^assigned 0x0*[1-9a-f]'
check no-complaint no_complaint
check rng-abused abused entropy 34
check rng-works-afterwards said all '^entropy works$'
check rng-told told rng
check disk-abused abused block 34
check disk-works-afterwards said all '^block works$'
check disk-told told disk0
check console-abused abused console 55
check console-works-afterwards ends_honestly /tmp/channel
check console-told told channels
check share-abused abused fs 55
check share-works-afterwards grep -qx honest /tmp/t/new
check share-told told t
finish
