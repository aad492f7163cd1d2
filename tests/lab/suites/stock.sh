#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Distribution kernels as they come: Debian's cloud kernels of two releases, a
# bzImage with a compressed payload each or a plain Image, own the NVMe that is assigned.
# lab: --kernel lts --arch both --memory 3G --device nvme,serial=w0
# lab-prepare: tests/lab/stock 6.1
# lab-prepare: tests/lab/stock 6.12
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"

"$WHERRY" bind "$(device 0)" >/dev/null

# right NAME SINCE: whether the guest, started then, knew the time.
right()
{
	local told

	told=$(tr -d '\r' <"$LAB_OUT/$1.out" | sed -n 's/^TIME //p')
	echo "it was $told, between $2 and $(date +%s)"
	[ "$told" -ge $(($2 - 1)) ] && [ "$told" -le $(($(date +%s) + 1)) ]
}

stock() # VERSION NAME OPTION...
{
	local since

	since=$(date +%s)
	guest_kernel=$("$WHERRY_SRC/tests/lab/stock" "$1")
	append=reads=200 boots "$2" nvme-reads --memory 512M \
		--device "$(device 0)" "${@:3}"
	said "$2" '^200\+0 records in'
	right "$2" "$since"
}

# As it does by itself, by EFI in vain and then by the firmware's reset vector.
restarts() # VERSION
{
	initrd reboot >/dev/null
	"$WHERRY" run --kernel "$("$WHERRY_SRC/tests/lab/stock" "$1")" \
		--initrd /tmp/reboot.cpio --append 'console=ttyS0 quiet' \
		--on-reboot exit --timeout 120 --result "$LAB_OUT/$1.json" \
		</dev/null
	grep -q '"reset"' "$LAB_OUT/$1.json"
}

check debian-6.1 stock 6.1 debian-6.1
check debian-6.12 stock 6.12 debian-6.12 --cpus 2
check debian-6.1-restarts restarts 6.1
check debian-6.12-restarts restarts 6.12
finish
