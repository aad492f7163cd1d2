#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A host that does not answer: a disk, direct or by the page cache, and a shared
# directory whose file system waits for its device. A guest's reset waits, a signal
# does not.
# lab: --kernel any --timeout 300
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"

# Two devices that can be suspended: one with a file system, one as a disk.
prepare()
{
	local name

	for name in files disk; do
		truncate -s 64M /tmp/$name.img
		losetup --find --show /tmp/$name.img >/tmp/$name.loop
		dmsetup create $name --noudevrules --noudevsync --table \
			"0 131072 linear $(cat /tmp/$name.loop) 0"
		dmsetup mknodes
	done
	mke2fs -q -t ext4 /dev/mapper/files
	mkdir /tmp/files
	mount -o noatime /dev/mapper/files /tmp/files
	mkdir /tmp/files/share
	head -c 1M /dev/urandom >/tmp/files/share/file
	head -c 8M /dev/urandom >/tmp/files/disk.img
	sync
	initrd stuck >/dev/null
}

# start NAME [OPTION...]: a guest that waits for its word.
start()
{
	local name=$1

	shift
	rm -f /tmp/words
	mkfifo /tmp/words
	"$WHERRY" run --kernel "$LAB_KERNEL" --initrd /tmp/stuck.cpio \
		--append 'console=ttyS0 quiet panic=-1' --memory 128M \
		--disk /dev/mapper/disk,direct --disk /tmp/files/disk.img \
		--share /tmp/files/share,tag=data,cache=none --timeout 120 "$@" \
		<>/tmp/words >"$LAB_OUT/$name.out" 2>"$LAB_OUT/$name.err" &
	pid=$!
}

# stick NAME WHAT COUNT: the host stops answering, the guest asks for the COUNT-th
# time. No data are in the page cache; but inodes are, for nothing interrupts a file
# system that waits for those.
stick()
{
	wait_for "$1" ^waiting "$3"
	sync
	echo 1 >/proc/sys/vm/drop_caches
	dmsetup suspend --noflush --nolockfs --noudevsync files
	dmsetup suspend --noflush --nolockfs --noudevsync disk
	echo "go $2" >/tmp/words
	wait_for "$1" ^begun "$3"
}

unstick()
{
	dmsetup resume --noudevsync files
	dmsetup resume --noudevsync disk
}

# told NAME REGEX: until wherry has said it.
told()
{
	until grep -q "$2" "$LAB_OUT/$1.err"; do
		kill -0 "$pid"
		sleep 0.1
	done
}

# ends STATUS: wherry does, within the time that a user has patience.
ends()
{
	local got=0

	for ((i = 0; i < 100; i++)); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	if kill -0 "$pid" 2>/dev/null; then
		grep -H . /proc/"$pid"/task/*/{comm,stack} || :
		unstick
		return 1
	fi
	wait "$pid" || got=$?
	echo "status $got"
	[ $got = "$1" ]
}

second_signal()
{
	start signal
	stick signal nothing 1
	kill "$pid"
	sleep 0.5
	kill "$pid"
	ends 5
	grep 'it is left to the kernel' "$LAB_OUT/signal.err"
	unstick
}

# The same guest goes on when the host does, and is asked twice.
reset()
{
	start reset
	stick reset reboot 1
	told reset 'waiting for the host to do what the guest had asked for'
	[ "$(grep -c GUEST-UP "$LAB_OUT/reset.out")" = 1 ]
	unstick
	stick reset finish 2
	unstick
	ends 0
	said reset '^all read$'
}

plan 3
check prepare prepare
check second-signal-ends-it second_signal
check reset-waits-and-goes-on reset
