#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Disks and shared directories as they are rarely, but can be: vast, tiny, of large
# blocks, cut off or removed while a guest uses them, of each kind of file system.
# lab: --kernel any --arch any --memory 2G
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"

prepare()
{
	mkdir /tmp/{ext4,over,tmpfs,gone,full} /tmp/{up,low,work}
	truncate -s 3T /tmp/vast
	truncate -s 8M /tmp/shrinks /tmp/blocks /tmp/blocks-direct
	truncate -s 512 /tmp/sector
	head -c 1M /dev/urandom >/tmp/twin
	losetup -b 4096 --find --show /tmp/blocks >/tmp/loop
	losetup -b 4096 --find --show /tmp/blocks-direct >/tmp/loop-direct
	truncate -s 64M /tmp/ext4.img
	mke2fs -q -t ext4 /tmp/ext4.img
	mount -o loop /tmp/ext4.img /tmp/ext4
	rmdir /tmp/ext4/lost+found
	mount -t overlay -o lowerdir=/tmp/low,upperdir=/tmp/up,workdir=/tmp/work \
		overlay /tmp/over
	mount -t tmpfs -o size=1M tmpfs /tmp/full
}

# As soon as the guest asks for it.
odd()
{
	boots odd odd --timeout 500 --memory 256M --disk /tmp/vast,serial=vast \
		--disk "$(cat /tmp/loop),serial=blocks" \
		--disk "$(cat /tmp/loop-direct),direct,serial=blocks-direct" \
		--disk /tmp/sector,serial=sector \
		--disk /tmp/twin,ro,serial=twin1 \
		--disk /tmp/twin,ro,serial=twin2 \
		--disk /tmp/shrinks,serial=shrinks \
		--share /tmp/tmpfs,tag=tmpfs --share /tmp/over,tag=overlay \
		--share /tmp/ext4,tag=ext4 --share /usr,tag=9p,ro \
		--share /tmp/full,tag=full --share /tmp/gone,tag=gone &
	wait_for odd '^cut it'
	truncate -s 1M /tmp/shrinks
	wait_for odd '^remove it'
	rmdir /tmp/gone
	wait $!
}

# On the host, where it was written; and no more of it than that.
vast()
{
	passed odd vast
	cmp -n 4096 -i 3145728000000:0 /tmp/vast "$(command -v busybox)"
	[ "$(stat -c %b /tmp/vast)" -lt 1000 ]
}

cut_off()
{
	passed odd shrinks
	grep 'disk6: /tmp/shrinks: reading at byte .*; the guest was told' \
		"$LAB_OUT/odd.err"
	[ "$(wc -l <"$LAB_OUT/odd.err")" -lt 12 ]
}

check prepare prepare
check guest-uses-them odd
check more-than-2-tib vast
check blocks-of-4-kib passed odd blocks blocks-direct
check one-sector passed odd sector
check one-file-twice-read-only passed odd twice
check cut-off-while-used cut_off
check names passed odd names-tmpfs names-overlay names-ext4
check holes passed odd holes-tmpfs holes-overlay holes-ext4
check 9p passed odd 9p
check full-share passed odd full
check removed-while-used passed odd gone
finish
