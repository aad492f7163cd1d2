#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A guest that owns an NVMe controller: DMA both ways, MSI-X, no exits in the
# data path.
# lab-seconds: 231
# lab: --arch both --memory 4G --device nvme,serial=w0 --timeout 900
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"
# shellcheck source=tests/lab/nvme.sh
. "$(dirname "$0")/../nvme.sh"

sum_of_mib() # FIRST COUNT
{
	dd if=/dev/nvme0n1 bs=1M skip="$1" count="$2" iflag=direct 2>/dev/null |
		sha256sum | cut -d' ' -f1
}

prepare()
{
	host_disk
	dd if=/dev/urandom of=/dev/nvme0n1 bs=1M count=64 oflag=direct
	sum_of_mib 0 64 >"$LAB_OUT/host-sum"
	"$WHERRY" bind "$bdf"
	[ "$(basename "$(readlink "/sys/bus/pci/devices/$bdf/driver")")" = vfio-pci ]
}

guest_does_io()
{
	boots io nvme-write --device "$bdf" --memory 512M \
		--stats "$LAB_OUT/io.json"
	[ "$(word io serial | tr -d ' ')" = w0 ]
}

maps_by_file() # FILE
{
	sed -n 's/.*"dma_mapped_by_file": *\([a-z]*\).*/\1/p' "$1" | head -n 1
}

kernel_is_at_least() # MAJOR MINOR
{
	local major minor

	IFS=. read -r major minor _ <<<"$LAB_KVER"
	if [ $((major * 1000 + minor)) -ge $(($1 * 1000 + $2)) ]; then
		echo true
	else
		echo false
	fi
}

# accesses FILE: how often the device's BARs were trapped.
accesses()
{
	tr -d '\n' <"$1" | grep -o '"name": *"'"$bdf"' bar[^}]*' |
		sed 's/.*"reads": *\([0-9]*\).*"writes": *\([0-9]*\).*/\1 \2/' |
		awk '{ n += $1 + $2 } END { print n + 0 }'
}

reads() # NAME COUNT OPTIONS-OF-DEVICE
{
	append=reads=$2 boots "$1" nvme-reads --device "$bdf$3" \
		--memory "${memory:-512M}" --stats "$LAB_OUT/$1.json"
}

# KVM's name for accesses that leave it.
mmio_exits=mmio_exits
most=16
if [ "$LAB_ARCH" != x86_64 ]; then
	mmio_exits=mmio_exit_user
	# The console's are among them: an exit for each letter.
	most=200
fi

# What 1,000 reads add to a run without any, in wherry's count and in KVM's.
no_exits()
{
	local none thousand kvm

	reads none 0 ''
	reads thousand 1000 ''
	none=$(accesses "$LAB_OUT/none.json")
	thousand=$(accesses "$LAB_OUT/thousand.json")
	kvm=$(($(stat_of "$LAB_OUT/thousand.json" "$mmio_exits") -
		$(stat_of "$LAB_OUT/none.json" "$mmio_exits")))
	echo "trapped accesses: $none without reads, $thousand with 1000;" \
		"KVM's MMIO exits differ by $kvm"
	[ "$thousand" -le $((none + 8)) ]
	[ "$kvm" -le $most ]
	[ "$(stat_of "$LAB_OUT/thousand.json" relayed)" = 0 ]
}

# Without huge pages, too: the control of ram-in-huge-pages.
control_exits()
{
	memory=256M,thp=off reads trapped 1000 ,x-trap-bars=on
	echo "trapped accesses: $(accesses "$LAB_OUT/trapped.json")"
	[ "$(accesses "$LAB_OUT/trapped.json")" -gt 1000 ]
	[ "$(stat_of "$LAB_OUT/trapped.json" "$mmio_exits")" -gt 1000 ]
}

# As on hosts that leave shared memory at the kernel's default.
echo never >/sys/kernel/mm/transparent_hugepage/shmem_enabled
check bind prepare
check dma-io guest_does_io
# Once, whatever is attached; by file where the kernel can (6.13).
is ram-mapped-once "$(stat_of "$LAB_OUT/io.json" dma_mapped_bytes)" \
	$((512 << 20))
is ram-in-huge-pages "$(stat_of "$LAB_OUT/io.json" memory_thp_bytes)" \
	$((512 << 20))
is mapped-by-file "$(maps_by_file "$LAB_OUT/io.json")" \
	"$(kernel_is_at_least 6 13)"
is guest-reads-host-pattern "$(word io host-pattern)" \
	"$(cat "$LAB_OUT/host-sum")"
check msix-counts-rise test "$(word io irqs)" -gt 64
check unbind back_to_host
is host-reads-guest-pattern "$(sum_of_mib 64 64)" "$(word io guest-pattern)"
check bind-again "$WHERRY" bind "$bdf"
check no-exits-in-data-path no_exits
check control-run-has-exits control_exits
is control-run-has-no-huge-pages \
	"$(stat_of "$LAB_OUT/trapped.json" memory_thp_bytes)" 0
finish
