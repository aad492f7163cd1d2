#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# `wherry exec` again and again: commands with known results, each in a guest of its
# own, one after the other and four at once. All of it is a hundred boots in a row,
# a quarter of an hour; CI has a handful.
# lab: --kernel lts --memory 4G --timeout 3000
# lab-seconds: 80
# shellcheck disable=SC2016 # what is quoted the guest expands
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"
# shellcheck source=tests/lab/exec.sh
. "$(dirname "$0")/../exec.sh"

# What the commands stand in: they see it, and change what they like.
tree='/tmp/a tree'
mkdir -p "$tree/sub" && cd "$tree"
echo one >one && echo two >sub/two && ln -s sub/two link && chmod 640 one
head -c 1M /dev/urandom >bytes

listing()
{
	find "$tree" -printf '%p %y %m %u %g %s %T@ %l\n' | sort
	find "$tree" -type f -exec sha256sum {} + | sort
}
listing >/tmp/before

# Each takes a part of the tree away: the next one has it again.
spoil='[ -e sub/two ] && [ -L link ] || exit 99; rm -rf sub; echo x >>one'

exits() # STATUS
{
	ends "exit-$1" "$1" exited -- sh -c "$spoil"'; exit "$1"' sh "$1" </dev/null
	grep -q "\"status\": $1,\$" "$LAB_OUT/exit-$1.json" || show "exit-$1"
	[ ! -s "$LAB_OUT/exit-$1.err" ] || show "exit-$1" 'something was said'
}

dies() # SIGNAL
{
	ends "signal-$1" $((128 + $1)) signal -- sh -c "$spoil"'; kill "-$1" $$' \
		sh "$1" </dev/null
	grep -q "\"signal\": $1,\$" "$LAB_OUT/signal-$1.json" || show "signal-$1"
}

# each FUNCTION ARGUMENT...: one call for each argument.
each()
{
	local function=$1 arg

	shift
	for arg; do
		"$function" "$arg"
	done
}

# gives NAME TEXT OPTION... -- COMMAND...: succeeds, and writes that, and no more.
gives()
{
	local name=$1 text=$2

	shift 2
	ends "$name" 0 exited "$@"
	[ "$(cat "$LAB_OUT/$name.out")" = "$text" ] || show "$name" "not: $text"
}

# --- Things: each is one command. ---

arguments()
{
	local args=("$(printf '%120000s' x)" '' $'two\nlines' '*' "\$HOME" '"' "'" \\)
	mapfile -t -O 8 args < <(seq 3000)
	ends arguments 0 exited -- sh -c 'printf "%s\0" "$@"' sh "${args[@]}" </dev/null
	printf '%s\0' "${args[@]}" | cmp - "$LAB_OUT/arguments.out"
}

environment()
{
	local out=$LAB_OUT/environment.out D

	D=$(printf '%100000s' x)
	export A=$'one\ntwo\n' B='' C='a=b' D E=$'\001\377' LC_ALL=C
	ends environment 0 exited -- env -0 </dev/null
	grep -azq '^A=one' "$out" && grep -azqx 'B=' "$out" && grep -azqx 'C=a=b' "$out"
	tr '\0\n' '\2\3' <"$out" | grep -aq $'\2A=one\3two\3\2'
	tr '\0' '\n' <"$out" | grep -aqx $'E=\001\377'
	[ "$(tr '\0' '\n' <"$out" | grep -a '^D=' | wc -c)" = 100003 ]
}

binary()
{
	ends binary 0 exited -- cat <bytes
	cmp bytes "$LAB_OUT/binary.out"
}

binary_error()
{
	ends binary-error 0 exited -- sh -c 'cat >&2' <bytes
	cmp bytes "$LAB_OUT/binary-error.err"
}

# Its offset, too, is the command's.
rest_of_a_file()
{
	seq 1000 >/tmp/lines
	{
		read -r _
		gives rest 'first 2 1000' -- sh -c 'read a; echo "first $a $(tail -n 1)"'
	} </tmp/lines
}

no_input()
{
	: >/tmp/empty
	gives empty 0 -- wc -c </tmp/empty
}

unread()
{
	{ yes || :; } | gives unread ready -- echo ready
}

closed()
{
	local words

	exec_words -- sh -c '[ ! -e /proc/$$/fd/0 ] && [ ! -e /proc/$$/fd/1 ] &&
		[ ! -e /proc/$$/fd/2 ]'
	"${words[@]}" <&- >&- 2>&-
}

one_file()
{
	local words

	exec_words -- sh -c 'for i in $(seq 100); do echo $i; echo $i >&2; done'
	"${words[@]}" </dev/null >/tmp/one-file 2>&1
	seq 100 | sed p | cmp - /tmp/one-file
}

no_newline()
{
	ends no-newline 0 exited -- printf 'a\0b' </dev/null
	printf 'a\0b' | cmp - "$LAB_OUT/no-newline.out"
}

