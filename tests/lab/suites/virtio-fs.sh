#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Shared directories by a real guest's driver: as data, as its root, under each way
# to cache, and while the driver comes and goes.
# lab-seconds: 180
# lab: --kernel any --arch any --memory 2G
# lab-x86_64: --cpus 1
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"

# A directory for the guest to write to.
fresh() # NAME
{
	rm -rf "/tmp/$1"
	mkdir "/tmp/$1"
	echo 'hello, guest' >"/tmp/$1/hello"
}

all_of() # NAME THING...
{
	local name=$1 thing
	shift
	for thing; do
		said "$name" "^pass $thing$" || {
			diag "$name: not $thing"
			return 1
		}
	done
}

shares()
{
	fresh data
	mkdir -p /tmp/data/many /tmp/more
	(cd /tmp/data/many && seq -f entry%.0f 0 99999 | xargs touch)
	echo 99999 >/tmp/data/many/entry99999
	echo kept >/tmp/more/file
	append='share=many,more,rebind,root' boots shares share --memory 512M \
		--share /tmp/data,tag=data --share /tmp/more,tag=more,ro \
		--share /,tag=root,ro --stats "$LAB_OUT/shares.json" || return 1
	grep -qx 'from the guest' /tmp/data/new
	[ "$(stat -c %U /tmp/data/new)" = "$(id -un)" ]
}

# Each way to cache, with the sandbox that insists on Landlock.
cached() # HOW
{
	fresh data
	append='share=' boots "cache-$1" share \
		--share "/tmp/data,tag=data,cache=$1" --sandbox strict || return 1
	all_of "cache-$1" files contents
}

# No initrd: the kernel finds its root by the tag.
root()
{
	initrd share >/dev/null
	fresh root
	(cd /tmp/root && cpio -idm --quiet </tmp/share.cpio && mkdir -p share data proc sys dev tmp) ||
		return 1
	cp /tmp/root/hello /tmp/root/share
	"$WHERRY" run --kernel "$LAB_KERNEL" --timeout 240 \
		--append 'console=ttyS0 quiet panic=-1 root=os rootfstype=virtiofs rw init=/init share=isroot' \
		--share /tmp/root,tag=os,cache=always </dev/null \
		>"$LAB_OUT/root.out" 2>"$LAB_OUT/root.err" || return 1
	all_of root root files contents && said root '^GUEST-STATUS 0$'
}

# Small reads, one at a time: a wait that the kick ends, the read, an interrupt. Who
# mounts and looks up takes some more.
few_calls()
{
	local event=/sys/kernel/tracing/events/raw_syscalls/sys_enter
	local hist='hist:keys=common_pid if comm == "calls"' calls requests

	fresh calls
	head -c 2M /dev/zero >/tmp/calls/file
	[ -d $event ] || mount -t tracefs tracefs /sys/kernel/tracing
	echo "$hist" >$event/trigger
	boots calls share-calls --share /tmp/calls,tag=calls \
		--stats "$LAB_OUT/calls.json" || return 1
	calls=$(sed -n 's/^ *Hits: //p' $event/hist)
	echo "!$hist" >$event/trigger
	requests=$(stat_of "$LAB_OUT/calls.json" requests)
	echo "$calls system calls for $requests requests"
	[ "$requests" -ge 500 ] && [ $((calls * 10)) -ge $((requests * 25)) ] &&
		[ $((calls * 10)) -lt $((requests * 35)) ]
}

none()
{
	"$WHERRY" run --kernel "$LAB_KERNEL" --share /tmp/none,tag=x \
		2>/tmp/said </dev/null && return 1
	grep -q 'No such file or directory; name a directory' /tmp/said
}

plan 10
check fs-shares shares
check fs-read-only all_of shares read-only
check fs-many all_of shares many
if [ -x /usr/bin/cc ]; then
	check fs-compile all_of shares compile
else
	skip fs-compile 'no compiler here'
fi
check fs-rebind all_of shares rebind
check fs-cache-none cached none
check fs-cache-always cached always
check fs-root root
check fs-few-calls few_calls
check fs-no-directory none
