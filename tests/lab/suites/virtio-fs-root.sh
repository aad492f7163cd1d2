#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Shared directories as what programs take a root for, by an ordinary user: the
# answers of a table of calls and random changes of a file are those of a tmpfs.
# lab: --kernel any --arch any --memory 2G
# lab-prepare: tests/lab/build programs/posix.c
# lab-prepare: tests/lab/build programs/fsx.c
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"

# shellcheck disable=SC2034 # for guest
as=(setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all)
build=$WHERRY_SRC/tests/lab/build
programs=(--file "$("$build" programs/posix.c):/posix"
	--file "$("$build" programs/fsx.c):/fsx")
chmod 666 /dev/kvm
# The cache may lie in a directory that only its owner can enter.
cp "$LAB_KERNEL" /tmp/kernel
cp "$WHERRY" /tmp/wherry
chmod 755 /tmp/kernel /tmp/wherry
guest_kernel=/tmp/kernel WHERRY=/tmp/wherry

# passed NAME THING...
passed()
{
	local name=$1 thing

	shift
	for thing; do
		said "$name" "^pass $thing$" || {
			echo "$name: not $thing"
			tr -d '\r' <"$LAB_OUT/$name.out" | tail -n 60
			return 1
		}
	done
}

table()
{
	local how options=()

	for how in $ways; do
		install -d -o 65534 -g 65534 "/tmp/$how"
		options+=(--share "/tmp/$how,tag=$how,cache=$how")
	done
	initrd fs-posix "${programs[@]}" >/dev/null
	chmod 644 /tmp/fs-posix.cpio
	append="shares=${ways// /,} ops=$1"
	boots table fs-posix --timeout 600 --memory 256M "${options[@]}"
}

ops=1000 ways='none auto always'
[ -z "${LAB_BRIEF:-}" ] || ops=100 ways='none always'
check table table $ops
# lab-ids: posix-cache-none posix-cache-auto posix-cache-always
# lab-ids: fsx-cache-none fsx-cache-auto fsx-cache-always
for how in $ways; do
	check "posix-cache-$how" passed table "posix-$how"
	check "fsx-cache-$how" passed table "fsx-$how"
done
finish
