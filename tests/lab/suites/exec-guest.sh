#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What a command finds in the guest of `wherry exec`: its arguments and streams, a
# root that it may do with as it likes, and what of all that reaches the host.
# lab: --kernel any --arch any --memory 3G --timeout 900
# shellcheck disable=SC2016 # what is quoted the guest expands
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"
# shellcheck source=tests/lab/exec.sh
. "$(dirname "$0")/../exec.sh"

# On Arm two machines are emulated, one in the other: bytes are slower by far.
much=100
[ "$LAB_ARCH" = x86_64 ] || much=10
full || much=4

# Bytes of all values, through all three streams at once.
streams()
{
	local sum

	head -c "${much}M" /dev/urandom >/tmp/bytes
	sum=$(sha256sum </tmp/bytes)
	runs streams -- tee /dev/stderr </tmp/bytes || show streams
	[ "$(sha256sum <"$LAB_OUT/streams.out")" = "$sum" ]
	[ "$(sha256sum <"$LAB_OUT/streams.err")" = "$sum" ]
	rm "$LAB_OUT"/streams.*
}

repository()
{
	mkdir /tmp/repo && cd /tmp/repo && git init -q . || return 1
	echo 1 >changed && echo 1 >same && git add . &&
		git -c user.name=x -c user.email=x@example.org commit -qm x &&
		echo 2 >changed && echo 3 >new
}

package()
{
	mkdir -p /tmp/deb/DEBIAN /tmp/deb/usr/share &&
		echo carried >/tmp/deb/usr/share/world-package &&
		printf '%s: %s\n' Package world Version 1 Architecture all \
			Maintainer 'x <x@example.org>' Description x \
			>/tmp/deb/DEBIAN/control &&
		dpkg-deb -b /tmp/deb /tmp/world.deb >/dev/null
}

world()
{
	local long deb=

	repository
	if full; then
		package
		deb=/tmp/world.deb
	fi
	cd /tmp/repo
	long=$(printf '%120000s' x)
	umask 027
	ulimit -t 4321
	ulimit -f 4194304
	(umask 022 && mkdir -p /tmp/home)
	WORLD=$'one\ntwo' DEB=$deb runs world --name boat --timeout 500 \
		--root /,cache=always -- sh "$guests/exec-world" "$long" "$long" '' \
		4 5 6 7 8 9 10 11 12 13 14 </dev/null || show world
}

# world_has ID THING...: of what exec-world said.
world_has()
{
	local id=$1 thing

	shift
	for thing; do
		said world "^pass $thing$" || {
			not_ok "$id" "$thing"
			diag <"$LAB_OUT/world.out"
			return
		}
	done
	ok "$id"
}

# The host's own files are as they were, with the repository that the guest was in.
host_kept()
{
	[ ! -e /tmp/x.world ] && [ ! -e /run/x ]
	[ ! -e /usr/share/world-package ] && [ -e /etc/shells ]
	[ "$(cat /tmp/repo/changed)" = 2 ]
}

ordinary_user()
{
	mkdir /tmp/writable && chmod 777 /tmp/writable
	runs user --user nobody --rw /tmp/writable --cwd /tmp/writable -- sh -c \
		'id -un; echo "$HOME $USER"; id -Gn; echo 1 2>/dev/null >/etc/world || echo refused
		echo out >/dev/stdout; echo err >/dev/stderr; echo mine >file; sed -n "s/^Cap[EPI].*:\t//p" /proc/self/status | sort -u' \
		</dev/null || show user
	diff - "$LAB_OUT/user.out" <<-'END'
		nobody
		/nonexistent nobody
		nogroup
		refused
		out
		0000000000000000
	END
	[ "$(cat "$LAB_OUT/user.err")" = err ]
	[ "$(cat /tmp/writable/file)" = mine ]
}

