# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: BSD-2-Clause
#
# What the benches of rates share, inside the emulated host: candidates take
# turns; in each guest phases follow each other, and for each what an I/O took is
# the difference of totals, less what it takes to be idle for as long.
#
# The sourcing script has candidates and command_of NAME, which fills the array
# cmd; it may have before NAME, which starts what the command needs and fills others
# with its processes.
# shellcheck source=tests/bench/count.sh
. "$here/count.sh"
results=/tmp/results others=()

before()
{
	:
}

# The guest prints "BEGIN phase", waits, works, prints "END phase I/Os rate",
# waits; its last phase is followed by GUEST-STATUS.
measure() # NAME
{
	local line phase ios rate since='' seen=0 from

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
		BEGIN*) since=$(totals "$pid" "${others[@]}") ;;
		END*)
			read -r _ phase ios rate <<<"$line"
			echo "$1 $phase $ios $rate $since" \
				"$(totals "$pid" "${others[@]}")" >>$results
			seen=$((seen + 1))
			;;
		GUEST-STATUS*) break ;;
		*) echo "$line" >>"$LAB_OUT/$1.out" ;;
		esac
	done
	exec {from}<&-
	wait "$pid" 2>/dev/null || true
	if [ $seen = 0 ]; then
		cat "$LAB_OUT/$1.err" "$LAB_OUT/$1.out" >&2 || :
		echo "bench: no results of: ${cmd[*]}" >&2
		return 1
	fi
}

# Medians of rates, sums of all rounds per I/O.
report()
{
	cp $results "$LAB_OUT/results"
	printf '%-14s %-12s %9s %8s %8s %8s %8s %8s\n' candidate phase rate \
		calls/IO uexit/IO exits/IO vcpu-us us/IO
	sort -s -k2,2 -k1,1 -k4,4n $results | awk '
	function flush(	f) {
		if (!n)
			return
		key[++nr] = who SUBSEP what
		median[nr] = r[int((n + 1) / 2)]
		per[nr] = ios
		for (f = 0; f <= 5; f++) {
			sum[nr, f] = s[f]
			if (what == "idle")
				idle[who, f] = s[f] / s[0]
		}
		delete s
		n = ios = 0
	}
	$1 != who || $2 != what { flush(); who = $1; what = $2 }
	{
		r[++n] = $4; ios += $3
		for (f = 0; f <= 5; f++)
			s[f] += $(11 + f) - $(5 + f)
	}
	END {
		flush()
		for (i = 1; i <= nr; i++) {
			split(key[i], k, SUBSEP)
			if (k[2] == "idle")
				continue
			printf "%-14s %-12s %9d", k[1], k[2], median[i]
			for (f = 1; f <= 5; f++) {
				n = sum[i, f] - idle[k[1], f] * sum[i, 0]
				printf " %8.2f", n / per[i]
			}
			print ""
		}
	}'
	echo 'Per I/O: system calls; exits to user space; exits; microseconds of vCPU'
	echo 'threads outside of the guest; of all other threads.'
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
	report
}
