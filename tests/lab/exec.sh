# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What suites of `wherry exec` share; sourced after guest.sh. The limits of time are
# a slow machine's.

# full: whether all of it is run, not CI's part.
full()
{
	[ -z "${LAB_BRIEF:-}" ]
}

# What does not differ from run to run, but where an option says so.
exec_words()
{
	set -- "$@"
	words=("$WHERRY" exec)
	[[ " $* " == *" --kernel "* ]] || words+=(--kernel "$LAB_KERNEL")
	[[ " $* " == *" --memory "* ]] || words+=(--memory 512M)
	[[ " $* " == *" --cpus "* ]] || words+=(--cpus 1)
	[[ " $* " == *" --timeout "* ]] || words+=(--timeout 240)
	[[ " $* " == *" --watchdog "* ]] || words+=(--watchdog 200)
	words+=("$@")
}

# runs NAME OPTION... -- COMMAND...: standard input is the caller's; what it wrote is
# NAME.out and NAME.err, the guest's console NAME.log. The status is wherry's.
runs()
{
	local name=$1 words

	shift
	exec_words --guest-log "$LAB_OUT/$name.log" \
		--result "$LAB_OUT/$name.json" "$@"
	"${words[@]}" >"$LAB_OUT/$name.out" 2>"$LAB_OUT/$name.err"
}

# ends NAME STATUS REASON OPTION... -- COMMAND...: so it ends.
ends()
{
	local name=$1 want=$2 reason=$3 got=0

	shift 3
	runs "$name" "$@" || got=$?
	if [ "$got" != "$want" ] ||
		! grep -q "\"reason\": \"$reason\"" "$LAB_OUT/$name.json"; then
		show "$name" "status $got, expected $want"
	fi
}

# show NAME [TEXT]: what a run has said; fails.
show()
{
	echo "${2:-}"
	tail -n 20 "$LAB_OUT/$1.out" "$LAB_OUT/$1.err"
	cat "$LAB_OUT/$1.json"
	return 1
}

# complains NAME REGEX: in the last line of what wherry said.
complains()
{
	tail -n 1 "$LAB_OUT/$1.err" | grep -Eq -- "^wherry: .*($2)" || show "$1"
}