# What is closed here is closed there, and /dev/null is /dev/null.
closed_streams()
{
	local words

	exec_words -- sh -c '[ ! -e /proc/$$/fd/0 ] && echo closed >&2
		[ /proc/$$/fd/1 -ef /dev/null ] && echo null >&2'
	"${words[@]}" <&- 2>"$LAB_OUT/closed.err" >/dev/null
	[ "$(cat "$LAB_OUT/closed.err")" = "$(printf 'closed\nnull')" ]
}

# A root of nothing but busybox, with what a guest could stumble over.
scratch_root()
{
	local root=/tmp/scratch

	mkdir -p $root/bin $root/sub/deep $root/tmp
	cp "$(command -v busybox)" $root/bin/busybox
	ln -s busybox $root/bin/sh
	ln -s /nowhere/at/all $root/proc
	ln -s ../../../../../etc $root/sys
	ln -s dev $root/dev
	ln -s run/../run $root/run
	ln -s /proc/1/root/etc $root/etc
	ln -s ../../../../../../tmp/outside $root/escape
	echo outside >/tmp/outside
	echo kept >$root/sub/deep/file
	chmod 600 $root/sub/deep/file
}

listing()
{
	find /tmp/scratch /tmp/outside -printf '%p %y %m %u %s %T@ %l\n' | sort
	find /tmp/scratch /tmp/outside -type f -exec sha256sum {} + | sort
}

hostile_root()
{
	scratch_root
	listing >/tmp/before
	runs hostile --root /tmp/scratch --cwd / -- /bin/busybox sh -c '
		/bin/busybox ls -d /proc/1 /sys/class /dev/null /run
		echo changed >/escape || echo no-escape
		/bin/busybox cat /etc/hostname /escape || echo nothing-there' \
		</dev/null || show hostile
	grep -qx /sys/class "$LAB_OUT/hostile.out"
	grep -qx /proc/1 "$LAB_OUT/hostile.out"
	grep -qx /dev/null "$LAB_OUT/hostile.out"
	grep -qx outside /tmp/outside
	listing | diff /tmp/before -
}

# All that can be removed is, in the guest.
remove_all()
{
	runs remove --root /tmp/scratch --cwd / -- /bin/busybox sh -c '
		/bin/busybox rm -rf /* 2>/dev/null; set -- /*; echo "$*"' \
		</dev/null || show remove
	# What is left is mounted.
	[ -s "$LAB_OUT/remove.out" ]
	if grep -E '/(bin|sub|etc|escape)( |$)' "$LAB_OUT/remove.out"; then
		return 1
	fi
	listing | diff /tmp/before -
}

# Of a terminal here one there, of the same size; Ctrl-C is the command's.
terminal()
{
	local words line

	exec_words -- sh -c 'tty; stty size; test -t 2 && echo all
		trap "echo caught; exit 3" INT; echo ready; read x; exit 4'
	printf -v line '%q ' "${words[@]}"
	echo "stty rows 33 cols 101; $line; echo status \$?" >/tmp/terminal
	: >"$LAB_OUT/terminal.out"
	{
		wait_for terminal '^ready' || wait_for terminal '^ready'
		printf '\003'
		wait_for terminal '^status'
	} 2>&1 | script -qec 'bash /tmp/terminal' /dev/null \
		>>"$LAB_OUT/terminal.out" 2>&1
	cat "$LAB_OUT/terminal.out"
	said terminal '^/dev/pts/0$' && said terminal '^33 101$' &&
		said terminal '^all$' && said terminal 'caught' &&
		said terminal '^status 3$'
}

check streams streams
check world world
# lab-ids: arguments surroundings setuid git-status overlay dpkg orphans
world_has arguments arguments
world_has surroundings environment surroundings devices loopback
world_has setuid setuid
world_has git-status repository
world_has overlay overlay
! full || world_has dpkg package
world_has orphans orphans
check host-unchanged host_kept
check user ordinary_user
check closed-streams closed_streams
check terminal terminal
check hostile-root hostile_root
check remove-all remove_all
finish
