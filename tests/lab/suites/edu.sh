#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# QEMU's edu device with a driver of ours: INTx with resample, shared by two
# devices, MSI, INTx again, DMA; a user of the pin who masks by DisINTx.
# lab: --kernel any --arch both --memory 3G --device edu,dma_mask=0xffffffffffffffff
# lab: --device edu,dma_mask=0xffffffffffffffff,bus=rp4
# lab-prepare: tests/lab/build modules/edu.c "$KERNEL"
# lab-prepare: tests/lab/build programs/disintx.c
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"
# shellcheck source=tests/lab/irq.sh
. "$(dirname "$0")/../irq.sh"
build=$WHERRY_SRC/tests/lab/build
initrd edu --file "$guests/irq.sh:/irq.sh" \
	--file "$("$build" modules/edu.c "$(dirname "$LAB_KERNEL")"):/edu.ko" \
	--file "$("$build" programs/disintx.c):/disintx" >/dev/null

# Ports 1 and 9 have one line in the guest; so have rp0 and rp4 on the host.
two_devices()
{
	bind_all 0 1
	append=edu=all boots two edu --cpus 2 --memory 256M \
		--device "$(device 0),port=1" --device "$(device 1),port=9"
	if grep -v notice: "$LAB_OUT/two.err"; then
		return 1
	fi
}

# both NAME KEY VALUE: what each of the two devices has said.
both()
{
	[ "$(tr -d '\r' <"$LAB_OUT/$1.out" | grep -c "^$2 $3\$")" = 2 ]
}

check two-devices two_devices
check intx-is-level said two '^intx-kind level *$'
check intx-counted both two intx-counted 801
check intx-shared at_least two intx-interrupts 801
check factorial both two intx-factorial 40320
check dma said two '^dma-works$'
check msi-is-edge said two '^msi-kind edge *$'
check msi-counted both two msi-counted 801
check intx-again both two again-counted 801
check disintx said two '^disintx works$'
check no-lines-left no_lines_left
finish
