#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A device through many lives: reboots of its guest, and guests one after the
# other; it is free again at once.
# lab: --kernel lts --memory 4G --device nvme,serial=w0 --timeout 900
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"
# shellcheck source=tests/lab/nvme.sh
. "$(dirname "$0")/../nvme.sh"

reboots()
{
	host_disk
	dd if=/dev/zero of=/dev/nvme0n1 bs=4096 count=1 oflag=direct
	"$WHERRY" bind "$bdf"
	append=until=21 boots reboots nvme-count --device "$bdf" \
		--memory 256M --timeout 300 --stats "$LAB_OUT/reboots.json"
	[ "$(word reboots COUNT | tail -n 1)" = 21 ]
	[ "$(stat_of "$LAB_OUT/reboots.json" reboots)" = 20 ]
}

again_and_again()
{
	local i

	for ((i = 0; i < 20; i++)); do
		append=until=$((22 + i)) boots again nvme-count \
			--device "$bdf" --memory 256M
	done
	[ "$(word again COUNT)" = 41 ]
}

check twenty-reboots reboots
check twenty-runs again_and_again
check unbind-at-once back_to_host
finish
