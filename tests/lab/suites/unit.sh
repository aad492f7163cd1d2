#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The unit and KVM tests where make check cannot run them: of a cross build. One
# result for each program. In CI without what is slow and asks nothing of the
# architecture: searches at random, and consoles, which wait for clocks.
# lab: --kernel lts --arch aarch64 --memory 3G --timeout 900
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"

export srcdir=$WHERRY_SRC WHERRY_TEST_TIMEOUT=600
cd "$WHERRY_BUILD"

passes() # PROGRAM
{
	"$WHERRY_SRC/tests/tap-run" "$1" >/tmp/tap
	grep -E '^(not ok|Bail out!)|^#' /tmp/tap || true
	grep -q '^1\.\.' /tmp/tap
	! grep -qE '^(not ok|Bail out!)' /tmp/tap
}

left_out() # PROGRAM
{
	brief || return
	case ${1##*/test-} in
	*-fuzz | *-random | console* | virtio-console | config* | machine-end) ;;
	*) return 1 ;;
	esac
}

for program in tests/{unit,kvm}/test-*; do
	if [ -x "$program" ] && [[ $program != *.* ]] &&
		! left_out "$program"; then
		check "${program##*/test-}-of-$(basename "${program%/*}")" \
			passes "$program"
	fi
done
finish
