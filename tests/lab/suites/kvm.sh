#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The KVM tests of make check once more, on the lab's kernels: they prove the
# same where the machine itself has no /dev/kvm. Their ids stay kvm-X.NAME.
# (Their payloads are of x86_64.)
# lab: --memory 2G
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"

for program in "$WHERRY_BUILD"/tests/kvm/test-*; do
	case $program in
	*.*) continue ;;
	esac
	while IFS= read -r line; do
		case $line in
		"ok "* | "not ok "*)
			tap_done=$((tap_done + 1))
			echo "${line%% [0-9]*} $tap_done - ${line#*- }"
			;;
		1..*) ;;
		*) echo "$line" ;;
		esac
	done < <("$WHERRY_SRC/tests/tap-run" "$program")
done
finish
