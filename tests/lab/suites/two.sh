#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# More than one: devices in one VM, VMs on one host, functions in one group; and
# the host, which wants its device back or reports that it failed.
# lab-seconds: 174
# lab: --kernel any --arch any --monitor --memory 4G --timeout 900 --device nvme,serial=w0
# lab: --device e1000e --device e1000e --device pcie-pci-bridge,id=br0
# lab-x86_64: --device rtl8139,bus=br0 --device rtl8139,bus=br0
# lab-aarch64: --device rtl8139,bus=rp9,addr=0.0,multifunction=on
# lab-aarch64: --device rtl8139,bus=rp9,addr=0.1
# lab: --device igb --device virtio-rng-pci,aer=on,iommu_platform=on
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"

nvme=$(device 0) net1=$(device 1) net2=$(device 2) one=$(device 4)
two=$(device 5) igb=$(device 6) rng=$(device 7)
sys=/sys/bus/pci/devices

on() # BDF DRIVER
{
	[ "$(basename "$(readlink "$sys/$1/driver")")" = "$2" ]
}

# begin NAME SCRIPT [OPTION]...: in the background, until it says READY.
begin()
{
	local name=$1

	: >"$LAB_OUT/$name.out"
	{
		status=0
		guest "$@" --result "$LAB_OUT/$name.json" >/dev/null 2>&1 ||
			status=$?
		echo $status >"/tmp/$name.status"
	} &
	wait_for "$name" '^READY'
}

# ended NAME STATUS REASON: soon.
ended()
{
	for ((i = 0; i < 100; i++)); do
		[ ! -s "/tmp/$1.status" ] || break
		sleep 0.1
	done
	cat "$LAB_OUT/$1.err" "/tmp/$1.status" "$LAB_OUT/$1.json"
	[ "$(cat "/tmp/$1.status")" = "$2" ]
	grep -q "\"reason\": \"$3\"" "$LAB_OUT/$1.json"
}

pid_of() # NAME
{
	pgrep -f "^$WHERRY run .*--result $LAB_OUT/$1.json"
}

# refuses REGEX [OPTION]...: a second VM.
refuses()
{
	local status=0 want=$1

	shift
	"$WHERRY" run --kernel "$LAB_KERNEL" "$@" </dev/null >/dev/null \
		2>/tmp/err || status=$?
	cat /tmp/err
	[ $status = 1 ]
	grep -Eq "$want" /tmp/err
}

# ----- devices -----

one_address_space()
{
	"$WHERRY" bind "$nvme" "$net1" "$net2"
	append=nets=2 boots nets two-nets --device "$net1" --device "$net2" \
		--memory 256M --stats "$LAB_OUT/nets.stats"
	[ "$(stat_of "$LAB_OUT/nets.stats" dma_mapped_bytes)" = $((256 << 20)) ]
}

host_sibling()
{
	"$WHERRY" bind "$one"
	on "$two" 8139cp
	refuses "$one: .*$two.*8139cp" --device "$one"
}

# Nobody has opened it: the bus is ours to reset.
idle_sibling()
{
	"$WHERRY" bind "$two"
	boots hello hello --device "$one,require-reset=on" --memory 128M \
		--stats "$LAB_OUT/idle.stats"
	[ "$(stat_of "$LAB_OUT/idle.stats" bus_resets)" = 1 ]
}

two_vms()
{
	local status=0

	append=nets=1 boots left two-nets --device "$net1" --memory 128M &
	append=nets=1 boots right two-nets --device "$net2" --memory 128M ||
		status=1
	wait $! && return $status
}

# The second gets neither the device nor its sibling, the first notices nothing.
taken()
{
	begin first button --device "$nvme" --device "$one" --memory 128M
	refuses "$nvme: .*in use by wherry .pid $(pid_of first)" --device "$nvme"
	! together "$one" "$two" ||
		refuses "$two: .*held by wherry" --device "$two"
	kill -TERM "$(pid_of first)"
	ended first 0 poweroff
	said first '^PRESSED'
}

# ----- the host -----

