#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Virtio disks: fio's verification in each mode, beside an assigned NVMe; what a
# disk does besides reading and writing; what survives wherry's sudden end; each
# way in which a disk cannot be had.
# lab-seconds: 270
# lab: --kernel any --arch any --memory 4G --timeout 900 --device nvme,serial=w0
# lab-prepare: tests/lab/fio
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"

fs=/tmp/fs full=/tmp/full tools=$("$WHERRY_SRC/tests/lab/fio")

# ext4 for files that know holes and zeros, a loop device for a block device.
prepare()
{
	"$WHERRY" bind "$(device 0)"
	mkdir $fs $full
	truncate -s 512M /tmp/fs.img
	mke2fs -q -t ext4 /tmp/fs.img
	mount -o loop /tmp/fs.img $fs
	mount -t tmpfs -o size=1M tmpfs $full
	truncate -s 16M $fs/plain.img $fs/direct.img /tmp/queues.img \
		$full/full.img /tmp/loop.img
	losetup --find --show /tmp/loop.img >/tmp/loop
	initrd blk --program blkdiscard >/dev/null
}

uses_disks()
{
	boots blk blk --timeout 600 --memory 512M --cpus 2 --device "$(device 0)" \
		--disk "$tools,ro,serial=tools" \
		--disk $fs/plain.img,serial=plain \
		--disk $fs/direct.img,direct,serial=direct \
		--disk /tmp/queues.img,queues=2,serial=queues \
		--disk "$(cat /tmp/loop),direct,serial=loop" \
		--disk $full/full.img,serial=full --stats "$LAB_OUT/blk.json"
}

# The NVMe pins all RAM, so direct disks may as well.
registers_ram()
{
	[ "$(grep -c '"ram_registered": true' "$LAB_OUT/blk.json")" = 2 ]
}

in_order()
{
	diff <(tr -d '\r' <"$LAB_OUT/blk.out" | grep '^disk ') - <<-END
		disk vda tools 1 512 1
		disk vdb plain 0 512 1
		disk vdc direct 0 512 1
		disk vdd queues 0 512 2
		disk vde loop 0 512 1
		disk vdf full 0 512 1
	END
}

# The guest has told good from bad; here each gets its result.
said_good() # WHAT...
{
	local what

	for what; do
		said blk "^$what: good$" || {
			grep -A 5 "^$what" "$LAB_OUT/blk.out"
			return 1
		}
	done
}

host_error_is_logged()
{
	said_good full
	grep "disk5: $full/full.img: writing at byte" "$LAB_OUT/blk.err" |
		grep 'No space left on device'
	[ "$(wc -l <"$LAB_OUT/blk.err")" -lt 12 ]
}

# fio had written 2 MiB there; the guest has zeroed some more since.
is_sparse()
{
	said_good 'trim plain' 'trim all'
	[ "$(stat -c %b $fs/plain.img)" -lt 2048 ]
}

keeps_data()
{
	truncate -s 4M /tmp/reboot.img
	initrd blk-reboot >/dev/null
	guest reboot blk-reboot --memory 256M --disk fd=9,serial=x \
		9<>/tmp/reboot.img
	[ "$(grep -c '^sum ' "$LAB_OUT/reboot.out")" = 2 ]
	[ "$(grep '^sum ' "$LAB_OUT/reboot.out" | sort -u | wc -l)" = 1 ]
}

# calls_of DISK: system calls of its thread for 100 reads.
calls_of()
{
	awk -v disk="\"$1\"," '
		/"device":/ { ours = $2 == disk }
		ours && /"interrupts":|"io_uring_enters":/ { calls += $2 }
		ours && /"disk_reads":/ { reads += $2 }
		END { print int(100 * calls / reads) }' "$LAB_OUT/calls.json"
}

# What is read from the page cache, one at a time: a wait that a kick ends, a try,
# an interrupt. Many at a time share these.
few_calls()
{
	local one many

	head -c 4M /dev/urandom >/tmp/one.img
	cp /tmp/one.img /tmp/many.img
	boots calls blk-calls --memory 256M --disk "$tools,ro" \
		--disk /tmp/one.img,serial=one --disk /tmp/many.img,serial=many \
		--stats "$LAB_OUT/calls.json"
	one=$(calls_of disk1)
	many=$(calls_of disk2)
	echo "system calls for 100 reads: $one, at a depth of 32 $many"
	[ "$one" -ge 250 ] && [ "$one" -lt 350 ] && [ "$many" -lt 200 ]
}

