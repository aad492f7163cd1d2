#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# An IOMMU of 39 bits: memory that it cannot reach is refused with the range,
# what fits runs, and the window of 64-bit BARs ends where its addresses do.
# lab: --kernel any --memory 4G --timeout 700 --iommu intel,aw-bits=39
# lab: --device nvme,serial=w0 --device pci-testdev,membar=16G
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"
plan 5

nvme=$(device 0)
huge=$(device 1)
"$WHERRY" bind "$nvme" "$huge" >/dev/null

# refuses REGEX OPTION...: before any memory is taken.
refuses()
{
	local text=$1 got=0

	shift
	"$WHERRY" run --kernel "$LAB_KERNEL" --timeout 60 "$@" 2>/tmp/err \
		</dev/null || got=$?
	cat /tmp/err
	[ $got = 1 ] && [ "$(grep -vc '^wherry: notice' /tmp/err)" = 1 ] &&
		grep -Eq -- "$text" /tmp/err
}

# 511 GiB and 1 GiB for devices below 4 GiB make the 512 GiB of 39 bits.
end="its IOMMU's addresses end at 0x7fffffffff, and the guest's memory at"

fits()
{
	boots fits places --memory 1G --device "$nvme" --device "$huge"
	said fits '^config 0000:01:00.0 Device: 0x1b36 0x0010'
}

# The BAR of 16 GiB, and all else that there is, is below 512 GiB.
window_ends()
{
	said fits '^resource 0x000000[0-7][0-9a-f]{9} 0x000000[0-7][0-9a-f]{9} 0x0*14220c'
	tr -d '\r' <"$LAB_OUT/fits.out" |
		sed -n 's/^iomem *[0-9a-f]*-\([0-9a-f]*\) : .*/\1/p' >/tmp/ends
	grep -q . /tmp/ends
	# 64-bit windows are there at all, and none has a tenth digit above 7.
	grep -Eq '^[0-9a-f]{9,}$' /tmp/ends
	if grep -E '^([0-9a-f]{11,}|[89a-f][0-9a-f]{9})$' /tmp/ends; then
		return 1
	fi
}

check refuses-memory refuses "^wherry: $nvme: .*$end 0x963fffffff; use --memory 523264M or" \
	--memory 600G --device "$nvme"
check refuses-a-page-more refuses "$nvme: .*$end 0x80000fffff; use" \
	--memory 523265M --device "$nvme"
check fits fits
check window-ends window_ends
check next-runs fits
