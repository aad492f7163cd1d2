#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Two hundred resets, sleeps, rebinds and switches of MSI-X under I/O: nothing is
# lost, and neither wherry nor KVM has more at the end than at the beginning.
# In CI forty; SOAK_CYCLES is another number of them.
# lab-seconds: 250
# lab: --kernel any --arch any --memory 4G --timeout 900 --device nvme,serial=w0
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"

nvme=$(device 0)
cycles=${SOAK_CYCLES:-${LAB_BRIEF:+40}}
cycles=${cycles:-200}

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
	until said "$1" "$2"; do
		if ! kill -0 "$pid" 2>/dev/null; then
			tail -n 5 "$LAB_OUT/$1.out"
			cat "$LAB_OUT/$1.err"
			return 1
		fi
		nap
	done
}

# What the guest writes, eight MiB of eight kinds, to be told from each other.
patterns()
{
	local i files=()

	for i in 0 1 2 3 4 5 6 7; do
		dd if=/dev/urandom of=/tmp/pattern.$i bs=1M count=1
		files+=(--file "/tmp/pattern.$i:pattern.$i")
	done
	initrd soak --file "$guests/pci.sh:pci.sh" "${files[@]}"
}

# soak NAME CYCLES SECONDS
soak()
{
	local status=0

	"$WHERRY" run --kernel "$LAB_KERNEL" --initrd /tmp/soak.cpio \
		--append "console=ttyS0 quiet panic=-1 cycles=$2" \
		--memory 256M --timeout "$3" --device "$nvme" \
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
check patterns patterns
check four-cycles soak short 4 200
check many-cycles soak long "$cycles" 600
check nothing-lost nothing_lost
check no-descriptor-leaked no_descriptors
check no-memslot-leaked same memslots
check no-vm-left gone
finish
