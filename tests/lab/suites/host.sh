#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# wherry devices, bind, unbind and check on a host with an IOMMU: what the
# host uses is refused, what was taken comes back, nothing is left half done.
# Functions behind a PCI bridge share a group; Linux's driver of Arm's SMMU takes
# but one of them, so there it is two functions of one device.
# lab-seconds: 228
# lab: --kernel lts --arch any --device nvme,serial=w0 --device e1000e
# lab: --device pcie-pci-bridge,id=pcib
# lab-x86_64: --device e1000,bus=pcib,addr=1 --device e1000,bus=pcib,addr=2
# lab-aarch64: --device e1000,bus=rp9,addr=0.0,multifunction=on
# lab-aarch64: --device e1000,bus=rp9,addr=0.1
# lab: --device igb
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"

nvme=$(device 0)
net=$(device 1)
bridge=$(sed -n 's/^pcib //p' "$LAB_DEVICES")
one=$(device 3)
other=$(device 4)
igb=$(device 5)
sys=/sys/bus/pci/devices

driver()
{
	basename "$(readlink "$sys/$1/driver" || echo /none)"
}

override()
{
	cat "$sys/$1/driver_override"
}

net_of()
{
	ls "$sys/$1/net"
}

# at DEVICE DRIVER OVERRIDE
at()
{
	[ "$(driver "$1") $(override "$1")" = "$2 $3" ] ||
		{ echo "$1 is on $(driver "$1"), override $(override "$1")"; return 1; }
}

# says STATUS REGEX COMMAND...: one line on stderr that matches, nothing on
# stdout.
says()
{
	local want=$1 text=$2 got=0

	shift 2
	"$@" >/tmp/says.out 2>/tmp/says.err || got=$?
	cat /tmp/says.out /tmp/says.err
	[ "$got" = "$want" ] && [ ! -s /tmp/says.out ] &&
		[ "$(wc -l </tmp/says.err)" = 1 ] &&
		grep -Eq -- "$text" /tmp/says.err
}

no_record()
{
	! ls /run/wherry/bind-* 2>/dev/null
}

# refuses REGEX BDF...: bind refuses, and the first device is where it was.
refuses()
{
	local text=$1 was
	shift

	was="$(driver "$1") $(override "$1")"
	says 1 "$text" "$WHERRY" bind "$@" &&
		[ "$was" = "$(driver "$1") $(override "$1")" ] && no_record
}

# ----- devices -----

lists_devices()
{
	"$WHERRY" devices >/tmp/list
	cat /tmp/list
	head -n 1 /tmp/list | grep -q '^DEVICE .*NAME$'
	grep -Eq "^$nvme +no +nvme +[0-9]+ +(-|0) +flr,bus .*\[1b36:0010\]" \
		/tmp/list
	grep -A 1 "^$nvme" /tmp/list |
		grep -q "host driver nvme; run: wherry bind $nvme"
	# A bridge is nothing to assign: shown only when asked for.
	if grep -q "^$bridge" /tmp/list; then return 1; fi
	"$WHERRY" devices --verbose | grep "^$bridge .*no "
}

json_is_valid()
{
	"$WHERRY" devices --json >/tmp/list.json
	jq -e '.devices | length >= 5' /tmp/list.json
	jq -e --arg bdf "$nvme" '.devices[] | select(.bdf == $bdf) |
		.vendor == "1b36" and .driver == "nvme" and .node == null and
		.assignable == false and (.reason | test("wherry bind")) and
		.reset_methods == ["flr", "bus"]' /tmp/list.json
	"$WHERRY" check --json >/tmp/check.json
	jq -e '.ready == true and (.checks | length >= 8) and
		all(.checks[]; .status != "missing")' /tmp/check.json
}

check lists-devices lists_devices
if command -v jq >/dev/null; then
	check json json_is_valid
else
	skip json "no jq"
fi
check ready "$WHERRY" check
check devices-as-user "${nobody[@]}" "$WHERRY" devices
check devices-bdf-malformed says 2 '00:1g.0: ' "$WHERRY" devices 00:1g.0
check devices-bdf-absent says 1 '7f:1f.7: no such' \
	"$WHERRY" devices 7f:1f.7

# ----- bind refuses -----

refuses_mount()
{
	mkfs.ext4 -q /dev/nvme0n1
	mkdir -p /tmp/mnt
	mount /dev/nvme0n1 /tmp/mnt
	refuses 'nvme0n1 is mounted at /tmp/mnt; ' "$nvme"
	"$WHERRY" devices "$nvme" | grep -q 'in use by the host: nvme0n1 is m'
	umount /tmp/mnt
}

