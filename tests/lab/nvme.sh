# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What the suites share that move an NVMe between host and guest. Sourced after
# guest.sh; the disk is the lab's first device.
bdf=$(device 0)

# Until the host's driver shows its disk.
host_disk()
{
	local i

	for ((i = 0; i < 100; i++)); do
		[ ! -b /dev/nvme0n1 ] || return 0
		sleep 0.05
	done
	echo "the host's driver shows no disk"
	return 1
}

# word NAME KEY: what the guest NAME printed after KEY.
word()
{
	tr -d '\r' <"$LAB_OUT/$1.out" | sed -n "s/^$2 //p"
}

back_to_host()
{
	"$WHERRY" unbind "$bdf"
	[ "$(basename "$(readlink "/sys/bus/pci/devices/$bdf/driver")")" = nvme ]
	host_disk
}
