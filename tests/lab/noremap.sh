# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What is found on a host whose IOMMU remaps no interrupts, by suites of
# several such. Sourced after guest.sh; the lab's first device is an NVMe.
nvme=$(device 0)
why='no interrupt remapping, so a device could forge interrupts; '

# check_says [HINT]: remapping is missing; that there is an IOMMU is seen.
check_says()
{
	if "$WHERRY" check >/tmp/check; then return 1; fi
	cat /tmp/check
	grep -q "^missing  interrupt remapping .*${1-}" /tmp/check
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
	grep -q "^wherry: $nvme: cannot be assigned: .*$why" /tmp/err
}
