#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Real drivers on real functions: kinds of NVMe and network controllers with
# their virtual functions, virtio behind the IOMMU, mediated displays.
#
# With RAM above 4 GiB, BARs go there, too, where QEMU 10 loses the upper half of
# what an igb's virtual functions have; on Arm they go there unless there is no
# such place. KVM tells how large its memslots are where it looks after them page
# by page. In CI Arm has three networks alone.
# lab-seconds: 354
# lab: --kernel any --arch both --memory 2500M --timeout 900 --append kvm.tdp_mmu=0
# lab-aarch64: --machine-arg -machine --machine-arg highmem-mmio=off
# lab: --machine-arg -netdev --machine-arg 'user,id=n6,guestfwd=tcp:10.0.2.100:7-cmd:sha256sum,guestfwd=tcp:10.0.2.100:8-cmd:seq 1 300000'
# lab: --machine-arg -netdev --machine-arg 'user,id=n7,guestfwd=tcp:10.0.2.100:7-cmd:sha256sum,guestfwd=tcp:10.0.2.100:8-cmd:seq 1 300000'
# lab: --machine-arg -netdev --machine-arg 'user,id=n8,guestfwd=tcp:10.0.2.100:7-cmd:sha256sum,guestfwd=tcp:10.0.2.100:8-cmd:seq 1 300000'
# lab: --machine-arg -netdev --machine-arg 'user,id=n9,guestfwd=tcp:10.0.2.100:7-cmd:sha256sum,guestfwd=tcp:10.0.2.100:8-cmd:seq 1 300000'
# lab: --device nvme,serial=plain
# lab: --device nvme,serial=apart,msix-exclusive-bar=on
# lab: --device nvme-subsys,id=subsys0
# lab: --device nvme,serial=sriov,subsys=subsys0,sriov_max_vfs=1,sriov_vq_flexible=2,sriov_vi_flexible=1
# lab: --device nvme-ns,bus=dev3
# lab: --device virtio-blk-pci,iommu_platform=on
# lab: --device igb,netdev=n6 --device igb,netdev=n7
# lab: --device virtio-net-pci,iommu_platform=on,netdev=n8
# lab: --device e1000e,netdev=n9
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"

sys=/sys/bus/pci/devices
plain=$(device 0) apart=$(device 1) nvme_pf=$(device 3) blk=$(device 5)
igb=$(device 6) igb_pf=$(device 7) net=$(device 8) e1000e=$(device 9)
mdpy=/sys/class/mdev_bus/mdpy/mdev_supported_types/mdpy-vga
by_uuid=b2b1a5d8-4d6c-4a8e-9a58-1f0f6f3a0001
by_path=b2b1a5d8-4d6c-4a8e-9a58-1f0f6f3a0002

# disk BDF: the host's node for it.
disk()
{
	local name

	for name in "$sys/$1"/nvme/nvme*/nvme*n* "$sys/$1"/virtio*/block/*; do
		[ ! -d "$name" ] || echo "/dev/${name##*/}"
	done
}

sum_of() # DISK FIRST-MIB
{
	dd if="$1" bs=1M skip="$2" count=8 iflag=direct 2>/dev/null |
		sha256sum | cut -d' ' -f1
}

# told NAME WORD PORT: what the guest NAME said of the device at this port.
told()
{
	tr -d '\r' <"$LAB_OUT/$1.out" |
		sed -n "s/^$2 0000:0$3:00\.0 //p" | head -n 1
}

# says_nothing NAME REGEX: the guest printed no line that matches.
says_nothing()
{
	! tr -d '\r' <"$LAB_OUT/$1.out" | grep -E -- "$2"
}

host_patterns()
{
	local bdf

	for bdf in "$plain" "$apart" "$nvme_pf" "$blk"; do
		dd if=/dev/urandom of="$(disk "$bdf")" bs=1M count=8 \
			oflag=direct 2>/dev/null
		sum_of "$(disk "$bdf")" 0 >"/tmp/sum-$bdf"
	done
}