# Out of sight in another mount namespace, but still in use.
hidden_mount()
{
	local pid

	unshare -m --propagation private sh -c \
		'mount /dev/nvme0n1 /tmp/mnt && touch /tmp/ready; exec sleep 60' &
	pid=$!
	until [ -e /tmp/ready ]; do sleep 0.05; done
	refuses 'nvme0n1 is in use, perhaps by a mount elsewhere' "$nvme"
	kill $pid
	wait $pid || true
}

refuses_swap()
{
	mkswap /dev/nvme0n1 >/dev/null
	swapon /dev/nvme0n1
	refuses 'nvme0n1 is swap space' "$nvme"
	swapoff /dev/nvme0n1
}

refuses_open()
{
	local pid

	sleep 60 7</dev/nvme0n1 &
	pid=$!
	refuses "nvme0n1 is held open by sleep .pid $pid" "$nvme"
	kill $pid
	wait $pid || true
}

refuses_interface()
{
	local name

	name=$(net_of "$net")
	ip link set "$name" up
	refuses "interface $name is up" "$net"
	ip link set "$name" down
	ip addr add 192.0.2.1/24 dev "$name"
	refuses "$name has the address 192.0.2.1" "$net"
	ip addr flush dev "$name"
}

refuses_vfs()
{
	echo 2 >"$sys/$igb/sriov_numvfs"
	refuses 'it has 2 virtual functions' "$igb"
	echo 0 >"$sys/$igb/sriov_numvfs"
}

# The lab's own file systems are on virtio-9p, all in sight but one: programs of
# another architecture are the lower layer of an overlay.
root_share()
{
	local file tag dir n=0

	for file in "$sys"/*/virtio*/mount_tag; do
		tag=$(tr -d '\0' <"$file")
		[ "$tag" != root ] || continue
		dir=${file%/virtio*}
		refuses "9p share '$tag' is mounted at" "${dir##*/}"
		n=$((n + 1))
	done
	[ $n = 3 ]
}

check refuses-mount refuses_mount
check refuses-hidden-mount hidden_mount
check refuses-swap refuses_swap
check refuses-open refuses_open
check refuses-interface refuses_interface
check refuses-vfs refuses_vfs
check refuses-root-share root_share
check refuses-bridge refuses 'it is a bridge' "$bridge"
check bind-bdf-malformed says 2 '^wherry: 1:2: not a PCI address; ' \
	"$WHERRY" bind 1:2
check bind-bdf-absent says 1 '0000:7f:1f.7: no such PCI device' \
	"$WHERRY" bind 7f:1f.7
check bind-nothing says 2 'bind: no device given' "$WHERRY" bind
check bind-as-user says 1 'run as root' "${nobody[@]}" "$WHERRY" bind "$nvme"
check refuses-host-driver refuses 'e1000e is no VFIO driver' \
	"$nvme" --driver e1000e
check refuses-unknown-driver refuses 'no driver nosuch' \
	"$nvme" --driver nosuch
check refuses-unknown-owner refuses 'no such user' \
	"$nvme" --owner nobody-at-all
check unbind-not-bound says 1 'not bound: .*nvme' "$WHERRY" unbind "$nvme"

# ----- bind and unbind -----

binds()
{
	"$WHERRY" bind "$nvme" | tee /dev/stderr |
		grep -qx "$nvme: vfio-pci /dev/vfio/devices/vfio0"
	at "$nvme" vfio-pci vfio-pci
	[ -c /dev/vfio/devices/vfio0 ]
	"$WHERRY" devices "$nvme" | grep -q "^$nvme *yes"
	[ "$(stat -c %a "/run/wherry/bind-$nvme")" = 600 ]
	# Again: no harm, and the way back is not forgotten.
	"$WHERRY" bind "$nvme"
	"$WHERRY" unbind "$nvme" | grep -qx "$nvme: nvme"
	at "$nvme" nvme '(null)'
	[ -b /dev/nvme0n1 ]
	no_record
}

