#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A GIC that was in use, by messages and by level interrupts, is as new after a
# reboot; what the CPUs have; what wherry check says of an Arm host.
# lab: --kernel any --arch aarch64 --device nvme,serial=w0 --timeout 900
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"
# shellcheck source=tests/lab/nvme.sh
. "$(dirname "$0")/../nvme.sh"

host_is_described()
{
	"$WHERRY" check >/tmp/check
	cat /tmp/check
	grep -E '^ok +/dev/kvm .*GICv3 with ITS, [0-9]+-bit' /tmp/check
	grep -E '^ok +interrupt remapping' /tmp/check
	grep -E '^ok +IOMMU' /tmp/check
}

# What the host's CPU has for users, and KVM can give away.
features_are_the_hosts()
{
	local word here there

	boots features features
	there=$(word features features)
	here=$(sed -n 's/^Features[^:]*: *//p' /proc/cpuinfo | head -n 1)
	echo "host: $here"
	echo "guest: $there"
	for word in sve paca pacg; do
		[[ " $here " == *" $word "* ]] || continue
		[[ " $there " == *" $word "* ]]
	done
	[[ " $there " == *" fp "* ]]
	# A wait that never ends, as QEMU has it: see tests/lab/run.
	[[ " $there " != *" wfxt "* ]]
}

pattern_on_disk()
{
	host_disk
	dd if=/dev/urandom of=/dev/nvme0n1 bs=1M count=64 oflag=direct
	dd if=/dev/nvme0n1 bs=1M count=64 iflag=direct | sha256sum |
		cut -d' ' -f1 >/tmp/host-sum
	"$WHERRY" bind "$bdf"
}

# Both ways, without messages; each interrupt is unmasked by its end.
moves_data()
{
	append=pci=nomsi boots intx nvme-write --device "$bdf" --cpus 3
	[ "$(word intx host-pattern)" = "$(cat /tmp/host-sum)" ]
	said intx 'GICv3 .*Level.*nvme0q1'
}

# reboots NAME COUNT APPEND: until the number on the disk is COUNT.
reboots()
{
	append="until=$2 $3" boots "$1" nvme-count --device "$bdf" --cpus 2 \
		--stats "$LAB_OUT/$1.json"
	[ "$(word "$1" COUNT | tail -n 1)" = "$2" ]
	[ "$(stat_of "$LAB_OUT/$1.json" reboots)" -ge 4 ]
}

check host-is-described host_is_described
check features-of-the-host features_are_the_hosts
check nvme-to-vfio "$WHERRY" bind "$bdf"
check reboots-msix reboots again 6 ''
check reboots-intx reboots again-intx 11 pci=nomsi
check nvme-back-to-host back_to_host
check pattern-on-disk pattern_on_disk
check intx-by-spi moves_data
finish
