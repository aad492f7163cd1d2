#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The host's own root, shared read-only by an ordinary user, below an overlay: its
# programs run, what they write stays in the guest, what the user may not read is
# not seen. Takes minutes.
# lab-full:
# lab: --kernel any --memory 3G --timeout 900
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"

guests_by_nobody
walk=/usr/share/doc

# What the guest is to find: packages, a repository, links, modes, and two file
# systems of the same kind.
prepare()
{
	local dir

	mkdir -p /tmp/tree/sub /tmp/closed /tmp/deb/DEBIAN /tmp/deb/usr/bin
	(umask 022 && cd /tmp/tree && seq 2000 >numbers && ln -s numbers sym &&
		ln numbers sub/hard && mkfifo pipe && truncate -s 1M holes &&
		cp /usr/bin/id sub && chmod 6755 sub/id && chmod 555 sub)
	chown 12:34 /tmp/tree/holes
	chmod 700 /tmp/closed
	echo secret >/tmp/secret
	chmod 600 /tmp/secret
	for dir in one two; do
		mkdir "/tmp/$dir"
		mount -t tmpfs $dir "/tmp/$dir"
		echo $dir >"/tmp/$dir/file"
	done
	printf '%s\n' 'Package: tool' 'Version: 1' 'Architecture: all' \
		'Maintainer: T <t@example.org>' 'Description: t' \
		>/tmp/deb/DEBIAN/control
	printf '#!/bin/sh\necho a tool\n' >/tmp/deb/usr/bin/tool
	chmod 4755 /tmp/deb/usr/bin/tool
	dpkg-deb --root-owner-group -b /tmp/deb /tmp/tool.deb
	[ ! -x /usr/bin/git ] || (
		export HOME=/tmp
		git config --global user.email t@example.org
		git config --global user.name T
		git config --global safe.directory '*'
		git init -q /tmp/repo
		cd /tmp/repo
		cp -r "$WHERRY_SRC/include" .
		echo some >file
		git add .
		git commit -qm first
	)
	chmod -R a+rX /tmp/repo /tmp/.gitconfig || true
}

# Meanwhile it is looked how many descriptors there are.
overlay()
{
	local pid max=0 now

	prepare >/dev/null
	initrd fs-overlay >/dev/null
	chmod 644 /tmp/fs-overlay.cpio
	append=walk=$walk boots overlay fs-overlay --timeout 800 \
		--memory 768M --share /,tag=host,ro &
	pid=$!
	while kill -0 $pid 2>/dev/null; do
		now=$(find "/proc/$(pgrep -n -x wherry || echo 0)/fd" \
			2>/dev/null | wc -l) || : # it has just ended
		[ "$now" -le "$max" ] || max=$now
		sleep 1
	done
	wait $pid
	echo "$max descriptors"
	echo "$max" >/tmp/descriptors
}

# As the host has it, seen by the same user.
found()
{
	local n

	n=$("${nobody[@]}" find $walk 2>/dev/null | wc -l)
	said overlay "^found $n$"
	n=$(dpkg -l | tail -n +6 | wc -l)
	said overlay "^packages $n$"
	[ "$n" -gt 20 ]
}

few_descriptors()
{
	[ "$(cat /tmp/descriptors)" -gt 20 ]
	[ "$(cat /tmp/descriptors)" -lt 20000 ]
}

check overlay overlay
check as-the-host found
check few-descriptors few_descriptors
check copy passed overlay copy
check install passed overlay dpkg-i
check set-user-id passed overlay set-user-ID
check unreadable passed overlay unreadable unsearchable
check no-proc passed overlay no-proc
check mounts passed overlay mounts
check changes-stay passed overlay removed
if [ -x /usr/bin/git ]; then
	check git passed overlay git commit
else
	skip git 'no git here'
fi
finish
