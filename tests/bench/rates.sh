# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: BSD-2-Clause
#
# What the benches of rates share, inside the emulated host: candidates take
# turns; in each guest phases follow each other, and for each what an I/O took is
# the difference of totals, less what it takes to be idle for as long.
#
# The sourcing script has candidates and command_of NAME, which fills the array
# cmd; it may have before NAME, which starts what the command needs, and others, which
# prints the processes that are counted with it.
# shellcheck source=tests/bench/count.sh
. "$here/count.sh"
results=/tmp/results

before()
{
	:
}

others()
{
	:
}

all_totals()
{
	local more

	mapfile -t more < <(others)
	totals "$pid" "${more[@]}"
}

# The guest prints "BEGIN phase", waits, works, prints an empty line, waits, prints
# "END phase I/Os rate", waits; its last phase is followed by GUEST-STATUS. What it
# prints between an empty line and a BEGIN is not counted, for each letter is an exit.
measure() # NAME
{
	local line phase ios rate since='' till='' ended='' from

	command_of "$1"
	before "$1"
	forget_threads
	coproc guest { exec "${cmd[@]}" </dev/null 2>"$LAB_OUT/$1.err"; }
	# shellcheck disable=SC2154 # coproc sets it
	pid=$guest_PID
	# What it said last is there to be read when it has ended.
	exec {from}<&"${guest[0]}"
	while IFS= read -r -t 240 -u "$from" line; do
		line=${line%$'\r'}
		case $line in
		BEGIN*) since=$(all_totals) ;;
		'') [ -z "$since" ] || till=$(all_totals) ;;
		END*)
			read -r _ phase ios rate <<<"$line"
			echo "$1 $phase $ios $rate $since $till" >>$results
			since='' till=''
			;;
		GUEST-STATUS*) ended=1 && break ;;
		*) echo "$line" >>"$LAB_OUT/$1.out" ;;
		esac
	done
	exec {from}<&-
	[ "$ended" ] || kill -KILL "$pid" 2>/dev/null || :
	wait "$pid" 2>/dev/null || :
	if [ ! "$ended" ]; then
		cat "$LAB_OUT/$1.err" "$LAB_OUT/$1.out" >&2 || :
		echo "bench: it has not come to its end: ${cmd[*]}" >&2
		return 1
	fi
}

take_turns() # ROUNDS
{
	local name i

	"$qemu" --version | head -n 1
	for name in "${candidates[@]}"; do
		command_of "$name"
		printf '%s:\n    %s\n' "$name" "${cmd[*]}"
	done
	: >$results
	count_all on
	for ((i = 0; i < $1; i++)); do
		for name in "${candidates[@]}"; do
			measure "$name"
		done
	done
	count_all off
	cp $results "$LAB_OUT/results"
	awk -f "$here/report.awk" $results
}
