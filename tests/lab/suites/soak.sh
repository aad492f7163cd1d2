#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Two hundred resets, sleeps, rebinds and switches of MSI-X under I/O: nothing is
# lost, and neither wherry nor KVM has more at the end than at the beginning.
# SOAK_CYCLES is another number of them, for a busy machine.
# lab: --kernel any --arch any --memory 4G --timeout 1000 --device nvme,serial=w0
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"

nvme=$(device 0)
cycles=${SOAK_CYCLES:-200}

# What the process has open, by kind and number.
descriptors()
{
	for fd in "/proc/$1/fd/"*; do
		readlink "$fd"
	done | sed -e 's/:\[[0-9]*\]$//' -e "s#^/proc/$1/#/proc/self/#" \
		-e 's#/\(short\|long\)\.#/run.#' | sort | uniq -c
}

until_said() # NAME REGEX
{
	for ((i = 0; i < 7500; i++)); do
		! said "$1" "$2" || return 0
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	tail -n 5 "$LAB_OUT/$1.out"
	cat "$LAB_OUT/$1.err"
	return 1
}

# soak NAME CYCLES
soak()
{
	local status=0

	initrd soak --file "$guests/pci.sh:pci.sh" >/dev/null
	"$WHERRY" run --kernel "$LAB_KERNEL" --initrd /tmp/soak.cpio \
		--append "console=ttyS0 quiet panic=-1 cycles=$2" \
		--memory 256M --timeout 700 --device "$nvme" \
		--stats "$LAB_OUT/$1.json" </dev/null >"$LAB_OUT/$1.out" \
		2>"$LAB_OUT/$1.err" &
	pid=$!
	until_said "$1" '^BEGINS'
	descriptors $pid >"/tmp/$1.begin"
	until_said "$1" '^READY'
	descriptors $pid >"/tmp/$1.end"
	kill -TERM $pid
	wait $pid || status=$?
	tr -d '\r' <"$LAB_OUT/$1.out" | sed -n '/^BEGINS/,$p'
	cat "$LAB_OUT/$1.err"
	return $status
}

nothing_lost()
{
	said long "^cycles $cycles\$"
	said long '^interrupts lost 0$'
	said long '^verified [1-9][0-9]* good$'
	[ "$(grep -acE 'LOST|NO DISK|NO RESET|NOT ASLEEP' \
		"$LAB_OUT/long.out")" = 0 ]
	[ "$(tr -d '\r' <"$LAB_OUT/long.out" |
		sed -n 's/^acknowledged //p')" -gt "$cycles" ]
}

no_descriptors()
{
	diff /tmp/long.begin /tmp/long.end
	diff /tmp/short.end /tmp/long.end
}

same() # KEY
{
	echo "$1: $(stat_of "$LAB_OUT/short.json" "$1")," \
		"$(stat_of "$LAB_OUT/long.json" "$1")"
	[ "$(stat_of "$LAB_OUT/short.json" "$1")" = \
		"$(stat_of "$LAB_OUT/long.json" "$1")" ]
}

# The VM is gone with all that it had: its directory lives as long as it does.
vms()
{
	find /sys/kernel/debug/kvm -mindepth 1 -maxdepth 1 -type d | wc -l
}

gone()
{
	local n

	for ((n = 0; n < 50; n++)); do
		[ "$(vms)" != 0 ] || break
		sleep 0.1
	done
	[ "$(vms)" = 0 ]
}

mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug
"$WHERRY" bind "$nvme" >/dev/null
check four-cycles soak short 4
check two-hundred-cycles soak long "$cycles"
check nothing-lost nothing_lost
check no-descriptor-leaked no_descriptors
check no-memslot-leaked same memslots
check no-vm-left gone
finish
