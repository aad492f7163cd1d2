#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Interrupts of every kind: MSI with several messages and MSI that is masked,
# in guests without a kernel; sound cards that know INTx alone, the vectors of
# an xHCI with a USB stick, and mediated serial ports, whose driver cannot
# unmask by eventfd.
# lab: --kernel any --arch both --memory 3G --device nec-usb-xhci --device usb-tablet,bus=dev0.0
# lab: --device igb --device AC97 --device ES1370
# lab: --device qemu-xhci --device usb-storage,bus=dev5.0,lab-size=64M
# lab-prepare: tests/lab/build payloads/msi.c
# lab-prepare: tests/lab/build programs/pcm.c
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"
# shellcheck source=tests/lab/irq.sh
. "$(dirname "$0")/../irq.sh"
build=$WHERRY_SRC/tests/lab/build
payload=$("$build" payloads/msi.c)
initrd periphery --file "$guests/irq.sh:/irq.sh" \
	--file "$("$build" programs/pcm.c):/pcm" >/dev/null
uuids=(6f1c1a52-3f5e-4c9e-9d0a-5a3a1f0c7b01 6f1c1a52-3f5e-4c9e-9d0a-5a3a1f0c7b02)

bare() # NAME OPTION...
{
	"$WHERRY" run --kernel "$payload" --memory 64M --timeout 60 "${@:2}" \
		</dev/null >"$LAB_OUT/$1.out" 2>"$LAB_OUT/$1.err" || {
		cat "$LAB_OUT/$1.out" "$LAB_OUT/$1.err"
		return 1
	}
	said "$1" '^done$' || { cat "$LAB_OUT/$1.out"; return 1; }
}

# lines NAME REGEX: how many match.
lines()
{
	tr -d '\r' <"$LAB_OUT/$1.out" | grep -cE "$2"
}

# 16 interrupters on 8 messages: each comes twice; then each on its own.
messages()
{
	bind_all 0 2
	bare messages --device "$(device 0)"
	[ "$(number messages 'messages offered')" = 16 ]
	said messages '^messages enabled 8$'
	[ "$(lines messages '^vector [0-7]: 2$')" = 8 ]
	said messages '^messages enabled 16$'
	[ "$(lines messages '^vector ([0-9]|1[0-5]): 1$')" = 16 ]
	[ "$(lines messages '^vector')" = 24 ]
}

masks()
{
	bare masks --device "$(device 2)"
	diff -u - <(tr -d '\r' <"$LAB_OUT/masks.out" | sed 1,2d) <<-'EOT'
		unmasked: 1
		pending 0
		masked: 0
		pending 1
		vector 5: 1
		pending 0
		once: 1
		done
	EOT
}

# A disk of the host's, then the guest's.
prepare()
{
	local i

	for ((i = 0; i < 100; i++)); do
		[ ! -b /dev/sda ] || break
		sleep 0.1
	done
	dd if=/dev/urandom of=/dev/sda bs=1M count=8 conv=fsync
	dd if=/dev/sda bs=1M count=8 iflag=direct | sha256sum |
		cut -d' ' -f1 >"$LAB_OUT/host-sum"
	bind_all 3 4 5
	for i in 0 1; do
		echo "${uuids[i]}" >/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-2/create
	done
}

all_at_once()
{
	boots all periphery --cpus 2 --memory 384M --device "$(device 3)" \
		--device "$(device 4)" --device "$(device 5)" \
		--device "${uuids[0]}" --stats "$LAB_OUT/all.json"
	if grep -v notice: "$LAB_OUT/all.err"; then
		return 1
	fi
}

# Only mtty's pin takes the way through wherry; the others' have irqfds.
relayed()
{
	grep -o '"relayed": *[0-9]*' "$LAB_OUT/all.json" | tr -dc '0-9\n' |
		tr '\n' ' ' >/tmp/relayed
	cat /tmp/relayed
	grep -Eq '^0 0 0 [0-9]{3,} $' /tmp/relayed
}

by_path()
{
	boots path periphery --memory 256M \
		--device "/sys/bus/mdev/devices/${uuids[1]}"
}

stick_comes_back()
{
	local i

	"$WHERRY" unbind "$(device 5)"
	for ((i = 0; i < 100; i++)); do
		[ ! -b /dev/sda ] || break
		sleep 0.1
	done
	[ "$(dd if=/dev/sda bs=1M count=8 skip=8 iflag=direct | sha256sum |
		cut -d' ' -f1)" = "$(number all 'stick wrote')" ]
}

check msi-messages messages
check msi-masks masks
check bind prepare
check all-at-once all_at_once
# Sound is played in the host's time: a slow emulation drops periods, without
# interrupts not one is played.
periods='[4-9][0-9]' least=40
if [ "${LAB_ARCH:-x86_64}" != x86_64 ]; then
	periods='[3-9][0-9]' least=20
fi
check ac97-plays said all "^snd_intel8x0 played $periods\$"
check ac97-interrupts at_least all 'snd_intel8x0 interrupts' $least
check es1370-plays said all "^snd_ens1370 played $periods\$"
check es1370-interrupts at_least all 'snd_ens1370 interrupts' $least
check sound-is-level said all '^snd_ens1370 kind level *$'
is stick-read "$(number all 'stick read')" "$(cat "$LAB_OUT/host-sum")"
check stick-interrupts at_least all 'stick interrupts' 50
check stick-by-msix said all '^stick kind edge *$'
check stick-comes-back stick_comes_back
check mdev-by-uuid said all '^serial ttyS1 works$'
check mdev-second-port said all '^serial ttyS2 works$'
check mdev-interrupts at_least all 'serial interrupts' 100
check mdev-interrupts-relayed relayed
check mdev-by-path by_path
check mdev-by-path-works said path '^serial ttyS1 works$'
check no-lines-left no_lines_left
finish
