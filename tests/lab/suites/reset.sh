#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Resets and sleep: each way in which a guest resets a function, D3hot and back,
# twenty reboots that find power-on state whatever kind of reset the device has,
# and devices without any. The pair that shares a bus is behind a bridge, or one
# device: with an SMMU Linux gives just one of those behind a bridge an IOMMU.
# lab-seconds: 170
# lab: --kernel any --arch both --memory 4G --timeout 900
# lab: --device nvme,serial=w0 --device e1000e --device igb
# lab-x86_64: --device pcie-pci-bridge,id=br0
# lab-x86_64: --device rtl8139,bus=br0 --device rtl8139,bus=br0
# lab-aarch64: --device rtl8139,id=dev4,bus=rp3,addr=0x0.0,multifunction=on
# lab-aarch64: --device rtl8139,id=dev5,bus=rp3,addr=0x0.1
# lab: --device AC97,id=dev6,bus=pcie.0
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"

nvme=$(device 0) e1000e=$(device 1) igb=$(device 2) one=$(device 4) two=$(device 5)
ac97=$(device 6)
# In CI one architecture does as many as there ought to be.
reboots=20
[ -z "${LAB_BRIEF:-}" ] || [ "$LAB_ARCH" = x86_64 ] || reboots=4

# total NAME KEY: over all devices of guest NAME.
total()
{
	sed -n "s/^ *\"$2\": \([0-9]*\).*/\1/p" "$LAB_OUT/$1.json" |
		awk '{ n += $1 } END { print n + 0 }'
}

by_the_guest()
{
	"$WHERRY" bind "$nvme" "$e1000e" "$igb" "$one" "$two" "$ac97"
	initrd resets --file "$guests/pci.sh:pci.sh" >/dev/null
	boots resets resets --memory 512M --device "$nvme" --device "$e1000e" \
		--device "$igb" --stats "$LAB_OUT/resets.json"
	[ "$(grep -c FAILED "$LAB_OUT/resets.out")" = 0 ]
	cat "$LAB_OUT/resets.err"
	[ "$(grep -vc 'p2p: off' "$LAB_OUT/resets.err")" = 0 ]
}

works_again()
{
	said resets '^e1000e reaches$'
	said resets '^igb reaches$'
	said resets '^nvme the same$'
}

# A device that keeps its state is as before, with its BAR where it was.
keeps_through_sleep()
{
	said resets '^nvme asleep 3 0xFFFFFFFF 6966$'
	said resets '^nvme awake 0 command 3 bar [1-9]'
	said resets '^nvme back$'
}

# One that loses it is as after power-on, whatever the host's kernel restored.
loses_in_sleep()
{
	said resets '^e1000e asleep 3 0xFFFFFFFF 32902$'
	said resets '^e1000e awake 0 command 0 bar 0$'
	said resets '^e1000e back$'
}

# The e1000e has been allowed more than D3hot, the NVMe has not.
deeper()
{
	local n

	n=$(total resets low_power)
	echo "low power $n times"
	[ "$n" -ge 2 ]
	awk '/"spec"/ { s = $0 } /"low_power"/ { print s, $0 }' \
		"$LAB_OUT/resets.json"
}

# Without drivers, so that nothing but the reset touches a register.
twenty_reboots()
{
	append="until=$((reboots + 1)) initcall_blacklist=e1000_init_module,cp_driver_init,rtl8139_init_module"
	initrd power-on --file "$guests/pci.sh:pci.sh" >/dev/null
	boots twenty power-on --memory 128M --timeout 900 --device "$nvme" \
		--device "$e1000e" --device "$one" --device "$two" \
		--stats "$LAB_OUT/twenty.json"
	[ "$(tr -d '\r' <"$LAB_OUT/twenty.out" | sed -n 's/^COUNT //p' |
		tail -n 1)" = $((reboots + 1)) ]
	[ "$(stat_of "$LAB_OUT/twenty.json" reboots)" = $reboots ]
}

# Each device shows one value over all boots, and not the one that was left.
as_at_power_on()
{
	tr -d '\r' <"$LAB_OUT/twenty.out" | grep '^power-on' |
		sed 's/^power-on [0-9]* //' | sort | uniq -c >/tmp/values
	cat /tmp/values
	[ "$(wc -l </tmp/values)" = 6 ]
	[ "$(awk '{ print $1 }' /tmp/values | sort -u)" = $((reboots + 1)) ]
	[ "$(grep -c 'command 0$' /tmp/values)" = 3 ]
	[ "$(grep -c 0x07060302 /tmp/values)" = 0 ]
}

one_notice()
{
	boots hello hello --device "$ac97" --memory 128M
	[ "$(grep -c 'cannot be reset: neither it nor the bus' \
		"$LAB_OUT/hello.err")" = 1 ]
}

required()
{
	local status=0

	"$WHERRY" run --kernel "$LAB_KERNEL" --device "$ac97,require-reset=on" \
		</dev/null >/dev/null 2>/tmp/err || status=$?
	cat /tmp/err
	[ $status = 1 ]
	grep -q "$ac97: require-reset: it cannot be reset: .*; leave require-reset out" \
		/tmp/err
	# Where there is one, it is no obstacle.
	boots hello hello --memory 128M --device "$e1000e,require-reset=on" \
		--device "$one,require-reset=on" \
		--device "$two,require-reset=on"
}

check by-the-guest by_the_guest
check flr said resets '^nvme flr gone$'
check flr-igb said resets '^igb flr gone$'
check bus-nvme said resets '^nvme bus gone$'
check bus-igb said resets '^igb bus gone$'
# Its own reset is a way through D3hot, which QEMU's does not notice.
check bus-without-flr said resets '^e1000e bus gone$'
check works-again works_again
check sleep-keeps keeps_through_sleep
check sleep-loses loses_in_sleep
check low-power deeper
check twenty-reboots twenty_reboots
check power-on-state as_at_power_on
# At the start, and at each reboot: two for the e1000e and the pair.
is bus-reset-once "$(total twenty bus_resets)" $((2 * reboots + 2))
check no-reset-is-told one_notice
check require-reset required
finish
