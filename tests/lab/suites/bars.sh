#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# BARs of every kind under a guest that moves, hides and disables them: memory
# with data in it, huge, below a page, ports, ROMs.
# lab-seconds: 115
# lab: --kernel any --arch any --memory 4G --timeout 900 --device nvme,serial=w0,cmb_size_mb=4
# lab: --device e1000e --device rtl8139 --device ivshmem-plain
# lab: --device pci-testdev,membar=16G
# lab-prepare: tests/lab/build programs/poke.c
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"
# shellcheck source=tests/lab/nvme.sh
. "$(dirname "$0")/../nvme.sh"
poke=$("$WHERRY_SRC/tests/lab/build" programs/poke.c)
shm=$(device 3)
devices=()

host_rom() # K
{
	local rom

	rom=/sys/bus/pci/devices/$(device "$1")/rom
	echo 1 >"$rom"
	echo "rom $(cat "/sys/bus/pci/devices/$(device "$1")/vendor")" \
		"$(sha256sum <"$rom")"
	echo 0 >"$rom"
}

prepare()
{
	local k

	host_disk
	dd if=/dev/urandom of=/dev/nvme0n1 bs=1M count=8 oflag=direct
	host_rom 1 >"$LAB_OUT/roms"
	host_rom 2 >>"$LAB_OUT/roms"
	for k in 0 1 2 3 4; do
		"$WHERRY" bind "$(device $k)"
	done
}

for k in 0 1 2 3 4; do
	devices+=(--device "$(device $k)")
done

run_guest()
{
	initrd bars --file "$poke:bin/poke"
	boots bars bars --memory 512M "${devices[@]}" \
		--stats "$LAB_OUT/bars.json"
}

# lab-ids: data after-toggles off-is-off on-again moved moved-back
# lab-ids: io-meanwhile hidden shown still-shown apart ram-wins after-ram
# lab-ids: ecam-wins after-ecam irqchip-wins after-irqchip swapped swapped-cmb swapped-back
# lab-ids: swapped-back-cmb sub-page same-page same-page-other
# lab-ids: same-page-between ports-off ports-on ports-left ports-wait
# lab-ids: ports-moved ports-back removed data-after-rescan io-after-rescan
# lab-ids: data-after-realloc io-after-realloc
guest_says() # NAME ID...
{
	local name=$1 id

	shift
	for id in "$@"; do
		check "$id" said "$name" "^pass $id\$"
	done
}

failures() # NAME
{
	! tr -d '\r' <"$LAB_OUT/$1.out" | grep '^FAIL'
}

roms_equal()
{
	tr -d '\r' <"$LAB_OUT/bars.out" | grep '^rom ' >"$LAB_OUT/guest-roms"
	cat "$LAB_OUT/roms"
	[ "$(cut -d' ' -f3 "$LAB_OUT/roms" | sort -u | wc -l)" = 2 ]
	cmp "$LAB_OUT/roms" "$LAB_OUT/guest-roms"
}

# of BDF KEY: a number of one device's in the statistics.
of()
{
	tr -d '\n' <"$LAB_OUT/bars.json" |
		sed "s/.*\"device\": *\"$1\", *\"bars\"//;
			s/\"device\":.*//; s/.*\"$2\": *\([0-9]*\).*/\1/"
}

# 400 toggles and more than 80 moves, which made memslots come and go; the
# host's mapping of the BAR is the first, and COMMAND was left alone.
toggles_are_the_guests_alone()
{
	echo "host maps $(of "$shm" host_maps)," \
		"config writes $(of "$shm" config_writes)," \
		"memslots made $(of "$shm" memslots_made)"
	[ "$(of "$shm" memslots_made)" -gt 600 ]
	[ "$(of "$shm" host_maps)" = 1 ]
	[ "$(of "$shm" config_writes)" -lt 16 ]
}

same_on_host()
{
	"$WHERRY" unbind "$shm"
	echo 1 >"/sys/bus/pci/devices/$shm/enable"
	"$poke" -f "/sys/bus/pci/devices/$shm/resource2" check 0 4194304 5
	"$poke" -f "/sys/bus/pci/devices/$shm/resource2" fill 0 4194304 9
	if "$poke" -f "/sys/bus/pci/devices/$shm/resource2" \
		check 0 4194304 5; then
		return 1
	fi
	"$poke" -f "/sys/bus/pci/devices/$shm/resource2" fill 0 4194304 5
	echo 0 >"/sys/bus/pci/devices/$shm/enable"
	"$WHERRY" bind "$shm"
}

# Linux moves them itself, as it does where firmware gave too little.
reallocated()
{
	append='pci=realloc=on,resource_alignment=24@pci:1af4:1110;24@pci:1b36:0010'
	boots bars-realloc bars --memory 512M "${devices[@]}" --p2p off
	echo "at $(word bars home), then at $(word bars-realloc home)"
	# Where buses keep their numbers Linux obeys no alignments: 6.12 moves
	# them yet, 7.2 does not.
	[ "$LAB_ARCH" = aarch64 ] ||
		[ "$(word bars home)" != "$(word bars-realloc home)" ]
	[ "$(word bars sum)" = "$(word bars-realloc sum)" ]
}

has_dmabuf()
{
	zcat /proc/config.gz | grep -q '^CONFIG_VFIO_PCI_DMABUF=y'
}

p2p_notice()
{
	if has_dmabuf; then
		[ "$(grep -c p2p: "$LAB_OUT/bars.err")" = 0 ]
	else
		[ "$(grep -c '^wherry: notice: p2p: off.*6\.19' "$LAB_OUT/bars.err")" = 1 ]
	fi
	! grep -q p2p: "$LAB_OUT/bars-realloc.err"
}

p2p_on_is_refused()
{
	local said

	said=$("$WHERRY" run --kernel "$LAB_KERNEL" --p2p on "${devices[@]}" \
		2>&1 </dev/null) && return 1
	echo "$said"
	grep -Eq '^wherry: --p2p on: .*6\.19.*; use --p2p auto or off$' \
		<<<"$said"
	[ "$(wc -l <<<"$said")" = 1 ]
}

check bind prepare
check boots run_guest
guest_says bars data after-toggles off-is-off on-again moved moved-back \
	io-meanwhile hidden shown still-shown apart ram-wins after-ram \
	ecam-wins after-ecam irqchip-wins after-irqchip swapped \
	swapped-cmb swapped-back swapped-back-cmb sub-page same-page same-page-other \
	same-page-between ports-off ports-on ports-left ports-wait \
	ports-moved ports-back removed data-after-rescan io-after-rescan
check no-failures failures bars
diag "ns per toggle $(word bars toggle-ns), per move $(word bars move-ns)"
check roms-equal roms_equal
check toggles-are-cheap toggles_are_the_guests_alone
check same-on-host same_on_host
check reallocated reallocated
guest_says bars-realloc data-after-realloc io-after-realloc
check p2p-notice p2p_notice
if has_dmabuf; then
	skip p2p-on-is-refused "this kernel exports BARs"
else
	check p2p-on-is-refused p2p_on_is_refused
fi
finish
