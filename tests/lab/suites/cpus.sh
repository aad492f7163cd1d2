#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Arm's CPUs: what KVM cannot decode of them, going off and on, kernels for pages
# that they lack.
# lab: --kernel any --arch aarch64 --timeout 900
# lab: --machine-arg -cpu --machine-arg cortex-a72
# lab-prepare: [ "$LAB_ARCH" != aarch64 ] || tests/lab/build programs/pairs.c
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"

# The guest's program hears of it, the guest does not; nor is the host's log
# full of it.
undecodable()
{
	local pairs access

	pairs=$("$WHERRY_SRC/tests/lab/build" programs/pairs.c)
	initrd undecodable --file "$pairs:bin/pairs"
	boots undecodable undecodable --stats "$LAB_OUT/undecodable.json"
	for access in load-pair store-pair load-and-move; do
		said undecodable "^$access SIGBUS$"
	done
	said undecodable 'went$' && return 1
	said undecodable '^STILL-HERE$'
	[ "$(stat_of "$LAB_OUT/undecodable.json" undecodable)" = 33 ]
	grep 'cannot be emulated' "$LAB_OUT/undecodable.err"
	[ "$(grep -c . "$LAB_OUT/undecodable.err")" -le 12 ]
}

# Each boot finds all four, whatever was off at the end of the last.
off_and_on()
{
	guest off cpus-off --cpus 4 &
	wait_for off '^CPUS-OFF 2-3$' 2
	[ "$(tr -d '\r' <"$LAB_OUT/off.out" | grep -c '^4$')" -ge 2 ]
	kill -KILL "$(pgrep -P $!)"
	wait $! || true
}

# with_pages OCTAL: the lab's kernel, of 4 KiB, with these flags in its header: 012
# are pages of 4 KiB, 014 of 16 KiB, 016 of 64 KiB.
with_pages()
{
	cp "$LAB_KERNEL" "/tmp/pages-$1"
	printf '%b' "\\0$1" |
		dd of="/tmp/pages-$1" bs=1 seek=24 conv=notrunc status=none
	guest_kernel=/tmp/pages-$1
}

pages_are_there()
{
	with_pages 012
	boots small hello --memory 128M
}

pages_are_missing()
{
	with_pages 014
	guest large hello --timeout 20 && return 1
	grep '^wherry: --kernel: it is for pages of 16 KiB' "$LAB_OUT/large.err"
	[ "$(grep -c . "$LAB_OUT/large.err")" = 1 ]
	[ ! -s "$LAB_OUT/large.out" ]
}

check undecodable undecodable
check off-and-on off_and_on
check pages-are-there pages_are_there
check pages-are-missing pages_are_missing
finish
