# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What the benches count with, inside the emulated host.

# System calls of a process's threads since counting began, by the kernel's
# histogram of the raw_syscalls tracepoint; it costs little enough to be left
# on in the timed runs.
tracing=/sys/kernel/tracing
trigger=$tracing/events/raw_syscalls/sys_enter/trigger

count_syscalls() # on | off
{
	[ -d "$tracing/events" ] || mount -t tracefs tracefs "$tracing"
	case $1 in
	on) echo 'hist:keys=common_pid:size=4096' >"$trigger" ;;
	off) echo '!hist:keys=common_pid:size=4096' >"$trigger" ;;
	esac
}

syscalls() # PID
{
	local tasks

	tasks=$(printf '%s ' /proc/"$1"/task/*)
	awk -v tasks="$tasks" 'BEGIN {
			n = split(tasks, t, " ")
			for (i = 1; i <= n; i++) {
				sub(/.*\//, "", t[i])
				ours[t[i]] = 1
			}
		}
		/common_pid:/ {
			gsub(/[^0-9]+/, " ")
			if ($1 in ours) total += $2
		}
		END { print total + 0 }' \
		"$tracing/events/raw_syscalls/sys_enter/hist"
}
