#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A host with an IOMMU but without interrupt remapping: a device could forge
# interrupts there, so none is assigned, and the host is as it was.
# lab: --kernel lts --iommu intel,intremap=off --device nvme,serial=w0
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"
plan 4

nvme=$(device 0)
why='no interrupt remapping, so a device could forge interrupts; '

check_says()
{
	if "$WHERRY" check >/tmp/check; then return 1; fi
	cat /tmp/check
	grep -q '^missing  interrupt remapping .*intremap=off' /tmp/check
	if grep -q '^missing  IOMMU ' /tmp/check; then return 1; fi
}

devices_say()
{
	"$WHERRY" bind "$nvme" 2>/tmp/err
	cat /tmp/err
	grep -q "$why" /tmp/err
	"$WHERRY" devices "$nvme" >/tmp/list
	cat /tmp/list
	grep -q "^$nvme *no" /tmp/list
	grep -q "$why" /tmp/list
}

run_refuses()
{
	local status=0

	"$WHERRY" run --kernel "$LAB_KERNEL" --device "$nvme" --timeout 30 \
		2>/tmp/err || status=$?
	cat /tmp/err
	[ $status = 1 ]
	[ "$(wc -l </tmp/err)" = 1 ]
	grep -q "$nvme: cannot be assigned: .*$why" /tmp/err
}

nothing_left()
{
	"$WHERRY" unbind "$nvme"
	[ "$(basename "$(readlink "/sys/bus/pci/devices/$nvme/driver")")" = \
		nvme ]
	if pgrep -x wherry; then return 1; fi
}

check check-says check_says
check devices-say devices_say
check run-refuses run_refuses
check nothing-left nothing_left
