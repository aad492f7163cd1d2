#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A VM from descriptors alone: its user can open none of the nodes and has no
# capability. Descriptors of the wrong kind are refused, each with its reason.
# lab-seconds: 135
# lab: --kernel any --arch both --memory 4G --timeout 900 --device nvme,serial=w0
# lab: --device e1000e
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"

launch=$WHERRY_SRC/tests/lab/launch
uuid=83b8f4f2-509f-382f-3c1e-e6bfe0fa1001
mtty=/sys/devices/virtual/mtty/mtty/mdev_supported_types/mtty-2
nvme=$(device 0)
kernel=/tmp/kernel
cp "$LAB_KERNEL" $kernel
chmod 644 $kernel
# Where nobody can run it.
cp "$WHERRY" /tmp/wherry
initrd ids >/dev/null
chmod 644 /tmp/ids.cpio

"$WHERRY" bind "$nvme" "$(device 1)" >/dev/null
echo $uuid >$mtty/create
chmod 600 /dev/kvm /dev/iommu
chmod 700 /dev/vfio
node_of()
{
	echo "/dev/vfio/devices/$(ls "$1/vfio-dev")"
}
node=$(node_of "/sys/bus/pci/devices/$nvme")
mdev=$(node_of "/sys/bus/mdev/devices/$uuid")
run=(/tmp/wherry run --kernel "$kernel" --initrd /tmp/ids.cpio --memory 256M
	--append 'console=ttyS0 quiet panic=-1' --timeout 240)
nodes=(kvm=/dev/kvm iommu=/dev/iommu)
passed=(--kvm 'fd={kvm}' --iommufd 'fd={iommu}')

# vm NAME LAUNCH-ARGUMENT...: the guest runs, and its user can do nothing else.
vm()
{
	local name=$1

	shift
	"$launch" --memlock 300 "$@" </dev/null >"$LAB_OUT/$name.out" \
		2>"$LAB_OUT/$name.err" || {
		local status=$?
		cat "$LAB_OUT/$name.err"
		return $status
	}
	said "$name" '^GUEST-STATUS 0$'
}

cannot_open()
{
	local path

	for path in /dev/kvm /dev/iommu "$node" "$mdev"; do
		"$launch" -- test ! -r "$path"
	done
	"$launch" -- grep -q '^CapEff:[[:space:]]*0*$' /proc/self/status
	if "$launch" -- "${run[@]}" --device "$nvme" 2>/tmp/err; then
		return 1
	fi
	cat /tmp/err
	grep -q 'not permitted\|Permission denied' /tmp/err
}

by_number()
{
	vm by-number "${nodes[@]}" "d=$node" -- "${run[@]}" "${passed[@]}" \
		--device 'fd={d}'
	said by-number '^config 0000:01:00.0 Device: 0x1b36 0x0010'
}

by_name()
{
	vm by-name --listen "${nodes[@]}" "disk=$node" -- "${run[@]}" \
		--kvm fd=kvm --iommufd fd=iommu --device fd=disk
	said by-name '^config 0000:01:00.0 Device: 0x1b36 0x0010'
}

bound_before()
{
	vm bound "${nodes[@]}" "d:bind=$node" -- "${run[@]}" "${passed[@]}" \
		--device 'fd={d},devid={d.devid}'
	said bound '^config 0000:01:00.0 Device: 0x1b36 0x0010'
}

mdev_by_fd()
{
	vm mdev "${nodes[@]}" "m=$mdev" "d=$node" -- "${run[@]}" "${passed[@]}" \
		--device 'fd={m}' --device 'fd={d}'
	said mdev '^config 0000:01:00.0 Device: 0x4348 0x3253'
	said mdev '^config 0000:02:00.0 Device: 0x1b36 0x0010'
}

check cannot-open cannot_open
check by-number by_number
check by-name by_name
check bound-before bound_before
check mdev-by-fd mdev_by_fd

# fails ID STATUS REGEX LAUNCH-ARGUMENT...: one line beside notices.
fails()
{
	local id=$1 want=$2 text=$3 got=0

	shift 3
	"$launch" --memlock 300 "$@" </dev/null >/tmp/out 2>/tmp/err || got=$?
	if [ $got = "$want" ] && grep -Eq -- "$text" /tmp/err &&
		[ "$(grep -vc '^wherry: notice: ' /tmp/err)" = 1 ] &&
		! pgrep -x wherry >/dev/null; then
		ok "$id"
	else
		not_ok "$id" "status $got, expected $want; no match for '$text':"
	fi
	diag </tmp/err
}

