#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# `wherry exec` as its caller sees it: streams, statuses and reasons, each way to
# fail, what stays on the host, kernels of distributions, an assigned NVMe.
# lab: --kernel lts --arch any --memory 3G --device nvme,serial=w0 --timeout 900
# lab-prepare: tests/lab/stock 6.1
# lab-prepare: tests/lab/stock 6.12
# shellcheck disable=SC2016 # what is quoted the guest expands
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"
# shellcheck source=tests/lab/exec.sh
. "$(dirname "$0")/../exec.sh"

stock_kernel() # VERSION
{
	"$WHERRY_SRC/tests/lab/stock" "$1"
}

# says STATUS REGEX OPTION...: no guest, one line.
says()
{
	local want=$1 text=$2 got=0

	shift 2
	"$WHERRY" exec "$@" >/tmp/says.out 2>/tmp/says.err </dev/null || got=$?
	cat /tmp/says.out /tmp/says.err
	[ "$got" = "$want" ] && [ ! -s /tmp/says.out ] &&
		[ "$(wc -l </tmp/says.err)" = 1 ] &&
		grep -Eq -- "$text" /tmp/says.err
}

wrong_lines()
{
	truncate -s 1M /tmp/nothing.img
	printf 'QFI\373' >/tmp/cow.img
	says 2 'use --guest-log' --console stdio -- true
	says 2 'leave it out' --initrd /tmp/x -- true
	says 2 'did you mean --rw' --rww . -- true
	says 2 'NAME=VALUE' --env FOO -- true
	says 125 'name a directory' --kernel "$LAB_KERNEL" --rw /etc/passwd -- true
	says 125 'ls /lib/modules' --kernel 1.2.3-none -- true
	says 125 'name a directory, or an image' --root /tmp/none -- true
	says 125 'image of ext4' --root /tmp/nothing.img -- true
	says 125 'qemu-img convert' --root /tmp/cow.img -- true
	says 125 'from / on' --kernel "$LAB_KERNEL" --root /usr --cwd x -- true
}

# Debian 12: everything that is needed is a module. A status like one of ours.
stock_pipe()
{
	mkdir /tmp/tree && cd /tmp/tree && touch one two
	tar c . | ends stock-pipe 126 exited --kernel "$(stock_kernel 6.1)" \
		--stats "$LAB_OUT/stats.json" -- sh -c \
		'tar t; uname -r >&2; lsmod | grep -c . >&2; exit 126'
	[ "$(sort "$LAB_OUT/stock-pipe.out" | tr '\n' ' ')" = './ ./one ./two ' ]
	grep -q '^6\.1\.' "$LAB_OUT/stock-pipe.err"
	for stage in plan initramfs run guest-kernel guest-init guest-modules \
		guest-ports guest-root guest-start guest-end drained ended; do
		grep -q "\"name\": \"$stage\"" "$LAB_OUT/stats.json"
	done
}

# Debian 13: the host's device, by a driver of its own modules.
stock_device()
{
	"$WHERRY" bind "$(device 0)" >/dev/null
	ends stock-device 255 exited --kernel "$(stock_kernel 6.12)" \
		--device "$(device 0)" -- sh -c 'uname -r; modprobe nvme
		for i in $(seq 200); do [ -b /dev/nvme0n1 ] && break; sleep 0.1; done
		dd if=/dev/nvme0n1 of=/dev/null bs=4k count=100 2>&1
		cat /sys/class/nvme/nvme0/serial; exit 255' </dev/null
	said stock-device '^6\.12\.'
	said stock-device '^100\+0 records in'
	said stock-device '^w0 *$'
}

# An image's file system is a module, too, and that has one which it only asks for.
image_root()
{
	mkdir -p /tmp/image/bin /tmp/image/etc
	cp "$(command -v busybox)" /tmp/image/bin/busybox
	echo inside >/tmp/image/etc/name
	truncate -s 64M /tmp/root.img
	mke2fs -q -t ext4 -d /tmp/image /tmp/root.img
	sha256sum /tmp/root.img >/tmp/root.sum
	ends image 0 exited --kernel "$(stock_kernel 6.1)" --root /tmp/root.img -- \
		/bin/busybox sh -c '/bin/busybox cat /etc/name
		echo changed >/etc/name && /bin/busybox cat /etc/name
		/bin/busybox grep " / " /proc/mounts' </dev/null
	said image '^inside$' && said image '^changed$' && said image '^root / overlay'
	sha256sum -c --quiet /tmp/root.sum
}

