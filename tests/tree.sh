# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# tree.sh: for the checks of the tree, in whose top directory the caller stands.
# srcdir was relative to where it came from.
unset srcdir

n=0

# result ID TEXT: a failed check if TEXT, one finding per line, is not empty.
result()
{
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		printf '%s\n' "$2" | sed 's/^/# /'
	fi
}