directory()
{
	cd "$tree/sub"
	gives directory "$tree/sub two" -- sh -c 'echo "$(pwd -P) $(cat two)"' </dev/null
}

surroundings()
{
	umask 027
	ulimit -S -n 333
	gives surroundings '0027 333 321' --env 'X=321' -- \
		sh -c 'echo $(umask) $(ulimit -n) $X' </dev/null
}

nobody()
{
	gives nobody 65534 --user nobody -- id -u </dev/null
}

stranger()
{
	ends stranger 125 guest-setup --user whoever -- true </dev/null
	complains stranger whoever
}

left_behind()
{
	gives left-behind started -- sh -c 'sleep 1000 & echo started' </dev/null
}

much_before_the_end()
{
	ends much 7 exited -- sh -c 'head -c 4M /dev/zero; exit 7' </dev/null
	[ "$(stat -c %s "$LAB_OUT/much.out")" = 4194304 ]
}

python()
{
	gives python $'20\nc' -- python3 -c 'import os, json
print(json.loads("[20]")[0], flush=True)
r, w = os.pipe()
if not os.fork():
    os.write(w, b"c")
    os._exit(0)
os.wait()
print(os.read(r, 1).decode())' </dev/null
}

processors()
{
	gives processors 2 --cpus 2 -- nproc </dev/null
}

namespaces()
{
	gives namespaces 'tmpfs 1' -- unshare --mount --pid --fork sh -c \
		'mount -t tmpfs x /mnt && echo $(stat -f -c %T /mnt) $$' </dev/null
}

# Its writes are the host's at the end, and so is the order.
writes()
{
	mkdir -p /tmp/kept
	ends writes 0 exited --rw /tmp/kept -- sh -c 'cp -r . /tmp/kept/copy &&
		mv /tmp/kept/copy/one /tmp/kept/copy/moved' </dev/null
	cmp bytes /tmp/kept/copy/bytes
	[ "$(cat /tmp/kept/copy/moved)" = one ] && [ ! -e /tmp/kept/copy/one ]
}

many_files()
{
	gives many 3000 -- sh -c 'mkdir many && cd many && seq 3000 | xargs touch && ls | wc -l' \
		</dev/null
}

wrong_command()
{
	ends wrong 127 not-found -- no-such-command </dev/null
	complains wrong 'no-such-command'
}

wrong_file()
{
	ends wrong-file 126 cannot-run -- ./one </dev/null
	complains wrong-file './one'
}

takes_too_long()
{
	ends too-long 124 timeout --timeout 20 -- sleep 1000 </dev/null
}

dies_in_a_pipe()
{
	gives pipe 141 -- bash -c 'yes | head -n 1 >/dev/null; echo ${PIPESTATUS[0]}' </dev/null
}

# --- Four at once, each with a status that wherry has, too. ---

at_once()
{
	local status pids=() got

	for status in 1 124 125 127; do
		ends "parallel-$status" $status exited -- sh -c \
			"$spoil"'; echo "I am $1"; exit "$1"' sh $status </dev/null &
		pids+=($!)
	done
	got=0
	for status in "${pids[@]}"; do
		wait "$status" || got=1
	done
	for status in 1 124 125 127; do
		[ "$(cat "$LAB_OUT/parallel-$status.out")" = "I am $status" ]
	done
	return $got
}

again()
{
	local words

	exec_words --repeat 10 -- sh -c "$spoil; echo once"
	"${words[@]}" </dev/null >"$LAB_OUT/again.out" 2>"$LAB_OUT/again.err" ||
		{ cat "$LAB_OUT/again.err"; return 1; }
	cat "$LAB_OUT/again.err"
	[ "$(sort "$LAB_OUT/again.out" | uniq -c | tr -s ' ')" = ' 10 once' ]
	grep -q '^wherry: 10 runs, 0 failed' "$LAB_OUT/again.err"
}

unchanged()
{
	listing | diff /tmp/before -
}

# The control: such a listing does see what a command does.
change_is_seen()
{
	(cd "$tree" && sh -c "$spoil")
	! listing | diff /tmp/before -
}

if full; then
	check statuses each exits 0 1 2 3 4 5 6 7 8 9 10 16 31 32 42 63 64 65 77 99 \
		100 119 120 121 122 123 124 125 126 127 128 129 130 137 143 200 250 \
		253 254 255
	check signals each dies 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 24 25 26 27 29 \
		30 31 34 64
	for thing in arguments environment binary binary_error rest_of_a_file no_input \
		unread closed one_file no_newline directory surroundings nobody stranger \
		left_behind much_before_the_end python processors namespaces writes \
		many_files wrong_command wrong_file takes_too_long dies_in_a_pipe; do
		check "thing-$thing" "$thing"
	done
	check again again
else
	check statuses each exits 0 1 124 125 126 127 255
	check signals each dies 15
fi
check at-once at_once
check unchanged unchanged
check change-is-seen change_is_seen
finish
