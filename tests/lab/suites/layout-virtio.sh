#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# An IOMMU that translates memory but not interrupts, virtio's: no device is
# assigned there, and the reason is given.
# lab: --kernel any --memory 2G --iommu virtio --device nvme,serial=w0
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"
plan 3

nvme=$(device 0)
why='no interrupt remapping, so a device could forge interrupts; '

check_says()
{
	if "$WHERRY" check >/tmp/check; then return 1; fi
	cat /tmp/check
	grep -q '^missing  interrupt remapping ' /tmp/check
	# That there is an IOMMU is seen.
	if grep -q '^missing  IOMMU ' /tmp/check; then return 1; fi
}

run_refuses()
{
	local got=0

	"$WHERRY" bind "$nvme" 2>/dev/null
	"$WHERRY" run --kernel "$LAB_KERNEL" --device "$nvme" --timeout 30 \
		2>/tmp/err || got=$?
	cat /tmp/err
	[ $got = 1 ] && grep -q "^wherry: $nvme: cannot be assigned: .*$why" \
		/tmp/err
}

devices_say()
{
	"$WHERRY" devices "$nvme" >/tmp/list
	cat /tmp/list
	grep -q "^$nvme *no" /tmp/list
	grep -q "$why" /tmp/list
}

check check-says check_says
check run-refuses run_refuses
check devices-say devices_say
