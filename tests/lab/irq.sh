# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What the suites of interrupts share. Sourced after guest.sh.

# Whatever was bound before stays so.
bind_all() # K...
{
	local k

	for k; do
		"$WHERRY" bind "$(device "$k")"
	done
}

# number NAME KEY: what the guest NAME printed after KEY, a regular expression.
number()
{
	tr -d '\r' <"$LAB_OUT/$1.out" | sed -En "s/^$2 //p" | tail -n 1
}

# at_least NAME KEY N
at_least()
{
	local n

	n=$(number "$1" "$2")
	echo "$2: $n"
	[ "${n:-0}" -ge "$3" ]
}

# KVM's view once no VM is left: the host's lines of VFIO are gone.
no_lines_left()
{
	! grep vfio- /proc/interrupts
}