# A secondary controller needs queues and a vector, which the primary has to
# give up first, and to be set online (NVMe Base 2.0, 8.26).
nvme_vf()
{
	local ctrl

	ctrl=/dev/$(ls "$sys/$nvme_pf/nvme")
	nvme virt-mgmt "$ctrl" -c 0 -r 0 -n 0 -a 1
	nvme virt-mgmt "$ctrl" -c 0 -r 1 -n 0 -a 1
	echo 1 >"$sys/$nvme_pf/reset"
	echo 0 >"$sys/$nvme_pf/sriov_drivers_autoprobe"
	echo 1 >"$sys/$nvme_pf/sriov_numvfs"
	nvme virt-mgmt "$ctrl" -c 1 -r 0 -n 2 -a 8
	nvme virt-mgmt "$ctrl" -c 1 -r 1 -n 1 -a 8
	nvme virt-mgmt "$ctrl" -c 1 -r 0 -n 0 -a 9
	basename "$(readlink "$sys/$nvme_pf/virtfn0")" >/tmp/nvme-vf
}

igb_vf()
{
	ip link set "$(ls "$sys/$igb_pf/net")" up
	echo 0 >"$sys/$igb_pf/sriov_drivers_autoprobe"
	echo 1 >"$sys/$igb_pf/sriov_numvfs"
	basename "$(readlink "$sys/$igb_pf/virtfn0")" >/tmp/igb-vf
}

# What the driver's own test says on the host: of some models, that it fails.
self_test_on_host()
{
	local if

	if=$(ls "$sys/$e1000e/net")
	ip link set "$if" up
	sleep 3
	ethtool -t "$if" offline >/tmp/e1000e-test || true
	ip link set "$if" down
}

run_disks()
{
	local vf

	vf=$(cat /tmp/nvme-vf)
	"$WHERRY" bind "$plain" "$apart" "$vf" "$blk"
	boots disks disks --memory 256M --device "$plain" --device "$apart" \
		--device "$vf" --device "$blk"
	"$WHERRY" unbind "$plain" "$apart" "$blk"
	says_nothing disks '^(complaint|cannot)'
}

# disk_holds PORT BDF: the guest read what the host wrote, and the host reads
# what the guest wrote.
disk_holds()
{
	local i

	for ((i = 0; i < 50; i++)); do
		[ ! -b "$(disk "$2")" ] || break
		sleep 0.1
	done
	[ "$(told disks host-pattern "$1")" = "$(cat "/tmp/sum-$2")" ]
	[ "$(told disks guest-pattern "$1")" = "$(sum_of "$(disk "$2")" 8)" ]
}

run_nets() # BDF...
{
	local bdf args=()

	for bdf; do
		args+=(--device "$bdf")
	done
	"$WHERRY" bind "$@"
	initrd nets --program ethtool >/dev/null
	boots nets nets --memory 256M --cpus 2 --timeout 800 "${args[@]}"
	says_nothing nets '^complaint'
}

some_nets()
{
	run_nets "$(cat /tmp/igb-vf)" "$net" "$e1000e"
}

all_nets()
{
	run_nets "$igb" "$(cat /tmp/igb-vf)" "$net" "$e1000e"
}

# Every try counts, where there was more than one.
net_works() # PORT DRIVER
{
	local bytes

	bytes=$(seq 1 300000 | sha256sum | cut -d' ' -f1)
	[ "$(told nets driver "$1")" = "$2" ]
	said nets "^pinged 0000:0$1:00\.0"
	[ "$(told nets sent "$1")" = "$bytes" ]
	[ "$(told nets received "$1")" = "$bytes" ]
	tr -d '\r' <"$LAB_OUT/nets.out" | sed -En \
		"s/^(sent|received) 0000:0$1:00\.0 //p" | grep -vx "$bytes" &&
		return 1
	return 0
}

self_test() # PORT
{
	tr -d '\r' <"$LAB_OUT/nets.out" | sed -n "s/^test 0000:0$1:00\.0 //p"
}

same_as_on_host()
{
	local unsure='^$'

	# This one fails on QEMU's Arm host, and passes in a guest there.
	[ "$LAB_ARCH" = x86_64 ] || unsure='^Loopback test'
	grep 'The test result is' /tmp/e1000e-test
	self_test 4 | grep -v "$unsure" |
		diff <(grep -v "$unsure" /tmp/e1000e-test) -
}

mediated()
{
	echo $by_uuid >$mdpy/create
	echo $by_path >$mdpy/create
	boots framebuffer framebuffer --memory 256M --device $by_uuid \
		--device /sys/bus/mdev/devices/$by_path
	said framebuffer '^framebuffer 0000:01:00.0 2097152'
	said framebuffer '^framebuffer 0000:02:00.0 2097152'
}

