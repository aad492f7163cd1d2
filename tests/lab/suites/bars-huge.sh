#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# BARs of hundreds of gigabytes: placed within what CPU and IOMMU reach, mapped,
# their decode switched at no cost, or refused by name.
# lab: --kernel any --arch both --memory 4G --timeout 300
# lab-x86_64: --iommu intel,aw-bits=39
# lab-x86_64: --machine-arg -cpu --machine-arg EPYC-Rome,+svm,+npt,phys-bits=42
# lab-aarch64: --iommu virtio,aw-bits=39
# lab-aarch64: --machine-arg -machine --machine-arg highmem-mmio-size=2T
# lab: --device pci-testdev,membar=16G --device pci-testdev,membar=256G
# lab: --device ivshmem-plain --device pci-testdev,membar=512G
# lab-prepare: tests/lab/build programs/poke.c
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"
poke=$("$WHERRY_SRC/tests/lab/build" programs/poke.c)
devices=(--device "$(device 0)" --device "$(device 1)" --device "$(device 2)")

prepare()
{
	local k

	for k in 0 1 2 3; do
		"$WHERRY" bind "$(device $k)"
	done
	initrd bars-huge --file "$poke:bin/poke"
}

run_guest() # NAME TOGGLES
{
	append=toggles=$2 boots "$1" bars-huge --memory 512M "${devices[@]}" \
		--stats "$LAB_OUT/$1.json"
}

# Half of what 39 bits reach, and not where RAM is.
placed()
{
	said none '^placed 262144 0x0*4000000000$'
	said none '^placed 16384 0x'
	said none '^placed 4 0x'
}

# config_writes NAME: exits for config space.
config_writes()
{
	tr -d '\n' <"$LAB_OUT/$1.json" |
		sed 's/.*"name": *"pci config"[^}]*"writes": *\([0-9]*\).*/\1/'
}

nanoseconds() # MIB
{
	tr -d '\r' <"$LAB_OUT/hundred.out" | sed -n "s/^ns $1 //p"
}

# Two exits each and nothing else. One BAR has 65,536 times the size of another, but
# only a word for each 2 MiB grows with it, in the host's kernel: the time, of the
# fastest, does not.
toggles()
{
	local exits

	run_guest hundred 100
	exits=$(($(config_writes hundred) - $(config_writes none)))
	echo "exits of 300 toggles: $exits; ns each: $(nanoseconds 4) of 4 MiB," \
		"$(nanoseconds 16384) of 16 GiB, $(nanoseconds 262144) of 256 GiB"
	[ "$exits" = 600 ]
	[ "$(nanoseconds 262144)" -lt $((32 * $(nanoseconds 4))) ]
}

refused()
{
	local said

	said=$("$WHERRY" run --kernel "$LAB_KERNEL" --device "$(device 3)" \
		2>&1 </dev/null) && return 1
	echo "$said"
	grep -Fq "wherry: $(device 3): no room for BAR 2 of 512 GiB: the guest's 64-bit memory window" \
		<<<"$said"
}

check bind prepare
check boots run_guest none 0
check placed placed
check toggles-cost-nothing toggles
diag "ns per toggle: 4 MiB $(nanoseconds 4), 16 GiB $(nanoseconds 16384), 256 GiB $(nanoseconds 262144)"
check too-large refused
finish
