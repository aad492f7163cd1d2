#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Virtio devices by a real guest's drivers: interrupts of every kind, drivers that
# come and go, reboots.
# lab: --kernel any --arch any --memory 2G
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"

entropy() # NAME WHAT [KERNEL-OPTION]
{
	append=${3-} boots "$1" rng --rng --stats "$LAB_OUT/$1.json"
	said "$1" "^interrupts $2$"
	said "$1" '^pass take$'
	said "$1" '^pass rebind$'
	# Kicks that we had to take would be exits.
	[ "$(stat_of "$LAB_OUT/$1.json" kicks_trapped)" = 0 ]
}

# The control: without the option there is no such device.
no_entropy()
{
	if boots none rng; then
		return 1
	fi
	said none '^no device$'
}

# listed ROW COLUMN: KiB in the manual, which tests/bench/memory measured.
listed()
{
	sed -n "s/^\.It $1 Ta \([0-9]*\) Ta +\([0-9]*\)$/\\$2/p" \
		"$WHERRY_SRC/man/wherry-run.1"
}

own() # NAME WHERRY-OPTION...: KiB
{
	guest "$1" memory --memory 128M --stats "$LAB_OUT/$1.json" "${@:2}" >&2 &&
		stat_of "$LAB_OUT/$1.json" own_pss_kib
}

# Of one guest without options, and one with all of them, which it uses. Half as much
# again as is listed is another host's libraries.
own_memory()
{
	local plain all more=0 row

	"$WHERRY_SRC/tests/lab/mkinitrd" /tmp/memory.cpio \
		"$WHERRY_SRC/tests/bench/guest-memory"
	truncate -s 16M /tmp/own.img
	mkdir -p /tmp/own && head -c 4M /dev/urandom >/tmp/own/file
	plain=$(own own-plain) || return 1
	all=$(own own-all --disk /tmp/own.img --rng --share /tmp/own,tag=data \
		--channel file:/tmp/own.0,name=c0 \
		--channel file:/tmp/own.1,name=c1 \
		--console stdio,device=virtio) || return 1
	for row in disk rng share channel 'console Ar ... , Ns Ar device=virtio'; do
		more=$((more + $(listed "Fl -$row" 2)))
	done
	echo "$plain KiB, with all options $((all - plain)) more;" \
		"listed are $(listed 'none of these' 1) and $more"
	[ "$plain" -gt 1000 ] && [ $((all - plain)) -gt 100 ] &&
		[ "$plain" -lt $(($(listed 'none of these' 1) * 3 / 2)) ] &&
		[ $((all - plain)) -lt $((more * 3 / 2)) ]
}

plan 4
check rng-msix entropy msix msix
check rng-intx entropy intx intx pci=nomsi
check rng-none no_entropy
if [ "$LAB_ARCH" = x86_64 ]; then
	check own-memory own_memory
else
	skip own-memory 'what the manual lists is of x86_64'
fi
