#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# An IOMMU of fewer bits than the CPU, 39 on x86_64 and 44 on Arm: memory that it
# cannot reach is refused with the range, what fits runs, and the window of 64-bit
# BARs ends where its addresses do. (QEMU's machines since have both stages, and
# Linux takes the first, of 48.)
# lab: --kernel any --arch any --memory 4G --timeout 700
# lab-x86_64: --iommu intel,aw-bits=39
# lab-aarch64: --iommu smmuv3,stage=2 --machine-arg -machine --machine-arg virt-8.0
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

# With the 1 GiB for devices below 4 GiB: all of the 39 bits, or 44. What is no
# address below that has a digit more, or one that is too large.
if [ "$LAB_ARCH" = x86_64 ]; then
	most=$(((512 - 1) << 10))
	end=0x7fffffffff much=600G much_end=0x963fffffff more_end=0x80000fffff
	beyond='([0-9a-f]{11,}|[89a-f][0-9a-f]{9})'
else
	most=$(((16384 - 1) << 10))
	end=0xfffffffffff much=20T much_end=0x14003fffffff
	more_end=0x1000000fffff
	beyond='[0-9a-f]{12,}'
fi
end="its IOMMU's addresses end at $end, and the guest's memory at"

fits()
{
	boots fits places --memory 1G --device "$nvme" --device "$huge"
	said fits '^config 0000:01:00.0 Device: 0x1b36 0x0010'
}

# The BAR of 16 GiB, and all else that there is, is below.
window_ends()
{
	said fits '^resource 0x0*[0-9a-f]{9,} 0x0*[0-9a-f]{9,} 0x0*14220c'
	tr -d '\r' <"$LAB_OUT/fits.out" |
		sed -n 's/^resource 0x0*[0-9a-f]* 0x0*\([0-9a-f]*\) .*/\1/p' \
			>/tmp/bars
	tr -d '\r' <"$LAB_OUT/fits.out" |
		sed -n 's/^iomem *[0-9a-f]*-\([0-9a-f]*\) : .*/\1/p' >/tmp/ends
	grep -q . /tmp/ends
	# 64-bit windows are there at all.
	grep -Eq '^[0-9a-f]{9,}$' /tmp/ends
	if grep -E "^$beyond\$" /tmp/ends /tmp/bars; then
		return 1
	fi
}

check refuses-memory refuses "^wherry: $nvme: .*$end $much_end; use --memory ${most}M or" \
	--memory $much --device "$nvme"
check refuses-a-page-more refuses "$nvme: .*$end $more_end; use" \
	--memory $((most + 1))M --device "$nvme"
check fits fits
check window-ends window_ends
check next-runs fits
