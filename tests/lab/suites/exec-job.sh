#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A real job: the whole project is configured and compiled in the guest of `wherry
# exec`, beside its source, and its unit tests are run there. One CPU: on the emulated
# host a guest of two under such a load stood still or crashed in three of five runs.
# lab: --kernel lts --memory 7G --timeout 3000
# lab-full: a compiler takes its time there
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"
# shellcheck source=tests/lab/exec.sh
. "$(dirname "$0")/../exec.sh"

unit_tests()
{
	ends job 0 exited --cpus 1 --memory 5G --timeout 2900 \
		--root /,cache=always -- \
		bash "$guests/exec-job" "$WHERRY_SRC" </dev/null
	cat "$LAB_OUT/job.err"
	grep '^# [A-Z]*:' "$LAB_OUT/job.out"
	[ "$(sed -n 's/^# PASS: *//p' "$LAB_OUT/job.out")" -gt 500 ]
	! grep -E '^# (FAIL|ERROR): *[1-9]' "$LAB_OUT/job.out"
}

# The source tree is the host's: what the job has made there is not to be seen.
listing()
{
	find "$WHERRY_SRC" -path "$WHERRY_BUILD" -prune -o -path '*/corpus/*' -prune -o \
		-printf '%p %y %m %s %T@\n' | sort
}

listing >/tmp/before
check unit-tests unit_tests
listing >/tmp/after
check tree-unchanged diff /tmp/before /tmp/after
finish
