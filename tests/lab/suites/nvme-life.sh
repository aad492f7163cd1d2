#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A device through many lives of guests, one after the other; it is free again at
# once. (Reboots: suite reset.)
# lab-seconds: 190
# lab: --kernel lts --arch any --memory 4G --device nvme,serial=w0 --timeout 900
# lab-x86_64: --cpus 1
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"
# shellcheck source=tests/lab/nvme.sh
. "$(dirname "$0")/../nvme.sh"

again_and_again()
{
	local i

	host_disk
	dd if=/dev/zero of=/dev/nvme0n1 bs=4096 count=1 oflag=direct
	"$WHERRY" bind "$bdf"
	for ((i = 1; i <= 20; i++)); do
		append=until=$i boots again nvme-count --device "$bdf" \
			--memory 128M
	done
	[ "$(word again COUNT)" = 20 ]
}

check twenty-runs again_and_again
check unbind-at-once back_to_host
finish