# Each device of this lab is listed, and those that are bound are ready.
listed()
{
	local bdf

	"$WHERRY" devices >/tmp/list
	cat /tmp/list
	while read -r _ bdf; do
		grep -q "^$bdf " /tmp/list
	done <"$LAB_DEVICES"
	for bdf in "$(cat /tmp/nvme-vf)" "$(cat /tmp/igb-vf)" "$net" $by_uuid; do
		grep -q "^$bdf *yes " /tmp/list
	done
	"$WHERRY" devices --json | grep -q "\"name\": *\"$by_path\""
}

# ACPI's compiler takes the tables that a guest has apart, and makes the same
# ones of that; the first 36 bytes name the compiler.
tables()
{
	local table

	mkdir /tmp/acpi
	cd /tmp/acpi
	for table in APIC DSDT FACP MCFG SPCR; do
		tr -d '\r' <"$LAB_OUT/framebuffer.out" |
			sed -n "s/^acpi-$table //p" | base64 -d >$table.dat
		iasl -d $table.dat >$table.log 2>&1
		iasl -p new-$table $table.dsl >>$table.log 2>&1
		grep -iE 'error|warning' $table.log || true
		cmp -i 36 $table.dat new-$table.aml
	done
	if grep -ihE 'error|warning' ./*.log | grep -v ' 0 Errors, 0 Warnings'; then
		return 1
	fi
}

# slot_pages PID, eventfds PID: what the kernel knows of a VM. Each irqfd has
# an eventfd of its own, and ends with it at the latest.
slot_pages()
{
	awk '/Level=4K/ { for (i = 2; i <= NF; i++) n += $i } END { print n + 0 }' \
		/sys/kernel/debug/kvm/"$1"-*/mmu_rmaps_stat
}

eventfds()
{
	grep -l '^eventfd-count' /proc/"$1"/fdinfo/* | wc -l
}

# step WORD: has the guest do it, and shows the kernel's view afterwards.
step()
{
	local before

	before=$(grep -c '^READY' "$LAB_OUT/steps.out" || true)
	[ "$1" = start ] || echo "$1" >&9
	wait_for steps '^READY' $((before + 1))
	sleep 0.2
	echo "$1: $(slot_pages "$pid") pages in memslots, $(eventfds "$pid") eventfds"
}

kvms_view()
{
	local pid start now

	initrd steps >/dev/null
	mkfifo /tmp/steps
	exec 9<>/tmp/steps
	"$WHERRY" run --kernel "$LAB_KERNEL" --initrd /tmp/steps.cpio \
		--memory 256M --append 'console=ttyS0 quiet' --timeout 200 \
		--device "$plain" <&9 >"$LAB_OUT/steps.out" 2>&1 &
	pid=$!
	start=$(step start)
	echo "$start"
	step unbind
	now=$(step off)
	echo "$now"
	# The control: without its BAR there are fewer.
	[ "${now#*:}" != "${start#*:}" ]
	step on
	now=$(step bind)
	echo "$now"
	[ "${now#*:}" = "${start#*:}" ]
	for _ in 1 2 3; do
		now=$(step reboot)
		echo "$now"
		[ "${now#*:}" = "${start#*:}" ]
	done
	echo end >&9
	wait $pid
	exec 9>&-
	! ls -d /sys/kernel/debug/kvm/*-*
}

if brief; then
	check igb-vf igb_vf
	check nets some_nets
	check igb-vf-traffic net_works 1 igbvf
	check virtio-net net_works 2 virtio_net
	check e1000e net_works 3 e1000e
	finish
	exit
fi
check host-patterns host_patterns
check nvme-vf nvme_vf
check igb-vf igb_vf
self_test_on_host &
host_test=$!
check disks run_disks
check nvme disk_holds 1 "$plain"
check nvme-msix-apart disk_holds 2 "$apart"
check nvme-vf-io disk_holds 3 "$nvme_pf"
check virtio-blk disk_holds 4 "$blk"
wait $host_test
check nets all_nets
tr -d '\r' <"$LAB_OUT/nets.out" | sed -n 's/^again/tried again:/p' | diag
check igb net_works 1 igb
check igb-vf-traffic net_works 2 igbvf
check virtio-net net_works 3 virtio_net
check e1000e net_works 4 e1000e
like igb-self-test "$(self_test 1)" '^The test result is PASS'
check e1000e-self-test same_as_on_host
check mdpy mediated
check listed listed
if [ "$LAB_ARCH" = x86_64 ]; then
	check acpi-tables tables
	"$WHERRY" bind "$plain" >/dev/null
	check kvms-view kvms_view
fi
finish
