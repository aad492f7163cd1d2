#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Shared directories as what programs take a root for, by an ordinary user: the
# answers of a table of calls and random changes of a file are those of a tmpfs,
# and as the root of distributions' kernels, too.
# lab-seconds: 150
# lab: --kernel any --arch any --memory 3G --timeout 900
# lab-prepare: tests/lab/build programs/posix.c
# lab-prepare: tests/lab/build programs/fsx.c
# lab-prepare: tests/lab/stock 6.1
# lab-prepare: tests/lab/stock 6.12
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"

guests_by_nobody
build=$WHERRY_SRC/tests/lab/build
programs=(--file "$("$build" programs/posix.c):/posix"
	--file "$("$build" programs/fsx.c):/fsx")

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

# modules RELEASE DIRECTORY: as options of initrd, those that a share takes,
# in the order of their needs; none for what is built in.
modules()
{
	local n=10 name module

	for module in $(for name in virtio_pci virtiofs; do
		modprobe --dirname "$2" --set-version "$1" --show-depends $name
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }'); do
		name=$n-$(basename "$module" .xz)
		n=$((n + 1))
		cp "$module" "/tmp/$name"
		if [[ $module == *.xz ]]; then
			xz -dc "$module" >"/tmp/$name"
		fi
		printf '%s\n' --file "/tmp/$name:/modules/$name"
	done
}

# stock VERSION: its modules are in the initrd, a tree is in the share.
stock()
{
	local image dir files

	image=$("$WHERRY_SRC/tests/lab/stock" "$1")
	dir=$(dirname "$image")
	cp "$image" "/tmp/stock-$1"
	mapfile -t files < <(modules "$(cd "$dir/lib/modules" && echo *)" "$dir")
	initrd fs-stock "${files[@]}" >/dev/null
	chmod 644 /tmp/fs-stock.cpio "/tmp/stock-$1"
	rm -rf /tmp/os
	mkdir -p /tmp/os/{proc,sys,dev,tmp,root}
	(cd /tmp/os && cpio -idm --quiet </tmp/fs-posix.cpio)
	chroot /tmp/os /bin/busybox --install -s /bin
	chown -hR 65534:65534 /tmp/os
	append="shares=root ops=$ops" guest_kernel=/tmp/stock-$1 \
		boots "stock-$1" fs-stock --timeout 600 --memory 256M \
		--share /tmp/os,tag=os
	passed "stock-$1" root posix-root fsx-root
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
# Debian's kernels, which cache as "auto" does.
check debian-6.12 stock 6.12
[ -n "${LAB_BRIEF:-}" ] || check debian-6.1 stock 6.1
finish
