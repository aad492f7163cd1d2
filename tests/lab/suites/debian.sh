#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A real distribution, its root on the NVMe that it owns: Debian's kernel, initrd
# and systemd reach their normal state, its tools work on the disk, it reboots, is
# there again and powers off.
# lab-seconds: 270
# lab: --kernel lts --memory 3G --cpus 1 --timeout 900
# lab: --device nvme,serial=root,lab-file=debian/bookworm/disk.img
# lab-prepare: tests/lab/debian bookworm
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"

bdf=$(device 0)
disk=/dev/nvme0n1
dir=$("$WHERRY_SRC/tests/lab/debian" bookworm)

# What the guest is to do once it is up, in its first life and in its second; what
# it says is kept on its disk, too.
install()
{
	mkdir -p /tmp/root
	mount $disk /tmp/root
	cat >/tmp/root/usr/local/sbin/lab <<-'END'
		#!/bin/bash
		exec > >(tee -a /said >/dev/console) 2>&1
		echo life >>/lives
		life=$(wc -l </lives)
		echo "LIFE $life STATE $(systemctl is-system-running --wait)"
		systemctl --failed --no-legend
		[ "$life" = 1 ] || exec systemctl poweroff
		nvme list | grep root && echo LISTED
		nvme id-ctrl /dev/nvme0 | grep -q '^sn .*root' && echo IDENTIFIED
		nvme smart-log /dev/nvme0 | grep -q '^critical_warning' &&
			echo HEALTHY
		fio --name=v --filename=/var/tmp/fio --size=2M --rw=randwrite \
			--bs=4k --verify=crc32c --direct=1 --ioengine=libaio \
			--iodepth=8 | grep -E 'err=|WRITE|READ'
		echo FIO "${PIPESTATUS[0]}"
		systemctl reboot
	END
	chmod 755 /tmp/root/usr/local/sbin/lab
	cat >/tmp/root/etc/systemd/system/lab.service <<-'END'
		[Service]
		Type=exec
		ExecStart=/usr/local/sbin/lab
	END
	ln -s ../lab.service \
		/tmp/root/etc/systemd/system/multi-user.target.wants/
	umount /tmp/root
}

run_debian()
{
	"$WHERRY" bind "$bdf"
	"$WHERRY" run --kernel "$dir/vmlinuz" --initrd "$dir/initrd.img" \
		--append "root=$disk ro console=ttyS0 panic=-1 quiet mitigations=off cryptomgr.notests 8250.nr_uarts=1" \
		--memory 512M --device "$bdf" --timeout 600 \
		--result "$LAB_OUT/result.json" \
		--stats "$LAB_OUT/stats.json" </dev/null \
		>"$LAB_OUT/debian.out" 2>&1
	grep '"reason": *"poweroff"' "$LAB_OUT/result.json"
}

rebooted()
{
	said debian 'LIFE 2 STATE running$'
	[ "$(stat_of "$LAB_OUT/stats.json" reboots)" = 1 ]
}

# The file system was left clean, without any fault, and holds what the guest
# said.
disk_is_clean()
{
	local i

	"$WHERRY" unbind "$bdf"
	for ((i = 0; i < 50; i++)); do
		[ ! -b $disk ] || break
		sleep 0.1
	done
	/sbin/dumpe2fs -h $disk 2>/dev/null | grep '^Filesystem state: *clean'
	/sbin/e2fsck -f -n $disk
	mount -o ro $disk /tmp/root
	grep '^FIO 0' /tmp/root/said
	[ "$(wc -l </tmp/root/lives)" = 2 ]
	umount /tmp/root
}

check install install
check poweroff run_debian
# The prompt of its console may stand before a word.
check running said debian 'LIFE 1 STATE running$'
check nvme-list said debian 'LISTED$'
check nvme-id-ctrl said debian 'IDENTIFIED$'
check nvme-smart-log said debian 'HEALTHY$'
check fio-verify said debian 'FIO 0$'
check reboot rebooted
check disk-is-clean disk_is_clean
finish