# A module that its kernel will not have, in the place of one that is needed: where
# its lack is felt it is named.
refused_module()
{
	local dir

	dir=$(echo "$(dirname "$(stock_kernel 6.1)")"/lib/modules/*/kernel)
	mount --bind "$dir/drivers/cpufreq/pcc-cpufreq.ko" "$dir/fs/fuse/virtiofs.ko"
	ends refused 125 guest-setup --kernel "$(stock_kernel 6.1)" -- true </dev/null
	complains refused 'has refused virtiofs.ko.: No such device'
}

# A kernel that tells nothing of what it has: the guest finds out.
no_file_system()
{
	ends no-fs 125 guest-setup --append initcall_blacklist=virtio_fs_init -- \
		true </dev/null
	complains no-fs 'No such device; its kernel has no such file system'
}

by_signal()
{
	ends signal 137 signal -- sh -c 'kill -9 $$' </dev/null
	grep -q '"signal": 9' "$LAB_OUT/signal.json"
}

not_found()
{
	ends not-found 127 not-found -- /nowhere/none </dev/null
	complains not-found '/nowhere/none: No such file'
	[ "$(wc -l <"$LAB_OUT/not-found.err")" = 1 ]
}

cannot_run()
{
	ends cannot-run 126 cannot-run -- /etc/passwd </dev/null
	complains cannot-run '/etc/passwd: Permission denied'
}

# Early panics of a stock kernel have no pvpanic: its console tells.
crash() # KERNEL
{
	ends crash 123 crashed --kernel "$1" -- sh -c \
		'echo 1 >/proc/sys/kernel/sysrq; echo c >/proc/sysrq-trigger; sleep 1000' \
		</dev/null
	complains crash 'sysrq triggered crash'
	grep -q '^guest: .*sysrq' "$LAB_OUT/crash.err"
}

no_init() # KERNEL
{
	ends no-init 122 boot-failed --kernel "$1" --append rdinit=/none -- true </dev/null
	complains no-init 'before it could run the command: Kernel panic'
}

# One of which the kernel unpacks nothing, as of one that is damaged.
bad_initrd()
{
	ends bad-initrd 122 boot-failed --kernel "$(stock_kernel 6.12)" \
		--append initcall_blacklist=populate_rootfs -- true </dev/null
	complains bad-initrd 'before it could run the command: Kernel panic'
}

out_of_memory()
{
	ends oom 120 out-of-memory --memory 160M -- tail /dev/zero </dev/null
	complains oom 'give it more --memory'
}

times_out()
{
	ends timeout 124 timeout --timeout 15 --stats /dev/full -- sleep 1000 </dev/null
	# A device as that file is no end of wherry's.
	complains timeout '/dev/full: cannot write the statistics: No space left'
}

# Its init is frozen with the rest: nothing answers, and nothing is busy.
hangs()
{
	ends hang 121 hang --watchdog 30 --append loglevel=7 -- sh -c '
		mkdir /sys/fs/cgroup/ice && echo 1 >/sys/fs/cgroup/ice/cgroup.procs &&
		echo 1 >/sys/fs/cgroup/ice/cgroup.freeze; sleep 1000' </dev/null
	complains hang 'the guest hangs'
}

# What could be left behind.
things()
{
	ls -A /tmp /dev/shm
	cat /proc/mounts
	pgrep -x wherry || true
}

# ready_then NAME SIGNAL STATUS OPTION...: a signal while the command runs.
ready_then()
{
	local name=$1 sig=$2 want=$3 words got=0 since

	shift 3
	exec_words "$@"
	things >"$LAB_OUT/things"
	env --default-signal=INT "${words[@]}" -- sh -c 'echo ready; sleep 1000' \
		</dev/null >"$LAB_OUT/$name.out" 2>"$LAB_OUT/$name.err" &
	wait_for "$name" ready || wait_for "$name" ready
	since=$SECONDS
	kill "-$sig" $!
	wait $! || got=$?
	[ "$got" = "$want" ] || echo "status $got"
	[ $((SECONDS - since)) -lt 10 ] || echo "took $((SECONDS - since)) s"
	[ "$got" = "$want" ] && [ $((SECONDS - since)) -lt 10 ]
	things | diff "$LAB_OUT/things" -
}

interrupted()
{
	ready_then interrupted INT 130 --device "$(device 0)"
}

# The device is free again: with the process it is given back.
killed()
{
	ready_then killed KILL 137 --device "$(device 0)"
}

broken_pipe()
{
	local words

	exec_words -- yes
	{
		"${words[@]}" </dev/null 2>"$LAB_OUT/pipe.err" ||
			echo $? >"$LAB_OUT/pipe.status"
	} | head -n 1000 >"$LAB_OUT/pipe.out"
	cat "$LAB_OUT/pipe.status" "$LAB_OUT/pipe.err"
	[ "$(sort "$LAB_OUT/pipe.out" | uniq -c | tr -s ' ')" = ' 1000 y' ]
	[ "$(cat "$LAB_OUT/pipe.status")" = 141 ]
}

# What is to stay stays: twice, in two guests, one after the other.
kept()
{
	mkdir -p /tmp/kept/rw /tmp/kept/upper && cd /tmp/kept/rw
	exec_words --rw . --overlay ../upper --repeat 2 -- sh -c \
		'echo run >>log; cat /etc/world 2>/dev/null; echo kept >>/etc/world; echo gone >/tmp/gone'
	"${words[@]}" </dev/null >"$LAB_OUT/kept.out" 2>"$LAB_OUT/kept.err" ||
		{ cat "$LAB_OUT/kept.err"; return 1; }
	[ "$(cat log)" = "$(printf 'run\nrun')" ]
	[ "$(cat "$LAB_OUT/kept.out")" = kept ]
	grep -q '^wherry: 2 runs, 0 failed' "$LAB_OUT/kept.err"
	[ ! -e /etc/world ] && [ ! -e /tmp/gone ]
}

# By an ordinary user, two at once; in the guest it is root, on the host it is not.
ordinary()
{
	local words pids=() i

	guests_by_nobody
	(umask 077 && echo secret >/var/tmp/secret)
	mkdir -m 777 /tmp/theirs && cd /tmp/theirs
	exec_words --kernel "$guest_kernel" --rw . -- sh -c \
		'id -u; echo x >file.$1; cat /var/tmp/secret' sh
	for i in 1 2; do
		"${nobody[@]}" "${words[@]}" "$i" </dev/null \
			>"$LAB_OUT/user$i.out" 2>"$LAB_OUT/user$i.err" &
		pids+=($!)
	done
	for i in 1 2; do
		wait "${pids[$((i - 1))]}" || true
		cat "$LAB_OUT/user$i.err"
		said "user$i" '^0$'
		grep -q 'secret: Permission denied' "$LAB_OUT/user$i.err"
		[ "$(stat -c %u "file.$i")" = 65534 ]
	done
}

check wrong-lines wrong_lines
check stock-6.1-pipe stock_pipe
check stock-6.12-device stock_device
check image-root image_root
check signal by_signal
check not-found not_found
check oom out_of_memory
check timeout times_out
check hang hangs
check interrupted interrupted
check killed killed
check broken-pipe broken_pipe
check ordinary-user ordinary
check kept kept
if full; then
	check crash crash "$(stock_kernel 6.1)"
	check no-init no_init "$(stock_kernel 6.12)"
	check bad-initrd bad_initrd
	if [ "$LAB_ARCH" = x86_64 ]; then
		check refused-module refused_module
	else
		skip refused-module 'no module of this kernel refuses on any machine'
	fi
	check cannot-run cannot_run
	check no-file-system no_file_system
else
	check crash crash "$LAB_KERNEL"
	check no-init no_init "$LAB_KERNEL"
fi
finish
