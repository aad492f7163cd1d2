#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# An IOMMU that translates memory but not interrupts, virtio's: on x86_64 no device
# is assigned there, and the reason is given. On Arm interrupts are the ITS's
# business, and a guest works.
# lab: --kernel any --arch any --memory 2G --iommu virtio --device nvme,serial=w0
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"
# shellcheck source=tests/lab/noremap.sh
. "$(dirname "$0")/../noremap.sh"

runs()
{
	"$WHERRY" check
	"$WHERRY" bind "$nvme"
	append=reads=200 boots runs nvme-reads --memory 256M --device "$nvme"
	said runs '^200\+0 records in'
}

if [ "$LAB_ARCH" = x86_64 ]; then
	check check-says check_says
	check devices-say devices_say
	check run-refuses run_refuses
else
	check runs runs
fi
finish
