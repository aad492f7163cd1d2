# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# qemu-devices.sh: turn the lab's --device strings into QEMU arguments.
#
# Sourced by tests/lab/run.  Owns where each device sits, so that its BDF can be
# found from inside: device_table has one "id parent-id addr" line per PCI
# device, parent "pcie.0" being the root bus.  Two properties in a device string
# are ours: lab-size=SIZE, the size of the drive or memory that is added for it,
# and lab-file=PATH, an image that is there already, from the lab's cache on unless
# absolute; what is written to it is forgotten.
#
# Root bus: 0x1 and 0x2 IOMMUs, 0x4 + K root port rpK, 0x1b and down
# devices with bus=pcie.0, 0x1c the lab's own 9p shares.

# Both are read by run, which also owns $work.
# shellcheck disable=SC2034
device_args=() device_table=() work=${work-}
declare -A device_type=() next_addr=()

# The value of property $1 in the QEMU option string $2; fails if not there.
prop() {
	local s=",${2//,,/$'\001'},"
	[[ $s == *,"$1"=* ]] || return 1
	s=${s#*,"$1"=}
	s=${s%%,*}
	printf '%s\n' "${s//$'\001'/,}"
}

# The string $2 without property $1.
without() {
	local s=",${2//,,/$'\001'}," head tail
	if [[ $s == *,"$1"=* ]]; then
		head=${s%%,"$1"=*}
		tail=${s#*,"$1"=}
		s=$head,${tail#*,}
	fi
	s=${s#,}
	s=${s%,}
	printf '%s\n' "${s//$'\001'/,,}"
}

add_port() { # NUMBER
	local addr=$((4 + $1))
	[[ $1 -le 22 ]] || die "too many root ports (rp$1)" 2
	[[ -z ${device_type[rp$1]-} ]] || return 0
	device_args+=(-device "pcie-root-port,id=rp$1,bus=pcie.0,addr=$(
		printf '0x%x' $addr),chassis=$((1 + $1)),slot=$1,x-speed=5")
	device_type[rp$1]=pcie-root-port
	device_table+=("rp$1 pcie.0 $addr")
}

# Devices that sit on no PCI bus.
not_pci() {
	case $1 in
	nvme-subsys | nvme-ns | usb-* | scsi-* | hda-* | ide-* | virtconsole | \
		virtserialport | pc-dimm | nvdimm | pvpanic | isa-*) true ;;
	*) false ;;
	esac
}

# The first free slot of bus $1; the caller's variable addr takes it.
free_addr() {
	local first=0
	case ${device_type[$1]-} in
	pcie-pci-bridge | pci-bridge) first=1 ;;
	esac
	if [[ $1 == pcie.0 ]]; then
		addr=$((0x1b - ${next_addr[$1]:-0}))
	else
		addr=$((first + ${next_addr[$1]:-0}))
	fi
	next_addr[$1]=$((${next_addr[$1]:-0} + 1))
}

# Put the device on its bus: the caller's spec gains bus= and addr=.
place() { # K TYPE ID
	local bus addr
	if ! bus=$(prop bus "$spec"); then
		bus=rp$1
		spec+=,bus=$bus
	fi
	[[ ! $bus =~ ^rp([0-9]+)$ ]] || add_port "${BASH_REMATCH[1]}"
	if ! addr=$(prop addr "$spec"); then
		free_addr "$bus"
		[[ $2 != *-root-port && ${device_type[$bus]-} == *-port ]] ||
			spec+=,addr=$(printf '0x%x' "$addr")
	fi
	device_table+=("$3 $bus $addr")
}

add_drive() { # K SIZE; the caller's file names an image
	local path=$work/drive$1.img opts=
	if [[ -n $file ]]; then
		path=$file opts=snapshot=on,
		[[ $path == /* ]] ||
			path=${XDG_CACHE_HOME:-$HOME/.cache}/wherry/$path
		[[ -r $path ]] || die "lab-file: cannot read $path"
	else
		truncate -s "$2" "$path"
	fi
	device_args+=(-drive "if=none,id=drive$1,format=raw,cache=unsafe,${opts}file=${path//,/,,}")
	spec+=,drive=drive$1
}

# Give the device the back end that it needs and does not name.
back_end() { # K TYPE SIZE
	case $2 in
	nvme)
		prop serial "$spec" >/dev/null || spec+=,serial=lab$1
		prop drive "$spec" >/dev/null || prop subsys "$spec" >/dev/null ||
			add_drive "$1" "${3:-256M}" ;;
	nvme-ns | virtio-blk-pci* | usb-storage | scsi-hd | ide-hd)
		prop drive "$spec" >/dev/null || add_drive "$1" "${3:-256M}" ;;
	e1000* | igb | rtl8139 | tulip | pcnet | vmxnet3 | ne2k_pci | i8255* | \
		virtio-net-pci* | usb-net)
		prop netdev "$spec" >/dev/null && return
		device_args+=(-netdev "user,id=net$1")
		spec+=,netdev=net$1 ;;
	AC97 | ES1370 | hda-duplex | hda-micro | hda-output | usb-audio | \
		virtio-sound-pci)
		prop audiodev "$spec" >/dev/null && return
		device_args+=(-audiodev "none,id=audio$1")
		spec+=,audiodev=audio$1 ;;
	ivshmem-plain | pc-dimm | nvdimm | virtio-pmem-pci | virtio-mem-pci)
		prop memdev "$spec" >/dev/null && return
		device_args+=(-object "memory-backend-ram,id=mem$1,share=on,size=${3:-4M}")
		spec+=,memdev=mem$1 ;;
	esac
}

# The K-th --device, counted from 0.
add_device() { # K STRING
	local spec=$2 type=${2%%,*} id size file
	size=$(prop lab-size "$spec") || size=
	file=$(prop lab-file "$spec") || file=
	spec=$(without lab-file "$(without lab-size "$spec")")
	if ! id=$(prop id "$spec"); then
		id=dev$1
		spec+=,id=$id
	fi
	device_type[$id]=$type
	not_pci "$type" || place "$1" "$type" "$id"
	back_end "$1" "$type" "$size"
	device_args+=(-device "$spec")
}
