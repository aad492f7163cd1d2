#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Devices that cannot mask their INTx (the kernel is told not to use DisINTx):
# they work while they have their host line for themselves, and say why not
# when another driver is on it. rp0, rp4 and rp8 have one line.
# lab: --kernel any --arch any --memory 3G --append vfio_pci.nointxmask=1
# lab: --device edu --device edu,bus=rp4 --device AC97,bus=rp8
# lab-prepare: tests/lab/build modules/edu.c "$KERNEL"
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"
# shellcheck source=tests/lab/irq.sh
. "$(dirname "$0")/../irq.sh"
module=$("$WHERRY_SRC/tests/lab/build" modules/edu.c "$(dirname "$LAB_KERNEL")")
initrd edu --file "$module:/edu.ko" --file "$guests/irq.sh:/irq.sh" >/dev/null

# edu NAME intx|msi
edu()
{
	append=edu=$2 boots "$1" edu --cpus 2 --memory 256M \
		--device "$(device 0)"
}

alone()
{
	bind_all 0 2
	edu alone intx
	if grep -v notice: "$LAB_OUT/alone.err"; then
		return 1
	fi
}

irq_of() # K
{
	cat "/sys/bus/pci/devices/$(device "$1")/irq"
}

# The host's driver has the line now.
line_is_taken()
{
	insmod "$module" msi=0
	[ "$(cat "/sys/bus/pci/devices/$(device 1)/mode")" = intx ]
	[ "$(irq_of 0) $(irq_of 2)" = "$(irq_of 1) $(irq_of 1)" ]
	edu taken msi
	grep 'cannot share its line: unbind the driver' "$LAB_OUT/taken.err"
}

nothing_else()
{
	local status=0

	"$WHERRY" run --kernel "$LAB_KERNEL" --device "$(device 2)" \
		</dev/null >/dev/null 2>"$LAB_OUT/refused.err" || status=$?
	[ $status = 1 ]
	grep 'cannot share its line: unbind the driver' "$LAB_OUT/refused.err"
	grep 'its only interrupt cannot be had' "$LAB_OUT/refused.err"
}

line_is_free()
{
	rmmod edu
	edu free intx
}

check alone alone
check alone-counted said alone '^intx-counted 801$'
check line-is-taken line_is_taken
check msi-where-line-is-taken said taken '^msi-counted 801$'
check nothing-but-intx-is-refused nothing_else
check line-is-free line_is_free
check free-counted said free '^intx-counted 801$'
finish
