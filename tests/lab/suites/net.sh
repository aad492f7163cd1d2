#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Network cards, with traffic both ways through the outer network: e1000e by
# each kind of interrupt that it knows, rtl8139 by INTx, both on one line.
# Linux's e1000e tries out whether MSI works, and finds that QEMU's does not, on
# the emulated host as in the guest: what it takes there it has to take here.
# lab-seconds: 311
# lab: --kernel any --arch any --memory 3G --append e1000e.IntMode=1 --device e1000e,netdev=n0 --device rtl8139,netdev=n1
# lab: --machine-arg -netdev
# lab: --machine-arg user,id=n0,net=10.0.2.0/24,guestfwd=tcp:10.0.2.100:7-cmd:cat
# lab: --machine-arg -netdev
# lab: --machine-arg user,id=n1,net=10.0.3.0/24,guestfwd=tcp:10.0.3.100:7-cmd:cat
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"
# shellcheck source=tests/lab/irq.sh
. "$(dirname "$0")/../irq.sh"
initrd net --file "$guests/irq.sh:/irq.sh" >/dev/null

# Whether the host's own driver settles for the pin.
host_kind()
{
	local net

	net=$(basename "/sys/bus/pci/devices/$(device 0)"/net/*)
	ip link set "$net" up
	sleep 1
	grep -w "$net" /proc/interrupts >"$LAB_OUT/host"
	ip link set "$net" down
	cat "$LAB_OUT/host"
	bind_all 0 1
}

as_on_the_host()
{
	cat "$LAB_OUT/host"
	if grep -qE "fasteoi|Level" "$LAB_OUT/host"; then
		said msi '^e1000e kind level *$'
	else
		said msi '^e1000e kind edge *$'
	fi
}

# net NAME LINUX-OPTION...: ports 1 and 9 have one line.
net()
{
	append="${*:2}"
	boots "$1" net --cpus 2 --memory 256M --device "$(device 0),port=1" \
		--device "$(device 1),port=9"
	if grep -v notice: "$LAB_OUT/$1.err"; then
		return 1
	fi
	said "$1" '^e1000e works$' && said "$1" '^8139(too|cp) works$'
}

check bind host_kind
check msix net msix e1000e.IntMode=2
check msix-kind said msix '^e1000e kind edge *$'
check msix-interrupts at_least msix 'e1000e interrupts' 100
check rtl8139-kind said msix '^8139(too|cp) kind level *$'
check rtl8139-interrupts at_least msix '8139(too|cp) interrupts' 100
check msi net msi e1000e.IntMode=1
check msi-as-on-the-host as_on_the_host
check msi-interrupts at_least msi 'e1000e interrupts' 100
check intx net intx pci=nomsi e1000e.IntMode=0
check intx-kind said intx '^e1000e kind level *$'
check intx-interrupts at_least intx 'e1000e interrupts' 200
check no-lines-left no_lines_left
finish
