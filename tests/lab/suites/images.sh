#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Kernels for Arm as EFI zboot images: they boot, twice where the guest wants
# to, for the image is unpacked again in confinement; what is damaged is refused.
# And the largest machine.
# lab: --kernel lts --arch aarch64 --memory 3G --timeout 600
# lab-prepare: tests/lab/stock 6.12
# lab-prepare: tests/lab/zboot gzip "$(tests/lab/kernel/get "$KERNEL" aarch64)/Image"
# lab-prepare: tests/lab/zboot zstd "$(tests/lab/kernel/get "$KERNEL" aarch64)/Image"
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"

zboot() # CODEC
{
	"$WHERRY_SRC/tests/lab/zboot" "$1" "$LAB_KERNEL"
}

# The other CPUs come by PSCI.
boots_packed() # CODEC NAME
{
	guest_kernel=$(zboot "$1")
	boots "$2" hello --cpus 3 --memory 256M
	said "$2" '^cpus 3$'
}

restarts_packed() # CODEC
{
	initrd reboot >/dev/null
	"$WHERRY" run --kernel "$(zboot "$1")" --initrd /tmp/reboot.cpio \
		--append 'console=ttyS0 quiet' --timeout 40 </dev/null \
		>"$LAB_OUT/restarts.out" 2>&1 || [ $? = 4 ]
	[ "$(grep -c '^REBOOTING' "$LAB_OUT/restarts.out")" -ge 2 ]
}

# What a guest without devices says when it is given this kernel.
refused() # KERNEL REGEX
{
	local status=0

	"$WHERRY" run --kernel "$1" --timeout 20 </dev/null \
		>/dev/null 2>"$LAB_OUT/refused.err" || status=$?
	cat "$LAB_OUT/refused.err"
	[ $status = 1 ]
	[ "$(wc -l <"$LAB_OUT/refused.err")" = 1 ]
	grep -Eq "^wherry: $1: $2" "$LAB_OUT/refused.err"
}

# The lab's is no EFI program, and tells less of itself.
cut_short()
{
	head -c 2000000 "$LAB_KERNEL" >/tmp/cut
	refused /tmp/cut truncated
	head -c 2000000 "$("$WHERRY_SRC/tests/lab/stock" 6.12)" >/tmp/cut
	refused /tmp/cut truncated
	head -c 2000000 "$(zboot gzip)" >/tmp/cut
	refused /tmp/cut truncated
}

# A few bytes in the middle, which the checksum is for.
damaged()
{
	cp "$(zboot gzip)" /tmp/damaged
	printf '\252\125\252\125' |
		dd of=/tmp/damaged bs=1 seek=2000000 conv=notrunc status=none
	refused /tmp/damaged 'the packed kernel is damaged'
}

# Every redistributor that there is room for. The emulated host would be busy with
# the clocks of so many alone: most wait, and the ends of clusters are started.
most_cpus()
{
	guest_kernel=$LAB_KERNEL
	append='maxcpus=2 start=15,16,63' boots most cpus --cpus 64
	said most '^0-63$'
	said most '^started 63$'
}

check zboot-gzip boots_packed gzip gzip
check zboot-zstd boots_packed zstd zstd
check zboot-restarts restarts_packed zstd
check cpus-64 most_cpus
check cut-short cut_short
check damaged damaged
finish
