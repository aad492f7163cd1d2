#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The PCI hierarchy as Linux sees it: every kind of BAR placed, nothing that
# its PCI core complains about, resets and rescans behind a root port.
# lab: --kernel lts --arch any --memory 3G --timeout 700 --device nvme,serial=w0 --device e1000e
# lab: --device pci-testdev,membar=128G --device edu --device rtl8139
# lab-aarch64: --machine-arg -machine --machine-arg highmem-mmio-size=16T
# lab-aarch64: --device pci-testdev,membar=8T
# lab-prepare: tests/lab/build programs/poke.c
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"

run_guest()
{
	local k args=()

	for k in 0 1 2 3 4; do
		"$WHERRY" bind "$(device $k)"
		args+=(--device "$(device $k)")
	done
	boots pci pci --memory 512M --timeout 240 "${args[@]}"
}

no_complaints()
{
	! tr -d '\r' <"$LAB_OUT/pci.out" | grep '^complaint'
}

# There a VM has as many bits of address as it needs, for small ones are faster.
eight_tib()
{
	local poke

	poke=$("$WHERRY_SRC/tests/lab/build" programs/poke.c)
	"$WHERRY" bind "$(device 5)"
	initrd bars-huge --file "$poke:bin/poke"
	append=toggles=0 boots vast bars-huge --memory 128M \
		--device "$(device 5)"
	said vast '^placed 8388608 0x0*80000000000$'
}

check boots run_guest
check no-complaints no_complaints
# 128 GiB behind the third port; the flags say memory, 64-bit, prefetchable.
check huge-bar said pci \
	'^resource 0000:03:00\.0 .*0x0*2000000000 0x0*3fffffffff 0x0*14220c'
check io-bar said pci \
	'^resource 0000:02:00\.0 .* 0x0*[1-9a-f]000 0x0*[1-9a-f]01f 0x0*40101'
check bus-reset said pci '^works-after-bus-reset$'
check removed said pci '^removed$'
check rescan said pci '^works-after-rescan$'
check same-after-reboot said pci '^same-after-reboot$'
[ "$LAB_ARCH" = x86_64 ] || check eight-tib eight_tib
finish
