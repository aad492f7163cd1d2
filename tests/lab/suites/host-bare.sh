#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A host without an IOMMU: said, with what to do, and the host keeps its
# devices, also when the VFIO driver is tried by force and refuses.
# lab-seconds: 153
# lab: --kernel lts --arch both --iommu none --device nvme,serial=w0 --device e1000e
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"
plan 5

nvme=$(device 0)
net=$(device 1)

# fails REGEX COMMAND...: one line on stderr, and the devices are where they
# were.
fails()
{
	local text=$1 dev

	shift
	if "$@" 2>/tmp/err; then return 1; fi
	cat /tmp/err
	grep -Eq -- "$text" /tmp/err
	for dev in "$nvme nvme" "$net e1000e"; do
		[ "$(basename "$(readlink \
			"/sys/bus/pci/devices/${dev% *}/driver")")" = \
			"${dev#* }" ]
		[ "$(cat "/sys/bus/pci/devices/${dev% *}/driver_override")" = \
			'(null)' ]
	done
	[ -b /dev/nvme0n1 ]
	! ls /run/wherry/bind-* 2>/dev/null
}

# On Arm it is not the IOMMU that remaps interrupts.
check_says()
{
	local remedy='intel_iommu=on' remapping=missing

	if [ "$LAB_ARCH" = aarch64 ]; then
		remedy='the SMMU .*CONFIG_ARM_SMMU_V3' remapping=ok
	fi
	if "$WHERRY" check >/tmp/check; then return 1; fi
	cat /tmp/check
	grep -q "^missing  IOMMU .*$remedy" /tmp/check
	grep -q "^$remapping *interrupt remapping " /tmp/check
}

devices_say()
{
	"$WHERRY" devices "$nvme" | grep -q 'the host has no IOMMU in use; '
}

check check-says check_says
check devices-say devices_say
check refuses fails "$nvme: cannot be assigned: the host has no IOMMU" \
	"$WHERRY" bind "$nvme"
# The driver's probe fails, and the way back is taken.
check goes-back fails "$nvme: cannot be bound to vfio-pci: .*no IOMMU" \
	"$WHERRY" bind --force "$nvme"
# The first that fails ends it: the other one is not touched.
check stops-at-first fails "$net: .*vfio-pci: " \
	"$WHERRY" bind --force "$net" "$nvme"