# From one driver to the next: the way back leads to the first.
remembers_first()
{
	for driver in pci-stub '' pci-stub vfio-pci ''; do
		"$WHERRY" bind "$nvme" ${driver:+--driver $driver}
		at "$nvme" "${driver:-vfio-pci}" "${driver:-vfio-pci}"
		grep -qx driver=nvme "/run/wherry/bind-$nvme"
	done
	# Taken off by hand, and bound again.
	echo "$nvme" >"$sys/$nvme/driver/unbind"
	"$WHERRY" bind "$nvme"
	"$WHERRY" unbind "$nvme" | grep -qx "$nvme: nvme"
	at "$nvme" nvme '(null)'
	no_record
	# What another has bound there is where it goes back to.
	echo pci-stub >"$sys/$nvme/driver_override"
	echo "$nvme" >"$sys/$nvme/driver/unbind"
	echo "$nvme" >/sys/bus/pci/drivers_probe
	"$WHERRY" bind "$nvme"
	"$WHERRY" unbind "$nvme"
	at "$nvme" pci-stub pci-stub
	echo >"$sys/$nvme/driver_override"
	echo "$nvme" >"$sys/$nvme/driver/unbind"
	echo "$nvme" >/sys/bus/pci/drivers_probe
	at "$nvme" nvme '(null)'
}

keeps_override()
{
	echo nvme >"$sys/$nvme/driver_override"
	"$WHERRY" bind "$nvme"
	at "$nvme" vfio-pci vfio-pci
	"$WHERRY" unbind "$nvme"
	at "$nvme" nvme nvme
	echo >"$sys/$nvme/driver_override"
}

without_driver()
{
	echo "$nvme" >"$sys/$nvme/driver/unbind"
	"$WHERRY" bind "$nvme"
	"$WHERRY" unbind "$nvme"
	at "$nvme" none '(null)'
	echo "$nvme" >/sys/bus/pci/drivers_probe
	at "$nvme" nvme '(null)'
}

without_record()
{
	"$WHERRY" bind "$nvme"
	rm "/run/wherry/bind-$nvme"
	"$WHERRY" unbind "$nvme"
	at "$nvme" nvme '(null)'
}

# The last of several fails: the first ones go back.
undoes_all()
{
	mkdir /tmp/empty
	# The directory of the nodes is there as long as one is.
	"$WHERRY" bind "$igb" --owner daemon
	# No node ever appears: --owner cannot be done.
	unshare -m sh -c "mount --bind /tmp/empty /dev/vfio/devices &&
		! $WHERRY bind $nvme $net --owner nobody"
	# Nor here, where one was bound before: it keeps its owner.
	unshare -m sh -c "touch /tmp/empty/vfio0 &&
		mount --bind /dev/vfio/devices/vfio0 /tmp/empty/vfio0 &&
		mount --rbind /tmp/empty /dev/vfio/devices &&
		! $WHERRY bind $igb $nvme --owner nobody"
	[ "$(stat -c %U /dev/vfio/devices/vfio0)" = daemon ]
	"$WHERRY" unbind "$igb"
	at "$nvme" nvme '(null)'
	at "$net" e1000e '(null)'
	no_record
}

gives_to_owner()
{
	"$WHERRY" bind "$nvme" --owner nobody
	[ "$(stat -c %U /dev/vfio/devices/vfio0)" = nobody ]
	"${nobody[@]}" "$WHERRY" devices "$nvme" | grep -q "^$nvme *yes"
	"$WHERRY" unbind "$nvme"
	"$WHERRY" bind "$nvme"
	"${nobody[@]}" "$WHERRY" devices "$nvme" |
		grep -q 'wherry bind --owner nobody'
	"$WHERRY" unbind "$nvme"
}

takes_group()
{
	"$WHERRY" bind "$one" 2>/tmp/err
	grep -q "not yet assignable: $other .*e1000" /tmp/err
	"$WHERRY" unbind "$one"
	"$WHERRY" bind --group "$one" 2>/tmp/err
	[ ! -s /tmp/err ]
	at "$one" vfio-pci vfio-pci
	at "$other" vfio-pci vfio-pci
	[ "$(driver "$bridge")" != vfio-pci ]
	"$WHERRY" devices "$other" | grep -q "^$other *yes"
	"$WHERRY" unbind --group "$other"
	at "$one" e1000 '(null)'
	at "$other" e1000 '(null)'
}

group_in_use()
{
	ip link set "$(net_of "$other")" up
	refuses "$other: in use by this host" "$one" --group
	ip link set "$(net_of "$other")" down
}

takes_by_force()
{
	ip link set "$(net_of "$net")" up
	"$WHERRY" bind --force "$net" 2>/tmp/err
	grep -q 'taken by force' /tmp/err
	at "$net" vfio-pci vfio-pci
	"$WHERRY" unbind "$net"
	at "$net" e1000e '(null)'
}

