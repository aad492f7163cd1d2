#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A real job: a part of this project is compiled in the guest of `wherry exec`, in its
# own build tree, and unit tests are run there. All of it, from configure on, was not
# through in 20 minutes on a CPU that is emulated twice.
# lab: --kernel lts --memory 4G --timeout 1500
# lab-full: a compiler takes its time there
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"
# shellcheck source=tests/lab/exec.sh
. "$(dirname "$0")/../exec.sh"

unit_tests()
{
	cd "$WHERRY_BUILD"
	ends job 0 exited --cpus 2 --memory 1G --timeout 1200 -- \
		bash "$guests/exec-job" </dev/null
	cat "$LAB_OUT/job.err"
	[ "$(grep -c '^ok ' "$LAB_OUT/job.out")" -gt 4 ]
	! grep '^not ok' "$LAB_OUT/job.out"
}

# The build tree is the host's: what the job has removed and made is not to be seen.
listing()
{
	find "$WHERRY_BUILD"/{src,tests/unit,libwherry.a} -printf '%p %y %m %s %T@\n' | sort
}

listing >/tmp/before
check unit-tests unit_tests
listing >/tmp/after
check tree-unchanged diff /tmp/before /tmp/after
finish
