#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# An IOMMU that translates memory but not interrupts, virtio's: no device is
# assigned there, and the reason is given.
# lab: --kernel any --memory 2G --iommu virtio --device nvme,serial=w0
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"
# shellcheck source=tests/lab/noremap.sh
. "$(dirname "$0")/../noremap.sh"
plan 3

check check-says check_says
check devices-say devices_say
check run-refuses run_refuses