wants_it_back()
{
	local began=$SECONDS

	begin polite button --device "$nvme" --memory 128M --grace 60
	"$WHERRY" unbind "$nvme" 2>/tmp/err
	grep "in use by wherry .pid $(pid_of polite || true).*: its guest is asked" \
		/tmp/err || grep 'its guest is asked' /tmp/err
	on "$nvme" nvme
	said polite '^PRESSED'
	ended polite 0 device-wanted
	[ $((SECONDS - began)) -lt 50 ]
}

takes_it()
{
	local began

	"$WHERRY" bind "$nvme"
	begin deaf sleep --device "$nvme" --memory 128M --grace 3
	began=$SECONDS
	"$WHERRY" unbind "$nvme"
	[ $((SECONDS - began)) -ge 2 ] && [ $((SECONDS - began)) -le 12 ]
	on "$nvme" nvme
	ended deaf 5 device-wanted
}

# By the kernel's own means, and a function that ceases to exist.
takes_a_vf()
{
	local vf

	echo 1 >"$sys/$igb/sriov_numvfs"
	vf=$(basename "$(readlink "$sys/$igb/virtfn0")")
	"$WHERRY" bind "$vf"
	begin vf button --device "$vf" --memory 128M --grace 60
	echo 0 >"$sys/$igb/sriov_numvfs"
	[ ! -e "$sys/$vf" ]
	ended vf 0 device-wanted
}

# ----- errors -----

inject() # ERROR
{
	# After a line of its own: what came before may have been echoed.
	printf '\npcie_aer_inject_error dev7 %s\n' "$1" >"$LAB_MONITOR"
}

error_stops()
{
	stty -F "$LAB_MONITOR" raw -echo
	timeout 300 cat "$LAB_MONITOR" >"$LAB_OUT/monitor" &
	"$WHERRY" bind "$rng"
	begin stop sleep --device "$rng" --memory 128M
	inject DLP
	ended stop 1 device-error
	grep -q "$rng: the device reported an uncorrectable" "$LAB_OUT/stop.err"
}

error_is_reported()
{
	begin report button --device "$rng" --memory 128M \
		--on-device-error report
	inject COMP_ABORT
	for ((i = 0; i < 50; i++)); do
		! grep -q uncorrectable "$LAB_OUT/report.err" || break
		sleep 0.1
	done
	grep -q "$rng: the device reported an uncorrectable" \
		"$LAB_OUT/report.err"
	kill -TERM "$(pid_of report)"
	ended report 0 poweroff
}

error_is_ignored()
{
	begin ignore button --device "$rng" --memory 128M \
		--on-device-error ignore
	inject COMP_ABORT
	sleep 1
	kill -TERM "$(pid_of ignore)"
	ended ignore 0 poweroff
	[ "$(grep -c uncorrectable "$LAB_OUT/ignore.err")" = 0 ]
	# The host has seen one each time.
	[ "$(dmesg | grep -c "Uncorrectable .*$rng")" = 3 ]
}

check two-devices-one-ioas one_address_space
if together "$one" "$two"; then
	check sibling-on-a-host-driver host_sibling
	check sibling-unopened idle_sibling
else
	skip sibling-on-a-host-driver "$apart"
	skip sibling-unopened "$apart"
	"$WHERRY" bind "$one" "$two"
fi
check two-vms two_vms
check same-device-twice taken
check unbind-asks-the-guest wants_it_back
check unbind-takes-it-from-a-deaf-guest takes_it
check vf-removal takes_a_vf
# A port hears of errors, and interrupts by a message. On Arm that goes through the
# SMMU, and Linux before 6.15 puts a device that has had no driver into the group of its
# port: the message is sent into the guest's address space, and lost.
if [ "$LAB_ARCH" = x86_64 ]; then
	check error-stops error_stops
	check error-is-reported error_is_reported
	check error-is-ignored error_is_ignored
else
	skip error-stops "the message of the port above a guest's device is lost"
	skip error-is-reported "as above"
	skip error-is-ignored "as above"
fi
finish
