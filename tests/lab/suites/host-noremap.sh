#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A host with an IOMMU but without interrupt remapping: a device could forge
# interrupts there, so none is assigned, and the host is as it was. Without an
# ITS, QEMU has no root ports.
# lab: --kernel lts --arch any
# lab-x86_64: --iommu intel,intremap=off --device nvme,serial=w0
# lab-aarch64: --machine-arg -machine --machine-arg its=off --device nvme,serial=w0,bus=pcie.0
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"
# shellcheck source=tests/lab/noremap.sh
. "$(dirname "$0")/../noremap.sh"
plan 4

hint='intremap=off'
[ "$LAB_ARCH" = x86_64 ] || hint='a GICv3 ITS'

nothing_left()
{
	"$WHERRY" unbind "$nvme"
	[ "$(basename "$(readlink "/sys/bus/pci/devices/$nvme/driver")")" = \
		nvme ]
	if pgrep -x wherry; then return 1; fi
}

check check-says check_says "$hint"
check devices-say devices_say
check run-refuses run_refuses
check nothing-left nothing_left