if brief; then
	finish
	exit
fi
fails device-is-a-pipe 1 'open for reading or for writing only' "${nodes[@]}" d:pipe= -- \
	"${run[@]}" "${passed[@]}" --device 'fd={d}'
fails device-is-closed 2 'descriptor 9 is not open' "${nodes[@]}" -- \
	"${run[@]}" "${passed[@]}" --device fd=9
fails device-is-read-only 1 'fd=5: .*read.*O_RDWR' "${nodes[@]}" \
	"d:ro=$node" -- "${run[@]}" "${passed[@]}" --device 'fd={d}'
fails device-is-null 1 '^wherry: fd=[0-9]+: .*no VFIO device' "${nodes[@]}" d=/dev/null -- \
	"${run[@]}" "${passed[@]}" --device 'fd={d}'
fails device-is-a-vm 1 'no VFIO device' "${nodes[@]}" d:vm=/dev/kvm -- \
	"${run[@]}" "${passed[@]}" --device 'fd={d}'
fails kvm-is-a-vm 1 'takes an open /dev/kvm, not a VM' iommu=/dev/iommu \
	kvm:vm=/dev/kvm "d=$node" -- "${run[@]}" "${passed[@]}" \
	--device 'fd={d}'
fails kvm-is-a-pipe 1 '--kvm|/dev/kvm' iommu=/dev/iommu kvm:pipe= \
	"d=$node" -- "${run[@]}" "${passed[@]}" --device 'fd={d}'
fails iommufd-is-null 1 'is no iommufd' kvm=/dev/kvm iommu=/dev/null \
	"d=$node" -- "${run[@]}" "${passed[@]}" --device 'fd={d}'
fails iommufd-is-kvm 1 'is no iommufd' kvm=/dev/kvm iommu=/dev/kvm \
	"d=$node" -- "${run[@]}" "${passed[@]}" --device 'fd={d}'
fails iommufd-is-a-device 1 'is no iommufd' kvm=/dev/kvm "iommu=$node" \
	"d=$node" -- "${run[@]}" "${passed[@]}" --device 'fd={d}'
fails bound-without-devid 1 'bound already; .*pass devid=N' "${nodes[@]}" \
	"d:bind=$node" -- "${run[@]}" "${passed[@]}" --device 'fd={d}'
fails unbound-with-devid 1 'no device of the iommufd has this number' \
	"${nodes[@]}" "d=$node" -- "${run[@]}" "${passed[@]}" \
	--device 'fd={d},devid=7'
fails devid-of-another 1 'not bound|no device' "${nodes[@]}" \
	"d:bind=$node" "e=$(node_of "/sys/bus/pci/devices/$(device 1)")" -- \
	"${run[@]}" "${passed[@]}" --device 'fd={e},devid={d.devid}'
fails same-device-twice 1 'given twice|bound already' "${nodes[@]}" \
	"d=$node" "e=$node" -- "${run[@]}" "${passed[@]}" --device 'fd={d}' \
	--device 'fd={e}'
fails bound-mdev 1 'devid=.*only for a PCI function' "${nodes[@]}" \
	"m:bind=$mdev" -- "${run[@]}" "${passed[@]}" \
	--device 'fd={m},devid={m.devid}'

# The limit is told before the memory is taken, and again when it is hit.
memlock_foretold()
{
	local got=0

	"$launch" --memlock 64 "${nodes[@]}" "d=$node" -- "${run[@]}" \
		"${passed[@]}" --device 'fd={d}' </dev/null 2>/tmp/err || got=$?
	cat /tmp/err
	[ $got = 1 ]
	head -n 1 /tmp/err | grep -q 'notice: .* this VM needs 256 MiB,.* is 65536 KiB'
	tail -n 1 /tmp/err | grep -q '^wherry: guest memory: cannot map .*LimitMEMLOCK='
}

check memlock-foretold memlock_foretold
check still-works by_number
finish
