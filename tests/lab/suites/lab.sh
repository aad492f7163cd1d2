#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The emulated host itself, seen from inside: what every other suite builds on.
# lab: --kernel lts --arch both --device nvme,serial=w0,lab-size=64M --device e1000e
# lab: --device igb --device edu --device rtl8139 --device qemu-xhci
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"

bdf_of() { awk -v id="$1" '$1 == id { print $2 }' "$LAB_DEVICES"; }
group_of() { basename "$(readlink "/sys/bus/pci/devices/$1/iommu_group")"; }
hex_at() { cat "/sys/bus/pci/devices/$1/$2"; }

bind_vfio() { # BDF
	local dev=/sys/bus/pci/devices/$1
	[ ! -e "$dev/driver" ] || echo "$1" >"$dev/driver/unbind"
	echo vfio-pci >"$dev/driver_override"
	echo "$1" >/sys/bus/pci/drivers_probe
	ls -d "$dev"/vfio-dev/vfio*
}

# Where a devicetree tells of the IOMMU, Linux before 6.15 asks it at a driver's
# probe: without a driver there is no group yet.
isolated_groups() {
	local bdf
	while read -r _ bdf; do
		[ -e "/sys/bus/pci/devices/$bdf/driver" ] ||
			[ "$LAB_ARCH" = x86_64 ] || continue
		[ "$(find "/sys/bus/pci/devices/$bdf/iommu_group/devices" \
			-type l | wc -l)" = 1 ]
	done <"$LAB_DEVICES"
}

nobody_runs() {
	[ "$(setpriv --reuid nobody --clear-groups id -un)" = nobody ]
	! setpriv --reuid nobody --clear-groups test -r /dev/kvm
}

# Interrupts from outside, whatever the CPUs do.
beats() {
	local before
	[ "$LAB_ARCH" = x86_64 ] || return 0
	before=$(grep -w ttyS1 /proc/interrupts)
	sleep 3
	[ "$(grep -w ttyS1 /proc/interrupts)" != "$before" ]
}

config_has() { zcat /proc/config.gz | grep -qx "$1"; }

guest_boots() {
	local initrd=/tmp/guest.cpio
	"$WHERRY_SRC/tests/lab/mkinitrd" $initrd
	qemu-system-x86_64 -M q35,accel=kvm -cpu host -m 256 -nodefaults \
		-display none -no-reboot -serial stdio -kernel "$LAB_KERNEL" \
		-initrd $initrd -append 'console=ttyS0 quiet panic=-1' \
		>/tmp/guest.log
	cat /tmp/guest.log
	grep -q '^GUEST-UP' /tmp/guest.log
	grep -q '^GUEST-STATUS 0' /tmp/guest.log
}

# KVM can be asked whether it could make the devices of types 7 and 8.
gicv3_its() {
	python3 - <<-'END'
		import fcntl, os, struct
		vm = fcntl.ioctl(os.open("/dev/kvm", os.O_RDWR), 0xAE01, 0)
		for kind in 7, 8:
		    fcntl.ioctl(vm, 0xC00CAEE0, struct.pack("=III", kind, 0, 1))
	END
}

is root "$(id -u)" 0
is kernel-version "$LAB_KVER" "$(uname -r)"
check kernel-image test -r "$LAB_KERNEL" -a -r "$LAB_VMLINUX"
check kvm test -c /dev/kvm -a -w /dev/kvm
check iommufd test -c /dev/iommu
check no-groups config_has '# CONFIG_VFIO_GROUP is not set'
check root-read-only bash -c "! touch '$WHERRY_SRC/x' 2>/dev/null"
is tmp-fresh "$(stat -f -c %T /tmp)" tmpfs
check tmp-executes bash -c 'cp /bin/true /tmp/t && /tmp/t'
check out-writable touch "$LAB_OUT/written"
check nobody nobody_runs
check loopback grep -q 1 /sys/class/net/lo/carrier
check woken-from-outside beats

is devices "$(cut -d' ' -f1 "$LAB_DEVICES" | paste -sd' ')" \
	'dev0 dev1 dev2 dev3 dev4 dev5'
is nvme "$(hex_at "$(bdf_of dev0)" class)" 0x010802
is e1000e "$(hex_at "$(bdf_of dev1)" device)" 0x10d3
is igb "$(hex_at "$(bdf_of dev2)" device)" 0x10c9
is edu "$(hex_at "$(bdf_of dev3)" device)" 0x11e8
is drive-size "$(cat /sys/block/nvme0n1/size)" $((64 * 2048))
check isolated-groups isolated_groups
like flr "$(hex_at "$(bdf_of dev0)" reset_method)" flr
check bind-vfio bind_vfio "$(bdf_of dev0)"
check device-node test -c "/dev/vfio/devices/$(
	basename "/sys/bus/pci/devices/$(bdf_of dev0)"/vfio-dev/vfio*)"
if [ "$LAB_ARCH" = x86_64 ]; then
	check guest-boots guest_boots
else
	check gicv3-its gicv3_its
fi
finish
