#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Devices that write into each other's BARs, by the edu device's DMA engine.
# lab-seconds: 150
# lab: --kernel latest --arch any --memory 4G --timeout 600
# lab: --device edu,dma_mask=0xffffffffffffffff --device ivshmem-plain
# lab: --device nvme,serial=w0,cmb_size_mb=4 --device rtl8139
# lab-prepare: tests/lab/build programs/poke.c
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"
poke=$("$WHERRY_SRC/tests/lab/build" programs/poke.c)
devices=(--device "$(device 0)" --device "$(device 1)" --device "$(device 2)")

run_guest() # NAME OPTION...
{
	local name=$1

	shift
	boots "$name" p2p --memory 512M --stats "$LAB_OUT/$name.json" \
		"${devices[@]}" "$@"
}

prepare()
{
	local k

	for k in 0 1 2 3; do
		"$WHERRY" bind "$(device $k)"
	done
	initrd p2p --file "$poke:bin/poke"
	dmesg -C
}

# lab-ids: ivshmem cmb after-bus-reset after-flr after-toggle after-move
# lab-ids: after-move-back after-swap after-swap-cmb after-sleep
guest_says()
{
	local id

	for id in "$@"; do
		check "$id" said p2p "^pass $id\$"
	done
}

faults()
{
	dmesg | grep -E 'DMAR:.*(fault|DMA Write)|arm-smmu-v3.*event'
}

no_faults()
{
	if faults || said p2p '^lost'; then
		return 1
	fi
}

# The same without: nothing arrives, the host's IOMMU tells, and nobody minds.
control()
{
	append=p2p-is-off run_guest off --p2p off
	said off '^lost ivshmem$'
	said off '^lost cmb$'
	if said off '^pass'; then
		return 1
	fi
	faults
	[ "$(stat_of "$LAB_OUT/off.json" p2p_mapped_bytes)" = 0 ]
	[ ! -s "$LAB_OUT/off.err" ]
	dmesg -C
	append=p2p-is-off run_guest again --p2p on
	said again '^pass ivshmem$'
}

# One device says nothing of peers.
alone()
{
	append=p2p-is-off guest alone p2p --memory 256M --device "$(device 0)"
	! grep p2p: "$LAB_OUT/alone.err"
}

# Nothing of rtl8139 can be mapped: below a page, and ports. That is no error.
small_bars()
{
	append=p2p-is-off run_guest small --device "$(device 3)" --p2p on
	said small '^pass ivshmem$'
	! grep -v '^$' "$LAB_OUT/small.err"
}

stages()
{
	tr -d '\n' <"$1" | grep -oE '"name": *"(attach|map|plug|built|kvm-run)"[^}]*"us": *[0-9]+' |
		tr -s ' ' | tr '\n' ';'
}

check bind prepare
check boots run_guest p2p
guest_says ivshmem cmb
check bus-reset said p2p '^reset bus$'
check flr said p2p '^reset flr$'
guest_says after-bus-reset after-flr after-toggle after-move after-move-back \
	after-swap after-swap-cmb after-sleep
check no-faults no_faults
check control control
check alone alone
check small-bars small_bars
diag "ns per decode toggle $(tr -d '\r' <"$LAB_OUT/p2p.out" |
	sed -n 's/^p2p-ns //p')"
diag "p2p on:  $(stages "$LAB_OUT/again.json")"
diag "p2p off: $(stages "$LAB_OUT/off.json")"
finish
