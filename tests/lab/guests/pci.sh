# shellcheck shell=sh
# SPDX-License-Identifier: BSD-2-Clause
# For guests' scripts: PCI functions by id, their registers and config space.
# Beside the script in its initrd: --file .../guests/pci.sh:pci.sh.
pci=/sys/bus/pci/devices

# find_pci VENDOR:DEVICE: the addresses of all, as 0000:01:00.0.
find_pci()
{
	for dev in "$pci"/*; do
		read -r vendor <"$dev/vendor"
		read -r device <"$dev/device"
		[ "$vendor:$device" != "0x${1%:*}:0x${1#*:}" ] ||
			echo "${dev##*/}"
	done
}

# word BDF OFFSET: two bytes of config space, as a number. word_to: writes.
word()
{
	od -An -tu2 -j $(($2)) -N 2 "$pci/$1/config" | tr -d ' '
}
word_to()
{
	# shellcheck disable=SC2059
	printf "\\x$(printf %02x $(($3 & 255)))\\x$(printf %02x $(($3 >> 8)))" |
		dd of="$pci/$1/config" bs=2 seek=$(($2 / 2)) conv=notrunc 2>/dev/null
}

# cap BDF ID: where that capability is.
cap()
{
	at=$(($(word "$1" 0x34) & 0xff))
	while [ $at != 0 ]; do
		head=$(word "$1" $at)
		[ $((head & 0xff)) != $(($2)) ] || break
		at=$((head >> 8))
	done
	echo $at
}

# bar BDF N: its address.
bar()
{
	sed -n "$(($2 + 1))s/ .*//p" "$pci/$1/resource"
}

# rest BDF: no driver, decoding nothing.
rest()
{
	[ ! -e "$pci/$1/driver" ] || echo "$1" >"$pci/$1/driver/unbind"
	word_to "$1" 4 0
}

# wake BDF: memory and I/O decoded, as a driver begins.
wake()
{
	word_to "$1" 4 3
}
