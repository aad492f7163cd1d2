#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The examples of wherry-run(1) that have virtio devices, as they are written there.
# lab: --kernel any --timeout 600
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"
# shellcheck source=tests/lab/examples.sh
. "$(dirname "$0")/../examples.sh"

# What the examples name.
prepare()
{
	initrd examples >/dev/null
	mkdir -p /tmp/here/root /tmp/srv/data /tmp/srv/guest /run/user/1000
	cd /tmp/here
	(cd root && cpio -idm --quiet </tmp/examples.cpio)
	mkdir -p root/sbin root/data
	mv root/init root/sbin/init
	cp -a root/. /tmp/srv/guest
	echo 'hello, guest' >/tmp/srv/data/hello
	mount --bind /tmp/srv /srv
	ln -s "$LAB_KERNEL" vmlinuz
	ln -s /tmp/examples.cpio initrd.img
	truncate -s 4M tools.img
	mkdir bin
	ln -s "$WHERRY" bin/wherry
	examples_of wherry-run.1 '^[$] ' 'wherry run' \
		'--(disk|share|channel|rng)|device=virtio'
	ls example*
}

# runs N: the guest has what the example gives it, and powers off.
runs()
{
	local out=$LAB_OUT/example$1.out

	cd /tmp/here
	cat "example$1"
	PATH=$PWD/bin:$PATH:/sbin:/usr/sbin timeout 240 bash "./example$1" \
		</dev/null >"$out" 2>&1 || {
		tail -n 12 "$out"
		return 1
	}
	grep '^has \|^root ' "$out"
	gives "$1" --disk '^has vda'
	gives "$1" serial=root '^has vda root'
	gives "$1" device=virtio '^has hvc0'
	gives "$1" name=org.example.agent '^has .*org.example.agent'
	gives "$1" --rng '^has rng'
	gives "$1" tag=data '^has share hello, guest'
	gives "$1" root=os '^root is virtiofs'
	gives "$1" root=/dev/vda '^root is ext4'
}

# gives N WORD REGEX: where the example has the word, the guest's output matches.
gives()
{
	! grep -q -e "$2" "/tmp/here/example$1" ||
		tr -d '\r' <"$LAB_OUT/example$1.out" | grep -q -e "$3"
}

all_options()
{
	local word

	cd /tmp/here
	for word in --disk --share --channel --rng device=virtio; do
		grep -q -e "$word" example*
	done
}

check prepare prepare
check example-of-each-option all_options
# lab-ids: example-1-runs example-2-runs example-3-runs example-4-runs
for file in /tmp/here/example*; do
	n=${file##*example}
	check "example-$n-runs" runs "$n"
done
finish
