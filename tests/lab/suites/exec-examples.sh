#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The examples of wherry-exec(1), as they are written there but for the device's
# address. What they name stands in for the real thing: a build tree of an image, a
# debootstrap that makes a small root.
# lab: --kernel lts --memory 3G --device nvme,serial=w0 --timeout 900
# lab-seconds: 100
# shellcheck disable=SC2016 # what is quoted others expand
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"
# shellcheck source=tests/lab/examples.sh
. "$(dirname "$0")/../examples.sh"

here=/tmp/here

# stub NAME LINE...: a program of that name, before all others.
stub()
{
	local name=$1

	shift
	printf '%s\n' '#!/bin/sh' "$@" >"/tmp/bin/$name"
	chmod 755 "/tmp/bin/$name"
}

# What the examples name.
prepare()
{
	mkdir -p /tmp/bin $here/arch/x86/boot \
		$here/tools/testing/selftests/timers
	ln -s "$WHERRY" /tmp/bin/wherry
	ln -s "$LAB_KERNEL" $here/arch/x86/boot/bzImage
	printf '%s\n' '#!/bin/sh' 'echo "ok on $(uname -r)"' \
		>$here/tools/testing/selftests/timers/posix_timers
	chmod 755 $here/tools/testing/selftests/timers/posix_timers
	printf 'all:\ncheck:\n\techo checked >log\n' >$here/Makefile
	# The running kernel's image is where distributions have it.
	mount -t tmpfs boot /boot
	cp "$LAB_KERNEL" "/boot/vmlinuz-$LAB_KVER"
	mount -t tmpfs srv /srv
	# shellcheck disable=SC2016 # the stub expands it
	stub debootstrap 'mkdir -p "$2/bin" "$2/etc"' \
		"cp $(command -v busybox) \"\$2/bin/cat\"" \
		'echo 13.0 >"$2/etc/debian_version"'
	cd $here
	examples_of wherry-exec.1 'wherry exec'
	sed -i "s/3b:00\.0/$(device 0)/; s/alice/root/" example*
	ls example*
}

# runs N: it succeeds.
runs()
{
	cd $here
	cat "example$1"
	PATH=/tmp/bin:$PATH:/sbin:/usr/sbin timeout 400 bash "./example$1" </dev/null \
		>"$LAB_OUT/example$1.out" 2>"$LAB_OUT/example$1.err" || {
		tail -n 20 "$LAB_OUT/example$1.out" "$LAB_OUT/example$1.err"
		return 1
	}
	cat "$LAB_OUT/example$1.out" "$LAB_OUT/example$1.err"
	gives "$1" uname "^$LAB_KVER\$"
	gives "$1" posix_timers "^ok on $LAB_KVER\$"
	gives "$1" --device '^1000\+0 records in'
	gives "$1" 'tar t' '^\./Makefile$'
	gives "$1" debian_version '^13\.0$'
	# What it writes is the host's.
	! grep -q -e '--rw' "example$1" ||
		{ [ "$(cat log)" = checked ] && grep -q '"exited"' result.json; }
}

# gives N WORD REGEX: where the example has the word, the output matches.
gives()
{
	! grep -q -e "$2" "$here/example$1" ||
		cat "$LAB_OUT/example$1".{out,err} | grep -Eq -e "$3"
}

# None is missed, and each of what is looked for is in one.
all_of_them()
{
	local word files

	cd $here
	files=(example*)
	[ ${#files[@]} = "$(sed -n '/^\.Sh EXAMPLES/,$s/^\.Bd/&/p' \
		"$WHERRY_SRC/man/wherry-exec.1" | wc -l)" ]
	for word in uname posix_timers --device 'tar t' debian_version --rw; do
		grep -q -e "$word" example*
	done
}

check prepare prepare
check all-of-them all_of_them
# lab-ids: example-1-runs example-2-runs example-3-runs example-4-runs example-5-runs
for file in "$here"/example*; do
	n=${file##*example}
	check "example-$n-runs" runs "$n"
done
finish
