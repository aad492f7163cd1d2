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

none()
{
	"$WHERRY" run --kernel "$LAB_KERNEL" --share /tmp/none,tag=x \
		2>/tmp/said </dev/null && return 1
	grep -q 'No such file or directory; name a directory' /tmp/said
}

plan 9
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
check fs-no-directory none
