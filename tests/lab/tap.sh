# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# TAP for the lab's suites. A suite is tests/lab/suites/NAME.sh: it runs as
# root inside the emulated host, and its output is TAP with ids lab-NAME.ID.
#
#	#!/usr/bin/env bash
#	# SPDX-License-Identifier: BSD-2-Clause
#	# What this suite proves.
#	# lab: --kernel both --device nvme,serial=w0 --memory 4G
#	. "$(dirname "$0")/../tap.sh"
#	plan 3
#	check boots-elf "$WHERRY" run --kernel "$LAB_KERNEL" ...
#	is status "$?" 0
#	skip numa "the emulated host has one node"
#
# In a lab of aarch64 the ids are lab-aarch64-NAME.ID.
#
# Every suite states its plan, first by `plan N` or last by `finish`: one that
# does neither, dies, or tells another number of results than planned, fails.
# An ID is written out literally where it is used, so that acceptance.tsv can
# be checked against the source; for computed ones add a comment line
# `# lab-ids: boots-elf boots-bzimage`.
set -euo pipefail

tap_suite=$(basename "$0" .sh)
[ "${LAB_ARCH:-x86_64}" = x86_64 ] || tap_suite=$LAB_ARCH-$tap_suite
tap_done=0
tap_planned=
tap_failed=0
tap_since=$SECONDS
tap_tmp=$(mktemp)
trap 'tap_at_exit' EXIT

tap_at_exit()
{
	local status=$?

	rm -f "$tap_tmp"
	if [ "$status" != 0 ]; then
		echo "Bail out! $tap_suite: suite died with status $status"
	fi
}

# plan N | plan skip REASON...: the second form ends the suite.
plan()
{
	if [ "$1" = skip ]; then
		shift
		echo "1..0 # SKIP $*"
		exit 0
	fi
	tap_planned=$1
	echo "1..$1"
}

# For suites that cannot know their plan before: the last line of the suite.
finish()
{
	[ -n "$tap_planned" ] || echo "1..$tap_done"
}

# diag TEXT... or, without one, standard input: comment lines.
diag()
{
	if [ $# -gt 0 ]; then
		printf '%s\n' "$*" | sed 's/^/# /'
	else
		sed 's/^/# /'
	fi
}

# With how long it took, for who looks into the TAP what is slow.
tap_result()
{
	tap_done=$((tap_done + 1))
	echo "$1 $tap_done - lab-$tap_suite.$2"
	echo "# $((SECONDS - tap_since)) s"
	tap_since=$SECONDS
}

# ok ID: passed.  not_ok ID [WHY...]: failed.
ok()
{
	tap_result ok "$1"
}

not_ok()
{
	tap_result "not ok" "$1"
	tap_failed=$((tap_failed + 1))
	shift
	[ $# = 0 ] || diag "$*"
}

skip()
{
	local id=$1

	shift
	tap_result ok "$id # SKIP ${*:-no reason given}"
}

# check ID COMMAND...: passes if COMMAND succeeds; its output is shown if not.
# COMMAND runs in a subshell in which set -e holds, even for functions.
check()
{
	check_status "$1" 0 "${@:2}"
}

# check_status ID STATUS COMMAND...: passes if COMMAND exits with STATUS.
check_status()
{
	local id=$1 want=$2 got=0

	shift 2
	set +e
	(
		set -e
		"$@"
	) >"$tap_tmp" 2>&1 </dev/null
	got=$?
	set -e
	if [ "$got" = "$want" ]; then
		ok "$id"
	else
		not_ok "$id" "status $got, expected $want: $*"
		diag <"$tap_tmp"
	fi
}

# is ID GOT WANT: passes if the strings are equal.
is()
{
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "got '$2', expected '$3'"
	fi
}

# like ID TEXT REGEX: passes if the extended regular expression matches.
like()
{
	if grep -Eq -- "$3" <<<"$2"; then
		ok "$1"
	else
		not_ok "$1" "no match for '$3' in:"
		diag <<<"$2"
	fi
}