# kill_at MILLISECONDS [sync=no]: of all that the guest was told is on the disk
# before wherry was killed, how much is not.
kill_at()
{
	local pid last

	truncate -s 0 /tmp/sync.img
	truncate -s 8M /tmp/sync.img
	: >"$LAB_OUT/sync.out"
	"$WHERRY" run --kernel "$LAB_KERNEL" --initrd /tmp/blk-sync.cpio \
		--append "console=ttyS0 quiet panic=-1 ${2-}" --memory 128M \
		--disk /tmp/sync.img </dev/null >"$LAB_OUT/sync.out" 2>&1 &
	pid=$!
	wait_for sync '^there 3' >&2
	sleep "0.$1"
	kill -KILL $pid
	wait $pid || true
	last=$(tr -d '\r' <"$LAB_OUT/sync.out" |
		sed -n 's/^there \([0-9]*\)$/\1/p' | tail -n 1)
	echo "killed after $last" >&2
	[ "$last" -ge 3 ]
	for ((i = 1; i <= last; i++)); do
		dd if=/tmp/sync.img bs=512 skip="$i" count=1 2>/dev/null |
			grep -q "^number $i *$" || echo "lost $i"
	done
}

nothing_flushed_is_lost()
{
	local i lost

	initrd blk-sync >/dev/null
	for i in 1 2 3; do
		lost=$(kill_at $((RANDOM % 900 + 100)))
		[ -z "$lost" ] || {
			echo "$lost"
			return 1
		}
	done
}

not_flushed_is_lost()
{
	[ -n "$(kill_at 500 sync=no)" ]
}

# refused REGEX DISK [COMMAND...]: by this message, before any guest runs.
refused()
{
	local status=0

	"$WHERRY" run --kernel "$LAB_KERNEL" --disk "$2" </dev/null \
		>/tmp/refused.out 2>&1 || status=$?
	cat /tmp/refused.out
	[ $status = 1 ]
	[ "$(wc -l </tmp/refused.out)" = 1 ]
	grep -Eq "$1" /tmp/refused.out
}

# Two of one VM; which are two of two VMs to the kernel.
locked_twice()
{
	truncate -s 1M /tmp/locked.img
	if "$WHERRY" run --kernel "$LAB_KERNEL" --disk /tmp/locked.img \
		--disk /tmp/locked.img </dev/null >/tmp/refused.out 2>&1; then
		return 1
	fi
	grep 'disk /tmp/locked.img: in use: another VM or --disk has it' \
		/tmp/refused.out
}

bad_disks()
{
	printf x >/tmp/odd.img
	: >/tmp/empty.img
	refused 'opening: No such file.*truncate -s SIZE' /tmp/none.img
	refused 'no multiple of 512; truncate -s %512' /tmp/odd.img
	refused 'it is empty' /tmp/empty.img
	refused 'neither a file nor a block device' /dev/null
	refused 'opened for reading only; open it for both, or add ,ro' fd=9 \
		9</tmp/reboot.img
}

mounted()
{
	refused 'Device or resource busy; unmount it' \
		"$(findmnt -no SOURCE $fs)"
}

no_io_uring()
{
	local r=0

	echo 2 >/proc/sys/kernel/io_uring_disabled
	refused 'io_uring: .*; write 0 to /proc/sys/kernel/io_uring_disabled' \
		/tmp/reboot.img || r=1
	echo 0 >/proc/sys/kernel/io_uring_disabled
	return $r
}

check prepare prepare
check guest-uses-disks uses_disks
check in-order-with-serials in_order
check verify-plain said_good 'verify plain'
check verify-direct said_good 'verify direct'
check verify-queues said_good 'verify queues'
check verify-block-device said_good 'verify loop'
check verify-writethrough said_good writethrough 'verify writethrough'
check ram-is-registered registers_ram
check read-only said_good ro
check discard-gives-space-back is_sparse
check discard-block-device said_good 'trim loop'
check write-zeroes said_good 'zeros plain' 'zeros direct' 'zeros queues' \
	'zeros loop'
check host-errors-reach-the-guest host_error_is_logged
check driver-comes-and-goes-under-load said_good reload
check beside-an-assigned-nvme said_good nvme
check few-system-calls few_calls
check reboot-keeps-data keeps_data
check kill-loses-nothing-flushed nothing_flushed_is_lost
check control-loses-what-is-not not_flushed_is_lost
check refuses-what-is-in-use locked_twice
check refuses-bad-disks bad_disks
check refuses-mounted mounted
check refuses-without-io-uring no_io_uring
finish