unbind_in_use()
{
	local pid

	"$WHERRY" bind "$nvme"
	sleep 60 7<>/dev/vfio/devices/vfio0 &
	pid=$!
	says 1 "in use by sleep .pid $pid" "$WHERRY" unbind "$nvme"
	at "$nvme" vfio-pci vfio-pci
	kill $pid
	wait $pid || true
	"$WHERRY" unbind "$nvme"
}

# both COMMAND: twice at once, both waiting for the lock, which is descriptor 8;
# lost is how many failed.
both()
{
	local a b

	lost=0
	flock 8
	"$WHERRY" "$1" "$nvme" 2>/tmp/err.a &
	a=$!
	"$WHERRY" "$1" "$nvme" 2>/tmp/err.b &
	b=$!
	until grep -q waiting /tmp/err.a && grep -q waiting /tmp/err.b; do
		sleep 0.1
	done
	# They have this descriptor, too: closing it would not do.
	flock -u 8
	wait $a || lost=$((lost + 1))
	wait $b || lost=$((lost + 1))
}

# What two wherrys see of a device before either has the lock is old for the
# second: it must neither forget where the device came from nor take it from
# the host again.
two_at_once()
{
	mkdir -p /run/wherry
	exec 8</run/wherry
	both bind
	[ $lost = 0 ]
	at "$nvme" vfio-pci vfio-pci
	both unbind
	[ $lost = 1 ]
	exec 8<&-
	cat /tmp/err.a /tmp/err.b | grep 'not bound: .*nvme'
	at "$nvme" nvme '(null)'
	no_record
}

# Bound by wherry, then given to the host by hand: unbind asks who uses it.
moved_on()
{
	local pid

	echo "$nvme" >"$sys/$nvme/driver/unbind"
	"$WHERRY" bind "$nvme"
	echo >"$sys/$nvme/driver_override"
	echo "$nvme" >"$sys/$nvme/driver/unbind"
	echo "$nvme" >/sys/bus/pci/drivers_probe
	until [ -b /dev/nvme0n1 ]; do
		sleep 0.1
	done
	sleep 60 7</dev/nvme0n1 &
	pid=$!
	says 1 'in use by this host: nvme0n1' "$WHERRY" unbind "$nvme"
	at "$nvme" nvme '(null)'
	kill $pid
	wait $pid || true
	"$WHERRY" unbind "$nvme"
	at "$nvme" none '(null)'
	echo "$nvme" >/sys/bus/pci/drivers_probe
	at "$nvme" nvme '(null)'
	no_record
}

twenty_times()
{
	local _

	for _ in {1..20}; do
		"$WHERRY" bind "$nvme" >/dev/null
		"$WHERRY" unbind "$nvme" >/dev/null
	done
	at "$nvme" nvme '(null)'
	[ -b /dev/nvme0n1 ]
}

check binds binds
check remembers-first remembers_first
check keeps-override keeps_override
check without-driver without_driver
check without-record without_record
check undoes-all undoes_all
check gives-to-owner gives_to_owner
if together "$one" "$other"; then
	check takes-group takes_group
	check group-in-use group_in_use
else
	skip takes-group "$apart"
	skip group-in-use "$apart"
fi
check takes-by-force takes_by_force
check unbind-in-use unbind_in_use
check two-at-once two_at_once
check moved-on moved_on
check twenty-times twenty_times

# ----- mediated devices, unsafe hosts -----

lists_mdev()
{
	local uuid=83b8f4f2-509f-382f-3c1e-e6bfe0fa1001
	local type=/sys/devices/virtual/mtty/mtty/mdev_supported_types/mtty-2

	echo $uuid >$type/create
	"$WHERRY" devices | grep -Eq "^$uuid +yes +mtty"
	"$WHERRY" devices $uuid | grep -q "^$uuid"
	echo 1 >/sys/bus/mdev/devices/$uuid/remove
}

unsafe_parameter()
{
	local param=/sys/module/iommufd/parameters/allow_unsafe_interrupts

	echo Y >$param
	"$WHERRY" check >/tmp/check && return 1
	grep -q '^missing .*allow_unsafe_interrupts is set; run: echo N' \
		/tmp/check
	"$WHERRY" bind "$nvme" 2>/tmp/err
	grep -q 'cannot assign devices: iommufd.allow_unsafe' /tmp/err
	"$WHERRY" devices "$nvme" | grep -q "^$nvme *no"
	"$WHERRY" unbind "$nvme"
	echo N >$param
}

if [ -d /sys/devices/virtual/mtty ]; then
	check lists-mdev lists_mdev
else
	skip lists-mdev "no sample mdev in this kernel"
fi
check unsafe-parameter unsafe_parameter
finish
